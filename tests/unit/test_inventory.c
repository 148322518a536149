// SPDX-License-Identifier: GPL-2.0-only
/* What a machine says of itself, as it comes over the wire, and the values that the configuration's rules are written in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gmm/daemon/config_rule.h"
#include "gmm/daemon/config_value.h"
#include "gmm/daemon/inventory.h"

#define MIB (UINT64_C(1) << 20)

static struct gmm_inventory told(const char *name, const char *value)
{
	struct gmm_inventory inventory = { 0 };

	inventory_take(&inventory, name, value);
	return inventory;
}

static void test_texts(void **state)
{
	char longer[200];

	(void)state;
	assert_string_equal(told("manufacturer", "  ACME Corp & co ").manufacturer, "ACME Corp & co");
	assert_string_equal(told("product", "a\nb\x80").product, "a?b?");
	assert_string_equal(told("serial", "   ").serial, "");
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(strlen(told("asset", longer).asset), GMM_INVENTORY_TEXT_BYTES - 1);
	assert_true(told("told", "1").complete);
	assert_false(told("told", "yes").complete);
	assert_false(told("nothing", "1").complete);
	assert_int_equal(told("svm", "yes").svm, GMM_YES);
	assert_int_equal(told("vmx", "no").vmx, GMM_NO);
	assert_int_equal(told("svm", "YES").svm, GMM_UNKNOWN);
}

static void test_uuids(void **state)
{
	static const char *const trivial[] = {
		"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "03000200-0400-0500-0006-000700080009",
		"00020003-0004-0005-0006-000700080009", "FEFEFEFE-FEFE-FEFE-FEFE-FEFEFEFEFEFE", "", "no uuid", "12345678-1234-5678-9abc-def01234567",
		"12345678-1234-5678-9abc-def0123456789", "12345678-1234-5678-9abcdef-012345678",
	};
	struct gmm_inventory inventory = told("uuid", "12345678-1234-5678-9ABC-def012345678");
	char text[CONFIG_UUID_TEXT_BYTES];

	(void)state;
	assert_true(gmm_uuid_means_something(inventory.uuid));
	config_format_uuid(inventory.uuid, text);
	assert_string_equal(text, "12345678-1234-5678-9abc-def012345678");
	for (size_t i = 0; i < sizeof(trivial) / sizeof(trivial[0]); i++) {
		static const uint8_t none[GMM_UUID_BYTES];

		inventory = told("uuid", trivial[i]);
		assert_memory_equal(inventory.uuid, none, sizeof(none));
	}
}

static void test_memory(void **state)
{
	struct gmm_inventory inventory = { 0 };

	(void)state;
	assert_int_equal(told("dimms", "5802").memory_bytes, 600 * MIB);
	/* Two of 16 GiB, an empty place, one that nobody knows, one of 512 KiB. */
	assert_int_equal(told("dimms", "004000400000ffff0082").memory_bytes, 2 * 16384 * MIB + MIB / 2);
	assert_int_equal(told("dimms", "0040xx40").memory_bytes, 16384 * MIB);
	assert_int_equal(told("dimms", "00400").memory_bytes, 16384 * MIB);
	/* One of 16 GiB, one of 64: its size stands in the second field. */
	inventory_take(&inventory, "dimms", "0040ff7f");
	inventory_take(&inventory, "wide", "0000000000000100");
	assert_int_equal(inventory.memory_bytes, (16384 + 65536) * MIB);
	/* Second fields without a first one that needs them count for nothing. */
	assert_int_equal(told("wide", "0000010000000100").memory_bytes, 0);
	assert_int_equal(told("threads", "0210").processors, 18);
	assert_int_equal(told("threads", "zz").processors, 0);
}

static void test_decimals(void **state)
{
	struct gmm_inventory inventory = { 0 };
	char list[40 * 6 + 1] = "";

	(void)state;
	assert_int_equal(told("dimms", "128.").memory_bytes, 128 * MIB);
	assert_int_equal(told("dimms", "16384.16384.0.65535.33280.").memory_bytes, 2 * 16384 * MIB + MIB / 2);
	inventory_take(&inventory, "dimms", "16384.32767.32767.");
	inventory_take(&inventory, "wide", "65536.131072.");
	assert_int_equal(inventory.memory_bytes, (16384 + 65536 + 131072) * MIB);
	/* What is no number, or larger than its field, ends the list; so does a number without its dot. */
	assert_int_equal(told("dimms", "16384.x.16384.").memory_bytes, 16384 * MIB);
	assert_int_equal(told("dimms", "16384..16384.").memory_bytes, 16384 * MIB);
	assert_int_equal(told("dimms", "16384.65536.16384.").memory_bytes, 16384 * MIB);
	assert_int_equal(told("dimms", "16384.99999999999999999999999999.").memory_bytes, 16384 * MIB);
	assert_int_equal(told("dimms", "16384.16384").memory_bytes, 16384 * MIB);
	assert_int_equal(told("dimms", "-1.").memory_bytes, 0);
	assert_int_equal(told("dimms", ".").memory_bytes, 0);
	inventory.memory_bytes = 32767 * MIB;
	inventory_take(&inventory, "wide", "4294967296.");
	assert_int_equal(inventory.memory_bytes, 32767 * MIB);
	for (unsigned i = 0; i < 40; i++)
		strcat(list, "1024.");
	assert_int_equal(told("dimms", list).memory_bytes, INVENTORY_DIMMS_MAX * 1024 * MIB);
	assert_int_equal(told("threads", list).processors, INVENTORY_SOCKETS_MAX * 1024);
	assert_int_equal(told("threads", "16.16.").processors, 32);
	assert_int_equal(told("threads", "256.65535.65536.1.").processors, 256 + 65535);
}

