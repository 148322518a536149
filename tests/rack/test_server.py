# SPDX-License-Identifier: GPL-2.0-only
"""An ordinary server lends memory: mcomponentd as one of a rack's memory components."""

import subprocess

import pytest
from conftest import BUILD, node, small_rack_text, wait_until

from plenum_rack import guest

SERVER = "m2"


@pytest.fixture(scope="module")
def rack(make_rack):
    # The kernel's memory component is too small for a guest of 256 MiB alone.
    return make_rack("server", small_rack_text(memory_nodes=1, process_memory="256M", node_memory="160M") +
                     node(SERVER, "memory", "384M", boot="server"))


def test_joins_like_any_memory_component(rack):
    server = rack.nodes()[SERVER]
    assert server["role"] == "memory" and server["state"] == "up"
    # All of what it was told to lend, but for its tables: at most 16 bytes a page.
    assert 0.99 * (384 << 20) / 4096 < server["pages_capacity"] < (384 << 20) / 4096
    assert server["build"] == rack.nodes()["m1"]["build"]


def test_guest_runs_on_its_memory(rack):
    guest.create_check(rack, "lent", "256M", "48M", "160M", "plenum.operations=4000")
    try:
        outcome = guest.follow(rack, "lent", 240)
        server = rack.nodes()[SERVER]
        counters = rack.gmm("node", "counters", SERVER)
    finally:
        rack.gmm("vm", "kill", "lent", check=False)
        rack.gmm("vm", "destroy", "lent")
    assert outcome.result == "ok", outcome.console[-2000:]
    assert outcome.fields["mismatches"] == "0"
    assert server["pages_stored"] > 10_000 and server["reads"] > 1000 and server["writes"] > 1000, server
    # Our own nodes send IP ID 0: nothing was dropped for its ICRC, and no ID was guessed.
    assert "udp_ids_recovered=0\n" in counters and "roce_drop_icrc=0\n" in counters
    wait_until(lambda: rack.nodes()[SERVER]["pages_stored"] == 0, "the frames of the destroyed VM to be free again")


def test_ends_and_comes_back(rack):
    rack.state.stop(SERVER)
    wait_until(lambda: rack.nodes()[SERVER]["state"] != "up", "the manager to miss it")
    rack.start_node(rack.rack.nodes[SERVER])
    wait_until(lambda: rack.nodes()[SERVER]["state"] == "up", "it to join again")


@pytest.mark.parametrize("arguments, why", [
    (("--name", "m2", "--ip", "203.0.113.1", "--gmm", "10.77.0.1", "--memory", "1G"), "no network card"),
    (("--name", "m2", "--ip", "10.77.0.1", "--gmm", "10.77.0.1", "--memory", "1G"), "same machine"),
    (("--name", "m2", "--ip", "127.0.0.1", "--gmm", "10.77.0.1", "--memory", "1M"), "too little"),
    (("--name", "m2", "--ip", "127.0.0.1", "--gmm", "10.77.0.1", "--memory", "-1"), "--memory -1"),
    (("--name", "m2", "--ip", "127.0.0.1", "--gmm", "10.77.0", "--memory", "1G"), "--gmm 10.77.0"),
    (("--name", "m2", "--ip", "127.0.0.1", "--gmm", "10.77.0.1", "--memory", "1G", "--mac", "52:54:00"), "--mac 52:54:00"),
    (("--name", "a" * 99, "--ip", "127.0.0.1", "--gmm", "10.77.0.1", "--memory", "1G"), "--name"),
    (("--name", "m2", "--ip", "127.0.0.1"), "usage:"),
])
def test_says_what_is_wrong(arguments, why, tmp_path):
    key = tmp_path / "rack.key"
    key.touch(mode=0o600)
    key.write_text(f"1:{'5a' * 32}\n", encoding="utf-8")
    done = subprocess.run([BUILD / "bin" / "mcomponentd", "--key-file", key, *arguments], capture_output=True, text=True, timeout=10)
    assert done.returncode in (1, 2)
    assert why in done.stderr, done.stderr
