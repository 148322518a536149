# SPDX-License-Identifier: GPL-2.0-only
"""The HTTP API: of a gmmd that is alone on loopback where no node is needed, and operations on a small rack."""

import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import threading
import time

import pytest
from conftest import BUILD, small_rack_text, wait_until

from plenum_rack import alone

GMMD = BUILD / "bin" / "gmmd"
GMM = BUILD / "bin" / "gmm"
TLS = pathlib.Path(__file__).resolve().parent / "tls"  # made for these tests, and known to everybody
BODY_BYTES_MAX = 65536
BEHIND_MAX = 256
SLOW_EVENTS = 600
EVENTS_MAX = 1024


class Manager(alone.Manager):
    """One node of each role, neither of which ever comes."""

    def __init__(self, directory, settings=()):
        super().__init__(BUILD, directory, {"m1": "memory", "p1": "process"}, settings)

    def ask(self, method, path, body=None, token="operator", headers=None, connection=None):
        secret = {"operator": self.operator, "reader": self.reader}.get(token, token)
        headers = {**(headers or {}), **({"Authorization": f"Bearer {secret}"} if secret else {})}
        with contextlib.closing(self.connect()) if connection is None else contextlib.nullcontext(connection) as used:
            return alone.ask(used, method, path, body, headers)

    def gmm(self, *words):
        return subprocess.run([GMM, "--socket", self.socket, *words], capture_output=True, text=True, timeout=30)

    def last_event(self):
        events = self.ask("GET", "/v1/events").json
        return events[-1]["sequence"] if events else 0


class Stream(alone.Stream):
    """A listener to events."""

    def __init__(self, manager, path="/v1/events", receive_bytes=None, headers="", token=None):
        self.open(socket.AF_INET, ("127.0.0.1", manager.port), path, f"Authorization: Bearer {token or manager.reader}\r\n{headers}",
                  receive_bytes)


@pytest.fixture(scope="module")
def manager(tmp_path_factory):
    made = Manager(tmp_path_factory.mktemp("api"))
    yield made
    assert made.stop() == 0, made.log.read_text()


@pytest.fixture
def open_stream(manager):
    streams = []

    def make(*arguments, **options):
        streams.append(Stream(manager, *arguments, **options))
        return streams[-1]

    yield make
    for stream in streams:
        stream.close()


# ---------------------------------------------------------------- reading


def without_ages(value):
    """What does not change from one moment to the next."""
    if isinstance(value, list):
        return [without_ages(item) for item in value]
    if isinstance(value, dict):
        return {key: without_ages(item) for key, item in value.items() if not key.endswith("_s_ago")}
    return value


@pytest.mark.parametrize("path, command", [
    ("/v1/status", ("status",)), ("/v1/nodes", ("node", "list")), ("/v1/nodes/m1", ("node", "show", "m1")), ("/v1/vms", ("vm", "list")),
    ("/v1/regions", ("region", "list")), ("/v1/keys", ("key", "list")), ("/v1/operations", ("operation", "list")),
])
def test_answers_what_the_command_answers(manager, path, command):
    answer = manager.ask("GET", path, token="reader")
    assert answer.status == 200
    assert without_ages(answer.json) == without_ages(json.loads(manager.gmm("-o", "json", *command).stdout))
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_unix_socket_is_the_operator(manager):
    assert stat.S_IMODE(os.stat(manager.api_socket).st_mode) == 0o600
    with contextlib.closing(alone.UnixConnection(manager.api_socket)) as connection:
        for _ in range(3):  # one connection serves them all
            answer = manager.ask("DELETE", "/v1/vms/none", token=None, connection=connection)
            assert (answer.status, answer.code) == (404, "not-found")


def test_head(manager):
    answer = manager.ask("HEAD", "/v1/status", token="reader")
    assert answer.status == 200 and answer.text == "" and int(answer.headers["Content-Length"]) > 100


