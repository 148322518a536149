// SPDX-License-Identifier: GPL-2.0-only
/* gmmd: options, start, the loop, end. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <generated/build_id.h>

#include "gmm/core/balance.h"
#include "gmm/daemon/client.h"
#include "gmm/daemon/dnsmasq.h"
#include "gmm/daemon/netboot.h"
#include "gmm/daemon/token_file.h"

#define EVENTS_PER_TURN 64
#define TURN_MS_MAX 1000
#define LOAD_TIMEOUT_MS 300000u
#define VM_ID_SHIFT 24			/* VMs of one second of starts: more than any manager makes */

static struct gmmd gmmd;

int loop_add(struct gmmd *self, int fd, uint32_t events, void *tag)
{
	struct epoll_event event = { .events = events, .data.ptr = tag };

	return epoll_ctl(self->epoll, EPOLL_CTL_ADD, fd, &event);
}

__attribute__((noreturn)) static void die(const char *error)
{
	fprintf(stderr, "gmmd: %s\n", error);
	exit(1);
}

static void reload_all(struct gmmd *self)
{
	reload(self);
	api_reload(self);
}

static void take_signal(struct gmmd *self)
{
	struct signalfd_siginfo info;

	while (read(self->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			reload_all(self);
		else
			self->stopping = true;
	}
}

/* ---------------------------------------------------------------- start */

static void open_core(struct gmmd *self)
{
	struct timespec wall;
	struct gmm_config config = {
		.lease_ms = self->config.lease_ms, .grace_ms = self->config.grace_ms, .load_timeout_ms = LOAD_TIMEOUT_MS,
		.move_pace = { .slowdown_permille = self->config.move_slowdown_percent * 10,
			       .pages_per_second_min = self->config.move_pages_min },
		.placement = self->config.placement, .rebuild_reserve = self->config.rebuild_reserve, .vcpus_limited = !self->config.vcpu_overcommit,
		.overcommit_percent = self->config.memory_overcommit_percent,
		.address = self->config.address, .prefix = self->config.prefix,
		.address_first = self->config.address_first, .address_last = self->config.address_last,
		.lent_first = self->config.netboot.range_first, .lent_last = self->config.netboot.range_last,
	};
	char error[CONFIG_ERROR_BYTES] = "";

	/* VM ids must not repeat, even when a store was lost: nodes may still hold what the last manager made. */
	clock_gettime(CLOCK_REALTIME, &wall);
	config.wall_offset_ns = (uint64_t)wall.tv_sec * 1000000000u + (uint64_t)wall.tv_nsec - self->now_ns;
	config.vm_id_first = (uint64_t)wall.tv_sec << VM_ID_SHIFT;
	config.seed = config.vm_id_first + (uint64_t)wall.tv_nsec;
	self->core = calloc(1, sizeof(*self->core));
	if (!self->core)
		die("out of memory");
	config.plan = malloc(sizeof(*config.plan));
	if (!config.plan)
		die("out of memory");
	gmm_core_init(self->core, &config);
	gmm_core_set_rules(self->core, self->config.rules, self->config.rule_count);
	if (keep_open(self, error))
		die(error);
	for (uint32_t i = 0; i < self->config.node_count && !error[0]; i++)
		configured_node_add(self, &self->config.nodes[i], error);
	if (error[0])
		die(error);
}

static void open_signals(struct gmmd *self)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	self->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (self->signals < 0 || loop_add(self, self->signals, EPOLLIN, &self->signals))
		die("signals could not be set up");
}

static void start(struct gmmd *self)
{
	char error[CONFIG_ERROR_BYTES] = "";
	char address[16];

	self->now_ns = udp_port_now_ns();
	self->epoll = epoll_create1(EPOLL_CLOEXEC);
	open_signals(self);
	open_core(self);
	netboot_look(&self->config, log_warning);
	if (rack_open(self, error) || http_open(self, error) || netboot_files_write(self, error) || control_open(self, error) ||
	    api_open(self, error))
		die(error);
	config_format_address(self->config.address, address);
	log_line(LOG_INFO, "gmmd is up: address=%s http_port=%u socket=%s nodes=%u", address, self->config.http_port,
		 self->config.socket, self->core->node_count);
}

/* ---------------------------------------------------------------- the loop */

/* The sooner; -1: never. */
static int sooner(int first_ms, int second_ms)
{
	return first_ms < 0 || (second_ms >= 0 && second_ms < first_ms) ? second_ms : first_ms;
}

static void turn(struct gmmd *self)
{
	struct epoll_event events[EVENTS_PER_TURN];
	int timeout_ms = udp_port_timeout_ms(rack_deadline_ns(self), udp_port_now_ns(), TURN_MS_MAX);
	int count;

	timeout_ms = sooner(timeout_ms, sooner(http_timeout_ms(self), api_timeout_ms(self)));
	count = epoll_wait(self->epoll, events, EVENTS_PER_TURN, timeout_ms);
	self->now_ns = udp_port_now_ns();
	for (int i = 0; i < count; i++) {
		void *tag = events[i].data.ptr;

		if (tag == &self->signals)
			take_signal(self);
		else if (tag == &self->control)
			control_accept(self);
		else if (tag && tag != &self->port && tag != self->http)
			control_ready(self, tag, events[i].events);
	}
	http_turn(self);
	keep_offer(self);
	rack_turn(self);
	clients_turn(self);
	netboot_turn(self);
	api_turn(self);
}

