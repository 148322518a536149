# SPDX-License-Identifier: GPL-2.0-only
"""The web console of gmmd itself: its files over HTTP, tokens, and a browser. No QEMU."""

import asyncio
import contextlib
import pathlib
import queue
import re
import signal
import socket
import threading

import pytest
from conftest import BUILD, TOP
from selenium.webdriver.common.keys import Keys

from plenum_rack import alone, forward


@pytest.fixture
def manager(chromium, tmp_path):
    made = alone.Manager(BUILD, tmp_path, {"m1": "memory", "p1": "process"})
    yield made
    chromium.driver.get("about:blank")
    made.stop()


def raw(port, line, *headers):
    """Status and headers of a request as it is written, not as a library would mend it."""
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as connection:
        connection.sendall("\r\n".join((f"{line} HTTP/1.1", "Host: x", "Connection: close", *headers, "", "")).encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    return int(lines[0].split()[1]), dict(field.split(": ", 1) for field in lines[1:]), body


def test_files_over_http(manager):
    status, headers, page = raw(manager.port, "GET /")
    assert status == 200 and page == (TOP / "gmm" / "web" / "index.html").read_bytes()
    assert headers["Content-Type"] == "text/html; charset=utf-8" and headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY" and headers["Referrer-Policy"] == "no-referrer"
    assert headers["Content-Security-Policy"].startswith("default-src 'self'; style-src 'self' 'unsafe-inline';")
    assert "script" not in headers["Content-Security-Policy"].replace("require-trusted-types-for 'script'", "")
    assert headers["Cache-Control"] == "no-cache" and re.fullmatch('"[0-9a-f]{32}"', headers["ETag"])
    assert raw(manager.port, "GET /ui/", f"If-None-Match: {headers['ETag']}")[0::2] == (304, b"")
    assert raw(manager.port, "GET /ui/main.js", f"If-None-Match: {headers['ETag']}")[0] == 200
    status, head, body = raw(manager.port, "HEAD /ui/lib/xterm.mjs")
    assert status == 200 and body == b"" and int(head["Content-Length"]) > 100000
    assert raw(manager.port, "POST /ui/main.js", "Content-Length: 0")[0::2][0] == 405
    for path in (
        "/ui/../../etc/passwd",
        "/ui/%2e%2e/%2e%2e/etc/passwd",
        "/ui//main.js",
        "/ui/nothing",
        "/ui/node_modules/uplot/package.json",
    ):
        assert raw(manager.port, f"GET {path}")[0] == 404, path
    assert raw(manager.port, "GET /v1/status")[0] == 401
    assert b"Permission is hereby granted" in raw(manager.port, "GET /ui/licences.txt")[2]


def test_who_asks_and_from_where(manager):
    """A token tells its role; through the Unix socket nobody needs one, but a page of another site is refused."""
    with contextlib.closing(manager.connect()) as connection:
        for token, who in (
            (manager.operator, {"name": "op", "role": "operator"}),
            (manager.reader, {"name": "reader", "role": "read-only"}),
        ):
            assert alone.ask(connection, "GET", "/v1/token", headers={"Authorization": f"Bearer {token}"}).json == who
        answer = alone.ask(connection, "POST", "/v1/health/MNODE_DOWN/mute", {"for_s": 60}, {"Authorization": f"Bearer {manager.operator}"})
        assert (answer.status, answer.code) == (409, "busy"), answer.text  # it is not raised, so there is nothing to mute
        assert (
            alone.ask(connection, "POST", "/v1/health/MNODE_DOWN/unmute", headers={"Authorization": f"Bearer {manager.reader}"}).status
            == 403
        )
        assert (
            alone.ask(connection, "GET", "/v1/health/MNODE_DOWN", headers={"Authorization": f"Bearer {manager.reader}"}).json["severity"]
            == "WARN"
        )
    with contextlib.closing(alone.UnixConnection(manager.api_socket)) as connection:
        assert alone.ask(connection, "GET", "/v1/token").json == {"name": "socket", "role": "operator"}
        assert alone.ask(connection, "POST", "/v1/nodes/m1/cordon", headers={"Sec-Fetch-Site": "same-origin"}).status == 200
        for site in ("cross-site", "same-site"):
            refused = alone.ask(connection, "POST", "/v1/nodes/m1/uncordon", headers={"Sec-Fetch-Site": site})
            assert (refused.status, refused.code) == (403, "forbidden")
        assert alone.ask(connection, "GET", "/v1/nodes/m1").json["admin"] == "cordoned"


def test_gmmd_itself(browser, manager):
    browser.open(manager.port, manager.operator)
    browser.wait_for("0 of 2 up", "op, operator", "m1", "absent")
    for view in ("", "nodes", "nodes/m1", "nodes/none", "memory", "vms", "vms/none", "create", "operations", "events", "health"):
        browser.go(view)
        browser.wait(lambda: browser.find("#main .panel, #main .picture") and "Asking the manager" not in browser.text(), view)
    browser.go("nodes/p1")
    browser.click("Cordon", "#main")
    browser.confirm(("gmm node cordon p1",), "Cordon")
    browser.wait_for("Cordon: p1: done", "cordoned")
    manager.make_events(1)
    browser.go("events")
    browser.wait_for("Live.", "is cordoned by the operator, was admitted", "key")
    browser.go("memory")
    browser.wait_for("Imbalance", "fewer than two memory components")
    # Its token is taken away: back to the login, which says why.
    lines = [line for line in manager.tokens.read_text().splitlines() if not line.endswith(" op")]
    manager.tokens.write_text("\n".join(lines) + "\n")
    manager.process.send_signal(signal.SIGHUP)
    browser.wait_for("asks for a token", "the token is not known")
    browser.expect_complaints("401", "404", "ERR_INCOMPLETE_CHUNKED_ENCODING")
    browser.press(manager.reader, Keys.ENTER)
    browser.wait_for("reader, read-only")
    assert manager.process.poll() is None


@pytest.fixture
def forwarded(chromium, manager):
    """A port that leads to the Unix socket, as of testbed/rack web or ssh -L."""
    started = queue.Queue()

    async def serve():
        task = asyncio.current_task()
        await forward.serve(0, manager.api_socket, lambda port: started.put((port, asyncio.get_running_loop(), task)))

    def run():
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(serve())

    thread = threading.Thread(target=run)
    thread.start()
    port, loop, task = started.get(timeout=20)
    yield port
    chromium.driver.get("about:blank")
    loop.call_soon_threadsafe(task.cancel)
    thread.join(20)


def test_without_a_token(browser, forwarded):
    browser.open(forwarded, "", "nodes/m1")
    browser.wait_for("socket, operator")
    browser.click("Cordon", "#main")
    browser.confirm(("gmm node cordon m1",), "Cordon")
    browser.wait_for("Cordon: m1: done")


def test_what_is_served_is_all_there_is():
    """Every module that another names is in the list, and nothing is fetched from elsewhere."""
    web = TOP / "gmm" / "web"
    listed = {line.split()[0] for line in (web / "files.txt").read_text().splitlines() if line.startswith("/ui/")}
    for path in [*web.glob("*.js"), *web.glob("views/*.js"), *web.glob("*.css"), *web.glob("*.html")]:
        text = path.read_text(encoding="utf-8")
        assert f"/ui/{path.relative_to(web)}" in listed
        for name in re.findall(r'^import .*?from "([^"]+)";$|import\("([^"]+)"\)', text, re.MULTILINE):
            name = name[0] or name[1]
            target = name if name.startswith("/") else "/ui/" + str((path.parent / name).resolve().relative_to(web))
            assert target in listed, (path, name)
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "localStorage"):
            assert word not in text, (path, word)
        assert "http://" not in text.replace("http://www.w3.org/2000/svg", "") and "https://" not in text
    assert pathlib.Path(web / "package-lock.json").read_text().count('"integrity"') == 2
