// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moves at random, against a model: fills, write-backs, moves, cancels, lost connections, lost acknowledgements, targets that die
 * or lose their memory, in every order. After each step a page's newest content is in the model's cache, or where its region is.
 */
#include "tests/unit/region_fixture.h"

#define PAGES 24u
#define NODES 3u
#define FIRST_NODE 7u
#define EPOCHS 250u
#define TURNS 4000u
#define SEEDS 150u

enum page_state { ABSENT, FILLING, CLEAN, DIRTY, WRITING };

struct place {
	bool alive;
	uint32_t node;
	uint32_t content[PAGES];
};

static struct {
	struct fixture f;
	uint8_t frames[PAGES][PAGE_BYTES];
	enum page_state state[PAGES];
	uint32_t newest[PAGES];
	struct place places[EPOCHS];		/* by epoch */
	bool up[FAKE_CONNECTIONS];
	uint64_t dead_until_ns[NODES];
	uint32_t current, target;		/* epochs; target 0: no move */
	uint32_t epochs;
	uint32_t value;
	uint32_t moves_done, moves_abandoned, mirrored, again;
} world;

static uint32_t chance;

static uint32_t below(uint32_t bound)
{
	chance = chance * 1664525u + 1013904223u;
	return (chance >> 8) % bound;
}

/* A page of the value, or of zeros. */
static void fill_frame(void *frame, uint32_t value)
{
	memset(frame, 0, PAGE_BYTES);
	memcpy(frame, &value, sizeof(value));
}

static uint32_t frame_value(const void *frame)
{
	uint32_t value;

	memcpy(&value, frame, sizeof(value));
	return value;
}

static struct wire_vm_region place_of(uint32_t epoch)
{
	struct wire_vm_region region = region_at(0, world.places[epoch].node, epoch);

	region.pages = PAGES;
	return region;
}

static void take_done(void)
{
	struct fixture *f = &world.f;

	for (uint32_t i = 0; i < f->done_count; i++) {
		const struct fake_done *done = &f->done[i];
		enum page_state *state = &world.state[done->cookie];

		assert_int_equal(*state, done->write ? WRITING : FILLING);
		if (done->write) {
			*state = done->status == 0 ? CLEAN : DIRTY;
		} else {
			*state = done->status == 0 ? CLEAN : ABSENT;
			if (done->status == 0)
				assert_int_equal(frame_value(world.frames[done->cookie]), world.newest[done->cookie]);
		}
	}
	f->done_count = 0;
}

/* The manager's part: what a move has left behind is destroyed when the client says that it may be. */
static void follow_move(void)
{
	struct wire_vm_region_moved moved;

	if (world.target == 0)
		return;
	assert_int_equal(region_move_status(world.f.client, 0, 0, world.target, &moved, world.f.now_ns), 0);
	switch (moved.state) {
	case WIRE_MOVE_DONE:
		world.moves_done++;
		world.mirrored += (uint32_t)moved.write_backs_mirrored;
		world.again += (uint32_t)moved.pages_moved_again;
		world.places[world.current].alive = false;
		world.current = world.target;
		world.target = 0;
		break;
	case WIRE_MOVE_ABANDONED:
		world.moves_abandoned++;
		world.places[world.target].alive = false;
		world.target = 0;
		break;
	default:
		break;
	}
}

static uint32_t serving_epoch(void)
{
	struct wire_vm_region_moved moved;

	if (world.target == 0)
		return world.current;
	assert_int_equal(region_move_status(world.f.client, 0, 0, world.target, &moved, world.f.now_ns), 0);
	return moved.state == WIRE_MOVE_SWITCHED ? world.target : world.current;
}

static void check(void)
{
	const struct place *place;

	take_done();
	follow_move();
	place = &world.places[serving_epoch()];
	for (uint32_t i = 0; i < PAGES; i++) {
		if (world.state[i] != DIRTY && world.state[i] != WRITING)
			assert_int_equal(place->content[i], world.newest[i]);
	}
}

/* ------------------------------------------------------------------ the cache */

static void touch(uint32_t page)
{
	struct fixture *f = &world.f;

	switch (world.state[page]) {
	case ABSENT:
		if (!region_page_written(f->client, 0, page)) {
			assert_int_equal(world.newest[page], 0);
			fill_frame(world.frames[page], 0);
			world.state[page] = CLEAN;
		} else if (region_read(f->client, 0, page, world.frames[page], page, f->now_ns) == 0) {
			world.state[page] = FILLING;
		}
		break;
	case CLEAN:
		if (below(3) == 0) {
			world.state[page] = ABSENT;
			break;
		}
		world.newest[page] = below(5) ? ++world.value : 0;
		fill_frame(world.frames[page], world.newest[page]);
		world.state[page] = DIRTY;
		break;
	case DIRTY:
		if (region_write(f->client, 0, page, world.frames[page], page, f->now_ns) == 0)
			world.state[page] = WRITING;
		break;
	default:
		break;
	}
}

/* ------------------------------------------------------------------ nodes and connections */

static uint32_t node_of(uint32_t connection)
{
	return world.f.roce.connections[connection].remote_address - address_of(0) - FIRST_NODE;
}

static bool node_is_dead(uint32_t connection)
{
	return world.dead_until_ns[node_of(connection)] > world.f.now_ns;
}

