// SPDX-License-Identifier: GPL-2.0-only
/* gmmd's configuration file: what is read, and that every mistake is named with its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gmm/base64.h"
#include "gmm/daemon/config.c"	/* before cmocka.h, which makes fail() a macro */

#include <cmocka.h>

#define MANAGER "[manager]\naddress = 10.77.0.1\nsocket = /run/s\nimages = /i\nkey_file = /k\n"
#define NETBOOT "[netboot]\ninterface = eth1\ndirectory = /var/lib/plenum/netboot\n"
#define NODE(name, number) "[node " name "]\nrole = memory\nmac = 52:54:00:77:00:0" number "\nip = 10.77.0.1" number "\n"

#define RULE(name) "[rule " name "]\nrole = memory\nname = m%02d\n"

static struct config config;
static char error[CONFIG_ERROR_BYTES];

static int load_text(const char *text)
{
	char path[] = "/tmp/test_gmm_config_XXXXXX";
	int fd = mkstemp(path), status;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	status = config_load(&config, path, error);
	if (status)
		assert_memory_equal(error, path, strlen(path));
	unlink(path);
	memmove(error, error + strlen(path) * (status != 0), strlen(error) - strlen(path) * (status != 0) + 1);
	return status;
}

static void test_good(void **state)
{
	(void)state;
	assert_int_equal(load_text("# a rack\n" MANAGER "prefix = 16\nhttp_port = 8080\nhistory_kib = 64\nlease_ms = 900\n"
				   "move_slowdown_percent = 120\nmove_pages_min = 7\n"
				   "port = verbs\nforeign_peers = yes\nplacement = lego-rr\nrebuild_reserve = yes\nvcpu_overcommit = yes\nspread = 4\nmemory_overcommit = 300\n"
				   NODE("m1", "1") "args = a=b  c\ndomain = pdu-a\n"
				   "[node p1]\nrole = process\nmac = 525400770002\nip = 10.77.3.12\nlink = 25G\n"), 0);
	assert_int_equal(config.address, 0x0a4d0001);
	assert_int_equal(config.prefix, 16);
	assert_int_equal(config.http_port, 8080);
	assert_int_equal(config.history_bytes, 65536);
	assert_int_equal(config.lease_ms, 900);
	assert_int_equal(config.move_slowdown_percent, 120);
	assert_int_equal(config.move_pages_min, 7);
	assert_int_equal(config.port, HOST_PORT_VERBS);
	assert_true(config.foreign_peers);
	assert_int_equal(config.placement, GMM_PLACEMENT_LEGO_RR);
	assert_true(config.rebuild_reserve);
	assert_true(config.vcpu_overcommit);
	assert_int_equal(config.memory_overcommit_percent, 300);
	assert_int_equal(config.spread, 4);
	assert_int_equal(config.nodes[0].link_mbps, 0);
	assert_int_equal(config.nodes[1].link_mbps, 25000);
	assert_int_equal(config.node_count, 2);
	assert_string_equal(config.nodes[0].name, "m1");
	assert_string_equal(config.nodes[0].args, "a=b  c");
	assert_string_equal(config.nodes[0].domain, "pdu-a");
	assert_string_equal(config.nodes[1].domain, "");
	assert_int_equal(config.nodes[0].role, WIRE_ROLE_MEMORY);
	assert_int_equal(config.nodes[1].role, WIRE_ROLE_PROCESS);
	assert_int_equal(config.nodes[1].mac[5], 2);
	assert_int_equal(config.nodes[1].address, 0x0a4d030c);
}

static void test_rules(void **state)
{
	static char text[(GMM_RULES_MAX + 1) * 64];
	int len = sprintf(text, "%s", MANAGER);

	(void)state;
	assert_int_equal(load_text(MANAGER "node_addresses = 10.77.0.20-10.77.0.30\n" RULE("second") "manufacturer = ACME*\nmac = 52:54\n"
				   "memory_min = 64G\nsvm = yes\naddresses = 10.77.0.40-10.77.0.50\ndomain = a\nauto = yes\n" RULE("first")), 0);
	assert_int_equal(config.address_first, 0x0a4d0014);
	assert_int_equal(config.address_last, 0x0a4d001e);
	assert_int_equal(config.rule_count, 2);
	assert_string_equal(config.rules[0].name, "second");	/* the order of the file */
	assert_string_equal(config.rules[0].manufacturer, "ACME*");
	assert_int_equal(config.rules[0].mac_bytes, 2);
	assert_int_equal(config.rules[0].memory_bytes_min, UINT64_C(64) << 30);
	assert_int_equal(config.rules[0].svm, GMM_YES);
	assert_int_equal(config.rules[0].address_last, 0x0a4d0032);
	assert_true(config.rules[0].automatic);
	assert_false(config.rules[1].automatic);
	for (unsigned i = 0; i <= GMM_RULES_MAX; i++)
		len += sprintf(text + len, "[rule r%u]\nrole = memory\nname = m%%d\n", i);
	assert_int_equal(load_text(text), -1);
	assert_non_null(strstr(error, "at most 16 rules"));
}

