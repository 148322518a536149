/* SPDX-License-Identifier: GPL-2.0-only */
/* What queue pairs share: how little an idle one has, and what happens when a pool is empty. */
#include "tests/unit/roce_rig.h"

#include "net/roce/internal.h"

#define IDLE_BYTES_MAX 780u
#define MANY 1000u
#define READ_BYTES 3000u
#define READS 40u
#define WORKS 4u
#define RECEIVES 3u
#define READ_COOKIE 7u
#define RECEIVE_COOKIE 100u		/* and on */

static uint8_t remote[READS * READ_BYTES], local[READS * READ_BYTES];

static size_t device_bytes(uint32_t connections)
{
	/* The manager's other limits: what it has under way does not grow with those that are idle. */
	const struct roce_config config = {
		.address = 1, .path_mtu_bytes = 4096, .environment = { .random = rig_random_bytes },
		.limits = { .queue_pairs_max = connections, .connections_max = connections, .memory_regions_max = 256,
			    .queues_max = 2, .listeners_max = 2, .queue_events_max = 8192, .send_depth_max = 65,
			    .receive_depth_max = 34 },
	};

	return roce_device_bytes(&config);
}

static void test_an_idle_connection_is_small(void **state)
{
	size_t one = device_bytes(1), many = device_bytes(MANY), each;

	(void)state;
	assert_true(one > 0 && many > one);
	each = (many - one) / (MANY - 1);
	print_message("one connection %zu bytes, each of %u %zu bytes more\n", one, MANY, each);
	assert_true(each <= IDLE_BYTES_MAX);
}

static uint32_t places(const struct roce_pool *pool)
{
	uint32_t count = 0;

	for (void *place = pool->free; place; place = *(void **)place)
		count++;
	return count;
}

static uint32_t share(struct rig *rig)
{
	struct roce_memory_config config = {
		.ops = &roce_memory_plain_ops, .context = remote, .len_bytes = sizeof(remote),
		.access = ROCE_ACCESS_REMOTE_READ | ROCE_ACCESS_REMOTE_ATOMIC, .peer = ROCE_PEER_ANY,
	};
	uint32_t rkey;

	assert_int_equal(roce_memory_register(rig->device[1], &config, &rkey), 0);
	return rkey;
}

static struct rig *limited(const struct roce_limits *shared)
{
	struct rig *rig = rig_create(31, 1024, 1024);

	for (int side = 0; side < 2; side++) {
		struct roce_config config = rig_config(rig, side, 1024);

		config.limits.answers_max = shared->answers_max;
		config.limits.atomic_queue_pairs_max = shared->atomic_queue_pairs_max;
		config.limits.handshakes_max = shared->handshakes_max;
		config.limits.works_max = shared->works_max;
		config.limits.receives_max = shared->receives_max;
		rig_make_device(rig, side, &config);
	}
	assert_int_equal(roce_listen(rig->device[1], RIG_PORT, rig->queue[1], 77), 0);
	return rig;
}

static void read_all(struct rig *rig, uint32_t rkey)
{
	for (uint32_t i = 0; i < READS; i++)
		assert_int_equal(roce_post_read(rig->device[0], rig->qpn[0], i, local + i * READ_BYTES, READ_BYTES, i * READ_BYTES,
						rkey, rig->now_ns), 0);
}

static void expect_all_read(struct rig *rig)
{
	for (uint32_t i = 0; i < READS; i++)
		rig_expect(rig, 0, ROCE_READ, i, 0);
}

/* All that side 0 has to send arrives before side 1 answers anything. */
static void send_burst(struct rig *rig)
{
	uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX];
	struct roce_datagram datagram = { .bytes = bytes };

	while (roce_output(rig->device[0], &datagram, rig->now_ns))
		roce_input(rig->device[1], &datagram, rig->now_ns);
}

