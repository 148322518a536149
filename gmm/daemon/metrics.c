// SPDX-License-Identifier: GPL-2.0-only
#include "gmm/daemon/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/histogram.h"

#define FIRST_BYTES 4096u
#define BOUND_FIRST 10u			/* powers of two of nanoseconds */
#define BOUND_LAST 30u
#define BUCKETS_PER_POWER 4u		/* of lib/histogram.h */

_Static_assert(BOUND_LAST * BUCKETS_PER_POWER <= WIRE_HISTOGRAM_BUCKETS, "the histogram has these bounds");

/* Room for `len` more bytes and a NUL. */
static bool make_room(struct metrics *metrics, size_t len)
{
	size_t capacity = 2 * metrics->capacity_bytes + len + FIRST_BYTES;
	char *grown;

	if (metrics->capacity_bytes - metrics->len_bytes > len)
		return true;
	grown = metrics->failed ? NULL : realloc(metrics->text, capacity);
	if (!grown) {
		metrics->failed = true;
		return false;
	}
	metrics->text = grown;
	metrics->capacity_bytes = capacity;
	return true;
}

static void put_bytes(struct metrics *metrics, const char *bytes, size_t len)
{
	if (!make_room(metrics, len))
		return;
	memcpy(metrics->text + metrics->len_bytes, bytes, len);
	metrics->len_bytes += len;
	metrics->text[metrics->len_bytes] = '\0';
}

static void put(struct metrics *metrics, const char *text)
{
	put_bytes(metrics, text, strlen(text));
}

static void put_number(struct metrics *metrics, uint64_t value)
{
	char digits[24];

	put_bytes(metrics, digits, (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, value));
}

static void put_seconds(struct metrics *metrics, uint64_t value_ns)
{
	char digits[40];

	put_bytes(metrics, digits, (size_t)snprintf(digits, sizeof(digits), "%" PRIu64 ".%09" PRIu64, value_ns / 1000000000,
						    value_ns % 1000000000));
}

void metrics_family(struct metrics *metrics, const char *name, enum metrics_type type, const char *help)
{
	static const char *const types[] = { "counter", "gauge", "histogram" };

	metrics->family = name;
	put(metrics, "# HELP ");
	put(metrics, name);
	put(metrics, " ");
	put(metrics, help);
	put(metrics, "\n# TYPE ");
	put(metrics, name);
	put(metrics, " ");
	put(metrics, types[type]);
	put(metrics, "\n");
}

static void put_value(struct metrics *metrics, const char *value)
{
	for (;;) {
		size_t plain = strcspn(value, "\"\\\n");

		put_bytes(metrics, value, plain);
		value += plain;
		if (!*value)
			return;
		put(metrics, *value == '\n' ? "\\n" : *value == '"' ? "\\\"" : "\\\\");
		value++;
	}
}

/* `bound`: of a histogram's bucket; NULL: none. */
static void put_name(struct metrics *metrics, const char *suffix, const struct metrics_label *labels, const char *bound)
{
	const char *separator = "{";

	put(metrics, metrics->family);
	put(metrics, suffix);
	for (; labels && labels->name; labels++) {
		put(metrics, separator);
		put(metrics, labels->name);
		put(metrics, "=\"");
		put_value(metrics, labels->value);
		put(metrics, "\"");
		separator = ",";
	}
	if (bound) {
		put(metrics, separator);
		put(metrics, "le=\"");
		put(metrics, bound);
		put(metrics, "\"");
	}
	put(metrics, bound || *separator == ',' ? "} " : " ");
}

static void end_count(struct metrics *metrics, uint64_t value)
{
	put_number(metrics, value);
	put(metrics, "\n");
}

static void end_time(struct metrics *metrics, uint64_t value_ns)
{
	put_seconds(metrics, value_ns);
	put(metrics, "\n");
}

void metrics_count(struct metrics *metrics, const struct metrics_label *labels, uint64_t value)
{
	put_name(metrics, "", labels, NULL);
	end_count(metrics, value);
}

void metrics_time(struct metrics *metrics, const struct metrics_label *labels, uint64_t value_ns)
{
	put_name(metrics, "", labels, NULL);
	end_time(metrics, value_ns);
}

void metrics_histogram(struct metrics *metrics, const struct metrics_label *labels, const struct wire_histogram *histogram)
{
	uint64_t below = 0, count = 0;
	unsigned bucket = 0;
	char bound[32];

	/* From a peer, whose count need not be the sum of its buckets. */
	for (unsigned i = 0; i < WIRE_HISTOGRAM_BUCKETS; i++)
		count += histogram->buckets[i];
	for (unsigned power = BOUND_FIRST; power <= BOUND_LAST; power++) {
		while (bucket < power * BUCKETS_PER_POWER)
			below += histogram->buckets[bucket++];
		snprintf(bound, sizeof(bound), "%.9g", (double)(UINT64_C(1) << power) / 1e9);
		put_name(metrics, "_bucket", labels, bound);
		end_count(metrics, below);
	}
	put_name(metrics, "_bucket", labels, "+Inf");
	end_count(metrics, count);
	put_name(metrics, "_sum", labels, NULL);
	end_time(metrics, histogram->sum_ns);
	put_name(metrics, "_count", labels, NULL);
	end_count(metrics, count);
}
