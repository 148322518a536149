/* SPDX-License-Identifier: GPL-2.0-only */
/* The operator's words: take them apart, and know which of them change or destroy something. */
#ifndef PLENUM_GMM_CONSOLE_COMMANDS_H
#define PLENUM_GMM_CONSOLE_COMMANDS_H

#include <stdbool.h>

#define COMMAND_BYTES 512
#define COMMAND_WORDS_MAX 32

enum risk {
	RISK_READS,			/* changes nothing: runs also with --readonly */
	RISK_CHANGES,
	RISK_ASK,			/* y or n first; so is every command that is not known here */
	RISK_NAME,			/* the object's name must be typed first */
	RISK_CONSOLE,			/* a VM's console: it opens here */
	RISK_NEVER,			/* needs a terminal of its own */
};

struct command_words {
	char bytes[COMMAND_BYTES];
	char *words[COMMAND_WORDS_MAX + 1];	/* ends with NULL; they point into bytes */
	int count;
};

/* Words are separated by spaces; '...' and "..." hold them together. -EINVAL: a quote is open; -E2BIG: too many or too long. */
int command_split(const char *line, struct command_words *words);
enum risk command_risk(const struct command_words *words);
/* Whether it says what it would do when it is given --dry-run. */
bool command_tells(const struct command_words *words);
/* Of a command about one object, as "vm destroy NAME": NAME; "" when it is missing. */
const char *command_object(const struct command_words *words);

#endif
