// SPDX-License-Identifier: GPL-2.0-only
/* The devices that a VM can have, by name. */
#include <string.h>

#include "gmm/core/core.h"

#define ROW(id, bit, name, usual, what) { name, what, DEVICE_##id },
const struct gmm_device gmm_devices[GMM_DEVICES] = { DEVICES(ROW) };
#undef ROW

uint32_t gmm_device_named(const char *name)
{
	for (uint32_t i = 0; i < GMM_DEVICES; i++)
		if (strcmp(name, gmm_devices[i].name) == 0)
			return gmm_devices[i].bit;
	return 0;
}
