# SPDX-License-Identifier: GPL-2.0-only
# Sections of their own, so that an image holds only what it calls.
KERNEL_FLAGS += -ffunction-sections -fdata-sections

portable-y += kernel/command_line.c kernel/format.c kernel/smbios.c kernel/efi.c kernel/boot_info.c
kernel-y += kernel/entry.S kernel/trampoline.S kernel/interrupt_entry.S kernel/thread_switch.S kernel/probe.S
kernel-y += kernel/start.c kernel/memory.c kernel/paging.c kernel/cpu.c kernel/features.c
kernel-y += kernel/interrupt.c kernel/apic.c kernel/acpi.c kernel/smp.c kernel/time.c kernel/cmos.c
kernel-y += kernel/thread.c kernel/spinlock.c kernel/vector.c kernel/random.c
kernel-y += kernel/rack_key.c kernel/log.c kernel/serial.c kernel/panic.c kernel/symbols.c kernel/power.c
kernel-y += kernel/libc/string.c kernel/libc/fortify.c
kernel-y += kernel/pci.c kernel/nic.c kernel/virtio_net.c kernel/e1000e.c

ktest-y += kernel/selftest/main.c kernel/selftest/panic_modes.c kernel/selftest/memory_tests.c
ktest-y += kernel/selftest/thread_tests.c kernel/selftest/smp_tests.c kernel/selftest/vector_tests.c

unit-tests-y += tests/unit/test_kernel_text.c tests/unit/test_smbios.c tests/unit/test_efi.c tests/unit/test_boot_info.c
fuzz-y += tests/fuzz/fuzz_command_line.c tests/fuzz/fuzz_smbios.c tests/fuzz/fuzz_efi.c tests/fuzz/fuzz_boot_info.c