def test_metrics(manager):
    answer = manager.ask("GET", "/metrics", token="reader")
    assert answer.status == 200 and answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'plenum_node_up{node="m1"} 0\n' in answer.text
    resident = int(next(line for line in answer.text.splitlines() if line.startswith("plenum_manager_resident_bytes ")).split()[1])
    assert resident > 1 << 20
    assert manager.ask("GET", "/metrics", token=None).status == 401


# ---------------------------------------------------------------- who may


@pytest.mark.parametrize("token", [None, "", "0" * 64, "x" * 4000])
def test_without_a_good_token(manager, token):
    for path in ("/v1/status", "/v1/nothing", "/metrics"):
        answer = manager.ask("GET", path, token=token)
        assert (answer.status, answer.code) == (401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert "api: refused requests" in manager.log.read_text()


def test_other_kinds_of_authentication(manager):
    answer = manager.ask("GET", "/v1/status", token=None, headers={"Authorization": "Basic b3A6b3A="})
    assert answer.status == 401 and "Bearer" in answer.json["error"]["message"]


def test_reader_may_not_change(manager):
    for method, path in (("POST", "/v1/vms"), ("DELETE", "/v1/vms/a"), ("POST", "/v1/vms/a/start"), ("POST", "/v1/vms/a/stop"),
                         ("POST", "/v1/vms/a/console")):
        answer = manager.ask(method, path, token="reader")
        assert (answer.status, answer.code) == (403, "forbidden")
    assert "who=reader command=vm.create http=403" in manager.log.read_text()


def test_tokens_are_read_again(manager):
    fresh = manager.new_token("operator", "fresh")
    assert manager.ask("GET", "/v1/status", token=fresh).status == 401
    manager.process.send_signal(signal.SIGHUP)
    wait_until(lambda: manager.ask("GET", "/v1/status", token=fresh).status == 200, "the new token to be known")
    kept = [line for line in manager.tokens.read_text().splitlines() if not line.endswith(" fresh")]
    manager.tokens.write_text("\n".join(kept) + "\n")
    manager.process.send_signal(signal.SIGHUP)
    wait_until(lambda: manager.ask("GET", "/v1/status", token=fresh).status == 401, "the token to be forgotten")
    assert manager.ask("GET", "/v1/status").status == 200


def forget_token(manager, name):
    kept = [line for line in manager.tokens.read_text().splitlines() if name not in line.split()]
    manager.tokens.write_text("\n".join(kept) + "\n")
    manager.process.send_signal(signal.SIGHUP)


def ends(stream):
    """Whether nothing but the end comes, within the socket's 20 s."""
    try:
        return stream.next() is None
    except ConnectionResetError:
        return True


def test_stream_ends_with_its_token(manager, open_stream):
    leaving = manager.new_token("read-only", "leaving")
    manager.process.send_signal(signal.SIGHUP)
    wait_until(lambda: manager.ask("GET", "/v1/status", token=leaving).status == 200, "the new token to be known")
    stays, goes = open_stream(), open_stream(token=leaving)
    assert stays.head()[0] == goes.head()[0] == 200
    forget_token(manager, "leaving")
    assert ends(goes)
    before = manager.last_event()
    manager.make_events(1)
    assert int(stays.next()["id"]) == before + 1


def test_token_expires(manager, open_stream):
    """It opens a stream, and is nobody's three seconds later."""
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3))
    short = manager.new_token("read-only", "short", until)
    manager.process.send_signal(signal.SIGHUP)
    wait_until(lambda: manager.ask("GET", "/v1/status", token=short).status == 200, "the new token to be known", 2)
    stream = open_stream(token=short)
    assert stream.head()[0] == 200
    wait_until(lambda: manager.ask("GET", "/v1/status", token=short).status == 401, "the token to expire", 10)
    assert "expired" in manager.ask("GET", "/v1/status", token=short).json["error"]["message"]
    assert ends(stream)
    forget_token(manager, "short")


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize("method, path, status, code", [
    ("GET", "/v1", 404, "not-found"), ("GET", "/v2/status", 404, "not-found"), ("GET", "/v1/vms/none", 404, "not-found"),
    ("GET", "/v1/nodes/none", 404, "not-found"), ("GET", "/v1/operations/999", 404, "not-found"), ("DELETE", "/v1/vms/none", 404, "not-found"),
    ("POST", "/v1/vms/none/start", 404, "not-found"), ("GET", "/v1/vms/none/stats", 404, "not-found"),
    ("GET", "/v1/vms/none/console", 404, "not-found"), ("GET", "/v1/vms/none/console?offset=x", 400, "invalid-argument"),
    ("GET", "/v1/vms/none/console?after=1", 400, "invalid-argument"), ("POST", "/v1/vms/none/console", 400, "invalid-argument"),
    ("GET", "/v1/nodes/m1/counters", 409, "busy"),
    ("GET", "/v1/operations/x", 400, "invalid-argument"), ("GET", "/v1/operations/1?wait=-1", 400, "invalid-argument"),
    ("GET", "/v1/status?verbose=1", 400, "invalid-argument"), ("GET", "/v1/events?limit=0", 400, "invalid-argument"),
    ("GET", "/v1/events?limit=1&limit=2", 400, "invalid-argument"), ("GET", "/v1/vms/%00", 400, "invalid-argument"),
    ("GET", "/v1/vms/" + "a" * 200, 414, "path-too-long"), ("GET", "/v1/" + "a/" * 2000, 414, "path-too-long"),
])
def test_refused_paths(manager, method, path, status, code):
    answer = manager.ask(method, path)
    assert (answer.status, answer.code) == (status, code), answer.text
    assert answer.json["error"]["status"] < 0 and answer.json["error"]["message"]


