// SPDX-License-Identifier: GPL-2.0-only
/* Man pages as roff, from the table of commands: gmm(1), and one for each group of commands. */
#include <string.h>

#include "gmm/cli/cli.h"

#define NAME_BYTES 64

/* ---------------------------------------------------------------- roff */

/* Text as it is: no backslash, no hyphen that may become a dash, no dot or quote that roff takes for a request. */
static void put(const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", stdout);
	for (; *text; text++) {
		if (*text == '\\')
			fputs("\\e", stdout);
		else if (*text == '-')
			fputs("\\-", stdout);
		else if (*text == '\'')
			fputs("\\(aq", stdout);
		else if (*text == '"')
			fputs("\\(dq", stdout);
		else if (*text == '`')
			fputs("\\(ga", stdout);
		else
			putchar(*text);
	}
}

static void put_line(const char *text)
{
	put(text);
	putchar('\n');
}

static void section(const char *title)
{
	printf(".SH %s\n", title);
}

static void put_options(const struct cli_option *options)
{
	for (; options->name; options++) {
		bool maybe = options->kind == OPTION_MAYBE_SECONDS;

		printf(".TP\n\\fB\\-\\-");
		put(options->name);
		printf("\\fR%s", maybe ? "[=" : options->argument ? " " : "");
		if (options->argument)
			printf("\\fI%s\\fR%s", options->argument, maybe ? "]" : "");
		putchar('\n');
		put(options->help);
		puts(options->required ? " (required)" : "");
	}
}

static void put_command(const struct cli_command *command)
{
	char usage[HELP_USAGE_BYTES];

	help_usage(command, usage, sizeof(usage));
	printf(".SS ");
	put_line(usage);
	put(command->help);
	puts(".");
	if (command->destroys) {
		printf("It asks before: ");
		put(command->destroys);
		puts(".");
	}
	if (command->dry_run)
		puts("With \\fB\\-\\-dry\\-run\\fR nothing is changed, and it says what would be done.");
	put_options(command->options);
	for (int i = 0; command->examples[i]; i++) {
		puts(i ? ".PP\n.nf" : ".PP\nFor example:\n.PP\n.nf");
		printf(".RS 4\n");
		put_line(command->examples[i]);
		puts(".RE\n.fi");
	}
}

static void put_exits(void)
{
	section("EXIT STATUS");
	for (unsigned i = 0; i <= EXIT_PARTIAL; i++)
		if (cli_exits[i]) {
			printf(".TP\n\\fB%u\\fR\n", i);
			put_line(cli_exits[i]);
		}
	puts(".PP\n\\fBgmm health \\-\\-exit\\-code\\fR ends with 0, 1 or 2 for OK, WARN or ERR.");
}

/* ---------------------------------------------------------------- groups */

/* The first word of the command's words; its length. */
static size_t group_len(const struct cli_command *command)
{
	return strcspn(command->words, " ");
}

static bool in_group(const struct cli_command *command, const char *group, size_t len)
{
	return group_len(command) == len && strncmp(command->words, group, len) == 0;
}

/* Is this the first command of its group in the table? */
static bool begins_group(const struct cli_command *command)
{
	for (const struct cli_command *before = cli_commands; before < command; before++)
		if (in_group(before, command->words, group_len(command)))
			return false;
	return true;
}

static void heading(const char *name, const char *what)
{
	printf(".TH \"%s\" 1 \"\" \"Plenum %s\" \"Plenum\"\n", name, cli_version);
	section("NAME");
	put(name);
	printf(" \\- ");
	put_line(what);
}

static void see_also(const char *itself)
{
	section("SEE ALSO");
	if (strcmp(itself, "gmm"))
		puts("\\fBgmm\\fR(1),");
	for (const struct cli_command *command = cli_commands; command->words; command++) {
		size_t len = group_len(command);

		if (begins_group(command) &&
		    (strncmp(itself, "gmm-", 4) || strlen(itself) - 4 != len || strncmp(itself + 4, command->words, len)))
			printf("\\fBgmm\\-%.*s\\fR(1),\n", (int)len, command->words);
	}
	puts("\\fBgmmd\\fR(8)");
}

static void page_of_gmm(void)
{
	char usage[HELP_USAGE_BYTES];

	heading("gmm", "the command line of a Plenum rack");
	section("SYNOPSIS");
	puts("\\fBgmm\\fR [\\fIOPTION\\fR]... \\fICOMMAND\\fR [\\fIOPTION\\fR]... [\\fIWORD\\fR]...");
	section("DESCRIPTION");
	puts("Asks the manager of the rack, \\fBgmmd\\fR(8), through its control socket.");
	puts("What was asked for is printed to stdout, everything else to stderr.");
	puts(".PP\nWherever a node is named, a list may stand: \\fBm[1\\-4,7]\\fR, \\fBm1,m2\\fR.");
	puts("Each of them is asked in turn.");
	section("COMMANDS");
	for (const struct cli_command *command = cli_commands; command->words; command++) {
		help_usage(command, usage, sizeof(usage));
		printf(".TP\n\\fB");
		put(usage);
		puts("\\fR");
		put_line(command->help);
	}
	section("OPTIONS");
	put_options(cli_common_options);
	put_exits();
	section("ENVIRONMENT");
	puts(".TP\n\\fBPLENUM_SOCKET\\fR\nThe socket of gmmd, when \\fB\\-\\-socket\\fR is not given.");
	puts(".TP\n\\fBNO_COLOR\\fR, \\fBTERM\\fR\n"
	     "No colours are printed when the first is not empty, or the second is \\fBdumb\\fR.");
	see_also("gmm");
}

static bool page_of_group(const char *name)
{
	const char *group = name + strlen("gmm-");
	size_t len = strlen(group);
	char what[NAME_BYTES + 32];
	bool found = false;

	for (const struct cli_command *command = cli_commands; command->words; command++) {
		if (strncmp(name, "gmm-", 4) || !in_group(command, group, len))
			continue;
		if (!found) {
			snprintf(what, sizeof(what), "commands of gmm that begin with %s", group);
			heading(name, what);
			section("SYNOPSIS");
			printf("\\fBgmm %s\\fR ...\n", group);
			section("COMMANDS");
		}
		found = true;
		put_command(command);
	}
	if (!found)
		return false;
	puts(".PP\nThe options of all commands and the exit statuses are in \\fBgmm\\fR(1).");
	see_also(name);
	return true;
}

int run_manual(struct cli *cli)
{
	const char *name = cli->words[0];

	if (!name) {
		puts("gmm");
		for (const struct cli_command *command = cli_commands; command->words; command++)
			if (begins_group(command))
				printf("gmm-%.*s\n", (int)group_len(command), command->words);
		return EXIT_OK;
	}
	if (strcmp(name, "gmm") == 0) {
		page_of_gmm();
		return EXIT_OK;
	}
	if (strlen(name) < NAME_BYTES && page_of_group(name))
		return EXIT_OK;
	fprintf(stderr, "gmm: there is no page %s; 'gmm manual' lists them\n", name);
	return EXIT_NOT_FOUND;
}
