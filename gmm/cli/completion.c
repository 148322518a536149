// SPDX-License-Identifier: GPL-2.0-only
/* A script that completes gmm's command lines, from the table of commands. */
#include <ctype.h>
#include <string.h>

#include "gmm/cli/cli.h"
#include "gmm/core/health.h"

/* What names may stand for an operand: the script asks gmm for them. */
static const char *source_of(const struct cli_command *command, unsigned operand)
{
	if (operand_is_node(command, operand))
		return "node";
	if (strcmp(command->operands[operand], "name") == 0 && strncmp(command->words, "vm ", 3) == 0)
		return strcmp(command->words, "vm create") ? "vm" : "";
	if (strcmp(command->operands[operand], "code") == 0)
		return "code";
	if (strcmp(command->operands[operand], "shell") == 0)
		return "shell";
	return "";
}

static void print_options(const struct cli_option *options)
{
	for (; options->name; options++)
		printf(" --%s%s", options->name, options->kind == OPTION_MAYBE_SECONDS ? "=" : "");
}

static void print_files(const struct cli_option *options)
{
	for (; options->name; options++)
		if (options->kind == OPTION_FILE || strcmp(options->name, "socket") == 0)
			printf("%s--%s", "|", options->name);
}

/* "words:source source:--options" for each command. */
static void print_table_of_commands(void)
{
	puts("_gmm_commands='");
	for (const struct cli_command *command = cli_commands; command->words; command++) {
		printf("%s:", command->words);
		for (unsigned i = 0; command->operands[i]; i++)
			printf("%s%s", i ? " " : "", source_of(command, i)[0] ? source_of(command, i) : "-");
		printf(":");
		print_options(command->options);
		putchar('\n');
	}
	puts("'");
	printf("_gmm_codes='");
	for (unsigned code = 0; code < GMM_HEALTH_COUNT; code++)
		printf("%s%s", code ? " " : "", gmm_health_kinds[code].code);
	printf("'\n_gmm_common='-o");
	print_options(cli_common_options);
	puts("'");
}

/* Options whose next word is theirs. */
static void print_taking(const struct cli_option *options)
{
	for (; options->name; options++)
		if (options->argument && options->kind != OPTION_MAYBE_SECONDS)
			printf("|--%s", options->name);
}

static void print_patterns(void)
{
	printf("_gmm_takes_value() { case $1 in -o");
	print_taking(cli_common_options);
	for (const struct cli_command *command = cli_commands; command->words; command++)
		print_taking(command->options);
	puts(") return 0;; esac; return 1; }");
	printf("_gmm_takes_file() { case $1 in -");
	print_files(cli_common_options);
	for (const struct cli_command *command = cli_commands; command->words; command++)
		print_files(command->options);
	puts(") return 0;; esac; return 1; }");
}

static const char script[] =
	"_gmm_names()\n"
	"{\n"
	"\tcase $1 in\n"
	"\tnode) gmm $2 -o csv node list 2>/dev/null | tail -n +2 | cut -d, -f1 ;;\n"
	"\tvm) gmm $2 -o csv vm list 2>/dev/null | tail -n +2 | cut -d, -f1 ;;\n"
	"\tcode) echo $_gmm_codes ;;\n"
	"\tshell) echo bash ;;\n"
	"\tesac\n"
	"}\n"
	"_gmm()\n"
	"{\n"
	"\tlocal current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
	"\tlocal typed='' socket='' i word line words rest sources options count=0\n"
	"\tCOMPREPLY=()\n"
	"\tif _gmm_takes_file \"$previous\"; then\n"
	"\t\tCOMPREPLY=($(compgen -f -- \"$current\")); return\n"
	"\tfi\n"
	"\tcase $previous in\n"
	"\t-o|--output) COMPREPLY=($(compgen -W 'table json jsonl csv' -- \"$current\")); return ;;\n"
	"\t--on) COMPREPLY=($(compgen -W \"$(_gmm_names node \"$socket\")\" -- \"$current\")); return ;;\n"
	"\tesac\n"
	"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	"\t\tword=${COMP_WORDS[i]}\n"
	"\t\tcase $word in\n"
	"\t\t--socket) socket=\"--socket ${COMP_WORDS[i+1]}\"; ((i++)) ;;\n"
	"\t\t-*) _gmm_takes_value \"$word\" && ((i++)) ;;\n"
	"\t\t*) typed+=\"$word \" ;;\n"
	"\t\tesac\n"
	"\tdone\n"
	"\twhile IFS= read -r line; do\n"
	"\t\twords=${line%%:*}; rest=${line#*:}\n"
	"\t\t[[ $words && $typed == \"$words \"* ]] || continue\n"
	"\t\tsources=${rest%%:*}; options=${rest#*:}; count=${#words}\n"
	"\tdone <<<\"$_gmm_commands\"\n"
	"\tif [[ $current == -* ]]; then\n"
	"\t\tCOMPREPLY=($(compgen -W \"$options $_gmm_common\" -- \"$current\"))\n"
	"\t\t[[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace\n"
	"\t\treturn\n"
	"\tfi\n"
	"\tif ((count)); then\n"
	"\t\tset -- ${typed:count}; local given=$#; set -- $sources\n"
	"\t\t((given < $#)) && COMPREPLY=($(compgen -W \"$(_gmm_names \"${@:given+1:1}\" \"$socket\")\" -- \"$current\"))\n"
	"\tfi\n"
	"\twhile IFS= read -r line; do\n"
	"\t\twords=${line%%:*}\n"
	"\t\t[[ $words && \"$words \" == \"$typed\"* ]] || continue\n"
	"\t\trest=${words:${#typed}}\n"
	"\t\t[[ $rest ]] && COMPREPLY+=($(compgen -W \"${rest%% *}\" -- \"$current\"))\n"
	"\tdone <<<\"$_gmm_commands\"\n"
	"}\n"
	"complete -F _gmm gmm\n";

int run_completion(struct cli *cli)
{
	const char *shell = json_string_value(json_object_get(cli->arguments, "shell"));

	if (strcmp(shell, "bash")) {
		fprintf(stderr, "gmm: completion %s: there is one for bash only\n", shell);
		return EXIT_USAGE;
	}
	puts("# Completion of gmm's command lines: source <(gmm completion bash)");
	print_table_of_commands();
	print_patterns();
	fputs(script, stdout);
	return EXIT_OK;
}
