# SPDX-License-Identifier: GPL-2.0-only
"""Unmodified guests across the rack: integrity at every cache size, power, console, several VMs."""

import re

import pytest
from conftest import BUILD, small_rack_text, wait_until

from plenum_rack import guest
from plenum_rack.terminal import Terminal

OPERATIONS = "plenum.operations=4000"


@pytest.fixture(scope="module")
def rack(make_rack):
    return make_rack("guest", small_rack_text(process_memory="384M", node_memory="384M"))


def check(rack, name, memory, cache, work, extra=OPERATIONS, timeout_s=240):
    guest.create_check(rack, name, memory, cache, work, extra)
    try:
        outcome = guest.follow(rack, name, timeout_s)
        stats = rack.gmm_json("vm", "stats", name)
    finally:
        rack.gmm("vm", "kill", name, check=False)
        rack.gmm("vm", "destroy", name)
    assert outcome.result == "ok", outcome.console[-2000:]
    assert outcome.fields["mismatches"] == "0"
    return outcome, stats


@pytest.mark.parametrize("percent, work", [(10, "64M"), (25, "96M"), (50, "160M"), (100, "160M")])
def test_no_mismatch_with_cache_share(rack, percent, work):
    lines = (256 << 20) * percent // 100 // 4096
    outcome, stats = check(rack, f"share{percent}", "256M", f"{lines * 4096 >> 20}M", work)
    assert int(outcome.fields["lines_checked"]) > 100_000
    if percent < 100:
        assert stats["counters"]["fills"] > 0 and stats["counters"]["write_backs"] > 0


def create_shell(rack, name, command_line="console=ttyS0 quiet plenum.run=shell", memory="128M", cache="64M"):
    rack.gmm("vm", "create", name, "--memory", memory, "--cache", cache, "--kernel", str(BUILD / "guest" / "vmlinuz"),
             "--initrd", str(BUILD / "guest" / "initramfs.cpio.gz"), "--command-line", command_line)


def history(rack, name):
    return rack.gmm("vm", "console", name, "--no-input", "--history", "--no-follow")


def state(rack, name):
    return rack.gmm_json("vm", "show", name)["state"]


def test_operators_console(rack, tmp_path):
    """The full-screen console of a rack with a guest: started, typed at, powered off and destroyed by keys."""
    command = [BUILD / "bin" / "gmm", "--socket", rack.state.socket, "console", "--interval", "0.5"]
    create_shell(rack, "tui")
    terminal = Terminal(tmp_path, command, environment={"TERM": "vt100", "LC_ALL": "C"})
    try:
        terminal.wait_for("3 of 3 nodes up", "m1", "m2")
        terminal.press("4")
        terminal.wait_for("tui        created")
        terminal.press("s")
        terminal.wait(lambda text: "gmm vm start tui: done" in text, "the guest's start", 90)
        terminal.press("c")
        terminal.wait(lambda text: "~ #" in text or "/ #" in text, "a shell prompt", 90)
        terminal.type("echo typed-$((40 + 2))")
        terminal.press("Enter")
        terminal.wait_for("\ntyped-42\n")
        terminal.press("C-]")
        terminal.wait(re.compile(r"^tui +running +p1 +\d[\d.]* MiB +128 MiB .* (us|ms)\b", re.M).search, "its counters")
        terminal.press("c")
        terminal.wait_for("typed-42")         # of what gmmd keeps
        terminal.type("poweroff -f")
        terminal.press("Enter")
        terminal.wait(lambda text: "tui  powered-off" in text, "power-off", 60)
        terminal.press("C-]", "D")
        terminal.type("tui")
        terminal.press("Enter")
        terminal.wait_for("gmm vm destroy tui: done")
        assert rack.gmm_json("vm", "list") == []
    finally:
        terminal.close()


def test_console_both_ways_and_power_off(rack):
    create_shell(rack, "shell")
    rack.gmm("vm", "start", "shell")
    wait_until(lambda: "~ #" in history(rack, "shell") or "/ #" in history(rack, "shell"), "a shell prompt", 90)
    rack.gmm("vm", "type", "shell", "echo typed-$((40 + 2))\\n")
    wait_until(lambda: "typed-42" in history(rack, "shell"), "the shell's answer")
    rack.gmm("vm", "type", "shell", "poweroff -f\\n")
    wait_until(lambda: state(rack, "shell") == "powered-off", "power-off")
    rack.gmm("vm", "destroy", "shell")


def test_reboot_starts_the_guest_again(rack):
    create_shell(rack, "again")
    rack.gmm("vm", "start", "again")
    wait_until(lambda: " #" in history(rack, "again"), "a shell prompt", 90)
    rack.gmm("vm", "type", "again", "reboot -f\\n")
    wait_until(lambda: history(rack, "again").count("plenum-guest: userspace") == 2, "the second boot", 90)
    assert rack.gmm_json("vm", "stats", "again")["counters"]["resets"] == 1
    rack.gmm("vm", "kill", "again")
    assert state(rack, "again") == "stopped"
    rack.gmm("vm", "destroy", "again")


def test_touching_what_is_not_there_gives_what_hardware_gives(rack):
    create_shell(rack, "probe", "console=ttyS0 quiet loglevel=3 plenum.run=probe")
    outcome = guest.follow(rack, "probe", 120)
    assert outcome.result == "ok", outcome.console[-2000:]
    assert int(outcome.fields["checks"]) > 70
    rack.gmm("vm", "destroy", "probe")


def test_two_vcpus_share_the_cache(rack):
    guest.create_check(rack, "pair", "128M", "32M", "48M", OPERATIONS, vcpus=2)
    outcome = guest.follow(rack, "pair", 240)
    assert outcome.result == "ok", outcome.console[-2000:]
    assert "plenum-guest: processors 2" in outcome.console
    rack.gmm("vm", "destroy", "pair")


def test_two_vms_each_with_its_own_share(rack):
    for name in ("one", "two"):
        guest.create_check(rack, name, "128M", "32M", "48M", OPERATIONS)
    rack.gmm("vm", "start", "two")
    first = guest.follow(rack, "one", 240)
    wait_until(lambda: state(rack, "two") == "powered-off", "the second VM's end", 240)
    assert first.result == "ok"
    assert "result=ok" in history(rack, "two")
    for name in ("one", "two"):
        assert rack.gmm_json("vm", "stats", name)["counters"]["lines_used"] <= (32 << 20) // 4096
        rack.gmm("vm", "destroy", name)


def test_memory_is_free_again_after_destroy(rack):
    wait_until(lambda: all(node["pages_reserved"] == 0 for node in rack.nodes().values()), "no pages reserved")


@pytest.mark.soak
@pytest.mark.parametrize("percent", [10, 25, 50, 100])
def test_guest_of_one_gigabyte(make_rack, percent):
    memory = {10: "192M", 25: "352M", 50: "640M", 100: "1200M"}[percent]
    rack = make_rack("large", small_rack_text(process_memory=memory, node_memory="768M"))
    cache = (1 << 30) * percent // 100 >> 20
    check(rack, "large", "1G", f"{cache}M", "768M", "plenum.operations=20000", timeout_s=1800)
    rack.down()
