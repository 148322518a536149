/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * JSON as comma-separated values: a line of field names, then a line for each object. Quoted as in RFC 4180; lines
 * end as in Unix.
 */
#ifndef PLENUM_GMM_CSV_H
#define PLENUM_GMM_CSV_H

#include <jansson.h>
#include <stdio.h>

#define CSV_FIELD_BYTES 128u		/* of a field's name, the final NUL included */

/*
 * One value: quoted when it must be. What is null or missing is empty; lists of plain values have spaces between
 * them.
 */
void csv_value(FILE *out, json_t *value);
void csv_text(FILE *out, const char *text);
/*
 * A list of objects, or a single one. `fields`: which, separated by commas, "outer.inner" for those of objects
 * within; NULL: those of the first object, lists of objects left out. `before`: an object whose fields are put
 * before all others; or NULL.
 */
void csv_header(FILE *out, json_t *rows, const char *fields, json_t *before);
void csv_rows(FILE *out, json_t *rows, const char *fields, json_t *before);
/* Text of "name=value" lines: fields name and value. */
void csv_lines(FILE *out, const char *text, json_t *before);

#endif
