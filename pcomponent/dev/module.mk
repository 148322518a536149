# SPDX-License-Identifier: GPL-2.0-only
portable-y += $(addprefix pcomponent/dev/,lapic.c lapic_registers.c lapic_timer.c ioapic.c uart.c rtc.c rng.c board.c pvclock.c acpi.c)
unit-tests-y += tests/unit/test_dev_lapic.c tests/unit/test_dev_uart.c tests/unit/test_dev_board.c tests/unit/test_dev_rng.c
fuzz-y += tests/fuzz/fuzz_board.c tests/fuzz/fuzz_rng.c