@pytest.mark.parametrize("method, path, allow", [
    ("PUT", "/v1/vms", "GET, HEAD, POST"), ("POST", "/v1/status", "GET, HEAD"), ("GET", "/v1/vms/a/start", "POST"),
    ("OPTIONS", "/v1/vms/a", "GET, HEAD, PATCH, DELETE"),
])
def test_wrong_method(manager, method, path, allow):
    answer = manager.ask(method, path)
    assert (answer.status, answer.code) == (405, "method-not-allowed")
    assert answer.headers["Allow"] == allow


GOOD_VM = {"name": "web", "memory_bytes": 64 << 20, "cache_bytes": 16 << 20, "kernel": str(GMMD)}


@pytest.mark.parametrize("body, words", [
    (b'{"name": "a",\n  "memory_bytes": }', "line 2 column 19"), (b"", "name"), (b"[]", "must be a json object"), (b"{}", "name"),
    (b'{"name": "a", "name": "b"}', "duplicate"), (b'{"name": "\xff"}', "line 1"), (b'{"name": "a\\u0000"}', "line 1"), (b"[" * 5000, "depth"),
    (json.dumps({**GOOD_VM, "colour": "red"}).encode(), "colour"), (json.dumps({**GOOD_VM, "memory_bytes": "64M"}).encode(), "expected integer"),
    (json.dumps({**GOOD_VM, "memory_bytes": 1}).encode(), "multiple"), (json.dumps({**GOOD_VM, "name": "a/b"}).encode(), "name"),
    (json.dumps({**GOOD_VM, "kernel": "/nowhere"}).encode(), "/nowhere"),
])
def test_bad_bodies(manager, body, words):
    answer = manager.ask("POST", "/v1/vms", body)
    assert (answer.status, answer.code) == (400, "invalid-argument"), answer.text
    assert words in answer.json["error"]["message"].lower(), answer.text


