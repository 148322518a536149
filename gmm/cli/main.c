// SPDX-License-Identifier: GPL-2.0-only
/* gmm: find the command, take its operands and options apart, run it. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gmm/cli/cli.h"

#define SOCKET_DEFAULT "/run/plenum/gmmd.socket"

/* ---------------------------------------------------------------- help */

static void print_options(FILE *out, const struct cli_command *command)
{
	char left[64];

	for (const struct cli_option *option = command->options; option->name; option++) {
		snprintf(left, sizeof(left), "--%s%s%s", option->name, option->argument ? " " : "",
			 option->argument ? option->argument : "");
		fprintf(out, "      %-22s %s%s\n", left, option->help, option->required ? " (required)" : "");
	}
}

static void print_command(FILE *out, const struct cli_command *command, bool options)
{
	char left[64];
	int len = snprintf(left, sizeof(left), "%s", command->words);

	for (int i = 0; command->operands[i]; i++) {
		left[len++] = ' ';
		for (const char *c = command->operands[i]; *c; c++)
			left[len++] = (char)toupper((unsigned char)*c);
		left[len] = '\0';
	}
	fprintf(out, "  %-27s %s\n", left, command->help);
	if (options)
		print_options(out, command);
}

static void print_help(FILE *out, bool options)
{
	fputs("usage: gmm [--socket PATH] [-o table|json] COMMAND\n", out);
	for (const struct cli_command *command = cli_commands; command->words; command++)
		print_command(out, command, options);
	fputs("  --socket PATH               gmmd's socket (PLENUM_SOCKET, else " SOCKET_DEFAULT ")\n"
	      "  -o table|json               how to print\n"
	      "exit status: 0 ok, 1 failure, 2 usage, 3 not found, 5 conflict, 6 timeout, 7 gmmd unreachable\n", out);
}

int run_help(struct cli *cli)
{
	(void)cli;
	print_help(stdout, true);
	return EXIT_OK;
}

/* ---------------------------------------------------------------- values */

static int bad(const char *what, const char *value, const char *should)
{
	fprintf(stderr, "gmm: %s %s: %s\n", what, value, should);
	return EXIT_USAGE;
}

static json_t *parse_size(const char *text)
{
	unsigned long long value;
	unsigned shift = 0;
	char *rest;

	errno = 0;
	value = strtoull(text, &rest, 10);
	if (!isdigit((unsigned char)text[0]) || errno)
		return NULL;
	switch (toupper((unsigned char)*rest)) {
	case 'K': shift = 10; break;
	case 'M': shift = 20; break;
	case 'G': shift = 30; break;
	case 'T': shift = 40; break;
	}
	if (shift && rest[1] && strcmp(rest + 1, "iB") && strcmp(rest + 1, "B"))
		return NULL;
	if ((!shift && *rest) || value > (unsigned long long)LLONG_MAX >> shift)
		return NULL;
	return json_integer((json_int_t)(value << shift));
}

static json_t *parse_seconds(const char *text)
{
	char *rest;
	double value = strtod(text, &rest);

	if (rest == text || !isfinite(value) || value < 0)
		return NULL;
	if (strcmp(rest, "m") == 0)
		return json_real(value * 60);
	return *rest && strcmp(rest, "s") ? NULL : json_real(value);
}

static json_t *parse_number(const char *text)
{
	char *rest;
	long long value;

	errno = 0;
	value = strtoll(text, &rest, 10);
	return *rest || errno || rest == text ? NULL : json_integer(value);
}

/* gmmd has another working directory. */
static json_t *absolute_path(const char *text)
{
	char path[PATH_MAX * 2], directory[PATH_MAX];

	if (text[0] == '/')
		return json_string(text);
	if (!getcwd(directory, sizeof(directory)))
		return NULL;
	snprintf(path, sizeof(path), "%s/%s", directory, text);
	return json_string(path);
}

static int take_option(struct cli *cli, const struct cli_option *option, const char *value)
{
	json_t *parsed = NULL;
	char what[64];

	switch (option->kind) {
	case OPTION_STRING: parsed = json_string(value); break;
	case OPTION_SIZE: parsed = parse_size(value); break;
	case OPTION_NUMBER: parsed = parse_number(value); break;
	case OPTION_SECONDS: parsed = parse_seconds(value); break;
	case OPTION_FILE: parsed = absolute_path(value); break;
	case OPTION_FLAG: parsed = json_true(); break;
	case OPTION_NOT_FLAG: parsed = json_false(); break;
	}
	snprintf(what, sizeof(what), "--%s", option->name);
	if (!parsed)
		return bad(what, value, option->kind == OPTION_SIZE ? "not a size, write for example 256M" : "not understood");
	json_object_set_new(option->key ? cli->arguments : cli->own, option->key ? option->key : option->name, parsed);
	return EXIT_OK;
}

/* ---------------------------------------------------------------- the command's words */

static const struct cli_option *find_option(const struct cli_command *command, const char *name, size_t len)
{
	for (const struct cli_option *option = command->options; option->name; option++)
		if (strlen(option->name) == len && strncmp(option->name, name, len) == 0)
			return option;
	return NULL;
}

static int parse_option(struct cli *cli, char **words, int count, int *at)
{
	const char *name = words[*at] + 2, *value = strchr(name, '=');
	const struct cli_option *option = find_option(cli->command, name, value ? (size_t)(value - name) : strlen(name));

	if (!option)
		return bad("option", words[*at], "not known to this command; see gmm help");
	if (option->kind == OPTION_FLAG || option->kind == OPTION_NOT_FLAG)
		return value ? bad("option", words[*at], "takes no value") : take_option(cli, option, "");
	if (value)
		return take_option(cli, option, value + 1);
	if (*at + 1 >= count)
		return bad("option", words[*at], "lacks its value");
	(*at)++;
	return take_option(cli, option, words[*at]);
}

