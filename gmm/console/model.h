/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the console knows of the rack: gmmd's answers taken apart, and what follows from two of them (rates, histories).
 * No clock and no I/O: time comes with each answer. Answers are hostile: what lacks or has the wrong type counts as 0 or "",
 * what is too long is cut, what is too much is left out and counted.
 */
#ifndef PLENUM_GMM_CONSOLE_MODEL_H
#define PLENUM_GMM_CONSOLE_MODEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include <plenum/limits.h>

#define MODEL_VMS_MAX (NODES_MAX * VMS_PER_NODE_MAX)
#define MODEL_OPERATIONS_MAX 64
#define MODEL_EVENTS_MAX 1024u
#define MODEL_HISTORY 64		/* samples */
#define MODEL_WORD_BYTES 40		/* names, states, addresses */
#define MODEL_TEXT_BYTES 200		/* reasons, texts of events */

/* Samples in the order of time; the newest is the last. */
struct history {
	int count;
	double values[MODEL_HISTORY];
};

struct model_node {
	char name[MODEL_WORD_BYTES], state[MODEL_WORD_BYTES], ip[MODEL_WORD_BYTES], build[MODEL_WORD_BYTES];
	char life[MODEL_WORD_BYTES];	/* cordoned, booting, failed, ...; empty: gmmd does not say */
	bool memory;			/* a memory component, else a process component */
	uint64_t cpus, pages_capacity, pages_reserved, pages_foreign, pages_stored, pages_zero, pages_written;
	uint64_t reads, writes, regions, vms, retransmits, packets_refused, busy_ns, uptime_us;
	double renewed_s_ago;		/* negative: never */
	double reads_per_s, writes_per_s;
	double busy_share;		/* of all its processors, 0 to 1; negative: not known yet */
	struct history traffic;		/* READs and WRITEs a second */
};

struct model_vm {
	uint64_t id;
	char name[MODEL_WORD_BYTES], state[MODEL_WORD_BYTES], node[MODEL_WORD_BYTES], reason[MODEL_TEXT_BYTES];
	char devices[3 * MODEL_WORD_BYTES];	/* with commas, or "none"; "": gmmd does not say */
	bool no_console;		/* it has no serial line */
	bool waits_for_memory;		/* that was promised to it */
	uint64_t memory_bytes, cache_bytes, vcpus, regions, regions_promised;
	uint64_t memory_components, spread;	/* that its regions are on; at most, 0: no limit */
	double changed_s_ago;
	/* From vm.stats: */
	bool counted;			/* the rest is valid */
	uint64_t counted_ns;		/* when the component counted, on our clock */
	uint64_t touches, fills, lines_used, lines_dirty;
	uint64_t miss_p50_ns, miss_p99_ns;
	double hit_share;		/* of touches since the sample before: without a READ; negative: there were none */
	double misses_per_s;		/* negative: not known yet */
	struct history misses;		/* a second */
};

struct model_operation {
	char id[MODEL_WORD_BYTES], kind[MODEL_WORD_BYTES], object[MODEL_WORD_BYTES], status[MODEL_WORD_BYTES];
	char note[MODEL_TEXT_BYTES];	/* what it is at, or why it failed; "": neither */
	double share;			/* done, 0 to 1; negative: it does not run, or it is not known */
};

struct model_event {
	uint64_t sequence;
	char time[MODEL_WORD_BYTES], kind[MODEL_WORD_BYTES], object[MODEL_WORD_BYTES], text[MODEL_TEXT_BYTES];
};

enum model_health { HEALTH_UNKNOWN, HEALTH_OK, HEALTH_WARN, HEALTH_ERROR };

struct model {
	bool known;			/* a status came; the rest is valid */
	bool connected;			/* gmmd answers now; else what is here is as old as `taken_ns` */
	char trouble[MODEL_TEXT_BYTES];	/* why it does not */
	uint64_t taken_ns;		/* of the last status */
	char manager[MODEL_WORD_BYTES];
	enum model_health health;
	char health_text[MODEL_TEXT_BYTES];	/* codes of what is wrong; "": nothing is */
	uint64_t nodes_up, regions;
	uint64_t pages_promised;	/* to VMs, and not reserved yet */
	uint64_t machines_pending;	/* that are no nodes yet */
	int node_count, vm_count, operation_count;
	unsigned left_out;		/* rows beyond the limits */
	bool operations_listed;		/* gmmd has operation.list */
	struct model_node nodes[NODES_MAX];
	struct model_vm vms[MODEL_VMS_MAX];
	struct model_operation operations[MODEL_OPERATIONS_MAX];	/* those under way, then what ended last, the newest first */
	struct model_event events[MODEL_EVENTS_MAX];	/* a ring */
	uint64_t event_count;		/* ever taken; the newest is events[(event_count - 1) % MODEL_EVENTS_MAX] */
};

/* Each takes the "result" (or "item") of the command; now_ns is monotonic and not 0. Nothing is stolen. */
void model_take_status(struct model *model, json_t *result, uint64_t now_ns);
void model_take_vms(struct model *model, json_t *result);
void model_take_stats(struct model *model, json_t *result, uint64_t now_ns);
void model_take_operations(struct model *model, json_t *result);
void model_take_event(struct model *model, json_t *item);
/* Before a new stream of events begins: gmmd sends again what it keeps. */
void model_forget_events(struct model *model);
void model_lost(struct model *model, const char *trouble);

struct model_vm *model_vm_named(struct model *model, const char *name);
/* The n-th newest event, 0 the newest; NULL: not kept. */
const struct model_event *model_event(const struct model *model, uint64_t back);

struct model_sums {
	uint64_t pages_capacity, pages_reserved, pages_written, pages_zero, pages_stored;	/* memory components that are up */
	uint64_t lines_capacity, lines_given;	/* process components that are up */
	int memory_nodes;
	/* Standard deviation of the nodes' reserved shares over their mean; 0: even; negative: nothing is reserved. */
	double imbalance;
	int running_vms;
};
struct model_sums model_sums(const struct model *model);

#endif
