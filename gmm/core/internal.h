/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the files of the core only. */
#ifndef PLENUM_GMM_INTERNAL_H
#define PLENUM_GMM_INTERNAL_H

#include "gmm/core/core.h"
#include "gmm/core/record.h"
#include "gmm/core/text.h"

/* record.c: this row is to be kept. */
void gmm_dirty_meta(struct gmm_core *core);
void gmm_dirty_node(struct gmm_core *core, const struct gmm_node *node);
void gmm_dirty_vm(struct gmm_core *core, const struct gmm_vm *vm);
void gmm_dirty_region(struct gmm_core *core, uint32_t region);
void gmm_dirty_zombie(struct gmm_core *core, const struct gmm_node *node, uint32_t place);
void gmm_dirty_operation(struct gmm_core *core, const struct gmm_operation *operation);
void gmm_dirty_ended(struct gmm_core *core, uint64_t number);
void gmm_dirty_health(struct gmm_core *core, uint32_t code);

/* core.c */
/* Into the table: id and name are set, and it is found by them from now on. gmm_vm_forget() takes it out. */
void gmm_vm_enter(struct gmm_core *core, struct gmm_vm *vm, enum gmm_vm_phase phase);
struct text gmm_refuse(struct gmm_core *core);	/* start the text of a refusal */
struct gmm_call *gmm_call_start(struct gmm_core *core, struct gmm_command *command, enum gmm_call_kind kind,
				uint32_t node, uint32_t object, uint16_t type, const void *body, uint32_t len_bytes);
void gmm_call_end(struct gmm_core *core, struct gmm_call *call);

/* region.c */
static inline bool gmm_region_room(const struct gmm_core *core)
{
	return core->region_free != GMM_NONE || core->region_top < GMM_REGIONS_MAX;
}
/* In the table, and not being given back: that leaves by itself. */
static inline bool gmm_region_is_kept(const struct gmm_region *region)
{
	return region->state != GMM_REGION_FREE && region->state < GMM_REGION_RECLAIM && !region->condemned;
}
uint32_t gmm_region_allocate(struct gmm_core *core, uint64_t vm, uint32_t index, uint32_t pages, uint32_t node,
			     uint32_t owner);
/* As above, without a place. */
uint32_t gmm_region_promise(struct gmm_core *core, uint64_t vm, uint32_t index, uint32_t pages, uint32_t owner);
/* A PROMISED region goes to a node that has room; or from there, when nothing of it is there, back to being PROMISED. */
void gmm_region_place(struct gmm_core *core, uint32_t region, struct gmm_node *node);
void gmm_region_unplace(struct gmm_core *core, uint32_t region);
/* Take a region out of service: it must have been taken from its VM's list before. */
void gmm_region_condemn(struct gmm_core *core, uint32_t region, uint32_t operation);
bool gmm_region_output_create(struct gmm_core *core, uint32_t region, struct gmm_command *command);
bool gmm_region_output_reclaim(struct gmm_core *core, struct gmm_node *node, struct gmm_command *command);
void gmm_region_created(struct gmm_core *core, uint32_t region, int status, const void *body, uint32_t len_bytes,
			uint64_t now_ns);
void gmm_region_destroyed(struct gmm_core *core, uint32_t region, int status, uint64_t now_ns);
/* The node's incarnation is gone, with all that it held. */
void gmm_region_node_reset(struct gmm_core *core, struct gmm_node *node, uint64_t now_ns);
/* The node cannot be asked for now: operations go on without it. */
void gmm_region_node_down(struct gmm_core *core, struct gmm_node *node, uint64_t now_ns);