static int parse_words(struct cli *cli, char **words, int count)
{
	int operand = 0, status;
	bool only_operands = false;

	for (int i = 0; i < count; i++) {
		if (!only_operands && strcmp(words[i], "--") == 0) {
			only_operands = true;
		} else if (!only_operands && strcmp(words[i], "-o") == 0 && i + 1 < count) {
			cli->json = strcmp(words[++i], "json") == 0;
			if (!cli->json && strcmp(words[i], "table"))
				return bad("-o", words[i], "must be table or json");
		} else if (!only_operands && strncmp(words[i], "--", 2) == 0) {
			status = parse_option(cli, words, count, &i);
			if (status)
				return status;
		} else if (cli->command->operands[operand]) {
			json_object_set_new(cli->arguments, cli->command->operands[operand++], json_string(words[i]));
		} else {
			return bad("argument", words[i], "one too many; see gmm help");
		}
	}
	if (cli->command->operands[operand])
		return bad(cli->command->words, cli->command->operands[operand], "is missing; see gmm help");
	for (const struct cli_option *option = cli->command->options; option->name; option++)
		if (option->required && !json_object_get(cli->arguments, option->key))
			return bad(cli->command->words, option->name, "is required (as an option); see gmm help");
	return EXIT_OK;
}

/* The command that the words begin with; *used: how many of them. */
static const struct cli_command *find_command(char **words, int count, int *used)
{
	for (const struct cli_command *command = cli_commands; command->words; command++) {
		const char *rest = command->words;
		int i = 0;

		for (; i < count && *rest; i++) {
			size_t len = strcspn(rest, " ");

			if (strlen(words[i]) != len || strncmp(words[i], rest, len))
				break;
			rest += len;
			rest += *rest == ' ';
		}
		if (*rest == '\0') {
			*used = i;
			return command;
		}
	}
	return NULL;
}

/* ---------------------------------------------------------------- running */

static int one_request(struct cli *cli)
{
	int status = client_request(cli);
	json_t *line = NULL, *result;

	if (status || (status = client_receive(cli, &line)))
		return status;
	status = client_error_of(line);
	result = json_object_get(line, "result");
	if (!status && cli->json)
		print_json(result);
	else if (!status && cli->command->print)
		cli->command->print(result);
	json_decref(line);
	return status;
}

int run_events(struct cli *cli)
{
	int status = client_request(cli);

	while (!status) {
		json_t *line, *item;

		status = client_receive(cli, &line);
		if (status)
			break;
		status = client_error_of(line);
		item = json_object_get(line, "item");
		if (item && cli->json)
			print_json_line(item);
		else if (item)
			print_event(item);
		fflush(stdout);
		bool over = item == NULL;

		json_decref(line);
		if (over)
			break;
	}
	return status;
}

static bool asks_for_help(char **words, int count)
{
	for (int i = 0; i < count && strcmp(words[i], "--"); i++)
		if (strcmp(words[i], "--help") == 0 || strcmp(words[i], "-h") == 0)
			return true;
	return false;
}

static int usage_error(const char *message, const char *word)
{
	fprintf(stderr, "gmm: %s%s%s\n", message, word[0] ? " " : "", word);
	print_help(stderr, false);
	return EXIT_USAGE;
}

/* Options before the command. Returns the index of the command's first word, or -1 after a complaint. */
static int global_options(struct cli *cli, int argc, char **argv)
{
	int at = 1;

	for (; at < argc && argv[at][0] == '-'; at++) {
		if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0) {
			print_help(stdout, true);
			exit(EXIT_OK);
		} else if (strncmp(argv[at], "--socket=", 9) == 0) {
			cli->socket = argv[at] + 9;
		} else if (strcmp(argv[at], "--socket") == 0 && at + 1 < argc) {
			cli->socket = argv[++at];
		} else if (strcmp(argv[at], "-o") == 0 && at + 1 < argc) {
			cli->json = strcmp(argv[++at], "json") == 0;
			if (!cli->json && strcmp(argv[at], "table")) {
				usage_error("-o must be table or json, not", argv[at]);
				return -1;
			}
		} else {
			usage_error("unknown option", argv[at]);
			return -1;
		}
	}
	return at;
}

int main(int argc, char **argv)
{
	struct cli cli = { .socket = getenv("PLENUM_SOCKET"), .fd = -1, .arguments = json_object(), .own = json_object() };
	int at, used = 0, status;

	signal(SIGPIPE, SIG_IGN);
	if (!cli.socket || !cli.socket[0])
		cli.socket = SOCKET_DEFAULT;
	at = global_options(&cli, argc, argv);
	if (at < 0)
		return EXIT_USAGE;
	if (at == argc)
		return usage_error("which command?", "");
	cli.command = find_command(argv + at, argc - at, &used);
	if (!cli.command)
		return usage_error("unknown command", argv[at]);
	if (asks_for_help(argv + at + used, argc - at - used)) {
		print_command(stdout, cli.command, true);
		return EXIT_OK;
	}
	status = parse_words(&cli, argv + at + used, argc - at - used);
	if (!status && cli.command->request)
		status = client_connect(&cli);
	if (!status)
		status = cli.command->run ? cli.command->run(&cli) : one_request(&cli);
	if (cli.fd >= 0)
		close(cli.fd);
	free(cli.in);
	json_decref(cli.arguments);
	json_decref(cli.own);
	if (fflush(stdout) && !status) {
		fprintf(stderr, "gmm: cannot write: %s\n", strerror(errno));
		status = EXIT_FAILED;
	}
	return status;
}
