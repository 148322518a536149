/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Machines that are no nodes yet: what asked for a boot script with a MAC that no node has, what it told of itself, and how it
 * becomes a node: by name (gmm_core_node_admit), or by the first rule that fits. docs/manager.md, "Unknown machines".
 *
 * They are in a table of their own and only in memory: they ask again every few seconds. All they say is hearsay of somebody
 * without the rack's key, so no number of them can put a node out of its place (E1), and none is told more than to wait (E2).
 *
 *  E1  Nothing here takes a node's entry. The oldest that is only discovered gives way to a new one; where all wait as pending and
 *      are still there, a new one is turned away.
 *  E2  A machine is answered as a node only when its MAC is a node's and nothing that it says contradicts what is known of that node.
 *  E3  A MAC or UUID that two machines claim is nobody's identity: a rule admits neither.
 */
#ifndef PLENUM_GMM_MACHINE_H
#define PLENUM_GMM_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include <plenum/limits.h>

#include "gmm/core/life.h"

#define GMM_MACHINES_MAX 64u
#define GMM_RULES_MAX 16u
#define GMM_UUID_BYTES 16u
#define GMM_INVENTORY_TEXT_BYTES 48u
#define GMM_MACHINE_AWAY_NS UINT64_C(600000000000) /* not heard of for so long: it gives way, and its claims are void */
#define GMM_MACHINE_EVENT_NS UINT64_C(1000000000) /* between two events about new ones */
#define GMM_RULE_NUMBER_MAX 999u		/* of names that a rule gives */

enum gmm_known { GMM_UNKNOWN, GMM_NO, GMM_YES };

/* What a machine says of itself. Texts end, and are printable ASCII. */
struct gmm_inventory {
	uint8_t mac[6];
	uint8_t uuid[GMM_UUID_BYTES];	/* all zero: none that means anything */
	char manufacturer[GMM_INVENTORY_TEXT_BYTES];
	char product[GMM_INVENTORY_TEXT_BYTES];
	char serial[GMM_INVENTORY_TEXT_BYTES];
	char asset[GMM_INVENTORY_TEXT_BYTES];
	char processor[GMM_INVENTORY_TEXT_BYTES];
	char firmware[GMM_INVENTORY_TEXT_BYTES];
	char card[GMM_INVENTORY_TEXT_BYTES];
	uint32_t processors;		/* threads; 0: not told */
	uint64_t memory_bytes;		/* 0: not told */
	enum gmm_known svm, vmx;
	bool complete;			/* it has told; else only MAC and UUID */
};

struct gmm_machine {
	enum gmm_life life;		/* DISCOVERED or PENDING; FORGOTTEN: unused entry */
	uint64_t life_ns;
	uint64_t first_ns;
	uint64_t seen_ns;		/* it asked last */
	uint32_t address;		/* from which */
	uint32_t asked;			/* times */
	uint64_t conflict_ns;		/* its MAC or UUID was last claimed by another one, too; 0: never */
	struct gmm_inventory inventory;
};

/* A machine that fits all of what a rule demands becomes a node by it. */
struct gmm_rule {
	char name[NODE_NAME_BYTES];
	char manufacturer[GMM_INVENTORY_TEXT_BYTES];	/* '*' and '?' stand for any; empty: whatever it is */
	char product[GMM_INVENTORY_TEXT_BYTES];
	uint8_t mac[6];
	uint32_t mac_bytes;		/* of the prefix above; 0: any MAC */
	uint64_t memory_bytes_min;
	enum gmm_known svm;		/* GMM_UNKNOWN: whatever it is */
	uint32_t role;			/* enum wire_role */
	char pattern[NODE_NAME_BYTES];	/* of the node's name: "m%02d" */
	uint32_t address_first, address_last; /* 0: the rack's */
	char domain[NODE_NAME_BYTES];
	bool automatic;			/* false: it only shows what it would do */
};

/* How a machine is to become a node. */
struct gmm_admission {
	char name[NODE_NAME_BYTES];
	uint32_t role;			/* enum wire_role */
	uint8_t mac[6];
	uint32_t address;		/* 0: the next free one of: */
	uint32_t address_first, address_last; /* 0: the rack's */
	char domain[NODE_NAME_BYTES];
	const char *rule;		/* that wants it; NULL: the operator */
};

