// SPDX-License-Identifier: GPL-2.0-only
/* The operator's commands about the store. */
#include <errno.h>

#include "gmm/daemon/client.h"

static void run_backup(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	char error[STORE_ERROR_BYTES];
	const char *path;
	int status;

	if (!client_unpack(client, arguments, "{s:s}", "to", &path))
		return;
	if (path[0] != '/') {
		client_error(client, -EINVAL, "%s: must be an absolute path", path);
		return;
	}
	status = store_backup(gmmd->store, path, error);
	if (status)
		client_error(client, status, "%s", error);
	else
		client_result(client, json_pack("{s:s}", "backup", path));
}

const struct client_command_entry store_commands[] = {
	{ "store.backup", run_backup, false },
	{ NULL, NULL, false },
};
