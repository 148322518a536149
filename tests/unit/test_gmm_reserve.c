// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rebuild reserve, against all that could have been chosen instead: a VM is refused for it exactly when no choice within its spread
 * keeps it, by every policy, and moves, drains and balancing take nothing of it.
 */
#include "gmm/core/internal.h"
#include "gmm/core/placing.h"
#include "tests/unit/gmm_fixture.h"

#define REGION_MIB (REGION_BYTES >> 20)
#define MEMORIES 5u
#define LATER_NS (GMM_BALANCE_COOLDOWN_NS + 10 * SECOND)

static uint64_t chance = 1;

static uint32_t draw(uint32_t bound)
{
	chance = chance * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(chance >> 33) % bound;
}

/* ---------------------------------------------------------------- racks of all shapes, without the rest of the manager */

static void random_rack(struct gmm_core *core, enum gmm_placement placement)
{
	core->config.rebuild_reserve = true;
	core->config.placement = placement;
	core->chance = draw(1000);
	core->placed_last = 0;
	core->node_count = 2 + draw(MEMORIES - 1);
	core->region_top = core->regions_used = 0;
	core->region_free = GMM_NONE;
	for (uint32_t i = 0; i < core->node_count; i++) {
		struct gmm_node *node = &core->nodes[i];

		*node = (struct gmm_node){
			.id = GMM_NODE_FIRST + i, .reclaim_first = GMM_NONE, .role = draw(10) ? WIRE_ROLE_MEMORY : WIRE_ROLE_PROCESS,
			.state = draw(10) ? GMM_NODE_UP : GMM_NODE_DOWN, .admin = draw(10) ? GMM_ADMIN_ADMITTED : GMM_ADMIN_CORDONED,
			.join.capacity_pages = draw(9 * REGION_PAGES) + 1,
		};
		/* Whole ones, and some that are smaller. */
		for (uint32_t left = draw(5); left; left--) {
			uint32_t pages = draw(2) ? REGION_PAGES : 1 + draw(REGION_PAGES);

			if (gmm_node_pages_free(node) < pages)
				continue;
			node->pages_reserved += pages;
			node->regions_reserved++;
		}
		snprintf(node->name, sizeof(node->name), "m%u", i);
		if (draw(2))
			snprintf(node->domain, sizeof(node->domain), "d%u", draw(3));
	}
	gmm_domains_number(core);
}

static void put(struct gmm_core *core, uint32_t at, uint32_t regions, uint32_t pages)
{
	core->nodes[at].pages_reserved += (uint64_t)regions * pages;
	core->nodes[at].regions_reserved += regions;
}

static void take(struct gmm_core *core, uint32_t at, uint32_t regions, uint32_t pages)
{
	core->nodes[at].pages_reserved -= (uint64_t)regions * pages;
	core->nodes[at].regions_reserved -= regions;
}

static bool fails_with(const struct gmm_node *one, const struct gmm_node *other)
{
	return one == other || (one->domain[0] && strcmp(one->domain, other->domain) == 0);
}

/* The definition: whichever component fails, with all of its domain, the regions there have places elsewhere. */
static bool could_be_rebuilt(const struct gmm_core *core)
{
	for (uint32_t f = 0; f < core->node_count; f++) {
		uint64_t lost = 0, places = 0;

		for (uint32_t i = 0; core->nodes[f].role == WIRE_ROLE_MEMORY && i < core->node_count; i++) {
			const struct gmm_node *node = &core->nodes[i];

			if (node->role != WIRE_ROLE_MEMORY)
				continue;
			if (fails_with(&core->nodes[f], node))
				lost += node->regions_reserved;
			else if (gmm_node_eligible(node))
				places += gmm_node_pages_free(node) / REGION_PAGES;
		}
		if (lost > places)
			return false;
	}
	return true;
}

