# SPDX-License-Identifier: GPL-2.0-only
"""Bad input and failures: a clear error where the user looks, nothing lost, the rest goes on."""

import os
import pathlib
import signal
import subprocess
import time

import pytest
from conftest import BUILD, TOP, node, small_rack_text, wait_until

from plenum_rack import config, guest, network, qemu


@pytest.fixture(scope="module")
def rack(make_rack):
    return make_rack("trouble", small_rack_text(memory_nodes=2, node_memory="128M"))


def refused(rack, *words):
    """Run gmm; it must fail. Returns (exit status, message)."""
    done = rack.gmm(*words, check=False)
    assert done.returncode != 0, done.stdout
    assert done.stderr.strip(), "no message"
    return done.returncode, done.stderr


def raised(rack, name=""):
    """The health checks that are raised, or that name this VM or node: code and severity."""
    return {check["code"]: check["severity"] for check in rack.gmm_json("health")["checks"]
            if not name or any(line.startswith(f"{name}: ") for line in check["details"])}


def create(rack, name, memory="96M", cache="16M", kernel=None, command_line="console=ttyS0 quiet plenum.run=poweroff"):
    return ("vm", "create", name, "--memory", memory, "--cache", cache, "--kernel", str(kernel or BUILD / "guest" / "vmlinuz"),
            "--initrd", str(BUILD / "guest" / "initramfs.cpio.gz"), "--command-line", command_line)


def test_memory_that_the_rack_does_not_have(rack):
    status, message = refused(rack, *create(rack, "huge", memory="2G"))
    assert status == 5 and "memory" in message
    assert rack.gmm_json("vm", "list") == []
    assert all(entry["pages_reserved"] == 0 for entry in rack.nodes().values() if entry["role"] == "memory")


def test_cache_that_the_node_does_not_have(rack):
    status, message = refused(rack, *create(rack, "greedy", cache="1G"))
    assert status == 5 and "cache" in message


def test_names(rack):
    assert refused(rack, "vm", "start", "nobody")[0] == 3
    assert refused(rack, "vm", "show", "nobody")[0] == 3
    assert refused(rack, "frobnicate")[0] == 2
    assert refused(rack, "bench", "read", "p1", "m9")[0] == 3


def test_duplicate_name(rack):
    rack.gmm(*create(rack, "twice"))
    assert refused(rack, *create(rack, "twice"))[0] == 5
    rack.gmm("vm", "destroy", "twice")


def test_missing_guest_kernel(rack):
    _, message = refused(rack, *create(rack, "none", kernel="/nonexistent/vmlinuz"))
    assert "/nonexistent/vmlinuz" in message


