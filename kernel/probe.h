/* SPDX-License-Identifier: GPL-2.0-only */
/* Touch an address that may fault, and live. For the self test, and for start-up code that asks what the machine has. */
#ifndef PLENUM_KERNEL_PROBE_H
#define PLENUM_KERNEL_PROBE_H

#include <stdint.h>

#define PROBE_OK (-1)

/* PROBE_OK, or the vector of the exception. */
int probe_load(const void *address);
int probe_store(void *address);		/* writes one byte: the one that it reads there, where it can */
int probe_execute(const void *address);	/* calls it */

#endif
