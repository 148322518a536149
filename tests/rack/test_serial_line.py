# SPDX-License-Identifier: GPL-2.0-only
"""A VM's serial line over HTTP: what is kept of it, as a stream, and typing."""

import base64
import contextlib
import json
import socket

import pytest
from conftest import BUILD, node

from plenum_rack import alone


class SerialLine(alone.Stream):
    """A viewer of a VM's serial line, by the Unix socket of a rack's manager."""

    def __init__(self, api_socket, name, headers="", query=""):
        self.open(socket.AF_UNIX, str(api_socket), f"/v1/vms/{name}/console{query}", headers)
        self.next_offset = None
        self.text = b""
        self.states = []

    def step(self):
        """Take one event in and give its name; pieces follow each other without a gap."""
        event = self.next()
        name = event.get("event", "output") if event else None
        if name == "state":
            self.states.append(json.loads(event["data"])["state"])
        elif name == "output":
            piece = json.loads(event["data"])
            data = base64.b64decode(piece["data"])
            assert self.next_offset in (None, piece["offset"]) and len(data) > 0
            self.next_offset = piece["offset"] + len(data)
            assert int(event["id"]) == self.next_offset
            self.text += data
        return name

    def until(self, condition):
        while not condition():
            assert self.step(), f"the stream ended after: {self.text[-500:]}"


@pytest.fixture(scope="module")
def virtual(make_rack):
    return make_rack("serial", "[rack]\ncapture = none\n" + node("p1", "process", boot="direct") + node("m1", "memory", "384M", boot="server"))


@pytest.fixture(scope="module")
def on_rack(virtual):
    def ask(*arguments):
        with contextlib.closing(alone.UnixConnection(virtual.state.api_socket, timeout_s=200)) as connection:
            return alone.ask(connection, *arguments)

    return ask


def await_operation(on_rack, accepted):
    assert accepted.status == 202, accepted.text
    return on_rack("GET", accepted.headers["Location"] + "?wait=150").json


@pytest.fixture
def shell(on_rack):
    """A VM with a shell on its serial line."""
    spec = {"name": "shell", "memory_bytes": 128 << 20, "cache_bytes": 32 << 20, "kernel": str(BUILD / "guest" / "vmlinuz"),
            "initrd": str(BUILD / "guest" / "initramfs.cpio.gz"), "command_line": "console=ttyS0 quiet panic=-1 plenum.run=shell"}
    assert await_operation(on_rack, on_rack("POST", "/v1/vms", spec))["status"] == "succeeded"
    yield "shell"
    if on_rack("GET", "/v1/vms/shell").status == 200:
        assert await_operation(on_rack, on_rack("DELETE", "/v1/vms/shell"))["status"] == "succeeded"


def type_at(on_rack, name, text):
    return on_rack("POST", f"/v1/vms/{name}/console", {"data": base64.b64encode(text).decode()})


def test_serial_line(on_rack, virtual, shell):
    refused = type_at(on_rack, shell, b"x")
    assert (refused.status, refused.code) == (409, "busy") and "created" in refused.json["error"]["message"]
    with contextlib.closing(SerialLine(virtual.state.api_socket, shell)) as line:
        assert line.head()[0] == 200
        line.until(lambda: line.states == ["created"])
        assert await_operation(on_rack, on_rack("POST", "/v1/vms/shell/start"))["status"] == "succeeded"
        line.until(lambda: b"# " in line.text)
        assert line.states[-1] == "running"
        assert type_at(on_rack, shell, b"echo typed-$((40 + 2)); seq 2000\n").status == 200
        line.until(lambda: b"\r\n2000\r\n" in line.text)
        assert b"typed-42" in line.text

        # Who comes now gets what is kept, and who resumes what it has not had.
        kept = on_rack("GET", "/v1/vms/shell/console").json
        data = base64.b64decode(kept["data"])
        assert (kept["name"], kept["state"], kept["next"] - kept["offset"]) == ("shell", "running", len(data))
        assert line.text.endswith(data) and line.next_offset == kept["next"]
        middle = kept["next"] - 1000
        rest = on_rack("GET", f"/v1/vms/shell/console?offset={middle}").json
        assert (rest["offset"], base64.b64decode(rest["data"])) == (middle, data[-1000:])
        assert on_rack("GET", f"/v1/vms/shell/console?offset={kept['next'] + 1}").status == 400
        for late in (SerialLine(virtual.state.api_socket, shell, f"Last-Event-ID: {middle}\r\n"),
                     SerialLine(virtual.state.api_socket, shell, query=f"?offset={middle}")):
            with contextlib.closing(late):
                assert late.head()[0] == 200
                late.until(lambda: late.states == ["running"])
                assert late.text == data[-1000:]
        with contextlib.closing(SerialLine(virtual.state.api_socket, shell, f"Last-Event-ID: {kept['next'] + 1}\r\n")) as wrong:
            assert wrong.head()[0] == 200 and wrong.step() == "lost"
            wrong.until(lambda: wrong.states == ["running"])
            assert wrong.text == data

        assert type_at(on_rack, shell, b"poweroff -f\n").status == 200
        line.until(lambda: line.states[-1] == "powered-off")
        assert await_operation(on_rack, on_rack("DELETE", "/v1/vms/shell"))["status"] == "succeeded"
        assert line.step() == "state" and line.states[-1] == "destroying"
        assert line.step() == "end" and line.next() is None


@pytest.mark.parametrize("body, words", [
    ({}, "data"), ({"data": 1}, "string"), ({"data": "?"}, "base64"), ({"data": "A" * 8192}, "4096"), ({"data": "", "more": 1}, "more"),
])
def test_bad_typing(on_rack, shell, body, words):
    answer = on_rack("POST", "/v1/vms/shell/console", body)
    assert answer.status == 400 and words in answer.json["error"]["message"], answer.text


@pytest.mark.soak  # an emulated guest writes two kilobytes a second
def test_slow_viewer_is_cut(on_rack, virtual, shell):
    """It takes nothing; another one that does gets everything, however much it is."""
    assert await_operation(on_rack, on_rack("POST", "/v1/vms/shell/start"))["status"] == "succeeded"
    with contextlib.closing(SerialLine(virtual.state.api_socket, shell)) as slow, \
            contextlib.closing(SerialLine(virtual.state.api_socket, shell)) as quick:
        assert quick.head()[0] == 200
        quick.until(lambda: b"# " in quick.text)
        quick.socket.settimeout(60)
        assert type_at(on_rack, shell, b"seq 100000 125000; echo done-$((40 + 2))\n").status == 200
        quick.until(lambda: b"done-42" in quick.text)
        assert b"\r\n".join(b"%d" % number for number in range(100000, 125001)) in quick.text
        assert slow.head()[0] == 200
        while slow.step():
            pass
        assert quick.text.startswith(slow.text) and len(slow.text) < len(quick.text)
    assert await_operation(on_rack, on_rack("POST", "/v1/vms/shell/kill"))["status"] == "succeeded"
