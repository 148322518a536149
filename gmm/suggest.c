// SPDX-License-Identifier: GPL-2.0-only
#include <stddef.h>
#include <string.h>

#include "gmm/suggest.h"

#define LETTERS_MAX 32u		/* longer words are not compared */

static unsigned smallest(unsigned a, unsigned b, unsigned c)
{
	unsigned least = a < b ? a : b;

	return least < c ? least : c;
}

/* Optimal string alignment: rows[i][j] is the distance of the first i letters of `a` from the first j of `b`. */
static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned rows[LETTERS_MAX + 1][LETTERS_MAX + 1];

	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= a_len; i++) {
		rows[i][0] = (unsigned)i;
		for (size_t j = 1; j <= b_len; j++) {
			rows[i][j] = smallest(rows[i - 1][j] + 1, rows[i][j - 1] + 1,
					      rows[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && rows[i - 2][j - 2] + 1 < rows[i][j])
				rows[i][j] = rows[i - 2][j - 2] + 1;
		}
	}
	return rows[a_len][b_len];
}

const char *suggest(const char *word, const char *const *candidates, unsigned count)
{
	size_t len = strlen(word);
	unsigned best = (unsigned)(len + 2) / 3 + 1;
	const char *nearest = NULL;

	if (len == 0 || len > LETTERS_MAX)
		return NULL;
	for (unsigned i = 0; i < count; i++) {
		size_t other_len = strlen(candidates[i]);
		unsigned steps;

		if (other_len > LETTERS_MAX)
			continue;
		steps = distance(word, len, candidates[i], other_len);
		if (steps < best) {
			best = steps;
			nearest = candidates[i];
		}
	}
	return nearest;
}
