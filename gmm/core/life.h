/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The life of a machine and of the node that it becomes, as one state. It follows from three things that are kept apart: what the
 * operator wants of the node (enum gmm_node_admin), whether it is there (enum gmm_node_state), and how far its boot is.
 *
 *	           inventory            admit                script           join
 *	DISCOVERED ---------> PENDING ---------> ADMITTED ---------> BOOTING ------> UP <-----> CORDONED, DRAINING
 *	     |                   |                  |  ^                | ^          ^ |            |
 *	     '----- reject ------'                  |  |    no join     v | script   | | lease      | maintenance (empty)
 *	               |                            |  |              FAILED         | v            v
 *	               v          forget            v  '--- restore     |           DOWN       MAINTENANCE
 *	           FORGOTTEN <------------------ RETIRED <--------------'-------------'-------------'
 *
 * A node that the store knows begins EXPECTED when a manager starts, until it joins or is DOWN. The whole table is in life.c;
 * a change that is not in it is a mistake of ours (M10). docs/manager.md lists it, and a test compares.
 */
#ifndef PLENUM_GMM_LIFE_H
#define PLENUM_GMM_LIFE_H

#include <stdbool.h>
#include <stdint.h>

#define GMM_LIFE_BOOTS_MAX 5u			/* boot scripts fetched without a join: it has failed */
#define GMM_LIFE_BOOT_NS UINT64_C(120000000000)	/* a machine may take so long from its script to its join */

enum gmm_life {
	GMM_LIFE_FORGOTTEN,		/* there is no such node or machine (any more) */
	GMM_LIFE_DISCOVERED,		/* a machine that nobody knows asked for a boot script */
	GMM_LIFE_PENDING,		/* and has said what it is: it waits to be admitted */
	GMM_LIFE_ADMITTED,		/* it may join, and has not begun to boot */
	GMM_LIFE_BOOTING,		/* it has its boot script */
	GMM_LIFE_UP,			/* its lease runs */
	GMM_LIFE_CORDONED,		/* it is given nothing new */
	GMM_LIFE_DRAINING,		/* and what it has is being moved away */
	GMM_LIFE_MAINTENANCE,		/* empty; it may be switched off */
	GMM_LIFE_EXPECTED,		/* an earlier manager knew it, this one waits for it */
	GMM_LIFE_DOWN,			/* its lease ran out */
	GMM_LIFE_FAILED,		/* it boots and does not come to join */
	GMM_LIFE_RETIRED,		/* it may not join any more */
	GMM_LIFE_STATES,
};

struct gmm_life_step {
	enum gmm_life from, to;
	const char *by;			/* the command, without "gmm "; else what happens */
	bool command;
};

extern const struct gmm_life_step gmm_life_steps[];	/* ends with from == to */
const char *gmm_life_name(enum gmm_life life);
/* Is the change in the table? */
bool gmm_life_may(enum gmm_life from, enum gmm_life to);

#endif
