/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the components say to each other: message types and bodies of the RPC layer, little-endian, naturally
 * aligned, sizes asserted. Fields are only ever appended. Who sends what is in docs/protocol.md.
 */
#ifndef PLENUM_WIRE_H
#define PLENUM_WIRE_H

#include <stdint.h>

#include <plenum/limits.h>

/* UDP-level services: RDMA IP service ids (ports of RDMA_PS_TCP) that components listen on. */
#define WIRE_PORT_RPC 20556		/* control sessions (net/rpc) */
#define WIRE_PORT_DATA 20557		/* a memory component's READ/WRITE connections */

#define WIRE_NODE_MANAGER 1u		/* node id of the manager; the manager hands out the others from 2 */

enum wire_role { WIRE_ROLE_MANAGER = 1, WIRE_ROLE_PROCESS = 2, WIRE_ROLE_MEMORY = 3 };

/* Message types: name, number. Who sends it, and what it is for. */
#define WIRE_TYPES(X) \
	X(NODE_JOIN, 1)			/* node -> manager */ \
	X(NODE_RENEW, 2)		/* node -> manager: lease renewal and load */ \
	X(NODE_COUNTERS, 3)		/* manager -> node: text of all counters, by offset */ \
	X(RACK_KEYS, 4)			/* manager -> node: the rack's keys from now on, sealed */ \
	X(REGION_CREATE, 16)		/* manager -> memory */ \
	X(REGION_DESTROY, 17)		/* manager -> memory */ \
	X(REGION_EPOCH, 18)		/* manager -> memory: raise the epoch: new owner and rkey */ \
	X(VM_CREATE, 32)		/* manager -> process */ \
	X(VM_REGIONS, 33)		/* manager -> process: where the memory is, in chunks */ \
	X(VM_START, 34)			/* manager -> process: load the kernel and run */ \
	X(VM_STOP, 35)			/* manager -> process: stop running now; the VM stays */ \
	X(VM_DESTROY, 36)		/* manager -> process: forget it, drop its lines */ \
	X(VM_STATE, 37)			/* manager -> process: state and counters of one VM */ \
	X(VM_CONSOLE_INPUT, 38)		/* manager -> process: bytes typed */ \
	X(VM_CONSOLE_OUTPUT, 39)	/* process -> manager: bytes the guest wrote */ \
	X(VM_EVENT, 40)			/* process -> manager: a VM changed its state */ \
	X(VM_OFFER, 41)			/* manager -> process: where its kernel is to be READ from now on */ \
	X(VM_REGION_MOVE, 42)		/* manager -> process: move a region to another memory component, or say how far it is */ \
	X(VM_REGION_MOVE_STATE, 43)	/* manager -> process: how far is it */ \
	X(VM_REGION_MOVE_CANCEL, 44)	/* manager -> process: give it up, unless the region has moved already */ \
	X(VM_RESIZE, 45)		/* manager -> process: change its cache share, or say how far that is */ \
	X(VM_BUTTON, 46)		/* manager -> process: press its power button */ \
	X(VM_REGION_WANTED, 47)		/* process -> manager: a promised region needs a place */ \
	X(BENCH_READ, 48)		/* manager -> process: measure raw READs of a region */

enum wire_type {
#define WIRE_TYPE(name, number) WIRE_##name = number,
	WIRE_TYPES(WIRE_TYPE)
#undef WIRE_TYPE
};

/* Histogram: bucket i counts values in [2^(i/4) * (1 + (i%4)/4)], see lib/histogram.h; values in ns. */
#define WIRE_HISTOGRAM_BUCKETS 160

struct wire_histogram {
	uint64_t count;
	uint64_t sum_ns;
	uint64_t min_ns;
	uint64_t max_ns;
	uint32_t buckets[WIRE_HISTOGRAM_BUCKETS];
};

/* ---------------------------------------------------------------- node */

struct wire_node_join {
	uint32_t role;				/* enum wire_role */
	uint32_t page_bytes;
	uint64_t incarnation;
	char name[NODE_NAME_BYTES];		/* from the command line; NUL-terminated */
	char build_id[BUILD_ID_BYTES];
	uint8_t mac[8];				/* 6 used */
	uint64_t entry_to_join_us;		/* time since the image's first instruction */
	uint64_t capacity_pages;		/* memory: pages it lends; process: lines of its cache */
	uint64_t kernel_bytes;			/* memory the kernel keeps for itself, tables per line/page excluded */
	uint64_t table_bytes;			/* tables per line (process) or per page (memory) */
	uint32_t cpus;
	uint32_t region_shift;			/* must equal the manager's */
};
_Static_assert(sizeof(struct wire_node_join) == 120, "wire");