static void test_traits(void **state)
{
	struct gmm_inventory inventory = told("svm_traits", "252.");

	(void)state;
	assert_int_equal(inventory.svm, GMM_YES);
	assert_int_equal(inventory.vmx, GMM_NO);
	inventory = told("vmx_traits", "64.");
	assert_int_equal(inventory.svm, GMM_NO);
	assert_int_equal(inventory.vmx, GMM_YES);
	/* Not said, unknown, nonsense. */
	assert_int_equal(told("svm_traits", "188.").svm, GMM_UNKNOWN);
	assert_int_equal(told("svm_traits", "66.").svm, GMM_UNKNOWN);
	assert_int_equal(told("svm_traits", "65600.").svm, GMM_UNKNOWN);
	assert_int_equal(told("svm_traits", "64").svm, GMM_UNKNOWN);
	assert_int_equal(told("svm_traits", "").svm, GMM_UNKNOWN);
	/* The processor itself knows better. */
	inventory = told("svm", "no");
	inventory_take(&inventory, "svm_traits", "252.");
	assert_int_equal(inventory.svm, GMM_NO);
}

static void test_values(void **state)
{
	uint32_t first, last, bytes;
	uint64_t size;
	uint8_t mac[6];

	(void)state;
	assert_int_equal(config_parse_addresses("10.0.0.1-10.0.0.9", &first, &last), 0);
	assert_int_equal(first, 0x0a000001);
	assert_int_equal(last, 0x0a000009);
	assert_int_equal(config_parse_addresses("10.0.0.1 - 10.0.0.9", &first, &last), 0);
	assert_int_equal(config_parse_addresses("10.0.0.9-10.0.0.1", &first, &last), -1);
	assert_int_equal(config_parse_addresses("10.0.0.9", &first, &last), -1);
	assert_int_equal(config_parse_addresses("10.0.0.9-", &first, &last), -1);
	assert_int_equal(config_parse_addresses("-10.0.0.9", &first, &last), -1);
	assert_int_equal(config_parse_size("64G", &size), 0);
	assert_int_equal(size, UINT64_C(64) << 30);
	assert_int_equal(config_parse_size("4096", &size), 0);
	assert_int_equal(config_parse_size("64GB", &size), -1);
	assert_int_equal(config_parse_size("-1", &size), -1);
	assert_int_equal(config_parse_size("99999999999999999T", &size), -1);
	assert_int_equal(config_parse_size("", &size), -1);
	assert_int_equal(config_parse_mac_prefix("52:54:00", mac, &bytes), 0);
	assert_int_equal(bytes, 3);
	assert_int_equal(config_parse_mac_prefix("52:54:00:77:00:01", mac, &bytes), 0);
	assert_int_equal(bytes, 6);
	assert_int_equal(config_parse_mac_prefix("5254", mac, &bytes), 0);
	assert_int_equal(bytes, 2);
	assert_int_equal(config_parse_mac_prefix("", mac, &bytes), -1);
	assert_int_equal(config_parse_mac_prefix("52:54:0", mac, &bytes), -1);
	assert_int_equal(config_parse_mac_prefix("52:54:", mac, &bytes), -1);
	assert_int_equal(config_parse_mac("52:54:00", mac), -1);
	assert_int_equal(config_parse_mac("52:54:00:77:00:01:02", mac), -1);
	assert_int_equal(config_parse_mac("525400770001", mac), 0);
}

static bool set(const char *name, const char *value)
{
	struct gmm_rule rule = { 0 };
	char error[256];

	for (int key = 0; config_rule_keys[key]; key++)
		if (strcmp(config_rule_keys[key], name) == 0)
			return config_rule_set(&rule, key, value, error, sizeof(error));
	fail();
	return false;
}

static void test_rule_keys(void **state)
{
	static const char *const good[][2] = {
		{ "manufacturer", "ACME*" }, { "product", "P?" }, { "mac", "52:54" }, { "memory_min", "64G" }, { "svm", "yes" }, { "svm", "no" },
		{ "role", "memory" }, { "name", "m%02d" }, { "name", "%d" }, { "addresses", "10.0.0.1-10.0.0.2" }, { "domain", "pdu-a" },
		{ "auto", "yes" },
	};
	static const char *const bad[][2] = {
		{ "manufacturer", "" }, { "product", "12345678901234567890123456789012345678901234567890" }, { "mac", "x" }, { "memory_min", "much" },
		{ "svm", "maybe" }, { "role", "both" }, { "name", "m" }, { "name", "m%d%d" }, { "name", "m%s" }, { "name", "m%n" }, { "name", "m%0d" },
		{ "name", "m%10d" }, { "name", "m %d" }, { "name", "a-name-of-all-too-many-characters%d" }, { "addresses", "10.0.0.1" },
		{ "domain", "a b" }, { "auto", "1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!set(good[i][0], good[i][1]))
			fail_msg("%s = %s", good[i][0], good[i][1]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (set(bad[i][0], bad[i][1]))
			fail_msg("%s = %s", bad[i][0], bad[i][1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_uuids),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_decimals),
		cmocka_unit_test(test_traits),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_rule_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
