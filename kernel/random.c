/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Random bytes for sequence numbers, connection ids and jitter: the ChaCha20 block function (RFC 8439, 2.3) keyed from
 * RDSEED, RDRAND and the jitter of the time stamp counter, and keyed anew from its own output after each request so
 * that earlier bytes cannot be computed from the state. Keys of the rack's security come from the manager, not from
 * here: a machine without RDRAND has only jitter to start from.
 */
#include <string.h>

#include <kernel/kernel.h>
#include <kernel/random.h>
#include <kernel/x86.h>

#define STATE_WORDS 16
#define KEY_WORDS 8
#define JITTER_SAMPLES 64
#define HARDWARE_TRIES 10

#define CPUID_1_ECX_RDRAND (1 << 30)
#define CPUID_7_EBX_RDSEED (1 << 18)

static struct spinlock random_lock = SPINLOCK("random");
static uint32_t key[KEY_WORDS];
static uint64_t block_counter;

static uint32_t rotate(uint32_t value, unsigned by)
{
	return value << by | value >> (32 - by);
}

static void quarter_round(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
	*a += *b;
	*d = rotate(*d ^ *a, 16);
	*c += *d;
	*b = rotate(*b ^ *c, 12);
	*a += *b;
	*d = rotate(*d ^ *a, 8);
	*c += *d;
	*b = rotate(*b ^ *c, 7);
}

static void next_block(uint32_t out[STATE_WORDS])
{
	uint32_t state[STATE_WORDS] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };

	memcpy(&state[4], key, sizeof(key));
	state[12] = (uint32_t)block_counter;
	state[13] = (uint32_t)(block_counter >> 32);
	block_counter++;
	memcpy(out, state, sizeof(state));
	for (unsigned i = 0; i < 10; i++) {
		for (unsigned column = 0; column < 4; column++)
			quarter_round(&out[column], &out[4 + column], &out[8 + column], &out[12 + column]);
		for (unsigned column = 0; column < 4; column++)
			quarter_round(&out[column], &out[4 + (column + 1) % 4], &out[8 + (column + 2) % 4],
				      &out[12 + (column + 3) % 4]);
	}
	for (unsigned i = 0; i < STATE_WORDS; i++)
		out[i] += state[i];
}

static uint64_t hardware_random(void)
{
	uint64_t value = 0;
	bool ok = false;

	if (cpuid(0, 0).eax >= 7 && cpuid(7, 0).ebx & CPUID_7_EBX_RDSEED)
		for (unsigned i = 0; i < HARDWARE_TRIES && !ok; i++)
			__asm__ volatile("rdseed %0; setc %1" : "=r"(value), "=qm"(ok) : : "cc");
	if (!ok && cpuid(1, 0).ecx & CPUID_1_ECX_RDRAND)
		for (unsigned i = 0; i < HARDWARE_TRIES && !ok; i++)
			__asm__ volatile("rdrand %0; setc %1" : "=r"(value), "=qm"(ok) : : "cc");
	return ok ? value : 0;
}

void random_init(uint64_t entry_tsc)
{
	uint32_t block[STATE_WORDS];

	for (unsigned i = 0; i < JITTER_SAMPLES; i++) {
		uint64_t sample = read_tsc() ^ hardware_random() ^ (i ? 0 : entry_tsc);

		key[i % KEY_WORDS] ^= (uint32_t)sample;
		key[(i + 3) % KEY_WORDS] ^= (uint32_t)(sample >> 32);
		next_block(block);
		memcpy(key, block, sizeof(key));
	}
}

void random_bytes(void *context, void *bytes, size_t len)
{
	uint32_t block[STATE_WORDS];
	uint8_t *out = bytes;

	(void)context;
	spin_lock(&random_lock);
	key[0] ^= (uint32_t)read_tsc();
	while (len) {
		size_t part = len < sizeof(block) ? len : sizeof(block);

		next_block(block);
		memcpy(out, block, part);
		out += part;
		len -= part;
	}
	next_block(block);
	memcpy(key, block, sizeof(key));
	spin_unlock(&random_lock);
}