/* promise.c */
void gmm_promise_tick(struct gmm_core *core, uint64_t now_ns);
bool gmm_promise_output(struct gmm_core *core, struct gmm_command *command, uint64_t now_ns);
/* The memory component answered: 0 or a negative errno. */
void gmm_promise_created(struct gmm_core *core, uint32_t region, int status, uint64_t now_ns);
/* The process component was told its place. */
void gmm_promise_told(struct gmm_core *core, const struct gmm_call *call);
/* It has waited for room for so long that the operator should have a word in it. */
bool gmm_promise_waits(const struct gmm_vm *vm, uint64_t now_ns);
/* The VM's regions are gone, and nobody waits for them. */
void gmm_promise_forget(struct gmm_core *core, struct gmm_vm *vm);
/* Could so many pages more be promised? Else false, and why. */
bool gmm_promise_allowed(const struct gmm_core *core, uint64_t pages, struct text *text);
/* Of the memory components that are up: all there is, and what is reserved. */
void gmm_promise_sums(const struct gmm_core *core, uint64_t *capacity, uint64_t *reserved);

/* life.c: take the state that follows from the rest, */
void gmm_life_begin(struct gmm_node *node, uint64_t now_ns);
/* or go on to it, along the table. */
void gmm_life_settle(struct gmm_node *node, uint64_t now_ns);
/* What the operator can make of it: "; from there: cordoned (gmm node cordon), ...". */
void gmm_life_next(enum gmm_life from, struct text *text);

/* machine.c: does another node, or another machine that is here, have this UUID? Either may be NULL. */
bool gmm_uuid_is_anothers(struct gmm_core *core, const uint8_t uuid[GMM_UUID_BYTES], const struct gmm_node *node,
			  const struct gmm_machine *machine, uint64_t now_ns);
bool gmm_machine_in_conflict(struct gmm_core *core, const struct gmm_machine *machine, uint64_t now_ns);

/* The node has joined: whoever booted with its MAC has the rack's key, and so is its machine. */
void gmm_machine_proved(struct gmm_core *core, struct gmm_node *node, uint64_t now_ns);

/* admin.c: it is absent or down, and no VM needs what it holds; else false, and why. */
bool gmm_node_is_gone(const struct gmm_core *core, const struct gmm_node *node, struct text *text);

/* node.c: is there an entry for a node of this name? */
bool gmm_node_has_place(struct gmm_core *core, const char *name);
/* node.c: the node gave back its place in the rack: what it held counts as gone. */
void gmm_node_leave(struct gmm_core *core, struct gmm_node *node, uint64_t now_ns);

/*
 * placing.c: filter, then score. All regions of a VM, by index: where each goes (node ids), or -ENOSPC and core->refusal; nothing is
 * reserved. The rebuild reserve, if it is configured, holds when they are.
 */
int gmm_place_regions(struct gmm_core *core, const struct gmm_vm_spec *spec, uint32_t nodes[REGIONS_PER_VM_MAX]);
/* One more region of a VM, within its spread and the reserve, and so that the rest of its memory fits, too, if it can be. NULL: nowhere. */
struct gmm_node *gmm_place_region(struct gmm_core *core, const struct gmm_vm *vm, uint32_t pages);
/*
 * Where a region goes that has to leave its component with all others of the VM there: within its spread and the reserve, as far as that
 * goes. NULL: nowhere.
 */
struct gmm_node *gmm_place_away(struct gmm_core *core, const struct gmm_vm *vm, uint32_t region);

/* May the region go there by the VM's spread? Else false, and core->refusal. Always where the VM's other regions are. */
bool gmm_spread_allows(struct gmm_core *core, const struct gmm_vm *vm, uint32_t region, const struct gmm_node *to);

/* May it be given regions? */
static inline bool gmm_takes_regions(const struct gmm_node *node)
{
	return node->role == WIRE_ROLE_MEMORY && gmm_node_eligible(node);
}
/* Pages of the node's regions that the other components have no room for, placed one by one where the largest share is free. */
uint64_t gmm_place_missing(const struct gmm_core *core, const struct gmm_node *node);
struct gmm_node *gmm_place_vm(struct gmm_core *core, const struct gmm_vm_spec *spec);
/* The process component cannot take the VM: what is short there, and by how much. False: it can. */
bool gmm_place_lacks(const struct gmm_core *core, const struct gmm_node *node, const struct gmm_vm_spec *spec, struct text *text);
/* Why a node is not eligible, in a word. */
const char *gmm_place_obstacle(const struct gmm_node *node);
void gmm_place_full(struct gmm_core *core, struct text *text, uint64_t pages);
/* What all memory components, but one (NULL: none), have left. */
void gmm_place_free(const struct gmm_core *core, const struct gmm_node *except, struct text *text);
void gmm_place_no_process(struct gmm_core *core, struct text *text, const struct gmm_vm_spec *spec);

