# SPDX-License-Identifier: GPL-2.0-only
"""Regions move under a running guest that checks every byte; a drained memory component is empty."""

import pytest
from conftest import small_rack_text, wait_until

from plenum_rack import drain


@pytest.fixture(scope="module")
def rack(make_rack):
    return make_rack("drain", small_rack_text(memory_nodes=3, process_memory="256M", node_memory="256M"))


def test_drain_under_a_running_guest(rack):
    drained = drain.under_guest(rack, "m1")
    print("\n" + "\n".join(drain.report(drained)))
    assert drained.outcome.result == "ok", drained.outcome.console[-2000:]
    assert drained.outcome.fields["mismatches"] == "0"
    assert drained.guest_ran
    assert drained.regions > 0 and drained.moved["regions_moved"] == drained.regions
    assert drained.moved["pages_moved"] > 0
    assert drained.times_moved <= drain.MOVED_MAX
    node = wait_until(lambda: (lambda m1: m1 if m1["pages_reserved"] == 0 else None)(rack.nodes()["m1"]), "m1 empty")
    assert node["regions"] == 0
    assert node["admin"] == "draining"
