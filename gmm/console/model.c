// SPDX-License-Identifier: GPL-2.0-only
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "gmm/console/model.h"

/* ---------------------------------------------------------------- values of any type */

static uint64_t number(json_t *object, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(object, key));

	return value > 0 ? (uint64_t)value : 0;
}

/* Seconds; -1 for null and anything else that is no number. */
static double seconds(json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);
	double number_value = json_number_value(value);

	return json_is_number(value) && number_value >= 0 ? number_value : -1;
}

static void words(json_t *object, const char *key, char *to, size_t bytes)
{
	const char *value = json_string_value(json_object_get(object, key));

	snprintf(to, bytes, "%s", value ? value : "");
}

#define WORDS(object, key, to) words(object, key, to, sizeof(to))

static void remember(struct history *history, double value)
{
	if (history->count == MODEL_HISTORY)
		memmove(history->values, history->values + 1, sizeof(history->values) - sizeof(history->values[0]));
	else
		history->count++;
	history->values[history->count - 1] = value;
}

/* Per second; counters that went back began again with their node. */
static double rate(uint64_t before, uint64_t after, double elapsed_s)
{
	return after > before && elapsed_s > 0 ? (double)(after - before) / elapsed_s : 0;
}

/* ---------------------------------------------------------------- nodes */

static const struct model_node *node_before(const struct model_node *before, int count, const char *name)
{
	for (int i = 0; i < count; i++)
		if (strcmp(before[i].name, name) == 0)
			return &before[i];
	return NULL;
}

static void read_node(struct model_node *node, json_t *object)
{
	char role[MODEL_WORD_BYTES];

	WORDS(object, "name", node->name);
	WORDS(object, "state", node->state);
	WORDS(object, "life", node->life);
	WORDS(object, "ip", node->ip);
	WORDS(object, "build", node->build);
	WORDS(object, "role", role);
	node->memory = strcmp(role, "memory") == 0;
	node->cpus = number(object, "cpus");
	node->pages_capacity = number(object, "pages_capacity");
	node->pages_reserved = number(object, "pages_reserved");
	node->pages_foreign = number(object, "pages_foreign");
	node->pages_stored = number(object, "pages_stored");
	node->pages_zero = number(object, "pages_zero");
	node->pages_written = number(object, "pages_written");
	node->reads = number(object, "reads");
	node->writes = number(object, "writes");
	node->regions = number(object, "regions");
	node->vms = number(object, "vms");
	node->retransmits = number(object, "retransmits");
	node->packets_refused = number(object, "packets_refused");
	node->busy_ns = number(object, "busy_ns");
	node->uptime_us = number(object, "uptime_us");
	node->renewed_s_ago = seconds(object, "renewed_s_ago");
	node->busy_share = -1;
}

/*
 * Loads come with a node's renewals, not with our questions: rates are taken over the node's own uptime, and stay as
 * they were while nothing new came.
 */
static void compare_node(struct model_node *node, const struct model_node *before)
{
	double elapsed_s = ((double)node->uptime_us - (double)before->uptime_us) / 1e6;

	node->traffic = before->traffic;
	if (elapsed_s <= 0 || before->uptime_us == 0) {
		bool same = elapsed_s == 0;

		node->reads_per_s = same ? before->reads_per_s : 0;
		node->writes_per_s = same ? before->writes_per_s : 0;
		node->busy_share = same ? before->busy_share : -1;
		return;
	}
	node->reads_per_s = rate(before->reads, node->reads, elapsed_s);
	node->writes_per_s = rate(before->writes, node->writes, elapsed_s);
	if (node->cpus && node->busy_ns >= before->busy_ns)
		node->busy_share = fmin(1, (double)(node->busy_ns - before->busy_ns) / 1e9 / elapsed_s / (double)node->cpus);
	remember(&node->traffic, node->reads_per_s + node->writes_per_s);
}

/* gmmd's own judgement (gmm health): how bad, and the codes of the checks that are not muted. */
static void read_health(struct model *model, json_t *health)
{
	static const char *const states[] = {
		[HEALTH_OK] = "HEALTH_OK", [HEALTH_WARN] = "HEALTH_WARN", [HEALTH_ERROR] = "HEALTH_ERR",
	};
	char status[MODEL_WORD_BYTES];
	size_t index, len = 0;
	json_t *check;

	WORDS(health, "status", status);
	model->health = HEALTH_UNKNOWN;
	model->health_text[0] = '\0';
	for (int state = HEALTH_OK; state <= HEALTH_ERROR; state++)
		if (strcmp(status, states[state]) == 0)
			model->health = (enum model_health)state;
	json_array_foreach(json_object_get(health, "checks"), index, check) {
		char code[MODEL_WORD_BYTES];

		WORDS(check, "code", code);
		if (json_is_true(json_object_get(check, "muted")) || len + sizeof(code) + 2 > sizeof(model->health_text))
			continue;
		len += (size_t)snprintf(model->health_text + len, sizeof(model->health_text) - len, "%s%s", len ? ", " : "", code);
	}
}

