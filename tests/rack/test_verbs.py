# SPDX-License-Identifier: GPL-2.0-only
"""The verbs port (docs/ports.md): our own programs in a Linux guest over its RDMA device, in QEMU."""

import subprocess
import sys

import pytest

from conftest import BUILD, TOP

sys.path.insert(0, str(TOP / "tests" / "interop"))
from linux_peer import GUEST, HOST, LinuxPeer  # noqa: E402

MTU = 9000
PATH_MTU = 4096
SIZES = (64, 4096, 65535)
ROUNDS = 10
RUN_S = 50
LISTENING = "until rdma resource show cm_id | grep -q LISTEN; do sleep 0.1; done"


@pytest.fixture(scope="module")
def linux():
    peer = LinuxPeer(BUILD, MTU, "verbs", "verbs.cpio.gz")
    try:
        peer.start()
        yield peer
    finally:
        peer.stop()


@pytest.mark.parametrize("size", SIZES)
def test_client_over_verbs(linux, size):
    server = linux.begin("plenum-rping", "-s", "-a", HOST)
    status, asked = linux.run(f"plenum-rping -c -a {HOST} -S {size} -C {ROUNDS} -V 2>&1", RUN_S)
    if status != 0:
        server.kill()
    served, _ = server.communicate(timeout=RUN_S)
    assert status == 0, f"{asked}\nours: {served}"
    assert asked == f"{ROUNDS} rounds of {size} bytes, path MTU {PATH_MTU}, all equal\n"
    assert served == f"served {ROUNDS} rounds, path MTU {PATH_MTU}\n"


@pytest.mark.parametrize("size", SIZES)
def test_server_over_verbs(linux, size):
    linux.run(f"plenum-rping -s -a {GUEST} -C {ROUNDS} >/tmp/rping 2>&1 & server=$!; {LISTENING}", RUN_S)
    client = linux.begin("plenum-rping", "-c", "-a", GUEST, "-S", str(size), "-C", str(ROUNDS), "-V")
    try:
        asked, _ = client.communicate(timeout=RUN_S)
    except subprocess.TimeoutExpired:
        client.kill()
        asked, _ = client.communicate()
    assert asked == f"{ROUNDS} rounds of {size} bytes, path MTU {PATH_MTU}, all equal\n"
    status, served = linux.run("wait $server; status=$?; cat /tmp/rping; (exit $status)", RUN_S)
    assert (status, served) == (0, f"served {ROUNDS} rounds, path MTU {PATH_MTU}\n")


def test_refusal_and_silence(linux):
    """What a client over verbs hears when nobody listens, and when nobody is there."""
    server = linux.begin("plenum-rping", "-s", "-a", HOST, "-p", "7000")
    try:
        status, said = linux.run(f"plenum-rping -c -a {HOST} -C 1 2>&1", RUN_S)
    finally:
        server.kill()
        server.communicate()
    assert status == 1 and "refused, reason 8" in said, said
    status, said = linux.run(f"plenum-rping -c -a {HOST}9 -C 1 2>&1", RUN_S)
    assert status == 1 and "no answer from the server" in said, said
