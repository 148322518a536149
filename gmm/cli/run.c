// SPDX-License-Identifier: GPL-2.0-only
/* Requests to gmmd: one, one for each of many nodes, or one again and again. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gmm/cli/cli.h"
#include "gmm/cli/host_list.h"

/* ---------------------------------------------------------------- one */

/* The answer to one request; its line is the caller's, also when it is an error. How far it is may be said before. */
static int ask(struct cli *cli, json_t **line)
{
	int status = client_request(cli);
	json_t *item = NULL;

	*line = NULL;
	while (!status) {
		status = client_receive(cli, line);
		item = status ? NULL : json_object_get(*line, "item");
		if (!item)
			break;
		if (cli->command->progress)
			cli->command->progress(item);
		json_decref(*line);
		*line = NULL;
	}
	return status ? status : client_error_of(*line);
}

static int once(struct cli *cli)
{
	json_t *line;
	int status = ask(cli, &line);

	if (!status) {
		json_t *result = json_object_get(line, "result");

		output_result(cli, result);
		if (cli->command->exit_of)
			status = cli->command->exit_of(cli, result);
	}
	json_decref(line);
	return status;
}

/* ---------------------------------------------------------------- of many nodes */

bool operand_is_node(const struct cli_command *command, unsigned operand)
{
	const char *key = command->operands[operand];

	return strcmp(key, "node") == 0 || strcmp(key, "process") == 0 || strcmp(key, "memory") == 0 ||
	       (strcmp(key, "name") == 0 && strncmp(command->words, "node ", 5) == 0 && strcmp(command->words, "node admit"));
}

/* How the results of many call the operand. */
static const char *name_of(const char *key)
{
	return strcmp(key, "name") == 0 ? "node" : key;
}

struct many {
	struct cli *cli;
	struct output_many output;
	struct host_list lists[CLI_OPERANDS_MAX];
	unsigned done, failed;
	int first_failure;
};

static int ask_of(struct many *many, json_t *names)
{
	const char *key, *separator = "gmm: ";
	json_t *line, *name;
	int status = ask(many->cli, &line);

	if (status) {
		/* The reason was printed; here is whose it is. */
		json_object_foreach(names, key, name) {
			fprintf(stderr, "%s%s %s", separator, key, json_string_value(name));
			separator = ", ";
		}
		fprintf(stderr, ": failed\n");
		many->failed++;
		many->first_failure = many->first_failure ? many->first_failure : status;
	} else {
		many->done++;
	}
	if (line)
		output_many_add(many->cli, &many->output, names, line);
	json_decref(line);
	return status == EXIT_UNREACHABLE || status == EXIT_TIMED_OUT ? status : EXIT_OK;
}

/* All combinations of the operands from this one on. */
static int each(struct many *many, unsigned operand, json_t *names)
{
	const struct cli_command *command = many->cli->command;
	const char *key = command->operands[operand];
	int status = EXIT_OK;

	if (!key)
		return ask_of(many, names);
	if (!operand_is_node(command, operand))
		return each(many, operand + 1, names);
	for (unsigned i = 0; i < many->lists[operand].count && !status; i++) {
		json_object_set_new(many->cli->arguments, key, json_string(many->lists[operand].names[i]));
		json_object_set_new(names, name_of(key), json_string(many->lists[operand].names[i]));
		status = each(many, operand + 1, names);
	}
	return status;
}

static int take_lists(struct many *many)
{
	const struct cli_command *command = many->cli->command;

	for (unsigned i = 0; command->operands[i]; i++) {
		const char *text = json_string_value(json_object_get(many->cli->arguments, command->operands[i])), *reason;

		if (operand_is_node(command, i) && host_list_parse(text, &many->lists[i], &reason)) {
			fprintf(stderr, "gmm: %s: %s\n", text, reason);
			return EXIT_USAGE;
		}
	}
	return EXIT_OK;
}

static int for_many(struct cli *cli)
{
	struct many *many = calloc(1, sizeof(*many));
	json_t *names = json_object();
	int status;

	if (!many || !names) {
		fprintf(stderr, "gmm: out of memory\n");
		exit(EXIT_FAILED);
	}
	many->cli = cli;
	status = take_lists(many);
	if (!status) {
		status = each(many, 0, names);
		output_many_end(cli, &many->output);
	}
	if (!status && many->failed)
		status = many->done ? EXIT_PARTIAL : many->first_failure;
	json_decref(names);
	free(many);
	return status;
}

static bool has_list(const struct cli *cli)
{
	for (unsigned i = 0; cli->command->operands[i]; i++)
		if (operand_is_node(cli->command, i) &&
		    host_list_is_list(json_string_value(json_object_get(cli->arguments, cli->command->operands[i]))))
			return true;
	return false;
}

/* ---------------------------------------------------------------- asking before, and watching */

int run_confirm(const struct cli *cli)
{
	const struct cli_command *command = cli->command;
	char answer[16] = "";

	if (!command->destroys || cli->yes || cli->dry_run)
		return EXIT_OK;
	fprintf(stderr, "gmm: %s", command->words);
	for (unsigned i = 0; command->operands[i]; i++)
		fprintf(stderr, " %s", json_string_value(json_object_get(cli->arguments, command->operands[i])));
	fprintf(stderr, ": %s", command->destroys);
	if (!isatty(STDIN_FILENO)) {
		fprintf(stderr, "; give --yes if that is wanted\n");
		return EXIT_USAGE;
	}
	fprintf(stderr, ". Go on? [y/N] ");
	if (fgets(answer, sizeof(answer), stdin) && (strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0))
		return EXIT_OK;
	fprintf(stderr, "gmm: nothing was done\n");
	return EXIT_FAILED;
}

static void rest(double seconds)
{
	struct timespec time = { .tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9) };

	nanosleep(&time, NULL);
}

/* In place on a terminal; elsewhere one after another. */
static int watch(struct cli *cli)
{
	const bool terminal = terminal_is();
	int status;

	for (unsigned round = 0;; round++) {
		if (terminal)
			printf("\033[H\033[Jevery %g s: gmm %s; Ctrl-C ends\n\n", cli->watch_s, cli->command->words);
		else if (round && cli->format == FORMAT_TABLE)
			putchar('\n');
		status = has_list(cli) ? for_many(cli) : once(cli);
		if (fflush(stdout))
			return EXIT_FAILED;
		/* One of many may be missing for a while, and bad health is what is watched for. */
		if (status && status != EXIT_PARTIAL && (!cli->command->exit_of || status > EXIT_USAGE))
			return status;
		rest(cli->watch_s);
	}
}

int run_requests(struct cli *cli)
{
	if (cli->dry_run)
		json_object_set_new(cli->arguments, "dry_run", json_true());
	if (cli->command->changes)
		client_mind_interrupts();
	if (cli->watch_s > 0)
		return watch(cli);
	return has_list(cli) ? for_many(cli) : once(cli);
}

int run_events(struct cli *cli)
{
	int status = client_request(cli);
	bool first = true, over = false;

	while (!status && !over) {
		json_t *line, *item;

		status = client_receive(cli, &line);
		if (status)
			break;
		status = client_error_of(line);
		item = json_object_get(line, "item");
		if (item)
			output_item(cli, item, first, print_event);
		first = false;
		over = item == NULL;
		fflush(stdout);
		json_decref(line);
	}
	return status;
}
