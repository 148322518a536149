/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The operator's full-screen console, of gmmd's control socket. docs/console.md says what it shows.
 *
 *	link	  one connection to gmmd, never blocking			curses	 cells to the terminal, keys from it
 *	feed	  which connection asks what, and when				child	 a gmm command and its output
 *	model	  gmmd's answers, rates, histories	(pure)			screen	 a grid of cells	  (pure)
 *	ui, keys  what is shown, what keys do		(pure)			view_*	 model to cells		  (pure)
 *	terminal  a guest's terminal, by libvterm, behind guest_output, which says what may reach it
 */
#ifndef PLENUM_GMM_CONSOLE_CONSOLE_H
#define PLENUM_GMM_CONSOLE_CONSOLE_H

#include <stdbool.h>

#define CONSOLE_INTERVAL_S_MIN 0.2
#define CONSOLE_INTERVAL_S_MAX 3600.0

struct console_options {
	const char *socket;		/* gmmd's control socket; it need not be there yet */
	bool readonly;			/* nothing that changes the rack, no keys to guests */
	double interval_s;		/* between two looks at the rack, within the limits above */
};

/*
 * Takes the terminal of stdin and stdout until the operator quits: 0. -ENOTTY: they are no terminal; -ENOTSUP: TERM
 * names a terminal that cannot be used; -ENOMEM.
 */
int console_run(const struct console_options *options);

#endif
