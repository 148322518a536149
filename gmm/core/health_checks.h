/* SPDX-License-Identifier: GPL-2.0-only */
/* Between health.c and the files with the checks. */
#ifndef PLENUM_GMM_HEALTH_CHECKS_H
#define PLENUM_GMM_HEALTH_CHECKS_H

#include "gmm/core/internal.h"

/* What a check is given. */
struct gmm_health_view {
	struct gmm_core *core;
	const struct gmm_health_facts *facts;
	uint64_t now_ns;
	struct gmm_health_finding *found;
};

/* Take in what will be needed at a later look. Before gmm_health_look(). */
void gmm_health_remember(struct gmm_core *core, const struct gmm_health_facts *facts, uint64_t now_ns);
/* `found` is all zero; left so when all is well. */
void gmm_health_look(struct gmm_core *core, enum gmm_health_code code, const struct gmm_health_facts *facts,
		     uint64_t now_ns, struct gmm_health_finding *found);

/* health_rows.c: what an earlier manager found stays, though only `found` of it is found now. */
bool gmm_health_held(struct gmm_core *core, enum gmm_health_code code, uint32_t found, uint64_t now_ns);

/* Not one that the operator has set aside, nor one that is no longer configured and holds nothing. */
bool gmm_health_awaited(const struct gmm_node *node);

/* Count one more object that is concerned, and begin its line: "OBJECT: ". Lines beyond the last one go nowhere. */
struct text gmm_health_add(struct gmm_health_finding *found, const char *object);
/* Begin the summary. */
struct text gmm_health_summary(struct gmm_health_finding *found);
/* "3 of 7 NOUNs REST" */
void gmm_health_of(struct text *text, uint64_t part, uint64_t all, const char *noun, const char *rest);
/* Of a memory component that has joined: how much of it is promised to regions. */
uint64_t gmm_health_percent_full(const struct gmm_node *node);
/* Time as "12 s", "5 min", "3 h", "2 d". */
void gmm_health_time(struct text *text, uint64_t ns);

/* health_nodes.c, health_vms.c, health_rack.c */
typedef void gmm_health_test(const struct gmm_health_view *view);
gmm_health_test gmm_health_mnode_down, gmm_health_pnode_down, gmm_health_mnode_nearfull, gmm_health_mnode_full,
	gmm_health_flapping, gmm_health_version_skew, gmm_health_image_mismatch, gmm_health_boot_failed, gmm_health_boot_loop,
	gmm_health_id_conflict, gmm_health_pending, gmm_health_foreign, gmm_health_reclaim_stalled;
gmm_health_test gmm_health_vm_stalled, gmm_health_vm_memory_waits, gmm_health_vm_memory_lost, gmm_health_vm_lost, gmm_health_vm_failed,
	gmm_health_vm_crash_loop, gmm_health_placement_violation;
gmm_health_test gmm_health_rack_nearfull, gmm_health_rack_overcommitted, gmm_health_imbalanced, gmm_health_unenrolled_names,
	gmm_health_strangers, gmm_health_events_lost, gmm_health_store_readonly, gmm_health_store_disk_low, gmm_health_store_failed;

#endif