static void test_api(void **state)
{
	(void)state;
	assert_int_equal(load_text(MANAGER), 0);
	assert_int_equal(config.api.port, 0);
	assert_string_equal(config.api.socket, "");
	assert_int_equal(load_text(MANAGER "api_socket = /a\n"), 0);
	assert_string_equal(config.api.socket, "/a");
	/* Loopback, unless said otherwise: tokens do not leave the machine. */
	assert_int_equal(load_text(MANAGER "api_port = 8443\ntoken_file = /t\n"), 0);
	assert_int_equal(config.api.port, 8443);
	assert_int_equal(config.api.address, 0x7f000001);
	assert_string_equal(config.api.token_file, "/t");
	assert_int_equal(load_text(MANAGER "api_port = 1\napi_address = 10.77.0.1\ntoken_file = /t\napi_clear = yes\n"), 0);
	assert_int_equal(load_text(MANAGER "api_port = 1\napi_address = 10.77.0.1\ntoken_file = /t\ntls_certificate = /c\ntls_key = /k\n"), 0);
	assert_string_equal(config.api.tls_certificate, "/c");
	assert_string_equal(config.api.tls_key, "/k");
}

static void test_netboot(void **state)
{
	(void)state;
	assert_int_equal(load_text(MANAGER), 0);
	assert_false(config.netboot.given);
	assert_int_equal(load_text(NETBOOT "range = 10.77.0.100-10.77.0.200\n" MANAGER NODE("m1", "1")), 0);
	assert_true(config.netboot.given);
	assert_false(config.netboot.proxy);
	assert_string_equal(config.netboot.interface, "eth1");
	assert_string_equal(config.netboot.directory, "/var/lib/plenum/netboot");
	assert_int_equal(config.netboot.range_first, 0x0a4d0064);
	assert_int_equal(config.netboot.range_last, 0x0a4d00c8);
	assert_int_equal(load_text(MANAGER NETBOOT "mode = authoritative\nrange = 10.77.0.2-10.77.0.2\n"), 0);
	assert_int_equal(load_text(MANAGER NETBOOT "mode = proxy\n" NODE("m1", "1")), 0);
	assert_true(config.netboot.proxy);
}

struct mistake {
	const char *text, *words;
};

static void expect_mistakes(const struct mistake *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(load_text(cases[i].text), -1);
		if (!strstr(error, cases[i].words))
			fail_msg("case %zu says '%s', not '%s'", i, error, cases[i].words);
	}
}
#define EXPECT_MISTAKES(cases) expect_mistakes(cases, sizeof(cases) / sizeof(cases[0]))

