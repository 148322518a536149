/* SPDX-License-Identifier: GPL-2.0-only */
/* The terminal, by ncurses: cells go out as they are, keys come in as ui.h names them. */
#ifndef PLENUM_GMM_CONSOLE_CURSES_H
#define PLENUM_GMM_CONSOLE_CURSES_H

#include "gmm/console/screen.h"

struct curses {
	bool colours;			/* the terminal has them and NO_COLOR is not set */
	bool unicode;			/* a UTF-8 locale, on a terminal that is no old one */
};

/* -ENOTSUP: TERM names no terminal that can be used. */
int curses_begin(struct curses *curses);
void curses_end(void);
/* The terminal's size now. */
void curses_size(int *width, int *height);
void curses_show(const struct curses *curses, const struct screen *screen);
/* The next key; 0: none waits, or the size has changed. Ctrl-L redraws by itself. */
uint32_t curses_key(void);

#endif
