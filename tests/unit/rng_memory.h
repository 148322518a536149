/* SPDX-License-Identifier: GPL-2.0-only */
/* An entropy device and the guest's memory that it reaches; any access can find its page away. */
#ifndef PLENUM_TEST_RNG_MEMORY_H
#define PLENUM_TEST_RNG_MEMORY_H

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "pcomponent/dev/dev.h"

#define MEMORY_BYTES 0x4000u

static struct board board;
static uint8_t memory[MEMORY_BYTES];
static uint32_t away;			/* so many accesses until one finds its page away; 0: none does */
static uint32_t accesses;

static int touch(uint64_t address, uint32_t len)
{
	assert(len > 0 && len <= RNG_BYTES_MAX);
	accesses++;
	if (address >= MEMORY_BYTES || len > MEMORY_BYTES - address)
		return -EFAULT;
	return away && --away == 0 ? -EAGAIN : 0;
}

static int on_read(void *context, uint64_t address, void *bytes, uint32_t len)
{
	int status = touch(address, len);

	(void)context;
	if (!status)
		memcpy(bytes, memory + address, len);
	return status;
}

static int on_write(void *context, uint64_t address, const void *bytes, uint32_t len)
{
	int status = touch(address, len);

	(void)context;
	if (!status)
		memcpy(memory + address, bytes, len);
	return status;
}

#endif