/* Is there a way to put so many whole regions on the nodes from `at` on, and then the smaller one on any, on so many nodes at most? */
static bool some_choice_holds(struct gmm_core *core, uint32_t at, uint32_t regions, uint32_t tail_pages, uint32_t members, uint32_t spread)
{
	bool found = false;

	if (at == core->node_count) {
		if (regions || (uint32_t)__builtin_popcount(members) > spread)
			return false;
		found = tail_pages == 0 && could_be_rebuilt(core);
		for (uint32_t i = 0; tail_pages && !found && i < core->node_count; i++) {
			if (!gmm_takes_regions(&core->nodes[i]) || gmm_node_pages_free(&core->nodes[i]) < tail_pages ||
			    (uint32_t)__builtin_popcount(members | 1u << i) > spread)
				continue;
			put(core, i, 1, tail_pages);
			found = could_be_rebuilt(core);
			take(core, i, 1, tail_pages);
		}
		return found;
	}
	for (uint32_t count = 0; !found && count <= regions; count++) {
		if (count && (!gmm_takes_regions(&core->nodes[at]) || gmm_node_pages_free(&core->nodes[at]) < (uint64_t)count * REGION_PAGES))
			break;
		put(core, at, count, REGION_PAGES);
		found = some_choice_holds(core, at + 1, regions - count, tail_pages, members | (count ? 1u << at : 0), spread);
		take(core, at, count, REGION_PAGES);
	}
	return found;
}

static struct gmm_vm_spec random_spec(void)
{
	struct gmm_vm_spec spec = { .memory_bytes = (draw(7 * REGION_PAGES) + 1) * (uint64_t)PAGE_BYTES, .spread = draw(4) };

	if (draw(3) == 0)
		spec.memory_bytes = (spec.memory_bytes / REGION_BYTES + 1) * REGION_BYTES;
	return spec;
}

/* P4: refused exactly when nothing that could be chosen keeps the reserve. */
static void test_what_could_be_rebuilt_is_placed(void **state)
{
	struct gmm_core *core = calloc(1, sizeof(*core));
	uint32_t placed = 0, refused = 0, beside = 0;

	(void)state;
	for (uint32_t turn = 0; turn < 60000; turn++) {
		struct gmm_vm_spec spec = random_spec();
		uint64_t left = spec.memory_bytes / PAGE_BYTES;
		uint32_t nodes[REGIONS_PER_VM_MAX], whole = (uint32_t)(left / REGION_PAGES), tail = (uint32_t)(left % REGION_PAGES);
		struct gmm_reserve reserve;
		bool holds;

		random_rack(core, (enum gmm_placement)(turn % GMM_PLACEMENTS));
		assert_int_equal(gmm_reserve_holds(core), could_be_rebuilt(core));
		holds = some_choice_holds(core, 0, whole, tail, 0, spec.spread ? spec.spread : core->node_count);
		assert_int_equal(gmm_place_regions(core, &spec, nodes), holds ? 0 : -ENOSPC);
		if (!holds) {
			refused += strstr(core->refusal, "the rebuild reserve does not allow it") != NULL;
			continue;
		}
		gmm_reserve_count(core, NULL, &reserve);
		placed++;
		beside += tail && reserve.spare == whole;
		for (uint32_t i = 0; left; i++) {
			uint32_t pages = left < REGION_PAGES ? (uint32_t)left : REGION_PAGES;

			put(core, nodes[i] - GMM_NODE_FIRST, 1, pages);
			left -= pages;
			assert_true(could_be_rebuilt(core) && gmm_reserve_holds(core));
		}
	}
	/* Many of each kind, also of those where the smaller region has few places to go to. */
	assert_true(placed > 10000 && refused > 5000);
	assert_true(beside > 500);
	free(core);
}

/* B2, B3: what a region takes of each domain's spare places. */
static void test_what_a_region_takes(void **state)
{
	struct gmm_core *core = calloc(1, sizeof(*core));

	(void)state;
	for (uint32_t turn = 0; turn < 20000; turn++) {
		struct gmm_reserve before, after;
		uint32_t at, pages = draw(2) ? REGION_PAGES : 1 + draw(REGION_PAGES - 1);
		bool beside;

		random_rack(core, GMM_PLACEMENT_LEAST);
		at = draw(core->node_count);
		if (!gmm_takes_regions(&core->nodes[at]) || gmm_node_pages_free(&core->nodes[at]) < pages)
			continue;
		beside = gmm_node_pages_free(&core->nodes[at]) % REGION_PAGES >= pages;
		gmm_reserve_count(core, NULL, &before);
		put(core, at, 1, pages);
		gmm_reserve_count(core, NULL, &after);
		for (uint32_t i = 0; i < core->node_count; i++) {
			uint32_t domain = core->nodes[i].domain_first - GMM_NODE_FIRST;

			if (core->nodes[i].role == WIRE_ROLE_MEMORY)
				assert_int_equal(before.spare_of[domain] - after.spare_of[domain],
						 !beside || fails_with(&core->nodes[i], &core->nodes[at]));
		}
	}
	free(core);
}

