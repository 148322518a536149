/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a node has its rack's key from: the word key=ID:HEX on the command line, or plenum.key=ID:HEX among the OEM strings
 * of its firmware, which keeps it off the network. The command line's copy is overwritten before anything is logged.
 */
#ifndef PLENUM_KERNEL_RACK_KEY_H
#define PLENUM_KERNEL_RACK_KEY_H

#define RACK_KEY_TEXT_BYTES 80u

/* With the boot page tables, before the command line is split or logged. */
void rack_key_read(char *command_line);
/* The text, NUL-terminated; empty when there was none. Overwritten: it can be taken once. */
void rack_key_take(char text[RACK_KEY_TEXT_BYTES]);

#endif