void model_take_status(struct model *model, json_t *result, uint64_t now_ns)
{
	json_t *rows = json_object_get(result, "nodes"), *row;
	struct model_node before[NODES_MAX];
	int before_count = model->node_count;
	size_t index;

	memcpy(before, model->nodes, sizeof(before[0]) * (size_t)before_count);
	WORDS(result, "manager", model->manager);
	model->nodes_up = number(json_object_get(result, "nodes_total"), "up");
	model->machines_pending = number(json_object_get(result, "nodes_total"), "pending");
	model->regions = number(result, "regions");
	model->pages_promised = number(json_object_get(result, "memory_pages"), "promised");
	read_health(model, json_object_get(result, "health"));
	model->node_count = 0;
	model->left_out = 0;
	json_array_foreach(rows, index, row) {
		struct model_node *node = &model->nodes[model->node_count];
		const struct model_node *old;

		if (model->node_count == NODES_MAX) {
			model->left_out++;
			continue;
		}
		*node = (struct model_node){ 0 };
		read_node(node, row);
		old = node_before(before, before_count, node->name);
		if (old)
			compare_node(node, old);
		model->node_count++;
	}
	model->known = true;
	model->connected = true;
	model->taken_ns = now_ns;
}

/* ---------------------------------------------------------------- VMs */

struct model_vm *model_vm_named(struct model *model, const char *name)
{
	for (int i = 0; i < model->vm_count; i++)
		if (strcmp(model->vms[i].name, name) == 0)
			return &model->vms[i];
	return NULL;
}

static void read_devices(struct model_vm *vm, json_t *names)
{
	size_t index, len = 0;
	json_t *name;

	snprintf(vm->devices, sizeof(vm->devices), json_is_array(names) ? "none" : "");
	vm->no_console = json_is_array(names);
	json_array_foreach(names, index, name) {
		char word[MODEL_WORD_BYTES];

		snprintf(word, sizeof(word), "%s", json_is_string(name) ? json_string_value(name) : "?");
		vm->no_console = vm->no_console && strcmp(word, "serial");
		if (len + sizeof(word) + 2 <= sizeof(vm->devices))
			len += (size_t)snprintf(vm->devices + len, sizeof(vm->devices) - len, "%s%s", len ? ", " : "", word);
	}
}

static void read_vm(struct model_vm *vm, json_t *object)
{
	vm->id = number(object, "id");
	WORDS(object, "name", vm->name);
	WORDS(object, "state", vm->state);
	WORDS(object, "node", vm->node);
	WORDS(object, "reason", vm->reason);
	vm->memory_bytes = number(object, "memory_bytes");
	vm->cache_bytes = number(object, "cache_bytes");
	vm->vcpus = number(object, "vcpus");
	vm->regions = number(object, "regions");
	vm->regions_promised = number(object, "regions_promised");
	vm->waits_for_memory = json_is_true(json_object_get(object, "waits_for_memory"));
	vm->memory_components = number(object, "memory_components");
	vm->spread = number(object, "spread");
	read_devices(vm, json_object_get(object, "devices"));
	vm->changed_s_ago = seconds(object, "changed_s_ago");
}

/* The row of this VM comes to `place`; what was counted of it stays with it. */
static void bring_vm(struct model *model, int place, uint64_t id)
{
	int found = place;
	struct model_vm moved;

	while (found < model->vm_count && model->vms[found].id != id)
		found++;
	if (found < model->vm_count) {
		moved = model->vms[found];
		memmove(&model->vms[place + 1], &model->vms[place], sizeof(moved) * (size_t)(found - place));
		model->vms[place] = moved;
		return;
	}
	if (model->vm_count < (int)MODEL_VMS_MAX)
		model->vm_count++;
	memmove(&model->vms[place + 1], &model->vms[place], sizeof(moved) * (size_t)(model->vm_count - 1 - place));
	model->vms[place] = (struct model_vm){ .hit_share = -1, .misses_per_s = -1 };
}

void model_take_vms(struct model *model, json_t *result)
{
	json_t *row;
	size_t index;
	int count = 0;

	json_array_foreach(result, index, row) {
		if (count == (int)MODEL_VMS_MAX) {
			model->left_out++;
			continue;
		}
		bring_vm(model, count, number(row, "id"));
		read_vm(&model->vms[count++], row);
	}
	model->vm_count = count;
}

static void compare_vm(struct model_vm *vm, uint64_t touches, uint64_t fills, uint64_t counted_ns)
{
	double elapsed_s = ((double)counted_ns - (double)vm->counted_ns) / 1e9;

	if (!vm->counted || touches < vm->touches || fills < vm->fills) {
		vm->hit_share = -1;
		vm->misses_per_s = -1;
		return;
	}
	vm->misses_per_s = rate(vm->fills, fills, elapsed_s);
	/* Pages fetched ahead of a touch make more fills than touches. */
	vm->hit_share = touches == vm->touches ? -1 :
			fmax(0, 1 - (double)(fills - vm->fills) / (double)(touches - vm->touches));
	remember(&vm->misses, vm->misses_per_s);
}

