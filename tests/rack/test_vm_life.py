# SPDX-License-Identifier: GPL-2.0-only
"""The life of VMs: stop and kill, restart policies of guests that end by themselves, on a component that is lost, too, and what devices they have."""

import time

import pytest
from conftest import BUILD, node, wait_until


@pytest.fixture(scope="module")
def rack(make_rack):
    return make_rack("vm-life", "[rack]\ncapture = none\n" + node("p1", "process", boot="direct") + node("m1", "memory", "512M", boot="server"))


def create(rack, name, run, *options):
    rack.gmm("vm", "create", name, "--memory", "96M", "--cache", "48M", "--kernel", str(BUILD / "guest" / "vmlinuz"),
             "--initrd", str(BUILD / "guest" / "initramfs.cpio.gz"), "--command-line", f"console=ttyS0 quiet plenum.run={run}", *options)


def show(rack, name):
    return rack.gmm_json("vm", "show", name)


def restarts(rack, name):
    return show(rack, name)["restart"]["count"]


def codes(rack):
    return [check["code"] for check in rack.gmm_json("health")["checks"]]


def test_a_guest_that_always_ends_is_a_crash_loop(rack, tmp_path):
    description = tmp_path / "loop.vm"
    description.write_text("[vm]\nrestart = always\nrestart-max = 2\nrestart-window = 1h\n", encoding="utf-8")
    create(rack, "loop", "poweroff", "--from", str(description))
    try:
        assert show(rack, "loop")["restart"] == {"policy": "always", "max": 2, "window_s": 3600, "wanted": False, "count": 0, "crash_loop": False}
        rack.gmm("vm", "start", "loop", timeout_s=200)
        wait_until(lambda: restarts(rack, "loop") == 1, "its first restart", 200)
        rack.restart_manager()  # which goes on counting
        wait_until(lambda: show(rack, "loop")["restart"]["crash_loop"], "it to be given up", 300)
        assert show(rack, "loop")["state"] == "powered-off" and restarts(rack, "loop") == 2
        wait_until(lambda: "VM_CRASH_LOOP" in codes(rack), "the health check")
        assert "not started again: it ended after 2 restarts" in rack.gmm("events")
        assert rack.gmm("vm", "set", "loop", "--restart", "on-failure", "--dry-run").strip() == "would change restart policy from always to on-failure of loop"
        assert show(rack, "loop")["restart"]["crash_loop"]
        rack.gmm("vm", "set", "loop", "--restart", "on-failure")  # what has switched itself off stays so
        wait_until(lambda: "VM_CRASH_LOOP" not in codes(rack), "the health check to be cleared")
        assert show(rack, "loop")["state"] == "powered-off" and restarts(rack, "loop") == 0
        assert "changed: restart policy from always to on-failure" in rack.gmm("events")
        assert rack.gmm("vm", "set", "loop", "--bandwidth", "1G", check=False).returncode == 5  # its link is not said
        before = rack.gmm_json("operation", "list")
        rack.restart_manager()
        assert show(rack, "loop")["restart"]["policy"] == "on-failure"
        assert rack.gmm_json("operation", "list") == before  # its times, too
    finally:
        rack.gmm("vm", "destroy", "loop")


def test_a_stop_is_not_undone(rack):
    create(rack, "web", "shell", "--restart", "always")
    try:
        rack.gmm("vm", "start", "web", timeout_s=200)
        rack.gmm("vm", "kill", "web")
        time.sleep(5)  # longer than the first restart would take to begin
        assert show(rack, "web")["state"] == "stopped" and restarts(rack, "web") == 0
    finally:
        rack.gmm("vm", "destroy", "web")


def test_a_lost_vm_is_made_anew(rack):
    create(rack, "web", "shell", "--restart", "always")
    try:
        rack.gmm("vm", "start", "web", timeout_s=200)
        lost = show(rack, "web")["id"]
        rack.kill("p1")
        rack.add(rack.rack.nodes["p1"], lambda line: None)
        wait_until(lambda: show(rack, "web")["id"] != lost and show(rack, "web")["state"] == "running", "it to run again", 200)
        assert restarts(rack, "web") == 1
        wait_until(lambda: "/ # " in rack.gmm("vm", "console", "web", "--history", "--no-follow", "--no-input"), "its shell", 200)
    finally:
        rack.gmm("vm", "destroy", "web")


@pytest.mark.parametrize("options, words", [
    (("--restart", "sometimes"), "no, on-failure or always"), (("--restart", "always", "--restart-max", "1001"), "1 to 1000"),
    (("--restart", "always", "--restart-window", "8d"), "604800"),
    (("--devices", "serial,kvmclok"), "there is no device 'kvmclok'; did you mean 'kvmclock'?"), (("--devices", "serial,"), "or none"),
])
def test_refused(rack, options, words):
    done = rack.gmm("vm", "create", "bad", "--memory", "96M", "--cache", "48M", "--kernel", str(BUILD / "guest" / "vmlinuz"), *options, check=False)
    assert done.returncode == 2 and words in done.stderr


