/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the region client: where the regions are, the connections to memory components, and requests.
 *
 * A request:
 *
 *	region_read/write -> QUEUED at its node --post--> POSTED --answer--> done (freed first, then `done` is called)
 *	                       ^        |                   |
 *	                       |        '-- give_up_ns -----+---> done, -EHOSTUNREACH
 *	                       '------ connection lost -----'
 *
 * A node's connection (its link's states are in net/node/data_link.h):
 *
 *	DOWN --retry_ns is due--> CONNECTING --link UP--> UP --link CLOSED--> DOWN
 *	  ^-----------link CLOSED-----------'
 *
 *	G1 Every accepted request completes exactly once. It is in one node's queue or posted on that node's queue pair.
 *	G2 (I1) A page's written bit is set before the acknowledgement of its WRITE is told to the cache, which frees the
 *	   line only then. While a WRITE is under way the page is served by its line, so nobody asks for the bit.
 *	G3 A request that ends in an older epoch than its region's is sent again in the current one, unless it is a READ
 *	   that succeeded (nobody can have written the page meanwhile: its line is here). So a stored page is stored where
 *	   the region is now (I1), and only a refusal by the current replica is told to the cache.
 *	G4 A request whose connection was lost is repeated. READs land in a line that nobody can see yet, and a WRITE's
 *	   line does not change while it is under way: repeating is harmless. What still travels on the old connection must
 *	   be cut off by the memory component before it accepts the new one, lest an old WRITE land on a newer one.
 *	G5 A frame is the queue pair's while POSTED: a node's connection is given up only through data_link_close() or the
 *	   link's end, and both complete what was posted first.
 *	G11 to G14, about regions that are only promised, stand in promise.c.
 *	G6 to G10, about a region that is being moved, stand in move.h.
 */
#ifndef PLENUM_PCOMPONENT_REGION_INTERNAL_H
#define PLENUM_PCOMPONENT_REGION_INTERNAL_H

#include <assert.h>
#include <string.h>

#include <plenum/status.h>

#include "net/node/data_link.h"
#include "pcomponent/region/region.h"

#define REGION_NODES_MAX NODES_MAX
#define REGION_BACKOFF_FIRST_NS UINT64_C(50000000)
#define REGION_BACKOFF_MAX_NS UINT64_C(1000000000)
/* All events of a node's link carry this bit and the node's index. */
#define REGION_COOKIE_LINK (UINT64_C(1) << 62)
#define REQUEST_NONE UINT32_MAX
#define NEVER_NS UINT64_MAX

struct region_request {
	uint64_t page;
	void *frame;				/* WRITE: only read from */
	uint64_t queued_ns;
	uint64_t posted_ns;
	uint32_t cookie;
	uint32_t next;				/* in the free list or a node's queue */
	uint32_t epoch;				/* POSTED: of the place that it was posted to */
	uint32_t stored_epoch;			/* to_target: of the place that has stored the page already */
	uint16_t vm;
	uint16_t node;				/* index into nodes */
	bool busy;				/* not in the free list; the cache's only */
	bool write;
	bool posted;
	bool to_target;				/* goes to the target of its region's move; the mover's, or a WRITE on its second way */
	bool copy;				/* the mover's */
};

enum node_state { NODE_FREE, NODE_DOWN, NODE_CONNECTING, NODE_UP };

struct region_node {
	uint32_t node;				/* the memory component's id and address */
	uint32_t address;
	struct data_link link;
	uint32_t regions;			/* entries that name it */
	uint32_t posted;			/* requests */
	uint32_t queue_head, queue_tail;	/* requests waiting: the connection is down, or the queue pair full */
	uint64_t retry_ns;			/* DOWN: when to connect */
	uint64_t backoff_ns;
	uint64_t unreached_since_ns;		/* 0: it answered a request since it was last lost */
	uint8_t state;				/* enum node_state */
	bool answered;				/* something, on this connection */
	bool kept;				/* asked for by region_node_qpn(): stays without regions */
};

struct region_entry {
	uint64_t base;
	uint32_t rkey;
	uint32_t epoch;				/* 0: not known yet, or promised */
	uint32_t tried_epoch;			/* the highest that a move of it, or the end of one, was asked for with */
	uint16_t node;				/* index into nodes */
	bool promised;				/* it has no place yet */
	bool wanted;				/* promised, and something is to be stored there */
};

