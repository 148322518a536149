// SPDX-License-Identifier: GPL-2.0-only
/* What gmmd writes for dnsmasq: who gets which address, and which loader each kind of machine is sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gmm/daemon/dnsmasq.h"

static struct config config;

static int set_up(void **state)
{
	(void)state;
	memset(&config, 0, sizeof(config));
	config.address = 0x0a4d0001;
	config.prefix = 20;
	config.http_port = 8080;
	config.netboot = (struct config_netboot){ .given = true, .directory = "/n", .interface = "eth1", .range_first = 0x0a4d0064,
						  .range_last = 0x0a4d00c8 };
	config.node_count = 2;
	config.nodes[0] = (struct config_node){ .name = "p1", .role = WIRE_ROLE_PROCESS, .address = 0x0a4d000b,
						.mac = { 0x52, 0x54, 0, 0x77, 0, 1 }, .has_mac = true };
	config.nodes[1] = (struct config_node){ .name = "m1", .role = WIRE_ROLE_MEMORY, .address = 0x0a4d000c,
						.mac = { 0x52, 0x54, 0, 0x77, 0, 0xab }, .has_mac = true };
	return 0;
}

static char *written(bool whole)
{
	static char text[16384];
	FILE *out = fmemopen(text, sizeof(text), "w");

	text[0] = '\0';	/* nothing is written: nor is an end */
	assert_non_null(out);
	dnsmasq_write_configuration(&config, whole, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static char *hosts(void)
{
	static char text[4096];
	FILE *out = fmemopen(text, sizeof(text), "w");

	text[0] = '\0';	/* nothing is written: nor is an end */
	assert_non_null(out);
	dnsmasq_write_hosts(&config, "", out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void assert_line(const char *text, const char *line)
{
	size_t len = strlen(line);

	for (const char *at = text; (at = strstr(at, line)); at += len)
		if ((at == text || at[-1] == '\n') && at[len] == '\n')
			return;
	fail_msg("no line '%s' in:\n%s", line, text);
}

static void test_authoritative(void **state)
{
	const char *text = written(false);

	(void)state;
	assert_line(text, "interface=eth1");
	assert_line(text, "tftp-root=/n/tftp");
	assert_line(text, "dhcp-range=10.77.0.100,10.77.0.200,255.255.240.0,10m");
	assert_line(text, "dhcp-hostsfile=/n/dnsmasq.hosts");
	assert_line(text, "dhcp-boot=tag:ipxe,boot.ipxe,,10.77.0.1");
	assert_line(text, "dhcp-boot=tag:!ipxe,tag:bios,undionly.kpxe,,10.77.0.1");
	assert_line(text, "dhcp-boot=tag:!ipxe,tag:efi,grubnet.efi,,10.77.0.1");
	assert_line(text, "dhcp-boot=tag:!ipxe,tag:efi-http,http://10.77.0.1:8080/grubnet.efi");
	assert_line(text, "dhcp-option-force=tag:!ipxe,tag:efi-http,60,HTTPClient");
	assert_null(strstr(text, "dhcp-host="));
	assert_null(strstr(text, "proxy"));
}

static void test_one_file(void **state)
{
	const char *text = written(true);

	(void)state;
	assert_line(text, "dhcp-host=52:54:00:77:00:01,10.77.0.11,p1");
	assert_line(text, "dhcp-host=52:54:00:77:00:ab,10.77.0.12,m1");
	assert_null(strstr(text, "dhcp-hostsfile"));
}

static void test_hosts(void **state)
{
	(void)state;
	assert_null(strstr(hosts(), "set:"));	/* tags there crash dnsmasq 2.90 */
	assert_string_equal(hosts(), "52:54:00:77:00:01,10.77.0.11,p1\n52:54:00:77:00:ab,10.77.0.12,m1\n");
}

/* dnsmasq would take these for a lease's time, a command, or no name at all. */
static void test_names_that_are_something_else(void **state)
{
	static const char *const names[] = { "10m", "ignore", "infinite", "a.b", "a_b", "-a" };

	(void)state;
	config.node_count = 1;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		strcpy(config.nodes[0].name, names[i]);
		assert_string_equal(hosts(), "52:54:00:77:00:01,10.77.0.11\n");
	}
}

static void test_proxy(void **state)
{
	const char *text;

	(void)state;
	config.netboot.proxy = true;
	config.netboot.range_first = config.netboot.range_last = 0;
	text = written(true);
	assert_line(text, "dhcp-range=10.77.0.0,proxy,255.255.240.0");
	assert_line(text, "pxe-service=tag:!ipxe,x86PC,\"Plenum\",undionly.kpxe");
	assert_line(text, "pxe-service=tag:!ipxe,X86-64_EFI,\"Plenum\",grubnet.efi");
	assert_line(text, "pxe-service=tag:!ipxe,BC_EFI,\"Plenum\",grubnet.efi");
	assert_line(text, "dhcp-boot=tag:ipxe,tftp://10.77.0.1/boot.ipxe");
	assert_null(strstr(text, "dhcp-host"));
	assert_null(strstr(text, "10.77.0.11"));
	assert_null(strstr(text, "175"));	/* iPXE must wait for the proxy */
	assert_string_equal(hosts(), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_authoritative, set_up),
		cmocka_unit_test_setup(test_one_file, set_up),
		cmocka_unit_test_setup(test_hosts, set_up),
		cmocka_unit_test_setup(test_names_that_are_something_else, set_up),
		cmocka_unit_test_setup(test_proxy, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
