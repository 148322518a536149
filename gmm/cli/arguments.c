// SPDX-License-Identifier: GPL-2.0-only
/* Words and options of the command line, as the table of commands says. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gmm/cli/cli.h"
#include "gmm/units.h"
#include "gmm/suggest.h"

static int bad(const char *what, const char *value, const char *should)
{
	fprintf(stderr, "gmm: %s %s: %s\n", what, value, should);
	return EXIT_USAGE;
}

/* ---------------------------------------------------------------- values */

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
	static const struct { const char *name; double seconds; } units[] = {
		{ "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 },
	};
	char *rest;
	double value = strtod(text, &rest);

	if (rest == text || !isfinite(value) || value < 0)
		return NULL;
	for (unsigned i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(rest, units[i].name) == 0)
			return json_real(value * units[i].seconds);
	return NULL;
}

static json_t *parse_number(const char *text)
{
	char *rest;
	long long value;

	errno = 0;
	value = strtoll(text, &rest, 10);
	return *rest || errno || rest == text ? NULL : json_integer(value);
}

/* Spaces around a name are not part of it. */
static json_t *parse_list(const char *text)
{
	json_t *list = json_array();

	if (strcmp(text, "none") == 0)
		return list;
	for (;;) {
		size_t len = strcspn(text, ","), begin = strspn(text, " \t"), end = len;

		while (end > begin && strchr(" \t", text[end - 1]))
			end--;
		if (end <= begin) {
			json_decref(list);
			return NULL;
		}
		json_array_append_new(list, json_stringn(text + begin, end - begin));
		if (text[len] == '\0')
			return list;
		text += len + 1;
	}
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

json_t *parse_value(const struct cli_option *option, const char *value)
{
	switch (option->kind) {
	case OPTION_STRING: return json_string(value);
	case OPTION_LIST: return parse_list(value);
	case OPTION_SIZE: return parse_size(value);
	case OPTION_NUMBER: return parse_number(value);
	case OPTION_RATE:
		if (strcmp(value, "0") == 0)
			return json_integer(0);
		return units_rate_mbps(value) < 0 ? NULL : json_integer(units_rate_mbps(value));
	case OPTION_SECONDS: return parse_seconds(value);
	case OPTION_MAYBE_SECONDS: return value ? parse_seconds(value) : json_true();
	case OPTION_FILE: return absolute_path(value);
	case OPTION_FLAG: return json_true();
	case OPTION_NOT_FLAG: return json_false();
	}
	return NULL;
}

/* ---------------------------------------------------------------- options that all commands take */

static int set_format(struct cli *cli, const char *name)
{
	static const char *const names[] = {
		[FORMAT_TABLE] = "table", [FORMAT_JSON] = "json", [FORMAT_JSONL] = "jsonl", [FORMAT_CSV] = "csv",
	};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0) {
			cli->format = i;
			return EXIT_OK;
		}
	return bad("-o", name, "must be table, json, jsonl or csv");
}

static int take_common(struct cli *cli, const struct cli_option *option, const char *text, json_t *value)
{
	const char *name = option->name;

	if (strcmp(name, "output") == 0)
		return set_format(cli, text);
	if (strcmp(name, "socket") == 0)
		cli->socket = text;
	else if (strcmp(name, "yes") == 0)
		cli->yes = true;
	else if (strcmp(name, "dry-run") == 0)
		cli->dry_run = true;
	else if (strcmp(name, "no-color") == 0)
		setenv("NO_COLOR", "1", 1);
	else if (strcmp(name, "timeout") == 0)
		cli->timeout_s = json_real_value(value);
	else if (strcmp(name, "watch") == 0)
		cli->watch_s = json_is_true(value) ? CLI_WATCH_S_DEFAULT : json_real_value(value);
	else	/* help and version */
		json_object_set(cli->own, name, value);
	if (strcmp(name, "timeout") == 0 && cli->timeout_s <= 0)
		return bad("--timeout", text, "must be more than 0 seconds");
	if (strcmp(name, "watch") == 0 && cli->watch_s < CLI_WATCH_S_MIN)
		return bad("--watch", text, "must be at least 0.1 seconds");
	return EXIT_OK;
}

/* ---------------------------------------------------------------- options */

static const struct cli_option *find_option(const struct cli_option *options, const char *name, size_t len)
{
	for (; options->name; options++)
		if (strlen(options->name) == len && strncmp(options->name, name, len) == 0)
			return options;
	return NULL;
}

static int unknown_option(const struct cli_command *command, const char *word)
{
	const char *names[CLI_OPTIONS_MAX + 16] = { NULL };
	unsigned count = 0;
	const char *meant;

	for (const struct cli_option *option = command ? command->options : NULL; option && option->name; option++)
		names[count++] = option->name;
	for (const struct cli_option *option = cli_common_options; option->name; option++)
		names[count++] = option->name;
	meant = suggest(word + 2, names, count);
	fprintf(stderr, "gmm: unknown option %s", word);
	if (meant)
		fprintf(stderr, "; did you mean --%s?", meant);
	fprintf(stderr, command ? " See gmm help %s\n" : " See gmm help\n", command ? command->words : "");
	return EXIT_USAGE;
}