static void test_mistakes_of_the_manager(void **state)
{
	static const struct mistake cases[] = {
		{ "", ": [manager] lacks 'address'" },
		{ "[manager]\naddress = 10.77.0.1\n", "lacks 'socket'" },
		{ "[manager]\naddress = 10.77.0.1\nsocket = /s\nimages = /i\n", "lacks 'key_file'" },
		{ MANAGER "boot_key = maybe\n", ":6: boot_key = maybe: must be yes or no" },
		{ "[manager]\nadress = 10.77.0.1\n", ":2: unknown key 'adress' in [manager]; did you mean 'address'?" },
		{ "[manager]\naddress = 10.77.0.256\n", ":2: address = 10.77.0.256: must be an IPv4 address" },
		{ MANAGER "address = 10.77.0.2\n", ":6: 'address' is given twice" },
		{ MANAGER "http_port = 0\n", ":6: http_port = 0: must be a number from 1 to 65535" },
		{ MANAGER "http_port = 80x\n", "must be a number" },
		{ MANAGER "http_port = -1\n", "must be a number" },
		{ MANAGER "prefix = 99999999999999999999\n", "must be a number" },
		{ MANAGER "port = tcp\n", ":6: port = tcp: must be auto, udp or verbs" },
		{ MANAGER "foreign_peers = 1\n", ":6: foreign_peers = 1: must be yes or no" },
		{ MANAGER "move_slowdown_percent = 99\n", ":6: move_slowdown_percent = 99: must be a number from 100 to 10000" },
		{ MANAGER "move_pages_min = 0\n", ":6: move_pages_min = 0: must be a number from 1 to 1000000" },
		{ MANAGER "placement = best\n", ":6: placement = best: must be one of least, p2c, random, pack, lego-rr, lego-free" },
		{ MANAGER "vcpu_overcommit = maybe\n", ":6: vcpu_overcommit = maybe: must be yes or no" },
		{ MANAGER "memory_overcommit = 99\n", ":6: memory_overcommit = 99: must be a number from 100 to 10000" },
		{ MANAGER "memory_overcommit = yes\n", ":6: memory_overcommit = yes: must be a number from 100 to 10000" },
		{ MANAGER "spread = 65\n", ":6: spread = 65: must be a number from 0 to 64" },
		{ MANAGER "rebuild_reserve = 1\n", ":6: rebuild_reserve = 1: must be yes or no" },
		{ MANAGER "nonsense\n", ":6: neither [section] nor key = value" },
		{ MANAGER "[nodes]\nx = 1\n", ":7: unknown section [nodes]; write [manager], [netboot], [node NAME] or [rule NAME]" },
	};

	(void)state;
	EXPECT_MISTAKES(cases);
}

static void test_mistakes_of_the_api(void **state)
{
	static const struct mistake cases[] = {
		{ MANAGER "api_port = 0\n", ":6: api_port = 0: must be a number from 1 to 65535" },
		{ MANAGER "api_port = 8443\n", "lacks 'token_file'" },
		{ MANAGER "api_port = 1\ntoken_file = /t\ntls_key = /k\n", "lacks 'tls_certificate'" },
		{ MANAGER "api_port = 1\ntoken_file = /t\ntls_certificate = /k\n", "lacks 'tls_key'" },
		{ MANAGER "token_file = /t\n", "lacks 'api_port'" },
		{ MANAGER "api_port = 1\napi_port = 2\n", ":7: 'api_port' is given twice" },
		{ MANAGER "api_prot = 1\n", ":6: unknown key 'api_prot' in [manager]; did you mean 'api_port'?" },
		{ MANAGER "api_port = 1\napi_address = 10.77.0.1\ntoken_file = /t\n", "in clear: set tls_certificate and tls_key, or api_clear" },
	};

	(void)state;
	EXPECT_MISTAKES(cases);
}

static void test_mistakes_of_nodes(void **state)
{
	static const struct mistake cases[] = {
		{ MANAGER NODE("m1", "1") "link = 25\n", "link = 25: must be bits a second" },
		{ MANAGER NODE("m1", "1") "link = 0G\n", "link = 0G: must be bits a second" },
		{ MANAGER NODE("m1", "1") "link = 99999999999999999999G\n", "must be bits a second" },
		{ MANAGER NODE("m1", "1") "link = -1M\n", "must be bits a second" },
		{ MANAGER "[node m1]\ndomain = a-name-of-thirty-two-characters-\n", "characters-: must have 1 to 31 characters" },
		{ MANAGER "[node m1]\nrole = storage\n", ":7: role = storage: must be process or memory" },
		{ MANAGER "[node m1]\nmac = 52:54:00:77:00:0g\n", ":7: mac = 52:54:00:77:00:0g: must be a MAC address" },
		{ MANAGER "[node m1]\nmac = 52:54-00:77:00:01\n", "must be a MAC address" },
		{ MANAGER "[node m1]\nmac = 52:54:00:77:00:01:02\n", "must be a MAC address" },
		{ MANAGER "[node m1]\nmac = 52:54:00:77:00:01\nip = 10.77.0.11\n", ":7: [node m1] lacks 'role'" },
		{ MANAGER "[node m1]\nrole = memory\nip = 10.77.0.11\n", "[node m1] lacks 'mac'" },
		{ MANAGER "[node m1]\nrole = memory\nmac = 52:54:00:77:00:01\n", "[node m1] lacks 'ip'" },
		{ MANAGER "[node m 1]\nrole = memory\n", "a node's name is made of letters" },
		{ MANAGER NODE("m1", "1") NODE("m1", "2"), ":11: 'role' is given twice in [node m1]" },
		{ MANAGER NODE("m1", "1") NODE("m2", "2") NODE("m1", "3"), ":15: [node m1] stands twice, first at line 7" },
		{ MANAGER NODE("m1", "1") "[node m2]\nmac = 52:54:00:77:00:01\n", "node 'm1' has this MAC already" },
		{ MANAGER NODE("m1", "1") "[node m2]\nip = 10.77.0.11\n", "node 'm1' has this address already" },
		{ MANAGER "[node m1]\nrole = memory\nmac = 52:54:00:77:00:01\nip = 10.77.0.1\n", "the manager's own address" },
		{ MANAGER "[node m1]\nrole = memory\nmac = 52:54:00:77:00:01\nip = 10.78.0.1\n", "not in the manager's network" },
	};

	(void)state;
	EXPECT_MISTAKES(cases);
}

