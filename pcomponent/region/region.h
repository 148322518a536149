/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Client of the memory components: which node holds a guest page, the connection to it, READ and WRITE of pages
 * with reconnection behind them. Pure; every request completes exactly once through `done`.
 */
#ifndef PLENUM_PCOMPONENT_REGION_H
#define PLENUM_PCOMPONENT_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <plenum/limits.h>
#include <plenum/page.h>
#include <plenum/wire.h>

#include "net/roce/roce.h"
#include "net/secure/secure.h"

struct region_client;

/*
 * A page request ended: 0; -EACCES when the memory component refuses it (stale epoch, region gone: the node lost its
 * memory); -EHOSTUNREACH when it could not be reached for `give_up_ns`. `cookie` is the request's. Called from
 * region_poll() only.
 */
typedef void region_done(void *context, uint32_t cookie, bool write, int status, uint64_t latency_ns, uint64_t now_ns);

/*
 * About regions that are only promised: `wanted`: lines of VM slot `vm` wait for a place now, region_place_wanted() says which.
 * `placed`: one that was wanted has its place, region_write() takes its pages. From within region_write() and region_map().
 */
typedef void region_wanted(void *context, uint32_t vm);
typedef void region_placed(void *context, uint32_t vm, uint64_t now_ns);

/* Work that others post on a connection of region_node_qpn() has this bit in its cookie; it completes through `other`. */
#define REGION_COOKIE_OTHER (UINT64_C(1) << 63)
typedef void region_other(void *context, const struct roce_event *event, uint64_t now_ns);

struct region_config {
	struct roce_device *device;
	struct secure *secure;		/* with the rack's key: memory components let in who has it */
	uint32_t node;			/* our node id, sent to memory components; region_set_node() when joined */
	uint64_t incarnation;
	bool packet_macs;		/* connections carry a MAC on every packet; region_set_packet_macs() when joined */
	uint32_t vms_max;
	uint32_t requests_max;		/* page requests under way or queued, all nodes together */
	uint64_t pages_written_max;	/* size of the written-pages bitmaps of all VMs together, in pages */
	uint64_t give_up_ns;		/* unreachable for this long: requests fail with -EHOSTUNREACH */
	uint32_t moves_max;		/* regions moved at the same time, one a VM at the most; 0: none */
	region_done *done;
	region_placed *placed;		/* may be NULL: no region is ever promised */
	void *context;
	region_wanted *wanted;		/* may be NULL: region_place_wanted() is polled */
	region_other *other;		/* may be NULL: nobody posts such work */
	void *other_context;		/* of `wanted`, too */
};

size_t region_client_bytes(const struct region_config *config);
struct region_client *region_client_create(void *memory, const struct region_config *config, uint64_t now_ns);
void region_set_node(struct region_client *client, uint32_t node);
/* Connections that are open are opened anew when this changes. */
void region_set_packet_macs(struct region_client *client, bool on);

/* A VM of `pages` guest pages on slot `vm` (< vms_max). -ENOSPC (bitmap pool), -EEXIST, -EINVAL. */
int region_vm_create(struct region_client *client, uint32_t vm, uint64_t pages);
/* Forget a VM. No request and no move of it may be under way (asserted). */
void region_vm_destroy(struct region_client *client, uint32_t vm);
/* Where region `region->index` of the VM is. A later call for the same index with a higher epoch replaces it. */
int region_map(struct region_client *client, uint32_t vm, const struct wire_vm_region *region, uint64_t now_ns);
/*
 * A region of the VM is only promised (an epoch of 0): what the guest writes there finds no place until region_map() names one. 0, also
 * when said twice. -EINVAL: there is no such region; -ESTALE: it has a place.
 */
int region_promise(struct region_client *client, uint32_t vm, const struct wire_vm_region *region);
/*
 * Is a region's place to be asked for now? Each one that lines wait for is named once, and again every REGION_ASK_NS until
 * region_map() names it. The deadline says when to ask this function next; UINT64_MAX: when `wanted` was called.
 */