/* With two places for answers to all peers, every READ still gets its own. */
static void test_answers_run_out(void **state)
{
	struct rig *rig = limited(&(struct roce_limits){ .answers_max = 2 });
	uint32_t rkey;

	(void)state;
	rig_connect(rig, 0, 0);
	rkey = share(rig);
	rig_fill(rig, remote, sizeof(remote));
	read_all(rig, rkey);		/* the window grows */
	expect_all_read(rig);
	memset(local, 0, sizeof(local));
	read_all(rig, rkey);
	send_burst(rig);
	expect_all_read(rig);
	assert_memory_equal(local, remote, sizeof(remote));
	assert_true(roce_counters(rig->device[1])->answers_delayed > 0);
	assert_int_equal(places(&rig->device[1]->answers), 2);
	rig_destroy(rig);
}

static void test_atomics_run_out(void **state)
{
	struct rig *rig = limited(&(struct roce_limits){ .atomic_queue_pairs_max = 1 });
	uint64_t original = 0;
	uint32_t rkey;

	(void)state;
	memset(remote, 0, sizeof(remote));
	rkey = share(rig);
	rig_connect(rig, 0, 0);
	assert_int_equal(roce_post_fetch_add(rig->device[0], rig->qpn[0], 1, &original, 0, rkey, 5, rig->now_ns), 0);
	rig_expect(rig, 0, ROCE_FETCH_ADD, 1, 0);
	rig_connect(rig, 0, 0);
	assert_int_equal(roce_post_fetch_add(rig->device[0], rig->qpn[0], 2, &original, 0, rkey, 5, rig->now_ns), 0);
	rig_expect(rig, 0, ROCE_FETCH_ADD, 2, -EIO);
	assert_int_equal(remote[0], 5);
	rig_destroy(rig);
}

/* Connections beyond the handshakes are refused, and come in when those are over. */
static void test_handshakes_run_out(void **state)
{
	struct rig *rig = limited(&(struct roce_limits){ .handshakes_max = 1 });
	struct roce_connect connect = { .remote_address = rig_address(1), .remote_port = RIG_PORT, .queue = rig->queue[0],
					.timeout_ns = RIG_SECOND };
	struct roce_event event;
	uint32_t number;

	(void)state;
	assert_int_equal(roce_connect(rig->device[0], &connect, &number, rig->now_ns), 0);
	assert_int_equal(roce_connect(rig->device[0], &connect, &number, rig->now_ns), -ENOBUFS);
	assert_true(rig_wait(rig, 1, &event, RIG_SECOND));
	assert_int_equal(event.type, ROCE_EVENT_CONNECT_REQUEST);
	assert_int_equal(roce_reject(rig->device[1], event.connection, NULL, 0, rig->now_ns), 0);
	assert_true(rig_wait(rig, 0, &event, RIG_SECOND));
	assert_int_equal(event.type, ROCE_EVENT_REJECTED);
	for (int i = 0; i < 3; i++)
		rig_connect(rig, 0, 0);
	for (int side = 0; side < 2; side++)
		assert_int_equal(places(&rig->device[side]->handshakes), 1);
	rig_destroy(rig);
}

static int post_read(struct rig *rig, uint32_t qpn, uint32_t rkey)
{
	return roce_post_read(rig->device[0], qpn, READ_COOKIE, local, 64, 0, rkey, rig->now_ns);
}

static int post_send(struct rig *rig, uint32_t qpn)
{
	return roce_post_send(rig->device[0], qpn, 0, local, 64, rig->now_ns);
}

static int post_receive(struct rig *rig, int side, uint32_t qpn, uint64_t cookie)
{
	return roce_post_receive(rig->device[side], qpn, cookie, local, 64);
}

/* Poll all there is; every one must be good. */
static uint32_t poll_good(struct rig *rig, int side)
{
	struct roce_event event;
	uint32_t count = 0;

	while (roce_queue_poll(rig->device[side], rig->queue[side], &event)) {
		assert_int_equal(event.type, ROCE_EVENT_COMPLETION);
		assert_int_equal(event.status, 0);
		count++;
	}
	return count;
}

