// SPDX-License-Identifier: GPL-2.0-only
/* The web console's files as the assembler takes them in; the header is made by tools/embed-web. */
#include "gmm/daemon/web.h"

#define WEB_FILE(number, path, type, tag, contents) \
	__asm__(".pushsection .rodata\n" \
		".balign 16\n" \
		"web_file_" #number ":\n" \
		contents \
		"web_file_" #number "_end:\n" \
		".byte 0\n" \
		".popsection\n"); \
	extern const uint8_t web_file_##number[], web_file_##number##_end[];
#include <generated/web_files.h>
#undef WEB_FILE

#define WEB_FILE(number, path, type, tag, contents) { path, type, tag, web_file_##number, web_file_##number##_end },
const struct web_file web_files[] = {
#include <generated/web_files.h>
	{ NULL, NULL, NULL, NULL, NULL },
};
#undef WEB_FILE
