// SPDX-License-Identifier: GPL-2.0-only
/* Results for people: lists, one record a screen, histograms. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gmm/cli/cli.h"
#include "gmm/core/text.h"
#include "gmm/units.h"

#define PAGE_BYTES 4096.0
#define BAR_CHARS 40
#define CELL_BYTES UNITS_BYTES

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

/* ---------------------------------------------------------------- lists */

void print_node_list(json_t *result)
{
	static const struct column columns[] = {
		{ "NAME", "name", CELL_STRING }, { "ROLE", "role", CELL_STRING }, { "STATE", "life", CELL_STRING },
		{ "FOR", "life_s_ago", CELL_AGO },
		{ "ADDRESS", "ip", CELL_STRING }, { "CAPACITY", "pages_capacity", CELL_PAGES },
		{ "RESERVED", "pages_reserved", CELL_PAGES }, { "STORED", "pages_stored", CELL_PAGES },
		{ "BOOT", "entry_to_join_us", CELL_MICROSECONDS }, { "SEEN", "renewed_s_ago", CELL_AGO }, { 0 },
	};

	print_table(result, columns);
}

void print_machine_list(json_t *result)
{
	static const struct column columns[] = {
		{ "MAC", "mac", CELL_STRING }, { "STATE", "life", CELL_STRING }, { "FOR", "life_s_ago", CELL_AGO },
		{ "SEEN", "seen_s_ago", CELL_AGO }, { "MANUFACTURER", "manufacturer", CELL_STRING }, { "PRODUCT", "product", CELL_STRING },
		{ "SERIAL", "serial", CELL_STRING }, { "MEMORY", "memory_bytes", CELL_BYTES_SIZE }, { "CPUS", "processors", CELL_NUMBER },
		{ "SVM", "svm", CELL_STRING }, { "CONFLICT", "conflict", CELL_STRING }, { 0 },
	};

	print_table(result, columns);
}

void print_match_list(json_t *result)
{
	static const struct column columns[] = {
		{ "MAC", "mac", CELL_STRING }, { "PRODUCT", "product", CELL_STRING }, { "RULE", "rule", CELL_STRING },
		{ "AUTO", "auto", CELL_STRING }, { "NAME", "name", CELL_STRING }, { "ROLE", "role", CELL_STRING },
		{ "ADDRESS", "ip", CELL_STRING }, { "DOMAIN", "domain", CELL_STRING }, { "REASON", "reason", CELL_STRING }, { 0 },
	};

	print_table(result, columns);
}

