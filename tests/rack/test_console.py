# SPDX-License-Identifier: GPL-2.0-only
"""gmm console on a terminal of 80 by 24, as an operator uses it: of a recorded rack, and of gmmd itself. No QEMU."""

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess

import pytest

from conftest import BUILD, TOP, wait_until
from plenum_rack.terminal import Terminal

GMM = BUILD / "bin" / "gmm"
PLAIN = {"TERM": "vt100", "LC_ALL": "C", "NO_COLOR": None}
COLOURED = {"TERM": "screen-256color", "LC_ALL": "C.utf8", "NO_COLOR": None}
COLOUR = re.compile("\033\\[[0-9;]*(3[0-7]|4[0-7]|38;5|9[0-7])[0-9;]*m")


class Manager:
    """A fake gmmd that can go and come back."""

    def __init__(self, directory, *options):
        self.socket = directory / "gmmd.socket"
        self.options = options
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen([TOP / "testbed" / "fake-gmmd", *self.options, self.socket])
        wait_until(self.socket.exists, "the fake gmmd's socket")

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def vms(self):
        done = subprocess.run([GMM, "--socket", self.socket, "-o", "json", "vm", "list"], check=True, capture_output=True)
        return {vm["name"]: vm["state"] for vm in json.loads(done.stdout)}


@pytest.fixture
def manager(tmp_path):
    fake = Manager(tmp_path)
    yield fake
    fake.stop()


@contextlib.contextmanager
def console(directory, socket, *options, environment=None, width=80, height=24):
    command = [GMM, "--socket", socket, "console", "--interval", "0.2", *options]
    terminal = Terminal(directory, command, width, height, environment or PLAIN)
    try:
        yield terminal
    finally:
        terminal.close()


def test_every_view_without_colours(tmp_path, manager):
    with console(tmp_path, manager.socket) as terminal:
        terminal.wait_for("8 of 9 nodes up", "ERROR MNODE_DOWN, VM_STALLED", "+- p1 ---", "+- m6 ---", "$ gmm status")
        for key, parts in {
            "2": ("NAME", "IN USE", "m4              memory  draining", "$ gmm node list"),
            "3": ("imbalance 19%", "promised besides 256 MiB", "RESERVED", "m6         up"),
            "4": ("HIT", "batch      paused", "placed   on 3 components, no limit; devices serial", "$ gmm vm list"),
            "5": ("does not list its operations", "none yet"),
            "6": ("paused: m5 does not answer", "join refused", "$ gmm events --follow"),
            "7": ("no console is open",),
            "?": ("Keys everywhere",),
        }.items():
            terminal.press(key)
            assert terminal.wait_for(*parts).isascii()
            assert not COLOUR.search(terminal.coloured())


def test_rates_come_with_the_second_look(tmp_path, manager):
    with console(tmp_path, manager.socket) as terminal:
        terminal.press("4")
        rates = re.compile(r"^db +running +p2 +118.0 MiB +2 GiB +\d+% +[1-9]\d* ", re.M)
        terminal.wait(rates.search, "rates of db")


def test_colours_and_lines(tmp_path, manager):
    with console(tmp_path, manager.socket, environment=COLOURED) as terminal:
        terminal.wait_for("┌─ p1 ─", "▆", "▃", "▁")
        assert COLOUR.search(terminal.coloured())
    with console(tmp_path, manager.socket, environment=dict(COLOURED, NO_COLOR="1")) as terminal:
        terminal.wait_for("┌─ p1 ─")
        assert not COLOUR.search(terminal.coloured())


def test_operators_round(tmp_path, manager):
    """Filter, describe, stop, destroy: each asks as it should, and each shows."""
    with console(tmp_path, manager.socket) as terminal:
        terminal.press("4")
        terminal.wait_for("web        running")
        terminal.type("/mai")
        terminal.wait(lambda text: "mail " in text and "web   " not in text, "only mail")
        terminal.press("Enter", "d")
        terminal.wait_for("gmm vm show mail: done", "memory_bytes         512 MiB")
        terminal.press("Escape", "x")
        terminal.wait_for("would stop mail on p2", "gmm vm stop mail: really? (y or n)")
        terminal.press("n")
        terminal.wait_for("nothing was done")
        assert manager.vms()["mail"] == "running"
        terminal.press("x")
        terminal.wait_for("really?")
        terminal.press("y")
        terminal.wait_for("gmm vm stop mail: done")
        terminal.press("Escape")
        terminal.wait_for("mail       stopped")
        terminal.press("D")
        terminal.wait_for("would destroy mail on p2", "type mail to do it")
        terminal.type("mali")
        terminal.press("Enter")
        terminal.wait_for("not the name")
        assert "mail" in manager.vms()
        terminal.press("D")
        terminal.wait_for("type mail to do it")
        terminal.type("mail")
        terminal.press("Enter")
        terminal.wait_for("gmm vm destroy mail: done")
        assert "mail" not in manager.vms()
        terminal.press("6")
        terminal.wait_for("mail         destroyed")


