/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory component: it lends page frames to VMs of other machines.
 *
 * Parts, one on the other, all portable and under the fabric lock:
 *
 *	store.c		frames. A page is never written, all zero, or in a frame; only the last kind has one.
 *	region.c	regions: (vm, index) -> epoch, owner, and a flat table of one 8-byte entry a page. This table is
 *			the translation table of the region's RDMA memory region: the responder of net/roce calls
 *			here for every packet of a READ or WRITE.
 *	flat.c		the other kind of region: a run of frames, for RDMA hardware (mcomponentd over verbs). M1 holds for room in
 *			all, not for room in one piece; M2 and M3 are about the first kind only.
 *	service.c	what the manager asks for (create, destroy, epoch). Owners connect through net/node/data_door.h.
 *
 * M1 Reservation. The pages of all regions together never exceed the frames. So a WRITE into a region never lacks a
 *    frame, and is never refused for room; WIRE_REGION_CREATE is refused instead (-ENOSPC), before anything changed.
 * M2 A frame is on the free stack or in exactly one entry; free + stored = frames.
 * M3 A page whose bytes are all zero has no frame, however the zeros came (whole-page or partial WRITE).
 * M4 A frame leaves the store's hands only through an entry, and its bytes are all written or zeroed when it is put
 *    there: no region ever reads what another one wrote.
 * M5 A WRITE is in the store when its operation returns 0 (I4, docs/architecture.md): the acknowledgement follows.
 * M6 One rkey a region at any time; it accepts one node, the owner of the current epoch (I2). A new epoch gives a
 *    new rkey, and the old one is refused from that instant, before the manager hears that the epoch is raised.
 *
 * What a page costs besides its frame: an 8-byte entry and 4 bytes of free stack. Entries are handed out in tables of
 * TABLE_ENTRIES, so that regions of any size come and go without fragmentation; with the spare tables (at most one is
 * part-used per region) and the region descriptors this stays under MCOMPONENT_BYTES_PER_PAGE_MAX.
 *
 *	region:  CREATE --> serving epoch e --EPOCH(e' > e)--> serving epoch e' --DESTROY(>= e')--> gone, frames free
 */
#ifndef PLENUM_MCOMPONENT_H
#define PLENUM_MCOMPONENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <plenum/limits.h>
#include <plenum/page.h>
#include <plenum/wire.h>

#include "net/node/counters.h"
#include "net/node/rack_keys.h"
#include "net/roce/roce.h"
#include "net/rpc/rpc.h"

#define MCOMPONENT_BYTES_PER_PAGE_MAX 16u
/* Fewer frames than this are not worth a node; also what makes the bound above hold. */
#define MCOMPONENT_PAGES_MIN 16384u
#define MCOMPONENT_PAGES_MAX (UINT32_MAX - 1u)	/* frame numbers are 32 bits wide: 16 TiB */
#define MCOMPONENT_REGIONS_MAX 16383u		/* 1 TiB in regions of 64 MiB; with the one for a raised epoch a power of two */

/* ------------------------------------------------------------------ store.c */

/* An entry: what a page is in its low bits, and the number of its frame above them. Zeroed memory: all never written. */
#define ENTRY_NEVER UINT64_C(0)
#define ENTRY_ZERO UINT64_C(1)
#define ENTRY_STORED UINT64_C(2)
#define ENTRY_KIND_MASK UINT64_C(3)
#define ENTRY_FRAME_SHIFT 8

struct store {
	uint8_t *frames;		/* frames_total pages */
	uint32_t *free_frames;		/* stack of numbers */
	uint32_t frames_total;
	uint32_t free_count;
	uint64_t pages_zero;		/* entries of kind ZERO */
	uint64_t pages_written;		/* entries that are not NEVER */
	uint64_t reads, writes;		/* pieces of a page, as they came: one a packet */
	uint64_t frames_released;	/* because a page became zero */
};

void store_init(struct store *store, void *frames, uint32_t *free_frames, uint32_t frames_total);
/* `offset` + `len_bytes` within a page (asserted). A write always finds a frame (M1, asserted). */
void store_read(struct store *store, const uint64_t *entry, uint32_t offset, void *bytes, uint32_t len_bytes);
void store_write(struct store *store, uint64_t *entry, uint32_t offset, const void *bytes, uint32_t len_bytes);
/* Back to never written. */
void store_forget(struct store *store, uint64_t *entry);

/* ------------------------------------------------------------------ region.c */

#define TABLE_ENTRIES 512u		/* one page of entries, 2 MiB of guest memory */
#define REGION_TABLES ((REGION_PAGES + TABLE_ENTRIES - 1) / TABLE_ENTRIES)

struct region_set;

struct region {
	uint64_t vm;
	uint32_t index;
	uint32_t epoch;			/* 0: this descriptor is free */
	uint32_t owner_node;
	uint32_t pages;
	uint32_t rkey;
	struct region_set *set;
	uint32_t first_frame;		/* flat: of its run */
	uint64_t *tables[REGION_TABLES];	/* not flat */
};

struct region_set {
	struct roce_device *device;
	struct store store;
	bool flat;			/* regions are runs of frames without tables: flat.c */
	struct region *regions;
	uint32_t regions_max;
	uint32_t regions_used;
	uint64_t (*tables)[TABLE_ENTRIES];
	uint32_t *free_tables;		/* stack of numbers */
	uint32_t free_tables_count;
	uint32_t tables_total;
	uint64_t pages_reserved;	/* M1 */
};

/* How many regions a store of `pages` frames can be cut into, at most. */
uint32_t region_set_regions_max(uint32_t pages);
/* Bytes of tables for `pages` frames, everything included; and the most frames that fit with their tables into `bytes`. */
size_t region_set_table_bytes(uint32_t pages);
uint32_t region_set_pages_for(size_t bytes);
/* `tables` is zeroed, aligned to 64, region_set_table_bytes(pages) long; `frames` holds `pages` pages. */
void region_set_init(struct region_set *set, void *tables, void *frames, uint32_t pages, struct roce_device *device);

/*
 * Before the first region: make them of runs of frames, which a device serves by itself. No page is known to be zero or
 * never written then, and a store with room may have no run that is long enough (-ENOSPC).
 */
void region_set_make_flat(struct region_set *set);

/* -EINVAL, -EEXIST (there is another one, not older; the same one said again is answered with it), -ESTALE (there is a newer one), -ENOSPC, -ENOBUFS (no memory region left). */
int region_set_create(struct region_set *set, const struct wire_region_create *create, struct region **created);
/* -ENOENT, -ESTALE. */
int region_set_destroy(struct region_set *set, const struct wire_region_name *name);
/* -EINVAL, -ENOENT, -ESTALE, -ENOBUFS. */
int region_set_raise_epoch(struct region_set *set, const struct wire_region_epoch *raise, struct region **raised);
struct region *region_set_find(struct region_set *set, uint64_t vm, uint32_t index);
uint64_t region_set_base(const struct region *region);

/* ------------------------------------------------------------------ flat.c */

/* Find and zero a run for a region that is not in use yet (its epoch is 0). False: there is none. */
bool region_flat_take(struct region *region);
/* Its first byte. */
uint8_t *region_flat_bytes(const struct region *region);

/* ------------------------------------------------------------------ service.c */

#define DATA_CONNECTIONS_MAX (2u * NODES_MAX)

struct mcomponent_config {
	struct roce_device *device;
	struct rpc_endpoint *endpoint;
	struct secure *secure;		/* with the rack's key: who has it may own regions */
	uint32_t pages;			/* frames */
	void *frames;
	void *tables;			/* see region_set_init() */
	bool flat;			/* see region_set_make_flat(); frames then begin at a page */
	/* Counters of what lies below (network), as text; may be NULL. */
	size_t (*counters_text)(void *context, char *text, size_t bytes);
	void *context;
};

struct mcomponent {
	struct mcomponent_config config;
	struct region_set regions;
	struct node_counters counters;
	struct data_door door;		/* of the owners' connections */
	struct rack_keys_watch keys;
	struct data_place places[DATA_CONNECTIONS_MAX];
	uint64_t region_requests_refused;
};

/* What the RPC endpoint serves; its context is a struct mcomponent, set up before the first rpc_poll(). */
extern const struct rpc_type mcomponent_rpc_types[];
/* Add what `pages` frames and the data connections need of the device to `limits`. */
void mcomponent_limits(uint32_t pages, struct roce_limits *limits);
/* Listens on WIRE_PORT_DATA. 0, or what the device lacks. */
int mcomponent_init(struct mcomponent *component, const struct mcomponent_config *config);
/* Take connection events; after roce_input(). */
void mcomponent_poll(struct mcomponent *component, uint64_t now_ns);
/* How the rack does things (WIRE_RACK_*), as a join said; holds for owners that connect from then on. */
void mcomponent_set_rack(struct mcomponent *component, uint32_t flags);
/* The memory component's part of a lease renewal. */
void mcomponent_renew(const struct mcomponent *component, struct wire_node_renew *renew);

#endif
