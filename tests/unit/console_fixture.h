/* SPDX-License-Identifier: GPL-2.0-only */
/* The console's model of the recorded rack (testbed/fake_rack/rack.json), made of the answers that gmmd would give. */
#ifndef PLENUM_TESTS_CONSOLE_FIXTURE_H
#define PLENUM_TESTS_CONSOLE_FIXTURE_H

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gmm/console/model.h"

#define FIXTURE_RECORD "testbed/fake_rack/rack.json"
#define FIXTURE_NOW_NS UINT64_C(100000000000)

static inline json_t *fixture_record(void)
{
	json_error_t error;
	json_t *record = json_load_file(FIXTURE_RECORD, 0, &error);

	if (!record) {
		fprintf(stderr, "%s: %s (tests run in the top folder)\n", FIXTURE_RECORD, error.text);
		abort();
	}
	return record;
}

static inline void fixture_add(json_t *object, const char *key, json_int_t more)
{
	json_object_set_new(object, key, json_integer(json_integer_value(json_object_get(object, key)) + more));
}

/* The answer to `status`, `seconds` after the record: counters have grown by the record's rates, without its waves. */
static inline json_t *fixture_status(json_t *record, int seconds)
{
	json_t *nodes = json_array(), *row;
	json_int_t promised = 0;
	size_t index;
	int up = 0;

	json_array_foreach(json_object_get(record, "nodes"), index, row) {
		json_t *node = json_deep_copy(json_object_get(row, "now")), *rates = json_object_get(row, "rates");
		bool is_up = strcmp(json_string_value(json_object_get(node, "state")), "up") == 0;

		fixture_add(node, "reads", seconds * json_integer_value(json_object_get(rates, "reads")));
		fixture_add(node, "writes", seconds * json_integer_value(json_object_get(rates, "writes")));
		json_object_set_new(node, "busy_ns", json_integer((json_int_t)(seconds * 2e9 *
			json_number_value(json_object_get(rates, "busy")))));
		json_object_set_new(node, "uptime_us", json_integer(1000000 * (json_int_t)(60 + (is_up ? seconds : 0))));
		json_object_set_new(node, "renewed_s_ago", json_real(is_up ? 0.5 : 48));
		json_array_append_new(nodes, node);
		up += is_up;
	}
	json_array_foreach(json_object_get(record, "vms"), index, row)
		promised += 16384 * json_integer_value(json_object_get(json_object_get(row, "row"), "regions_promised"));
	return json_pack("{s:O,s:O,s:{s:I},s:{s:i,s:i},s:O,s:o}", "health", json_object_get(record, "health"), "manager",
			 json_object_get(record, "manager"), "memory_pages", "promised", promised, "nodes_total", "up", up,
			 "configured", (int)json_array_size(nodes), "regions", json_object_get(record, "regions"), "nodes", nodes);
}

static inline json_t *fixture_vms(json_t *record)
{
	json_t *vms = json_array(), *row;
	size_t index;

	json_array_foreach(json_object_get(record, "vms"), index, row)
		json_array_append(vms, json_object_get(row, "row"));
	return vms;
}

/* The answer to vm.stats. */
static inline json_t *fixture_stats(json_t *vm, int seconds)
{
	json_t *row = json_object_get(vm, "row"), *counters = json_deep_copy(json_object_get(vm, "counters"));
	json_t *rates = json_object_get(vm, "rates");

	fixture_add(counters, "touches", seconds * json_integer_value(json_object_get(rates, "touches")));
	fixture_add(counters, "fills", seconds * json_integer_value(json_object_get(rates, "fills")));
	return json_pack("{s:O,s:O,s:f,s:o,s:O}", "name", json_object_get(row, "name"), "state", json_object_get(row, "state"),
			 "age_s", 0.25, "counters", counters, "miss", json_object_get(vm, "miss"));
}

static inline void fixture_events(struct model *model, json_t *record)
{
	json_t *row;
	size_t index;

	json_array_foreach(json_object_get(record, "events"), index, row) {
		char time[40];
		json_t *event = json_copy(row);

		snprintf(time, sizeof(time), "2026-11-26T09:%02d:%02d.250Z", (int)index, (int)index * 2);
		json_object_set_new(event, "sequence", json_integer((json_int_t)index + 1));
		json_object_set_new(event, "time", json_string(time));
		model_take_event(model, event);
		json_decref(event);
	}
}

/* Two looks, two seconds apart, so that there are rates; the second at FIXTURE_NOW_NS. To be freed by the caller. */
static inline struct model *fixture_model(void)
{
	struct model *model = calloc(1, sizeof(*model));
	json_t *record = fixture_record(), *vms = fixture_vms(record), *vm;
	size_t index;

	for (int seconds = 0; seconds <= 2; seconds += 2) {
		uint64_t now_ns = FIXTURE_NOW_NS - (uint64_t)(2 - seconds) * 1000000000u;
		json_t *status = fixture_status(record, seconds);

		model_take_status(model, status, now_ns);
		model_take_vms(model, vms);
		json_decref(status);
		json_array_foreach(json_object_get(record, "vms"), index, vm) {
			json_t *stats = fixture_stats(vm, seconds);

			model_take_stats(model, stats, now_ns);
			json_decref(stats);
		}
	}
	model_take_operations(model, json_object_get(record, "operations"));
	fixture_events(model, record);
	json_decref(vms);
	json_decref(record);
	return model;
}

#endif