def test_what_cannot_be_done_is_not_asked(tmp_path, manager):
    """A VM without a power button and without a serial line; a drain says what it would move, and is refused of a node that is down."""
    with console(tmp_path, manager.socket) as terminal:
        terminal.press("4")
        terminal.type("/batch")
        terminal.press("Enter")
        terminal.wait_for("devices rtc, kvmclock")
        terminal.press("x")
        text = terminal.wait_for("batch has no power button; use vm kill")
        assert "really?" not in text and "HIT" in text
        terminal.press("c")
        text = terminal.wait_for("batch has no console: it was created without the device 'serial'")
        assert "HIT" in text
        terminal.press("K")
        terminal.wait_for("would kill batch on p3", "really?")
        terminal.press("n")
        terminal.type(":node drain m1")
        terminal.press("Enter")
        terminal.wait_for("would move 10 regions (640 MiB) of 3 VMs away from m1;", "gmm node drain m1: really? (y or n)")
        terminal.press("n")
        terminal.type(":node drain m5")
        terminal.press("Enter")
        terminal.wait_for("m5 is down")
        terminal.type(":vm start batch --dry-run")
        terminal.press("Enter")
        terminal.wait_for("gmm vm start batch --dry-run: done", "would start batch on p3")
        assert manager.vms()["batch"] == "paused"


def test_commands(tmp_path, manager):
    with console(tmp_path, manager.socket) as terminal:
        terminal.wait_for("nodes up")
        terminal.press("h")
        terminal.wait_for("gmm health detail: done", "batch: m5 does not answer")
        terminal.type(":node list")
        terminal.press("Enter")
        terminal.wait_for("gmm node list: done", "10.77.0.12")
        terminal.type(":vm show nobody")
        terminal.press("Enter")
        terminal.wait_for("gmm vm show nobody: exit status 3", "gmm: there is no VM named nobody")
        terminal.type(":no such")
        terminal.press("Enter", "y")
        terminal.wait_for("gmm no such: exit status 2")
        terminal.type(":events --follow")     # a command without an end
        terminal.press("Enter")
        terminal.wait_for("gmm events --follow: running for", "joined: process component")
        terminal.press("Escape", "5")
        terminal.wait_for("exit 143", "gmm events --follow", "exit 2", "gmm no such", "exit 3", "done")


def test_readonly(tmp_path, manager):
    with console(tmp_path, manager.socket, "--readonly") as terminal:
        terminal.press("4")
        terminal.wait_for("read only", "web        running")
        terminal.press("s")
        terminal.wait_for("this console only reads")
        terminal.press("c")
        terminal.wait_for("root@web:~#")
        terminal.type("echo no")
        terminal.wait_for("this console only reads")
        terminal.press("C-]")
        terminal.wait_for("web        running")


def test_guests_console(tmp_path, manager):
    with console(tmp_path, manager.socket) as terminal:
        terminal.press("4")
        terminal.wait_for("web        running")
        terminal.press("Enter")
        terminal.wait_for("gmm vm stats web: done")
        terminal.press("PageDown")            # which this terminal's description does not have
        terminal.wait_for("gmm vm stats web: done", "p99.9")
        terminal.press("c")
        terminal.wait_for("web  running", "Debian GNU/Linux 12 web ttyS0", "root@web:~#")
        terminal.type("echo 1q:?")            # keys that mean something elsewhere
        terminal.press("Enter")
        terminal.wait_for("\n1q:?\n")
        terminal.press("C-]")
        terminal.wait_for("HIT", "web        running")


def test_gmmd_goes_and_comes_back(tmp_path, manager):
    with console(tmp_path, manager.socket) as terminal:
        terminal.press("4")
        terminal.wait_for("8 of 9 nodes up", "web        running")
        manager.stop()
        text = terminal.wait_for("NO gmmd: this is", "s old")
        assert "web        running" in text
        manager.start()
        terminal.wait_for("8 of 9 nodes up")


