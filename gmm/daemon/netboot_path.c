// SPDX-License-Identifier: GPL-2.0-only
#include "gmm/daemon/netboot_path.h"

#include <stddef.h>
#include <string.h>

/* Paths as they are; or what stands before and behind a MAC. */
static const struct {
	const char *before, *behind;
	enum netboot_file file;
} paths[] = {
	{ "/boot.ipxe", NULL, NETBOOT_IPXE_SCRIPT },
	{ "/grub/by-mac/", ".cfg", NETBOOT_GRUB_SCRIPT },
	{ "/grubnet.efi", NULL, NETBOOT_LOADER },
	{ "/images/pcomponent.elf", NULL, NETBOOT_PCOMPONENT },
	{ "/images/mcomponent.elf", NULL, NETBOOT_MCOMPONENT },
	{ "/signed/by-mac/", "/image.elf", NETBOOT_SIGNED_IMAGE },
	{ "/signed/by-mac/", "/image.elf.sig", NETBOOT_SIGNATURE },
};

enum netboot_file netboot_path_parse(const char *path, char mac[NETBOOT_MAC_TEXT_BYTES])
{
	size_t len = strlen(path);

	mac[0] = '\0';
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		size_t before = strlen(paths[i].before), behind = paths[i].behind ? strlen(paths[i].behind) : 0, between;

		if (!paths[i].behind && strcmp(path, paths[i].before) == 0)
			return paths[i].file;
		if (!paths[i].behind || len <= before + behind || memcmp(path, paths[i].before, before) ||
		    strcmp(path + len - behind, paths[i].behind))
			continue;
		between = len - before - behind;
		if (between >= NETBOOT_MAC_TEXT_BYTES || memchr(path + before, '/', between))
			return NETBOOT_NO_FILE;
		memcpy(mac, path + before, between);
		mac[between] = '\0';
		return paths[i].file;
	}
	return NETBOOT_NO_FILE;
}
