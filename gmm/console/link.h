/* SPDX-License-Identifier: GPL-2.0-only */
/* One connection to gmmd that never blocks: JSON lines out, JSON lines in. */
#ifndef PLENUM_GMM_CONSOLE_LINK_H
#define PLENUM_GMM_CONSOLE_LINK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINK_LINE_BYTES_MAX (8u << 20)	/* of gmmd's; its longest are lists of VMs */
#define LINK_OUT_BYTES_MAX 65536u	/* that gmmd has not taken yet */

struct link {
	int fd;				/* -1: closed */
	char *in;
	size_t in_len_bytes, in_capacity_bytes;
	size_t searched_bytes;		/* of in: without the end of a line */
	char out[LINK_OUT_BYTES_MAX];
	size_t out_len_bytes;
};

void link_init(struct link *link);
/* Negative errno when gmmd cannot be reached now. Whatever came before is dropped. */
int link_open(struct link *link, const char *socket_path);
void link_close(struct link *link);
/* `line` is stolen. -ENOBUFS: gmmd does not read. */
int link_send(struct link *link, json_t *line);
/* What poll() found: POLLIN and the like. Negative errno when the connection is over; the caller closes it. */
int link_ready(struct link *link, short events);
short link_wants(const struct link *link);
/* The next line, to be released by the caller; NULL: none is complete. What is not JSON comes as an error line of gmmd would. */
json_t *link_line(struct link *link);

#endif
