/* SPDX-License-Identifier: GPL-2.0-only */
/* The input is the path of a request for network boot. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gmm/daemon/netboot_path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *path = malloc(size + 1), mac[NETBOOT_MAC_TEXT_BYTES];
	enum netboot_file file;

	assert(path);
	memcpy(path, data, size);
	path[size] = '\0';
	file = netboot_path_parse(path, mac);
	assert(strnlen(mac, sizeof(mac)) < sizeof(mac));
	assert(!strchr(mac, '/'));
	if (mac[0])
		assert(strstr(path, mac) &&
		       (file == NETBOOT_GRUB_SCRIPT || file == NETBOOT_SIGNED_IMAGE || file == NETBOOT_SIGNATURE));
	free(path);
	return 0;
}
