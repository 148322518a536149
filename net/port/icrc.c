/* SPDX-License-Identifier: GPL-2.0-only */
#include <kernel/kernel.h>

#include "lib/vector.h"
#include "net/port/icrc.h"

#define VECTOR_BYTES_MIN 256u		/* below it, saving the interrupt flag costs more than multiplication gains */

static uint32_t guarded_update(uint32_t state, const void *bytes, size_t len)
{
	if (len < VECTOR_BYTES_MIN)
		return crc_table.update(state, bytes, len);
	vector_begin();
	state = crc_clmul.update(state, bytes, len);
	vector_end();
	return state;
}

static uint32_t guarded_copy(uint32_t state, void *to, const void *from, size_t len)
{
	if (len < VECTOR_BYTES_MIN)
		return crc_table.copy(state, to, from, len);
	vector_begin();
	state = crc_clmul.copy(state, to, from, len);
	vector_end();
	return state;
}

const struct crc_implementation *icrc_choose(void)
{
	static const struct crc_implementation guarded = { .name = "PCLMULQDQ", .update = guarded_update,
							     .copy = guarded_copy };
	static const struct crc_implementation *const candidates[] = { &crc_table, &crc_sparse, &guarded };

	return crc_fastest(candidates, crc_has_clmul() ? 3 : 2, now_ns);
}
