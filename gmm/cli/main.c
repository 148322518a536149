// SPDX-License-Identifier: GPL-2.0-only
/* gmm: find the command, take its operands and options apart, run it. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gmm/cli/cli.h"

static int run(struct cli *cli)
{
	int status = run_confirm(cli);

	if (!status && cli->command->request)
		status = client_connect(cli);
	if (!status)
		status = cli->command->run ? cli->command->run(cli) : run_requests(cli);
	if (cli->fd >= 0)
		close(cli->fd);
	return status;
}

/* Words from the command on. */
static int find_and_run(struct cli *cli, char **words, int count)
{
	int used = 0, status;

	if (count == 0) {
		fprintf(stderr, "gmm: which command? See 'gmm help'\n");
		return EXIT_USAGE;
	}
	cli->command = find_command(words, count, &used);
	if (!cli->command && count == 2 && (strcmp(words[1], "--help") == 0 || strcmp(words[1], "-h") == 0) && help_group(stdout, words[0]))
		return EXIT_OK;
	if (!cli->command) {
		help_unknown(words, count);
		return EXIT_USAGE;
	}
	status = parse_words(cli, words + used, count - used);
	if (!status && json_object_get(cli->own, "help"))
		help_command(stdout, cli->command);
	else if (!status)
		status = run(cli);
	return status;
}

int main(int argc, char **argv)
{
	struct cli cli = { .socket = getenv("PLENUM_SOCKET"), .fd = -1, .arguments = json_object(), .own = json_object() };
	int at, status = EXIT_USAGE;

	signal(SIGPIPE, SIG_IGN);
	if (!cli.socket || !cli.socket[0])
		cli.socket = SOCKET_DEFAULT;
	at = parse_common(&cli, argv + 1, argc - 1);
	if (at >= 0 && json_object_get(cli.own, "version")) {
		printf("gmm %s\n", cli_version);
		status = EXIT_OK;
	} else if (at >= 0 && json_object_get(cli.own, "help")) {
		status = run_help(&cli);
	} else if (at >= 0) {
		status = find_and_run(&cli, argv + 1 + at, argc - 1 - at);
	}
	free(cli.in);
	json_decref(cli.arguments);
	json_decref(cli.own);
	if (fflush(stdout) && !status) {
		fprintf(stderr, "gmm: cannot write: %s\n", strerror(errno));
		status = EXIT_FAILED;
	}
	return status;
}