struct wire_node_joined {
	uint32_t node;				/* your id */
	uint32_t lease_ms;			/* renew at a third of this */
	uint32_t flags;				/* WIRE_RACK_*: how this rack does things */
	uint32_t reserved;
};
#define WIRE_RACK_PACKET_MACS 1u		/* data connections only with a MAC on every packet */
#define WIRE_NODE_JOINED_BYTES_MIN 8u		/* without the flags, as older managers send it */

/* One renewal carries what the manager shows live. Unused fields are 0. */
struct wire_node_renew {
	uint64_t uptime_us;
	uint64_t pages_capacity;		/* memory: lent; process: cache lines */
	uint64_t pages_reserved;		/* memory: promised to regions; process: given to VMs */
	uint64_t pages_stored;			/* memory: backed by a frame; process: lines in use */
	uint64_t pages_zero;			/* memory: written, but all zero: no frame */
	uint64_t pages_written;			/* memory: distinct pages ever written (stored or zero) */
	uint64_t reads;				/* memory: READs served; process: fills */
	uint64_t writes;			/* memory: WRITEs served; process: write-backs */
	uint64_t regions;			/* memory */
	uint64_t vms;				/* process */
	uint64_t packets_received;
	uint64_t packets_sent;
	uint64_t packets_refused;		/* everything dropped or NAKed, see the counters for which */
	uint64_t retransmits;
	uint64_t busy_ns;			/* processor time not idle */
};

struct wire_node_counters {			/* request */
	uint32_t offset_bytes;
	uint32_t reserved;
};
/* The reply is a piece of "name=value\n" text from that offset; empty at the end. */

/* One of the rack's keys, sealed under the session's (net/node/rack_keys.h). */
struct wire_rack_key {
	uint64_t counter;			/* of the seal */
	uint8_t id;				/* > 0 */
	uint8_t reserved[7];
	uint8_t sealed[32];
	uint8_t tag[16];
};
#define WIRE_RACK_KEYS_MAX 2u
struct wire_rack_keys {
	uint32_t count;				/* 1 to WIRE_RACK_KEYS_MAX; the first one is in use */
	uint32_t reserved;
	struct wire_rack_key keys[WIRE_RACK_KEYS_MAX];
};
_Static_assert(sizeof(struct wire_rack_keys) == 136, "wire");

/*
 * First messages on a connection to WIRE_PORT_DATA, each with a MAC behind it (net/node/data_link.h): who wants to read and
 * write, and whether it may. The connection may touch only the regions that `node` owns.
 */
#define WIRE_DATA_MAGIC UINT32_C(0x444c4d50)	/* "PLMD" */
struct wire_data_hello {
	uint32_t magic;
	uint32_t node;				/* > 0: the joined node's id */
	uint64_t incarnation;			/* of the node */
};
_Static_assert(sizeof(struct wire_data_hello) == 16, "wire");

struct wire_data_welcome {
	uint32_t magic;
	int32_t status;				/* 0, or the negative errno why not */
	uint64_t reserved;
};
_Static_assert(sizeof(struct wire_data_welcome) == 16, "wire");

struct wire_data_refusal {			/* private data of a REJ, before anything could be signed */
	uint32_t magic;
	int32_t status;				/* -ENOBUFS: no connection free; -EALREADY: the request was answered before */
};

/* ---------------------------------------------------------------- regions */

struct wire_region_create {
	uint64_t vm;				/* rack-wide VM id, never reused */
	uint32_t index;				/* which region of the VM: guest-physical index << REGION_SHIFT */
	uint32_t epoch;				/* > 0 */
	uint32_t owner_node;			/* the only node that may READ and WRITE */
	uint32_t pages;				/* 1 to REGION_PAGES: the last one may be shorter */
};

struct wire_region_created {
	uint64_t base;				/* wire address of the first page: the guest-physical address */
	uint32_t rkey;
	uint32_t reserved;
};

struct wire_region_name {			/* WIRE_REGION_DESTROY */
	uint64_t vm;
	uint32_t index;
	uint32_t epoch;				/* -ESTALE when lower than the region's */
};

struct wire_region_epoch {			/* reply: struct wire_region_created with the new rkey */
	uint64_t vm;
	uint32_t index;
	uint32_t epoch;				/* -ESTALE unless higher than the region's */
	uint32_t owner_node;
	uint32_t reserved;
};

/* ---------------------------------------------------------------- VMs */

struct wire_blob {				/* something of the manager's to READ: kernel, initrd */
	uint64_t len_bytes;			/* 0: none */
	uint64_t address;			/* wire address of the first byte */
	uint32_t rkey;
	uint32_t crc32c;			/* of the whole blob: refuse to start when it differs */
};

