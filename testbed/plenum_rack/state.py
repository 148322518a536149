# SPDX-License-Identifier: GPL-2.0-only
"""What runs: process ids and files of a rack that is up, kept on disk so that any later command can find them."""

import json
import os
import pathlib
import shutil
import signal
import time

RUN_DIRECTORY = pathlib.Path("/run/plenum")
STOP_TIMEOUT_S = 5.0


class State:
    def __init__(self, rack_name, build):
        self.run = RUN_DIRECTORY / rack_name
        self.file = self.run / "state.json"
        self.own_logs = pathlib.Path(build) / "rack" / rack_name
        self.forget()
        if self.file.exists():
            data = json.loads(self.file.read_text(encoding="utf-8"))
            self.processes = data["processes"]
            self.nodes = data["nodes"]
            self.logs = pathlib.Path(data["logs"])

    def forget(self):
        self.logs = self.own_logs
        self.processes = {}
        self.nodes = {}

    @property
    def exists(self):
        return self.file.exists()

    @property
    def socket(self):
        return self.run / "gmmd.socket"

    @property
    def api_socket(self):
        return self.run / "api.socket"

    @property
    def key_file(self):
        return self.run / "rack.key"

    @property
    def oem_string(self):
        """What the nodes' firmware says of the key, for QEMU."""
        return self.run / "rack.oem"

    @property
    def signing_keys(self):
        """Keys for Secure Boot, made once a build directory."""
        return self.own_logs.parent / "signing-keys"

    @property
    def signed_images(self):
        return self.run / "images"

    @property
    def netboot(self):
        """What gmmd writes for dnsmasq."""
        return self.run / "netboot"

    def save(self):
        self.run.mkdir(parents=True, exist_ok=True)
        self.make_logs()
        data = {"processes": self.processes, "nodes": self.nodes, "logs": str(self.logs)}
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps(data, indent=1), encoding="utf-8")
        new.replace(self.file)

    def make_logs(self):
        """The rack runs as root, but whoever owns the build directory must be able to remove it."""
        build = self.logs.parent.parent
        build.mkdir(parents=True, exist_ok=True)
        owner = build.stat()
        for directory in (self.logs.parent, self.logs):
            directory.mkdir(exist_ok=True)
            os.chown(directory, owner.st_uid, owner.st_gid)

    def add_process(self, name, pid):
        self.processes[name] = {"pid": pid, "start": start_time(pid)}
        self.save()

    def alive(self, name):
        entry = self.processes.get(name)
        started = start_time(entry["pid"]) if entry else None
        # one that had ended before its start could be noted has none either
        return started is not None and started == entry["start"]

    def stop(self, name):
        """End one process: ask, then insist. Never signals a process that only inherited the number."""
        entry = self.processes.get(name)
        if entry is None:
            return
        deadline = time.monotonic() + STOP_TIMEOUT_S
        sent = None
        while self.alive(name):
            wanted = signal.SIGTERM if time.monotonic() < deadline else signal.SIGKILL
            if wanted != sent:
                os.kill(entry["pid"], wanted)
                sent = wanted
            time.sleep(0.02)
        del self.processes[name]
        self.save()

    def kill(self, name):
        """Pull the plug."""
        entry = self.processes[name]
        if self.alive(name):
            os.kill(entry["pid"], signal.SIGKILL)
        while self.alive(name):
            time.sleep(0.01)

    def remove(self):
        shutil.rmtree(self.run)
        # A rack that comes up again has none of it: nodes that seemed to be there would get no network.
        self.forget()


def start_time(pid):
    """Start time of a live process in ticks since boot: with the pid it names a process for ever. None: gone."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[19])