def test_gmmd_that_is_not_there_yet(tmp_path):
    with console(tmp_path, tmp_path / "gmmd.socket") as terminal:
        terminal.wait_for("NO gmmd: No such file or directory")
        fake = Manager(tmp_path, "--operations")
        try:
            terminal.wait_for("8 of 9 nodes up")
            terminal.press("5")
            terminal.wait_for("vm.create     search       running", "%", "#", "failed         m5 does not answer")
        finally:
            fake.stop()


def test_sizes(tmp_path, manager):
    with console(tmp_path, manager.socket) as terminal:
        terminal.wait_for("8 of 9 nodes up")
        for width, height in ((132, 43), (60, 16), (30, 8), (80, 24)):
            terminal.resize(width, height)
            if width == 30:
                terminal.wait_for("too small")
            else:
                text = terminal.wait(lambda text, rows=height: "nodes up" in text and "$ gmm status" in text.splitlines()[rows - 2],
                                     f"the footer at {width}x{height}")
                assert len(text.splitlines()) == height


def test_hostile_names(tmp_path):
    """What the wire says never acts on the terminal."""
    record = json.loads((TOP / "testbed" / "fake_rack" / "rack.json").read_text(encoding="utf-8"))
    record["vms"][0]["row"]["name"] = "\x1b[2J\x1b]0;evil\x07\x9b31m\u202e"
    record["nodes"][0]["now"]["name"] = "\r\n\x1b[H" + "x" * 300
    record["events"][-1]["text"] = "\x1bc\u200b" * 50
    path = tmp_path / "record.json"
    path.write_text(json.dumps(record), encoding="utf-8")
    fake = Manager(tmp_path, "--record", path)
    try:
        with console(tmp_path, fake.socket) as terminal:
            for key, part in (("1", "??"), ("2", "???[H"), ("4", "?[2J?]0;"), ("6", "?c?")):
                terminal.press(key)
                terminal.wait_for("8 of 9 nodes up", part)
    finally:
        fake.stop()


def test_leaving_restores_the_terminal(tmp_path, manager):
    for leave in ("q", "C-c", signal.SIGTERM):
        with console(tmp_path, manager.socket) as terminal:
            terminal.wait_for("8 of 9 nodes up")
            if isinstance(leave, str):
                terminal.press(leave)
            else:
                shell = terminal.pid()
                os.kill(int(pathlib.Path(f"/proc/{shell}/task/{shell}/children").read_text(encoding="ascii")), leave)
            wait_until(lambda: terminal.exit_status() is not None, "the console's end")
            assert terminal.exit_status() == 0
            terminal.type("still here")       # cat echoes it twice: the tty echoes again, by lines
            terminal.press("Enter")
            terminal.wait_for("still here\nstill here")


def test_without_a_terminal(manager):
    done = subprocess.run([GMM, "--socket", manager.socket, "console"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 1 and "needs a terminal" in done.stderr and not done.stdout
    done = subprocess.run([GMM, "console", "--interval", "0"], capture_output=True, text=True)
    assert done.returncode == 2 and "0.2 to 3600 seconds" in done.stderr


CONFIG = """[manager]
address = 127.0.0.1
prefix = 8
http_port = 8080
socket = {directory}/gmmd.socket
images = {directory}
key_file = {directory}/key
store = {directory}/gmmd.db

[node p1]
role = process
mac = 52:54:00:77:00:01
ip = 127.0.0.11

[node m1]
role = memory
mac = 52:54:00:77:00:02
ip = 127.0.0.12
"""


def test_gmmd_itself(tmp_path):
    """The same of a real manager, in a network namespace of its own: its nodes have not joined."""
    (tmp_path / "gmmd.conf").write_text(CONFIG.format(directory=tmp_path), encoding="ascii")
    for image in ("pcomponent.elf", "mcomponent.elf"):
        (tmp_path / image).write_bytes(b"")
    gmmd = BUILD / "bin" / "gmmd"
    subprocess.run([gmmd, "--new-key", tmp_path / "key"], check=True)
    process = subprocess.Popen(["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$0" --config "$1"', gmmd,
                                tmp_path / "gmmd.conf"])
    try:
        with console(tmp_path, tmp_path / "gmmd.socket") as terminal:
            terminal.wait_for("0 of 2 nodes up", "absent", "has not joined")
            terminal.press("2")
            terminal.wait_for("p1              process absent", "never")
            terminal.press("4")
            terminal.wait_for("no VMs")
            terminal.press("2", "d")
            terminal.wait_for("gmm node show p1: done", "127.0.0.11")
            process.terminate()
            terminal.wait_for("NO gmmd")
    finally:
        process.terminate()
        process.wait()
