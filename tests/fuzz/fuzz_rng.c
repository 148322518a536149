// SPDX-License-Identifier: GPL-2.0-only
/* A hostile guest at its entropy device: any registers, any memory, pages away at any access. Nothing outside memory is touched, work ends. */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "tests/unit/rng_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ACCESSES_PER_BUFFER_MAX 6u

struct operation {
	uint8_t kind, away;
	uint16_t at;
	uint32_t value;
};

static void on_random(void *context, void *bytes, uint32_t len)
{
	(void)context;
	memset(bytes, 0x5a, len);
}

static void ring_the_bell(void)
{
	static const struct rng_environment environment = { on_read, on_write, on_random, NULL };
	struct rng_work work;
	int status = 1;

	if (!rng_begin(&board.rng, &work))
		return;
	accesses = 0;
	for (uint32_t i = 0; i < RNG_QUEUE_SIZE_MAX && status == 1; i++)
		status = rng_serve(&work, &environment);
	assert(status == 1 || status == 0 || status == -EAGAIN || status == -EFAULT);
	assert(accesses <= (RNG_QUEUE_SIZE_MAX + 1) * ACCESSES_PER_BUFFER_MAX);
	rng_end(&board.rng, &work, status);
}

/* A queue that works, so that the fuzzer need not find it. */
static void set_up(void)
{
	static const struct { uint32_t offset, value; } writes[] = {
		{ 0x70, 0 }, { 0x24, 1 }, { 0x20, 1 }, { 0x70, 0xb }, { 0x30, 0 }, { 0x38, 8 }, { 0x80, 0x100 }, { 0x84, 0 }, { 0x90, 0x200 },
		{ 0x94, 0 }, { 0xa0, 0x300 }, { 0xa4, 0 }, { 0x44, 1 }, { 0x70, 0xf },
	};

	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
		rng_write(&board.rng, writes[i].offset, writes[i].value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	memset(memory, 0, sizeof(memory));
	board_init(&board, 1, DEVICES_ALL, 2000000, 0);
	for (; size >= sizeof(struct operation); data += sizeof(struct operation), size -= sizeof(struct operation)) {
		struct operation operation;

		memcpy(&operation, data, sizeof(operation));
		away = operation.away;
		switch (operation.kind % 6) {
		case 0: board_mmio_write(&board, 0, RNG_MMIO_BASE + operation.at % 0x210, 4, operation.value, 0); break;
		case 1: board_mmio_read(&board, 0, RNG_MMIO_BASE + operation.at % 0x210, 1u << operation.value % 4, 0); break;
		case 2: memcpy(memory + operation.at % (MEMORY_BYTES - 4), &operation.value, 4); break;
		case 3: set_up(); break;
		case 4: board_reset(&board); break;
		default: ring_the_bell();
		}
		assert(!board.rng.busy);
	}
	return 0;
}
