/* SPDX-License-Identifier: GPL-2.0-only */
/* What a machine that boots asks for, by the path of its request. Hostile text. */
#ifndef PLENUM_GMM_NETBOOT_PATH_H
#define PLENUM_GMM_NETBOOT_PATH_H

#define NETBOOT_MAC_TEXT_BYTES sizeof("00:00:00:00:00:00")
#define NETBOOT_PATHS "/boot.ipxe?mac=MAC, /grub/by-mac/MAC.cfg, /grubnet.efi, /signed/by-mac/MAC/image.elf and /images/{p,m}component.elf"

enum netboot_file {
	NETBOOT_NO_FILE,
	NETBOOT_IPXE_SCRIPT,		/* whose says the query */
	NETBOOT_GRUB_SCRIPT,
	NETBOOT_LOADER,
	NETBOOT_PCOMPONENT,		/* whose says the query */
	NETBOOT_MCOMPONENT,
	NETBOOT_SIGNED_IMAGE,		/* that of the machine's role */
	NETBOOT_SIGNATURE,		/* of that */
};

/*
 * Which file is it? `mac` is what stands in the path in a MAC's place, which may be none, and "" where there is no such
 * place. Whoever asks for something else, or with a longer "MAC", gets NETBOOT_NO_FILE.
 */
enum netboot_file netboot_path_parse(const char *path, char mac[NETBOOT_MAC_TEXT_BYTES]);

#endif