@pytest.mark.parametrize("name, content", [("text", b"not a kernel\n" * 1000), ("short", None)])
def test_corrupt_guest_kernel(rack, tmp_path, name, content):
    kernel = tmp_path / name
    whole = (BUILD / "guest" / "vmlinuz").read_bytes()
    kernel.write_bytes(content or whole[: len(whole) // 3])
    rack.gmm(*create(rack, name, kernel=kernel))
    rack.gmm("vm", "start", name, check=False)
    shown = wait_until(lambda: failed(rack, name), "the VM to fail", 60)
    assert "kernel" in shown["reason"] or "bzImage" in shown["reason"], shown
    rack.gmm("vm", "destroy", name)


def failed(rack, name):
    shown = rack.gmm_json("vm", "show", name)
    return shown if shown["state"] == "failed" else None


def test_malformed_packets_change_nothing(rack):
    before = counters(rack, "m1")
    script = TOP / "tests" / "rack" / "send_garbage.py"
    address = rack.rack.nodes["m1"].address(rack.rack)
    subprocess.run(network.inside(rack.rack, "/usr/bin/python3", str(script), address), check=True, timeout=60)
    after = wait_until(lambda: moved(rack, before), "the refusals to be counted")
    assert after["drop_icrc"] > before["drop_icrc"]
    assert after["drop_short"] > before["drop_short"]
    guest.create_check(rack, "still", "96M", "24M", "32M", "plenum.operations=500")
    assert guest.follow(rack, "still", 120).result == "ok"
    rack.gmm("vm", "destroy", "still")


def counters(rack, name):
    lines = rack.gmm("node", "counters", name).split()
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    return {key.rpartition(".")[2].removeprefix("roce_"): int(value) for key, value in found.items() if value.isdigit()}


def moved(rack, before):
    now = counters(rack, "m1")
    return now if now["drop_icrc"] > before["drop_icrc"] and now["drop_short"] > before["drop_short"] else None


def test_a_second_rack_of_the_same_name_is_refused(rack):
    with pytest.raises(config.RackError, match="is up already"):
        rack.up(lambda line: None)
    assert rack.nodes()["m1"]["state"] == "up"


def test_port_in_use(rack):
    """A second manager in the same namespace says which port is taken and by what it might be."""
    done = subprocess.run(network.inside(rack.rack, str(BUILD / "bin" / "gmmd"), "--config", str(rack.state.run / "gmmd.conf")),
                          capture_output=True, text=True, timeout=20)
    assert done.returncode != 0
    assert "in use" in done.stderr


def test_without_tun_device():
    """In a mount namespace where /dev/net is empty."""
    done = subprocess.run(["unshare", "-m", "sh", "-c", f"mount -t tmpfs none /dev/net && exec {TOP}/testbed/rack --build {BUILD} up"],
                          capture_output=True, text=True, timeout=30)
    assert done.returncode != 0
    assert "/dev/net/tun is missing" in done.stderr


@pytest.mark.parametrize("text, words", [
    ("[rack]\n", "no nodes"),
    ("[node m1]\nmemory = 128M\n", "role is missing"),
    ("[node m1]\nrole = storage\n", "must be one of process, memory"),
    ("[node m1]\nrole = memory\nmemory = lots\n", "is not a size"),
    ("[node m1]\nrole = memory\nmemory = 1M\n", "at least 64M"),
    ("[node m1]\nrole = memory\ncolour = red\n", "unknown key 'colour'"),
    ("[rack]\naccelerator = magic\n", "must be one of auto, tcg"),
    ("[nodes]\n", "unknown section"),
    ("[node m1]\nrole = memory\n[node m1]\nrole = memory\n", "already exists"),
    ("role = memory\n", "no section headers"),
])
def test_rack_file_with_errors(tmp_path, text, words):
    path = tmp_path / "bad.rack"
    path.write_text(text, encoding="utf-8")
    done = subprocess.run([str(TOP / "testbed" / "rack"), "--file", str(path), "up"], capture_output=True, text=True, timeout=30)
    assert done.returncode != 0
    assert str(path) in done.stderr and words in done.stderr, done.stderr


def test_missing_rack_file():
    done = subprocess.run([str(TOP / "testbed" / "rack"), "--file", "/nonexistent.rack", "up"], capture_output=True, text=True, timeout=30)
    assert done.returncode != 0 and "/nonexistent.rack" in done.stderr


def test_a_memory_component_out_of_reach_for_a_while(rack):
    """Its VM pauses, keeps every line, and runs on by itself when the component answers again."""
    guest.create_check(rack, "patient", "128M", "16M", "48M", "plenum.operations=4000")
    rack.gmm("vm", "start", "patient")
    wait_until(lambda: rack.gmm_json("vm", "stats", "patient")["counters"]["write_backs"] > 1000, "write-backs", 90)
    process = rack.state.processes["m2"]["pid"]
    os.kill(process, signal.SIGSTOP)
    try:
        shown = wait_until(lambda: paused(rack, "patient"), "the VM to pause", 60)
        assert "memory component" in shown["reason"], shown
        assert raised(rack, "patient") == {"VM_STALLED": "ERR"}
        assert rack.gmm("health", "--exit-code", check=False).returncode == 2
    finally:
        os.kill(process, signal.SIGCONT)
    wait_until(lambda: rack.gmm_json("vm", "show", "patient")["state"] == "powered-off", "the VM to finish", 120)
    said = rack.gmm("vm", "console", "patient", "--no-input", "--history", "--no-follow")
    assert "result=ok" in said and "mismatches=0" in said, said[-1000:]
    rack.gmm("vm", "destroy", "patient")
    wait_until(lambda: rack.nodes()["m2"]["state"] == "up", "m2 to be up again", 30)
    assert "MNODE_DOWN" not in raised(rack, "m2")


def test_death_of_a_memory_component(rack):
    """VMs with pages there pause with the reason; a VM elsewhere and the rest of the rack go on."""
    guest.create_check(rack, "victim", "160M", "24M", "64M", "plenum.operations=2000000")
    rack.gmm("vm", "start", "victim")
    wait_until(lambda: rack.gmm_json("vm", "stats", "victim")["counters"]["write_backs"] > 2000, "write-backs", 90)
    rack.kill("m2")
    wait_until(lambda: rack.nodes()["m2"]["state"] == "down", "m2 to be seen as down", 30)
    shown = wait_until(lambda: paused(rack, "victim"), "the VM to pause", 60)
    assert "m2" in shown["reason"] or "memory" in shown["reason"], shown
    assert rack.nodes()["m1"]["state"] == "up" and rack.nodes()["p1"]["state"] == "up"
    assert raised(rack, "m2")["MNODE_DOWN"] == "WARN" and raised(rack, "victim") == {"VM_STALLED": "ERR"}
    rack.gmm("vm", "kill", "victim", check=False)
    rack.gmm("vm", "destroy", "victim")
    guest.create_check(rack, "after", "96M", "16M", "24M", "plenum.operations=500")
    assert guest.follow(rack, "after", 120).result == "ok"
    rack.gmm("vm", "destroy", "after")


def paused(rack, name):
    shown = rack.gmm_json("vm", "show", name)
    return shown if shown["state"] == "paused" else None


def test_a_dead_node_joins_again(rack):
    rack.add(rack.rack.nodes["m2"], lambda line: None)
    assert rack.nodes()["m2"]["state"] == "up"
    assert rack.nodes()["m2"]["pages_reserved"] == 0


def test_a_node_that_starts_again_before_its_lease_is_over(rack):
    """The manager still takes it for up: only a join since then means that it is back."""
    killed = time.monotonic()
    rack.kill("m2")
    assert rack.nodes()["m2"]["state"] == "up"
    rack.add(rack.rack.nodes["m2"], lambda line: None)
    assert rack.nodes()["m2"]["joined_s_ago"] < time.monotonic() - killed
    assert "started again" in rack.gmm("events")


@pytest.mark.parametrize("flags, nested, process, memory", [
    ("fpu sse2", None, "tcg", "tcg"),
    ("fpu vmx", None, "tcg", "kvm"),
    ("fpu svm", "0", "tcg", "kvm"),
    ("fpu svm", "1", "kvm", "kvm"),
])
def test_accelerator_is_what_the_processor_has(tmp_path, flags, nested, process, memory):
    for name, text in (("proc/cpuinfo", f"flags\t\t: {flags}\n"), ("dev/kvm", ""), ("sys/module/kvm_amd/parameters/nested", nested)):
        if text is not None:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
    rack = config.Rack("any")
    for role, expected in (("process", process), ("memory", memory)):
        assert qemu.accelerator(rack, config.Node("n1", role, 1), tmp_path)[1].startswith(expected)
    rack.accelerator = "tcg"
    assert qemu.accelerator(rack, config.Node("n1", "memory", 1), tmp_path)[1].startswith("tcg")


def test_death_of_a_process_component(rack):
    guest.create_check(rack, "lost", "96M", "16M", "32M", "plenum.operations=2000000")
    rack.gmm("vm", "start", "lost")
    wait_until(lambda: rack.gmm_json("vm", "show", "lost")["state"] == "running", "the VM to run", 60)
    rack.kill("p1")
    wait_until(lambda: rack.nodes()["p1"]["state"] == "down", "p1 to be seen as down", 30)
    wait_until(lambda: rack.gmm_json("vm", "show", "lost")["state"] == "lost", "the VM to be reported", 30)
    assert raised(rack, "p1")["PNODE_DOWN"] == "WARN" and raised(rack, "lost") == {"VM_LOST": "ERR"}
    rack.gmm("vm", "destroy", "lost")
    assert raised(rack, "lost") == {}
    wait_until(lambda: all(entry["pages_reserved"] == 0 for entry in rack.nodes().values() if entry["role"] == "memory"),
               "its memory to be free")
    rack.add(rack.rack.nodes["p1"], lambda line: None)


def test_manager_restart(rack):
    """Nodes join a new manager by themselves."""
    rack.restart_manager()
    rack.wait_joined(list(rack.rack.nodes), lambda line: None, 60)
