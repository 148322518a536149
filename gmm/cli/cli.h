/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gmm, the operator's command line. One table (commands.c) says what there is: the parser, the help, the completion,
 * the man pages and the requests to gmmd all come from it. stdout carries data, stderr everything else.
 *
 *	main.c		finds the command and runs it		arguments.c	takes words and options apart
 *	run.c		requests: once, for many nodes, again and again; asks before it destroys something
 *	client.c	the connection to gmmd			console.c	a VM's serial line
 *	output.c	the formats				print.c, table.c, print_health.c	results for people
 *	help.c, completion.c, manual.c	what is made of the table	terminal.c	what the terminal can do
 */
#ifndef PLENUM_GMM_CLI_H
#define PLENUM_GMM_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SOCKET_DEFAULT "/run/plenum/gmmd.socket"

enum cli_exit {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_CHANGES = 1,		/* of commands that show a plan: there is something to do */
	EXIT_USAGE = 2,
	EXIT_NOT_FOUND = 3,
	EXIT_NOT_PERMITTED = 4,
	EXIT_CONFLICT = 5,
	EXIT_TIMED_OUT = 6,
	EXIT_UNREACHABLE = 7,
	EXIT_PARTIAL = 8,
};

#define CLI_OPTIONS_MAX 24
#define CLI_OPERANDS_MAX 3
#define CLI_EXAMPLES_MAX 4
#define CLI_WORDS_MAX 8			/* of a command that takes any */
#define CLI_WATCH_S_DEFAULT 2.0
#define CLI_WATCH_S_MIN 0.1

