// SPDX-License-Identifier: GPL-2.0-only
/* Results for people: tables, one record a screen, histograms. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gmm/cli/cli.h"

#define PAGE_BYTES 4096.0
#define BAR_CHARS 40
#define COLUMNS_MAX 10
#define CELL_BYTES 64

void print_json(json_t *value)
{
	json_dumpf(value ? value : json_null(), stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	putchar('\n');
}

void print_json_line(json_t *value)
{
	json_dumpf(value, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
	putchar('\n');
}

static json_int_t integer(json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *string(json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "";
}

static const char *size_text(double bytes, char text[CELL_BYTES])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	unsigned unit = 0;

	while (bytes >= 1024 && unit < 4) {
		bytes /= 1024;
		unit++;
	}
	snprintf(text, CELL_BYTES, bytes == (double)(long)bytes ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
	return text;
}

static const char *time_text(double ns, char text[CELL_BYTES])
{
	if (ns < 1e3)
		snprintf(text, CELL_BYTES, "%.0f ns", ns);
	else if (ns < 1e6)
		snprintf(text, CELL_BYTES, "%.1f us", ns / 1e3);
	else if (ns < 1e9)
		snprintf(text, CELL_BYTES, "%.2f ms", ns / 1e6);
	else
		snprintf(text, CELL_BYTES, "%.2f s", ns / 1e9);
	return text;
}

/* ---------------------------------------------------------------- tables */

enum cell { CELL_STRING, CELL_NUMBER, CELL_PAGES, CELL_BYTES_SIZE, CELL_AGO, CELL_MICROSECONDS };

struct column {
	const char *title;
	const char *key;
	enum cell cell;
};

static void cell_text(json_t *row, const struct column *column, char text[CELL_BYTES])
{
	json_t *value = json_object_get(row, column->key);
	double number = json_number_value(value);

	if (!value || json_is_null(value)) {
		strcpy(text, "-");
		return;
	}
	switch (column->cell) {
	case CELL_STRING:
		snprintf(text, CELL_BYTES, "%s", string(row, column->key)[0] ? string(row, column->key) : "-");
		break;
	case CELL_NUMBER: snprintf(text, CELL_BYTES, "%" JSON_INTEGER_FORMAT, json_integer_value(value)); break;
	case CELL_PAGES: size_text(number * PAGE_BYTES, text); break;
	case CELL_BYTES_SIZE: size_text(number, text); break;
	case CELL_AGO: snprintf(text, CELL_BYTES, "%.1f s", number); break;
	case CELL_MICROSECONDS: time_text(number * 1e3, text); break;
	}
}

static void print_table(json_t *rows, const struct column *columns)
{
	size_t widths[COLUMNS_MAX] = { 0 }, index;
	char text[CELL_BYTES];
	json_t *row;

	for (int i = 0; columns[i].title; i++) {
		widths[i] = strlen(columns[i].title);
		json_array_foreach(rows, index, row) {
			cell_text(row, &columns[i], text);
			if (strlen(text) > widths[i])
				widths[i] = strlen(text);
		}
	}
	for (int i = 0; columns[i].title; i++)
		printf("%*s%s", columns[i].cell == CELL_STRING ? -(int)widths[i] : (int)widths[i], columns[i].title,
		       columns[i + 1].title ? "  " : "\n");
	json_array_foreach(rows, index, row)
		for (int i = 0; columns[i].title; i++) {
			cell_text(row, &columns[i], text);
			printf("%*s%s", columns[i].cell == CELL_STRING ? -(int)widths[i] : (int)widths[i], text,
			       columns[i + 1].title ? "  " : "\n");
		}
}

void print_node_list(json_t *result)
{
	static const struct column columns[] = {
		{ "NAME", "name", CELL_STRING }, { "ROLE", "role", CELL_STRING }, { "STATE", "state", CELL_STRING },
		{ "ADDRESS", "ip", CELL_STRING }, { "CAPACITY", "pages_capacity", CELL_PAGES },
		{ "RESERVED", "pages_reserved", CELL_PAGES }, { "STORED", "pages_stored", CELL_PAGES },
		{ "BOOT", "entry_to_join_us", CELL_MICROSECONDS }, { "SEEN", "renewed_s_ago", CELL_AGO }, { 0 },
	};

	print_table(result, columns);
}

void print_vm_list(json_t *result)
{
	static const struct column columns[] = {
		{ "NAME", "name", CELL_STRING }, { "STATE", "state", CELL_STRING }, { "NODE", "node", CELL_STRING },
		{ "MEMORY", "memory_bytes", CELL_BYTES_SIZE }, { "CACHE", "cache_bytes", CELL_BYTES_SIZE },
		{ "VCPUS", "vcpus", CELL_NUMBER }, { "REGIONS", "regions", CELL_NUMBER },
		{ "FOR", "changed_s_ago", CELL_AGO }, { "REASON", "reason", CELL_STRING }, { 0 },
	};

	print_table(result, columns);
}

void print_region_list(json_t *result)
{
	static const struct column columns[] = {
		{ "VM", "vm", CELL_STRING }, { "INDEX", "index", CELL_NUMBER }, { "NODE", "node", CELL_STRING },
		{ "OWNER", "owner", CELL_STRING }, { "SIZE", "pages", CELL_PAGES }, { "EPOCH", "epoch", CELL_NUMBER },
		{ "STATE", "state", CELL_STRING }, { 0 },
	};

	print_table(result, columns);
}

void print_operation_list(json_t *result)
{
	static const struct column columns[] = {
		{ "ID", "id", CELL_NUMBER }, { "KIND", "kind", CELL_STRING }, { "OBJECT", "object", CELL_STRING },
		{ "STATUS", "status", CELL_STRING }, { "STARTED", "started_at", CELL_STRING }, { "ENDED", "ended_at", CELL_STRING },
		{ 0 },
	};

	print_table(result, columns);
}

