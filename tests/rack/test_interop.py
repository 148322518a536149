# SPDX-License-Identifier: GPL-2.0-only
"""Our transport against stock Linux: Debian's kernel with rdma_rxe and rdma-core's own programs, in QEMU (docs/interop.md)."""

import subprocess
import sys
import time

import pytest

from conftest import BUILD, TOP

sys.path.insert(0, str(TOP / "tests" / "interop"))
from linux_peer import GUEST, HOST, LinuxPeer  # noqa: E402

RUN_S = 50
# Ethernet's MTU, and the path MTU that both sides must agree on.
LINKS = {1500: 1024, 9000: 4096}
SIZES = (64, 1000, 4096, 65535)
ROUNDS = 10
LISTEN_S = 0.5  # a server's start, where it says nothing that one could wait for


@pytest.fixture(scope="module", params=LINKS, ids=lambda mtu: f"mtu{mtu}")
def linux(request):
    peer = LinuxPeer(BUILD, request.param, request.param)
    try:
        peer.start()
        yield peer
    finally:
        peer.stop()


def finish(process):
    """Wait for one of our programs. Returns what it printed; fails unless it ended well."""
    try:
        output, _ = process.communicate(timeout=RUN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
        pytest.fail(f"{process.args[-1]} did not end: {output}")
    assert process.returncode == 0, output
    return output


def run_against(server, linux, command):
    """A client in the guest against our server. Returns what the server printed; fails unless both ended well."""
    status, output = linux.run(command, RUN_S)
    if status != 0:
        server.kill()
    served, _ = server.communicate() if status else (finish(server), None)
    assert status == 0, f"the guest: {output}\nours: {served}"
    return served


def path_mtu(linux):
    return LINKS[linux.wire.mtu]


def test_guest_has_stock_rxe(linux):
    status, output = linux.run("ibv_devinfo -d rxe0")
    assert status == 0, output
    assert "PORT_ACTIVE" in output
    assert f"active_mtu:\t\t{path_mtu(linux)}" in output, output


@pytest.mark.parametrize("size", SIZES)
def test_linux_rping_client(linux, size):
    server = linux.begin("plenum-rping", "-s", "-a", HOST)
    served = run_against(server, linux, f"rping -c -a {HOST} -S {size} -C {ROUNDS} -V")
    assert served == f"served {ROUNDS} rounds, path MTU {path_mtu(linux)}\n"


@pytest.mark.parametrize("size", SIZES)
def test_linux_rping_server(linux, size):
    linux.run(f"rping -s -a {GUEST} -S {size} -C {ROUNDS} >/tmp/rping 2>&1 & server=$!; sleep {LISTEN_S}")
    asked = finish(linux.begin("plenum-rping", "-c", "-a", GUEST, "-S", str(size), "-C", str(ROUNDS), "-V"))
    assert asked == f"{ROUNDS} rounds of {size} bytes, path MTU {path_mtu(linux)}, all equal\n"
    status, output = linux.run("wait $server; status=$?; cat /tmp/rping; (exit $status)", RUN_S)
    assert status == 0, output


@pytest.mark.parametrize("size", SIZES)
def test_linux_pingpong_client(linux, size):
    mtu = path_mtu(linux)
    server = linux.begin("plenum-pingpong", "-a", HOST, "-s", str(size), "-n", str(ROUNDS), "-m", str(mtu))
    time.sleep(LISTEN_S)
    served = run_against(server, linux, f"ibv_rc_pingpong -d rxe0 -g 1 -s {size} -n {ROUNDS} -m {mtu} {HOST}")
    assert served.startswith(f"{ROUNDS} rounds of {size} bytes, path MTU {mtu}, "), served


@pytest.mark.parametrize("size", SIZES)
def test_linux_pingpong_server(linux, size):
    mtu = path_mtu(linux)
    linux.run(f"ibv_rc_pingpong -d rxe0 -g 1 -s {size} -n {ROUNDS} -m {mtu} >/tmp/pingpong 2>&1 & server=$!; sleep {LISTEN_S}")
    played = finish(linux.begin("plenum-pingpong", "-s", str(size), "-n", str(ROUNDS), "-m", str(mtu), GUEST))
    assert played.startswith(f"{ROUNDS} rounds of {size} bytes, path MTU {mtu}, "), played
    assert played.endswith(", all equal\n"), played
    status, output = linux.run("wait $server; status=$?; cat /tmp/pingpong; (exit $status)", RUN_S)
    assert status == 0, output


def test_every_icrc_on_the_wire(linux):
    """After everything above: the capture of both directions, checked by our own tool, and once more with a bit turned."""
    checker = BUILD / "bin" / "plenum-icrc"
    done = subprocess.run([checker, linux.capture], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    damaged = bytearray(linux.capture.read_bytes())
    at = damaged.rindex(b"rdma-ping-")
    damaged[at] ^= 1
    wrong = linux.capture.with_suffix(".wrong")
    wrong.write_bytes(damaged)
    done = subprocess.run([checker, wrong], capture_output=True, text=True)
    assert done.returncode == 1 and " 1 wrong, " in done.stdout, done.stdout + done.stderr
