# SPDX-License-Identifier: GPL-2.0-only
"""gmm's conventions, against a gmmd without machines, and against a socket that answers what a test wants. No rack is needed."""

import contextlib
import csv
import fcntl
import io
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import threading

import pytest
from conftest import BUILD, wait_until

GMM = str(BUILD / "bin" / "gmm")
ADDRESS = "127.77.0.1"
NODES = {"m1": "memory", "m2": "memory", "p1": "process"}
ANSWER_S = 30


class Manager:
    """gmmd in namespaces of its own: on a network where it talks to nobody but itself, its store on a small file system."""

    def __init__(self, directory, store="64m"):
        self.directory = directory
        self.store = directory / "store"
        self.store.mkdir()
        self.socket = directory / "gmmd.socket"
        lines = ["[manager]", f"address = {ADDRESS}", "prefix = 8", "http_port = 80", f"socket = {self.socket}", f"images = {directory}",
                 f"key_file = {directory / 'key'}", f"store = {self.store / 'gmmd.db'}", "port = udp"]
        for number, (name, role) in enumerate(NODES.items()):
            lines += [f"[node {name}]", f"role = {role}", f"mac = 52:54:00:77:00:{number:02x}", f"ip = 127.77.0.{11 + number}"]
        (directory / "gmmd.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
        gmmd = str(BUILD / "bin" / "gmmd")
        subprocess.run([gmmd, "--new-key", str(directory / "key")], check=True)
        start = f"ip link set lo up && mount -t tmpfs -o size={store} none {self.store} && exec {gmmd} --config {directory / 'gmmd.conf'}"
        with open(directory / "gmmd.log", "wb") as log:
            self.process = subprocess.Popen(["unshare", "--net", "--mount", "sh", "-c", start], stdout=log, stderr=log)
        wait_until(self.socket.exists, f"gmmd to start: {(directory / 'gmmd.log').read_text()}")

    def gmm(self, *words, **options):
        return gmm(*words, socket_path=self.socket, **options)

    def inside(self, *command, check=True):
        return subprocess.run(["nsenter", "--net", "--mount", "--target", str(self.process.pid), *command], check=check,
                              capture_output=True, text=True, timeout=ANSWER_S).stdout

    def fetch(self, path):
        """As a machine that boots would."""
        program = f"import urllib.request; print(urllib.request.urlopen('http://{ADDRESS}{path}').read().decode())"
        return self.inside("/usr/bin/python3", "-c", program)

    def end(self):
        self.process.terminate()
        self.process.wait(ANSWER_S)


def gmm(*words, socket_path="/nowhere", **options):
    options = {"capture_output": True, "text": True, "stdin": subprocess.DEVNULL, "timeout": ANSWER_S} | options
    return subprocess.run([GMM, "--socket", str(socket_path), *words], **options)


@contextlib.contextmanager
def managing(**options):
    # Also for others than root to look into: one test comes as somebody else.
    with tempfile.TemporaryDirectory(prefix="plenum-gmm-") as name:
        os.chmod(name, 0o755)
        started = Manager(pathlib.Path(name), **options)
        try:
            yield started
        finally:
            started.end()


@pytest.fixture(scope="module")
def manager():
    with managing(store="200m") as started:
        yield started


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, *command, columns=80, env=None):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        environment = {"TERM": "xterm", "PATH": os.environ["PATH"]} | (env or {})
        self.slave = slave
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.text = ""

    def read(self):
        self.text += os.read(self.master, 65536).decode(errors="replace")

    def expect(self, words):
        def there():
            os.set_blocking(self.master, False)
            with contextlib.suppress(BlockingIOError, OSError):
                self.read()
            return words in self.text
        wait_until(there, f"{words!r} on the terminal, where stands: {self.text!r}")

    def raw(self):
        return not termios.tcgetattr(self.slave)[3] & termios.ICANON

    def end(self):
        status = self.process.wait(ANSWER_S)
        os.set_blocking(self.master, False)
        with contextlib.suppress(BlockingIOError, OSError):
            while True:
                self.read()
        os.close(self.slave)
        os.close(self.master)
        return status