/* Two queue pairs share places for posted work; one is free again when a completion was polled, not before. */
static void test_work_places_run_out(void **state)
{
	struct rig *rig = limited(&(struct roce_limits){ .works_max = WORKS, .receives_max = RECEIVES });
	uint32_t first[2], *second = rig->qpn, rkey = share(rig);
	struct roce_event event;

	(void)state;
	rig_connect(rig, 0, 0);
	memcpy(first, rig->qpn, sizeof(first));
	rig_connect(rig, 0, 0);
	for (uint32_t i = 0; i < RECEIVES; i++)
		assert_int_equal(post_receive(rig, 1, i == 0 ? first[1] : second[1], i), 0);
	for (uint32_t i = 0; i < WORKS; i++)
		assert_int_equal(i == 0 ? post_send(rig, first[0]) : i < RECEIVES ? post_send(rig, second[0]) :
				 post_read(rig, first[0], rkey), 0);
	rig_run(rig, RIG_SECOND);
	for (int i = 0; i < 2; i++) {
		uint32_t qpn[2] = { i ? second[0] : first[0], i ? second[1] : first[1] };

		assert_int_equal(post_read(rig, qpn[0], rkey), -ENOBUFS);
		assert_int_equal(post_receive(rig, 1, qpn[1], 0), -ENOBUFS);
		assert_int_equal(post_receive(rig, 0, qpn[0], 0), 0);	/* works and receives have places of their own */
	}
	assert_int_equal(roce_queue_poll(rig->device[0], rig->queue[0], &event), 1);
	assert_int_equal(post_read(rig, second[0], rkey), 0);
	assert_int_equal(post_read(rig, first[0], rkey), -ENOBUFS);
	rig_run(rig, RIG_SECOND);
	assert_int_equal(poll_good(rig, 0), WORKS);
	assert_int_equal(poll_good(rig, 1), RECEIVES);
	assert_int_equal(places(&rig->device[0]->works), WORKS);
	assert_int_equal(places(&rig->device[1]->receives), RECEIVES);
	rig_destroy(rig);
}

/* What a connection had posted is flushed though all places are taken; its successor posts as they are polled. */
static void test_flush_of_all_places(void **state)
{
	struct rig *rig = limited(&(struct roce_limits){ .works_max = WORKS, .receives_max = RECEIVES });
	struct roce_connect connect = { .remote_address = rig_address(1), .remote_port = RIG_PORT, .queue = rig->queue[0],
					.timeout_ns = RIG_SECOND };
	uint32_t rkey = share(rig), number, qpn;
	struct roce_event event;

	(void)state;
	rig_connect(rig, 0, 0);
	for (uint32_t i = 0; i < WORKS; i++)
		assert_int_equal(post_read(rig, rig->qpn[0], rkey), 0);
	for (uint32_t i = 0; i < RECEIVES; i++)
		assert_int_equal(post_receive(rig, 0, rig->qpn[0], RECEIVE_COOKIE + i), 0);
	roce_disconnect(rig->device[0], rig->connection[0], rig->now_ns);
	assert_int_equal(roce_connect(rig->device[0], &connect, &number, rig->now_ns), 0);
	qpn = roce_connection_qpn(rig->device[0], number);
	for (uint32_t i = 0; i < WORKS; i++) {
		assert_int_equal(post_read(rig, qpn, rkey), -ENOBUFS);
		rig_expect(rig, 0, ROCE_READ, READ_COOKIE, -ECONNRESET);
		assert_int_equal(post_read(rig, qpn, rkey), 0);
	}
	for (uint32_t i = 0; i < RECEIVES; i++) {
		assert_int_equal(post_receive(rig, 0, qpn, i), -ENOBUFS);
		rig_expect(rig, 0, ROCE_RECEIVE, RECEIVE_COOKIE + i, -ECONNRESET);
		assert_int_equal(post_receive(rig, 0, qpn, i), 0);
	}
	roce_disconnect(rig->device[0], number, rig->now_ns);
	for (uint32_t i = 0; i < WORKS + RECEIVES; i++) {
		assert_int_equal(roce_queue_poll(rig->device[0], rig->queue[0], &event), 1);
		assert_int_equal(event.status, -ECONNRESET);
	}
	assert_int_equal(roce_queue_poll(rig->device[0], rig->queue[0], &event), 0);
	assert_int_equal(places(&rig->device[0]->works), WORKS);
	assert_int_equal(places(&rig->device[0]->receives), RECEIVES);
	rig_destroy(rig);
}

