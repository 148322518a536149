/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's terminal, for its serial line: libvterm keeps it, this draws it. Its size stays what it was made with: a serial
 * line has no way to tell the guest another one, and libvterm 0.1 reads where it should not after some changes of size.
 */
#ifndef PLENUM_GMM_CONSOLE_TERMINAL_H
#define PLENUM_GMM_CONSOLE_TERMINAL_H

#include <stddef.h>
#include <stdint.h>

#include "gmm/console/screen.h"

#define TERMINAL_ROWS_MIN 24		/* what programs on a serial line count on */
#define TERMINAL_COLUMNS_MIN 80
#define TERMINAL_KEY_BYTES 16		/* of one key */

struct terminal;

/* At least 24 by 80. NULL: no memory. The caller frees it. */
struct terminal *terminal_new(int rows, int columns);
void terminal_free(struct terminal *terminal);
/* Output of the guest, any bytes; what of it counts is in guest_output.h. */
void terminal_feed(struct terminal *terminal, const uint8_t *bytes, size_t len);
/* Draw the part that holds the cursor, and put the screen's cursor there. */
void terminal_draw(struct terminal *terminal, struct screen *screen, int row, int height);
/* What a key (ui.h) sends. Returns the number of bytes. */
size_t terminal_key(struct terminal *terminal, uint32_t key, uint8_t bytes[TERMINAL_KEY_BYTES]);

#endif