static const char usage[] =
	"usage: gmmd --config FILE [--check | --restore BACKUP | --write-dnsmasq FILE] | --new-key FILE | --new-token FILE ROLE NAME [EXPIRES]\n"
	"The manager of a Plenum rack: boots and admits nodes, places memory and VMs, serves the gmm command.\n"
	"  --config FILE  the configuration (see docs/manager.md)\n"
	"  --new-key FILE make a file with a new random key for a rack, and exit\n"
	"  --new-token FILE ROLE NAME [EXPIRES]  make a token for the HTTP API, add it to the file, print it, and exit; ROLE is operator or\n"
	"                 read-only, EXPIRES a day, as 2027-01-31, or a time, as 2027-01-31T18:00:00Z\n"
	"  --check        read the configuration and what it names, say what is wrong, and what a start would migrate, and exit\n"
	"  --write-dnsmasq FILE  write dnsmasq's configuration as one file (-: to stdout), and exit; needs a section [netboot]\n"
	"  --restore BACKUP  put a backup of 'gmm backup' in the place of the store, and exit\n"
	"  --version      print which build this is\n"
	"  --help         print this\n"
	"SIGHUP adds the nodes that were added to the configuration, takes its rules, writes dnsmasq's files and reads tokens again;\n"
	"SIGTERM ends it. Nodes and VMs go on without it.\n";

static int new_token(const char *path, char **words, int count)
{
	enum role role = count == 2 || count == 3 ? role_named(words[0]) : ROLE_NONE;
	char token[TOKEN_TEXT_BYTES], error[CONFIG_ERROR_BYTES];

	if (count != 2 && count != 3) {
		fputs("gmmd: --new-token takes FILE ROLE NAME [EXPIRES]; see gmmd --help\n", stderr);
		return 2;
	}
	if (role == ROLE_NONE) {
		fprintf(stderr, "gmmd: %s is no role; a token is operator's or read-only\n", words[0]);
		return 2;
	}
	if (token_file_add(path, role, words[1], count == 3 ? words[2] : NULL, token, error, sizeof(error)))
		die(error);
	puts(token);
	secure_erase(token, sizeof(token));
	return 0;
}

static void print_warning(const char *line)
{
	printf("warning: %s\n", line);
}

/* What the configuration names must be right, too. */
static int check_files(struct gmmd *self)
{
	char error[CONFIG_ERROR_BYTES];
	struct store_migration migration;
	struct token_set tokens;
	int status;

	if (key_file_read(self->config.key_file, &self->keys, error, sizeof(error)))
		die(error);
	if (self->config.api.port && token_file_read(self->config.api.token_file, &tokens, error, sizeof(error)))
		die(error);
	status = store_check(self->config.store, &migration, error);
	/* The first start makes it. */
	if (status && status != -ENOENT)
		die(error);
	if (!status && migration.changes[0])
		printf("the store would be migrated from version %d to %d; it would be copied to %s before. Added: %s\n", migration.from,
		       migration.to, migration.copy, migration.changes);
	netboot_look(&self->config, print_warning);
	return 0;
}

static int write_dnsmasq(const struct gmmd *self, const char *path)
{
	bool standard = strcmp(path, "-") == 0;
	FILE *out = standard ? stdout : NULL;
	bool failed;

	if (!self->config.netboot.given)
		die("the configuration has no section [netboot]; docs/manager.md has its keys");
	if (!standard)
		out = fopen(path, "we");
	if (out)
		dnsmasq_write_configuration(&self->config, true, out);
	failed = !out || ferror(out);
	if ((out && fclose(out)) || failed) {
		fprintf(stderr, "gmmd: %s: %s\n", path, strerror(errno));
		return 1;
	}
	return 0;
}

static int run(struct gmmd *self)
{
	start(self);
	while (!self->stopping)
		turn(self);
	log_line(LOG_INFO, "gmmd ends; nodes and VMs go on");
	control_close(self);
	api_close(self);
	http_close(self);
	host_port_close(&self->port);
	store_close(self->store);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' }, { "check", no_argument, NULL, 'k' },
		{ "new-key", required_argument, NULL, 'n' }, { "restore", required_argument, NULL, 'r' },
		{ "new-token", required_argument, NULL, 't' }, { "write-dnsmasq", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'v' }, { NULL, 0, NULL, 0 },
	};
	char error[CONFIG_ERROR_BYTES];
	const char *backup = NULL, *dnsmasq = NULL;
	bool check = false;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			return 0;
		}
		if (option == 'v') {
			printf("gmmd %s\n", BUILD_ID);
			return 0;
		}
		if (option == '?') {
			fputs("see gmmd --help\n", stderr);
			return 2;
		}
		if (option == 'n') {
			if (key_file_create(optarg, error, sizeof(error)))
				die(error);
			return 0;
		}
		if (option == 't')
			return new_token(optarg, argv + optind, argc - optind);
		if (option == 'c')
			gmmd.config_path = optarg;
		else if (option == 'r')
			backup = optarg;
		else if (option == 'd')
			dnsmasq = optarg;
		else
			check = true;
	}
	if (!gmmd.config_path || optind < argc) {
		fprintf(stderr, "gmmd: %s%s; see gmmd --help\n", optind < argc ? "one word too many: " : "--config FILE is needed",
			optind < argc ? argv[optind] : "");
		return 2;
	}
	if (config_load(&gmmd.config, gmmd.config_path, error))
		die(error);
	if (check)
		return check_files(&gmmd);
	if (dnsmasq)
		return write_dnsmasq(&gmmd, dnsmasq);
	if (!backup)
		return run(&gmmd);
	if (store_restore(gmmd.config.store, backup, error))
		die(error);
	printf("%s is what %s was; the store of before, if there was one, is %s.before-restore\n", gmmd.config.store, backup, gmmd.config.store);
	return 0;
}
