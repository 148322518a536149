// SPDX-License-Identifier: GPL-2.0-only
/* Metrics: a lint for the text format and for the names, run over a whole rack's; and that the numbers are the rack's. */
#include "gmm/daemon/metrics.h"
#include "lib/histogram.h"
#include "tests/unit/gmm_fixture.h"

#define LINES_MAX 40000
#define VMS (NODES_MAX / 2 * VMS_PER_NODE_MAX)
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789_"

/* ---------------------------------------------------------------- the lint */

struct lint {
	char family[128], type[16];
	char seen[256][128];		/* families before */
	unsigned seen_count;
	uint64_t bucket_last;		/* of the histogram under way */
	double bound_last;
	const char *lines[LINES_MAX];	/* names with labels, for duplicates */
	unsigned line_count;
};

static bool ends_with(const char *text, const char *end)
{
	return strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

/* NULL, or what is wrong. */
static const char *lint_family(struct lint *lint, const char *line)
{
	static const char *const not_base[] = { "_ms", "_us", "_ns", "_kib", "_mib", "_pages", "_percent", "_minutes", "_lines" };
	char name[128], type[16];

	if (sscanf(line, "# TYPE %127s %15s", name, type) != 2 || strcmp(name, lint->family))
		return "TYPE does not follow its HELP";
	if (strncmp(name, "plenum_", 7) || strspn(name, NAME_CHARACTERS) != strlen(name))
		return "the name";
	if ((strcmp(type, "counter") == 0) != ends_with(name, "_total"))
		return "a counter's name, and no other, ends with _total";
	for (size_t i = 0; i < sizeof(not_base) / sizeof(not_base[0]); i++)
		for (const char *at = name; (at = strstr(at, not_base[i])); at++)
			if (!strchr(NAME_CHARACTERS, at[strlen(not_base[i])]) || strchr("_", at[strlen(not_base[i])]))
				return "not a base unit";
	for (unsigned i = 0; i < lint->seen_count; i++)
		if (strcmp(lint->seen[i], name) == 0)
			return "the family stands twice";
	assert_true(lint->seen_count < 256);
	strcpy(lint->seen[lint->seen_count++], name);
	strcpy(lint->type, type);
	return NULL;
}

static const char *lint_bucket(struct lint *lint, const char *line, const char *value)
{
	const char *bound = strstr(line, "le=\"");
	uint64_t count = strtoull(value, NULL, 10);
	double upper;

	if (!bound)
		return "a bucket without le";
	upper = strtod(bound + 4, NULL);	/* "+Inf" is understood */
	if (lint->bound_last >= 0 && (upper <= lint->bound_last || count < lint->bucket_last))
		return "buckets do not ascend";
	lint->bound_last = bound[4] == '+' ? -1 : upper;
	lint->bucket_last = count;
	return NULL;
}

static const char *lint_labels(const char *at, const char **end)
{
	while (*at != '}') {
		size_t len = strspn(at, NAME_CHARACTERS);

		if (len == 0 || strncmp(at + len, "=\"", 2))
			return "a label's name";
		for (at += len + 2; *at != '"'; at++)
			if (*at == '\0' || (*at == '\\' && !strchr("\\\"n", *++at)))
				return "a label's value";
		at++;
		if (*at == ',')
			at++;
		else if (*at != '}')
			return "labels";
	}
	*end = at + 1;
	return NULL;
}

static const char *lint_sample(struct lint *lint, char *line)
{
	size_t len = strcspn(line, "{ ");
	const char *at = line + len, *suffix, *wrong = NULL;
	char *rest;

	if (strncmp(line, lint->family, strlen(lint->family)) || len < strlen(lint->family))
		return "a sample outside its family";
	suffix = line + strlen(lint->family);
	if (*at == '{')
		wrong = lint_labels(at + 1, &at);
	if (wrong || *at != ' ')
		return wrong ? wrong : "no value";
	strtod(at + 1, &rest);
	if (rest == at + 1 || *rest)
		return "the value";
	if (strcmp(lint->type, "histogram") == 0) {
		if (strncmp(suffix, "_bucket{", 8) == 0)
			wrong = lint_bucket(lint, line, at + 1);
		else if (strncmp(suffix, "_count", 6) == 0 && strtoull(at + 1, NULL, 10) != lint->bucket_last)
			wrong = "the count is not that of the last bucket";
		else if (strncmp(suffix, "_count", 6) && strncmp(suffix, "_sum", 4))
			wrong = "a histogram's sample";
	} else if (suffix != line + len) {
		wrong = "a sample of another name";
	}
	if (ends_with(lint->family, "_info") && strcmp(at, " 1"))
		wrong = "_info is 1";
	*(char *)(uintptr_t)at = '\0';
	assert_true(lint->line_count < LINES_MAX);
	lint->lines[lint->line_count++] = line;
	return wrong;
}

static int compare(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* NULL, or what is wrong with the text, which is taken apart. */
static const char *lint(char *text)
{
	static struct lint state;
	const char *wrong = NULL;
	char *rest = NULL;

	memset(&state, 0, sizeof(state));
	state.bound_last = -1;
	if (!ends_with(text, "\n") || strstr(text, "\n\n"))
		return "lines";
	for (char *line = strtok_r(text, "\n", &rest); line && !wrong; line = strtok_r(NULL, "\n", &rest)) {
		if (strncmp(line, "# HELP ", 7) == 0) {
			snprintf(state.family, sizeof(state.family), "%.*s", (int)strcspn(line + 7, " "), line + 7);
			state.type[0] = '\0';
		} else if (line[0] == '#') {
			wrong = lint_family(&state, line);
		} else {
			wrong = state.type[0] ? lint_sample(&state, line) : "a sample before its TYPE";
		}
		if (wrong)
			print_error("%s: %s\n", line, wrong);
	}
	qsort(state.lines, state.line_count, sizeof(state.lines[0]), compare);
	for (unsigned i = 1; i < state.line_count && !wrong; i++)
		wrong = strcmp(state.lines[i - 1], state.lines[i]) == 0 ? "a sample stands twice" : NULL;
	return wrong;
}

/* ---------------------------------------------------------------- tests */

static void test_lint_finds_mistakes(void **state)
{
#define HEAD "# HELP plenum_a_total A.\n# TYPE plenum_a_total counter\n"
	static const char *const bad[] = {
		HEAD "plenum_a_total 1", HEAD "\nplenum_a_total 1\n", "plenum_a_total 1\n", HEAD "plenum_b_total 1\n", HEAD "plenum_a_total x\n",
		HEAD "plenum_a_total{a=\"b} 1\n", HEAD "plenum_a_total{a=\"\\x\"} 1\n", HEAD "plenum_a_total 1\nplenum_a_total 2\n", HEAD HEAD,
		"# HELP plenum_a A.\n# TYPE plenum_a counter\n", "# HELP plenum_a_ms A.\n# TYPE plenum_a_ms gauge\n",
		"# HELP a A.\n# TYPE a gauge\n", "# HELP plenum_a_info A.\n# TYPE plenum_a_info gauge\nplenum_a_info 2\n",
		"# HELP plenum_h A.\n# TYPE plenum_h histogram\nplenum_h_bucket{le=\"1\"} 2\nplenum_h_bucket{le=\"+Inf\"} 1\n",
		"# HELP plenum_h A.\n# TYPE plenum_h histogram\nplenum_h_bucket{le=\"+Inf\"} 1\nplenum_h_sum 1\nplenum_h_count 2\n",
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		strcpy(text, bad[i]);
		assert_non_null(lint(text));
	}
	strcpy(text, HEAD "plenum_a_total{a=\"\\\\\\\"\\n\"} 1\n");
	assert_null(lint(text));
}

static void test_writer(void **state)
{
	const struct metrics_label labels[] = { { "vm", "a\"b\\c\nd" }, { "node", "p1" }, { 0 } };
	struct metrics metrics = { 0 };

	(void)state;
	metrics_family(&metrics, "plenum_x_total", METRICS_COUNTER, "Things.");
	metrics_count(&metrics, NULL, UINT64_MAX);
	metrics_count(&metrics, labels, 7);
	metrics_family(&metrics, "plenum_y_seconds", METRICS_GAUGE, "Time.");
	metrics_time(&metrics, NULL, 1500000001);
	assert_string_equal(metrics.text, "# HELP plenum_x_total Things.\n# TYPE plenum_x_total counter\nplenum_x_total 18446744073709551615\n"
			    "plenum_x_total{vm=\"a\\\"b\\\\c\\nd\",node=\"p1\"} 7\n# HELP plenum_y_seconds Time.\n# TYPE plenum_y_seconds gauge\n"
			    "plenum_y_seconds 1.500000001\n");
	assert_int_equal(metrics.len_bytes, strlen(metrics.text));
	assert_null(lint(metrics.text));
	free(metrics.text);
}

static void test_histogram(void **state)
{
	struct wire_histogram histogram = { 0 };
	struct metrics metrics = { 0 };

	(void)state;
	histogram_add(&histogram, 1023);
	histogram_add(&histogram, 1024);
	histogram_add(&histogram, 3000000);
	histogram_add(&histogram, 1ull << 40);
	histogram.count = 99;		/* a peer's word */
	metrics_family(&metrics, "plenum_h_seconds", METRICS_HISTOGRAM, "H.");
	metrics_histogram(&metrics, NULL, &histogram);
	assert_non_null(strstr(metrics.text, "\nplenum_h_seconds_bucket{le=\"1.024e-06\"} 1\n"));
	assert_non_null(strstr(metrics.text, "\nplenum_h_seconds_bucket{le=\"2.048e-06\"} 2\n"));
	assert_non_null(strstr(metrics.text, "\nplenum_h_seconds_bucket{le=\"0.004194304\"} 3\n"));
	assert_non_null(strstr(metrics.text, "\nplenum_h_seconds_bucket{le=\"1.07374182\"} 3\n"));
	assert_non_null(strstr(metrics.text, "\nplenum_h_seconds_bucket{le=\"+Inf\"} 4\n"));
	assert_non_null(strstr(metrics.text, "\nplenum_h_seconds_sum 1099.514629823\n"));
	assert_non_null(strstr(metrics.text, "\nplenum_h_seconds_count 4\n"));
	assert_null(lint(metrics.text));
	free(metrics.text);
}

/* Half of the nodes are process components, each with all its VMs, all of which have said their counters. */
static struct rack *full_rack(void)
{
	struct rack *rack = rack_new();
	struct gmm_finished finished;
	char name[32];

	for (uint32_t i = 0; i < NODES_MAX; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		rack_node(rack, name, i % 2 ? WIRE_ROLE_MEMORY : WIRE_ROLE_PROCESS, 4096);
	}
	/* One is made, the others are copies of its record: to make them all takes seconds. */
	assert_int_equal(rack_create(rack, "vm0", 64, &finished), 0);
	for (uint32_t i = 0; i < VMS; i++) {
		struct gmm_vm *vm = &rack->core->vms[i];

		*vm = rack->core->vms[0];
		snprintf(vm->spec.name, sizeof(vm->spec.name), "vm%u", i);
		vm->counters_ns = rack->now_ns;
		vm->counters.hits = 1000 + i;
		memset(&vm->counters.miss, 0, sizeof(vm->counters.miss));
		for (uint64_t value = 1000; value < 1000000; value *= 2)
			histogram_add(&vm->counters.miss, value);
	}
	return rack;
}

static void test_whole_rack(void **state)
{
	struct rack *rack = full_rack();
	struct metrics metrics = { 0 };
	uint8_t mac[6] = { 2, 1, 1, 1, 1, 1 };

	(void)state;
	rack_renew(rack);
	metrics_rack(&metrics, rack->core, rack->now_ns + SECOND);
	assert_false(metrics.failed);
	assert_non_null(strstr(metrics.text, "\nplenum_node_info{node=\"n0\",role=\"process\",ip=\"10.77.0.11\",build=\"test\"} 1\n"));
	assert_non_null(strstr(metrics.text, "\nplenum_node_up{node=\"n1\"} 1\n"));
	assert_non_null(strstr(metrics.text, "\nplenum_node_silent_seconds{node=\"n1\"} 1.000000000\n"));
	assert_non_null(strstr(metrics.text, "\nplenum_node_memory_bytes{node=\"n1\"} 4294967296\n"));
	assert_null(strstr(metrics.text, "\nplenum_node_memory_bytes{node=\"n0\"}"));
	assert_non_null(strstr(metrics.text, "\nplenum_vm_hits_total{vm=\"vm7\"} 1007\n"));
	assert_non_null(strstr(metrics.text, "\nplenum_vm_miss_seconds_count{vm=\"vm0\"} 10\n"));
	assert_non_null(strstr(metrics.text, "\nplenum_regions{state=\"live\"} 1\n"));
	assert_non_null(strstr(metrics.text, "\nplenum_operations_ended_total 1\n"));
	assert_null(lint(metrics.text));
	free(metrics.text);
	rack_free(rack);

	/* One that never joined has nothing to say. */
	rack = rack_new();
	memset(&metrics, 0, sizeof(metrics));
	assert_true(gmm_core_node_add(rack->core, "m1", WIRE_ROLE_MEMORY, 1, mac) > 0);
	metrics_rack(&metrics, rack->core, rack->now_ns);
	assert_non_null(strstr(metrics.text, "\nplenum_node_up{node=\"m1\"} 0\n"));
	assert_null(strstr(metrics.text, "\nplenum_node_silent_seconds{"));
	assert_null(strstr(metrics.text, "\nplenum_node_reads_total{"));
	assert_null(lint(metrics.text));
	free(metrics.text);
	rack_free(rack);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lint_finds_mistakes),
		cmocka_unit_test(test_writer),
		cmocka_unit_test(test_histogram),
		cmocka_unit_test(test_whole_rack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
