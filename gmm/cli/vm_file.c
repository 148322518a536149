// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VM from a file: "[vm]" and lines of `option = value`, with the names that the command line has. What stands on the command line
 * goes before what stands in the file.
 */
#include <errno.h>
#include <ini.h>
#include <string.h>

#include "gmm/cli/cli.h"
#include "gmm/suggest.h"

#define LINE_BYTES_MAX 190		/* inih cuts longer ones silently into two */

struct reading {
	struct cli *cli;
	const char *path;
	FILE *file;
	json_t *seen;			/* options that the file has given */
	int line;
	bool bad;			/* said already */
};

__attribute__((format(printf, 2, 3))) static int refuse(struct reading *reading, const char *format, ...)
{
	va_list arguments;

	if (reading->bad)
		return 0;
	reading->bad = true;
	fprintf(stderr, "gmm: %s:%d: ", reading->path, reading->line);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	return 0;
}

static char *read_line(char *buffer, int bytes, void *stream)
{
	struct reading *reading = stream;
	char *line = fgets(buffer, bytes, reading->file);

	reading->line++;
	if (line && !strchr(line, '\n') && strlen(line) > LINE_BYTES_MAX)
		refuse(reading, "the line is longer than %d characters", LINE_BYTES_MAX);
	return line;
}

static const struct cli_option *option_named(const struct cli_command *command, const char *name)
{
	for (const struct cli_option *option = command->options; option->name; option++)
		if (option->key && strcmp(option->name, name) == 0)
			return option;
	return NULL;
}

static int unknown(struct reading *reading, const char *name)
{
	const char *names[CLI_OPTIONS_MAX + 1] = { NULL }, *meant;
	unsigned count = 0;

	for (const struct cli_option *option = reading->cli->command->options; option->name; option++)
		if (option->key)
			names[count++] = option->name;
	meant = suggest(name, names, count);
	return refuse(reading, "unknown key '%s'%s%s%s; see gmm help %s", name, meant ? "; did you mean '" : "", meant ? meant : "",
		      meant ? "'" : "", reading->cli->command->words);
}

static int handle(void *user, const char *section, const char *name, const char *value)
{
	struct reading *reading = user;
	struct cli *cli = reading->cli;
	const struct cli_option *option = option_named(cli->command, name);
	json_t *parsed;

	if (strcmp(section, "vm"))
		return refuse(reading, "unknown section [%s]; write [vm]", section);
	if (!option)
		return unknown(reading, name);
	if (json_object_get(reading->seen, name))
		return refuse(reading, "'%s' is given twice", name);
	parsed = parse_value(option, value);
	if (!parsed)
		return refuse(reading, "%s = %s: must be %s", name, value, option->argument);
	if (!json_object_get(cli->arguments, option->key))
		json_object_set(cli->arguments, option->key, parsed);
	json_object_set_new(reading->seen, name, json_true());
	json_decref(parsed);
	return 1;
}

int vm_file_read(struct cli *cli, const char *path)
{
	struct reading reading = { .cli = cli, .path = path, .seen = json_object() };
	int line;

	reading.file = fopen(path, "re");
	if (!reading.file) {
		fprintf(stderr, "gmm: %s: %s\n", path, strerror(errno));
		json_decref(reading.seen);
		return EXIT_USAGE;
	}
	line = ini_parse_stream(read_line, &reading, handle, &reading);
	fclose(reading.file);
	json_decref(reading.seen);
	if (line && !reading.bad) {
		reading.line = line;
		refuse(&reading, "neither [vm] nor option = value");
	}
	return reading.bad ? EXIT_USAGE : EXIT_OK;
}