@contextlib.contextmanager
def answering(directory, *answers):
    """A control socket; the first request of each client gets these lines, and nothing more. Yields the path and the requests."""
    path, requests, connections = pathlib.Path(directory) / "answering.socket", [], []
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve():
        with contextlib.suppress(OSError):
            while True:
                connection = listener.accept()[0]
                connections.append(connection)
                requests.append(json.loads(connection.makefile().readline()))
                for answer in answers:
                    connection.sendall(json.dumps(answer).encode() + b"\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield path, requests
    finally:
        for end in (*connections, listener):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        thread.join(ANSWER_S)


# ---------------------------------------------------------------- exit statuses

@pytest.mark.parametrize("status, words", [
    (0, ["status"]),
    (2, ["frobnicate"]), (2, ["node", "show"]), (2, ["node", "list", "-o", "yaml"]), (2, ["node", "show", "m[1"]), (2, ["vm", "list", "--dry-run"]),
    (2, ["vm", "list", "--watch=0"]), (2, ["vm", "destroy", "web"]), (2, ["key", "forget", "1"]),
    (3, ["node", "show", "m9"]), (3, ["vm", "show", "web"]), (3, ["explain", "NO_SUCH_CODE"]), (3, ["vm", "destroy", "web", "--yes"]),
    (3, ["node", "show", "m[8-9]"]), (3, ["manual", "gmm-nothing"]),
    (5, ["node", "counters", "m1"]), (5, ["key", "forget", "1", "--yes"]), (5, ["health", "mute", "VM_LOST"]),
    (5, ["vm", "create", "web", "--memory", "64M", "--cache", "1M", "--kernel", "/etc/hostname", "--dry-run"]),
    (6, ["events", "--follow", "--timeout", "0.2"]),
    (8, ["node", "show", "m[1-2,9]"]),
])
def test_exit_status(manager, status, words):
    done = manager.gmm(*words)
    assert done.returncode == status, done
    assert bool(done.stderr) == (status != 0), done


@pytest.mark.parametrize("status, words, said", [
    (0, ["node", "cordon", "m1"], "m1 would become cordoned, is admitted"),
    (0, ["node", "cordon", "m[1-2]"], "m2 would become cordoned, is admitted"),
    (0, ["node", "retire", "m1"], "m1 would become retired, is admitted"),
    (0, ["node", "uncordon", "m1"], "nothing would change: m1 is admitted"), (5, ["node", "maintenance", "m1"], "cannot become maintenance"),
    (5, ["node", "forget", "m1"], "cannot be forgotten"), (5, ["node", "drain", "m1"], "m1 is absent"),
    (5, ["node", "drain", "m1", "--cancel"], "is not being drained"), (3, ["node", "drain", "m9"], "m9"),
    (3, ["region", "move", "web", "0", "--to", "m1"], "no VM named web"), (3, ["balance", "apply", "--cancel"], "is not being balanced"),
    (3, ["vm", "set", "web", "--restart", "always"], "no VM named web"),
])
def test_dry_runs_change_nothing(manager, status, words, said):
    before = [node["admin"] for node in json.loads(manager.gmm("node", "list", "-o", "json").stdout)]
    done = manager.gmm(*words, "--dry-run")
    assert done.returncode == status and said in done.stdout + done.stderr, done
    assert [node["admin"] for node in json.loads(manager.gmm("node", "list", "-o", "json").stdout)] == before


def test_exit_status_of_failures(manager):
    with open("/dev/full", "w", encoding="utf-8") as full:
        assert manager.gmm("status", capture_output=False, stdout=full, stderr=subprocess.PIPE).returncode == 1
    absent, no_socket, other = gmm("status"), gmm("status", socket_path="/etc/hostname"), manager.gmm("status", user="nobody")
    assert absent.returncode == no_socket.returncode == 7 and "is it running?" in absent.stderr and "is it running?" in no_socket.stderr
    assert other.returncode == 4 and "as root" in other.stderr


def test_every_exit_status_is_documented():
    text = gmm("help").stdout
    for status in (0, 1, 2, 3, 4, 5, 6, 7, 8):
        assert re.search(rf"^  {status}  ", text, re.MULTILINE)


# ---------------------------------------------------------------- formats

def test_formats_say_the_same(manager):
    nodes = json.loads(manager.gmm("node", "list", "-o", "json").stdout)
    lines = [json.loads(line) for line in manager.gmm("node", "list", "-o", "jsonl").stdout.splitlines()]
    rows = list(csv.DictReader(io.StringIO(manager.gmm("-o", "csv", "node", "list").stdout)))
    assert [node["name"] for node in nodes] == list(NODES) == [node["name"] for node in lines] == [row["name"] for row in rows]
    assert list(rows[0]) == list(nodes[0])
    for node, row in zip(nodes, rows):
        assert row["mac"] == node["mac"] and row["joined_s_ago"] == "" and node["joined_s_ago"] is None


def test_lists_have_a_header_without_rows(manager):
    assert manager.gmm("vm", "list", "-o", "csv").stdout.splitlines() == [
        "name,id,state,reason,status,node,memory_bytes,cache_bytes,cache_wanted_bytes,vcpus,regions,created_s_ago,changed_s_ago"]


def test_csv_of_text(manager):
    rows = dict(csv.reader(io.StringIO(manager.gmm("manager", "counters", "-o", "csv").stdout)))
    assert rows["name"] == "value" and rows["secure_refused_tag"] == "0"


def test_node_lists(manager):
    done = manager.gmm("node", "show", "m[1-2,9]", "-o", "json")
    results = json.loads(done.stdout)
    assert [result["node"] for result in results] == ["m1", "m2", "m9"]
    assert results[0]["result"]["ip"] == "127.77.0.11" and results[2]["error"]["status"] < 0
    assert "m9" in done.stderr
    rows = list(csv.DictReader(io.StringIO(manager.gmm("node", "show", "p1,m1", "-o", "csv").stdout)))
    assert [(row["node"], row["boot.scripts_since_join"]) for row in rows] == [("p1", "0"), ("m1", "0")]
    # One name is no list: its result stays as it was.
    assert json.loads(manager.gmm("node", "show", "m1", "-o", "json").stdout)["name"] == "m1"


def test_watch_appends_to_a_pipe(manager):
    done = manager.gmm("vm", "list", "--watch=0.1", "--timeout", "1", "-o", "json")
    assert done.returncode == 6 and done.stdout.count("[]\n") >= 3 and "\033" not in done.stdout


def on_terminal(manager, *words, columns=80, env=None):
    terminal = Terminal(GMM, "--socket", str(manager.socket), *words, columns=columns, env=env)
    status = terminal.end()
    return status, terminal.text


def test_tables_fit_the_terminal(manager):
    wide = on_terminal(manager, "node", "list", "--no-color", columns=200)[1].splitlines()
    longest = max(map(len, wide))
    lines = on_terminal(manager, "node", "list", "--no-color", columns=longest - 2)[1].splitlines()
    assert len(lines) == len(wide) == 4 and max(map(len, lines)) == longest - 2
    assert "127.77.0.11 " in wide[1] and "127.77... " in lines[1] and "memory" in lines[1]
    health = on_terminal(manager, "explain", "VM_STALLED", "--no-color", columns=50)[1].splitlines()
    assert max(map(len, health)) <= 50


@pytest.mark.parametrize("words, env, coloured", [([], {}, True), (["--no-color"], {}, False), ([], {"NO_COLOR": "1"}, False),
                                                  ([], {"TERM": "dumb"}, False)])
def test_colours(manager, words, env, coloured):
    assert ("\033[33madmitted" in on_terminal(manager, "node", "list", *words, columns=200, env=env)[1]) == coloured
    assert "\033" not in manager.gmm("node", "list", *words).stdout


def test_watch_redraws_on_a_terminal(manager):
    status, text = on_terminal(manager, "vm", "list", "--watch=0.1", "--timeout", "1")
    assert status == 6 and text.count("\033[H\033[Jevery 0.1 s") >= 3


# ---------------------------------------------------------------- health

def test_nodes_that_never_joined(manager):
    nodes = json.loads(manager.gmm("node", "list", "-o", "json").stdout)
    assert {node["renewed_s_ago"] for node in nodes} == {None}
    lines = [line.split() for line in manager.gmm("node", "list").stdout.splitlines()]
    assert lines[0][-2:] == ["BOOT", "SEEN"] and all(line[-2:] == ["-", "-"] for line in lines[1:]) and len(lines) == 1 + len(NODES)


def test_health(manager):
    for _ in range(5):
        assert "Plenum" in manager.fetch("/boot.ipxe?mac=52:54:00:77:00:00")
    done = manager.gmm("health", "--exit-code")
    assert done.returncode == 1 and "HEALTH_WARN: BOOT_LOOP" in done.stdout
    assert manager.gmm("health").returncode == 0
    detail = manager.gmm("health", "detail").stdout
    assert "m1: 5 boot scripts fetched" in detail and "gmm node show NODE" in detail
    assert "health   HEALTH_WARN: BOOT_LOOP" in manager.gmm("status").stdout
    assert manager.gmm("health", "mute", "BOOT_LOOP", "--for", "1h").returncode == 0
    done = manager.gmm("health", "--exit-code")
    assert done.returncode == 0 and done.stdout.startswith("HEALTH_OK (muted: BOOT_LOOP)")
    check = json.loads(manager.gmm("health", "-o", "json").stdout)["checks"][0]
    assert check["code"] == "BOOT_LOOP" and check["muted"] and check["muted_until"] > check["since"] and check["count"] == 1
    assert manager.gmm("health", "unmute", "BOOT_LOOP").returncode == 0
    assert manager.gmm("health", "--exit-code").returncode == 1
    events = [json.loads(line) for line in manager.gmm("events", "-o", "jsonl").stdout.splitlines()]
    told = [event["text"] for event in events if event["kind"] == "health" and event["object"] == "BOOT_LOOP"]
    assert [text.split(",")[0].split(":")[0] for text in told] == ["raised", "muted", "not muted any more"]


@pytest.mark.parametrize("words, said", [(["explain", "BOOT_LOP"], "did you mean BOOT_LOOP?"), (["health", "mute", "mnode_dwn"], "did you mean MNODE_DOWN?"),
                                         (["health", "unmute", "x" * 99], "docs/health has a page for each")])
def test_health_codes_that_are_not_there(manager, words, said):
    done = manager.gmm(*words)
    assert done.returncode == 3 and said in done.stderr, done.stderr


def test_health_codes_in_small_letters(manager):
    assert json.loads(manager.gmm("explain", "boot_loop", "-o", "json").stdout)["code"] == "BOOT_LOOP"


@pytest.mark.parametrize("status, words, said", [
    (2, ["vm", "wait", "web", "--state", "runing"], "no VM is ever runing; did you mean running?"),
    (2, ["vm", "wait", "web", "--state", "x"], "states are creating, created"), (3, ["vm", "wait", "web", "--state", "lost"], "no VM named web"),
    (2, ["vm", "create", "web", "--memory", "4096", "--cache", "1M", "--kernel", "/etc/hostname"], "memory of 4096 bytes is too small"),
    (5, ["vm", "create", "web", "--memory", "64M", "--cache", "1M", "--kernel", "/etc/hostname", "--on", "m1"], "m1 is not a process component"),
    (5, ["node", "forget", "p1"], "p1 cannot be forgotten: it is not retired but admitted; gmm node retire p1"),
])
def test_refusals_say_what_to_do(manager, status, words, said):
    done = manager.gmm(*words)
    assert done.returncode == status and said in done.stderr, done


def test_health_of_the_store():
    with managing(store="4m") as manager:
        assert "STORE_DISK_LOW" in manager.gmm("health").stdout
        assert manager.gmm("vm", "stop", "web").returncode == 3
        manager.inside("dd", "if=/dev/zero", f"of={manager.store / 'full'}", "bs=4k", check=False)
        done = manager.gmm("vm", "stop", "web")
        assert done.returncode != 3 and "nothing was done" in done.stderr
        done = manager.gmm("health", "--exit-code")
        assert done.returncode == 2 and f"STORE_FAILED: the manager's store {manager.store}" in done.stdout
        manager.inside("rm", str(manager.store / "full"))
        assert manager.gmm("vm", "stop", "web").returncode == 3
        assert "STORE_FAILED" not in manager.gmm("health").stdout


def test_bad_health_is_two(tmp_path):
    health = {"status": "HEALTH_ERR", "checks": [], "muted": []}
    with answering(tmp_path, {"result": health}) as (path, _):
        assert gmm("health", "--exit-code", socket_path=path).returncode == 2


def test_what_a_reload_does_not_take_is_an_event():
    with managing() as own:
        file = own.directory / "gmmd.conf"
        text = file.read_text(encoding="utf-8")

        def reload(fresh, expected):
            file.write_text(fresh, encoding="utf-8")
            own.process.send_signal(signal.SIGHUP)
            wait_until(lambda: expected in own.gmm("events").stdout, expected)

        reload(text.replace("port = udp", "port = upd"), "not reloaded: ")
        reload(text.replace("port = udp", "port = udp\nplacement = pack"), "[manager] has changed: takes effect when gmmd starts again")
        reload(text.replace("[node m2]", "[node m3]").replace("52:54:00:77:00:01", "52:54:00:77:00:33").replace("127.77.0.12", "127.77.0.33"),
               "[node m2] is gone: takes effect")
        assert "m3" in own.gmm("node", "list").stdout
        seen = own.gmm("events").stdout.count("has changed")
        reload(text + "[node p9]\nrole = process\nmac = 52:54:00:77:00:09\nip = 127.77.0.99\n", "[node m3] is gone")
        assert own.gmm("events").stdout.count("has changed") == seen and "p9" in own.gmm("node", "list").stdout


# ---------------------------------------------------------------- changing things

def test_it_asks_before_it_destroys(tmp_path):
    with answering(tmp_path, {"result": {"operation": 1}}) as (path, requests):
        for answer, status in (("n", 1), ("", 1), ("y", 0)):
            terminal = Terminal(GMM, "--socket", str(path), "vm", "destroy", "web")
            terminal.expect("Go on? [y/N]")
            os.write(terminal.master, answer.encode() + b"\n")
            assert terminal.end() == status, terminal.text
        assert [request["command"] for request in requests] == ["vm.destroy"]
        assert gmm("vm", "destroy", "web", "--yes", socket_path=path).returncode == 0
        assert gmm("vm", "destroy", "web", "--dry-run", socket_path=path).returncode == 0
        assert requests[-1]["arguments"] == {"name": "web", "dry_run": True}
        assert gmm("vm", "destroy", "web", socket_path=path).returncode == 2 and len(requests) == 3


def test_a_vm_from_a_file(tmp_path):
    file = tmp_path / "web.vm"
    file.write_text("# a guest\n[vm]\nmemory = 64M\ncache = 1M\nkernel = /boot/x\ncommand-line = console=ttyS0 a=b\n", encoding="utf-8")
    with answering(tmp_path, {"result": {"operation": 1}}) as (path, requests):
        assert gmm("vm", "create", "web", "--from", str(file), "--cache", "2M", socket_path=path).returncode == 0
        assert requests[0]["arguments"] == {"name": "web", "memory_bytes": 64 << 20, "cache_bytes": 2 << 20, "kernel": "/boot/x",
                                            "command_line": "console=ttyS0 a=b"}
        for text, words in (("[vm]\nmemry = 1M\n", "web.vm:2: unknown key 'memry'; did you mean 'memory'"),
                            ("[vm]\nmemory = lots\n", "web.vm:2: memory = lots: must be SIZE"),
                            ("[vm]\nmemory = 1M\nmemory = 2M\n", "web.vm:3: 'memory' is given twice"),
                            ("[vm]\nfrom = other\n", "unknown key 'from'"), ("[web]\nmemory = 1M\n", "unknown section [web]"),
                            ("memory\n", "web.vm:1: neither"), (f"[vm]\ncommand-line = {'x' * 200}\n", "web.vm:2: the line is longer"),
                            ("[vm]\nmemory = 1M\n", "vm create needs --cache SIZE, --kernel FILE; see gmm help vm create")):
            file.write_text(text, encoding="utf-8")
            done = gmm("vm", "create", "web", "--from", str(file), socket_path=path)
            assert done.returncode == 2 and words in done.stderr, done.stderr
        done = gmm("vm", "create", "web", "--from", str(tmp_path / "none"), socket_path=path)
        assert done.returncode == 2 and "No such file" in done.stderr
        assert len(requests) == 1


def test_interrupted_operations_go_on(tmp_path):
    with answering(tmp_path) as (path, requests):
        process = subprocess.Popen([GMM, "--socket", str(path), "vm", "start", "web"], stderr=subprocess.PIPE, text=True)
        wait_until(lambda: requests, "the request")
        process.send_signal(signal.SIGINT)
        assert "goes on" in process.communicate(timeout=ANSWER_S)[1] and process.returncode == -signal.SIGINT
        done = gmm("--timeout", "0.2", "vm", "start", "web", socket_path=path)
        assert done.returncode == 6 and "goes on" in done.stderr


def test_a_drain_says_how_far_it_is(tmp_path):
    progress = {"item": {"name": "m1", "regions": 1, "moves": [{"vm": "web", "index": 3, "to": "m2", "pages": 100, "pages_passed": 50}]}}
    with answering(tmp_path, progress, {"result": {"regions_moved": 1}}) as (path, requests):
        done = gmm("node", "drain", "m1", socket_path=path)
        assert done.returncode == 0 and done.stderr == "m1: 1 region left; web/3 to m2 50 %\n" and done.stdout.split() == ["regions_moved", "1"]
        assert requests[0]["arguments"] == {"name": "m1"}


def test_an_interrupted_drain_goes_on(tmp_path):
    with answering(tmp_path, {"item": {"name": "m1", "regions": 1, "moves": []}}) as (path, _):
        process = subprocess.Popen([GMM, "--socket", str(path), "node", "drain", "m1"], stderr=subprocess.PIPE, text=True)
        assert process.stderr.readline() == "m1: 1 region left\n"
        process.send_signal(signal.SIGINT)
        assert "goes on" in process.communicate(timeout=ANSWER_S)[1] and process.returncode == -signal.SIGINT


def test_many_nodes_are_drained_one_after_the_other(manager):
    done = manager.gmm("node", "drain", "m[1-2]", "-o", "json")
    assert done.returncode == 5 and [answer["node"] for answer in json.loads(done.stdout)] == ["m1", "m2"]


def test_what_people_read_has_units(tmp_path):
    moved = {"regions_moved": 3, "pages_moved": 4096, "bytes": 16 << 20, "elapsed_ns": 9506959124}
    with answering(tmp_path, {"result": moved}) as (path, _):
        words = [line.split() for line in gmm("node", "drain", "m1", socket_path=path).stdout.splitlines()]
        assert words == [["regions_moved", "3"], ["pages_moved", "4096"], ["bytes", "16", "MiB"], ["elapsed_ns", "9.51", "s"]]
        assert json.loads(gmm("node", "drain", "m1", "-o", "json", socket_path=path).stdout) == moved


def test_operations_say_why_they_failed(tmp_path):
    common = {"kind": "vm.start", "object": "web", "started_at": "now", "ended_at": None}
    operations = [common | {"id": 1, "status": "failed", "error": {"code": "conflict", "status": -5, "message": "no such kernel"}, "progress": None},
                  common | {"id": 2, "status": "running", "error": None, "progress": {"step": "regions", "done": 3, "total": 8}},
                  common | {"id": 3, "status": "running", "error": None, "progress": {"step": "guest", "done": 0, "total": 0}}]
    with answering(tmp_path, {"result": operations}) as (path, _):
        lines = gmm("operation", "list", socket_path=path).stdout.splitlines()
        assert [line.split("  ")[-1] for line in lines] == ["NOTE", "no such kernel", "regions: 3 of 8", "guest"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_console_that_is_ended_leaves_the_terminal_as_it_was(tmp_path, number):
    with answering(tmp_path, {"item": {"state": "running", "reason": ""}}) as (path, _):
        terminal = Terminal(GMM, "--socket", str(path), "vm", "console", "web")
        terminal.expect("--history shows what was written before")
        terminal.expect("[running]")
        assert terminal.raw()
        terminal.process.send_signal(number)
        assert terminal.process.wait(ANSWER_S) == -number
        assert not terminal.raw()
        terminal.end()


# ---------------------------------------------------------------- help, completion, manual

def commands():
    table = gmm("completion", "bash").stdout.split("_gmm_commands='")[1].split("'")[0]
    return [line.split(":")[0] for line in table.splitlines() if line]


def test_each_command_has_help_with_examples():
    assert len(commands()) > 30
    for words in commands():
        asked, given = gmm("help", *words.split()), gmm(*words.split(), "--help")
        assert asked.returncode == given.returncode == 0 and asked.stdout == given.stdout, words
        assert f"usage: gmm {words}" in asked.stdout and "examples:\n  gmm" in asked.stdout or "source <(gmm" in asked.stdout, words


def test_help_of_a_group():
    asked, given, alone = gmm("help", "vm"), gmm("vm", "--help"), gmm("vm")
    assert asked.returncode == given.returncode == 0 and asked.stdout == given.stdout and "  vm create NAME" in asked.stdout
    assert alone.returncode == 2 and "which of its commands?" in alone.stderr and asked.stdout in alone.stderr


@pytest.mark.parametrize("words, said", [(["vm", "list", "x"], "x is one word too many: gmm vm list; see gmm help vm list"),
                                         (["region", "move", "web"], "index is missing: gmm region move VM INDEX; see gmm help region move"),
                                         (["vm", "create", "web"], "vm create needs --memory SIZE, --cache SIZE, --kernel FILE; see"),
                                         (["vm", "stop", "web", "--grace", "2w"], "write for example 30, 90s, 5m, 4h or 2d")])
def test_misused_commands_say_how_they_are_used(words, said):
    done = gmm(*words)
    assert done.returncode == 2 and said in done.stderr, done.stderr


@pytest.mark.parametrize("words, meant", [(["vm", "lsit"], "gmm vm list"), (["nod", "show", "m1"], "gmm node show"), (["heatlh"], "gmm health"),
                                          (["vm", "list", "--watsh"], "--watch")])
def test_did_you_mean(words, meant):
    done = gmm(*words)
    assert done.returncode == 2 and f"did you mean '{meant}'" in done.stderr or f"did you mean {meant}" in done.stderr


def test_completion(manager):
    script = """
        source <(gmm completion bash)
        complete_words() { COMP_WORDS=(gmm "$@"); COMP_CWORD=$#; COMPREPLY=(); _gmm; echo "${COMPREPLY[*]}"; }
        complete_words vm st
        complete_words health m
        complete_words explain STORE_
        complete_words vm create web --me
        complete_words node show m
        complete_words -o js
        complete_words vm list --ti
    """
    environment = {"PATH": f"{BUILD / 'bin'}:{os.environ['PATH']}", "PLENUM_SOCKET": str(manager.socket)}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, timeout=ANSWER_S, check=True)
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["start stop stats", "mute", "STORE_READONLY STORE_DISK_LOW STORE_FAILED", "--memory", "m1 m2",
                                        "json jsonl", "--timeout"]


def test_man_pages():
    groff = shutil.which("groff")
    assert groff, "groff is missing; run 'make setup'"
    pages = gmm("manual").stdout.split()
    assert "gmm" in pages and "gmm-vm" in pages and "gmm-health" in pages
    texts = {page: gmm("manual", page).stdout for page in pages}
    texts["gmmd"] = (pathlib.Path(__file__).resolve().parents[2] / "docs" / "man" / "gmmd.8").read_text(encoding="utf-8")
    for page, text in texts.items():
        done = subprocess.run([groff, "-ww", "-man", "-Tascii", "-P-c"], input=text, capture_output=True, text=True, timeout=ANSWER_S, check=True)
        assert done.stderr == "", page
        assert "NAME" in re.sub(r".\x08", "", done.stdout)
    for words in commands():
        assert f"gmm-{words.split()[0]}" in pages, words
