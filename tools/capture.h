/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The RoCEv2 datagrams of a packet capture: classic pcap of Ethernet frames, of either byte order, with microseconds or
 * nanoseconds, as QEMU's filter-dump and tcpdump write it. The file is hostile: nothing it says is believed unchecked.
 */
#ifndef PLENUM_TOOLS_CAPTURE_H
#define PLENUM_TOOLS_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "net/roce/roce.h"

#define CAPTURE_FRAME_BYTES_MAX 65536u		/* no Ethernet frame is longer; a record that says so is damage */

enum capture_result {
	CAPTURE_END,
	CAPTURE_ROCE,		/* `datagram` is filled; its bytes stay valid until the next call */
	CAPTURE_OTHER,		/* something else: ARP, DHCP, TCP */
	CAPTURE_CUT,		/* RoCE, but the capture did not keep all of it */
	CAPTURE_MALFORMED,	/* to RoCE's port, but fragmented, with IP options, or with lengths that contradict each other */
	CAPTURE_BROKEN,		/* the file ends in the middle of a record, or a record is impossible */
};

struct capture {
	FILE *file;
	bool swapped;		/* written by a machine of the other byte order */
	uint8_t frame[CAPTURE_FRAME_BYTES_MAX];
};

/* 0, or -1 with one line in `error`. */
int capture_open(struct capture *capture, const char *path, char *error, size_t error_bytes);
enum capture_result capture_next(struct capture *capture, struct roce_datagram *datagram);
void capture_close(struct capture *capture);

#endif
