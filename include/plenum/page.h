/* SPDX-License-Identifier: GPL-2.0-only */
/* Pages and regions: the two units every component counts memory in. */
#ifndef PLENUM_PAGE_H
#define PLENUM_PAGE_H

#include <stdint.h>

#include <generated/autoconf.h>

#define PAGE_SHIFT 12
#define PAGE_BYTES (1u << PAGE_SHIFT)
#define PAGE_MASK ((uint64_t)PAGE_BYTES - 1)

/* A region is the unit of placement: a run of a VM's guest-physical pages kept together. */
#define REGION_SHIFT CONFIG_REGION_SHIFT
#define REGION_BYTES (UINT64_C(1) << REGION_SHIFT)
#define REGION_PAGES ((uint32_t)(REGION_BYTES >> PAGE_SHIFT))

_Static_assert(REGION_SHIFT >= 21 && REGION_SHIFT <= 30, "a region is 2 MiB to 1 GiB");

#endif
