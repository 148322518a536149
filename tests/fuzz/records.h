/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fuzzer input as records of one size, each an operation with its arguments: what a record does not say is 0. The mutator
 * changes, drops, repeats and exchanges whole records, so that what was found to lead somewhere still does after a change
 * before it.
 */
#ifndef PLENUM_TESTS_FUZZ_RECORDS_H
#define PLENUM_TESTS_FUZZ_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define RECORD_BYTES 12u
#define RECORDS_MAX 64u			/* what comes later is not looked at: a long input is a slow one */

struct input {
	const uint8_t *data;
	size_t left;
};

static inline uint8_t take(struct input *input)
{
	if (input->left == 0)
		return 0;
	input->left--;
	return *input->data++;
}

/* The next record of `all`; the last one may be cut short. False: there is none. */
static inline bool take_record(struct input *all, struct input *record)
{
	size_t len = all->left < RECORD_BYTES ? all->left : RECORD_BYTES;

	*record = (struct input){ all->data, len };
	all->data += len;
	all->left -= len;
	return len > 0;
}

/* ---------------------------------------------------------------- called by libFuzzer */

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t size_max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_size, const uint8_t *other, size_t other_size, uint8_t *out,
				 size_t out_size_max, unsigned seed);

static inline size_t records_within(size_t size)
{
	return size / RECORD_BYTES < RECORDS_MAX ? size / RECORD_BYTES : RECORDS_MAX;
}

/* Any change of one record that libFuzzer knows: bits, values that comparisons were seen to want, ... */
static inline void record_mutate(uint8_t *record)
{
	size_t size = LLVMFuzzerMutate(record, RECORD_BYTES, RECORD_BYTES);

	memset(record + size, 0, RECORD_BYTES - size);
}

/* Make room for `run` records at `at`; false when there is none. */
static inline bool records_open(uint8_t *data, size_t *count, size_t count_max, size_t at, size_t run)
{
	if (*count + run > count_max)
		return false;
	memmove(data + (at + run) * RECORD_BYTES, data + at * RECORD_BYTES, (*count - at) * RECORD_BYTES);
	*count += run;
	return true;
}

/* Say the records from `from` on again at `at`, or, where there are none, one that is new. */
static inline size_t records_insert(uint8_t *data, size_t count, size_t count_max, size_t at, size_t from, size_t run)
{
	uint8_t copy[8 * RECORD_BYTES] = { 0 };

	if (from + run > count)
		run = count - from;
	memcpy(copy, data + from * RECORD_BYTES, run * RECORD_BYTES);
	if (run == 0) {
		run = 1;
		record_mutate(copy);
	}
	if (records_open(data, &count, count_max, at, run))
		memcpy(data + at * RECORD_BYTES, copy, run * RECORD_BYTES);
	return count;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
	size_t count = records_within(size), count_max = records_within(size_max);
	size_t at = count > 0 ? (seed >> 4) % count : 0, other = count > 0 ? (seed >> 14) % count : 0;
	uint8_t record[RECORD_BYTES];

	if (count_max == 0)
		return LLVMFuzzerMutate(data, size, size_max);
	switch (count == 0 ? 0 : seed & 15) {
	case 0:
	case 1:
		return RECORD_BYTES * records_insert(data, count, count_max, at, count, 0);
	case 2:
	case 3:
		return RECORD_BYTES * records_insert(data, count, count_max, at, other, 1 + (seed >> 24) % 8);
	case 4:
		memmove(data + at * RECORD_BYTES, data + (at + 1) * RECORD_BYTES, (count - at - 1) * RECORD_BYTES);
		return (count - 1) * RECORD_BYTES;
	case 5:
		memcpy(record, data + at * RECORD_BYTES, RECORD_BYTES);
		memcpy(data + at * RECORD_BYTES, data + other * RECORD_BYTES, RECORD_BYTES);
		memcpy(data + other * RECORD_BYTES, record, RECORD_BYTES);
		break;
	case 6:
		data[at * RECORD_BYTES] = (uint8_t)(seed >> 24);	/* another operation with the same arguments */
		break;
	default:
		record_mutate(data + at * RECORD_BYTES);
		break;
	}
	return count * RECORD_BYTES;
}

/* The beginning of one, the end of the other. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_size, const uint8_t *other, size_t other_size, uint8_t *out,
				 size_t out_size_max, unsigned seed)
{
	size_t head = (seed & 0xffff) % (one_size / RECORD_BYTES + 1) * RECORD_BYTES;
	size_t skip = (seed >> 16) % (other_size / RECORD_BYTES + 1) * RECORD_BYTES;
	size_t tail = (other_size - skip) / RECORD_BYTES * RECORD_BYTES;

	out_size_max = records_within(out_size_max) * RECORD_BYTES;
	if (head > out_size_max)
		head = out_size_max;
	if (tail > out_size_max - head)
		tail = out_size_max - head;
	memcpy(out, one, head);
	memcpy(out + head, other + skip, tail);
	return head + tail;
}

#endif
