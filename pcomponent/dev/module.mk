# SPDX-License-Identifier: GPL-2.0-only
portable-y += $(addprefix pcomponent/dev/,lapic.c lapic_registers.c lapic_timer.c ioapic.c uart.c rtc.c board.c pvclock.c acpi.c)
