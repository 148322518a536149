# SPDX-License-Identifier: GPL-2.0-only
"""A gmmd that is alone on loopback: no node joins, so nothing of a rack is needed. For what concerns the manager only."""

import contextlib
import http.client
import ipaddress
import json
import socket
import subprocess
import time

START_TIMEOUT_S = 20
POLL_S = 0.02


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path, timeout_s=20):
        super().__init__("plenum", timeout=timeout_s)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    """What came back, read to its end."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.text = response.read().decode()
        self.json = json.loads(self.text) if self.text and response.headers["Content-Type"] == "application/json" else None
        self.code = self.json["error"]["code"] if isinstance(self.json, dict) and isinstance(self.json.get("error"), dict) else None


def ask(connection, method, path, body=None, headers=None):
    headers = dict(headers or {})
    if isinstance(body, (dict, list)):
        body = json.dumps(body)
    if body is not None:
        headers.setdefault("Content-Type", "application/json")
    connection.request(method, path, body=body, headers=headers)
    return Answer(connection.getresponse())


class Stream:
    """Server-sent events. Lines come as they are written; a receive buffer can be made small."""

    def open(self, family, address, path, headers, receive_bytes=None):
        self.socket = socket.socket(family)
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(20)
        self.socket.connect(address)
        self.socket.sendall(f"GET {path} HTTP/1.0\r\nHost: x\r\nAccept: text/event-stream\r\n{headers}\r\n".encode())
        self.file = self.socket.makefile("r")

    def head(self):
        status = int(self.file.readline().split()[1])
        headers = {}
        while line := self.file.readline().strip():
            name, value = line.split(": ", 1)
            headers[name] = value
        return status, headers

    def next(self):
        """Fields of the next event; comments are passed over. None: the stream has ended."""
        fields = {}
        while line := self.file.readline():
            line = line.rstrip("\n")
            if line == "" and fields:
                return fields
            if line and line[0] != ":":
                name, value = line.split(": ", 1)
                fields[name] = value
        return None

    def close(self):
        self.file.close()
        self.socket.close()


class Manager:
    def __init__(self, build, directory, nodes, settings=(), network=None):
        """`nodes`: roles by name; `settings`: more lines for [manager]; `network`: of more nodes than one octet counts, the first two."""
        self.gmmd = build / "bin" / "gmmd"
        self.port = free_port()
        # Its UDP port is the protocol's, which others of this machine may have: each has an address of its own.
        large = network is not None
        network = f"{network}.0" if large else f"127.{self.port >> 8}.{self.port & 255}"
        self.socket = directory / "gmmd.socket"
        self.api_socket = directory / "api.socket"
        self.tokens = directory / "tokens"
        self.log = directory / "gmmd.log"
        subprocess.run([self.gmmd, "--new-key", directory / "rack.key"], check=True)
        self.operator = self.new_token("operator", "op")
        self.reader = self.new_token("read-only", "reader")
        self.address, self.http_port = f"{network}.1", free_port()
        lines = ["[manager]", f"address = {self.address}", f"http_port = {self.http_port}", "port = udp", f"socket = {self.socket}",
                 f"images = {directory}", f"store = {directory}/gmmd.db", f"key_file = {directory}/rack.key", f"api_port = {self.port}",
                 f"api_socket = {self.api_socket}", f"token_file = {self.tokens}", *settings]
        if large:
            lines.append("prefix = 16")
        for number, (name, role) in enumerate(nodes.items(), 11):
            address = ipaddress.IPv4Address(f"{network}.0") + number
            lines += [f"[node {name}]", f"role = {role}", f"mac = 52:54:00:77:{number >> 8:02x}:{number & 255:02x}", f"ip = {address}"]
        self.config = directory / "gmmd.conf"
        self.config.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.start()

    def start(self):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([self.gmmd, "--config", self.config], stderr=log)
        deadline = time.monotonic() + START_TIMEOUT_S
        while "gmmd is up" not in self.log.read_text():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"gmmd did not start: {self.log.read_text()}")
            time.sleep(POLL_S)

    def new_token(self, role, name, *expires):
        return subprocess.run([self.gmmd, "--new-token", self.tokens, role, name, *expires], check=True, capture_output=True, text=True).stdout.strip()

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def make_events(self, rounds):
        """Three events a round: a new key of the rack, used because no node has to hear of it, and the old one forgotten."""
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as control:
            control.connect(str(self.socket))
            stream = control.makefile("rw")

            def command(name, **arguments):
                stream.write(json.dumps({"command": name, "arguments": arguments}) + "\n")
                stream.flush()
                return json.loads(stream.readline())["result"]

            for _ in range(rounds):
                command("key.rotate")
                while (keys := command("key.list")["keys"])[1]["state"] != "still accepted":
                    time.sleep(POLL_S)
                command("key.forget", id=str(keys[1]["id"]))

    def stop(self):
        self.process.terminate()
        return self.process.wait(START_TIMEOUT_S)