/* One region after the other, as they are wanted: none is refused while any component within the spread could take it. */
static void test_one_at_a_time(void **state)
{
	struct gmm_core *core = calloc(1, sizeof(*core));
	uint32_t placed = 0, refused = 0;

	(void)state;
	for (uint32_t turn = 0; turn < 6000; turn++) {
		struct gmm_vm vm = { .id = 1, .region_first = GMM_NONE, .move = GMM_NONE, .spec = random_spec() };
		uint64_t left = vm.spec.memory_bytes / PAGE_BYTES;

		random_rack(core, (enum gmm_placement)(turn % GMM_PLACEMENTS));
		for (uint32_t *link = &vm.region_first; left; link = &core->regions[*link].next) {
			uint32_t pages = left < REGION_PAGES ? (uint32_t)left : REGION_PAGES;
			struct gmm_node *node = gmm_place_region(core, &vm, pages);
			struct gmm_node_set set = gmm_copyset(core, &vm, 0);
			bool could = false;

			for (uint32_t i = 0; i < core->node_count; i++) {
				if (!gmm_takes_regions(&core->nodes[i]) || gmm_node_pages_free(&core->nodes[i]) < pages ||
				    (vm.spec.spread && !gmm_set_has(&set, core->nodes[i].id) && set.count >= vm.spec.spread))
					continue;
				put(core, i, 1, pages);
				could = could || could_be_rebuilt(core);
				take(core, i, 1, pages);
			}
			assert_int_equal(node != NULL, could);
			placed += node != NULL;
			refused += node == NULL;
			if (!node)
				break;
			*link = gmm_region_allocate(core, vm.id, vm.region_count++, pages, node->id, GMM_NODE_FIRST);
			assert_true(gmm_reserve_holds(core));
			left -= pages;
		}
		gmm_core_kept(core);
	}
	assert_true(placed > 2000 && refused > 500);
	free(core);
}

/* Sums of pages would let it in: 3 regions of 40 MiB, and two places of 64 MiB elsewhere. */
static void test_each_region_has_a_place_of_its_own(void **state)
{
	struct gmm_core *core = calloc(1, sizeof(*core));
	struct gmm_vm_spec spec = { .memory_bytes = 40 << 20 };
	uint32_t nodes[REGIONS_PER_VM_MAX];

	(void)state;
	random_rack(core, GMM_PLACEMENT_LEAST);
	core->node_count = 2;
	for (uint32_t i = 0; i < 2; i++)
		core->nodes[i] = (struct gmm_node){ .id = GMM_NODE_FIRST + i, .role = WIRE_ROLE_MEMORY, .state = GMM_NODE_UP,
						    .name = { 'm', (char)('0' + i) }, .join.capacity_pages = (2 + 2 * i) * REGION_PAGES };
	gmm_domains_number(core);
	put(core, 1, 2, 40 * MIB_PAGES);
	assert_true(gmm_reserve_holds(core));
	assert_int_equal(gmm_place_regions(core, &spec, nodes), -ENOSPC);
	assert_string_equal(core->refusal, "the rebuild reserve does not allow it: m1 holds 2 regions, the others have places for 2: so 0 more "
					   "could be rebuilt if it failed, and the VM has 1; add memory, destroy VMs, or set rebuild_reserve = no");
	put(core, 1, 1, 40 * MIB_PAGES);
	assert_false(gmm_reserve_holds(core));
	free(core);
}

/* ---------------------------------------------------------------- what has to leave its component */

