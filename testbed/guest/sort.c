// SPDX-License-Identifier: GPL-2.0-only
/* Quicksort over a part of the memory: the access pattern of a real program, and a result that can be checked. */
#include <stdio.h>

#include "check.h"

#define INSERTION_MAX 16u
#define DEPTH_MAX 64u

static void insertion_sort(uint64_t *numbers, uint64_t count)
{
	for (uint64_t i = 1; i < count; i++) {
		uint64_t number = numbers[i], at = i;

		for (; at > 0 && numbers[at - 1] > number; at--)
			numbers[at] = numbers[at - 1];
		numbers[at] = number;
	}
}

static uint64_t median(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t low = a < b ? a : b, high = a < b ? b : a;

	return c < low ? low : c > high ? high : c;
}

/* Hoare's partition: everything up to the returned index is at most what follows; both sides are non-empty. */
static uint64_t partition(uint64_t *numbers, uint64_t count)
{
	uint64_t pivot = median(numbers[0], numbers[count / 2], numbers[count - 1]);
	uint64_t left = 0, right = count - 1;

	for (;;) {
		while (numbers[left] < pivot)
			left++;
		while (numbers[right] > pivot)
			right--;
		if (left >= right)
			return right == count - 1 ? right - 1 : right;
		uint64_t number = numbers[left];

		numbers[left++] = numbers[right];
		numbers[right--] = number;
	}
}

/* The smaller side first, the larger one by the loop: the stack stays as deep as the logarithm. */
static void quicksort(uint64_t *numbers, uint64_t count)
{
	struct { uint64_t *numbers; uint64_t count; } stack[DEPTH_MAX];
	uint32_t depth = 0;

	for (;;) {
		while (count > INSERTION_MAX) {
			uint64_t left = partition(numbers, count) + 1, right = count - left;
			bool left_is_smaller = left < right;

			stack[depth].numbers = left_is_smaller ? numbers + left : numbers;
			stack[depth++].count = left_is_smaller ? right : left;
			numbers = left_is_smaller ? numbers : numbers + left;
			count = left_is_smaller ? left : right;
		}
		insertion_sort(numbers, count);
		if (!depth)
			return;
		numbers = stack[--depth].numbers;
		count = stack[depth].count;
	}
}

struct digest {
	uint64_t sum, hashes;
};

/* The same for every order of the same numbers. */
static struct digest digest_of(const uint64_t *numbers, uint64_t count)
{
	struct digest digest = { 0, 0 };

	for (uint64_t i = 0; i < count; i++) {
		digest.sum += numbers[i];
		digest.hashes += mix(numbers[i] ^ 0x5bd1e995);
	}
	return digest;
}

bool sort_run(struct check *check)
{
	struct digest before, after;

	for (uint64_t i = 0; i < check->numbers_count; i++)
		check->numbers[i] = next_random(check);
	before = digest_of(check->numbers, check->numbers_count);
	quicksort(check->numbers, check->numbers_count);
	for (uint64_t i = 1; i < check->numbers_count; i++) {
		if (check->numbers[i - 1] <= check->numbers[i])
			continue;
		printf("mismatch field=order index=%lu\n", (unsigned long)i);
		return false;
	}
	after = digest_of(check->numbers, check->numbers_count);
	if (after.sum != before.sum || after.hashes != before.hashes) {
		printf("mismatch field=numbers\n");
		return false;
	}
	check->lines_checked += check->numbers_count * sizeof(uint64_t) / LINE_BYTES;
	return true;
}
