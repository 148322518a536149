# SPDX-License-Identifier: GPL-2.0-only
"""Run the checking guest in a rack and read what it says."""

import dataclasses
import re
import subprocess
import threading
import time

from .config import RackError

RESULT = re.compile(r"^result=(\S+)(.*)$", re.MULTILINE)
PHASE = re.compile(r"^phase=(\S+) (.*)$")


@dataclasses.dataclass
class Outcome:
    result: str          # "ok", or what went wrong
    fields: dict         # the result line's key=value words
    phases: list         # [(name, {key: value})]
    seconds: float
    console: str


def words(text):
    return dict(word.split("=", 1) for word in text.split() if "=" in word)


def create_check(virtual, name, memory, cache, work, extra="", on=None, vcpus=1, options=()):
    """A VM that fills and checks `work` of memory, then powers itself off."""
    command_line = f"console=ttyS0 quiet loglevel=3 panic=-1 plenum.run=check plenum.work={work} {extra}".strip()
    place = ["--on", on] if on else []
    virtual.gmm("vm", "create", name, "--memory", memory, "--cache", cache, "--vcpus", str(vcpus), *place, *options,
                "--kernel", str(virtual.build / "guest" / "vmlinuz"),
                "--initrd", str(virtual.build / "guest" / "initramfs.cpio.gz"), "--command-line", command_line)


def follow(virtual, name, timeout_s, progress=lambda phase, fields: None):
    """Start the VM and follow its console until it has powered off."""
    started = time.monotonic()
    virtual.gmm("vm", "start", name)
    process = subprocess.Popen([str(virtual.build / "bin" / "gmm"), "--socket", str(virtual.state.socket), "vm", "console", name,
                                "--no-input", "--history", "--until-state", "powered-off"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    watchdog = _Watchdog(process, timeout_s)
    lines, phases = [], []
    with watchdog:
        for raw in process.stdout:
            line = raw.decode(errors="replace").rstrip("\r\n")
            lines.append(line)
            match = PHASE.match(line)
            if match:
                phases.append((match[1], words(match[2])))
                progress(match[1], phases[-1][1])
    errors = process.stderr.read().decode(errors="replace").strip()
    process.wait()
    console = "\n".join(lines)
    found = RESULT.search(console)
    if watchdog.fired:
        raise RackError(f"VM '{name}' did not finish within {timeout_s} s; it is "
                        f"{virtual.gmm('vm', 'show', name).strip()}; last words: {lines[-1] if lines else 'none'}")
    if found is None:
        raise RackError(f"VM '{name}' ended without a result: {errors or virtual.gmm('vm', 'show', name).strip()}; "
                        f"last words: {lines[-1] if lines else 'none'}")
    return Outcome(found[1], words(found[2]), phases, time.monotonic() - started, console)


class _Watchdog:
    """Ends a process that takes too long."""

    def __init__(self, process, timeout_s):
        self.process, self.fired = process, False
        self.timer = threading.Timer(timeout_s, self._fire)

    def _fire(self):
        self.fired = True
        self.process.kill()

    def __enter__(self):
        self.timer.start()

    def __exit__(self, *_):
        self.timer.cancel()