static void test_mistakes_of_rules(void **state)
{
	static const struct mistake cases[] = {
		{ MANAGER "node_addresses = 10.77.0.9\n", ":6: node_addresses = 10.77.0.9: must be a range" },
		{ MANAGER "node_addresses = 10.78.0.9-10.78.0.10\n", "node_addresses is not in the manager's network" },
		{ MANAGER "[rule a]\nrole = memory\n", ":7: [rule a] lacks 'name'" },
		{ MANAGER "[rule a]\nname = m%d\n", ":7: [rule a] lacks 'role'" },
		{ MANAGER "[rule a]\nname = m%x\n", ":7: name = m%x: must be a node's name with one %d or %02d in it" },
		{ MANAGER RULE("a") RULE("b") RULE("a"), "[rule a] stands twice" },
		{ MANAGER RULE("a") "rule = b\n", ":9: unknown key 'rule' in [rule a]; did you mean 'role'? Known are manufacturer" },
		{ MANAGER RULE("a") "auto = yes\nauto = no\n", ":10: 'auto' is given twice in [rule a]" },
		{ MANAGER RULE("a b") , "[rule a b]: a rule's name is made as a node's is" },
		{ MANAGER RULE("a") "addresses = 10.78.0.1-10.78.0.2\n", ":7: [rule a]: its addresses are not in the manager's network" },
	};

	(void)state;
	EXPECT_MISTAKES(cases);
}

static void test_mistakes_of_netboot(void **state)
{
	static const struct mistake cases[] = {
		{ MANAGER "[netboot]\nmode = proxy\n", ":7: [netboot] lacks 'directory'" },
		{ MANAGER "[netboot]\ndirectory = /d\n", ":7: [netboot] lacks 'interface'" },
		{ MANAGER NETBOOT, ":7: [netboot] lacks 'range'" },
		{ MANAGER NETBOOT "mode = proxy\nrange = 10.77.0.100-10.77.0.200\n", "remove 'range'" },
		{ MANAGER NETBOOT "mode = both\n", ":9: mode = both: must be authoritative" },
		{ MANAGER NETBOOT "range = 10.77.0.100\n", ":9: range = 10.77.0.100: must be two IPv4 addresses" },
		{ MANAGER NETBOOT "range = 10.77.0.100-\n", "must be two IPv4 addresses" },
		{ MANAGER NETBOOT "range = 10.77.0.1000000000000-10.77.0.200\n", "must be two IPv4 addresses" },
		{ MANAGER NETBOOT "range = 0.0.0.0-10.77.0.200\n", "must be two IPv4 addresses" },
		{ MANAGER NETBOOT "range = 10.77.0.200-10.77.0.100\n", ":9: range = 10.77.0.200-10.77.0.100: its first address is above" },
		{ MANAGER NETBOOT "range = 10.78.0.100-10.78.0.200\n", ":7: [netboot]: range 10.78.0.100-10.78.0.200 is not inside the manager's "
		  "network 10.77.0.0/24" },
		{ MANAGER NETBOOT "range = 10.77.0.100-10.77.0.255\n", "is not inside" },
		{ MANAGER NETBOOT "range = 10.77.0.0-10.77.0.9\n", "is not inside" },
		{ MANAGER NETBOOT "range = 10.77.0.1-10.77.0.9\n", "the manager's own address lies in range" },
		{ MANAGER NETBOOT "range = 10.77.0.11-10.77.0.200\n" NODE("m1", "1"), ":11: [node m1]: its ip lies in [netboot]'s range" },
		{ MANAGER "node_addresses = 10.77.0.90-10.77.0.100\n" NETBOOT "range = 10.77.0.100-10.77.0.200\n",
		  "range 10.77.0.100-10.77.0.200 and node_addresses overlap" },
		{ MANAGER NETBOOT "range = 10.77.0.100-10.77.0.200\n" RULE("a") "addresses = 10.77.0.200-10.77.0.210\n",
		  ":11: [rule a]: its addresses and [netboot]'s range 10.77.0.100-10.77.0.200 overlap" },
		{ MANAGER "[netboot]\ninterface = eth 1\n", ":7: interface = eth 1: must be the name of a network card" },
		{ MANAGER "[netboot]\ninterface = a-name-too-long-\n", "must be the name of a network card" },
		{ MANAGER "[netboot]\ndirectory = netboot\n", "must be the absolute path" },
		{ MANAGER "[netboot]\ndirectory = /a,b\n", "must be the absolute path" },
		{ MANAGER "[netboot]\nrole = memory\n", ":7: unknown key 'role' in [netboot]; did you mean 'mode'? Known are interface, mode, range, directory" },
		{ MANAGER NETBOOT "interface = eth2\n", ":9: 'interface' is given twice in [netboot]" },
	};

	(void)state;
	EXPECT_MISTAKES(cases);
}