void print_status(json_t *result)
{
	json_t *nodes = json_object_get(result, "nodes_total"), *memory = json_object_get(result, "memory_pages");
	json_t *cache = json_object_get(result, "cache_lines"), *vms = json_object_get(result, "vms");
	char a[CELL_BYTES], b[CELL_BYTES], c[CELL_BYTES];

	printf("rack of %s: %d of %d nodes up\n", string(result, "manager"), (int)integer(nodes, "up"),
	       (int)integer(nodes, "configured"));
	printf("memory   %s, reserved %s, written %s\n", size_text((double)integer(memory, "capacity") * PAGE_BYTES, a),
	       size_text((double)integer(memory, "reserved") * PAGE_BYTES, b),
	       size_text((double)integer(memory, "written") * PAGE_BYTES, c));
	printf("cache    %s, given to VMs %s\n", size_text((double)integer(cache, "capacity") * PAGE_BYTES, a),
	       size_text((double)integer(cache, "given") * PAGE_BYTES, b));
	printf("VMs      %d, running %d; regions %d\n\n", (int)integer(vms, "total"), (int)integer(vms, "running"),
	       (int)integer(result, "regions"));
	print_node_list(json_object_get(result, "nodes"));
}

/* ---------------------------------------------------------------- records */

static void print_record(json_t *object, int indent)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value) {
		printf("%*s%-*s ", indent, "", 20 - indent, key);
		if (json_is_object(value)) {
			putchar('\n');
			print_record(value, indent + 2);
		} else if (json_is_array(value)) {
			printf("%zu\n", json_array_size(value));
		} else if (json_is_string(value)) {
			printf("%s\n", json_string_value(value));
		} else if (json_is_real(value)) {
			printf("%.1f\n", json_real_value(value));
		} else {
			json_dumpf(value, stdout, JSON_ENCODE_ANY);
			putchar('\n');
		}
	}
}

void print_node(json_t *result)
{
	print_record(result, 0);
}

void print_vm(json_t *result)
{
	static const struct column columns[] = {
		{ "INDEX", "index", CELL_NUMBER }, { "NODE", "node", CELL_STRING }, { "SIZE", "pages", CELL_PAGES },
		{ "STATE", "state", CELL_STRING }, { 0 },
	};

	print_record(result, 0);
	putchar('\n');
	print_table(json_object_get(result, "places"), columns);
}

void print_text(json_t *result)
{
	fputs(json_string_value(result) ? json_string_value(result) : "", stdout);
}

void print_event(json_t *event)
{
	printf("%s  %-8s %-12s %s\n", string(event, "time"), string(event, "kind"), string(event, "object"),
	       string(event, "text"));
}

/* ---------------------------------------------------------------- histograms */

static void print_histogram(const char *title, json_t *histogram)
{
	json_t *buckets = json_object_get(histogram, "buckets"), *bucket;
	json_int_t most = 0, count = integer(histogram, "count");
	char a[CELL_BYTES], b[CELL_BYTES], c[CELL_BYTES], d[CELL_BYTES], e[CELL_BYTES], f[CELL_BYTES];
	size_t index;

	printf("\n%s: %" JSON_INTEGER_FORMAT "\n", title, count);
	if (count == 0)
		return;
	printf("  min %s  p50 %s  p90 %s  p99 %s  p99.9 %s  max %s\n", time_text((double)integer(histogram, "min_ns"), a),
	       time_text((double)integer(histogram, "p50_ns"), b), time_text((double)integer(histogram, "p90_ns"), c),
	       time_text((double)integer(histogram, "p99_ns"), d), time_text((double)integer(histogram, "p999_ns"), e),
	       time_text((double)integer(histogram, "max_ns"), f));
	json_array_foreach(buckets, index, bucket)
		if (integer(bucket, "count") > most)
			most = integer(bucket, "count");
	json_array_foreach(buckets, index, bucket) {
		json_int_t in = integer(bucket, "count");
		int bar = (int)((in * BAR_CHARS + most - 1) / most);

		printf("  from %10s %10" JSON_INTEGER_FORMAT " ", time_text((double)integer(bucket, "from_ns"), a), in);
		while (bar-- > 0)
			putchar('#');
		putchar('\n');
	}
}

void print_vm_stats(json_t *result)
{
	char text[CELL_BYTES];

	printf("%s on %s: %s, ran for %s\n", string(result, "name"), string(result, "node"), string(result, "state"),
	       time_text((double)integer(result, "run_ns"), text));
	print_record(json_object_get(result, "counters"), 2);
	print_histogram("misses over the wire, fault to resumed guest", json_object_get(result, "miss"));
	print_histogram("the READ inside them", json_object_get(result, "read"));
	print_histogram("null exits", json_object_get(result, "exit"));
}

void print_bench(json_t *result)
{
	json_t *latency = json_object_get(result, "latency");
	json_int_t elapsed_ns = integer(result, "elapsed_ns");

	print_histogram("READs", latency);
	if (elapsed_ns)
		printf("  %.0f READs a second\n", (double)integer(latency, "count") * 1e9 / (double)elapsed_ns);
}

void print_keys(json_t *result)
{
	static const struct column columns[] = { { "KEY", "id", CELL_NUMBER }, { "STATE", "state", CELL_STRING }, { 0 } };
	json_t *waiting = json_object_get(result, "nodes_waiting"), *name;
	size_t index;

	print_table(json_object_get(result, "keys"), columns);
	json_array_foreach(waiting, index, name)
		printf("%s%s", index ? ", " : "not yet on: ", json_string_value(name));
	if (json_array_size(waiting) > 0)
		putchar('\n');
}
