// SPDX-License-Identifier: GPL-2.0-only
/* Results in the format that was asked for. */
#include "gmm/cli/cli.h"
#include "gmm/cli/csv.h"

static json_t *rows_of(const struct cli *cli, json_t *result)
{
	return cli->command->rows ? json_object_get(result, cli->command->rows) : result;
}

static void csv(const struct cli *cli, json_t *result, json_t *names, bool header)
{
	json_t *rows = rows_of(cli, result);

	if (json_is_string(result)) {
		if (header)
			csv_header(stdout, NULL, "name,value", names);
		csv_lines(stdout, json_string_value(result), names);
	} else if (json_is_object(rows) || json_is_array(rows)) {
		if (header)
			csv_header(stdout, rows, cli->command->fields, names);
		csv_rows(stdout, rows, cli->command->fields, names);
	}
}

/* A list becomes a line for each that is in it. */
static void json_lines(json_t *result)
{
	json_t *item;
	size_t index;

	if (!json_is_array(result))
		print_json_line(result);
	json_array_foreach(result, index, item)
		print_json_line(item);
}

static void as_table(const struct cli *cli, json_t *result)
{
	const char *would = json_string_value(json_object_get(result, "would"));

	if (cli->dry_run && would)
		puts(would);
	else if (cli->command->print)
		cli->command->print(result);
}

void output_result(const struct cli *cli, json_t *result)
{
	switch (cli->format) {
	case FORMAT_JSON: print_json(result); break;
	case FORMAT_JSONL: json_lines(result); break;
	case FORMAT_CSV: csv(cli, result, NULL, true); break;
	case FORMAT_TABLE: as_table(cli, result); break;
	}
}

void output_item(const struct cli *cli, json_t *item, bool first, void (*print)(json_t *item))
{
	switch (cli->format) {
	case FORMAT_JSON:
	case FORMAT_JSONL: print_json_line(item); break;
	case FORMAT_CSV:
		if (first)
			csv_header(stdout, item, cli->command->fields, NULL);
		csv_rows(stdout, item, cli->command->fields, NULL);
		break;
	case FORMAT_TABLE: print(item); break;
	}
}

/* ---------------------------------------------------------------- of many nodes */

static void title(json_t *names)
{
	const char *key, *separator = "";
	json_t *name;

	json_object_foreach(names, key, name) {
		printf("%s%s", separator, json_string_value(name));
		separator = " ";
	}
	puts(":");
}

void output_many_add(const struct cli *cli, struct output_many *many, json_t *names, json_t *line)
{
	json_t *result = json_object_get(line, "result"), *whole;

	if (cli->format == FORMAT_TABLE || cli->format == FORMAT_CSV) {
		if (!result || (cli->format == FORMAT_TABLE && !cli->command->print && !cli->dry_run))
			return;
		if (cli->format == FORMAT_TABLE) {
			if (many->count)
				putchar('\n');
			title(names);
			as_table(cli, result);
		} else {
			csv(cli, result, names, many->count == 0);
		}
		many->count++;
		return;
	}
	whole = json_copy(names);
	json_object_update(whole, line);
	if (cli->format == FORMAT_JSONL) {
		print_json_line(whole);
	} else {
		if (!many->collected)
			many->collected = json_array();
		json_array_append(many->collected, whole);
	}
	json_decref(whole);
}

void output_many_end(const struct cli *cli, struct output_many *many)
{
	if (cli->format == FORMAT_JSON)
		print_json(many->collected);
	json_decref(many->collected);
	many->collected = NULL;
}
