// SPDX-License-Identifier: GPL-2.0-only
/* The life of a node: the table, that documentation and code have the same one, and that nothing leads out of it. */
#include "tests/unit/gmm_fixture.h"

#define MANUAL "docs/manager.md"	/* tests run in the project's top directory */
#define REGION_MIB (REGION_BYTES >> 20)

static struct rack *rack;
static struct gmm_node *m1;

static void begin(void)
{
	rack = rack_new();
	rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	rack_node(rack, "m1", WIRE_ROLE_MEMORY, 16 * REGION_MIB);
	rack_node(rack, "m2", WIRE_ROLE_MEMORY, 16 * REGION_MIB);
	m1 = gmm_core_node_named(rack->core, "m1");
}

static void end(void)
{
	rack_free(rack);
}

static int set_admin(enum gmm_node_admin admin)
{
	return gmm_core_node_set_admin(rack->core, "m1", admin, rack->now_ns);
}

static void cut_off(void)
{
	model_of(rack, m1->id)->linked = false;
	rack_pass(rack, (LEASE_MS + 1000) * SECOND / 1000);
}

static void boot(void)
{
	gmm_core_node_boots(rack->core, m1, rack->now_ns);
}

/* ---------------------------------------------------------------- the table */

static void test_table(void **state)
{
	(void)state;
	for (const struct gmm_life_step *step = gmm_life_steps; step->from != step->to; step++) {
		assert_true(step->from < GMM_LIFE_STATES && step->to < GMM_LIFE_STATES && step->by[0]);
		assert_true(gmm_life_may(step->from, step->to));
		assert_int_equal(step->command, strncmp(step->by, "node ", 5) == 0);
		for (const struct gmm_life_step *other = gmm_life_steps; other < step; other++)
			assert_false(other->from == step->from && other->to == step->to);
	}
	/* Nothing comes back from retirement but by being forgotten, and nobody who was never admitted gets further. */
	for (enum gmm_life life = 0; life < GMM_LIFE_STATES; life++) {
		assert_false(gmm_life_may(life, life));
		assert_int_equal(gmm_life_may(GMM_LIFE_RETIRED, life), life == GMM_LIFE_FORGOTTEN);
		assert_int_equal(gmm_life_may(GMM_LIFE_FORGOTTEN, life), life == GMM_LIFE_DISCOVERED || life == GMM_LIFE_ADMITTED);
		assert_int_equal(gmm_life_may(GMM_LIFE_PENDING, life), life == GMM_LIFE_FORGOTTEN || life == GMM_LIFE_ADMITTED);
		assert_int_equal(gmm_life_may(life, GMM_LIFE_PENDING), life == GMM_LIFE_DISCOVERED);
	}
}

/* docs/manager.md has a line for each state, with exactly the states that it leads to. */
static void test_the_manual_has_the_same_table(void **state)
{
	static char manual[262144];
	FILE *file = fopen(MANUAL, "re");
	size_t len;

	(void)state;
	assert_non_null(file);
	len = fread(manual, 1, sizeof(manual) - 1, file);
	fclose(file);
	assert_true(len < sizeof(manual) - 1);
	manual[len] = '\0';
	for (enum gmm_life life = GMM_LIFE_DISCOVERED; life < GMM_LIFE_STATES; life++) {
		char line[512];
		int at = snprintf(line, sizeof(line), "\n| `%s` | ", gmm_life_name(life));
		const char *row = strstr(manual, line), *cell;

		if (!row)
			fail_msg("%s has no row for %s", MANUAL, gmm_life_name(life));
		at = 0;
		line[0] = '\0';
		for (enum gmm_life to = 0; to < GMM_LIFE_STATES; to++)
			if (gmm_life_may(life, to))
				at += snprintf(line + at, sizeof(line) - (size_t)at, "%s%s", at ? ", " : "", gmm_life_name(to));
		cell = strstr(row + 1, line);
		if (!cell || memchr(row + 1, '\n', (size_t)(cell - row - 1)))
			fail_msg("%s: the row for %s does not say '%s'", MANUAL, gmm_life_name(life), line);
	}
}

