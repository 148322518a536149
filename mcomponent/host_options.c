/* SPDX-License-Identifier: GPL-2.0-only */
#include "mcomponent/host_options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((noreturn, format(printf, 1, 2))) void host_die(const char *format, ...)
{
	va_list arguments;

	fputs("mcomponentd: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

static const char usage[] =
	"usage: mcomponentd --name NAME --ip ADDRESS --gmm ADDRESS --memory SIZE --key-file FILE [--port KIND]\n"
	"                   [--foreign-peers] [--mac MAC]\n"
	"Lends SIZE of this machine's memory to a Plenum rack, as a memory component does.\n"
	"  --name NAME    the node's name in the manager's configuration, where its role is memory\n"
	"  --ip ADDRESS   an address of this machine, the node's 'ip' there\n"
	"  --gmm ADDRESS  the manager\n"
	"  --memory SIZE  what to lend, tables included: 80M or more, as in 4G; mapped and locked at the start\n"
	"  --key-file FILE  the rack's key: a copy of the manager's key file, readable by its owner only\n"
	"  --port KIND    to the rack: auto, udp (port 4791 must be free) or verbs (an RDMA device that has the address);\n"
	"                 auto takes the RDMA device when there is one\n"
	"  --foreign-peers  over UDP, take packets of nodes that go over verbs; their checksum then protects less\n"
	"  --mac MAC      the node's 'mac' there, when it is not the card's that has the address\n"
	"  --help         print this\n"
	"SIGTERM ends it, and what it holds is lost: the rack then misses a memory component.\n";

static bool parse_address(const char *text, uint32_t *address)
{
	struct in_addr in;

	if (inet_pton(AF_INET, text, &in) != 1 || in.s_addr == INADDR_ANY)
		return false;
	*address = ntohl(in.s_addr);
	return true;
}

static bool parse_size(const char *text, uint64_t *bytes)
{
	static const char units[] = "KMGT";
	const char *unit;
	char *end;
	unsigned shift = 0;

	errno = 0;
	*bytes = strtoull(text, &end, 10);
	if (errno != 0 || end == text || text[0] < '0' || text[0] > '9')
		return false;
	if (*end != '\0') {
		unit = strchr(units, *end);
		if (unit == NULL || end[1] != '\0')
			return false;
		shift = 10 * (unsigned)(unit - units + 1);
	}
	if (*bytes > (UINT64_MAX >> 1) >> shift)
		return false;
	*bytes <<= shift;
	return true;
}

static bool parse_mac(const char *text, uint8_t mac[LINK_MAC_BYTES])
{
	unsigned values[LINK_MAC_BYTES];
	int used = 0;

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &values[0], &values[1], &values[2], &values[3], &values[4], &values[5], &used) != 6 ||
	    text[used] != '\0')
		return false;
	for (unsigned i = 0; i < LINK_MAC_BYTES; i++)
		mac[i] = (uint8_t)values[i];
	return true;
}

static bool take_option(struct host_options *options, int letter, const char *value)
{
	switch (letter) {
	case 'n':
		if (value[0] == '\0' || strlen(value) >= sizeof(options->name))
			return false;
		memcpy(options->name, value, strlen(value) + 1);
		return true;
	case 'i':
		return parse_address(value, &options->address);
	case 'g':
		return parse_address(value, &options->manager);
	case 'm':
		return parse_size(value, &options->memory_bytes);
	case 'p':
		return host_port_parse(value, &options->port);
	case 'f':
		options->foreign_peers = true;
		return true;
	case 'k':
		options->key_file = value;
		return true;
	default:
		options->mac_given = true;
		return parse_mac(value, options->mac);
	}
}

void host_options_parse(struct host_options *options, int count, char **words)
{
	static const struct option known[] = {
		{ "name", required_argument, NULL, 'n' }, { "ip", required_argument, NULL, 'i' }, { "gmm", required_argument, NULL, 'g' },
		{ "memory", required_argument, NULL, 'm' }, { "key-file", required_argument, NULL, 'k' }, { "port", required_argument, NULL, 'p' },
		{ "foreign-peers", no_argument, NULL, 'f' }, { "mac", required_argument, NULL, 'a' }, { "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int letter, index = 0;
	char error[300];

	while ((letter = getopt_long(count, words, "", known, &index)) != -1) {
		if (letter == 'h') {
			fputs(usage, stdout);
			exit(0);
		}
		if (letter != '?' && !take_option(options, letter, optarg))
			host_die("--%s %s: not a value this option takes; see --help", known[index].name, optarg);
		if (letter == '?')
			exit(2);
	}
	if (optind != count || !options->name[0] || !options->address || !options->manager || !options->memory_bytes ||
	    !options->key_file) {
		fputs(usage, stderr);
		exit(2);
	}
	if (key_file_read(options->key_file, &options->keys, error, sizeof(error)) != 0)
		host_die("%s", error);
}
