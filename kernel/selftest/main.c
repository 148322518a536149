/* SPDX-License-Identifier: GPL-2.0-only */
#include <kernel/kernel.h>
#include <kernel/x86.h>

void component_main(void)
{
	log_line(LOG_INFO, "event=hello time_s=%lu", boot_time_s());
	out8(0xf4, 0);
	for (;;)
		thread_wait(UINT64_MAX);
}
