// SPDX-License-Identifier: GPL-2.0-only
/* plenum-sim: run a scenario from seeds. Aborts at the first seed that breaks an invariant; fails when a number is not met. */
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/hash.h"
#include "testbed/sim/scenario.h"

static const struct scenario *const scenarios[] = {
	&scenario_rack, &scenario_incast, &scenario_loss, &scenario_storm, &scenario_clock, &scenario_stranger,
	&scenario_guard,
};
#define SCENARIOS_COUNT (sizeof(scenarios) / sizeof(scenarios[0]))

static volatile uint64_t current_seed;

/* An assertion of the code under test failed: say which seed it was. Only what a signal handler may call. */
static void on_abort(int signal)
{
	char text[64] = "plenum-sim: failed with --seed ", digits[24];
	uint64_t seed = current_seed;
	size_t len = strlen(text), count = 0;

	(void)signal;
	do
		digits[count++] = (char)('0' + seed % 10);
	while ((seed /= 10) > 0);
	while (count > 0)
		text[len++] = digits[--count];
	text[len++] = '\n';
	if (write(STDERR_FILENO, text, len) < 0)
		_exit(3);
}

/* ---------------------------------------------------------------- what scenarios call */

bool options_want(const struct options *options, const char *name)
{
	return options->only == NULL || strstr(name, options->only) != NULL;
}

void report_expect(struct report *report, bool holds, const char *format, ...)
{
	va_list arguments;

	if (holds)
		return;
	report->failures++;
	printf("NOT MET: ");
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf(" (--seed %llu)\n", (unsigned long long)current_seed);
}

void report_trace(struct report *report, uint64_t hash)
{
	report->hash = hash_pair(report->hash, hash, 0);
}

/* ---------------------------------------------------------------- command line */

static void usage(void)
{
	fputs("usage: plenum-sim [--scenario NAME] [--seed N] [--seeds COUNT] [--only TEXT] [--seconds S] [--loss FRACTION]\n"
	      "                  [--nodes N] [--repeat]\n"
	      "       plenum-sim --list\n"
	      "  --scenario NAME  what to simulate (rack)\n"
	      "  --seed N         the first seed (1)\n"
	      "  --seeds COUNT    run so many seeds (1)\n"
	      "  --only TEXT      those of the scenario's cases that have TEXT in their name\n"
	      "  --repeat         run each seed twice and compare the traces\n"
	      "  --list           name the scenarios\n"
	      "Of the rack:\n"
	      "  --seconds S      virtual time of each seed, before the network heals and all must drain (1)\n"
	      "  --loss FRACTION  of packets; without it each seed chooses\n"
	      "  --nodes N        memory components, 1 to 8 (2)\n", stderr);
	exit(2);
}

static double number(const char *text, double low, double high)
{
	char *end;
	double value = strtod(text, &end);

	if (*text == '\0' || *end != '\0' || !(value >= low && value <= high))
		usage();
	return value;
}

static const struct scenario *scenario_named(const char *name)
{
	for (uint32_t i = 0; i < SCENARIOS_COUNT; i++)
		if (strcmp(scenarios[i]->name, name) == 0)
			return scenarios[i];
	fprintf(stderr, "plenum-sim: there is no scenario %s; --list names them\n", name);
	exit(2);
}

static void list(void)
{
	for (uint32_t i = 0; i < SCENARIOS_COUNT; i++)
		printf("%-10s %s\n", scenarios[i]->name, scenarios[i]->summary);
	exit(0);
}

struct command {
	const struct scenario *scenario;
	struct options options;
	uint64_t seeds;
	bool repeat;
};

static void parse(int argc, char **argv, struct command *command)
{
	static const struct option known[] = {
		{ "scenario", required_argument, NULL, 'n' }, { "seed", required_argument, NULL, 's' },
		{ "seeds", required_argument, NULL, 'c' },    { "only", required_argument, NULL, 'o' },
		{ "seconds", required_argument, NULL, 't' },  { "loss", required_argument, NULL, 'l' },
		{ "nodes", required_argument, NULL, 'm' },    { "repeat", no_argument, NULL, 'r' },
		{ "list", no_argument, NULL, 'a' },	      { 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == 'n')
			command->scenario = scenario_named(optarg);
		else if (option == 's')
			command->options.seed = (uint64_t)number(optarg, 0, 1e15);
		else if (option == 'c')
			command->seeds = (uint64_t)number(optarg, 1, 1e15);
		else if (option == 'o')
			command->options.only = optarg;
		else if (option == 't')
			command->options.seconds = number(optarg, 0, 1e6);
		else if (option == 'l')
			command->options.loss = number(optarg, 0, 1);
		else if (option == 'm')
			command->options.nodes = (uint32_t)number(optarg, 1, 8);
		else if (option == 'r')
			command->repeat = true;
		else if (option == 'a')
			list();
		else
			usage();
	}
	if (optind != argc)
		usage();
}

int main(int argc, char **argv)
{
	struct command command = { .scenario = &scenario_rack, .options = { .seed = 1, .loss = -1 }, .seeds = 1 };
	uint32_t failures = 0;

	parse(argc, argv, &command);
	signal(SIGABRT, on_abort);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (; command.seeds > 0; command.seeds--, command.options.seed++) {
		struct report report = { 0 }, again = { 0 };

		current_seed = command.options.seed;
		command.scenario->run(&report, &command.options);
		if (command.repeat) {
			command.scenario->run(&again, &command.options);
			if (again.hash != report.hash) {
				fprintf(stderr, "plenum-sim: seed %llu gave two traces\n", (unsigned long long)current_seed);
				return 1;
			}
		}
		failures += report.failures;
	}
	return failures > 0;
}
