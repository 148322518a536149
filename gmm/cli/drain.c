// SPDX-License-Identifier: GPL-2.0-only
/* Wait for a drain; its progress goes to stderr, a line a second. */
#include "gmm/cli/cli.h"

int run_drain(struct cli *cli)
{
	bool over = false;
	int status;

	if (cli->dry_run)
		json_object_set_new(cli->arguments, "dry_run", json_true());
	status = client_request(cli);

	while (!status && !over) {
		json_t *line, *item;

		status = client_receive(cli, &line);
		if (status)
			break;
		status = client_error_of(line);
		item = json_object_get(line, "item");
		over = !item;
		if (item)
			print_drain_progress(item);
		else if (!status)
			output_result(cli, json_object_get(line, "result"));
		json_decref(line);
	}
	return status;
}
