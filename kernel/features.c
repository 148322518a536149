/* SPDX-License-Identifier: GPL-2.0-only */
#include <kernel/features.h>
#include <kernel/layout.h>
#include <kernel/x86.h>

#define CPUID_1_ECX_XSAVE (1 << 26)

void features_enable(void)
{
	uint64_t cr4 = read_cr4() | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT;

	if (cpuid(1, 0).ecx & CPUID_1_ECX_XSAVE)
		cr4 |= CR4_OSXSAVE;
	write_cr4(cr4);
	__asm__ volatile("fninit");
}