/* drain.c: of an operation that consists of moves: how many are under way; give all of them up, and itself. */
uint32_t gmm_drain_moves(const struct gmm_core *core, const struct gmm_operation *drain);
void gmm_drain_cancel(struct gmm_core *core, struct gmm_operation *drain, const char *reason, uint64_t now_ns);

/* rebalance.c */
void gmm_rebalance_tick(struct gmm_core *core, struct gmm_operation *operation, uint64_t now_ns);

/* drain.c: the node is not to be emptied any more: a drain of it ends, its moves are given up. */
void gmm_drain_given_up(struct gmm_core *core, const struct gmm_node *node, uint64_t now_ns);

/* reserve.c: give each node the first one of its domain again, for a node came or a domain changed. */
void gmm_domains_number(struct gmm_core *core);
/* Has every failure domain a place elsewhere for each of its regions? (B1) */
bool gmm_reserve_holds(const struct gmm_core *core);
/* Why a VM of so many regions is refused for the reserve. */
void gmm_reserve_text(const struct gmm_core *core, uint32_t regions, struct text *text);
/* A move of the region, between components that are up and admitted, changes nothing of what could be rebuilt (B2). */
static inline bool gmm_reserve_is_neutral(const struct gmm_core *core, const struct gmm_region *region)
{
	return !core->config.rebuild_reserve || region->pages == REGION_PAGES;
}
/* False, and core->refusal: the reserve holds, and would not after the move. What has to leave its component may always. */
bool gmm_reserve_allows_move(struct gmm_core *core, const struct gmm_region *region, const struct gmm_node *to);

/* vm.c */
void gmm_vm_set_state(struct gmm_core *core, struct gmm_vm *vm, uint32_t state, int32_t status, const char *reason,
		      uint64_t now_ns);
void gmm_vm_forget(struct gmm_core *core, struct gmm_vm *vm);
void gmm_vm_condemn_regions(struct gmm_core *core, struct gmm_vm *vm, uint32_t operation);
/* It was to be made anew, and that failed: it is as lost as it was. */
void gmm_vm_gone_again(struct gmm_core *core, struct gmm_vm *vm, const char *reason);
/* The process component lost the VM, or was given up. */
void gmm_vm_gone(struct gmm_core *core, struct gmm_vm *vm, const char *reason, uint64_t now_ns);
/* Returns its place; the node is asked to destroy it unless `asked` is set there. */
uint32_t gmm_vm_zombie_add(struct gmm_core *core, struct gmm_node *node, uint64_t vm);
void gmm_vm_zombie_remove(struct gmm_core *core, struct gmm_node *node, uint32_t place);

/* poll.c */
void gmm_poll_remove(struct gmm_core *core, struct gmm_vm *vm);
void gmm_poll_check(const struct gmm_core *core);
bool gmm_vm_output(struct gmm_core *core, struct gmm_command *command, uint64_t now_ns);
void gmm_vm_polled(struct gmm_core *core, uint64_t vm, int status, const void *body, uint32_t len_bytes,
		   uint64_t now_ns);

/* step.c */
struct gmm_step_call {
	uint16_t type;
	uint32_t len_bytes;
	_Alignas(8) uint8_t body[GMM_BODY_BYTES_MAX];
};
/* Where a region is, as process components are told. Returns the next in its list. */
uint32_t gmm_step_region(const struct gmm_core *core, uint32_t region, struct wire_vm_region *entry);
/* The call of the operation's step. False: the step sends nothing itself. */
bool gmm_step_call(const struct gmm_core *core, struct gmm_operation *operation, struct gmm_step_call *call);

/* request_create.c: a lost VM is made anew, with another id, where there is room. 0: an operation does it; else refused, it is as it was. */
int gmm_vm_create_again(struct gmm_core *core, struct gmm_vm *vm, uint64_t now_ns);
/* 0, or -EINVAL and core->refusal: a cache share may not be so large or small. */
int gmm_check_cache(struct gmm_core *core, uint64_t cache_bytes);
int gmm_check_spread(struct gmm_core *core, uint32_t spread);