static void test_too_many_nodes_and_long_lines(void **state)
{
	static char text[NODES_MAX * 200];
	int len = sprintf(text, "%s", MANAGER);

	(void)state;
	for (int i = 0; i <= NODES_MAX; i++)
		len += sprintf(text + len, "[node m%d]\nrole = memory\nmac = 52:54:00:77:00:%02x\nip = 10.77.0.%d\n", i, i, 10 + i);
	assert_int_equal(load_text(text), -1);
	assert_non_null(strstr(error, "at most"));
	len = sprintf(text, "%s[node m1]\nargs = ", MANAGER);
	memset(text + len, 'x', 300);
	strcpy(text + len + 300, "\n");
	assert_int_equal(load_text(text), -1);
	assert_non_null(strstr(error, ":7: "));
}

static void test_missing_file(void **state)
{
	(void)state;
	assert_int_equal(config_load(&config, "/nonexistent/gmmd.conf", error), -1);
	assert_string_equal(error, "/nonexistent/gmmd.conf: No such file or directory");
}

static void test_base64(void **state)
{
	uint8_t bytes[256], back[256];
	char text[BASE64_CHARS(256) + 1];

	(void)state;
	for (int i = 0; i < 256; i++)
		bytes[i] = (uint8_t)(255 - i);
	for (size_t len = 0; len <= 256; len++) {
		base64_encode(bytes, len, text);
		assert_int_equal(strlen(text), BASE64_CHARS(len));
		assert_int_equal(base64_decode(text, back, sizeof(back)), len);
		assert_memory_equal(bytes, back, len);
	}
	base64_encode((const uint8_t *)"foob", 4, text);
	assert_string_equal(text, "Zm9vYg==");
	assert_int_equal(base64_decode("Zm9vYg==", back, 3), -1);
	assert_int_equal(base64_decode("Zm9", back, 9), -1);
	assert_int_equal(base64_decode("Zm9=Zm9v", back, 9), -1);
	assert_int_equal(base64_decode("Z===", back, 9), -1);
	assert_int_equal(base64_decode("Zm9!", back, 9), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_api),
		cmocka_unit_test(test_netboot),
		cmocka_unit_test(test_mistakes_of_the_manager),
		cmocka_unit_test(test_mistakes_of_the_api),
		cmocka_unit_test(test_mistakes_of_nodes),
		cmocka_unit_test(test_mistakes_of_rules),
		cmocka_unit_test(test_mistakes_of_netboot),
		cmocka_unit_test(test_too_many_nodes_and_long_lines),
		cmocka_unit_test(test_missing_file),
		cmocka_unit_test(test_base64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
