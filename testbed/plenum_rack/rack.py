# SPDX-License-Identifier: GPL-2.0-only
"""Bring a rack up, take it down, look at it."""

import json
import os
import pathlib
import secrets
import signal
import subprocess
import time

from . import network, qemu
from .config import RackError
from .state import State

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
JOIN_TIMEOUT_S = 120.0
UEFI_TIMEOUT_S = 240.0       # emulated firmware takes its time, more so beside another one
MANAGER_TIMEOUT_S = 10.0
POLL_S = 0.1


class VirtualRack:
    def __init__(self, rack, build):
        self.rack = rack
        self.build = pathlib.Path(build).resolve()
        self.state = State(rack.name, self.build)
        self.store = self.state.run / "gmmd.db"

    @property
    def images(self):
        signed = self.state.signed_images
        return signed if signed.exists() else self.build / "bare"

    # ------------------------------------------------------------ parts

    def spawn(self, name, command, log):
        """Start a process in the rack's namespace; its output goes to a log file."""
        with open(log, "ab") as output:
            process = subprocess.Popen(network.inside(self.rack, *command), stdin=subprocess.DEVNULL, stdout=output,
                                       stderr=subprocess.STDOUT, start_new_session=True)
        self.state.add_process(name, process.pid)
        return process

    def write_key(self):
        """The rack's key: for the manager, and in the firmware of each node (the boot network does not carry it)."""
        key = f"1:{secrets.token_hex(32)}"
        for path, text in ((self.state.key_file, key + "\n"), (self.state.oem_string, f"plenum.key={key}")):
            path.touch(mode=0o600)
            path.write_text(text, encoding="utf-8")

    def sign_images(self):
        """What gmmd serves is signed, if any node asks for that; nodes that do not take it just the same."""
        if all(node.boot != "uefi-secure" for node in self.rack.nodes.values()):
            return
        sign, keys, out = TOP / "boot" / "sign", self.state.signing_keys, self.state.signed_images
        if not keys.exists():
            keys.parent.mkdir(parents=True, exist_ok=True)
            self.run_tool(sign, "new-keys", keys)
        self.run_tool(sign, "images", keys, "--from", self.build / "bare", "--to", out, "--manager", self.rack.manager_address)

    def run_tool(self, *command):
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
        if done.returncode != 0:
            raise RackError(done.stderr.strip() or f"{command[0]}: exit {done.returncode}")

    def write_manager_configuration(self):
        lines = ["[manager]", f"address = {self.rack.manager_address}", "prefix = 24", "http_port = 80",
                 f"socket = {self.state.socket}", f"images = {self.images}", f"key_file = {self.state.key_file}",
                 f"store = {self.store}", "vcpu_overcommit = yes", f"api_socket = {self.state.api_socket}",
                 f"packet_macs = {self.rack.packet_macs}", "",
                 "[netboot]", "interface = br0", f"directory = {self.state.netboot}", f"mode = {self.rack.dhcp}"]
        lines += [f"range = {self.rack.subnet}.100-{self.rack.subnet}.200", ""] if self.rack.dhcp == "authoritative" else [""]
        for node in self.rack.nodes.values():
            lines += [f"[node {node.name}]", f"role = {node.role}", f"mac = {node.mac}", f"ip = {node.address(self.rack)}"]
            lines += ([f"args = {node.args}"] if node.args else []) + [""]
        path = self.state.run / "gmmd.conf"
        path.write_text("\n".join(lines), encoding="utf-8")
        return path

    def start_manager(self):
        configuration = self.write_manager_configuration()
        log = self.state.logs / "gmmd.log"
        process = self.spawn("gmmd", [str(self.build / "bin" / "gmmd"), "--config", str(configuration)], log)
        deadline = time.monotonic() + MANAGER_TIMEOUT_S
        while not self.state.socket.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RackError(f"gmmd did not start: {last_line(log)} (log: {log})")
            time.sleep(POLL_S)

    def start_dnsmasq(self):
        if self.rack.dhcp == "proxy":
            network.create_site(self.rack)
            self.spawn("site", network.site_command(self.rack, self.state.run), self.state.logs / "site.log")
        log = self.state.logs / "dnsmasq.log"
        process = self.spawn("dnsmasq", network.dnsmasq_command(self.state.netboot), log)
        time.sleep(POLL_S)
        if process.poll() is not None:
            raise RackError(f"dnsmasq did not start: {last_line(log)} (log: {log})")

    def start_server(self, node):
        """mcomponentd in the rack's namespace, at a further address of the bridge."""
        if node.name not in self.state.nodes:
            network.add_address(self.rack, node)
        self.state.nodes[node.name] = {"role": node.role, "address": node.address(self.rack), "mac": node.mac}
        self.spawn(node.name, [str(self.build / "bin" / "mcomponentd"), "--name", node.name, "--ip", node.address(self.rack),
                               "--gmm", self.rack.manager_address, "--mac", node.mac, "--memory", f"{node.memory_bytes >> 20}M",
                               "--key-file", str(self.state.key_file)], self.state.logs / f"{node.name}.log")

    def start_node(self, node):
        if node.boot == "server":
            self.start_server(node)
            return
        tap = f"tap-{node.name}"
        if node.name not in self.state.nodes:
            network.add_tap(self.rack, node)
        self.state.nodes[node.name] = {"role": node.role, "address": node.address(self.rack), "mac": node.mac}
        self.spawn(node.name, qemu.arguments(self.rack, node, self.state, tap, self.images),
                   self.state.logs / f"{node.name}.qemu.log")

    # ------------------------------------------------------------ commands

    def up(self, progress=print):
        self.start()
        uefi = any(node.uefi for node in self.rack.nodes.values())
        try:
            self.wait_joined(list(self.rack.nodes), progress, UEFI_TIMEOUT_S if uefi else JOIN_TIMEOUT_S)
        except BaseException:
            self.down()
            raise

    def start(self):
        """Everything but waiting for the nodes."""
        network.check_host()
        if self.state.exists or network.exists(self.rack):
            raise RackError(f"rack '{self.rack.name}' is up already; take it down with 'testbed/rack down' first")
        images = sorted({self.images / node.image for node in self.rack.nodes.values()})
        for path in (*images, self.build / "bin" / "gmmd", self.build / "bin" / "gmm"):
            if not path.exists():
                raise RackError(f"{path} is missing; run 'make' first")
        self.clear_logs()
        self.state.save()
        try:
            network.create(self.rack)
            self.write_key()
            self.sign_images()
            self.start_manager()
            self.start_dnsmasq()
            for node in self.rack.nodes.values():
                self.start_node(node)
        except BaseException:
            self.down()
            raise

    def clear_logs(self):
        self.state.make_logs()
        for pattern in ("*.log", "*.pcap"):
            for path in self.state.logs.glob(pattern):
                path.unlink()

    def down(self):
        for name in list(self.state.processes):
            self.state.stop(name)
        network.destroy(self.rack)
        if self.state.exists:
            self.state.remove()

    def kill(self, name):
        self.require(name)
        self.state.kill(name)

    def restart_manager(self):
        """Pull the manager's plug, and start another one."""
        self.state.kill("gmmd")
        self.state.socket.unlink(missing_ok=True)
        self.start_manager()

    def add(self, node, progress=print):
        """A node that the rack file now has, or that died: start it in the running rack."""
        started = self.begin(node)
        self.wait_joined([node.name], progress, started=started)

    def begin(self, node):
        """The same without waiting for it; returns when it was started."""
        if self.state.alive(node.name):
            raise RackError(f"node '{node.name}' runs already")
        self.state.processes.pop(node.name, None)
        self.write_manager_configuration()
        os.kill(self.state.processes["gmmd"]["pid"], signal.SIGHUP)  # the manager reads its nodes again, and writes them for dnsmasq
        if self.rack.dhcp == "authoritative":
            self.wait_reserved(node)
        os.kill(self.state.processes["dnsmasq"]["pid"], signal.SIGHUP)
        started = time.monotonic()
        self.start_node(node)
        return started

    def wait_reserved(self, node):
        deadline = time.monotonic() + MANAGER_TIMEOUT_S
        while node.mac not in (self.state.netboot / "dnsmasq.hosts").read_text(encoding="utf-8"):
            if time.monotonic() > deadline:
                raise RackError(f"gmmd wrote no reservation for {node.name} (log: {self.state.logs / 'gmmd.log'})")
            time.sleep(POLL_S)

    def require(self, name):
        if name not in self.state.processes:
            known = ", ".join(sorted(self.state.processes)) or "none; the rack is down"
            raise RackError(f"no node '{name}' in this rack (known: {known})")

    # ------------------------------------------------------------ looking

    def gmm(self, *words, timeout_s=60, check=True):
        """Run the manager's command line against this rack; returns what it printed. Scripts are not asked before they destroy."""
        done = subprocess.run([str(self.build / "bin" / "gmm"), "--yes", "--socket", str(self.state.socket), *words],
                              capture_output=True, text=True, timeout=timeout_s)
        if check and done.returncode != 0:
            raise RackError(f"gmm {' '.join(words)}: {done.stderr.strip()} (exit {done.returncode})")
        return done.stdout if check else done

    def gmm_json(self, *words, timeout_s=60):
        return json.loads(self.gmm("-o", "json", *words, timeout_s=timeout_s))

    def nodes(self):
        return {node["name"]: node for node in self.gmm_json("node", "list")}

    def wait_joined(self, names, progress, timeout_s=JOIN_TIMEOUT_S, started=None):
        """With `started`, joins before that time do not count: until its lease is over a node that was killed is still up."""
        since, seen = started, {}
        started = started or time.monotonic()
        while True:
            nodes = self.nodes()
            for name in names:
                stage = nodes.get(name, {}).get("state", "unknown")
                if since and stage == "up" and nodes[name]["joined_s_ago"] > time.monotonic() - since:
                    stage = "starting"
                if seen.get(name) != stage:
                    seen[name] = stage
                    progress(f"{time.monotonic() - started:6.1f} s  {name}: {stage}")
                if not self.state.alive(name):
                    raise RackError(f"node '{name}' stopped: {last_line(self.state.logs / (name + '.qemu.log'))} "
                                    f"(serial log: {self.state.logs / (name + '.log')})")
            if all(stage == "up" for stage in seen.values()):
                return
            if time.monotonic() - started > timeout_s:
                late = [name for name in names if seen[name] != "up"]
                raise RackError(f"not joined within {timeout_s:.0f} s: {', '.join(late)}; last words: "
                                f"{last_line(self.state.logs / (late[0] + '.log'))}")
            time.sleep(POLL_S)


def last_line(path):
    try:
        lines = pathlib.Path(path).read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return "no log"
    return lines[-1] if lines else "nothing was printed"
