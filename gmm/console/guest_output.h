/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's output on its way to libvterm. A guest may be hostile, and libvterm 0.1 is not written for that: a control
 * sequence of many numbers writes behind its tables (one of 40 did, under valgrind). So only what is listed here passes,
 * whole and within limits: printable characters, UTF-8 that is right, the controls and sequences that programs on a
 * serial line use. Strings (window titles, device settings) and everything else are left out.
 */
#ifndef PLENUM_GMM_CONSOLE_GUEST_OUTPUT_H
#define PLENUM_GMM_CONSOLE_GUEST_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUEST_NUMBERS_MAX 12		/* in one sequence; libvterm has room for 16 */
#define GUEST_NUMBER_MAX 999		/* of a mode: 9999 */
#define GUEST_PIECE_BYTES (8 + GUEST_NUMBERS_MAX * 5)	/* of what one byte of output can complete */

/* All 0 at the start. */
struct guest_output {
	enum { GUEST_TEXT, GUEST_ESCAPE, GUEST_CHARSET, GUEST_SEQUENCE, GUEST_STRING, GUEST_STRING_ESCAPE } state;
	uint32_t character;		/* UTF-8 under way */
	unsigned more;			/* bytes that it still lacks; with 0 none is under way */
	uint32_t least;			/* that so many bytes may encode */
	uint8_t designates;		/* '(' or ')' */
	char leader;			/* '?' or 0 */
	bool refused;			/* the sequence under way has something that does not pass */
	unsigned numbers;
	uint16_t number[GUEST_NUMBERS_MAX];
};

/* Take one byte; what is now complete goes to `piece`. Returns its length, often 0. */
size_t guest_output_take(struct guest_output *output, uint8_t byte, char piece[GUEST_PIECE_BYTES]);

#endif
