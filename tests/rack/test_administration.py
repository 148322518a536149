# SPDX-License-Identifier: GPL-2.0-only
"""The operator sets nodes aside and takes them back; what would even memory out can be seen."""

import json
import subprocess

import pytest
from conftest import BUILD, small_rack_text, wait_until

from plenum_rack import config, guest

CONFLICT = 5
NOT_FOUND = 3


@pytest.fixture(scope="module")
def rack(make_rack):
    return make_rack("admin", small_rack_text(memory_nodes=2))


@pytest.fixture(autouse=True)
def as_it_was(rack):
    yield
    for vm in rack.gmm_json("vm", "list"):
        rack.gmm("vm", "destroy", vm["name"])
    for name in rack.nodes():
        rack.gmm("node", "restore", name, check=False)
        rack.gmm("node", "uncordon", name, check=False)
    assert {node["admin"] for node in rack.nodes().values()} - {"retired"} == {"admitted"}


def make_vm(rack, name, memory="128M"):
    guest.create_check(rack, name, memory, "16M", "64M")


def nodes_of(rack, name):
    return {place["node"] for place in rack.gmm_json("vm", "show", name)["places"]}


def refused(rack, *words):
    done = rack.gmm("node", *words, check=False)
    assert done.stdout == ""
    return done.returncode, done.stderr


def test_a_cordoned_component_is_given_nothing(rack):
    make_vm(rack, "spread")
    assert nodes_of(rack, "spread") == {"m1", "m2"}
    would = rack.gmm_json("node", "drain", "m1", "--dry-run")
    assert would["would"].startswith("would move 1 region (64 MiB) of 1 VM away from m1; the others have room, ") and would["pages"] == 16384
    assert rack.gmm("region", "move", "spread", "0", "--to", "m9", "--dry-run", check=False).returncode == NOT_FOUND
    assert rack.nodes()["m1"]["admin"] == "admitted"
    rack.gmm("node", "cordon", "m1")
    assert rack.nodes()["m1"]["admin"] == "cordoned" and rack.nodes()["m1"]["state"] == "up"
    assert "cordoned" in rack.gmm("node", "list")
    make_vm(rack, "beside")
    assert nodes_of(rack, "beside") == {"m2"}
    rack.gmm("node", "cordon", "p1")
    with pytest.raises(config.RackError, match=r"no process component.*p1 cordoned.*exit 5"):
        make_vm(rack, "nowhere")


def test_maintenance_is_for_empty_components(rack):
    make_vm(rack, "guest")
    assert refused(rack, "maintenance", "m1")[0] == CONFLICT
    rack.gmm("node", "cordon", "m1")
    code, why = refused(rack, "maintenance", "m1")
    assert code == CONFLICT and "it holds 64 MiB of regions" in why
    rack.gmm("vm", "destroy", "guest")
    assert rack.gmm_json("node", "maintenance", "m1")["admin"] == "maintenance"
    code, why = refused(rack, "uncordon", "m1")
    assert code == CONFLICT and "m1 is maintenance, not cordoned" in why
    rack.gmm("node", "restore", "m1")
    make_vm(rack, "again")
    assert "m1" in nodes_of(rack, "again")


def test_transitions_that_do_not_exist(rack):
    code, why = refused(rack, "retire", "m1")
    assert code == CONFLICT and "it is up; put it into maintenance first" in why
    code, why = refused(rack, "maintenance", "p1")
    assert code == CONFLICT and "from there: cordoned, draining, retired (when absent or down)" in why
    assert refused(rack, "cordon", "m9")[0] == NOT_FOUND