/* words[*at] is an option; *at moves to its last word. */
static int parse_option(struct cli *cli, char **words, int count, int *at)
{
	const char *word = strcmp(words[*at], "-o") == 0 ? "--output" : strcmp(words[*at], "-h") == 0 ? "--help" : words[*at];
	const char *name = word + 2, *value = strchr(name, '=');
	size_t len = value ? (size_t)(value - name) : strlen(name);
	const struct cli_option *option = cli->command ? find_option(cli->command->options, name, len) : NULL;
	bool common = option == NULL;
	json_t *parsed;
	int status = EXIT_OK;

	if (common)
		option = find_option(cli_common_options, name, len);
	if (!option)
		return unknown_option(cli->command, words[*at]);
	if (value)
		value++;
	if (!option->argument && value)
		return bad(words[*at], "takes no value", "see gmm help");
	if (option->argument && !value && option->kind != OPTION_MAYBE_SECONDS) {
		if (*at + 1 == count)
			return bad(words[*at], "needs a value", option->argument);
		value = words[++*at];
	}
	parsed = parse_value(option, value);
	if (!parsed)
		return bad(word, value, option->kind == OPTION_SIZE ? "not a size, write for example 256M" :
					option->kind == OPTION_RATE ? "not bits a second, write for example 5G or 400M" :
					option->kind == OPTION_LIST ? "names with commas between, or none" :
					option->kind == OPTION_NUMBER ? "not a number" : "not a time, write for example 30, 90s, 5m, 4h or 2d");
	if (common)
		status = take_common(cli, option, value, parsed);
	else
		json_object_set(option->key ? cli->arguments : cli->own, option->key ? option->key : option->name, parsed);
	json_decref(parsed);
	return status;
}

static bool is_option(const char *word)
{
	return strncmp(word, "--", 2) == 0 || strcmp(word, "-o") == 0 || strcmp(word, "-h") == 0;
}

int parse_common(struct cli *cli, char **words, int count)
{
	int at = 0;

	for (; at < count && words[at][0] == '-'; at++) {
		if (!is_option(words[at])) {
			bad("unknown option", words[at], "see gmm help");
			return -1;
		}
		if (parse_option(cli, words, count, &at))
			return -1;
	}
	return at;
}

/* ---------------------------------------------------------------- the command's words */

static int misused(const struct cli_command *command, const char *word, const char *what)
{
	char usage[HELP_USAGE_BYTES];

	help_usage(command, usage, sizeof(usage));
	fprintf(stderr, "gmm: %s %s: gmm %s; see gmm help %s\n", word, what, usage, command->words);
	return EXIT_USAGE;
}

/* All that are missing in one message. */
static bool lacks_options(const struct cli *cli)
{
	const struct cli_command *command = cli->command;
	char first[128];
	bool lacks = false;

	snprintf(first, sizeof(first), "gmm: %s needs", command->words);
	for (const struct cli_option *option = command->options; option->name; option++)
		if (option->required && !json_object_get(cli->arguments, option->key)) {
			fprintf(stderr, "%s --%s %s", lacks ? "," : first, option->name, option->argument);
			lacks = true;
		}
	if (lacks)
		fprintf(stderr, "; see gmm help %s\n", command->words);
	return lacks;
}

static int check_complete(struct cli *cli, int operands)
{
	const struct cli_command *command = cli->command;
	const char *file = json_string_value(json_object_get(cli->own, "from"));

	if (command->operands[operands])
		return misused(command, command->operands[operands], "is missing");
	if (file) {
		int status = vm_file_read(cli, file);

		if (status)
			return status;
	}
	if (lacks_options(cli))
		return EXIT_USAGE;
	if (cli->dry_run && !command->dry_run)
		return bad(command->words, "--dry-run", "it cannot say what it would do");
	if (cli->watch_s > 0 && (!command->print || command->run || command->changes))
		return bad(command->words, "--watch", "only what shows something can be watched");
	return EXIT_OK;
}

int parse_words(struct cli *cli, char **words, int count)
{
	bool only_operands = false;
	int operand = 0, other = 0, status;

	for (int i = 0; i < count; i++) {
		if (!only_operands && strcmp(words[i], "--") == 0) {
			only_operands = true;
		} else if (!only_operands && is_option(words[i])) {
			status = parse_option(cli, words, count, &i);
			if (status)
				return status;
		} else if (cli->command->any_words && other < CLI_WORDS_MAX) {
			cli->words[other++] = words[i];
		} else if (cli->command->operands[operand]) {
			json_object_set_new(cli->arguments, cli->command->operands[operand++], json_string(words[i]));
		} else {
			return misused(cli->command, words[i], "is one word too many");
		}
	}
	return json_object_get(cli->own, "help") ? EXIT_OK : check_complete(cli, operand);
}

const struct cli_command *find_command(char *const *words, int count, int *used)
{
	const struct cli_command *found = NULL;

	/* The longest: "health detail" before "health". */
	*used = 0;
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
		if (*rest == '\0' && i > *used) {
			*used = i;
			found = command;
		}
	}
	return found;
}