struct wire_vm_create {
	uint64_t vm;
	uint64_t memory_bytes;			/* multiple of PAGE_BYTES */
	uint32_t vcpus;
	uint32_t cache_lines;			/* its share */
	char name[VM_NAME_BYTES];
	uint32_t devices;			/* bits of enum device (plenum/device.h); others are refused */
	uint32_t reserved;
};
#define WIRE_VM_CREATE_BYTES_MIN 56u		/* without the devices, as older managers send it: DEVICES_FIRST */
_Static_assert(sizeof(struct wire_vm_create) == WIRE_VM_CREATE_BYTES_MIN + 8, "wire");

/* A region that is only promised has an index and pages, and nothing else: it has no place yet. */
#define WIRE_REGIONS_PER_CHUNK 64
struct wire_vm_region {
	uint32_t index;
	uint32_t rkey;
	uint32_t node;				/* of the memory component */
	uint32_t address;			/* its IPv4 address */
	uint64_t base;
	uint32_t pages;
	uint32_t epoch;				/* > 0; 0: promised */
};
struct wire_vm_regions {
	uint64_t vm;
	uint32_t count;				/* entries that follow, 1 to WIRE_REGIONS_PER_CHUNK */
	uint32_t reserved;
	struct wire_vm_region regions[];
};

/* The guest wrote to a region that is only promised. 0: its place will be told by WIRE_VM_REGIONS, as soon as there is room. */
struct wire_vm_region_wanted {
	uint64_t vm;
	uint32_t index;
	uint32_t reserved;
};
_Static_assert(sizeof(struct wire_vm_region_wanted) == 16, "wire");

/* How fast a region is moved under a running guest (docs/migration.md). */
#define WIRE_MOVE_SLOWDOWN_PERMILLE_MIN 1000
#define WIRE_MOVE_SLOWDOWN_PERMILLE_MAX 100000
#define WIRE_MOVE_PACE_MAX 1000000
struct wire_move_pace {
	uint32_t slowdown_permille;		/* the guests' median fill may grow to this part of what it was before */
	uint32_t pages_per_second_min;		/* 1 to WIRE_MOVE_PACE_MAX: not slower, however slow the guests are */
};

struct wire_vm_region_move {			/* reply: struct wire_vm_region_moved */
	uint64_t vm;
	struct wire_vm_region region;		/* where it goes to; its epoch is higher than all that the region had */
	struct wire_move_pace pace;
};
_Static_assert(sizeof(struct wire_vm_region_move) == 48, "wire");

enum wire_move_state {
	WIRE_MOVE_COPYING = 1,			/* the old place serves and has everything */
	WIRE_MOVE_SWITCHED = 2,			/* the new place serves; the old one still answers requests */
	WIRE_MOVE_DONE = 3,			/* nobody asks the old place any more */
	WIRE_MOVE_ABANDONING = 4,		/* the old place serves; requests to the new one are still under way */
	WIRE_MOVE_ABANDONED = 5,		/* nobody asks the new place any more, nor ever will in this epoch */
};

/* Reply to WIRE_VM_REGION_MOVE, _MOVE_STATE and _MOVE_CANCEL; the latter two ask with a struct wire_region_name. */
struct wire_vm_region_moved {
	uint64_t vm;
	uint32_t index;
	uint32_t epoch;				/* of the new place */
	uint32_t state;				/* enum wire_move_state */
	int32_t status;				/* negative errno: why it was abandoned */
	uint32_t pages;				/* of the region */
	uint32_t pages_passed;			/* of these, need no copy any more */
	uint64_t pages_moved;			/* copied, or found to be zero */
	uint64_t pages_zero;			/* of these, read as zero and not sent */
	uint64_t pages_moved_again;		/* copies sent in vain: a write-back overtook them */
	uint64_t write_backs_mirrored;		/* stored on both places */
	uint64_t bytes;				/* sent to the new place */
	uint64_t elapsed_ns;
	uint64_t fill_before_ns;		/* the guests' median fill, queued to landed, before the move; 0: unknown */
	uint64_t fill_ns;			/* and now */
};
_Static_assert(sizeof(struct wire_vm_region_moved) == 96, "wire");

struct wire_vm_resize {				/* reply: struct wire_vm_resized */
	uint64_t vm;
	uint64_t operation;			/* of the manager, > 0: the same one said again asks how far it is */
	uint32_t cache_lines;			/* its share is to be */
	uint32_t reserved;
};
_Static_assert(sizeof(struct wire_vm_resize) == 24, "wire");

