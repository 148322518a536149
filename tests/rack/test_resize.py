# SPDX-License-Identifier: GPL-2.0-only
"""Cache shares that are resized under a guest that checks every byte of its memory."""

import concurrent.futures

import pytest
from conftest import node, wait_until

from plenum_rack import guest

LARGE, SMALL = 40 << 20, 10 << 20
RESIZES = 8


@pytest.fixture(scope="module")
def rack(make_rack):
    return make_rack("resize", "[rack]\ncapture = none\n" + node("p1", "process", "256M", boot="direct") +
                     node("m1", "memory", "512M", boot="server"))


def share(rack, name):
    vm = rack.gmm_json("vm", "show", name)
    return vm["cache_bytes"], vm["cache_wanted_bytes"]


def lines_given(rack):
    return rack.gmm_json("status")["cache_lines"]["given"]


def resize(rack, name, size, *options, check=True):
    return rack.gmm("vm", "resize", name, "--cache", str(size), *options, timeout_s=200, check=check)


def test_no_mismatch_while_it_shrinks_to_a_quarter_and_grows(rack):
    guest.create_check(rack, "web", "128M", str(LARGE), "48M", "plenum.operations=1000")
    try:
        with concurrent.futures.ThreadPoolExecutor() as pool:
            running = pool.submit(guest.follow, rack, "web", 500)
            wait_until(lambda: rack.gmm_json("vm", "show", "web")["state"] == "running", "the guest to be loaded", 200)
            wait_until(lambda: rack.gmm_json("vm", "stats", "web")["counters"]["lines_used"] > SMALL // 4096 or running.done(),
                       "the guest to fill more than the small share", 200)
            resizes = 0
            while not running.done() and resizes < RESIZES:
                resize(rack, "web", SMALL if resizes % 2 == 0 else LARGE)
                resizes += 1
                assert share(rack, "web") == (SMALL if resizes % 2 else LARGE, None)
                assert lines_given(rack) == share(rack, "web")[0] // 4096
                if resizes % 2:
                    assert rack.gmm_json("vm", "stats", "web")["counters"]["lines_used"] <= SMALL // 4096
            outcome = running.result()
    finally:
        rack.gmm("vm", "kill", "web", check=False)
        rack.gmm("vm", "destroy", "web")
    print(f"resizes={resizes} seconds={outcome.seconds:.0f}")
    assert outcome.result == "ok", outcome.console[-2000:]
    assert outcome.fields["mismatches"] == "0"
    assert resizes >= 2, "the guest ended before it could be seen"


def test_of_a_vm_that_does_not_run(rack):
    guest.create_check(rack, "idle", "64M", "16M", "8M")
    try:
        before = rack.gmm_json("vm", "show", "idle")
        assert "would resize" in resize(rack, "idle", 32 << 20, "--dry-run")
        assert share(rack, "idle") == (16 << 20, None)
        resize(rack, "idle", 32 << 20)
        assert share(rack, "idle") == (32 << 20, None) and rack.gmm_json("vm", "show", "idle")["state"] == before["state"]
        refused = resize(rack, "idle", 1 << 40, check=False)
        assert refused.returncode == 5 and "p1 has " in refused.stderr and "more" in refused.stderr
        refused = resize(rack, "idle", 4096, check=False)
        assert refused.returncode == 2 and "at least 128 KiB" in refused.stderr
        refused = resize(rack, "idle", 32 << 20, check=False)
        assert refused.returncode != 0 and "as large as that already" in refused.stderr
        rack.restart_manager()
        wait_until(lambda: rack.nodes()["p1"]["state"] == "up", "p1 to join the next manager")
        assert share(rack, "idle") == (32 << 20, None)
    finally:
        rack.gmm("vm", "destroy", "idle")


def test_goes_on_in_the_next_manager(rack):
    """gmmd is killed while it asks for a resize; the next one asks again, and the operation ends once."""
    guest.create_check(rack, "long", "128M", str(SMALL), "64M", "plenum.operations=1000")
    try:
        rack.gmm("vm", "start", "long", timeout_s=100)
        rack.gmm("--timeout", "0.05", "vm", "resize", "long", "--cache", str(LARGE), check=False)
        rack.restart_manager()
        # What is given counts from the component's join on.
        wait_until(lambda: share(rack, "long") == (LARGE, None) and lines_given(rack) == LARGE // 4096, "the resize to end", 60)
    finally:
        rack.gmm("vm", "kill", "long", check=False)
        rack.gmm("vm", "destroy", "long")
