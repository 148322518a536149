/* SPDX-License-Identifier: GPL-2.0-only */
#include "pcomponent/hv/svm/msr_map.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

/* Two bits an MSR (read, write), three ranges of 0x2000 MSRs in 2 KiB each: section 15.11, figure 15-3. */
static const uint32_t range_first[] = { 0x00000000, 0xc0000000, 0xc0010000 };
#define RANGE_MSRS 0x2000u
#define RANGE_BYTES 2048u

/* Switched by hardware with the guest, so that neither host nor another guest sees them (section 15.5.2). */
static const uint32_t passed_through[] = {
	0x00000174,	/* SYSENTER_CS */
	0x00000175,	/* SYSENTER_ESP */
	0x00000176,	/* SYSENTER_EIP */
	0xc0000081,	/* STAR */
	0xc0000082,	/* LSTAR */
	0xc0000083,	/* CSTAR */
	0xc0000084,	/* SFMASK */
	0xc0000100,	/* FS base */
	0xc0000101,	/* GS base */
	0xc0000102,	/* kernel GS base */
};

static void pass(uint8_t *map, uint32_t msr)
{
	for (size_t range = 0; range < sizeof(range_first) / sizeof(range_first[0]); range++) {
		uint32_t index = msr - range_first[range];

		if (msr < range_first[range] || index >= RANGE_MSRS)
			continue;
		map[range * RANGE_BYTES + index / 4] &= (uint8_t)~(3u << (index % 4 * 2));
		return;
	}
	assert(0 && "MSR outside the map");
}

void msr_map_fill(uint8_t map[MSR_MAP_BYTES])
{
	memset(map, 0xff, MSR_MAP_BYTES);
	for (size_t i = 0; i < sizeof(passed_through) / sizeof(passed_through[0]); i++)
		pass(map, passed_through[i]);
}