void model_take_stats(struct model *model, json_t *result, uint64_t now_ns)
{
	json_t *counters = json_object_get(result, "counters"), *miss = json_object_get(result, "miss");
	double age_s = seconds(result, "age_s");
	char name[MODEL_WORD_BYTES];
	uint64_t counted_ns;
	struct model_vm *vm;

	WORDS(result, "name", name);
	vm = model_vm_named(model, name);
	if (!vm || age_s < 0 || age_s * 1e9 > (double)now_ns)
		return;
	counted_ns = now_ns - (uint64_t)(age_s * 1e9);
	/* An answer of a component that does not count any more repeats the last one, a little older: no new sample. */
	if (vm->counted && counted_ns < vm->counted_ns + 50000000)
		return;
	compare_vm(vm, number(counters, "touches"), number(counters, "fills"), counted_ns);
	vm->counted = true;
	vm->counted_ns = counted_ns;
	vm->touches = number(counters, "touches");
	vm->fills = number(counters, "fills");
	vm->lines_used = number(counters, "lines_used");
	vm->lines_dirty = number(counters, "lines_dirty");
	vm->miss_p50_ns = number(miss, "p50_ns");
	vm->miss_p99_ns = number(miss, "p99_ns");
}

/* ---------------------------------------------------------------- operations, events */

static void read_operation(struct model_operation *operation, json_t *row)
{
	json_t *progress = json_object_get(row, "progress"), *id = json_object_get(row, "id");
	uint64_t done = number(progress, "done"), total = number(progress, "total");

	*operation = (struct model_operation){ .share = total ? fmin(1, (double)done / (double)total) : -1 };
	snprintf(operation->id, sizeof(operation->id), "%" JSON_INTEGER_FORMAT, json_integer_value(id));
	WORDS(row, "kind", operation->kind);
	WORDS(row, "object", operation->object);
	WORDS(row, "status", operation->status);
	WORDS(json_is_object(progress) ? progress : json_object_get(row, "error"), json_is_object(progress) ? "step" : "message",
	      operation->note);
}

/* gmmd has them in the order of their ends, and those under way at the end: so from there. What ended long ago is not missed. */
void model_take_operations(struct model *model, json_t *result)
{
	size_t left = json_array_size(result);

	model->operations_listed = true;
	model->operation_count = 0;
	while (left > 0 && model->operation_count < MODEL_OPERATIONS_MAX)
		read_operation(&model->operations[model->operation_count++], json_array_get(result, --left));
}

void model_take_event(struct model *model, json_t *item)
{
	struct model_event *event = &model->events[model->event_count % MODEL_EVENTS_MAX];

	event->sequence = number(item, "sequence");
	WORDS(item, "time", event->time);
	WORDS(item, "kind", event->kind);
	WORDS(item, "object", event->object);
	WORDS(item, "text", event->text);
	model->event_count++;
}

void model_forget_events(struct model *model)
{
	model->event_count = 0;
}

const struct model_event *model_event(const struct model *model, uint64_t back)
{
	if (back >= model->event_count || back >= MODEL_EVENTS_MAX)
		return NULL;
	return &model->events[(model->event_count - 1 - back) % MODEL_EVENTS_MAX];
}

void model_lost(struct model *model, const char *trouble)
{
	model->connected = false;
	snprintf(model->trouble, sizeof(model->trouble), "%s", trouble);
}

/* ---------------------------------------------------------------- what follows */

struct model_sums model_sums(const struct model *model)
{
	struct model_sums sums = { .imbalance = -1 };
	double total = 0, squares = 0, mean;

	for (int i = 0; i < model->node_count; i++) {
		const struct model_node *node = &model->nodes[i];
		double share = node->pages_capacity ? (double)node->pages_reserved / (double)node->pages_capacity : 0;

		if (strcmp(node->state, "up"))
			continue;
		if (!node->memory) {
			sums.lines_capacity += node->pages_capacity;
			sums.lines_given += node->pages_reserved;
			continue;
		}
		sums.memory_nodes++;
		sums.pages_capacity += node->pages_capacity;
		sums.pages_reserved += node->pages_reserved;
		sums.pages_written += node->pages_written;
		sums.pages_zero += node->pages_zero;
		sums.pages_stored += node->pages_stored;
		total += share;
		squares += share * share;
	}
	if (total > 0) {
		mean = total / sums.memory_nodes;
		sums.imbalance = sqrt(fmax(0, squares / sums.memory_nodes - mean * mean)) / mean;
	}
	for (int i = 0; i < model->vm_count; i++)
		sums.running_vms += strcmp(model->vms[i].state, "running") == 0;
	return sums;
}
