// SPDX-License-Identifier: GPL-2.0-only
/* Which file a path stands for, and that nothing else is a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gmm/daemon/netboot_path.h"

static void test_files(void **state)
{
	static const struct {
		const char *path;
		enum netboot_file file;
		const char *mac;
	} cases[] = {
		{ "/boot.ipxe", NETBOOT_IPXE_SCRIPT, "" },
		{ "/grub/by-mac/52:54:00:77:00:01.cfg", NETBOOT_GRUB_SCRIPT, "52:54:00:77:00:01" },
		{ "/grub/by-mac/x.cfg", NETBOOT_GRUB_SCRIPT, "x" },
		{ "/grub/by-mac/.cfg.cfg", NETBOOT_GRUB_SCRIPT, ".cfg" },
		{ "/grubnet.efi", NETBOOT_LOADER, "" },
		{ "/images/pcomponent.elf", NETBOOT_PCOMPONENT, "" },
		{ "/images/mcomponent.elf", NETBOOT_MCOMPONENT, "" },
		{ "/signed/by-mac/52:54:00:77:00:01/image.elf", NETBOOT_SIGNED_IMAGE, "52:54:00:77:00:01" },
		{ "/signed/by-mac/52:54:00:77:00:01/image.elf.sig", NETBOOT_SIGNATURE, "52:54:00:77:00:01" },
	};
	char mac[NETBOOT_MAC_TEXT_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(netboot_path_parse(cases[i].path, mac), cases[i].file);
		assert_string_equal(mac, cases[i].mac);
	}
}

static void test_no_files(void **state)
{
	static const char *const paths[] = {
		"", "/", "boot.ipxe", "/boot.ipxe/", "//boot.ipxe", "/boot.ipxe.sig", "/grub/by-mac/", "/grub/by-mac/.cfg", "/grub/by-mac",
		"/grub/by-mac/52:54:00:77:00:01", "/grub/by-mac/52:54:00:77:00:011.cfg", "/grub/by-mac/a/b.cfg", "/images/", "/images/rack.key",
		"/images/../rack.key", "/images/pcomponent.elf.sig", "/grubnet.efi.sig", "/signed/by-mac/image.elf", "/signed/by-mac//image.elf",
		"/signed/by-mac/../image.elf/image.elf", "/signed/by-mac/52:54:00:77:00:01/", "/signed/by-mac/52:54:00:77:00:01/rack.key",
		"/signed/by-mac/52:54:00:77:00:01/image.elf.sig.sig",
	};
	char mac[NETBOOT_MAC_TEXT_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (netboot_path_parse(paths[i], mac) != NETBOOT_NO_FILE)
			fail_msg("'%s' is a file", paths[i]);
		assert_string_equal(mac, "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_no_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
