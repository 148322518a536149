// SPDX-License-Identifier: GPL-2.0-only
/* gmm console: the options of the full-screen console, and why it cannot be had. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gmm/cli/cli.h"
#include "gmm/console/console.h"

#define INTERVAL_S 2.0

int run_full_screen(struct cli *cli)
{
	json_t *interval = json_object_get(cli->own, "interval");
	struct console_options options = {
		.socket = cli->socket,
		.readonly = json_object_get(cli->own, "readonly") != NULL,
		.interval_s = interval ? json_real_value(interval) : INTERVAL_S,
	};
	int status;

	if (options.interval_s < CONSOLE_INTERVAL_S_MIN || options.interval_s > CONSOLE_INTERVAL_S_MAX) {
		fprintf(stderr, "gmm: --interval must be %.1f to %.0f seconds\n", CONSOLE_INTERVAL_S_MIN, CONSOLE_INTERVAL_S_MAX);
		return EXIT_USAGE;
	}
	status = console_run(&options);
	if (status == -ENOTTY)
		fprintf(stderr, "gmm: the console needs a terminal for input and output; gmm status prints once\n");
	else if (status == -ENOTSUP)
		fprintf(stderr, "gmm: TERM names no terminal that the console can use\n");
	else if (status)
		fprintf(stderr, "gmm: %s\n", strerror(-status));
	return status ? EXIT_FAILED : EXIT_OK;
}