void print_admitted(json_t *result)
{
	printf("%s is admitted: %s component, MAC %s, address %s\n", string(result, "name"), string(result, "role"), string(result, "mac"),
	       string(result, "ip"));
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

/* What one wants to know of an operation: how far it is, or why it failed. */
static json_t *operation_note(json_t *operation)
{
	json_t *progress = json_object_get(operation, "progress"), *message = json_object_get(json_object_get(operation, "error"), "message");
	json_int_t total = integer(progress, "total");

	if (message)
		return json_incref(message);
	if (total)
		return json_sprintf("%s: %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT, string(progress, "step"),
				    integer(progress, "done"), total);
	return json_string(string(progress, "step"));
}

void print_operation_list(json_t *result)
{
	static const struct column columns[] = {
		{ "ID", "id", CELL_NUMBER }, { "KIND", "kind", CELL_STRING }, { "OBJECT", "object", CELL_STRING },
		{ "STATUS", "status", CELL_STRING }, { "STARTED", "started_at", CELL_STRING }, { "ENDED", "ended_at", CELL_STRING },
		{ "NOTE", "note", CELL_STRING }, { 0 },
	};
	json_t *operation;
	size_t index;

	json_array_foreach(result, index, operation)
		json_object_set_new(operation, "note", operation_note(operation));
	print_table(result, columns);
}

void print_balance(json_t *result)
{
	static const struct column columns[] = {
		{ "BATCH", "batch", CELL_NUMBER }, { "VM", "vm", CELL_STRING }, { "INDEX", "index", CELL_NUMBER },
		{ "FROM", "from", CELL_STRING }, { "TO", "to", CELL_STRING }, { "SIZE", "pages", CELL_PAGES }, { 0 },
	};
	double ready_s = json_number_value(json_object_get(result, "ready_in_s"));
	char size[CELL_BYTES];

	printf("furthest from the rack's share: %.1f %% of its capacity now, %.1f %% after the moves\n",
	       100 * json_number_value(json_object_get(result, "distance_before")),
	       100 * json_number_value(json_object_get(result, "distance_after")));
	if (json_is_true(json_object_get(result, "spread_limits")))
		printf("no nearer: the spread of VMs (gmm vm show) keeps their regions on the components that they are on\n");
	if (string(result, "reason")[0]) {
		printf("no moves: %s\n", string(result, "reason"));
		return;
	}
	printf("moves %zu, %s", json_array_size(json_object_get(result, "moves")),
	       units_size((double)integer(result, "pages") * PAGE_BYTES, size));
	if (ready_s > 0)
		printf("; not before %.0f s from now: the rack has just changed", ready_s);
	printf("\n\n");
	print_table(json_object_get(result, "moves"), columns);
}

int exit_of_plan(struct cli *cli, json_t *result)
{
	(void)cli;
	return json_array_size(json_object_get(result, "moves")) ? EXIT_CHANGES : EXIT_OK;
}

void print_status(json_t *result)
{
	json_t *nodes = json_object_get(result, "nodes_total"), *memory = json_object_get(result, "memory_pages");
	json_t *cache = json_object_get(result, "cache_lines"), *vms = json_object_get(result, "vms");
	char a[CELL_BYTES], b[CELL_BYTES], c[CELL_BYTES];

	printf("rack of %s: %d of %d node%s up\n", string(result, "manager"), (int)integer(nodes, "up"),
	       (int)integer(nodes, "configured"), text_plural((uint64_t)integer(nodes, "configured"), "", "s"));
	if (integer(nodes, "pending"))
		printf("pending  %d %s: gmm node pending\n", (int)integer(nodes, "pending"),
		       text_plural((uint64_t)integer(nodes, "pending"), "machine that is no node", "machines that are no nodes"));
	printf("health   ");
	print_health_line(json_object_get(result, "health"));
	printf("memory   %s, reserved %s, written %s", units_size((double)integer(memory, "capacity") * PAGE_BYTES, a),
	       units_size((double)integer(memory, "reserved") * PAGE_BYTES, b),
	       units_size((double)integer(memory, "written") * PAGE_BYTES, c));
	if (integer(memory, "promised"))
		printf(", promised %s", units_size((double)integer(memory, "promised") * PAGE_BYTES, a));
	putchar('\n');
	printf("cache    %s, given to VMs %s\n", units_size((double)integer(cache, "capacity") * PAGE_BYTES, a),
	       units_size((double)integer(cache, "given") * PAGE_BYTES, b));
	printf("VMs      %d, running %d; regions %d, placed by %s\n\n", (int)integer(vms, "total"), (int)integer(vms, "running"),
	       (int)integer(result, "regions"), string(result, "placement"));
	print_node_list(json_object_get(result, "nodes"));
}

/* ---------------------------------------------------------------- records */

/* Names; "cordoned (node cordon), retired (node retire)"; how many of what does not fit a line; none. */
static void print_array(json_t *array)
{
	json_t *item = json_array_get(array, 0);
	size_t i;

	if (!item) {
		puts("none");
		return;
	}
	if (!json_is_string(item) && !json_object_get(item, "command")) {
		printf("%zu\n", json_array_size(array));
		return;
	}
	json_array_foreach(array, i, item)
		if (json_is_string(item))
			printf("%s%s", i ? ", " : "", json_string_value(item));
		else
			printf("%s%s (%s)", i ? ", " : "", string(item, "to"), string(item, "command"));
	putchar('\n');
}

static bool ends_in(const char *key, const char *end)
{
	size_t key_len = strlen(key), len = strlen(end);

	return key_len >= len && strcmp(key + key_len - len, end) == 0;
}

/* A number whose unit its name says: as people read it. False: it has none. */
static bool print_measure(const char *key, json_t *value)
{
	double number = json_number_value(value);
	char text[CELL_BYTES];

	if (!json_is_number(value))
		return false;
	if (ends_in(key, "bytes"))
		puts(units_size(number, text));
	else if (ends_in(key, "_s_ago"))
		puts(units_ago(number, text));
	else if (ends_in(key, "_ns"))
		puts(units_time(number, text));
	else if (ends_in(key, "_us"))
		puts(units_time(number * 1e3, text));
	else
		return false;
	return true;
}

static void print_record(json_t *object, int indent)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value) {
		printf("%*s%-*s ", indent, "", 20 - indent, key);
		if (print_measure(key, value))
			continue;
		if (json_is_object(value)) {
			putchar('\n');
			print_record(value, indent + 2);
		} else if (json_is_array(value)) {
			print_array(value);
		} else if (json_is_null(value)) {
			puts("-");
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
	static const struct column columns[] = {
		{ "VM", "vm", CELL_STRING }, { "INDEX", "index", CELL_NUMBER }, { "FROM", "from", CELL_STRING },
		{ "TO", "to", CELL_STRING }, { "STATE", "state", CELL_STRING }, { "PASSED", "pages_passed", CELL_PAGES },
		{ "OF", "pages", CELL_PAGES }, { 0 },
	};
	json_t *moves = json_object_get(result, "moves");

	print_record(result, 0);
	if (json_array_size(moves) == 0)
		return;
	putchar('\n');
	print_table(moves, columns);
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
	printf("  min %s  p50 %s  p90 %s\n  p99 %s  p99.9 %s  max %s\n", units_time((double)integer(histogram, "min_ns"), a),
	       units_time((double)integer(histogram, "p50_ns"), b), units_time((double)integer(histogram, "p90_ns"), c),
	       units_time((double)integer(histogram, "p99_ns"), d), units_time((double)integer(histogram, "p999_ns"), e),
	       units_time((double)integer(histogram, "max_ns"), f));
	json_array_foreach(buckets, index, bucket)
		if (integer(bucket, "count") > most)
			most = integer(bucket, "count");
	json_array_foreach(buckets, index, bucket) {
		json_int_t in = integer(bucket, "count");
		int bar = (int)((in * BAR_CHARS + most - 1) / most);

		printf("  from %10s %10" JSON_INTEGER_FORMAT " ", units_time((double)integer(bucket, "from_ns"), a), in);
		while (bar-- > 0)
			putchar('#');
		putchar('\n');
	}
}

void print_vm_stats(json_t *result)
{
	char text[CELL_BYTES];

	printf("%s on %s: %s, ran for %s\n", string(result, "name"), string(result, "node"), string(result, "state"),
	       units_time((double)integer(result, "run_ns"), text));
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

void print_moved(json_t *result)
{
	if (!json_is_null(result))
		print_record(result, 0);
}

void print_drain_progress(json_t *item)
{
	json_t *move;
	size_t index;

	fprintf(stderr, "%s: %d region%s left", string(item, "name"), (int)integer(item, "regions"),
		text_plural((uint64_t)integer(item, "regions"), "", "s"));
	json_array_foreach(json_object_get(item, "moves"), index, move) {
		json_int_t pages = integer(move, "pages");

		fprintf(stderr, "%s %s/%d to %s %d %%", index ? "," : ";", string(move, "vm"), (int)integer(move, "index"),
			string(move, "to"), pages ? (int)(integer(move, "pages_passed") * 100 / pages) : 0);
	}
	fputc('\n', stderr);
}