/* Whoever adds a queue takes nothing from those that said only how long theirs are. */
static void test_queues_add_up(void **state)
{
	struct roce_limits limits = { .queues_max = 2, .queue_events_max = 50 };

	(void)state;
	roce_limits_add_queue(&limits, 30, 40);
	assert_int_equal(limits.queues_max, 3);
	assert_int_equal(limits.queue_events_max, 70);
	assert_int_equal(limits.works_max, 2 * 50 + 30);
	assert_int_equal(limits.receives_max, 2 * 50 + 40);
	roce_limits_add_queue(&limits, 1, 2);
	assert_int_equal(limits.queue_events_max, 70);
	assert_int_equal(limits.works_max, 2 * 50 + 31);
	assert_int_equal(limits.receives_max, 2 * 50 + 42);
}

/* What work in progress held when its queue pair ended is there again. */
static void test_nothing_is_lost(void **state)
{
	struct rig *rig = rig_create(32, 1024, 1024);
	uint32_t works, receives, answers, atomics, events, queue_pairs, connections;
	struct roce_device *device = rig->device[1];
	uint64_t original;
	uint32_t rkey = share(rig);
	struct roce_event event;

	(void)state;
	works = places(&device->works);
	receives = places(&device->receives);
	answers = places(&device->answers);
	atomics = places(&device->atomics);
	events = places(&device->events);
	queue_pairs = places(&device->free_queue_pairs);
	connections = places(&device->free_connections);
	for (int round = 0; round < 3; round++) {
		rig_connect(rig, 0, 0);
		for (uint32_t i = 0; i < READS; i++) {
			assert_int_equal(roce_post_receive(rig->device[1], rig->qpn[1], i, local, 64), 0);
			assert_int_equal(roce_post_send(rig->device[1], rig->qpn[1], i, local, 64, rig->now_ns), 0);
			roce_post_read(rig->device[0], rig->qpn[0], i, local, READ_BYTES, 0, rkey, rig->now_ns);
		}
		roce_post_fetch_add(rig->device[0], rig->qpn[0], 1, &original, 0, rkey, 5, rig->now_ns);
		/* Cut it short at another place each time. */
		rig_run(rig, (unsigned)round * 3 * rig->delay_ns);
		roce_disconnect(rig->device[round % 2], rig->connection[round % 2], rig->now_ns);
		rig_run(rig, 10 * RIG_SECOND);
		for (int side = 0; side < 2; side++)
			while (rig_wait(rig, side, &event, RIG_SECOND))
				;
	}
	assert_int_equal(places(&device->works), works);
	assert_int_equal(places(&device->receives), receives);
	assert_int_equal(places(&device->answers), answers);
	assert_int_equal(places(&device->atomics), atomics);
	assert_int_equal(places(&device->events), events);
	assert_int_equal(places(&device->free_queue_pairs), queue_pairs);
	assert_int_equal(places(&device->free_connections), connections);
	rig_destroy(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_idle_connection_is_small),
		cmocka_unit_test(test_answers_run_out),
		cmocka_unit_test(test_atomics_run_out),
		cmocka_unit_test(test_handshakes_run_out),
		cmocka_unit_test(test_work_places_run_out),
		cmocka_unit_test(test_flush_of_all_places),
		cmocka_unit_test(test_queues_add_up),
		cmocka_unit_test(test_nothing_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