def console(rack, name):
    return rack.gmm("vm", "console", name, "--history", "--no-follow", "--no-input")


def test_stop_asks_and_kill_does_not(rack):
    """A guest that listens to its power button switches itself off; one that does not is ended after the time of grace."""
    create(rack, "web", "shell")
    try:
        rack.gmm("vm", "start", "web", timeout_s=200)
        wait_until(lambda: "/ # " in console(rack, "web"), "its shell", 200)
        rack.gmm("vm", "stop", "web", "--grace", "3m", timeout_s=200)
        assert show(rack, "web")["state"] == "powered-off"
        wait_until(lambda: "plenum-guest: power button" in console(rack, "web"), "what it wrote")
        rack.gmm("vm", "start", "web", timeout_s=200)
        rack.gmm("vm", "kill", "web")
        assert show(rack, "web")["state"] == "stopped"
        refused = rack.gmm("vm", "kill", "web", check=False)
        assert refused.returncode == 5 and "web is stopped" in refused.stderr
    finally:
        rack.gmm("vm", "destroy", "web")


def test_a_guest_that_does_not_listen_is_ended(rack):
    create(rack, "deaf", "check plenum.work=16M plenum.operations=100000000")
    try:
        rack.gmm("vm", "start", "deaf", timeout_s=200)
        began = time.monotonic()
        rack.gmm("vm", "stop", "deaf", "--grace", "2")
        assert time.monotonic() - began >= 2
        assert show(rack, "deaf")["state"] == "stopped"
    finally:
        rack.gmm("vm", "destroy", "deaf")


DEVICES = ["serial", "rtc", "kvmclock", "button"]


def found(rack, name):
    """What a guest found, by the first word of its lines; it has ended then."""
    rack.gmm("vm", "start", name, timeout_s=200)
    wait_until(lambda: show(rack, name)["state"] == "powered-off", "it to end", 200)
    wait_until(lambda: "plenum-guest: power off" in console(rack, name), "what it wrote")
    lines = [line.strip().removeprefix("plenum-guest: ") for line in console(rack, name).splitlines() if "plenum-guest: " in line]
    words = {}
    for line in lines:
        words.setdefault(line.split()[0], []).append(line)
    return {word: "\n".join(several) for word, several in words.items()}


def test_a_guest_finds_the_devices_it_was_given(rack):
    create(rack, "all", "devices", "--devices", "serial,rtc,kvmclock,button,rng")
    create(rack, "few", "devices", "--devices", "serial")
    try:
        assert show(rack, "all")["devices"] == [*DEVICES, "rng"] and show(rack, "few")["devices"] == ["serial"]
        every, few = found(rack, "all"), found(rack, "few")
        assert "16550A port:000003F8" in every["uart"] and "16550A port:000003F8" in few["uart"]
        assert "PNP0501" in every["acpi"] and "PNP0501" in few["acpi"]
        for identity in ("PNP0B00", "PNP0C0C", "ACPI0013", "LNRO0005"):
            assert identity in every["acpi"] and identity not in few["acpi"]
        assert "rtc_cmos" in every["rtc"] and few["rtc"] == "rtc"
        assert "kvm-clock" in every["clock"] and "kvm-clock" not in few["clock"]
        # It counts time by its TSC, whose rate the loader has told it, and does not doubt it.
        assert "tsc" in few["clock"], few
        source, entropy = every["rng"].split()[1:]
        assert source == "virtio_rng.0" and len(bytes.fromhex(entropy)) == 16 and len(set(bytes.fromhex(entropy))) > 4
        assert few["rng"] == "rng none"
    finally:
        rack.gmm("vm", "destroy", "all")
        rack.gmm("vm", "destroy", "few")


def test_what_needs_a_device_that_is_not_there(rack, tmp_path):
    description = tmp_path / "bare.vm"
    description.write_text("[vm]\ndevices = none\n", encoding="utf-8")
    create(rack, "usual", "shell")
    create(rack, "bare", "shell", "--from", str(description))
    try:
        assert show(rack, "usual")["devices"] == DEVICES
        rack.restart_manager()
        assert show(rack, "bare")["devices"] == []
        wait_until(lambda: rack.nodes()["p1"]["state"] == "up", "p1 to join again")
        rack.gmm("vm", "start", "bare", timeout_s=200)
        for command, words in (
            (("vm", "stop", "bare"), "bare has no power button; use vm kill"), (("vm", "stop", "bare", "--dry-run"), "use vm kill"),
            (("vm", "console", "bare", "--history", "--no-follow", "--no-input"), "bare has no serial console"),
            (("vm", "type", "bare", "x"), "bare has no serial console"),
        ):
            done = rack.gmm(*command, check=False)
            assert done.returncode == 2 and words in done.stderr
        assert show(rack, "bare")["state"] == "running"
        rack.gmm("vm", "kill", "bare")
    finally:
        rack.gmm("vm", "destroy", "bare")
        rack.gmm("vm", "destroy", "usual")