/* request.c */
/* An operation that works on a VM; NULL: there is no room for it. */
struct gmm_operation *gmm_vm_operation(struct gmm_core *core, struct gmm_vm *vm, enum gmm_operation_kind kind, uint64_t now_ns);
/* The VM, if nothing works on it; and if `running_node`, its component can be asked. Else NULL, *status and core->refusal. */
struct gmm_vm *gmm_request_vm(struct gmm_core *core, const char *name, bool running_node, int *status);
int gmm_refuse_words(struct gmm_core *core, int status, const char *first, const char *second, const char *third);
/* False: too many operations are under way, and core->refusal says so. */
bool gmm_operation_room(struct gmm_core *core);
/* NULL: as above. */
struct gmm_operation *gmm_operation_start(struct gmm_core *core, enum gmm_operation_kind kind, enum gmm_step step,
					  const char *object, uint64_t now_ns);

/* move.c */
/* For a drain (its id) or the operator (0); all is checked as in gmm_core_region_move(). */
int gmm_move_start(struct gmm_core *core, struct gmm_vm *vm, uint32_t region, struct gmm_node *to, uint64_t parent,
		   struct gmm_operation **started, uint64_t now_ns);
bool gmm_move_output(struct gmm_core *core, struct gmm_operation *operation, struct gmm_command *command, uint64_t now_ns);
void gmm_move_result(struct gmm_core *core, struct gmm_operation *operation, int status, const void *body,
		     uint32_t len_bytes, uint64_t now_ns);
/* It has failed, and no answer is awaited. */
void gmm_move_unwind(struct gmm_core *core, struct gmm_operation *operation);
/* The process component went down: what becomes of the move is asked when it is back. */
void gmm_move_node_gone(struct gmm_core *core, struct gmm_operation *operation, int status, const char *reason,
			uint64_t now_ns);
/* The memory component lost everything. */
void gmm_move_node_reset(struct gmm_core *core, const struct gmm_node *node);
/* The VM is no more: neither is the move. */
void gmm_move_vm_ends(struct gmm_core *core, struct gmm_vm *vm);
/* An earlier manager's; its VM and region are known. */
void gmm_move_resume(struct gmm_core *core, struct gmm_operation *operation);

/* restart.c */
void gmm_restart_tick(struct gmm_core *core, uint64_t now_ns);
/* Is there such a policy (enum gmm_restart), and are its numbers within their limits? */
bool gmm_restart_is_valid(uint32_t restart, uint32_t max, uint32_t window_s);
/* It is not, and core->refusal says what the limits are; `rest` ends the sentence. -EINVAL. */
int gmm_refuse_restart(struct gmm_core *core, const char *rest);
/* The operator wants it to run, or not to: what was is forgotten. */
void gmm_restart_want(struct gmm_core *core, struct gmm_vm *vm, bool wanted);

/* resize.c */
bool gmm_resize_output(struct gmm_core *core, struct gmm_operation *operation, struct gmm_command *command, uint64_t now_ns);
void gmm_resize_result(struct gmm_core *core, struct gmm_operation *operation, int status, const void *body, uint32_t len_bytes,
		       uint64_t now_ns);
/* The process component went down: it is asked again when it is back. */
void gmm_resize_node_gone(struct gmm_core *core, struct gmm_operation *operation);
/* The VM is no more: neither is the resize. */
void gmm_resize_vm_ends(struct gmm_core *core, struct gmm_vm *vm);

/* drain.c */
void gmm_drain_tick(struct gmm_core *core, struct gmm_operation *operation, uint64_t now_ns);
void gmm_drain_move_ended(struct gmm_core *core, const struct gmm_operation *move);

/* operation.c */
/* The answer that the operation awaits will be nobody's. */
void gmm_operation_orphan(struct gmm_core *core, struct gmm_operation *operation);
bool gmm_operation_output(struct gmm_core *core, struct gmm_operation *operation, struct gmm_command *command,
			  uint64_t now_ns);