/* Where a region goes from a component that is drained: if one of the others keeps the reserve, to such a one, else to any with room. */
static void test_away_keeps_it_if_it_can(void **state)
{
	struct gmm_core *core = calloc(1, sizeof(*core));
	uint32_t kept = 0, not_kept = 0, nowhere = 0;

	(void)state;
	for (uint32_t turn = 0; turn < 20000; turn++) {
		uint32_t pages = draw(3) ? 1 + draw(REGION_PAGES - 1) : REGION_PAGES;
		struct gmm_vm vm = { .id = 1, .region_count = 1, .move = GMM_NONE, .spec.memory_bytes = (uint64_t)pages * PAGE_BYTES };
		bool room = false, could = false;
		struct gmm_node *node;

		random_rack(core, (enum gmm_placement)(turn % GMM_PLACEMENTS));
		if (core->nodes[0].role != WIRE_ROLE_MEMORY || gmm_node_pages_free(&core->nodes[0]) < pages)
			continue;
		core->nodes[0].admin = GMM_ADMIN_DRAINING;
		vm.region_first = gmm_region_allocate(core, vm.id, 0, pages, GMM_NODE_FIRST, GMM_NODE_FIRST);
		node = gmm_place_away(core, &vm, vm.region_first);
		take(core, 0, 1, pages);
		for (uint32_t i = 1; i < core->node_count; i++) {
			if (!gmm_takes_regions(&core->nodes[i]) || gmm_node_pages_free(&core->nodes[i]) < pages)
				continue;
			room = true;
			put(core, i, 1, pages);
			could = could || could_be_rebuilt(core);
			take(core, i, 1, pages);
		}
		assert_int_equal(node != NULL, room);
		nowhere += !room;
		if (node)
			put(core, node->id - GMM_NODE_FIRST, 1, pages);
		if (could)
			assert_true(could_be_rebuilt(core));
		kept += could;
		not_kept += room && !could;
		gmm_core_kept(core);
	}
	assert_true(kept > 1000 && not_kept > 1000);
	assert_true(nowhere > 500);
	free(core);
}

/* ---------------------------------------------------------------- in a rack */

#define M(number) (GMM_NODE_FIRST + 1 + (number))

static struct rack *rack_of(uint32_t memories, const uint32_t mib[])
{
	struct rack *rack = rack_new();
	char name[16];

	rack->core->config.rebuild_reserve = true;
	rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	for (uint32_t i = 0; i < memories; i++) {
		snprintf(name, sizeof(name), "m%u", i);
		rack_node(rack, name, WIRE_ROLE_MEMORY, mib[i]);
	}
	return rack;
}

static uint32_t node_of(struct rack *rack, const char *name, uint32_t index)
{
	uint32_t at = gmm_core_vm_named(rack->core, name)->region_first;

	while (rack->core->regions[at].index != index)
		at = rack->core->regions[at].next;
	return rack->core->regions[at].node;
}

/* What is said is what is done, whether it is refused or not. */
static void test_dry_run_agrees(void **state)
{
	uint32_t placed = 0, refused = 0;

	(void)state;
	for (uint32_t turn = 0; turn < 60; turn++) {
		struct rack *rack = rack_of(4, (const uint32_t[]){ 64 + draw(600), 64 + draw(600), 64 + draw(600), 64 + draw(600) });

		rack->core->config.placement = (enum gmm_placement)(turn % GMM_PLACEMENTS);
		for (uint32_t i = 0; i < 4; i++)
			if (draw(2))
				gmm_core_node_set_domain(rack->core, M(i), draw(2) ? "a" : "b");
		for (uint32_t i = 0; i < 8; i++) {
			struct gmm_vm_spec spec = vm_spec("vm0", 1 + draw(400), 1);
			char words[GMM_TEXT_BYTES];
			struct gmm_vm_plan plan;
			struct gmm_finished finished;
			int status;

			spec.name[2] = (char)('0' + i);
			spec.spread = draw(4);
			status = gmm_core_vm_create_plan(rack->core, &spec, &plan);
			memcpy(words, rack->core->refusal, sizeof(words));
			assert_int_equal(rack_create_spec(rack, &spec, &finished), status);
			placed += status == 0;
			refused += status != 0 && strstr(words, "rebuild reserve") != NULL;
			if (status) {
				assert_string_equal(rack->core->refusal, words);
				continue;
			}
			for (uint32_t m = 0; m < 4; m++)
				assert_int_equal(gmm_copyset_regions(rack->core, gmm_core_vm_named(rack->core, spec.name), M(m)),
						 plan.regions[M(m) - GMM_NODE_FIRST]);
			assert_true(gmm_reserve_holds(rack->core));
		}
		rack_free(rack);
	}
	assert_true(placed > 50 && refused > 50);
}

