# SPDX-License-Identifier: GPL-2.0-only
"""Memory that is only promised: it is reserved as the guest uses it, a guest that finds no room waits, and goes on when there is some."""

import concurrent.futures

import pytest
from conftest import node, wait_until

from plenum_rack import guest

REGION = 64 << 20
GUEST = 6 * REGION
CACHE = "16M"


@pytest.fixture(scope="module")
def rack(make_rack):
    return make_rack("overcommit", "[rack]\ncapture = none\n" + node("p1", "process", "256M", boot="direct") +
                     node("m1", "memory", "512M", boot="server"))


def memory(rack):
    """Whole regions there are, reserved, promised."""
    pages = rack.gmm_json("status")["memory_pages"]
    return [pages[name] * 4096 // REGION for name in ("capacity", "reserved", "promised")]


def show(rack, name):
    return rack.gmm_json("vm", "show", name)


def codes(rack):
    return {check["code"] for check in rack.gmm_json("health")["checks"]}


def create(rack, name, size, *options):
    return rack.gmm("vm", "create", name, "--memory", str(size), "--cache", CACHE, "--kernel",
                    str(rack.build / "guest" / "vmlinuz"), *options, check=False)


def create_check(rack, name, work, size=GUEST):
    guest.create_check(rack, name, str(size), CACHE, work, "nokaslr plenum.operations=300 plenum.phases=fill,random",
                       options=("--overcommit", "memory"))


def fill_but(rack, regions):
    """An ordinary VM that leaves so many regions."""
    capacity, reserved, promised = memory(rack)
    assert reserved == promised == 0
    created = create(rack, "ballast", (capacity - regions) * REGION)
    assert created.returncode == 0, created.stderr
    return capacity - regions


def take_down(rack, *names):
    for name in names:
        rack.gmm("vm", "kill", name, check=False)
        rack.gmm("vm", "destroy", name, check=False)
    wait_until(lambda: memory(rack)[1:] == [0, 0], "everything to be given back")


def test_refused_beyond_the_limit(rack):
    """memory_overcommit = 200 is the default; the limit is told with its numbers, and nothing is reserved up to it."""
    capacity = memory(rack)[0]
    names = [f"vm{number}" for number in range(2 * capacity // 6 + 1)]
    try:
        planned = create(rack, names[0], GUEST, "--overcommit", "memory", "--dry-run")
        assert planned.returncode == 0 and "only promised" in planned.stdout
        results = [create(rack, name, GUEST, "--overcommit", "memory") for name in names]
        assert [result.returncode for result in results] == [0] * (len(names) - 1) + [5]
        assert "memory_overcommit = 200 allows" in results[-1].stderr
        assert memory(rack) == [capacity, 0, 6 * (len(names) - 1)]
        assert show(rack, names[0])["overcommit"] == "memory" and show(rack, names[0])["regions_promised"] == 6
        assert {place["node"] for place in show(rack, names[0])["places"]} == {None}
        assert "RACK_OVERCOMMITTED" in codes(rack)
        assert create(rack, "other", GUEST, "--overcommit", "everything").returncode == 2
    finally:
        take_down(rack, *names)


def test_a_guest_larger_than_the_rack_runs_within_it(rack):
    """Where a guest's kernel puts things is its own affair: all that the rack has is free."""
    capacity = memory(rack)[0]
    regions = 2 * capacity
    try:
        assert create(rack, "plain", regions * REGION).returncode == 5
        create_check(rack, "web", "24M", regions * REGION)
        assert memory(rack) == [capacity, 0, regions]
        outcome = guest.follow(rack, "web", 500)
        reserved, promised = memory(rack)[1:]
    finally:
        take_down(rack, "web")
    print(f"\nreserved={reserved} promised={promised} seconds={outcome.seconds:.0f}")
    assert outcome.result == "ok", outcome.console[-2000:]
    assert outcome.fields["mismatches"] == "0"
    assert 1 <= reserved <= capacity and promised == regions - reserved


def test_a_guest_that_finds_no_room_waits_and_goes_on(rack):
    ballast = fill_but(rack, 2)
    try:
        create_check(rack, "web", "200M")
        rack.gmm("vm", "start", "web", timeout_s=200)
        wait_until(lambda: "VM_MEMORY_WAITS" in codes(rack), "the guest to find no room", 500)
        wait_until(lambda: show(rack, "web")["state"] == "paused", "the guest to be paused", 60)
        waits = show(rack, "web")
        assert waits["waits_for_memory"] and "waits for memory" in waits["reason"]
        assert memory(rack)[1] == ballast + 2
        # A manager that starts again hears of it again, and nothing is given to the wrong one.
        rack.restart_manager()
        wait_until(lambda: all(row["state"] == "up" for row in rack.nodes().values()), "the nodes to join the next manager", 60)
        wait_until(lambda: show(rack, "web")["waits_for_memory"], "the next manager to hear of it", 60)
        assert "VM_MEMORY_WAITS" in codes(rack) and "VM_STALLED" not in codes(rack)
        assert memory(rack)[1] == ballast + 2
        with concurrent.futures.ThreadPoolExecutor() as pool:
            console = pool.submit(rack.gmm, "vm", "console", "web", "--no-input", "--history", "--until-state", "powered-off",
                                  timeout_s=600, check=False)
            rack.gmm("vm", "destroy", "ballast")
            wait_until(lambda: show(rack, "web")["state"] != "paused", "the guest to go on", 60)
            wait_until(lambda: "VM_MEMORY_WAITS" not in codes(rack), "the health check to be cleared", 60)
            output = console.result().stdout
        reserved, promised = memory(rack)[1:]
    finally:
        take_down(rack, "web", "ballast")
    found = guest.RESULT.search(output)
    print(f"\nreserved={reserved} promised={promised} result={found[0] if found else 'none'}")
    assert found and found[1] == "ok", output[-2000:]
    assert guest.words(found[2])["mismatches"] == "0"
    assert reserved > 2


def test_a_guest_that_waits_can_be_killed_and_destroyed(rack):
    """While it is loaded: its start ends with the reason, and whoever loads it lets go."""
    fill_but(rack, 0)
    try:
        create_check(rack, "web", "24M")
        started = rack.gmm("vm", "start", "web", timeout_s=100, check=False)
        assert started.returncode == 5 and "waits for memory" in started.stderr
        assert show(rack, "web")["state"] == "loading" and "VM_MEMORY_WAITS" in codes(rack)
        rack.gmm("vm", "kill", "web")
        assert show(rack, "web")["state"] == "stopped"
        rack.gmm("vm", "destroy", "web")
        assert memory(rack)[2] == 0
        wait_until(lambda: "VM_MEMORY_WAITS" not in codes(rack), "the health check to be cleared")
    finally:
        take_down(rack, "web", "ballast")
