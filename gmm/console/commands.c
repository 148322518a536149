// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "gmm/console/commands.h"

int command_split(const char *line, struct command_words *words)
{
	char *to = words->bytes, quote = 0;
	bool inside = false;

	words->count = 0;
	if (strlen(line) >= sizeof(words->bytes))
		return -E2BIG;
	for (; *line; line++) {
		if (!inside && *line != ' ') {
			if (words->count == COMMAND_WORDS_MAX)
				return -E2BIG;
			words->words[words->count++] = to;
			inside = true;
		}
		if (quote ? *line == quote : *line == '\'' || *line == '"') {
			quote = quote ? 0 : *line;
		} else if (*line == ' ' && !quote) {
			/* Never longer than the line: an end stands for a space. */
			if (inside)
				*to++ = '\0';
			inside = false;
		} else {
			*to++ = *line;
		}
	}
	*to = '\0';
	words->words[words->count] = NULL;
	return quote ? -EINVAL : 0;
}

#define TELLS 0x100u			/* with --dry-run it says what it would do */

/* The words of the command line's table (gmm/cli/commands.c). What is not here is asked for: so nothing new runs unasked. */
static const struct rule {
	const char *first, *second;	/* second NULL: any */
	unsigned risk;			/* enum risk, and TELLS */
} rules[] = {
	{ "status", NULL, RISK_READS }, { "events", NULL, RISK_READS }, { "help", NULL, RISK_READS },
	{ "health", "mute", RISK_CHANGES }, { "health", "unmute", RISK_CHANGES }, { "health", NULL, RISK_READS },
	{ "explain", NULL, RISK_READS }, { "completion", NULL, RISK_READS }, { "manual", NULL, RISK_READS },
	{ "node", "list", RISK_READS }, { "node", "show", RISK_READS }, { "node", "counters", RISK_READS },
	{ "node", "refusals", RISK_READS }, { "node", "pending", RISK_READS }, { "node", "match", RISK_READS },
	{ "manager", "counters", RISK_READS }, { "manager", "refusals", RISK_READS },
	{ "vm", "list", RISK_READS }, { "vm", "show", RISK_READS }, { "vm", "stats", RISK_READS }, { "vm", "wait", RISK_READS },
	{ "region", "list", RISK_READS }, { "key", "list", RISK_READS }, { "balance", "plan", RISK_READS },
	{ "operation", "list", RISK_READS }, { "operation", "show", RISK_READS },
	{ "vm", "create", RISK_CHANGES | TELLS }, { "vm", "start", RISK_CHANGES | TELLS }, { "vm", "type", RISK_CHANGES },
	{ "vm", "set", RISK_CHANGES | TELLS },
	{ "bench", "read", RISK_CHANGES }, { "backup", NULL, RISK_CHANGES },
	{ "vm", "stop", RISK_ASK | TELLS }, { "vm", "kill", RISK_ASK | TELLS }, { "vm", "resize", RISK_ASK | TELLS },
	{ "vm", "destroy", RISK_NAME | TELLS },
	{ "node", "cordon", RISK_ASK | TELLS }, { "node", "uncordon", RISK_ASK | TELLS }, { "node", "drain", RISK_ASK | TELLS },
	{ "node", "maintenance", RISK_ASK | TELLS }, { "node", "restore", RISK_ASK | TELLS }, { "node", "retire", RISK_ASK | TELLS },
	{ "node", "admit", RISK_ASK | TELLS }, { "node", "forget", RISK_ASK | TELLS },
	{ "region", "move", RISK_ASK | TELLS }, { "balance", "apply", RISK_ASK | TELLS },
	{ "key", "rotate", RISK_ASK }, { "key", "forget", RISK_ASK },
	{ "vm", "console", RISK_CONSOLE },
	{ "console", NULL, RISK_NEVER },
};

static const struct rule *rule_of(const struct command_words *words)
{
	const char *first = words->count > 0 ? words->words[0] : "", *second = words->count > 1 ? words->words[1] : "";

	for (unsigned i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (strcmp(first, rules[i].first) == 0 && (!rules[i].second || strcmp(second, rules[i].second) == 0))
			return &rules[i];
	return NULL;
}

/* Its last word is --dry-run, and not the value of an option or what stands behind "--". */
static bool is_dry_run(const struct command_words *words)
{
	return words->count > 2 && strcmp(words->words[words->count - 1], "--dry-run") == 0 && words->words[words->count - 2][0] != '-';
}

enum risk command_risk(const struct command_words *words)
{
	const struct rule *rule = rule_of(words);

	if (!rule)
		return RISK_ASK;
	return (rule->risk & TELLS) && is_dry_run(words) ? RISK_READS : (enum risk)(rule->risk & ~TELLS);
}

bool command_tells(const struct command_words *words)
{
	const struct rule *rule = rule_of(words);

	return rule && (rule->risk & TELLS);
}

const char *command_object(const struct command_words *words)
{
	for (int i = 2; i < words->count; i++)
		if (words->words[i][0] != '-')
			return words->words[i];
	return "";
}