struct wire_vm_resized {
	uint64_t vm;
	uint64_t operation;			/* the last one heard of */
	uint32_t lines;				/* that the VM holds; while it shrinks, those of before */
	uint32_t lines_wanted;			/* whole sets of what was asked for */
	uint32_t parts;				/* of the change under way; 0: it is done */
	uint32_t parts_done;
};
_Static_assert(sizeof(struct wire_vm_resized) == 32, "wire");

struct wire_vm_start {
	uint64_t vm;
	struct wire_blob kernel;		/* bzImage */
	struct wire_blob initrd;
	char command_line[VM_COMMAND_LINE_BYTES];
	uint64_t operation;			/* of the manager: the same one said again starts nothing; 0: none */
};
#define WIRE_VM_START_BYTES_MIN 1080u		/* without the operation, as older managers send it */
_Static_assert(sizeof(struct wire_vm_start) == WIRE_VM_START_BYTES_MIN + 8, "wire");

/* A new manager offers again what the VM was started with: a guest that resets is loaded again. */
struct wire_vm_offer {
	uint64_t vm;
	struct wire_blob kernel;
	struct wire_blob initrd;
};

struct wire_vm_name {				/* WIRE_VM_BUTTON, _STOP, _DESTROY, _STATE */
	uint64_t vm;
};

enum wire_vm_state {
	WIRE_VM_CREATED = 1,			/* known, not running */
	WIRE_VM_LOADING = 2,			/* fetching its kernel */
	WIRE_VM_RUNNING = 3,
	WIRE_VM_POWERED_OFF = 4,		/* the guest switched itself off */
	WIRE_VM_STOPPED = 5,			/* by the operator */
	WIRE_VM_PAUSED = 6,			/* memory unreachable or lost: `reason` says (I3) */
	WIRE_VM_FAILED = 7,			/* could not load, or the guest's state is impossible */
};

#define WIRE_REASON_BYTES 128
struct wire_vm_event {
	uint64_t vm;
	uint32_t state;				/* enum wire_vm_state */
	int32_t status;				/* negative errno behind `reason`, or 0 */
	char reason[WIRE_REASON_BYTES];		/* for the operator, one line */
};

/* Counters of a VM's cache. */
#define WIRE_VM_COUNTERS(X) \
	X(touches) X(hits) X(joins) X(zero_fills) X(fills) X(fill_errors) X(write_backs) X(write_back_errors) \
	X(clean_drops) X(rescues) X(set_full_waits) X(shootdowns) X(lines_used) X(lines_dirty) \
	X(exits) X(exit_nested_fault) X(exit_io) X(exit_mmio) X(exit_msr) X(exit_cpuid) X(exit_halt) X(exit_interrupt) \
	X(exit_other) X(interrupts_injected) X(resets)

struct wire_vm_status {
	uint64_t vm;
	uint32_t state;
	int32_t status;
	char reason[WIRE_REASON_BYTES];
	uint64_t run_ns;			/* guest time */
#define WIRE_VM_COUNTER_FIELD(name) uint64_t name;
	WIRE_VM_COUNTERS(WIRE_VM_COUNTER_FIELD)
#undef WIRE_VM_COUNTER_FIELD
	struct wire_histogram miss;		/* nested fault to resumed guest, misses that used the wire */
	struct wire_histogram read;		/* the raw READ inside those misses: posted to completed */
	struct wire_histogram exit;		/* a null exit: #VMEXIT to VMRUN for CPUID */
};

#define WIRE_CONSOLE_BYTES_MAX 2048
struct wire_vm_console {			/* bytes follow */
	uint64_t vm;
	uint64_t offset;			/* of the first byte in the stream since the VM was created */
	uint32_t len_bytes;			/* 1 to WIRE_CONSOLE_BYTES_MAX */
	uint32_t reserved;
	uint8_t bytes[];
};

#define WIRE_BENCH_READS_MAX 1000000
#define WIRE_BENCH_OUTSTANDING_MAX 32
struct wire_bench_read {
	struct wire_vm_region region;		/* where to read; its pages are first written by the bench */
	uint32_t count;				/* READs to measure, 1 to WIRE_BENCH_READS_MAX */
	uint32_t len_bytes;			/* of each, 1 to PAGE_BYTES */
	uint32_t outstanding;			/* under way at the same time, 1 to WIRE_BENCH_OUTSTANDING_MAX */
	uint32_t reserved;
};

struct wire_bench_result {
	struct wire_histogram latency;		/* of each READ */
	uint64_t elapsed_ns;			/* from the first one's start to the last one's end */
};

#endif
