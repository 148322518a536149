/* SPDX-License-Identifier: GPL-2.0-only */
/* What goes wrong between queue pairs, and how it is told: rights, bounds, owners that refuse, peers that vanish. */
#include "tests/unit/roce_rig.h"

#include <errno.h>

#include "net/roce/internal.h"

#define READ_WRITE (ROCE_ACCESS_REMOTE_READ | ROCE_ACCESS_REMOTE_WRITE)
#define BASE UINT64_C(0x100000)
#define REGION 65536u

static uint8_t remote[REGION], local[2 * REGION];

static uint32_t share(struct rig *rig, uint32_t access, uint64_t peer)
{
	struct roce_memory_config config = { .ops = &roce_memory_plain_ops, .context = remote - BASE, .base = BASE,
					     .len_bytes = REGION, .access = access, .peer = peer };
	uint32_t rkey;

	assert_int_equal(roce_memory_register(rig->device[1], &config, &rkey), 0);
	return rkey;
}

static int post(struct rig *rig, enum roce_opcode opcode, uint64_t cookie, uint32_t len, uint64_t address, uint32_t rkey)
{
	if (opcode == ROCE_READ)
		return roce_post_read(rig->device[0], rig->qpn[0], cookie, local, len, address, rkey, rig->now_ns);
	return roce_post_write(rig->device[0], rig->qpn[0], cookie, local, len, address, rkey, rig->now_ns);
}

/*
 * A good request, the bad one, and one behind it: the first completes, the second gets `status`, the third is flushed,
 * and both sides hear of the end.
 */
static void expect_refusal(struct rig *rig, enum roce_opcode opcode, uint32_t len, uint64_t address, uint32_t rkey,
			   uint32_t good_rkey, int status)
{
	memset(remote, 0x11, sizeof(remote));
	memset(local, 0x22, sizeof(local));
	assert_int_equal(roce_post_receive(rig->device[1], rig->qpn[1], 9, local, 10), 0);
	assert_int_equal(roce_post_receive(rig->device[0], rig->qpn[0], 8, local, 10), 0);
	assert_int_equal(post(rig, ROCE_WRITE, 1, 5000, BASE, good_rkey), 0);
	assert_int_equal(post(rig, opcode, 2, len, address, rkey), 0);
	assert_int_equal(post(rig, ROCE_WRITE, 3, 5000, BASE + 5000, good_rkey), 0);
	rig_expect(rig, 0, ROCE_WRITE, 1, 0);
	rig_expect(rig, 0, opcode, 2, status);
	rig_expect(rig, 0, ROCE_WRITE, 3, -ECONNRESET);
	rig_expect(rig, 0, ROCE_RECEIVE, 8, -ECONNRESET);
	rig_expect_disconnected(rig, 0, status);
	rig_expect(rig, 1, ROCE_RECEIVE, 9, -ECONNRESET);
	rig_expect_disconnected(rig, 1, status);
	assert_int_equal(remote[4999], 0x22);
	assert_int_equal(remote[5000], 0x11);
	assert_int_equal(post(rig, ROCE_READ, 4, 4, BASE, good_rkey), -ECONNRESET);
	assert_int_equal(roce_post_receive(rig->device[1], rig->qpn[1], 9, local, 10), -ECONNRESET);
}

struct access_case {
	enum roce_opcode opcode;
	uint32_t len;
	uint64_t address;
	uint32_t access;
	uint64_t region_peer;
};