enum option_kind {
	OPTION_STRING,
	OPTION_LIST,			/* names with commas: a list of them; none: an empty one */
	OPTION_SIZE,			/* 256M: bytes */
	OPTION_NUMBER,
	OPTION_RATE,			/* 25G or 400M: Mbit/s */
	OPTION_SECONDS,			/* 30, 1.5, 2m, 3h or 1d */
	OPTION_MAYBE_SECONDS,		/* the same, only after =; true without */
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

/* What a row leaves out is zero. */
struct cli_command {
	const char *words;		/* "vm create" */
	const char *operands[CLI_OPERANDS_MAX + 1]; /* keys in the request's arguments, shown in capitals */
	const char *request;		/* gmmd's command */
	const char *help;
	void (*print)(json_t *result);	/* as a table; NULL: says nothing on success */
	int (*run)(struct cli *cli);	/* NULL: one request, one answer */
	struct cli_option options[CLI_OPTIONS_MAX];
	const char *examples[CLI_EXAMPLES_MAX + 1];
	const char *rows;		/* csv: the list within the result; NULL: the result itself */
	const char *fields;		/* csv: of a row, with commas; NULL: what the result has */
	const char *destroys;		/* what will be gone: the operator is asked before */
	bool changes;			/* something in the rack; what was begun goes on without us */
	bool dry_run;			/* gmmd can say what it would do */
	bool any_words;			/* the rest of the line, in struct cli */
	int (*exit_of)(struct cli *cli, json_t *result); /* NULL: EXIT_OK on success */
	void (*progress)(json_t *item);	/* to stderr: how far it is; NULL: gmmd does not say */
};

extern const struct cli_command cli_commands[];	/* ends with words NULL */
extern const struct cli_option cli_common_options[]; /* of all commands; ends with name NULL */
extern const char *const cli_exits[EXIT_PARTIAL + 1]; /* what each exit status means; NULL: unused */

enum cli_format { FORMAT_TABLE, FORMAT_JSON, FORMAT_JSONL, FORMAT_CSV };

/* One invocation. */
struct cli {
	const char *socket;
	enum cli_format format;
	bool yes;			/* --yes: do not ask */
	bool dry_run;
	double watch_s;			/* 0: once */
	double timeout_s;		/* 0: none */
	const struct cli_command *command;
	json_t *arguments;		/* of the request */
	json_t *own;			/* options without a key, by name */
	const char *words[CLI_WORDS_MAX + 1]; /* any_words; ends with NULL */
	int fd;
	uint64_t deadline_ns;		/* CLOCK_MONOTONIC; 0: none */
	char *in;			/* what came and is not a whole line yet */
	size_t in_len_bytes, in_capacity_bytes;
};

/* arguments.c: a value as its option wants it, new; NULL: it is not one. */
json_t *parse_value(const struct cli_option *option, const char *value);
/* vm_file.c: the command's options that are not given yet, from a file. EXIT_OK or EXIT_USAGE, with the message printed. */
int vm_file_read(struct cli *cli, const char *path);

/* client.c: every function returns EXIT_OK or another exit status, with the message printed. */
int client_connect(struct cli *cli);
int client_send(struct cli *cli, json_t *line);
int client_request(struct cli *cli);
/* Next object from gmmd, to be released by the caller; blocks, until cli->deadline_ns. */
int client_receive(struct cli *cli, json_t **line);
/* The next line that is buffered already; NULL: none. */
json_t *client_buffered(struct cli *cli);
/* Read what is there, or wait for it. EXIT_UNREACHABLE when gmmd has hung up. */
int client_fill(struct cli *cli);
/* Print the error of a line that has one; its exit status, or EXIT_OK. */
int client_error_of(json_t *line);
/* From now on Ctrl-C says that what was begun goes on. */
void client_mind_interrupts(void);

/* arguments.c */
/* Take what follows the command's words. EXIT_OK or EXIT_USAGE. */
int parse_words(struct cli *cli, char **words, int count);
/* Options that stand before the command. The index of the first other word, or -1 after a complaint. */
int parse_common(struct cli *cli, char **words, int count);
/* The command that the words begin with; *used: how many of them. NULL: none. */
const struct cli_command *find_command(char *const *words, int count, int *used);

/* run.c */
/* When something is about to be destroyed: does the operator want that? EXIT_OK: yes, or it is not destroyed. */
int run_confirm(const struct cli *cli);
int run_requests(struct cli *cli);
int run_events(struct cli *cli);
/* Is this operand the name of a node, so that it may be a list? */
bool operand_is_node(const struct cli_command *command, unsigned operand);

/* output.c */
void output_result(const struct cli *cli, json_t *result);
/* One of a stream; `first`: of it. `print`: as a line of a table. */
void output_item(const struct cli *cli, json_t *item, bool first, void (*print)(json_t *item));
/* Of many nodes: `names` says which, as {"node": "m1"}; `line` is gmmd's answer. */
struct output_many {
	unsigned count;			/* printed so far */
	json_t *collected;		/* json: all, printed at the end */
};
void output_many_add(const struct cli *cli, struct output_many *many, json_t *names, json_t *line);
void output_many_end(const struct cli *cli, struct output_many *many);

/* table.c */
enum cell { CELL_STRING, CELL_NUMBER, CELL_PAGES, CELL_BYTES_SIZE, CELL_AGO, CELL_MICROSECONDS };
struct column {
	const char *title;
	const char *key;
	enum cell cell;
};
/* Columns end with title NULL. On a terminal, texts are cut so that lines fit. */
void print_table(json_t *rows, const struct column *columns);

/* terminal.c: of stdout. */
bool terminal_is(void);
unsigned terminal_columns(void);	/* UINT_MAX: no limit */
/* What to print before a word so that it has the colour of what it says, and after it; "" without colours. */
const char *terminal_colour(const char *word);
const char *terminal_plain(const char *word);

/* print.c, print_health.c */
void print_json(json_t *value);
void print_json_line(json_t *value);
void print_status(json_t *result);
void print_node_list(json_t *result);
void print_node(json_t *result);
void print_text(json_t *result);
void print_vm_list(json_t *result);
void print_machine_list(json_t *result);
void print_match_list(json_t *result);
void print_admitted(json_t *result);
void print_vm(json_t *result);
void print_vm_stats(json_t *result);
void print_region_list(json_t *result);
void print_operation_list(json_t *result);
void print_bench(json_t *result);
void print_balance(json_t *result);
int exit_of_plan(struct cli *cli, json_t *result);
void print_keys(json_t *result);
void print_moved(json_t *result);
/* One line: how far a drain is. */
void print_drain_progress(json_t *item);
void print_event(json_t *event);
void print_health_line(json_t *health);	/* "HEALTH_WARN: 2 checks, see gmm health" */
void print_health(json_t *result);
void print_health_detail(json_t *result);
void print_explanation(json_t *result);
int exit_of_health(struct cli *cli, json_t *result);

/* console.c */
int run_console(struct cli *cli);
int run_type(struct cli *cli);

/* full_screen.c */
int run_full_screen(struct cli *cli);

/* help.c */
int run_help(struct cli *cli);
/* The commands that begin with this word; how many. `out` NULL: only count. */
unsigned help_group(FILE *out, const char *word);
void help_command(FILE *out, const struct cli_command *command);
/* Say what was probably meant by words that are no command, or which commands begin with them. */
void help_unknown(char *const *words, int count);
#define HELP_USAGE_BYTES 512
/* "vm create NAME"; with `options` also what it takes. Longer text than the capacity is cut. */
void help_usage(const struct cli_command *command, char *text, size_t capacity_bytes);
extern const char cli_version[];

/* completion.c, manual.c */
int run_completion(struct cli *cli);
int run_manual(struct cli *cli);

#endif
