/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How much of its speed the transport keeps on a wire with a bandwidth that loses, repeats and reorders in both directions; and
 * that every transfer is right all the same. Deterministic: one seed, one result.
 */
#include "tests/unit/roce_rig.h"

#include "net/roce/internal.h"

#define REGION (4u << 20)
#define RIGHTS (ROCE_ACCESS_REMOTE_READ | ROCE_ACCESS_REMOTE_WRITE | ROCE_ACCESS_REMOTE_ATOMIC)
#define TRANSFER_BYTES (12u << 20)
#define HELD_MAX 512u
#define LINK_BYTES_PER_US 1250u		/* 10 Gbit/s */
#define DEPTH 32u
#define RECEIVES 40u
#define MESSAGE_BYTES_LARGEST 65536u

static uint8_t remote[REGION], local[REGION], inboxes[RECEIVES][MESSAGE_BYTES_LARGEST];

struct stream {
	enum roce_opcode opcode;
	uint32_t bytes;			/* of each message */
	uint32_t mtu_bytes;
	uint64_t delay_ns;
};

struct trouble {
	unsigned loss_permille, repeat_permille, reorder_permille;
};

struct run {
	struct rig *rig;
	const struct stream *stream;
	uint32_t rkey;
	uint32_t posted, done, messages;
	uint32_t receives;		/* posted so far */
};

static uint32_t place(const struct run *run, uint32_t i)
{
	return i % (REGION / run->stream->bytes) * run->stream->bytes;
}

/* What message `i` carries at its beginning, so that each is told from the others. */
static void stamp(uint8_t *bytes, uint32_t i)
{
	memcpy(bytes, &i, sizeof(i));
	bytes[sizeof(i)] = (uint8_t)(i * 7);
}

static void post_receive(struct run *run)
{
	struct rig *rig = run->rig;

	assert_int_equal(roce_post_receive(rig->device[1], rig->qpn[1], run->receives, inboxes[run->receives % RECEIVES],
					   MESSAGE_BYTES_LARGEST), 0);
	run->receives++;
}

static void post(struct run *run)
{
	struct rig *rig = run->rig;
	uint32_t i = run->posted++, at = place(run, i), bytes = run->stream->bytes;
	int status;

	if (run->stream->opcode == ROCE_READ) {
		stamp(remote + at, i);
		memset(local + at, 0xee, bytes);
		status = roce_post_read(rig->device[0], rig->qpn[0], i, local + at, bytes, at, run->rkey, rig->now_ns);
	} else if (run->stream->opcode == ROCE_WRITE) {
		stamp(local + at, i);
		status = roce_post_write(rig->device[0], rig->qpn[0], i, local + at, bytes, at, run->rkey, rig->now_ns);
	} else {
		stamp(local + at, i);
		status = roce_post_send(rig->device[0], rig->qpn[0], i, local + at, bytes, rig->now_ns);
	}
	assert_int_equal(status, 0);
}

/* Completions come in order, each once, with what belongs there. */
static void take(struct run *run)
{
	const struct stream *stream = run->stream;
	struct roce_event event;

	while (roce_queue_poll(run->rig->device[0], run->rig->queue[0], &event)) {
		assert_int_equal(event.type, ROCE_EVENT_COMPLETION);
		assert_int_equal(event.status, 0);
		assert_int_equal(event.cookie, run->done);
		if (stream->opcode != ROCE_SEND)
			assert_memory_equal(local + place(run, run->done), remote + place(run, run->done), stream->bytes);
		run->done++;
	}
	while (roce_queue_poll(run->rig->device[1], run->rig->queue[1], &event)) {
		const uint8_t *inbox = inboxes[event.cookie % RECEIVES];

		assert_int_equal(event.opcode, ROCE_RECEIVE);
		assert_int_equal(event.len_bytes, stream->bytes);
		assert_int_equal(event.cookie, run->receives - RECEIVES);
		assert_memory_equal(inbox, local + place(run, (uint32_t)event.cookie), stream->bytes);
		post_receive(run);
	}
}

