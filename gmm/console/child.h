/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A gmm command as a process of its own, with its output in a pipe: what it does, prints and refuses is what it
 * does on a command line.
 */
#ifndef PLENUM_GMM_CONSOLE_CHILD_H
#define PLENUM_GMM_CONSOLE_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "gmm/console/commands.h"

struct child {
	pid_t pid;			/* 0: none */
	int fd;				/* its stdout and stderr; -1: none */
};

/* Negative errno when it cannot be started. */
int child_start(struct child *child, const char *socket, struct command_words *words);
/* What it printed, at most `bytes`. 0: it has ended; *status is its exit status (128 + signal). */
ssize_t child_read(struct child *child, char *text, size_t bytes, int *status);
void child_stop(struct child *child);

#endif
