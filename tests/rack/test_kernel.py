# SPDX-License-Identifier: GPL-2.0-only
"""The kernel base by itself: its self test image in one QEMU, by each way of starting, and each panic's report."""

import re
import shutil
import subprocess

import pytest
from conftest import BUILD

IMAGE = BUILD / "bare" / "ktest.elf"
PASSED_STATUS = 1  # isa-debug-exit: value 0 leaves with (0 << 1) | 1
MULTIBOOT1_MAGIC = (0x1BADB002).to_bytes(4, "little")


def qemu(*arguments, machine="q35", processors=2, timeout_s=60):
    """Serial output and exit status; a machine that halts is stopped when it says so."""
    command = ["qemu-system-x86_64", "-M", machine, "-accel", "tcg,thread=multi", "-cpu", "max", "-m", "128M", "-smp",
               str(processors), "-display", "none", "-serial", "stdio", "-monitor", "none", "-no-reboot",
               "-device", "isa-debug-exit,iobase=0xf4", *arguments]
    lines = []
    with subprocess.Popen(["timeout", str(timeout_s), *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, errors="replace") as process:
        for line in process.stdout:
            lines.append(line.rstrip())
            if lines[-1] == "E halted":
                process.terminate()
        status = process.wait()
    return "\n".join(lines), status


def start(*words, image=IMAGE, **options):
    return qemu("-kernel", str(image), "-append", " ".join(words), **options)


def check_all_passed(log, status, loader):
    assert f"loader={loader} " in log
    failures = [line for line in log.splitlines() if line.startswith(("not ok", "# failed", "E "))]
    assert failures == [] and status == PASSED_STATUS, log
    assert int(re.search(r"^# passed=(\d+) failed=0", log, re.MULTILINE)[1]) >= 25


@pytest.fixture(scope="module")
def pvh_image(tmp_path_factory):
    """QEMU takes the multiboot header when there is one: hide it, and it looks for the PVH note."""
    data = IMAGE.read_bytes()
    assert data.count(MULTIBOOT1_MAGIC) == 1
    path = tmp_path_factory.mktemp("pvh") / "pvh.elf"
    path.write_bytes(data.replace(MULTIBOOT1_MAGIC, bytes(4)))
    return path


@pytest.mark.parametrize("processors", [1, 2, 3])
def test_self_test_by_multiboot1(processors):
    log, status = start(processors=processors)
    check_all_passed(log, status, "multiboot1")
    assert f"event=cpus count={processors}" in log


def test_self_test_by_pvh(pvh_image):
    check_all_passed(*start("word=value", image=pvh_image), "pvh")


def test_self_test_on_a_machine_without_legacy_devices(pvh_image):
    check_all_passed(*start(image=pvh_image, machine="microvm"), "pvh")


def test_self_test_by_grub_multiboot2(tmp_path):
    tree = tmp_path / "iso"
    (tree / "boot" / "grub").mkdir(parents=True)
    shutil.copy(IMAGE, tree / "boot")
    (tree / "boot" / "grub" / "grub.cfg").write_text("multiboot2 /boot/ktest.elf from=grub\nboot\n", encoding="utf-8")
    iso = tmp_path / "ktest.iso"
    subprocess.run(["grub-mkrescue", "-o", str(iso), str(tree)], check=True, capture_output=True)
    log, status = qemu("-cdrom", str(iso))
    check_all_passed(log, status, "multiboot2")
    assert 'command_line="from=grub"' in log


@pytest.mark.parametrize("mode, reason, named", [
    ("panic", "asked for by the command line: test=panic", ["selftest_inner", "selftest_outer", "component_main"]),
    ("assert", "assertion failed: one == 0 (kernel/selftest/panic_modes.c:", ["mode_assert"]),
    ("overflow", "stack overflow: address=0xffffd0000", ["overflow"]),
    ("lock", "thread_wait with lock mode_lock held", ["thread_wait", "mode_lock_over_wait"]),
    ("sealed", "boot_alloc after kernel_seal()", ["boot_alloc", "mode_sealed"]),
    ("write-text", "page fault: write address=0xffffffff80201000 not allowed", ["mode_write_text"]),
    ("smash", "stack smashed", ["mode_smash"]),
    ("vector-wait", "thread_wait between vector_begin and vector_end", ["thread_wait", "mode_vector_wait"]),
    ("vector-nested", "vector_begin between vector_begin and vector_end", ["vector_begin", "mode_vector_nested"]),
    ("vector-unlock", "vector_end with interrupts on", ["vector_end", "mode_vector_unlock"]),
    ("number", "command line: number=12Q is not a number", ["command_line_number"]),
])
def test_panic_says_why_and_where(mode, reason, named):
    log, _ = start(f"test={mode}", "number=12Q")
    assert f"E panic: {reason}" in log
    backtrace = log.split("E backtrace:")[1]
    places = [re.search(rf"#\d+ +ffffffff[0-9a-f]{{8}} {name}[.+]", backtrace) for name in named]
    assert all(places), backtrace
    assert [place.start() for place in places] == sorted(place.start() for place in places)


def test_panic_reboots_when_told():
    log, status = start("test=panic", "panic=reboot")
    assert log.endswith("E rebooting (panic=reboot)")
    assert status == 0  # QEMU leaves on a reset because of -no-reboot