/* 10 regions leave spare places to m0 and m1 only, and these have 32 MiB beside whole regions: the policy alone would take m2 or m3. */
static struct rack *rack_with_tail(struct gmm_vm_spec *spec)
{
	struct rack *rack = rack_of(4, (const uint32_t[]){ 3 * REGION_MIB + 32, 3 * REGION_MIB + 32, 4 * REGION_MIB, 4 * REGION_MIB });
	struct gmm_finished finished;

	*spec = vm_spec("a", 10 * REGION_MIB + 48, 1);
	assert_int_equal(rack_create_spec(rack, spec, &finished), -ENOSPC);
	assert_non_null(strstr(rack->core->refusal, "m2 holds 0 regions, the others have places for 10: so 10 more could be rebuilt if it "
						    "failed, and the VM has 11"));
	spec->memory_bytes = 11 * REGION_BYTES;
	assert_int_equal(rack_create_spec(rack, spec, &finished), -ENOSPC);
	spec->memory_bytes = 10 * REGION_BYTES + (32 << 20);
	assert_int_equal(rack_create_spec(rack, spec, &finished), 0);
	assert_true(gmm_reserve_holds(rack->core));
	return rack;
}

static int move(struct rack *rack, uint32_t index, uint32_t to)
{
	const struct gmm_region *region;
	struct gmm_finished finished;
	uint64_t operation;
	const char *name = gmm_core_node(rack->core, to)->name;
	int planned = gmm_core_region_move_plan(rack->core, "a", index, name, &region);
	int status = gmm_core_region_move(rack->core, "a", index, name, &operation, rack->now_ns);

	assert_int_equal(planned, status);
	if (status)
		return status;
	rack_run(rack, 5 * SECOND);
	assert_true(rack_finished(rack, operation, &finished));
	return finished.status;
}

static void test_moves_by_name(void **state)
{
	struct gmm_vm_spec spec;
	struct rack *rack = rack_with_tail(&spec);
	uint32_t tail_on = node_of(rack, "a", 10), other = tail_on == M(0) ? M(1) : M(0), index = 0;

	(void)state;
	assert_true(tail_on == M(0) || tail_on == M(1));
	/* A whole place of m3 is one less for everybody; beside those of the other one it takes none. */
	assert_int_equal(move(rack, 10, M(3)), -EBUSY);
	assert_non_null(strstr(rack->core->refusal, "on m3 the region would take a place that the rebuild reserve needs"));
	assert_int_equal(move(rack, 10, other), 0);
	assert_true(gmm_reserve_holds(rack->core));
	/* Whole ones may go anywhere, though not one more could be placed. */
	while (node_of(rack, "a", index) != M(2))
		index++;
	assert_int_equal(move(rack, index, M(3)), 0);
	assert_true(gmm_reserve_holds(rack->core));
	/* What is not admitted does not count on it. */
	assert_int_equal(gmm_core_node_set_admin(rack->core, gmm_core_node(rack->core, other)->name, GMM_ADMIN_CORDONED, rack->now_ns), 0);
	assert_int_equal(move(rack, 10, M(2)), 0);
	rack_free(rack);
}

/* A drain goes on without it; then nothing is let in until there is room again. */
static void test_drain_goes_on(void **state)
{
	struct gmm_vm_spec spec;
	struct rack *rack = rack_with_tail(&spec);
	struct gmm_finished finished;
	uint64_t operation;

	(void)state;
	assert_int_equal(gmm_core_node_drain(rack->core, "m3", &operation, rack->now_ns), 0);
	rack_run(rack, 60 * SECOND);
	assert_true(rack_finished(rack, operation, &finished));
	assert_int_equal(finished.status, 0);
	assert_int_equal(gmm_core_node(rack->core, M(3))->regions_reserved, 0);
	assert_false(gmm_reserve_holds(rack->core));
	assert_int_equal(rack_create(rack, "b", 1, &finished), -ENOSPC);
	assert_non_null(strstr(rack->core->refusal, "the rebuild reserve does not allow it"));
	rack_free(rack);
}

