/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gmm, the operator's command line. One table (commands.c) says what there is: the parser, the help and the requests
 * to gmmd all come from it. stdout carries data, stderr everything else.
 */
#ifndef PLENUM_GMM_CLI_H
#define PLENUM_GMM_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum cli_exit {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_NOT_FOUND = 3,
	EXIT_CONFLICT = 5,
	EXIT_TIMED_OUT = 6,
	EXIT_UNREACHABLE = 7,
};

#define CLI_OPTIONS_MAX 10
#define CLI_OPERANDS_MAX 3

enum option_kind {
	OPTION_STRING,
	OPTION_SIZE,			/* 256M: bytes */
	OPTION_NUMBER,
	OPTION_SECONDS,			/* 30, 1.5 or 2m */
	OPTION_FILE,			/* made absolute: gmmd opens it */
	OPTION_FLAG,
	OPTION_NOT_FLAG,		/* given: key is false */
};

struct cli_option {
	const char *name;		/* without -- */
	const char *argument;		/* what the help calls its value; NULL: a flag */
	enum option_kind kind;
	const char *key;		/* in the request's arguments; NULL: for the command's own use */
	bool required;
	const char *help;
};

struct cli;

struct cli_command {
	const char *words;		/* "vm create" */
	const char *operands[CLI_OPERANDS_MAX + 1]; /* keys in the request's arguments, shown in capitals */
	const char *request;		/* gmmd's command */
	const char *help;
	void (*print)(json_t *result);	/* as a table; NULL: says nothing on success */
	int (*run)(struct cli *cli);	/* NULL: one request, one answer */
	struct cli_option options[CLI_OPTIONS_MAX];
};

extern const struct cli_command cli_commands[];	/* ends with words NULL */

/* One invocation. */
struct cli {
	const char *socket;
	bool json;			/* -o json */
	const struct cli_command *command;
	json_t *arguments;		/* of the request */
	json_t *own;			/* options without a key, by name */
	int fd;
	char *in;			/* what came and is not a whole line yet */
	size_t in_len_bytes, in_capacity_bytes;
};

/* client.c: every function returns EXIT_OK or another exit status, with the message printed. */
int client_connect(struct cli *cli);
int client_send(struct cli *cli, json_t *line);
int client_request(struct cli *cli);
/* Next object from gmmd, to be released by the caller; blocks. */
int client_receive(struct cli *cli, json_t **line);
/* The next line that is buffered already; NULL: none. */
json_t *client_buffered(struct cli *cli);
/* Read what is there. EXIT_UNREACHABLE when gmmd has hung up. */
int client_fill(struct cli *cli);
/* Print the error of a line that has one; its exit status, or EXIT_OK. */
int client_error_of(json_t *line);

/* print.c */
void print_json(json_t *value);
void print_json_line(json_t *value);
void print_status(json_t *result);
void print_node_list(json_t *result);
void print_node(json_t *result);
void print_text(json_t *result);
void print_vm_list(json_t *result);
void print_vm(json_t *result);
void print_vm_stats(json_t *result);
void print_region_list(json_t *result);
void print_operation_list(json_t *result);
void print_bench(json_t *result);
void print_keys(json_t *result);
void print_event(json_t *event);

/* console.c */
int run_console(struct cli *cli);
int run_type(struct cli *cli);

/* main.c */
int run_events(struct cli *cli);
int run_help(struct cli *cli);

#endif