static void connect_some(void)
{
	for (uint32_t i = 0; i < world.f.roce.connects; i++) {
		if (!world.f.roce.connections[i].alive || world.up[i] || node_is_dead(i) || below(2))
			continue;
		world.up[i] = true;
		established(&world.f, i);
	}
}

static void lose(uint32_t connection, int status)
{
	if (world.f.roce.connections[connection].alive && world.up[connection])
		connection_fails(&world.f, connection, status);
}

/* Some work is carried out, in no order; its acknowledgement may be lost. */
static void serve(void)
{
	struct fixture *f = &world.f;
	uint32_t index, connection, epoch, page;
	struct fake_work work;
	struct place *place;

	if (f->roce.works_count == 0)
		return;
	index = below(f->roce.works_count);
	connection = f->roce.works[index].qpn - 1001;
	if (node_is_dead(connection))
		return;
	work = f->roce.works[index];
	epoch = work.rkey - rkey_of(0, 0);
	page = (uint32_t)((work.address - BASE) / PAGE_BYTES);
	assert_true(epoch < EPOCHS && page < PAGES);
	place = &world.places[epoch];
	assert_int_equal(place->node, node_of(connection) + FIRST_NODE);
	if (!place->alive) {
		/* Only a target that lost its memory is ever asked in vain (G9). */
		assert_int_equal(epoch, world.target);
		lose(connection, -EACCES);
		return;
	}
	if (work.opcode == ROCE_WRITE)
		place->content[page] = frame_value(work.local);
	else
		fill_frame((void *)(uintptr_t)work.local, place->content[page]);
	if (below(20) == 0)
		lose(connection, -ETIMEDOUT);
	else
		work_done(f, index, 0);
}

/* ------------------------------------------------------------------ the manager, and trouble */

static void move(void)
{
	const struct wire_move_pace pace = { .slowdown_permille = 1500, .pages_per_second_min = 1 + below(100000) };
	struct wire_vm_region target;
	uint32_t node;

	if (world.target > 0 || world.epochs + 1 == EPOCHS)
		return;
	node = FIRST_NODE + below(NODES);
	if (node == world.places[world.current].node)
		return;
	world.target = ++world.epochs;
	world.places[world.target] = (struct place){ .alive = true, .node = node };
	target = place_of(world.target);
	assert_int_equal(region_move(world.f.client, 0, &target, &pace, world.f.now_ns), 0);
}

static void trouble(void)
{
	uint32_t node = below(NODES), what = below(4);
	bool serves = node + FIRST_NODE == world.places[serving_epoch()].node;

	if (what == 0) {
		/* As long as the client's patience with a target, and less than with the place that serves. */
		world.dead_until_ns[node] = world.f.now_ns + (serves ? UINT64_C(1000000000) : UINT64_C(4000000000));
	} else if (what == 1 && world.target > 0) {
		assert_int_equal(region_move_cancel(world.f.client, 0, 0, world.target), 0);
	} else if (what == 2 && world.target > 0 && serving_epoch() != world.target && below(3) == 0) {
		world.places[world.target].alive = false;
	} else if (world.f.roce.connects > 0) {
		lose(below(world.f.roce.connects), -ETIMEDOUT);
	}
}

static void turn(void)
{
	uint32_t what = below(100);

	if (what < 45)
		touch(below(PAGES));
	else if (what < 85)
		serve();
	else if (what < 92)
		connect_some();
	else if (what < 94)
		move();
	else if (below(40) == 0)
		trouble();
	else if (below(60) == 0)
		world.f.now_ns += UINT64_C(1100000000);
	else
		world.f.now_ns += below(200000);
	region_poll(world.f.client, world.f.now_ns);
	check();
}

static void life(uint32_t seed)
{
	struct fixture *f = &world.f;

	memset(&world, 0, sizeof(world));
	chance = seed;
	fixture_init(f);
	world.current = world.epochs = 1;
	world.places[1] = (struct place){ .alive = true, .node = FIRST_NODE };
	start_vm(f, 0, PAGES, FIRST_NODE);
	for (uint32_t i = 0; i < TURNS && f->roce.connects < FAKE_CONNECTIONS - 8; i++)
		turn();
	/* All work together again: everything ends. */
	memset(world.dead_until_ns, 0, sizeof(world.dead_until_ns));
	for (uint32_t i = 0; i < 2000; i++) {
		connect_some();
		serve();
		f->now_ns += 1000000;
		region_poll(f->client, f->now_ns);
		check();
	}
	assert_int_equal(world.target, 0);
	assert_int_equal(f->roce.works_count, 0);
	for (uint32_t i = 0; i < PAGES; i++)
		assert_true(world.state[i] != WRITING && world.state[i] != FILLING);
	assert_true(region_move_stop(f->client, 0));
	region_vm_destroy(f->client, 0);
	fixture_free(f);
}

static void nothing_is_lost(void **state)
{
	uint32_t done = 0, abandoned = 0, mirrored = 0, again = 0;

	(void)state;
	for (uint32_t seed = 1; seed <= SEEDS; seed++) {
		life(seed);
		done += world.moves_done;
		abandoned += world.moves_abandoned;
		mirrored += world.mirrored;
		again += world.again;
	}
	print_message("moves done %u, abandoned %u; write-backs mirrored %u, copies in vain %u\n", done, abandoned, mirrored, again);
	/* The lives went where they should. */
	assert_true(done > 4 * SEEDS && abandoned > SEEDS && mirrored > 10 * SEEDS && again > SEEDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(nothing_is_lost) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