bool region_place_wanted(struct region_client *client, uint32_t vm, uint32_t *index, uint64_t now_ns);
uint64_t region_place_deadline_ns(const struct region_client *client, uint32_t vm);
/* The place of a region could not be asked for, although it was to be: it is named again soon. */
void region_place_not_asked(struct region_client *client, uint32_t vm, uint32_t index);
/* Since when a region of the VM waits for a place; 0: none does. */
uint64_t region_vm_waits_ns(const struct region_client *client, uint32_t vm);

/* All memory components that the VM's regions are on are connected, and no region of it waits for a place. */
bool region_vm_reachable(const struct region_client *client, uint32_t vm);
/* All pages of the VM have a region, be it only promised. */
bool region_vm_complete(const struct region_client *client, uint32_t vm);

/*
 * Was the page ever written back? If not, its content is zero and needs no message. True for pages that do not exist:
 * they are nobody's zeros, and a READ of them is refused.
 */
bool region_page_written(const struct region_client *client, uint32_t vm, uint64_t page);

/*
 * Fetch a page into `frame`, or store `frame` on every replica. 0: `done` will be called with `cookie`.
 * -EAGAIN: requests_max are under way; try again after a completion. -EFAULT: no such page. -ENOSPC (WRITE): its region has no
 * place yet; try again when `placed` was called. No request is taken up meanwhile, so that a VM that waits holds up no other one.
 */
int region_read(struct region_client *client, uint32_t vm, uint64_t page, void *frame, uint32_t cookie, uint64_t now_ns);
int region_write(struct region_client *client, uint32_t vm, uint64_t page, const void *frame, uint32_t cookie,
		 uint64_t now_ns);

/*
 * Move a region to another place while it is in use (docs/migration.md). `target` is a new, empty region whose epoch is
 * higher than any that the region ever had. 0: begun, or begun before with the same index and epoch: region_move_status()
 * tells. -EINVAL: no such region, or a place or pace that cannot be; -ESTALE: the epoch is not higher than one that was used;
 * -EBUSY: another region of the VM is being moved, or moves_max are; -ENOBUFS: no more nodes.
 */
int region_move(struct region_client *client, uint32_t vm, const struct wire_vm_region *target,
		const struct wire_move_pace *pace, uint64_t now_ns);
/*
 * Give a move up, unless the region has been switched to its new place; one that has not begun never will in this epoch.
 * -EINVAL: no such region.
 */
int region_move_cancel(struct region_client *client, uint32_t vm, uint32_t index, uint32_t epoch);
/* Fills all but `moved->vm`. -ENOENT: the move was never heard of. */
int region_move_status(const struct region_client *client, uint32_t vm, uint32_t index, uint32_t epoch,
		       struct wire_vm_region_moved *moved, uint64_t now_ns);
/* Before a VM is forgotten: give up its move. True when none is under way. */
bool region_move_stop(struct region_client *client, uint32_t vm);

/* Since the client was created. */
#define REGION_COUNTERS(X) \
	X(moves_done) X(moves_abandoned) X(pages_moved) X(pages_moved_again) X(write_backs_mirrored)
struct region_counters {
#define REGION_COUNTER_FIELD(name) uint64_t name;
	REGION_COUNTERS(REGION_COUNTER_FIELD)
#undef REGION_COUNTER_FIELD
};
const struct region_counters *region_counters(const struct region_client *client);

/* Take completions and connection events, reconnect, give up, call `done`. Then the next time it must be called. */
void region_poll(struct region_client *client, uint64_t now_ns);
uint64_t region_deadline_ns(const struct region_client *client);

/* Low-level use for the built-in benchmark: the connection to a memory node, or 0 while there is none (it is opened). */
uint32_t region_node_qpn(struct region_client *client, uint32_t node, uint32_t address, uint64_t now_ns);

#endif