/* ---------------------------------------------------------------- lives */

static void test_an_ordinary_life(void **state)
{
	uint8_t mac[6] = { 2, 9, 9, 9, 9, 9 };
	struct gmm_node *node;
	uint64_t since_ns;
	int id;

	(void)state;
	begin();
	id = gmm_core_node_add(rack->core, "m3", WIRE_ROLE_MEMORY, 0x0a4d0020, mac);
	assert_true(id > 0);
	node = gmm_core_node(rack->core, (uint32_t)id);
	assert_int_equal(node->life, GMM_LIFE_ADMITTED);
	rack->nodes[rack->count++] = (struct model_node){ .id = (uint32_t)id, .role = WIRE_ROLE_MEMORY, .incarnation = 7, .capacity_pages = 4096 };
	rack_pass(rack, SECOND);
	gmm_core_node_boots(rack->core, node, rack->now_ns);
	assert_int_equal(node->life, GMM_LIFE_BOOTING);
	assert_int_equal(node->boot_attempts, 1);
	since_ns = rack->now_ns;
	rack_pass(rack, 20 * SECOND);
	assert_int_equal(node->life_ns, since_ns);
	rack_join(rack, (uint32_t)id);
	assert_int_equal(node->life, GMM_LIFE_UP);
	assert_int_equal(node->boot_attempts, 0);
	assert_int_equal(node->life_ns, rack->now_ns);
	model_of(rack, (uint32_t)id)->linked = false;
	rack_pass(rack, 10 * SECOND);
	assert_int_equal(node->life, GMM_LIFE_DOWN);
	model_of(rack, (uint32_t)id)->linked = true;
	rack_pass(rack, SECOND);
	assert_int_equal(node->life, GMM_LIFE_UP);
	end();
}

/* Five boots, or one that takes too long, without a join. */
static void test_failed(void **state)
{
	(void)state;
	begin();
	cut_off();
	for (uint32_t i = 1; i < GMM_LIFE_BOOTS_MAX; i++) {
		boot();
		assert_int_equal(m1->life, GMM_LIFE_BOOTING);
	}
	boot();
	assert_int_equal(m1->life, GMM_LIFE_FAILED);
	boot();
	assert_int_equal(m1->life, GMM_LIFE_FAILED);
	rack_reboot(rack, m1->id);
	assert_int_equal(m1->life, GMM_LIFE_UP);
	cut_off();
	boot();
	rack_pass(rack, GMM_LIFE_BOOT_NS - SECOND);
	assert_int_equal(m1->life, GMM_LIFE_BOOTING);
	rack_pass(rack, SECOND);
	assert_int_equal(m1->life, GMM_LIFE_FAILED);
	boot();
	assert_int_equal(m1->life, GMM_LIFE_BOOTING);
	/* Whoever fetches the script of a node that is up is not that node, until its lease says otherwise. */
	rack_reboot(rack, m1->id);
	boot();
	assert_int_equal(m1->life, GMM_LIFE_UP);
	cut_off();
	assert_int_equal(m1->life, GMM_LIFE_BOOTING);
	end();
}