struct gmm_core;
struct gmm_node;

enum gmm_answer {
	GMM_ANSWER_NODE,		/* it is a node: its own script */
	GMM_ANSWER_TELL,		/* it is to say what it is */
	GMM_ANSWER_WAIT,		/* and then to wait and ask again */
	GMM_ANSWER_REFUSED,		/* core->refusal says why; it may ask again later */
};

/* A UUID that identifies a machine: not one that many boards come with. */
bool gmm_uuid_means_something(const uint8_t uuid[GMM_UUID_BYTES]);
/* 1 to NODE_NAME_BYTES - 1 letters, digits, '-', '_' and '.', not only dots. */
bool gmm_node_name_is_good(const char *name);
/* One "%d" or "%0Nd" (N: 1 to 9) in what else is made of a name's characters. */
bool gmm_pattern_is_good(const char *pattern);
/* The name with this number. False: it is longer than names are. */
bool gmm_pattern_name(const char *pattern, uint32_t number, char name[NODE_NAME_BYTES]);
/* '*' is any run of characters, '?' any one; letters of either case are the same. */
bool gmm_glob(const char *glob, const char *text);

/*
 * A machine asks for a boot script from `address`. With GMM_ANSWER_NODE, *node is whose MAC it is; the caller says gmm_core_node_boots()
 * when it gives the script.
 */
enum gmm_answer gmm_core_machine_asks(struct gmm_core *core, const struct gmm_inventory *inventory, uint32_t address,
				      struct gmm_node **node, uint64_t now_ns);
/* NULL: no machine that waits has this MAC. */
struct gmm_machine *gmm_core_machine(struct gmm_core *core, const uint8_t mac[6]);
/* Forget it. -ENOENT: there is none. When it asks again it is discovered again. */
int gmm_core_machine_reject(struct gmm_core *core, const uint8_t mac[6], uint64_t now_ns);
/* core->refusal, for a caller's own reason. */
void gmm_core_refuse(struct gmm_core *core, const char *why);
/* core->refusal for a name that no node has: -ENOENT; -EBUSY when it is the MAC of a machine that waits. */
int gmm_core_no_node(struct gmm_core *core, const char *name);
/* It is not heard of any more. */
bool gmm_machine_is_away(const struct gmm_machine *machine, uint64_t now_ns);

/* The rules from now on; at most GMM_RULES_MAX. */
void gmm_core_set_rules(struct gmm_core *core, const struct gmm_rule *rules, uint32_t count);
/* The first that fits; NULL: none. */
const struct gmm_rule *gmm_core_rule_of(const struct gmm_core *core, const struct gmm_inventory *inventory);
/* What the rule makes of it. 0, or -ENOSPC and core->refusal: all of its names are taken. */
int gmm_core_rule_admission(struct gmm_core *core, const struct gmm_rule *rule, const struct gmm_inventory *inventory,
			    struct gmm_admission *admission);

/*
 * Could it become a node? 0, and the address that it would get; else -EINVAL, -EEXIST, -ENOSPC or -EBUSY, and core->refusal. Nothing
 * is changed.
 */
int gmm_core_node_admit_check(struct gmm_core *core, const struct gmm_admission *admission, uint32_t *address, uint64_t now_ns);
/* It is one. Returns its id, or what the check returns. It lasts: a row says so. */
int gmm_core_node_admit(struct gmm_core *core, const struct gmm_admission *admission, uint64_t now_ns);
/* A retired node, or one that is not configured any more and holds nothing, is no more. -ENOENT, -EBUSY. */
int gmm_core_node_forget(struct gmm_core *core, const char *name, uint64_t now_ns);
int gmm_core_node_forget_check(struct gmm_core *core, const char *name);	/* the same, asked without doing it */
/* The node fetches its boot script. */
void gmm_core_node_boots(struct gmm_core *core, struct gmm_node *node, uint64_t now_ns);

#endif
