// SPDX-License-Identifier: GPL-2.0-only
/* Help for people, from the table of commands. */
#include <ctype.h>
#include <string.h>

#include <generated/build_id.h>

#include "gmm/cli/cli.h"
#include "gmm/suggest.h"

#define COMMANDS_MAX 128u

const char cli_version[] = BUILD_ID;

/* ---------------------------------------------------------------- one command */

static size_t append(char *text, size_t capacity, size_t len, const char *more, bool capitals)
{
	for (; *more && len + 1 < capacity; more++)
		text[len++] = capitals ? (char)toupper((unsigned char)*more) : *more;
	text[len] = '\0';
	return len;
}

void help_usage(const struct cli_command *command, char *text, size_t capacity)
{
	size_t len = append(text, capacity, 0, command->words, false);

	for (int i = 0; command->operands[i]; i++) {
		len = append(text, capacity, len, " ", false);
		len = append(text, capacity, len, command->operands[i], true);
	}
	if (command->any_words)
		append(text, capacity, len, " [WORD]...", false);
}

static void print_options(FILE *out, const struct cli_option *options)
{
	char left[64];

	for (; options->name; options++) {
		snprintf(left, sizeof(left), options->kind == OPTION_MAYBE_SECONDS ? "--%s[=%s%s" : "--%s%s%s", options->name,
			 options->kind == OPTION_MAYBE_SECONDS ? options->argument : options->argument ? " " : "",
			 options->kind == OPTION_MAYBE_SECONDS ? "]" : options->argument ? options->argument : "");
		fprintf(out, "      %-22s %s%s\n", left, options->help, options->required ? " (required)" : "");
	}
}

static void print_command(FILE *out, const struct cli_command *command)
{
	char left[HELP_USAGE_BYTES];

	help_usage(command, left, sizeof(left));
	fprintf(out, "  %-27s %s\n", left, command->help);
}

static bool takes_lists(const struct cli_command *command)
{
	for (unsigned i = 0; command->operands[i]; i++)
		if (operand_is_node(command, i))
			return true;
	return false;
}

void help_command(FILE *out, const struct cli_command *command)
{
	char usage[HELP_USAGE_BYTES];

	help_usage(command, usage, sizeof(usage));
	fprintf(out, "usage: gmm %s%s\n\n  %s\n", usage, command->options[0].name ? " [OPTION]..." : "", command->help);
	if (command->destroys)
		fprintf(out, "  It asks before: %s. --yes answers.\n", command->destroys);
	if (takes_lists(command))
		fprintf(out, "  Nodes may be a list: 'm[1-4,7]', 'm1,m2'.\n");
	if (command->options[0].name) {
		fprintf(out, "\noptions:\n");
		print_options(out, command->options);
	}
	fprintf(out, "\noptions of all commands:\n");
	print_options(out, cli_common_options);
	if (command->examples[0])
		fprintf(out, "\nexamples:\n");
	for (int i = 0; command->examples[i]; i++)
		fprintf(out, "  %s\n", command->examples[i]);
}

/* ---------------------------------------------------------------- all of them */

static void help_all(FILE *out)
{
	fputs("usage: gmm [OPTION]... COMMAND [OPTION]... [WORD]...\n\n", out);
	for (const struct cli_command *command = cli_commands; command->words; command++) {
		print_command(out, command);
		print_options(out, command->options);
	}
	fprintf(out, "\noptions of all commands:\n");
	print_options(out, cli_common_options);
	fprintf(out, "\nexit status:\n");
	for (unsigned i = 0; i <= EXIT_PARTIAL; i++)
		if (cli_exits[i])
			fprintf(out, "  %u  %s\n", i, cli_exits[i]);
}

unsigned help_group(FILE *out, const char *word)
{
	size_t len = strlen(word);
	unsigned count = 0;

	for (const struct cli_command *command = cli_commands; command->words; command++) {
		if (strncmp(command->words, word, len) || (command->words[len] != ' ' && command->words[len]))
			continue;
		if (out && count == 0)
			fprintf(out, "commands:\n");
		if (out)
			print_command(out, command);
		count++;
	}
	return count;
}

static int count_words(const char *const *words)
{
	int count = 0;

	while (words[count])
		count++;
	return count;
}

int run_help(struct cli *cli)
{
	int count = count_words(cli->words), used = 0;
	char *const *words = (char *const *)(uintptr_t)cli->words;
	const struct cli_command *command = find_command(words, count, &used);

	if (count == 0) {
		help_all(stdout);
		return EXIT_OK;
	}
	if (command && used == count) {
		help_command(stdout, command);
		return EXIT_OK;
	}
	if (count == 1 && help_group(stdout, cli->words[0]))
		return EXIT_OK;
	help_unknown(words, count);
	return EXIT_USAGE;
}

/* ---------------------------------------------------------------- what is not there */

void help_unknown(char *const *words, int count)
{
	const char *all[COMMANDS_MAX];
	char given[64];
	unsigned known = 0;
	const char *meant;

	for (const struct cli_command *command = cli_commands; command->words && known < COMMANDS_MAX; command++)
		all[known++] = command->words;
	snprintf(given, sizeof(given), "%s%s%s", words[0], count > 1 && words[1][0] != '-' ? " " : "",
		 count > 1 && words[1][0] != '-' ? words[1] : "");
	if (count == 1 && help_group(NULL, given)) {
		fprintf(stderr, "gmm: %s: which of its commands?\n", given);
		help_group(stderr, given);
		return;
	}
	meant = suggest(given, all, known);
	if (!meant)
		meant = suggest(words[0], all, known);
	if (meant) {
		fprintf(stderr, "gmm: there is no command '%s'; did you mean 'gmm %s'?\n", given, meant);
	} else {
		fprintf(stderr, "gmm: there is no command '%s'; see 'gmm help'\n", given);
		help_group(stderr, words[0]);
	}
}
