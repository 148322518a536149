/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The four connections to gmmd, and what each asks:
 *
 *	status	 every interval: status, then vm.list, then operation.list (until gmmd says that it does not know that)
 *	stats	 every interval: vm.stats of one VM after the other. Apart from the first, because a component that does not answer
 *		 holds this one up for seconds
 *	events	 what happens, as it does
 *	console	 one VM's serial line, while it is open
 *
 * A connection that is lost is tried again every RETRY_NS; the model says since when it is old.
 */
#ifndef PLENUM_GMM_CONSOLE_FEED_H
#define PLENUM_GMM_CONSOLE_FEED_H

#include <poll.h>

#include "gmm/console/link.h"
#include "gmm/console/model.h"
#include "gmm/console/ui.h"

enum feed_link { FEED_STATUS, FEED_STATS, FEED_EVENTS, FEED_CONSOLE, FEED_LINKS };

struct feed {
	const char *socket;
	uint64_t interval_ns;
	struct model *model;
	struct ui *ui;
	struct link links[FEED_LINKS];
	bool waiting[FEED_LINKS];	/* for an answer */
	uint64_t asked_ns[FEED_LINKS];
	uint64_t next_ns[FEED_LINKS];	/* next question; of a closed one: next try */
	unsigned step;			/* of the status connection: which question */
	bool no_operations;		/* gmmd has no operation.list */
	int vm;				/* of the stats connection: whose turn it is */
};

void feed_init(struct feed *feed, const char *socket, double interval_s, struct model *model, struct ui *ui);
void feed_close(struct feed *feed);
/* Ask what is due, connect where that is due. Returns when to call again at the latest, in milliseconds from now. */
int feed_turn(struct feed *feed, uint64_t now_ns);
void feed_poll(const struct feed *feed, struct pollfd fds[FEED_LINKS]);
void feed_ready(struct feed *feed, const struct pollfd fds[FEED_LINKS], uint64_t now_ns);
/* Ask for everything now. */
void feed_refresh(struct feed *feed);
/* ui->console_vm's console, with ui->terminal; keys for it. */
void feed_attach(struct feed *feed, uint64_t now_ns);
void feed_detach(struct feed *feed);
void feed_type(struct feed *feed, uint32_t key);

#endif