void gmm_operation_region_created(struct gmm_core *core, uint32_t operation, uint32_t region, int status,
				  uint64_t now_ns);
void gmm_operation_region_gone(struct gmm_core *core, uint32_t operation, uint64_t now_ns);
void gmm_operation_fail(struct gmm_core *core, struct gmm_operation *operation, int status, const char *reason,
			uint64_t now_ns);
/* It fails because the node answered `status` to what was asked: "NODE WHAT: STATUS". */
void gmm_operation_refused(struct gmm_core *core, struct gmm_operation *operation, uint32_t node, const char *what, int status,
			   uint64_t now_ns);
/* A node that the operation's open call went to is gone or down. */
void gmm_operation_node_gone(struct gmm_core *core, struct gmm_node *node, int status, const char *reason,
			     uint64_t now_ns);
void gmm_operation_tick(struct gmm_core *core, uint64_t now_ns);
void gmm_operation_end(struct gmm_core *core, struct gmm_operation *operation);
/* Give the operation's regions, and its VM's record, back; wait for the components that can answer. */
void gmm_operation_reclaim(struct gmm_core *core, struct gmm_operation *operation);
/* Where a failure leads when no answer is awaited. */
void gmm_operation_unwind(struct gmm_core *core, struct gmm_operation *operation);
/* The first one is the one that is told. */
void gmm_operation_note_failure(struct gmm_core *core, struct gmm_operation *operation, int status, const char *reason);
void gmm_operation_process_gone(struct gmm_core *core, struct gmm_operation *operation, int status, const char *reason,
				uint64_t now_ns);

/* operation_result.c */
void gmm_operation_result(struct gmm_core *core, struct gmm_call *call, int status, const void *body,
			  uint32_t len_bytes, uint64_t now_ns);
void gmm_operation_vm_changed(struct gmm_core *core, struct gmm_vm *vm, uint64_t now_ns);

/* resume.c: what an earlier manager left goes on, or comes to its end. */
void gmm_resume(struct gmm_core *core, uint64_t now_ns);
/* Its files are to be offered, once more if they were before. */
void gmm_offer_begin(struct gmm_core *core, struct gmm_vm *vm);
/* Nothing is to be offered again. */
void gmm_offer_end(struct gmm_core *core, struct gmm_vm *vm);
bool gmm_resume_output(struct gmm_core *core, struct gmm_command *command, uint64_t now_ns);
void gmm_resume_told(struct gmm_core *core, const struct gmm_call *call, int status, uint64_t now_ns);

/* history.c */
/* It has ended just now. */
void gmm_history_add(struct gmm_core *core, struct gmm_operation *operation);
/* Its end is told. */
void gmm_history_told(struct gmm_core *core, const struct gmm_operation *operation);
void gmm_history_record(const struct gmm_core *core, struct gmm_record *record);
/* NULL, or what is wrong with the row. */
const char *gmm_history_restore(struct gmm_core *core, const struct gmm_record *record);

/* health_rows.c; NULL, or what is wrong with the row */
void gmm_health_record(const struct gmm_core *core, struct gmm_record *record);
const char *gmm_health_restore(struct gmm_core *core, const struct gmm_record *record);

/* restore_operation.c; NULL, or what is wrong with the row */
const char *gmm_operation_restore(struct gmm_core *core, const struct gmm_record *record, uint64_t now_ns);
/* Some operation holds the region (below). */
bool gmm_region_is_held(const struct gmm_core *core, uint32_t region);

/* Its region is in no VM's list but in its own hands. */
static inline bool gmm_operation_holds_region(const struct gmm_operation *operation)
{
	return operation->kind == GMM_OPERATION_BENCH || operation->kind == GMM_OPERATION_REGION_MOVE;
}

static inline uint32_t gmm_vm_index(const struct gmm_core *core, const struct gmm_vm *vm)
{
	return (uint32_t)(vm - core->vms);
}
static inline uint32_t gmm_operation_index(const struct gmm_core *core, const struct gmm_operation *operation)
{
	return (uint32_t)(operation - core->operations);
}

#endif
