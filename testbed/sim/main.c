// SPDX-License-Identifier: GPL-2.0-only
/* plenum-sim: run the rack from seeds. Prints a line a seed; aborts at the first seed that goes wrong. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "testbed/sim/sim.h"

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

static void dispatch(struct sim *sim, const struct event *event)
{
	switch (event->type) {
	case EVENT_PACKET:
		network_deliver(sim, event->node, event->packet);
		break;
	case EVENT_TIMER:
		if (sim->nodes[event->node].timer_ns == event->time_ns)
			sim->nodes[event->node].timer_ns = NEVER_NS;
		break;
	case EVENT_GUEST:
		guest_run(sim, &sim->vms[event->node], event->item);
		break;
	case EVENT_SWEPT:
		process_swept(sim);
		break;
	case EVENT_CUT:
		nemesis_cut(sim);
		break;
	case EVENT_EPOCH:
		nemesis_epoch(sim);
		break;
	case EVENT_EPOCH_TOLD:
		nemesis_epoch_told(sim, event->node, event->item);
		break;
	}
	if ((event->type == EVENT_PACKET || event->type == EVENT_TIMER) && event->node > 0)
		memory_run(sim, event->node);
	else
		process_run(sim);
}

/* S3: once its guest is done, nothing of a VM may be left under way. */
static bool drained(struct sim *sim)
{
	bool all = true;

	for (uint32_t i = 0; i < SIM_VMS; i++) {
		struct sim_vm *vm = &sim->vms[i];

		if (!vm->destroyed && guest_done(vm) && sim->victims_count == 0 &&
		    cache_vm_destroy(sim->cache, i, sim->now_ns) == 0) {
			region_vm_destroy(sim->regions, i);
			vm->destroyed = true;
		}
		all = all && vm->destroyed;
	}
	return all;
}

static void report(const struct sim *sim, const struct wire_vm_status *status)
{
	uint64_t operations = 0, errors = 0;

	for (uint32_t i = 0; i < SIM_VMS; i++) {
		operations += sim->vms[i].operations;
		errors += sim->vms[i].errors;
	}
	printf("seed=%llu hash=%016llx events=%llu packets=%llu lost=%llu operations=%llu fills=%llu write_backs=%llu "
	       "rescues=%llu fill_errors=%llu write_back_errors=%llu guest_errors=%llu\n",
	       (unsigned long long)sim->options.seed, (unsigned long long)sim->hash, (unsigned long long)sim->events_count,
	       (unsigned long long)sim->packets_sent, (unsigned long long)sim->packets_lost,
	       (unsigned long long)operations, (unsigned long long)status->fills, (unsigned long long)status->write_backs,
	       (unsigned long long)status->rescues, (unsigned long long)status->fill_errors,
	       (unsigned long long)status->write_back_errors, (unsigned long long)errors);
}

static void run(struct sim *sim)
{
	struct wire_vm_status status = { 0 };
	struct event event;

	while (sim_next(sim, &event)) {
		if (sim->now_ns > sim->end_ns + SIM_DRAIN_NS)
			sim_fail(sim, "the rack does not drain");
		dispatch(sim, &event);
		if (sim->now_ns < sim->end_ns)
			continue;
		for (uint32_t i = 0; i < sim->nodes_count; i++)
			sim->nodes[i].cut_until_ns = 0;
		if (!sim->vms[0].destroyed)
			cache_vm_status(sim->cache, 0, &status);
		if (drained(sim))
			break;
	}
	if (!drained(sim))
		sim_fail(sim, "nothing happens any more, but not everything is done");
	cache_check(sim->cache);
	report(sim, &status);
}

static uint64_t run_seed(const struct sim_options *options)
{
	struct sim *sim = sim_alloc(sizeof(*sim));
	struct event event;
	uint64_t hash;

	memset(sim, 0, sizeof(*sim));
	sim->options = *options;
	sim->random = options->seed;
	sim->end_ns = (uint64_t)(options->seconds * (double)SECOND_NS);
	sim->nodes_count = 1 + options->nodes;
	current_seed = options->seed;
	network_create(sim);
	for (uint32_t i = 1; i < sim->nodes_count; i++)
		memory_create(sim, i);
	process_create(sim);
	nemesis_create(sim);
	run(sim);
	hash = sim->hash;

	while (sim_next(sim, &event))
		if (event.packet != NULL)
			network_free(sim, event.packet);
	while (sim->free_packets != NULL) {
		struct packet *packet = sim->free_packets;

		sim->free_packets = packet->next;
		free(packet);
	}
	for (uint32_t i = 1; i < sim->nodes_count; i++)
		memory_destroy(sim, i);
	process_destroy(sim);
	for (uint32_t i = 0; i < SIM_VMS; i++)
		free(sim->vms[i].shadow);
	free(sim->heap);
	free(sim);
	return hash;
}

static void usage(void)
{
	fputs("usage: plenum-sim [--seed N] [--seeds COUNT] [--seconds S] [--loss FRACTION] [--nodes N] [--repeat]\n"
	      "  --seed N         the first seed (1)\n"
	      "  --seeds COUNT    run so many seeds (1)\n"
	      "  --seconds S      virtual time of each, before the network heals and all must drain (1)\n"
	      "  --loss FRACTION  of packets; without it each seed chooses\n"
	      "  --nodes N        memory components, 1 to 8 (2)\n"
	      "  --repeat         run each seed twice and compare the traces\n", stderr);
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

int main(int argc, char **argv)
{
	static const struct option known[] = {
		{ "seed", required_argument, NULL, 's' }, { "seeds", required_argument, NULL, 'c' },
		{ "seconds", required_argument, NULL, 't' }, { "loss", required_argument, NULL, 'l' },
		{ "nodes", required_argument, NULL, 'n' }, { "repeat", no_argument, NULL, 'r' }, { 0 },
	};
	struct sim_options options = { .seed = 1, .seconds = 1, .loss = -1, .nodes = 2 };
	uint64_t seeds = 1;
	bool repeat = false;
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == 's')
			options.seed = (uint64_t)number(optarg, 0, 1e15);
		else if (option == 'c')
			seeds = (uint64_t)number(optarg, 1, 1e15);
		else if (option == 't')
			options.seconds = number(optarg, 0, 1e6);
		else if (option == 'l')
			options.loss = number(optarg, 0, 1);
		else if (option == 'n')
			options.nodes = (uint32_t)number(optarg, 1, SIM_NODES_MAX - 1);
		else if (option == 'r')
			repeat = true;
		else
			usage();
	}
	if (optind != argc)
		usage();
	signal(SIGABRT, on_abort);
	for (; seeds > 0; seeds--, options.seed++) {
		uint64_t hash = run_seed(&options);

		if (repeat && run_seed(&options) != hash) {
			fprintf(stderr, "plenum-sim: seed %llu gave two traces\n", (unsigned long long)options.seed);
			return 1;
		}
	}
	return 0;
}
