# SPDX-License-Identifier: GPL-2.0-only
"""The kernels' network by itself: two machines with the nettest image on one wire, each card against each."""

import contextlib
import re
import subprocess

import pytest
from conftest import BUILD, wait_until

IMAGE = BUILD / "bare" / "nettest.elf"
PASSED_STATUS = 1  # isa-debug-exit: value 0 leaves with (0 << 1) | 1
TESTS = 8
KEY = f"1:{'5a' * 32}"
JUMBO_VIRTIO = "virtio-net-pci,host_mtu=9000"


class Machine:
    """One QEMU at an end of a wire, which is a Unix socket."""

    def __init__(self, log, wire, server, card, number, words, processors):
        self.log = log
        command = ["timeout", "90", "qemu-system-x86_64", "-M", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-m", "128M",
                   "-smp", str(processors), "-display", "none", "-monitor", "none", "-no-reboot",
                   "-serial", f"file:{log}", "-device", "isa-debug-exit,iobase=0xf4", "-kernel", str(IMAGE),
                   "-append", f"ip=10.9.0.{number}/24 key={KEY} {words}"]
        if card:
            command += ["-netdev", f"stream,id=net0,server={server},addr.type=unix,addr.path={wire}",
                        "-device", f"{card},netdev=net0,mac=52:54:00:00:00:0{number},romfile="]
        else:
            command += ["-nic", "none"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def stop(self):
        self.process.terminate()
        self.process.wait()


@contextlib.contextmanager
def server(directory, card, words="", processors=1):
    wire = directory / "wire"
    machine = Machine(directory / "serve.log", wire, "on", card, 2, words, processors)
    try:
        wait_until(lambda: "event=network" in machine.text(), "the serving machine's network")
        yield wire
    finally:
        machine.stop()


def ask(directory, wire, card, words="", processors=1):
    machine = Machine(directory / "ask.log", wire, "off", card, 3, f"peer=10.9.0.2 {words}", processors)
    try:
        status = machine.process.wait(timeout=95)
    finally:
        machine.stop()
    return machine.text(), status


@pytest.mark.parametrize(("serving", "asking", "words", "path_mtu", "processors"), [
    (JUMBO_VIRTIO, JUMBO_VIRTIO, "", 4096, 1),
    (JUMBO_VIRTIO, JUMBO_VIRTIO, "poll_us=20", 4096, 2),
    (f"{JUMBO_VIRTIO},event_idx=off", f"{JUMBO_VIRTIO},disable-legacy=on", "", 4096, 1),
    ("virtio-net-pci", "virtio-net-pci", "", 1024, 1),
    ("e1000e", "e1000e", "mtu=9000", 4096, 1),
    (JUMBO_VIRTIO, "e1000e", "", 1024, 2),
], ids=["virtio", "virtio polled", "virtio without event index", "virtio at 1500", "e1000e", "mixed"])
def test_transfers_and_calls(tmp_path, serving, asking, words, path_mtu, processors):
    with server(tmp_path, serving, words, processors) as wire:
        log, status = ask(tmp_path, wire, asking, words, processors)
    failures = [line for line in log.splitlines() if line.startswith(("not ok", "# failed", "E "))]
    assert failures == [] and status == PASSED_STATUS, log
    assert len(re.findall(r"^ok ", log, re.MULTILINE)) == TESTS
    assert f"path_mtu_bytes={path_mtu}" in log


def halts_with(tmp_path, card, words, reason):
    machine = Machine(tmp_path / "halt.log", tmp_path / "wire", "on", card, 2, words, 1)
    try:
        wait_until(lambda: "E halted" in machine.text(), "a panic")
        assert reason in machine.text()
    finally:
        machine.stop()


def test_no_card_is_said(tmp_path):
    halts_with(tmp_path, None, "", "panic: no network card: needs")


def test_impossible_mtu_is_said(tmp_path):
    halts_with(tmp_path, "e1000e", "mtu=100", "panic: mtu=100 is not within 576 to 9000")


def test_card_without_the_modern_interface_is_said(tmp_path):
    halts_with(tmp_path, "virtio-net-pci,disable-modern=on", "", 'nic=virtio-net pci=00:02.0 unusable="no modern interface"')