def test_settings_and_dry_runs(manager):
    answer = manager.ask("PATCH", "/v1/vms/none", {"restart": "always", "restart_max": 3})
    assert (answer.status, answer.code) == (404, "not-found"), answer.text
    for body in ({}, {"dry_run": True}, {"restart_max": "3"}, {"restart": 1}, {"vcpus": 2}):
        answer = manager.ask("PATCH", "/v1/vms/none", body)
        assert (answer.status, answer.code) == (400, "invalid-argument"), answer.text
    answer = manager.ask("PATCH", "/v1/vms/none", {"restart": "always"}, token="reader")
    assert (answer.status, answer.code) == (403, "forbidden")
    answer = manager.ask("POST", "/v1/nodes/m1/cordon", {"dry_run": True})
    assert answer.status == 200 and answer.json == {"dry_run": True, "would": "m1 would become cordoned, is admitted"}
    assert manager.ask("GET", "/v1/nodes/m1").json["admin"] == "admitted"
    answer = manager.ask("POST", "/v1/nodes/m1/drain", {"dry_run": True})
    assert (answer.status, answer.code) == (409, "busy")


def test_body_against_the_path(manager):
    answer = manager.ask("POST", "/v1/vms/a/start", {"name": "b"})
    assert answer.status == 400 and "path" in answer.json["error"]["message"]


def test_body_of_another_type(manager):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonx"):
        answer = manager.ask("POST", "/v1/vms", b"{}", headers={"Content-Type": kind})
        assert (answer.status, answer.code) == (415, "not-json")
    assert manager.ask("POST", "/v1/vms", b"{}", headers={"Content-Type": "application/json; charset=utf-8"}).status == 400


def test_large_bodies(manager):
    answer = manager.ask("POST", "/v1/vms", b'{"name": "' + b"a" * BODY_BYTES_MAX + b'"}')
    assert (answer.status, answer.code) == (413, "body-too-large")
    # Without its length known before.
    answer = manager.ask("POST", "/v1/vms", (b"a" * 8192 for _ in range(20)), headers={"Content-Type": "application/json"})
    assert (answer.status, answer.code) == (413, "body-too-large")
    # One without an end is cut.
    with contextlib.closing(manager.connect()) as connection, pytest.raises((ConnectionError, http.client.HTTPException)):
        manager.ask("POST", "/v1/vms", (b"a" * 8192 for _ in range(100000)), connection=connection)
    assert manager.ask("GET", "/v1/status").status == 200


def test_no_room_in_the_rack(manager):
    answer = manager.ask("POST", "/v1/vms", GOOD_VM)
    assert (answer.status, answer.code) == (409, "no-space"), answer.text
    answer = manager.ask("POST", "/v1/vms", {**GOOD_VM, "on": "p1"})
    assert (answer.status, answer.code) == (409, "busy") and "p1 is absent" in answer.json["error"]["message"]


@pytest.mark.parametrize("key", ["", "a" * 65, "a\tb"])
def test_bad_idempotency_keys(manager, key):
    answer = manager.ask("POST", "/v1/vms", GOOD_VM, headers={"Idempotency-Key": key})
    assert answer.status == 400 and "Idempotency-Key" in answer.json["error"]["message"]


def test_garbage_leaves_nothing(manager):
    """Connections that end at any place, and what is no HTTP at all."""
    pieces = [b"", b"\0" * 100, b"GET", b"GET /v1/status", b"GET /v1/status HTTP/1.1\r\nHost", b"\x16\x03\x01\x02\x00", b"GET / HTTP/9.9\r\n\r\n",
              b"GET /v1/status HTTP/1.1\r\n: \r\n\r\n", b"A" * 40000, b"GET /" + b"x" * 40000,
              b"POST /v1/vms HTTP/1.1\r\nContent-Length: 18446744073709551616\r\n\r\n", b"POST /v1/vms HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
              b"POST /v1/vms HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
              f"POST /v1/vms HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {manager.operator}\r\nContent-Type: application/json\r\n"
              "Content-Length: 100\r\n\r\n{".encode()]
    for _ in range(20):
        for piece in pieces:
            with socket.create_connection(("127.0.0.1", manager.port), timeout=20) as stranger, contextlib.suppress(ConnectionError):
                stranger.sendall(piece)
    files = pathlib.Path(f"/proc/{manager.process.pid}/fd")
    wait_until(lambda: len(list(files.iterdir())) < 40, "the connections to be closed")
    assert manager.ask("GET", "/v1/status").status == 200


