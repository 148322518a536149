# SPDX-License-Identifier: GPL-2.0-only
pcomponent-y += pcomponent/main_pcomponent.c pcomponent/main_vcpu.c pcomponent/main_vm.c pcomponent/main_load.c \
	pcomponent/main_report.c pcomponent/main_bench.c pcomponent/main_counters.c
