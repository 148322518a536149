# SPDX-License-Identifier: GPL-2.0-only
"""Machines boot into their role: PXE with iPXE, GRUB, both network cards; what a node costs; growing a rack."""

import pytest
from conftest import node, wait_until

from plenum_rack import guest
from plenum_rack.config import load

ENTRY_TO_JOIN_MAX_US = 1_500_000
KERNEL_BYTES_MAX = 32 << 20


@pytest.fixture(scope="module")
def rack(make_rack):
    text = "[rack]\n" + node("p1", "process", "128M", boot="pxe") + node("m1", "memory", "256M", boot="pxe")
    text += node("m2", "memory", "256M", boot="grub", card="e1000e")
    return make_rack("boot", text)


def test_network_boot_goes_through_ipxe(rack):
    log = (rack.state.logs / "p1.log").read_text(encoding="utf-8", errors="replace")
    assert "iPXE" in log and "boot.ipxe" in log and "event=joined" in log


def test_grub_boots_the_same_image(rack):
    log = (rack.state.logs / "m2.log").read_text(encoding="utf-8", errors="replace")
    assert "iPXE" not in log.split("event=")[0].split("Booting from DVD")[-1] and "event=joined" in log


def test_joined_within_the_time_promised(rack):
    for name, entry in rack.nodes().items():
        assert 0 < entry["entry_to_join_us"] <= ENTRY_TO_JOIN_MAX_US, name


def test_what_a_node_keeps_for_itself(rack):
    for name, entry in rack.nodes().items():
        assert entry["kernel_bytes"] <= KERNEL_BYTES_MAX, name
        each = 64 if entry["role"] == "process" else 16
        assert entry["table_bytes"] <= each * entry["pages_capacity"] + 65536, name


def test_a_third_memory_component_takes_its_share(rack):
    with open(rack.path, "a", encoding="utf-8") as file:
        file.write(node("m3", "memory", "256M", boot="pxe"))
    rack.rack = load(rack.path)
    rack.add(rack.rack.nodes["m3"], lambda line: None)
    guest.create_check(rack, "spread", "384M", "48M", "300M", "plenum.phases=fill,sequential")
    outcome = guest.follow(rack, "spread", 300)
    assert outcome.result == "ok"
    written = wait_until(lambda: shares(rack), "load reports")
    assert min(written.values()) > 0.2, written
    rack.gmm("vm", "destroy", "spread")


def shares(rack):
    pages = {name: entry["pages_written"] for name, entry in rack.nodes().items() if entry["role"] == "memory"}
    total = sum(pages.values())
    return {name: count / total for name, count in pages.items()} if total else None


def test_captures_are_kept(rack):
    for name in ("p1", "m1", "m2"):
        assert (rack.state.logs / f"{name}.pcap").stat().st_size > 1000, name


@pytest.mark.parametrize("outstanding", [1, 32])
def test_bench_read_reports_a_histogram(rack, outstanding):
    result = rack.gmm_json("bench", "read", "p1", "m1", "--count", "200", "--outstanding", str(outstanding))
    assert result["latency"]["count"] == 200
    assert 0 < result["latency"]["p50_ns"] <= result["latency"]["p99_ns"] <= result["latency"]["max_ns"]
    assert result["elapsed_ns"] >= result["latency"]["max_ns"]