# ---------------------------------------------------------------- events


def test_event_list(manager):
    before = manager.last_event()
    manager.make_events(2)
    events = manager.ask("GET", f"/v1/events?after={before}").json
    assert [event["sequence"] for event in events] == list(range(before + 1, before + 7))
    assert {event["kind"] for event in events} == {"key"}
    assert manager.ask("GET", f"/v1/events?after={before + 1}&limit=2").json == events[1:3]


def test_event_stream(manager, open_stream):
    before = manager.last_event()
    stream = open_stream()
    status, headers = stream.head()
    assert status == 200 and headers["Content-Type"] == "text/event-stream" and headers["Cache-Control"] == "no-store"
    manager.make_events(2)
    events = [stream.next() for _ in range(6)]
    assert [int(event["id"]) for event in events] == list(range(before + 1, before + 7))
    listed = manager.ask("GET", f"/v1/events?after={before}").json
    assert [json.loads(event["data"])["text"] for event in events] == [event["text"] for event in listed]


def test_event_stream_resumes(manager, open_stream):
    manager.make_events(2)
    last = manager.last_event()
    for stream in (open_stream(headers=f"Last-Event-ID: {last - 2}\r\n"), open_stream(f"/v1/events?after={last - 2}"),
                   open_stream("/v1/events?after=0", headers=f"Last-Event-ID: {last - 2}\r\n")):
        assert stream.head()[0] == 200
        assert [int(stream.next()["id"]) for _ in range(2)] == [last - 1, last]
    stream = open_stream(headers="Last-Event-ID: x\r\n")
    assert stream.head()[0] == 400


def test_event_stream_needs_a_token(manager):
    answer = manager.ask("GET", "/v1/events", token=None, headers={"Accept": "text/event-stream"})
    assert answer.status == 401