/* Bytes a microsecond. */
static double goodput(const struct stream *stream, const struct trouble *trouble, uint32_t held_max, uint64_t seed,
		      uint32_t total_bytes)
{
	struct rig *rig = rig_create(seed, stream->mtu_bytes, stream->mtu_bytes);
	struct run run = { .rig = rig, .stream = stream, .messages = total_bytes / stream->bytes };
	struct roce_config config = rig_config(rig, 1, stream->mtu_bytes);
	uint64_t start_ns;
	double result;

	config.limits.held_packets_max = held_max;
	rig_make_device(rig, 1, &config);
	assert_int_equal(roce_listen(rig->device[1], RIG_PORT, rig->queue[1], 77), 0);
	rig_fill(rig, remote, sizeof(remote));
	rig_fill(rig, local, sizeof(local));
	rig->delay_ns = stream->delay_ns;
	rig->bytes_per_us = LINK_BYTES_PER_US;
	run.rkey = rig_share(rig, remote, REGION, RIGHTS);
	rig_connect(rig, 0, 0);
	while (stream->opcode == ROCE_SEND && run.receives < RECEIVES)
		post_receive(&run);
	rig->loss_permille = trouble->loss_permille;
	rig->repeat_permille = trouble->repeat_permille;
	rig->reorder_permille = trouble->reorder_permille;
	start_ns = rig->now_ns;
	while (run.done < run.messages) {
		while (run.posted < run.messages && run.posted - run.done < DEPTH)
			post(&run);
		assert_true(rig_step_until(rig, start_ns + 600 * RIG_SECOND));
		take(&run);
	}
	result = (double)run.messages * stream->bytes * 1000 / (double)(rig->now_ns - start_ns);
	rig_destroy(rig);
	return result;
}

static const char *const names[] = { [ROCE_READ] = "READ", [ROCE_WRITE] = "WRITE", [ROCE_SEND] = "SEND" };

static const struct stream streams[] = {
	{ ROCE_READ, 65536, 4096, 10000 }, { ROCE_WRITE, 65536, 4096, 10000 }, { ROCE_SEND, 65536, 4096, 10000 },
	{ ROCE_READ, 4096, 4096, 10000 }, { ROCE_WRITE, 4096, 4096, 10000 }, { ROCE_SEND, 4096, 4096, 10000 },
	{ ROCE_READ, 16384, 1024, 50000 }, { ROCE_WRITE, 16384, 1024, 50000 }, { ROCE_SEND, 16384, 1024, 50000 },
	{ ROCE_READ, 65536, 4096, 200000 }, { ROCE_WRITE, 65536, 4096, 200000 }, { ROCE_SEND, 65536, 4096, 200000 },
};

/* One packet in a hundred lost, in both directions: four fifths of the speed is left. */
static void test_goodput_with_loss(void **state)
{
	static const struct trouble none, one_percent = { .loss_permille = 10 };

	(void)state;
	for (size_t i = 0; i < sizeof(streams) / sizeof(*streams); i++) {
		const struct stream *stream = &streams[i];
		double whole = goodput(stream, &none, HELD_MAX, 1, TRANSFER_BYTES);
		double left = goodput(stream, &one_percent, HELD_MAX, 2, TRANSFER_BYTES) / whole;
		double without = goodput(stream, &one_percent, 0, 2, TRANSFER_BYTES) / whole;

		print_message("%s of %u bytes, MTU %u, %u us away: %.0f MB/s, of which 1 %% loss leaves %.2f (%.2f without selective repeat)\n",
			      names[stream->opcode], stream->bytes, stream->mtu_bytes, (unsigned)(stream->delay_ns / 1000), whole,
			      left, without);
		assert_true(left >= 0.8);
		assert_true(whole > 0.4 * LINK_BYTES_PER_US);
	}
}

/* However bad the wire is, what arrives is right, once and in order; also when the pool is far too small. */
static void test_every_trouble(void **state)
{
	static const struct trouble troubles[] = {
		{ 1, 0, 0 }, { 10, 0, 0 }, { 50, 0, 0 }, { 0, 10, 0 }, { 0, 50, 0 }, { 0, 0, 10 }, { 0, 0, 50 },
		{ 10, 10, 10 }, { 50, 50, 50 },
	};
	static const uint32_t pools[] = { HELD_MAX, 16, 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(troubles) / sizeof(*troubles); i++)
		for (size_t s = 0; s < 9; s++)
			for (size_t p = 0; p < (streams[s].opcode == ROCE_READ ? 1 : 3); p++)
				assert_true(goodput(&streams[s], &troubles[i], pools[p], 3 + i, TRANSFER_BYTES / 16) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_goodput_with_loss),
		cmocka_unit_test(test_every_trouble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
