# SPDX-License-Identifier: GPL-2.0-only
"""The verbs port (docs/ports.md): our own programs in a Linux guest over its RDMA device, in QEMU."""

import subprocess
import sys

import pytest

from conftest import BUILD, TOP, small_rack_text, wait_until

sys.path.insert(0, str(TOP / "tests" / "interop"))
from linux_peer import GUEST, HOST, LinuxPeer  # noqa: E402
from linux_rack import LinuxLenderRack, LinuxManagedRack  # noqa: E402
from plenum_rack import guest  # noqa: E402

MTU = 9000
PATH_MTU = 4096
SIZES = (64, 4096, 65535)
ROUNDS = 10
RUN_S = 50
GUEST_S = 400
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
    assert status == 1 and "refused: nothing listens there (reason 8)" in said, said
    status, said = linux.run(f"plenum-rping -c -a {HOST}9 -C 1 2>&1", RUN_S)
    assert status == 1 and "no answer from the server" in said, said


# ---------------------------------------------------------------- the manager over verbs


@pytest.fixture(scope="module")
def managed(make_rack):
    return make_rack("verbs", small_rack_text(memory_nodes=1, process_memory="256M", node_memory="384M"), kind=LinuxManagedRack)


def test_manager_over_verbs(managed):
    log = managed.manager_log()
    assert 'port=verbs path_mtu_bytes=4096 reason="RDMA device rxe0 has the address"' in log, log
    nodes = managed.nodes()
    assert {name: node["state"] for name, node in nodes.items()} == {"p1": "up", "m1": "up"}
    # Longer than one message: READ by the node's side, from the manager's registered memory or the reverse.
    assert "roce_packets_received=" in managed.gmm("node", "counters", "m1")


def test_guest_of_a_rack_managed_over_verbs(managed):
    guest.create_check(managed, "checked", "256M", "48M", "64M", "plenum.operations=1000")
    managed.gmm("vm", "start", "checked")
    try:
        status, console = managed.machine.run("gmm --socket /root/gmmd.socket vm console checked --no-input --history "
                                              "--until-state powered-off", GUEST_S)
    finally:
        managed.gmm("vm", "kill", "checked", check=False)
        managed.gmm("vm", "destroy", "checked", check=False)
    found = guest.RESULT.search(console)
    assert status == 0 and found, console[-2000:] + managed.manager_log()[-2000:]
    assert found[1] == "ok" and guest.words(found[2])["mismatches"] == "0", found[0]
    wait_until(lambda: managed.nodes()["m1"]["pages_stored"] == 0, "the frames of the destroyed VM to be free again")


# ---------------------------------------------------------------- memory lent over verbs


@pytest.fixture(scope="module")
def lent(make_rack):
    text = small_rack_text(memory_nodes=1, process_memory="256M", node_memory="160M") + "[node m2]\nrole = memory\n"
    return make_rack("lender", text, kind=LinuxLenderRack)


def test_lender_over_verbs(lent):
    log = lent.lender_log()
    assert "event=port port=verbs path_mtu_bytes=4096" in log and "flat=1" in log, log
    node = lent.nodes()["m2"]
    assert 0.99 * (320 << 20) / 4096 < node["pages_capacity"] < (320 << 20) / 4096


def test_guest_on_memory_lent_over_verbs(lent):
    guest.create_check(lent, "borrower", "256M", "72M", "48M", "plenum.operations=500")
    try:
        outcome = guest.follow(lent, "borrower", GUEST_S)
        node = lent.nodes()["m2"]
    finally:
        lent.gmm("vm", "kill", "borrower", check=False)
        lent.gmm("vm", "destroy", "borrower", check=False)
    assert outcome.result == "ok" and outcome.fields["mismatches"] == "0", outcome.console[-2000:] + lent.lender_log()[-2000:]
    assert node["regions"] >= 2 and node["pages_stored"] >= 2 * 16384, node
    wait_until(lambda: lent.nodes()["m2"]["pages_stored"] == 0, "the frames of the destroyed VM to be free again")


def test_lender_ends_and_comes_back(lent):
    """Its regions and queue pairs go with the process; a new one registers the memory anew."""
    lent.machine.run("kill $lender; wait $lender")
    wait_until(lambda: lent.nodes()["m2"]["state"] != "up", "the manager to miss it")
    lent.start_lending()
    wait_until(lambda: lent.nodes()["m2"]["state"] == "up", "it to join again")