def test_slow_listener_is_cut_and_resumes(manager, open_stream):
    """It takes nothing until gmmd hangs up. What it was given until then is without a gap, and so is the rest after it came back."""
    before = manager.last_event()
    slow, quick = open_stream(receive_bytes=2048), open_stream()
    assert quick.head()[0] == 200
    received = []
    reader = threading.Thread(target=lambda: [received.append(int(quick.next()["id"])) for _ in range(SLOW_EVENTS)])
    reader.start()
    manager.make_events(SLOW_EVENTS // 3)
    wait_until(lambda: "a listener does not take its events, cut off: who=reader" in manager.log.read_text(), "the slow listener to be cut")
    last = manager.last_event()
    assert last == before + SLOW_EVENTS
    slow.head()
    given = []
    with contextlib.suppress(ConnectionError):
        while event := slow.next():
            given.append(int(event["id"]))
    assert given == list(range(before + 1, before + 1 + len(given))) and len(given) < SLOW_EVENTS - BEHIND_MAX / 2
    resumed = open_stream(headers=f"Last-Event-ID: {given[-1]}\r\n")
    resumed.head()
    assert [int(resumed.next()["id"]) for _ in range(last - given[-1])] == list(range(given[-1] + 1, last + 1))
    reader.join(20)
    assert received == list(range(before + 1, last + 1)), "the quick one lost nothing"


def test_lost_events_are_said(manager, open_stream):
    while manager.last_event() <= EVENTS_MAX + 10:
        manager.make_events(50)
    last = manager.last_event()
    stream = open_stream("/v1/events?after=3")
    stream.head()
    lost = stream.next()
    oldest = json.loads(lost["data"])["next"]
    assert lost["event"] == "lost" and oldest == last - EVENTS_MAX + 1 and int(lost["id"]) == oldest - 1
    assert int(stream.next()["id"]) == oldest
    # A number of a manager that is no more.
    stream = open_stream(headers=f"Last-Event-ID: {last + 1000}\r\n")
    stream.head()
    assert stream.next()["event"] == "lost"
    manager.make_events(1)
    assert int(stream.next()["id"]) == last + 1


def test_stream_goes_on_with_the_next_manager(tmp_path):
    manager = Manager(tmp_path)
    manager.make_events(2)
    before = manager.ask("GET", "/v1/events").json
    assert manager.stop() == 0, manager.log.read_text()
    manager.start()
    try:
        stream = Stream(manager, headers=f"Last-Event-ID: {before[1]['sequence']}\r\n")
        stream.head()
        assert [json.loads(stream.next()["data"])["text"] for _ in range(4)] == [event["text"] for event in before[2:]]
        manager.make_events(1)
        assert int(stream.next()["id"]) == before[-1]["sequence"] + 1
        stream.close()
    finally:
        assert manager.stop() == 0, manager.log.read_text()


# ---------------------------------------------------------------- configuration


@pytest.fixture
def tls_manager(tmp_path):
    for name in ("certificate.pem", "key.pem"):
        shutil.copyfile(TLS / name, tmp_path / name)
        (tmp_path / name).chmod(0o600)
    made = Manager(tmp_path, (f"tls_certificate = {tmp_path}/certificate.pem", f"tls_key = {tmp_path}/key.pem"))
    yield made
    assert made.stop() == 0, made.log.read_text()


def test_tls(tls_manager):
    trusted = ssl.create_default_context(cafile=TLS / "certificate.pem")
    with contextlib.closing(http.client.HTTPSConnection("127.0.0.1", tls_manager.port, timeout=20, context=trusted)) as connection:
        assert tls_manager.ask("GET", "/v1/status", connection=connection).status == 200
        assert connection.sock.version() in ("TLSv1.2", "TLSv1.3")
        assert tls_manager.ask("GET", "/v1/status", token="reader", connection=connection).status == 200
        assert tls_manager.ask("GET", "/v1/status", token=None, connection=connection).status == 401
    # In clear there is no answer.
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        tls_manager.ask("GET", "/v1/status")
    # The Unix socket stays as it is.
    with contextlib.closing(alone.UnixConnection(tls_manager.api_socket)) as connection:
        assert tls_manager.ask("GET", "/v1/status", token=None, connection=connection).status == 200


def test_needs_tls_elsewhere_than_on_loopback(manager, tmp_path):
    text = manager.config.read_text().replace("token_file", "api_address = 10.1.2.3\ntoken_file")
    path = tmp_path / "gmmd.conf"
    path.write_text(text, encoding="utf-8")
    done = subprocess.run([GMMD, "--config", path, "--check"], capture_output=True, text=True, timeout=10)
    assert done.returncode == 1 and "in clear" in done.stderr
    path.write_text(text.replace("token_file", "api_clear = yes\ntoken_file"), encoding="utf-8")
    assert subprocess.run([GMMD, "--config", path, "--check"], timeout=10).returncode == 0


def test_token_file_must_be_private(manager, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text(f"operator {'a' * 32} a\n", encoding="utf-8")
    tokens.chmod(0o644)
    path = tmp_path / "gmmd.conf"
    path.write_text(manager.config.read_text().replace(str(manager.tokens), str(tokens)), encoding="utf-8")
    done = subprocess.run([GMMD, "--config", path, "--check"], capture_output=True, text=True, timeout=10)
    assert done.returncode == 1 and "chmod 600" in done.stderr


# ---------------------------------------------------------------- operations, on a rack


@pytest.fixture(scope="module")
def on_rack(make_rack):
    virtual = make_rack("api", small_rack_text(memory_nodes=1))
    with contextlib.closing(alone.UnixConnection(virtual.state.api_socket, timeout_s=200)) as connection:
        yield lambda *arguments, **options: alone.ask(connection, *arguments, **options)


def await_operation(on_rack, accepted):
    assert accepted.status == 202, accepted.text
    assert accepted.headers["Location"] == f"/v1/operations/{accepted.json['id']}"
    answer = on_rack("GET", accepted.headers["Location"] + "?wait=150")
    assert answer.status == 200 and answer.json["id"] == accepted.json["id"]
    return answer.json


def test_operations(on_rack):
    spec = {"name": "web", "memory_bytes": 128 << 20, "cache_bytes": 32 << 20, "kernel": str(BUILD / "guest" / "vmlinuz"),
            "initrd": str(BUILD / "guest" / "initramfs.cpio.gz"), "command_line": "console=ttyS0 quiet"}
    key = {"Idempotency-Key": "one web server, please"}
    first = on_rack("POST", "/v1/vms", spec, key)
    assert first.json["status"] == "running" and first.json["kind"] == "vm.create" and first.json["object"] == "web"
    assert first.json["progress"]["total"] == 2 and first.json["ended_at"] is None and first.json["error"] is None
    # Sent again while it is under way, and after it: the same operation. For something else: refused.
    again = on_rack("POST", "/v1/vms", dict(reversed(spec.items())), key)
    assert again.status == 202 and again.json["id"] == first.json["id"]
    done = await_operation(on_rack, first)
    assert done["status"] == "succeeded" and done["started_at"] <= done["ended_at"] and done["progress"] is None
    again = on_rack("POST", "/v1/vms", spec, key)
    assert again.status == 202 and again.json == done
    other = on_rack("POST", "/v1/vms", {**spec, "name": "other"}, key)
    assert (other.status, other.code) == (422, "key-reused")
    refused = on_rack("POST", "/v1/vms", spec)
    assert (refused.status, refused.code) == (409, "exists")
    assert on_rack("GET", "/v1/vms/web").json["state"] == "created"

    started = on_rack("POST", "/v1/vms/web/start")
    refused = on_rack("POST", "/v1/vms/web/stop")
    assert (refused.status, refused.code) == (409, "busy")
    # Not for longer than it may: a guest is not loaded in no time.
    assert on_rack("GET", started.headers["Location"] + "?wait=0.001").json["status"] == "running"
    assert await_operation(on_rack, started)["status"] == "succeeded"
    stats = on_rack("GET", "/v1/vms/web/stats")
    assert stats.status == 200 and stats.json["name"] == "web" and stats.json["counters"]["touches"] > 0
    metrics = on_rack("GET", "/metrics").text
    assert 'plenum_vm_info{vm="web",node="p1",state="running"} 1\n' in metrics and 'plenum_vm_miss_seconds_count{vm="web"} ' in metrics
    assert await_operation(on_rack, on_rack("POST", "/v1/vms/web/kill"))["status"] == "succeeded"
    assert await_operation(on_rack, on_rack("DELETE", "/v1/vms/web"))["status"] == "succeeded"
    assert on_rack("GET", "/v1/vms").json == []
    assert [operation["kind"] for operation in on_rack("GET", "/v1/operations").json] == ["vm.create", "vm.start", "vm.kill", "vm.destroy"]


def test_failed_operation(on_rack, tmp_path):
    nothing = tmp_path / "kernel"
    nothing.write_bytes(b"no kernel" * 1000)
    spec = {"name": "bad", "memory_bytes": 64 << 20, "cache_bytes": 16 << 20, "kernel": str(nothing)}
    assert await_operation(on_rack, on_rack("POST", "/v1/vms", spec))["status"] == "succeeded"
    failed = await_operation(on_rack, on_rack("POST", "/v1/vms/bad/start"))
    assert failed["status"] == "failed" and failed["error"]["status"] < 0 and failed["error"]["message"] and failed["error"]["code"]
    assert await_operation(on_rack, on_rack("DELETE", "/v1/vms/bad"))["status"] == "succeeded"


def test_counters_of_a_node(on_rack):
    answer = on_rack("GET", "/v1/nodes/m1/counters")
    assert answer.status == 200 and "\nroce_" in answer.json
