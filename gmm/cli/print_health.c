// SPDX-License-Identifier: GPL-2.0-only
/* The rack's health for people. */
#include <string.h>

#include "gmm/cli/cli.h"

#define WIDTH 96u			/* of explanations */
#define WIDTH_MIN 40u

static const char *string(json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "";
}

static void print_word(const char *word)
{
	printf("%s%s%s", terminal_colour(word), word, terminal_plain(word));
}

void print_health_line(json_t *health)
{
	json_t *checks = json_object_get(health, "checks"), *muted = json_object_get(health, "muted"), *check, *code;
	size_t index, shown = 0;

	print_word(string(health, "status"));
	json_array_foreach(checks, index, check)
		if (!json_is_true(json_object_get(check, "muted")))
			printf("%s%s", shown++ ? ", " : ": ", string(check, "code"));
	json_array_foreach(muted, index, code)
		printf("%s%s", index ? " " : " (muted: ", json_string_value(code));
	puts(json_array_size(muted) ? ")" : "");
}

/* Text with line breaks between words, each line begun with `indent` spaces. */
static void print_wrapped(const char *text, unsigned indent)
{
	unsigned columns = terminal_columns() < WIDTH ? terminal_columns() : WIDTH, at = 0;

	if (columns < WIDTH_MIN)
		columns = WIDTH_MIN;
	while (*text) {
		unsigned len = (unsigned)strcspn(text, " ");

		if (at && at + 1 + len > columns) {
			putchar('\n');
			at = 0;
		}
		at += (unsigned)printf("%*s%.*s", at ? 1 : (int)indent, "", (int)len, text);
		text += len;
		text += *text == ' ';
	}
	putchar('\n');
}

static void print_check(json_t *check)
{
	printf("  ");
	print_word(string(check, "severity"));
	printf("%*s%s: %s%s\n", 5 - (int)strlen(string(check, "severity")), "", string(check, "code"),
	       string(check, "summary"), json_is_true(json_object_get(check, "muted")) ? " (muted)" : "");
}

void print_health(json_t *result)
{
	json_t *check;
	size_t index;

	print_health_line(result);
	json_array_foreach(json_object_get(result, "checks"), index, check)
		print_check(check);
}

static void print_commands(json_t *commands)
{
	json_t *command;
	size_t index;

	json_array_foreach(commands, index, command)
		printf("      %s\n", json_string_value(command));
}

void print_health_detail(json_t *result)
{
	json_t *check, *detail;
	size_t index, at;

	print_health_line(result);
	json_array_foreach(json_object_get(result, "checks"), index, check) {
		json_int_t more = json_integer_value(json_object_get(check, "more"));

		putchar('\n');
		print_check(check);
		json_array_foreach(json_object_get(check, "details"), at, detail)
			printf("      %s\n", json_string_value(detail));
		if (more)
			printf("      and %" JSON_INTEGER_FORMAT " more\n", more);
		printf("    since %s", string(check, "since"));
		if (json_is_true(json_object_get(check, "muted")))
			printf(", muted %s%s%s", json_is_true(json_object_get(check, "sticky")) ? "for good" : "until it gets worse",
			       string(check, "muted_until")[0] ? " or until " : "", string(check, "muted_until"));
		printf("\n    what helps ('gmm explain %s' says more):\n", string(check, "code"));
		print_commands(json_object_get(check, "remedies"));
	}
}

void print_explanation(json_t *result)
{
	printf("%s (", string(result, "code"));
	print_word(string(result, "severity"));
	printf("): %s\n\n", string(result, "title"));
	print_wrapped(string(result, "meaning"), 0);
	printf("\nWhat helps:\n");
	print_commands(json_object_get(result, "remedies"));
	printf("\nMore in %s\n", string(result, "page"));
}

int exit_of_health(struct cli *cli, json_t *result)
{
	const char *status = string(result, "status");

	if (!json_object_get(cli->own, "exit-code") || strcmp(status, "HEALTH_OK") == 0)
		return EXIT_OK;
	return strcmp(status, "HEALTH_WARN") == 0 ? 1 : 2;
}