static void test_set_aside(void **state)
{
	(void)state;
	begin();
	assert_int_equal(set_admin(GMM_ADMIN_CORDONED), 0);
	assert_int_equal(m1->life, GMM_LIFE_CORDONED);
	cut_off();
	assert_int_equal(m1->life, GMM_LIFE_DOWN);
	/* What the operator wants of it lasts, whether it is there or not. */
	rack_reboot(rack, m1->id);
	assert_int_equal(m1->life, GMM_LIFE_CORDONED);
	assert_int_equal(set_admin(GMM_ADMIN_MAINTENANCE), 0);
	cut_off();
	boot();
	assert_int_equal(m1->life, GMM_LIFE_MAINTENANCE);
	assert_int_equal(set_admin(GMM_ADMIN_ADMITTED), 0);
	assert_int_equal(m1->life, GMM_LIFE_BOOTING);
	rack_reboot(rack, m1->id);
	assert_int_equal(m1->life, GMM_LIFE_UP);
	assert_int_equal(set_admin(GMM_ADMIN_DRAINING), 0);
	assert_int_equal(m1->life, GMM_LIFE_DRAINING);
	assert_int_equal(set_admin(GMM_ADMIN_MAINTENANCE), 0);
	assert_int_equal(set_admin(GMM_ADMIN_RETIRED), 0);
	assert_int_equal(m1->life, GMM_LIFE_RETIRED);
	end();
}

static void test_a_new_manager_expects_it(void **state)
{
	(void)state;
	begin();
	rack_keep(rack);
	rack_kill(rack);
	m1 = gmm_core_node_named(rack->core, "m1");
	assert_int_equal(m1->life, GMM_LIFE_EXPECTED);
	rack_return(rack);
	assert_int_equal(m1->life, GMM_LIFE_UP);
	rack_keep(rack);
	rack_kill(rack);
	m1 = gmm_core_node_named(rack->core, "m1");
	model_of(rack, m1->id)->linked = false;
	rack_pass(rack, GMM_RETURN_MS * SECOND / 1000 + SECOND);
	assert_int_equal(m1->life, GMM_LIFE_DOWN);
	end();
}

/* All courses of three things, one after the other: the core asserts that the table has the way. */
static void one_thing(unsigned which)
{
	switch (which) {
	case 0: set_admin(GMM_ADMIN_CORDONED); break;
	case 1: set_admin(GMM_ADMIN_DRAINING); break;
	case 2: set_admin(GMM_ADMIN_MAINTENANCE); break;
	case 3: set_admin(GMM_ADMIN_ADMITTED); break;
	case 4: set_admin(GMM_ADMIN_RETIRED); break;
	case 5: cut_off(); break;
	case 6:
		if (m1->admin != GMM_ADMIN_RETIRED)
			rack_reboot(rack, m1->id);
		break;
	case 7: boot(); break;
	case 8:
		for (uint32_t i = 0; i < GMM_LIFE_BOOTS_MAX; i++)
			boot();
		break;
	case 9: rack_pass(rack, GMM_LIFE_BOOT_NS + SECOND); break;
	case 10:
		rack_keep(rack);
		rack_kill(rack);
		m1 = gmm_core_node_named(rack->core, "m1");
		break;
	case 11:
		model_of(rack, m1->id)->linked = true;
		rack_pass(rack, SECOND);
		break;
	default: fail();
	}
	gmm_core_check(rack->core);
}
#define THINGS 12u

static void test_nothing_leads_out_of_the_table(void **state)
{
	bool reached[GMM_LIFE_STATES] = { false };

	(void)state;
	begin();
	for (unsigned course = 0; course < THINGS * THINGS * THINGS; course++) {
		for (unsigned step = 0, rest = course; step < 3; step++, rest /= THINGS) {
			one_thing(rest % THINGS);
			reached[m1->life] = true;
		}
		if (m1->admin == GMM_ADMIN_RETIRED) {
			end();
			begin();
		}
	}
	end();
	for (enum gmm_life life = GMM_LIFE_BOOTING; life < GMM_LIFE_STATES; life++)
		if (!reached[life])
			fail_msg("no course led to %s", gmm_life_name(life));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_the_manual_has_the_same_table),
		cmocka_unit_test(test_an_ordinary_life),
		cmocka_unit_test(test_failed),
		cmocka_unit_test(test_set_aside),
		cmocka_unit_test(test_a_new_manager_expects_it),
		cmocka_unit_test(test_nothing_leads_out_of_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
