/* SPDX-License-Identifier: GPL-2.0-only */
/* SEND, READ and WRITE between two devices, on good and bad wires. */
#include "tests/unit/roce_rig.h"

#include <errno.h>

static const uint32_t all_mtus[] = { 256, 512, 1024, 2048, 4096 };

static uint32_t share(struct rig *rig, void *bytes, size_t len, uint32_t access, uint64_t peer)
{
	struct roce_memory_config config = { .ops = &roce_memory_plain_ops, .context = bytes, .len_bytes = len,
					     .access = access, .peer = peer };
	uint32_t rkey = 0;

	assert_int_equal(roce_memory_register(rig->device[1], &config, &rkey), 0);
	assert_int_not_equal(rkey, 0);
	return rkey;
}

#define READ_WRITE (ROCE_ACCESS_REMOTE_READ | ROCE_ACCESS_REMOTE_WRITE)

static void transfer_sizes(uint64_t seed, uint32_t mtu)
{
	static const uint32_t sizes[] = { 0, 1, 3, 4, 255, 256, 257, 4095, 4096, 4097, 65536, 300001 };
	static uint8_t remote[400000], local[400000], back[400000], inbox[400000];
	struct rig *rig = rig_create(seed, mtu, mtu);
	uint32_t rkey = share(rig, remote, sizeof(remote), READ_WRITE, 9);

	rig_connect(rig, 0, 9);
	assert_int_equal(roce_path_mtu_bytes(rig->device[0], rig->qpn[0]), mtu);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		rig_fill(rig, local, sizes[i]);
		memset(back, 0xee, sizeof(back));
		assert_int_equal(roce_post_receive(rig->device[1], rig->qpn[1], 400 + i, inbox, sizes[i]), 0);
		assert_int_equal(roce_post_write(rig->device[0], rig->qpn[0], 100 + i, local, sizes[i], 7, rkey, rig->now_ns), 0);
		assert_int_equal(roce_post_read(rig->device[0], rig->qpn[0], 200 + i, back, sizes[i], 7, rkey, rig->now_ns), 0);
		assert_int_equal(roce_post_send(rig->device[0], rig->qpn[0], 300 + i, local, sizes[i], rig->now_ns), 0);
		rig_expect(rig, 0, ROCE_WRITE, 100 + i, 0);
		rig_expect(rig, 0, ROCE_READ, 200 + i, 0);
		rig_expect(rig, 0, ROCE_SEND, 300 + i, 0);
		assert_int_equal(rig_expect(rig, 1, ROCE_RECEIVE, 400 + i, 0), sizes[i]);
		assert_memory_equal(remote + 7, local, sizes[i]);
		assert_memory_equal(back, local, sizes[i]);
		assert_memory_equal(inbox, local, sizes[i]);
		assert_int_equal(back[sizes[i]], 0xee);
	}
	assert_int_equal(roce_counters(rig->device[0])->retransmits, 0);
	rig_destroy(rig);
}

static void test_sizes_at_every_mtu(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(all_mtus) / sizeof(*all_mtus); i++)
		transfer_sizes(i + 1, all_mtus[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes_at_every_mtu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