static uint32_t smaller_moves(struct rack *rack)
{
	const struct gmm_balance *plan = rack->core->config.plan;
	uint32_t count = 0;

	gmm_balance_plan(rack->core, rack->core->config.plan, rack->now_ns);
	for (uint32_t i = 0; i < plan->move_count; i++)
		count += plan->moves[i].pages < REGION_PAGES;
	return count;
}

/* Whole regions take nothing of it, others stay. */
static void test_balance_moves_whole_regions(void **state)
{
	struct rack *rack = rack_of(3, (const uint32_t[]){ 16 * REGION_MIB, 16 * REGION_MIB, 16 * REGION_MIB });
	struct gmm_finished finished;
	uint64_t operation;
	char name[16];

	(void)state;
	for (uint32_t i = 0; i < 7; i++) {
		snprintf(name, sizeof(name), "vm%u", i);
		assert_int_equal(rack_create(rack, name, 3 * REGION_MIB + 32, &finished), 0);
	}
	rack_node(rack, "m3", WIRE_ROLE_MEMORY, 16 * REGION_MIB);
	rack_pass(rack, LATER_NS);
	rack->core->config.rebuild_reserve = false;
	assert_true(smaller_moves(rack) > 0);
	rack->core->config.rebuild_reserve = true;
	assert_int_equal(smaller_moves(rack), 0);
	assert_true(rack->core->config.plan->move_count > 3);
	assert_int_equal(gmm_core_balance(rack->core, &operation, rack->now_ns), 0);
	rack_run(rack, 60 * SECOND);
	assert_true(rack_finished(rack, operation, &finished));
	assert_int_equal(finished.status, 0);
	assert_true(gmm_reserve_holds(rack->core));
	rack_free(rack);
}

/* A region that was promised waits as long as only a choice that breaks the reserve is left. */
static void test_promised_regions_wait(void **state)
{
	struct gmm_vm_spec spec;
	struct rack *rack = rack_with_tail(&spec);
	struct gmm_vm_spec promised = vm_spec("b", 32, 1);
	struct gmm_finished finished;
	uint64_t operation;

	(void)state;
	promised.overcommit = GMM_OVERCOMMIT_MEMORY;
	assert_int_equal(rack_create_spec(rack, &promised, &finished), 0);
	model_want(rack, GMM_NODE_FIRST, gmm_core_vm_named(rack->core, "b")->id, 0);
	rack_run(rack, 2 * SECOND);
	/* The other one of m0 and m1 has 32 MiB beside its whole places, and its domain a place to spare. */
	assert_true(node_of(rack, "b", 0) == M(0) || node_of(rack, "b", 0) == M(1));
	assert_true(node_of(rack, "b", 0) != node_of(rack, "a", 10));
	promised.name[0] = 'c';
	assert_int_equal(rack_create_spec(rack, &promised, &finished), 0);
	model_want(rack, GMM_NODE_FIRST, gmm_core_vm_named(rack->core, "c")->id, 0);
	rack_run(rack, 2 * SECOND);
	assert_int_equal(node_of(rack, "c", 0), 0);
	assert_int_equal(gmm_core_region_move(rack->core, "c", 0, "m3", &operation, rack->now_ns), -EBUSY);
	assert_non_null(strstr(rack->core->refusal, "the region is "));
	assert_int_equal(gmm_core_region_move(rack->core, "a", 10, "p1", &operation, rack->now_ns), -EINVAL);
	assert_int_equal(rack_destroy(rack, "b"), 0);
	rack_run(rack, 2 * SECOND);
	assert_true(node_of(rack, "c", 0) != 0);
	assert_true(gmm_reserve_holds(rack->core));
	rack_free(rack);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_could_be_rebuilt_is_placed),
		cmocka_unit_test(test_what_a_region_takes),
		cmocka_unit_test(test_one_at_a_time),
		cmocka_unit_test(test_each_region_has_a_place_of_its_own),
		cmocka_unit_test(test_away_keeps_it_if_it_can),
		cmocka_unit_test(test_dry_run_agrees),
		cmocka_unit_test(test_moves_by_name),
		cmocka_unit_test(test_drain_goes_on),
		cmocka_unit_test(test_balance_moves_whole_regions),
		cmocka_unit_test(test_promised_regions_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