def test_balance_plan_shows_the_moves(rack):
    assert rack.gmm_json("balance", "plan")["reason"] == "the rack is balanced"
    rack.gmm("node", "cordon", "m1")
    make_vm(rack, "heavy", "192M")
    rack.gmm("node", "uncordon", "m1")
    done = rack.gmm("-o", "json", "balance", "plan", check=False)
    assert done.returncode == 1, done.stderr
    plan = json.loads(done.stdout)
    assert [(move["vm"], move["from"], move["to"]) for move in plan["moves"]] == [("heavy", "m2", "m1")], plan
    assert plan["pages"] == 64 << 8 and plan["distance_after"] < plan["distance_before"]
    assert 0 < plan["ready_in_s"] <= 60
    assert nodes_of(rack, "heavy") == {"m2"}
    assert "heavy" in rack.gmm("balance", "plan", check=False).stdout


def test_balancing_waits_for_calm_and_can_be_cancelled(rack):
    rack.gmm("node", "cordon", "m1")
    make_vm(rack, "heavy", "192M")
    rack.gmm("node", "uncordon", "m1")
    with subprocess.Popen([str(BUILD / "bin" / "gmm"), "--socket", str(rack.state.socket), "balance", "apply"],
                          stderr=subprocess.PIPE, text=True) as applying:
        def running():
            return [entry for entry in rack.gmm_json("operation", "list") if entry["kind"] == "balance.apply" and entry["status"] == "running"]
        wait_until(running, "the balancing to begin")
        assert rack.gmm("balance", "apply", check=False).returncode == CONFLICT
        rack.gmm("balance", "apply", "--cancel")
        assert "cancelled" in applying.communicate(timeout=30)[1] and applying.returncode == 1
    assert nodes_of(rack, "heavy") == {"m2"} and not running()
    assert rack.gmm("balance", "apply", "--cancel", check=False).returncode == NOT_FOUND


def test_a_vm_is_on_as_many_components_as_its_spread(rack):
    rack.gmm("vm", "create", "narrow", "--memory", "128M", "--cache", "16M", "--spread", "1", "--kernel", str(BUILD / "guest" / "vmlinuz"))
    here, = nodes_of(rack, "narrow")
    there = {"m1": "m2", "m2": "m1"}[here]
    done = rack.gmm("region", "move", "narrow", "0", "--to", there, check=False)
    assert done.returncode == CONFLICT and f"narrow would be on 2 memory components, and its spread is 1; from there: one that it is on already ({here})" in done.stderr
    rack.gmm("node", "drain", here)
    assert nodes_of(rack, "narrow") == {there}
    rack.gmm("node", "drain", here, "--cancel")
    # A limit that is made smaller moves nothing, and is told of.
    rack.gmm("vm", "set", "narrow", "--spread", "2")
    rack.gmm("region", "move", "narrow", "0", "--to", here)
    rack.gmm("vm", "set", "narrow", "--spread", "1")
    shown = rack.gmm_json("vm", "show", "narrow")
    assert (shown["spread"], shown["memory_components"]) == (1, 2)
    wait_until(lambda: "narrow: on 2 memory components, its spread is 1: m1, m2" in rack.gmm("health", "detail"), "PLACEMENT_VIOLATION")
    rack.gmm("region", "move", "narrow", "0", "--to", there)
    wait_until(lambda: "PLACEMENT_VIOLATION" not in rack.gmm("health", "detail"), "it to be cleared")


def test_status_says_how_regions_are_placed(rack):
    status = rack.gmm_json("status")
    assert status["placement"] == "least" and status["rebuild_reserve"] is False


def test_a_retired_component_may_not_come_back(rack):
    """Last: it is final."""
    rack.gmm("node", "cordon", "m2")
    rack.gmm("node", "maintenance", "m2")
    rack.gmm("node", "retire", "m2")
    assert rack.nodes()["m2"]["admin"] == "retired"
    wait_until(lambda: any(event["object"] == "m2" and "it is retired" in event["text"] for event in events(rack)),
               "the machine, which still runs, to ask and be refused")
    assert rack.nodes()["m2"]["state"] == "absent"


def events(rack):
    return [json.loads(line) for line in rack.gmm("-o", "json", "events").splitlines()]