static void test_refused_accesses(void **state)
{
	static const struct access_case cases[] = {
		{ ROCE_READ, 4096, BASE, ROCE_ACCESS_REMOTE_WRITE, 0 },
		{ ROCE_WRITE, 4096, BASE, ROCE_ACCESS_REMOTE_READ, 0 },
		{ ROCE_READ, 1, BASE - 1, READ_WRITE, 0 },
		{ ROCE_WRITE, 1, BASE + REGION, READ_WRITE, 0 },
		{ ROCE_READ, 2, BASE + REGION - 1, READ_WRITE, 0 },
		{ ROCE_WRITE, REGION + 1, BASE, READ_WRITE, 0 },
		{ ROCE_READ, 8, UINT64_MAX - 3, READ_WRITE, 0 },
		{ ROCE_WRITE, 8, UINT64_MAX - 3, READ_WRITE, 0 },
		{ ROCE_READ, 8, 0, READ_WRITE, 0 },
		{ ROCE_READ, 4096, BASE, READ_WRITE, 1234 },
		{ ROCE_WRITE, 4096, BASE, READ_WRITE, 1234 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rig *rig = rig_create(i + 50, 1024, 1024);
		uint32_t good = share(rig, READ_WRITE, 555), rkey = share(rig, cases[i].access, cases[i].region_peer);
		const struct roce_counters *counters = roce_counters(rig->device[1]);

		rig_connect(rig, 0, 555);
		expect_refusal(rig, cases[i].opcode, cases[i].len, cases[i].address, rkey, good, -EACCES);
		assert_int_equal(counters->naks_access_sent, 1);
		assert_true(counters->access_bounds + counters->access_rights + counters->access_wrong_peer > 0);
		rig_destroy(rig);
	}
}

static void test_rkeys(void **state)
{
	struct rig *rig = rig_create(3, 1024, 1024);
	struct roce_memory_config config = { .ops = &roce_memory_plain_ops, .context = remote, .len_bytes = 4096,
					     .access = READ_WRITE };
	uint32_t good = share(rig, READ_WRITE, 0), rkeys[9], more;

	(void)state;
	for (int round = 0; round < 200; round++) {	/* no rkey comes twice, none is forgotten */
		int count = 0;

		while (roce_memory_register(rig->device[1], &config, &rkeys[count]) == 0)
			count++;
		assert_int_equal(count, 8);
		assert_int_equal(roce_memory_register(rig->device[1], &config, &more), -ENOBUFS);
		for (int i = 0; i < count; i++) {
			assert_int_equal(roce_memory_deregister(rig->device[1], rkeys[i]), 0);
			assert_int_equal(roce_memory_deregister(rig->device[1], rkeys[i]), -ENOENT);
		}
	}
	assert_int_equal(roce_memory_deregister(rig->device[1], 0), -ENOENT);
	config.len_bytes = 0;
	assert_int_equal(roce_memory_register(rig->device[1], &config, &more), -EINVAL);
	config.base = UINT64_MAX - 10;
	config.len_bytes = 12;
	assert_int_equal(roce_memory_register(rig->device[1], &config, &more), -EINVAL);
	config.base = 0;
	config.access = 16;
	assert_int_equal(roce_memory_register(rig->device[1], &config, &more), -EINVAL);
	rig_connect(rig, 0, 0);
	expect_refusal(rig, ROCE_READ, 4096, 0, rkeys[0], good, -EACCES);
	assert_int_equal(roce_counters(rig->device[1])->access_unknown_rkey, 1);
	rig_destroy(rig);
}

static void test_unknown_rkey_zero_length(void **state)
{
	struct rig *rig = rig_create(4, 1024, 1024);

	(void)state;
	rig_connect(rig, 0, 0);				/* nothing is touched, so nothing is refused */
	assert_int_equal(post(rig, ROCE_READ, 1, 0, 0, 12345), 0);
	assert_int_equal(post(rig, ROCE_WRITE, 2, 0, 0, 12345), 0);
	rig_expect(rig, 0, ROCE_READ, 1, 0);
	rig_expect(rig, 0, ROCE_WRITE, 2, 0);
	rig_destroy(rig);
}

/* ---------------------------------------------------------------- owners */

struct owner {
	int read_status, write_status;		/* to return ... */
	unsigned after;				/* ... after this many good accesses */
	unsigned times;				/* this often, then be good again */
	unsigned calls;
};

static int owner_status(struct owner *owner, int status)
{
	unsigned call = owner->calls++;

	return call >= owner->after && call < owner->after + owner->times ? status : 0;
}

static int owner_read(void *context, uint64_t address, void *bytes, uint32_t len)
{
	int status = owner_status(context, ((struct owner *)context)->read_status);

	if (status == 0)
		memcpy(bytes, remote + (address - BASE), len);
	return status;
}

static int owner_write(void *context, uint64_t address, const void *bytes, uint32_t len)
{
	int status = owner_status(context, ((struct owner *)context)->write_status);

	if (status == 0)
		memcpy(remote + (address - BASE), bytes, len);
	return status;
}

static uint32_t share_owner(struct rig *rig, struct owner *owner)
{
	static const struct roce_memory_ops ops = { .read = owner_read, .write = owner_write };
	struct roce_memory_config config = { .ops = &ops, .context = owner, .base = BASE, .len_bytes = REGION,
					     .access = READ_WRITE };
	uint32_t rkey;

	assert_int_equal(roce_memory_register(rig->device[1], &config, &rkey), 0);
	return rkey;
}

static void test_owner_refuses(void **state)
{
	static const int given[] = { -EACCES, -EFAULT, -EIO, -ENOSPC }, seen[] = { -EACCES, -EACCES, -EIO, -EIO };

	(void)state;
	for (int i = 0; i < 4; i++) {
		for (unsigned after = 0; after < 4; after += 3) {	/* at once, and in the middle of a message */
			for (int opcode = ROCE_READ; opcode <= ROCE_WRITE; opcode++) {
				struct rig *rig = rig_create(after + 9, 1024, 1024);
				struct owner owner = { .read_status = given[i], .write_status = given[i], .after = after, .times = 1000 };
				uint32_t good = share(rig, READ_WRITE, 0), rkey = share_owner(rig, &owner);

				rig_connect(rig, 0, 0);
				expect_refusal(rig, (enum roce_opcode)opcode, 4096, BASE + 20000, rkey, good, seen[i]);
				assert_int_equal(owner.calls, after + 1);
				assert_int_equal(roce_counters(rig->device[1])->access_refused_by_owner, 1);
				rig_destroy(rig);
			}
		}
	}
}

static void test_owner_not_ready(void **state)
{
	(void)state;
	for (unsigned after = 0; after < 6; after++) {
		struct rig *rig = rig_create(after + 90, 1024, 1024);
		struct owner owner = { .read_status = -EAGAIN, .write_status = -EAGAIN, .after = after, .times = 3 };
		uint32_t rkey = share_owner(rig, &owner), len = 4 * 1024;
		static uint8_t back[REGION];

		rig_connect(rig, 0, 0);
		rig_fill(rig, local, len);
		assert_int_equal(post(rig, ROCE_WRITE, 1, len, BASE, rkey), 0);
		assert_int_equal(roce_post_read(rig->device[0], rig->qpn[0], 2, back, len, BASE, rkey, rig->now_ns), 0);
		assert_int_equal(post(rig, ROCE_WRITE, 3, 100, BASE + 50000, rkey), 0);
		rig_expect(rig, 0, ROCE_WRITE, 1, 0);
		rig_expect(rig, 0, ROCE_READ, 2, 0);
		rig_expect(rig, 0, ROCE_WRITE, 3, 0);
		assert_memory_equal(remote, local, len);
		assert_memory_equal(back, local, len);
		assert_int_equal(roce_counters(rig->device[1])->rnr_naks_sent, 3);
		assert_int_equal(roce_counters(rig->device[0])->rnr_naks_received, 3);
		assert_int_equal(roce_counters(rig->device[0])->timeouts, 0);
		assert_true(rig->now_ns < 1000000000 + 50000000);
		rig_destroy(rig);
	}
}

static void test_owner_never_ready(void **state)
{
	struct rig *rig = rig_create(91, 1024, 1024);
	struct owner owner = { .write_status = -EAGAIN, .times = 1u << 30 };
	uint32_t rkey = share_owner(rig, &owner);
	struct roce_event event;

	(void)state;
	rig_connect(rig, 0, 0);
	assert_int_equal(post(rig, ROCE_WRITE, 1, 100, BASE, rkey), 0);
	assert_true(rig_wait(rig, 0, &event, 100 * RIG_SECOND));
	assert_int_equal(event.status, -ETIMEDOUT);
	assert_in_range(rig->now_ns, 30 * RIG_SECOND, 33 * RIG_SECOND);
	rig_destroy(rig);
}

/* A region that goes away while a long READ is under way ends it. */
static void test_deregistered_in_the_middle(void **state)
{
	static uint8_t back[REGION];

	(void)state;
	for (int opcode = ROCE_READ; opcode <= ROCE_WRITE; opcode++) {
		struct rig *rig = rig_create(92, 256, 256);
		uint32_t rkey = share(rig, READ_WRITE, 0);

		rig_connect(rig, 0, 0);
		memset(back, 0, sizeof(back));
		if (opcode == ROCE_READ)
			assert_int_equal(roce_post_read(rig->device[0], rig->qpn[0], 1, back, REGION, BASE, rkey, rig->now_ns), 0);
		else
			assert_int_equal(post(rig, ROCE_WRITE, 1, REGION, BASE, rkey), 0);
		for (int i = 0; i < 60; i++)
			rig_step(rig);
		assert_int_equal(roce_memory_deregister(rig->device[1], rkey), 0);
		rig_expect(rig, 0, (enum roce_opcode)opcode, 1, -EACCES);
		rig_expect_disconnected(rig, 0, -EACCES);
		rig_destroy(rig);
	}
}

/* ---------------------------------------------------------------- receives */

static void test_no_receive_posted(void **state)
{
	struct rig *rig = rig_create(5, 1024, 1024);
	static uint8_t inbox[5000];

	(void)state;
	rig_connect(rig, 0, 0);
	rig_fill(rig, local, 3000);
	assert_int_equal(roce_post_send(rig->device[0], rig->qpn[0], 1, local, 3000, rig->now_ns), 0);
	rig_run(rig, RIG_SECOND);
	assert_true(roce_counters(rig->device[0])->rnr_naks_received > 100);
	assert_int_equal(roce_post_receive(rig->device[1], rig->qpn[1], 2, inbox, sizeof(inbox)), 0);
	rig_expect(rig, 0, ROCE_SEND, 1, 0);
	assert_int_equal(rig_expect(rig, 1, ROCE_RECEIVE, 2, 0), 3000);
	assert_memory_equal(inbox, local, 3000);
	rig_destroy(rig);
}

static void test_send_longer_than_receive(void **state)
{
	static uint8_t inbox[5000];

	(void)state;
	for (uint32_t len = 100; len < 4000; len += 1200) {
		struct rig *rig = rig_create(6, 1024, 1024);

		rig_connect(rig, 0, 0);
		memset(inbox, 0x77, sizeof(inbox));
		assert_int_equal(roce_post_receive(rig->device[1], rig->qpn[1], 2, inbox, len - 1), 0);
		assert_int_equal(roce_post_receive(rig->device[1], rig->qpn[1], 3, inbox, len), 0);
		assert_int_equal(roce_post_send(rig->device[0], rig->qpn[0], 1, local, len, rig->now_ns), 0);
		rig_expect(rig, 0, ROCE_SEND, 1, -EPROTO);
		rig_expect_disconnected(rig, 0, -EPROTO);
		rig_expect(rig, 1, ROCE_RECEIVE, 2, -EMSGSIZE);
		rig_expect(rig, 1, ROCE_RECEIVE, 3, -ECONNRESET);
		rig_expect_disconnected(rig, 1, -EPROTO);
		for (uint32_t i = len - 1; i < sizeof(inbox); i++)
			assert_int_equal(inbox[i], 0x77);
		rig_destroy(rig);
	}
}

/* ---------------------------------------------------------------- limits */

static void test_posting_limits(void **state)
{
	struct rig *rig = rig_create(7, 1024, 1024);
	uint32_t rkey = share(rig, READ_WRITE, 0);

	(void)state;
	rig_connect(rig, 0, 0);
	for (uint64_t i = 0; i < 48; i++)
		assert_int_equal(post(rig, ROCE_READ, i, 64, BASE, rkey), 0);
	assert_int_equal(post(rig, ROCE_READ, 48, 64, BASE, rkey), -ENOBUFS);
	for (uint64_t i = 0; i < 40; i++)
		assert_int_equal(roce_post_receive(rig->device[1], rig->qpn[1], i, local, 64), 0);
	assert_int_equal(roce_post_receive(rig->device[1], rig->qpn[1], 40, local, 64), -ENOBUFS);
	assert_int_equal(roce_post_send(rig->device[0], rig->qpn[0], 1, local, 64, rig->now_ns), -ENOBUFS);
	for (uint64_t i = 0; i < 48; i++)
		rig_expect(rig, 0, ROCE_READ, i, 0);
	assert_int_equal(roce_post_send(rig->device[0], rig->qpn[0], 1, NULL, 64, rig->now_ns), -EINVAL);
	assert_int_equal(roce_post_send(rig->device[0], rig->qpn[0], 1, local, (1u << 31) + 1, rig->now_ns), -EINVAL);
	assert_int_equal(roce_post_send(rig->device[0], 0, 1, local, 1, rig->now_ns), -ECONNRESET);
	rig_destroy(rig);
}

static void test_event_queue_bounds_posting(void **state)
{
	struct rig *rig = rig_create(8, 1024, 1024);
	struct roce_config config = rig_config(rig, 0, 1024);
	struct roce_event event;
	uint32_t rkey = share(rig, READ_WRITE, 0);
	int posted = 0, completed = 0;

	(void)state;
	config.limits.queue_events_max = 1;
	config.limits.connections_max = 2;
	rig_make_device(rig, 0, &config);
	rig_connect(rig, 0, 0);
	/* Nobody polls: completions stay, and posting ends before the queue does. */
	while (post(rig, ROCE_WRITE, 1, 64, BASE, rkey) == 0) {
		posted++;
		rig_run(rig, RIG_SECOND / 1000);
		assert_true(posted < 10);
	}
	assert_int_equal(post(rig, ROCE_WRITE, 1, 64, BASE, rkey), -ENOBUFS);
	while (rig_wait(rig, 0, &event, RIG_SECOND / 1000))
		completed++;
	assert_int_equal(completed, posted);
	assert_int_equal(post(rig, ROCE_WRITE, 1, 64, BASE, rkey), 0);
	rig_destroy(rig);
}

/* ---------------------------------------------------------------- peers that vanish */

static void test_peer_vanishes(void **state)
{
	struct rig *rig = rig_create(10, 1024, 1024);
	uint32_t rkey = share(rig, READ_WRITE, 0);
	uint64_t start_ns;

	(void)state;
	rig_connect(rig, 0, 0);
	rig_run(rig, 100 * RIG_SECOND);		/* nobody misses an idle peer */
	rig->cut[1] = true;
	start_ns = rig->now_ns;
	assert_int_equal(post(rig, ROCE_READ, 1, 4096, BASE, rkey), 0);
	assert_int_equal(post(rig, ROCE_READ, 2, 4096, BASE, rkey), 0);
	rig_expect(rig, 0, ROCE_READ, 1, -ETIMEDOUT);
	rig_expect(rig, 0, ROCE_READ, 2, -ECONNRESET);
	rig_expect_disconnected(rig, 0, -ETIMEDOUT);
	assert_in_range(rig->now_ns - start_ns, 3 * RIG_SECOND, 3 * RIG_SECOND + RIG_SECOND / 10);
	assert_true(roce_counters(rig->device[0])->retransmits >= 6);
	assert_true(roce_counters(rig->device[0])->retransmits < 20);
	assert_int_equal(roce_counters(rig->device[0])->retry_exhausted, 1);
	rig_destroy(rig);
}

/* A peer that comes back in time costs a delay only. */
static void test_peer_stalls(void **state)
{
	struct rig *rig = rig_create(11, 4096, 4096);
	uint32_t rkey = share(rig, READ_WRITE, 0);

	(void)state;
	rig_connect(rig, 0, 0);
	rig->cut[0] = true;
	for (uint64_t i = 0; i < 40; i++)
		assert_int_equal(post(rig, ROCE_READ, i, 4096, BASE, rkey), 0);
	rig_run(rig, 2 * RIG_SECOND);
	rig->cut[0] = false;
	for (uint64_t i = 0; i < 40; i++)
		rig_expect(rig, 0, ROCE_READ, i, 0);
	rig_destroy(rig);
}

/* ---------------------------------------------------------------- PSN wrap */

static void almost_wrapped(void *context, void *bytes, size_t len)
{
	uint32_t value = 0xfffffff4;

	(void)context;
	for (size_t i = 0; i < len; i++)
		((uint8_t *)bytes)[i] = (uint8_t)(value >> (i % 4 * 8));
}

static void test_psn_wraps(void **state)
{
	static uint8_t back[REGION];

	(void)state;
	for (unsigned loss = 0; loss <= 50; loss += 50) {
		struct rig *rig = rig_create(12 + loss, 1024, 1024);
		uint32_t rkey;

		for (int side = 0; side < 2; side++) {
			struct roce_config config = rig_config(rig, side, 1024);

			config.environment.random = almost_wrapped;
			rig_make_device(rig, side, &config);
		}
		assert_int_equal(roce_listen(rig->device[1], RIG_PORT, rig->queue[1], 77), 0);
		rkey = share(rig, READ_WRITE, 0);
		rig_connect(rig, 0, 0);
		rig->loss_permille = loss;
		rig_fill(rig, local, REGION);
		assert_int_equal(post(rig, ROCE_WRITE, 1, 9000, BASE, rkey), 0);
		assert_int_equal(roce_post_read(rig->device[0], rig->qpn[0], 2, back, REGION, BASE, rkey, rig->now_ns), 0);
		assert_int_equal(post(rig, ROCE_WRITE, 3, REGION, BASE, rkey), 0);
		rig_expect(rig, 0, ROCE_WRITE, 1, 0);
		rig_expect(rig, 0, ROCE_READ, 2, 0);
		rig_expect(rig, 0, ROCE_WRITE, 3, 0);
		assert_memory_equal(back, local, 9000);
		assert_memory_equal(remote, local, REGION);
		rig_destroy(rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused_accesses),
		cmocka_unit_test(test_rkeys),
		cmocka_unit_test(test_unknown_rkey_zero_length),
		cmocka_unit_test(test_owner_refuses),
		cmocka_unit_test(test_owner_not_ready),
		cmocka_unit_test(test_owner_never_ready),
		cmocka_unit_test(test_deregistered_in_the_middle),
		cmocka_unit_test(test_no_receive_posted),
		cmocka_unit_test(test_send_longer_than_receive),
		cmocka_unit_test(test_posting_limits),
		cmocka_unit_test(test_event_queue_bounds_posting),
		cmocka_unit_test(test_peer_vanishes),
		cmocka_unit_test(test_peer_stalls),
		cmocka_unit_test(test_psn_wraps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
