/* SPDX-License-Identifier: GPL-2.0-only */
/* How an error is called over HTTP: one table from errno values to status codes and to words that programs can test. */
#ifndef PLENUM_GMM_HTTP_STATUS_H
#define PLENUM_GMM_HTTP_STATUS_H

struct http_error {
	unsigned http;			/* status code of the answer */
	int status;			/* negative errno */
	const char *code;		/* lower case words joined by -; never changes its meaning */
};

/* For the status that a command ended with, a negative errno. Those without a row of their own are 500 "internal". */
const struct http_error *http_error_of_status(int status);
/* For what HTTP itself refuses, by status code, which must have a row. */
const struct http_error *http_error_of_code(unsigned http);

#endif
