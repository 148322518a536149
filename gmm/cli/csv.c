// SPDX-License-Identifier: GPL-2.0-only
#include <stdbool.h>
#include <string.h>

#include "gmm/cli/csv.h"

/* ---------------------------------------------------------------- values */

static void put_bytes(FILE *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '"')
			putc('"', out);
		putc(text[i], out);
	}
}

static void put_text(FILE *out, const char *text, size_t len)
{
	bool quote = false;

	for (size_t i = 0; i < len; i++)
		quote = quote || strchr(",\"\r\n", text[i]);
	/* Spaces at the ends belong to the value, and some readers take them away unless it is quoted. */
	quote = quote || (len && (text[0] == ' ' || text[len - 1] == ' '));
	if (quote)
		putc('"', out);
	put_bytes(out, text, len);
	if (quote)
		putc('"', out);
}

void csv_text(FILE *out, const char *text)
{
	put_text(out, text, strlen(text));
}

static void put_list(FILE *out, json_t *list)
{
	json_t *value;
	size_t index;

	json_array_foreach(list, index, value) {
		if (index)
			putc(' ', out);
		if (json_is_string(value))
			put_bytes(out, json_string_value(value), json_string_length(value));
		else
			json_dumpf(value, out, JSON_ENCODE_ANY);
	}
}

void csv_value(FILE *out, json_t *value)
{
	if (!value || json_is_null(value) || json_is_object(value))
		return;
	if (json_is_string(value)) {
		put_text(out, json_string_value(value), json_string_length(value));
	} else if (json_is_array(value)) {
		fputs(json_array_size(value) ? "\"" : "", out);
		put_list(out, value);
		fputs(json_array_size(value) ? "\"" : "", out);
	} else {
		json_dumpf(value, out, JSON_ENCODE_ANY);
	}
}

static void end_line(FILE *out)
{
	putc('\n', out);
}

/* ---------------------------------------------------------------- fields */

/* Objects, or lists of them, are not one value. */
static bool is_plain(json_t *value)
{
	return !json_is_object(value) && !(json_is_array(value) && json_is_object(json_array_get(value, 0)));
}

/* The fields of `object`, names or values; *count: how many were there before. */
static void put_fields(FILE *out, json_t *object, const char *outer, bool names, unsigned *count)
{
	char name[CSV_FIELD_BYTES];
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value) {
		snprintf(name, sizeof(name), "%s%s%s", outer, outer[0] ? "." : "", key);
		if (json_is_object(value)) {
			put_fields(out, value, name, names, count);
			continue;
		}
		if (!is_plain(value))
			continue;
		if ((*count)++)
			putc(',', out);
		if (names)
			csv_text(out, name);
		else
			csv_value(out, value);
	}
}

/* "outer.inner" leads into the object that `outer` is. */
static json_t *look_up(json_t *object, const char *name, size_t len)
{
	const char *dot = memchr(name, '.', len);

	while (dot) {
		object = json_object_getn(object, name, (size_t)(dot - name));
		len -= (size_t)(dot + 1 - name);
		name = dot + 1;
		dot = memchr(name, '.', len);
	}
	return json_object_getn(object, name, len);
}

static void put_row(FILE *out, json_t *row, const char *fields, unsigned *count)
{
	if (!fields) {
		put_fields(out, row, "", false, count);
		return;
	}
	while (*fields) {
		size_t len = strcspn(fields, ",");

		if ((*count)++)
			putc(',', out);
		csv_value(out, look_up(row, fields, len));
		fields += len;
		fields += *fields == ',';
	}
}

void csv_header(FILE *out, json_t *rows, const char *fields, json_t *before)
{
	unsigned count = 0;

	put_fields(out, before, "", true, &count);
	if (fields)
		fprintf(out, "%s%s", count ? "," : "", fields);
	else
		put_fields(out, json_is_array(rows) ? json_array_get(rows, 0) : rows, "", true, &count);
	end_line(out);
}

void csv_rows(FILE *out, json_t *rows, const char *fields, json_t *before)
{
	size_t rows_count = json_is_array(rows) ? json_array_size(rows) : 1;

	for (size_t i = 0; i < rows_count; i++) {
		unsigned count = 0;

		put_fields(out, before, "", false, &count);
		put_row(out, json_is_array(rows) ? json_array_get(rows, i) : rows, fields, &count);
		end_line(out);
	}
}

void csv_lines(FILE *out, const char *text, json_t *before)
{
	while (*text) {
		size_t len = strcspn(text, "\n"), name_len = strcspn(text, "=\n");
		unsigned count = 0;

		put_fields(out, before, "", false, &count);
		if (count)
			putc(',', out);
		put_text(out, text, name_len);
		putc(',', out);
		if (name_len < len)
			put_text(out, text + name_len + 1, len - name_len - 1);
		end_line(out);
		text += len;
		text += *text == '\n';
	}
}