struct region_move;

struct region_vm {
	uint64_t pages;				/* 0: slot free */
	uint64_t *written;			/* its part of the pool */
	uint32_t regions_known;
	uint32_t requests;			/* the cache's, under way */
	uint32_t wanted;			/* regions that are */
	uint32_t ask_next;			/* those below were asked for in this round */
	uint64_t ask_ns;			/* when the next round begins */
	uint64_t waits_ns;			/* since when one is wanted; 0: none */
	struct region_move *move;		/* under way; NULL: none */
	struct wire_vm_region_moved moved;	/* what became of the last one; epoch 0: there was none */
	struct region_entry regions[REGIONS_PER_VM_MAX];
};

struct region_client {
	struct region_config config;
	int queue;				/* the device's event queue that is ours */
	uint32_t free_head;
	uint64_t words_max, words_used;		/* of the pool of written bits; VMs' parts have no gaps */
	uint32_t nodes_count;			/* nodes[] beyond were never used */
	struct region_node nodes[REGION_NODES_MAX];
	struct region_request *requests;
	uint64_t *words;
	struct region_vm *vms;
	struct region_move *moves;
	uint32_t moves_under_way;
	uint8_t *copies;			/* pages, REGION_COPIES_MAX of each move */
	uint64_t fills;				/* READs for the cache that succeeded */
	uint64_t fill_median_ns;		/* of their time from queued to landed, as estimated; 0: none yet */
	struct region_counters counters;
};

static inline uint64_t region_words(uint64_t pages)
{
	return pages / 64 + (pages % 64 != 0);
}
static inline struct region_entry *page_entry(const struct region_client *client, uint32_t vm, uint64_t page)
{
	return &client->vms[vm].regions[page / REGION_PAGES];
}

/* client.c */
/* Requests of the region that wait for its old node go on to the new one. */
void region_requests_move(struct region_client *client, struct region_node *from, struct region_node *to, uint32_t vm,
			  uint32_t index);
/* The place is one for a region of the VM. */
bool region_valid(const struct region_vm *vm, const struct wire_vm_region *region);

/* promise.c */
/* A page of a promised region is to be stored: -ENOSPC, and somebody will ask for a place. */
int region_place_want(struct region_client *client, uint32_t vm, uint64_t page, uint64_t now_ns);
/* The region has just got its place. True: it was wanted. */
bool region_place_given(struct region_client *client, uint32_t vm, struct region_entry *entry);

/* connection.c */
/* The node's place in the table; a new one begins to connect. -ENOBUFS. */
int region_node_open(struct region_client *client, uint32_t node, uint32_t address, uint64_t now_ns);
/* Hang up and forget the node if nothing needs it any more. */
void region_node_release(struct region_node *node, uint64_t now_ns);
/* End its connection, if there is one, and open another soon. */
void region_node_hang_up(struct region_node *node, uint64_t now_ns);
void region_node_event(struct region_client *client, const struct roce_event *event, uint64_t now_ns);
void region_nodes_connect(struct region_client *client, uint64_t now_ns);
/* Links that wait too long are given up. */
void region_nodes_tick(struct region_client *client, uint64_t now_ns);

/* request.c */
void region_queue_append(struct region_client *client, struct region_node *node, uint32_t number);
/* In front: what was posted before the connection was lost is older than all that waits. */
void region_queue_return(struct region_client *client, struct region_node *node, uint32_t number);
uint32_t region_queue_pop(struct region_client *client, struct region_node *node);
void region_queue_remove(struct region_client *client, uint32_t number);
/* Post what waits, as far as the queue pair takes it. */
void region_node_pump(struct region_client *client, struct region_node *node, uint64_t now_ns);
void region_request_completed(struct region_client *client, const struct roce_event *event, uint64_t now_ns);
/* A WRITE that a move's target stored, or need not store any more, is done: the region's place has stored it before. */
void region_request_settle(struct region_client *client, uint32_t number, uint64_t now_ns);
void region_give_up(struct region_client *client, uint64_t now_ns);
/* When the oldest request waiting for the node is given up. */
uint64_t region_give_up_ns(const struct region_client *client, const struct region_node *node);

#endif
