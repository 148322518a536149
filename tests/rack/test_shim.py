# SPDX-License-Identifier: GPL-2.0-only
"""The hypervisor shim by itself: a stock kernel in one VM whose pages all come late, no rack around it."""

import subprocess

import pytest
from conftest import BUILD


def boot(words, late, timeout_s=150):
    """Serial output of hvtest.elf with the test guest; words go to the guest's command line."""
    command = ["timeout", str(timeout_s), "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-M", "q35", "-m", "768M",
               "-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot", "-kernel", str(BUILD / "bare" / "hvtest.elf"),
               "-initrd", f"{BUILD}/guest/vmlinuz,{BUILD}/guest/initramfs.cpio.gz", "-append",
               f"memory=256M late={late} append={';'.join(words)}"]
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace") as process:
        for line in process.stdout:
            lines.append(line.rstrip())
            if "reboot: Power down" in line or lines[-1].endswith("E halted"):
                process.terminate()
    return "\n".join(lines)


@pytest.mark.parametrize("late", [1, 7])
def test_a_stock_kernel_runs_on_pages_that_come_late(late):
    log = boot(["console=ttyS0", "quiet", "loglevel=3", "panic=-1", "plenum.run=check", "plenum.work=32M", "plenum.operations=1000"], late)
    assert "plenum-guest: userspace" in log, log[-2000:]
    assert "result=ok" in log and "E halted" not in log, log[-2000:]


def test_what_is_not_there_answers_as_hardware_does():
    log = boot(["console=ttyS0", "quiet", "loglevel=3", "panic=-1", "plenum.run=probe"], 3)
    assert "result=ok checks=" in log, log[-2000:]
