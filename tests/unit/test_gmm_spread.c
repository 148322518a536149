// SPDX-License-Identifier: GPL-2.0-only
/* A VM's regions: placed in one pass as one by one, within its spread, and what drains, moves and balancing make of that. */
#include "gmm/core/internal.h"
#include "gmm/core/placing.h"
#include "tests/unit/gmm_fixture.h"

#define REGION_MIB (REGION_BYTES >> 20)
#define LATER_NS (GMM_BALANCE_COOLDOWN_NS + 10 * SECOND)
#define MEMORIES 7u

static struct gmm_balance plan;
static uint64_t chance = 1;

static uint32_t draw(uint32_t bound)
{
	chance = chance * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(chance >> 33) % bound;
}

static struct gmm_vm *vm_named(struct rack *rack, const char *name)
{
	return gmm_core_vm_named(rack->core, name);
}

static uint32_t components(struct rack *rack, const char *name)
{
	return gmm_copyset(rack->core, vm_named(rack, name), 0).count;
}

static uint32_t regions_on(struct rack *rack, const char *name, uint32_t node)
{
	return gmm_copyset_regions(rack->core, vm_named(rack, name), node);
}

static int create(struct rack *rack, const char *name, uint32_t regions, uint32_t spread)
{
	struct gmm_vm_spec spec = vm_spec(name, regions * REGION_MIB, 1);
	struct gmm_finished finished;

	spec.spread = spread;
	return rack_create_spec(rack, &spec, &finished);
}

/* p1 and p2, and memory components m0... of so many regions. */
static struct rack *rack_of(uint32_t memories, const uint32_t regions[])
{
	struct rack *rack = rack_new();
	char name[16];

	rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	rack_node(rack, "p2", WIRE_ROLE_PROCESS, 64);
	for (uint32_t i = 0; i < memories; i++) {
		snprintf(name, sizeof(name), "m%u", i);
		rack_node(rack, name, WIRE_ROLE_MEMORY, regions[i] * REGION_MIB);
	}
	return rack;
}
#define M(number) (GMM_NODE_FIRST + 2 + (number))
#define CORE_SAYS(core, words) assert_non_null(strstr((core)->refusal, words))
#define SAYS(rack, words) CORE_SAYS((rack)->core, words)

/* ---------------------------------------------------------------- as one by one */

/* A core of memory components only, anew for each case; all but the nodes stays. */
static void random_nodes(struct gmm_core *core, enum gmm_placement placement, uint32_t count, uint32_t regions_max)
{
	core->config.placement = placement;
	core->chance = draw(1000);
	core->placed_last = 0;
	core->node_count = count;
	core->region_top = core->regions_used = 0;
	core->region_free = GMM_NONE;
	for (uint32_t i = 0; i < count; i++) {
		struct gmm_node *node = &core->nodes[i];

		memset(node, 0, sizeof(*node));
		node->id = GMM_NODE_FIRST + i;
		node->role = draw(8) ? WIRE_ROLE_MEMORY : WIRE_ROLE_PROCESS;
		node->state = draw(8) ? GMM_NODE_UP : GMM_NODE_DOWN;
		node->admin = draw(8) ? GMM_ADMIN_ADMITTED : GMM_ADMIN_CORDONED;
		node->join.capacity_pages = draw(regions_max * REGION_PAGES) + 1;
		node->pages_reserved = draw((uint32_t)node->join.capacity_pages);
		snprintf(node->name, sizeof(node->name), "m%u", i);
		if (draw(2))
			snprintf(node->domain, sizeof(node->domain), "d%u", draw(3));
		node->reclaim_first = GMM_NONE;
	}
	gmm_domains_number(core);
}

/* Every region looks at all components anew. */
static int place_one_by_one(struct gmm_core *core, uint64_t pages_left, uint32_t nodes[REGIONS_PER_VM_MAX])
{
	for (uint32_t index = 0; pages_left; index++) {
		uint32_t pages = pages_left < REGION_PAGES ? (uint32_t)pages_left : REGION_PAGES, count = 0;
		const struct gmm_candidate *fits[NODES_MAX], *chosen;
		struct gmm_candidate all[NODES_MAX];

		for (uint32_t i = 0; i < core->node_count; i++) {
			const struct gmm_node *node = &core->nodes[i];

			if (node->role != WIRE_ROLE_MEMORY || !gmm_node_eligible(node) || gmm_node_pages_free(node) < pages)
				continue;
			all[count] = (struct gmm_candidate){ .pages_free = gmm_node_pages_free(node),
							     .pages_capacity = node->join.capacity_pages, .node = node->id };
			fits[count] = &all[count];
			count++;
		}
		if (count == 0)
			return -ENOSPC;
		chosen = gmm_policies[core->config.placement].choose(core, fits, count);
		core->placed_last = nodes[index] = chosen->node;
		gmm_core_node(core, chosen->node)->pages_reserved += pages;
		pages_left -= pages;
	}
	return 0;
}

static void test_choices_are_those_of_one_by_one(void **state)
{
	struct gmm_core *core = calloc(1, sizeof(*core));
	uint32_t placed = 0, refused = 0;

	(void)state;
	for (uint32_t turn = 0; turn < 6000; turn++) {
		uint32_t naive[REGIONS_PER_VM_MAX], nodes[REGIONS_PER_VM_MAX], last;
		struct gmm_vm_spec spec = { .memory_bytes = (draw(40 * REGION_PAGES) + 1) * (uint64_t)PAGE_BYTES };
		uint64_t first_chance, reserved[NODES_MAX];
		int status;

		random_nodes(core, (enum gmm_placement)(turn % GMM_PLACEMENTS), 1 + draw(24), 12);
		first_chance = core->chance;
		for (uint32_t i = 0; i < core->node_count; i++)
			reserved[i] = core->nodes[i].pages_reserved;
		status = place_one_by_one(core, spec.memory_bytes / PAGE_BYTES, naive);
		last = core->placed_last;
		for (uint32_t i = 0; i < core->node_count; i++)
			core->nodes[i].pages_reserved = reserved[i];
		core->chance = first_chance;
		core->placed_last = 0;
		assert_int_equal(gmm_place_regions(core, &spec, nodes), status);
		placed += status == 0;
		refused += status != 0;
		if (status) {
			CORE_SAYS(core, "not enough memory in the rack");
			continue;
		}
		assert_memory_equal(nodes, naive, (spec.memory_bytes + REGION_BYTES - 1) / REGION_BYTES * sizeof(nodes[0]));
		assert_int_equal(core->placed_last, last);
		for (uint32_t i = 0; i < core->node_count; i++)
			assert_int_equal(core->nodes[i].pages_reserved, reserved[i]);
	}
	assert_true(placed > 1000 && refused > 1000);
	free(core);
}

/* ---------------------------------------------------------------- within the spread */

/* Would it fit on some `spread` of the components? All of their subsets are tried. */
static bool fits_on_some(const struct gmm_core *core, uint64_t pages, uint32_t spread)
{
	for (uint32_t subset = 0; subset < 1u << core->node_count; subset++) {
		uint64_t regions = 0, tail = pages % REGION_PAGES;
		bool tail_fits = tail == 0;

		if ((uint32_t)__builtin_popcount(subset) > spread)
			continue;
		for (uint32_t i = 0; i < core->node_count; i++) {
			const struct gmm_node *node = &core->nodes[i];

			if (!(subset & 1u << i) || node->role != WIRE_ROLE_MEMORY || !gmm_node_eligible(node))
				continue;
			regions += gmm_node_pages_free(node) / REGION_PAGES;
			tail_fits = tail_fits || gmm_node_pages_free(node) % REGION_PAGES >= tail;
		}
		if (regions >= pages / REGION_PAGES + !tail_fits)
			return true;
	}
	return false;
}

static void check_places(struct gmm_core *core, const struct gmm_vm_spec *spec, const uint32_t nodes[])
{
	uint64_t left = spec->memory_bytes / PAGE_BYTES, used[NODES_MAX] = { 0 };
	struct gmm_node_set set = { 0 };

	for (uint32_t i = 0; left; i++) {
		uint32_t pages = left < REGION_PAGES ? (uint32_t)left : REGION_PAGES;
		const struct gmm_node *node = gmm_core_node(core, nodes[i]);

		assert_true(node->role == WIRE_ROLE_MEMORY && gmm_node_eligible(node));
		used[nodes[i] - GMM_NODE_FIRST] += pages;
		assert_true(used[nodes[i] - GMM_NODE_FIRST] <= gmm_node_pages_free(node));
		gmm_set_add(&set, nodes[i]);
		left -= pages;
	}
	assert_in_range(set.count, 1, spec->spread);
}

/* P1, P2: by every policy, exactly what fits on some components within the limit is placed. */
static void test_what_fits_is_placed(void **state)
{
	struct gmm_core *core = calloc(1, sizeof(*core));
	uint32_t placed = 0, refused = 0;

	(void)state;
	for (uint32_t turn = 0; turn < 12000; turn++) {
		struct gmm_vm_spec spec = { .memory_bytes = (draw(12 * REGION_PAGES) + 1) * (uint64_t)PAGE_BYTES, .spread = 1 + draw(4) };
		uint32_t nodes[REGIONS_PER_VM_MAX];
		bool fits;

		if (draw(3) == 0)
			spec.memory_bytes = (spec.memory_bytes / REGION_BYTES + 1) * REGION_BYTES;
		random_nodes(core, (enum gmm_placement)(turn % GMM_PLACEMENTS), 1 + draw(MEMORIES), 8);
		fits = fits_on_some(core, spec.memory_bytes / PAGE_BYTES, spec.spread);
		assert_int_equal(gmm_place_regions(core, &spec, nodes), fits ? 0 : -ENOSPC);
		placed += fits;
		refused += !fits;
		if (fits)
			check_places(core, &spec, nodes);
		else if (fits_on_some(core, spec.memory_bytes / PAGE_BYTES, core->node_count))
			CORE_SAYS(core, "(its spread)");
		else
			CORE_SAYS(core, "not enough memory in the rack");
	}
	assert_true(placed > 2000 && refused > 2000);
	free(core);
}

/* The same VM, its regions placed one at a time, each seeing those before it. */
static void test_one_at_a_time(void **state)
{
	struct gmm_core *core = calloc(1, sizeof(*core));
	uint32_t whole = 0;

	(void)state;
	for (uint32_t turn = 0; turn < 3000; turn++) {
		struct gmm_vm vm = { .id = 1, .region_first = GMM_NONE, .move = GMM_NONE };
		uint64_t left;
		bool fits;

		vm.spec.memory_bytes = (draw(12 * REGION_PAGES) + 1) * (uint64_t)PAGE_BYTES;
		vm.spec.spread = draw(5);
		random_nodes(core, (enum gmm_placement)(turn % GMM_PLACEMENTS), 1 + draw(MEMORIES), 8);
		left = vm.spec.memory_bytes / PAGE_BYTES;
		fits = fits_on_some(core, left, vm.spec.spread ? vm.spec.spread : core->node_count);
		for (uint32_t *link = &vm.region_first; left; link = &core->regions[*link].next) {
			uint32_t pages = left < REGION_PAGES ? (uint32_t)left : REGION_PAGES;
			struct gmm_node *node = gmm_place_region(core, &vm, pages);

			if (!node)
				break;
			*link = gmm_region_allocate(core, vm.id, vm.region_count++, pages, node->id, GMM_NODE_FIRST);
			left -= pages;
		}
		assert_int_equal(left == 0, fits);
		if (vm.spec.spread)
			assert_true(gmm_copyset(core, &vm, 0).count <= vm.spec.spread);
		whole += fits;
		gmm_core_kept(core);
	}
	assert_in_range(whole, 500, 2900);
	free(core);
}

/* P3: the set stays in as few failure domains as it can. */
static void test_members_come_from_the_vms_domains(void **state)
{
	struct rack *rack = rack_of(6, (const uint32_t[]){ 32, 33, 32, 32, 32, 32 });

	(void)state;
	for (uint32_t i = 0; i < 6; i++)
		assert_int_equal(gmm_core_node_set_domain(rack->core, M(i), i % 2 ? "b" : "a"), 0);
	/* Without a limit by the policy alone. */
	assert_int_equal(create(rack, "free", 6, 0), 0);
	assert_int_equal(components(rack, "free"), 6);
	/* m1 has the largest free share, and then m3 and m5 go with it though m0 is as empty. */
	assert_int_equal(create(rack, "three", 6, 3), 0);
	assert_int_equal(regions_on(rack, "three", M(1)) + regions_on(rack, "three", M(3)) + regions_on(rack, "three", M(5)), 6);
	assert_int_equal(components(rack, "three"), 3);
	/* The next goes where it is emptiest, and takes one from beyond its domain only for want of others there. */
	assert_int_equal(create(rack, "four", 8, 4), 0);
	assert_int_equal(components(rack, "four"), 4);
	for (uint32_t i = 0; i < 6; i += 2)
		assert_true(regions_on(rack, "four", M(i)) > 0);
	rack_free(rack);
}

/* Of two that p2c draws one mostly is no member yet: it must not get a region for that alone. Small components would be the first to fill. */
static void test_small_members_get_no_more(void **state)
{
	struct gmm_core *core = calloc(1, sizeof(*core));
	const struct gmm_vm_spec spec = { .memory_bytes = 10 * REGION_BYTES, .spread = 8 };
	uint64_t used[3] = { 0 }, capacity[3] = { 0 };

	(void)state;
	core->config.placement = GMM_PLACEMENT_P2C;
	for (uint32_t i = 0; i < 24; i++) {
		struct gmm_node *node = &core->nodes[core->node_count++];

		*node = (struct gmm_node){ .id = GMM_NODE_FIRST + i, .role = WIRE_ROLE_MEMORY, .state = GMM_NODE_UP,
					   .join.capacity_pages = (1 + i % 3) * 100 * REGION_PAGES };
		snprintf(node->domain, sizeof(node->domain), "d%u", i / 4);
	}
	gmm_domains_number(core);
	for (uint32_t vms = 0; vms < 340; vms++) {
		uint32_t nodes[REGIONS_PER_VM_MAX];

		assert_int_equal(gmm_place_regions(core, &spec, nodes), 0);
		for (uint32_t i = 0; i < 10; i++)
			gmm_core_node(core, nodes[i])->pages_reserved += REGION_PAGES;
	}
	for (uint32_t i = 0; i < core->node_count; i++) {
		used[i % 3] += core->nodes[i].pages_reserved;
		capacity[i % 3] += core->nodes[i].join.capacity_pages;
	}
	/* 3400 of 4800 regions: 70.8 % of each size. */
	for (uint32_t size = 0; size < 3; size++)
		assert_in_range(1000 * used[size] / capacity[size], 690, 730);
	free(core);
}

static void test_refusals_say_which_limit(void **state)
{
	struct rack *rack = rack_of(4, (const uint32_t[]){ 4, 4, 4, 4 });
	struct gmm_vm_spec spec = vm_spec("a", REGION_MIB, 1);
	struct gmm_vm_plan where;
	uint64_t operation;

	(void)state;
	assert_int_equal(create(rack, "a", 9, 2), -ENOSPC);
	SAYS(rack, "the VM's 576 MiB do not fit on 2 memory components (its spread): the roomiest have room for 8 regions of 64 MiB; "
		   "ask for --spread 3, or make room there (gmm node list)");
	assert_int_equal(create(rack, "a", 17, 2), -ENOSPC);
	SAYS(rack, "not enough memory in the rack");
	spec.spread = GMM_SPREAD_MAX + 1;
	assert_int_equal(gmm_core_vm_create(rack->core, &spec, &operation, rack->now_ns), -EINVAL);
	SAYS(rack, "a VM's spread is 1 to 64 memory components, or 0 for no limit");
	assert_int_equal(rack->core->regions_used, 0);
	/* What a dry run says is what is made, and it draws nothing. */
	rack->core->config.placement = GMM_PLACEMENT_RANDOM;
	spec = vm_spec("a", 8 * REGION_MIB, 1);
	spec.spread = 2;
	assert_int_equal(gmm_core_vm_create_plan(rack->core, &spec, &where), 0);
	assert_int_equal(create(rack, "a", 8, 2), 0);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(where.regions[M(i) - GMM_NODE_FIRST], regions_on(rack, "a", M(i)));
	assert_int_equal(components(rack, "a"), 2);
	rack_free(rack);
}

static void test_the_limit_is_kept_and_can_be_changed(void **state)
{
	struct rack *rack = rack_of(3, (const uint32_t[]){ 8, 8, 8 });
	struct gmm_vm_settings settings;
	struct gmm_node *node;

	(void)state;
	assert_int_equal(create(rack, "a", 4, 2), 0);
	rack_keep(rack);
	rack_compare_rows(rack);
	rack_kill(rack);
	rack_return(rack);
	assert_int_equal(vm_named(rack, "a")->spec.spread, 2);
	/* The set follows from where the regions are: the third component is emptier, and not for this VM. */
	for (uint32_t i = 0; i < 4; i++) {
		node = gmm_place_region(rack->core, vm_named(rack, "a"), REGION_PAGES);
		assert_non_null(node);
		assert_true(regions_on(rack, "a", node->id) > 0);
	}
	settings = gmm_vm_settings(vm_named(rack, "a"));
	settings.spread = GMM_SPREAD_MAX + 1;
	assert_int_equal(gmm_core_vm_set(rack->core, "a", &settings, rack->now_ns), -EINVAL);
	settings.spread = 3;
	assert_int_equal(gmm_core_vm_set(rack->core, "a", &settings, rack->now_ns), 0);
	node = gmm_place_region(rack->core, vm_named(rack, "a"), REGION_PAGES);
	assert_int_equal(node->id, M(2));
	rack_free(rack);
}

/* A VM that its process component lost is made anew within the same limit. */
static void test_a_lost_vm_comes_back_within_it(void **state)
{
	struct rack *rack = rack_of(4, (const uint32_t[]){ 8, 8, 8, 8 });
	struct gmm_vm_spec spec = vm_spec("a", 6 * REGION_MIB, 1);
	uint64_t operation, id;

	(void)state;
	spec.spread = 2;
	spec.restart = GMM_RESTART_ALWAYS;
	assert_int_equal(gmm_core_vm_create(rack->core, &spec, &operation, rack->now_ns), 0);
	rack_settle(rack);
	id = vm_named(rack, "a")->id;
	vm_named(rack, "a")->wanted = true;
	rack_reboot(rack, vm_named(rack, "a")->node);
	rack_run(rack, 30 * SECOND);
	assert_true(vm_named(rack, "a")->id != id);
	assert_int_equal(vm_named(rack, "a")->phase, GMM_VM_READY);
	assert_int_equal(vm_named(rack, "a")->region_count, 6);
	assert_int_equal(components(rack, "a"), 2);
	rack_free(rack);
}

/* ---------------------------------------------------------------- moves and drains */

static int move(struct rack *rack, const char *vm, uint32_t index, const char *to)
{
	struct gmm_finished finished;
	uint64_t operation;
	int status = gmm_core_region_move(rack->core, vm, index, to, &operation, rack->now_ns);

	if (status)
		return status;
	rack_run(rack, 5 * SECOND);
	assert_true(rack_finished(rack, operation, &finished));
	return finished.status;
}

static void test_moves_by_name(void **state)
{
	struct rack *rack = rack_of(4, (const uint32_t[]){ 8, 8, 8, 8 });

	(void)state;
	assert_int_equal(create(rack, "a", 3, 2), 0);		/* m0: 0 and 2, m1: 1 */
	assert_int_equal(regions_on(rack, "a", M(0)), 2);
	assert_int_equal(move(rack, "a", 0, "m2"), -EBUSY);
	SAYS(rack, "on m2, a would be on 3 memory components, and its spread is 2; from there: one that it is on already (m0, m1), or a "
		   "larger spread (gmm vm set --spread)");
	assert_int_equal(components(rack, "a"), 2);
	/* Within the set; and its only region on m0 may take another component in its place. */
	assert_int_equal(move(rack, "a", 0, "m1"), 0);
	assert_int_equal(move(rack, "a", 2, "m3"), 0);
	assert_int_equal(regions_on(rack, "a", M(0)), 0);
	assert_int_equal(regions_on(rack, "a", M(3)), 1);
	assert_int_equal(components(rack, "a"), 2);
	rack_free(rack);
}

/* What a region that is placed during a move may count on is true however the move ends. */
static void test_placing_during_a_move(void **state)
{
	struct rack *rack = rack_of(3, (const uint32_t[]){ 8, 8, 8 });
	struct gmm_node *node;
	uint64_t operation;

	(void)state;
	assert_int_equal(create(rack, "a", 3, 2), 0);		/* m0: 0 and 2, m1: 1 */
	assert_int_equal(gmm_core_region_move(rack->core, "a", 1, "m2", &operation, rack->now_ns), 0);
	node = gmm_place_region(rack->core, vm_named(rack, "a"), REGION_PAGES);
	assert_int_equal(node->id, M(0));
	vm_named(rack, "a")->spec.spread = 3;
	node = gmm_place_region(rack->core, vm_named(rack, "a"), REGION_PAGES);
	assert_int_not_equal(node->id, M(0));
	vm_named(rack, "a")->spec.spread = 2;
	rack_run(rack, 5 * SECOND);
	assert_int_equal(components(rack, "a"), 2);
	assert_int_equal(create(rack, "b", 1, 1), 0);
	assert_int_equal(gmm_core_region_move(rack->core, "b", 0, "m0", &operation, rack->now_ns), 0);
	/* Both ends of its only region would be two. */
	assert_null(gmm_place_region(rack->core, vm_named(rack, "b"), REGION_PAGES));
	rack_free(rack);
}

static void drain(struct rack *rack, const char *name)
{
	struct gmm_finished finished;
	uint64_t operation;

	assert_int_equal(gmm_core_node_drain(rack->core, name, &operation, rack->now_ns), 0);
	rack_run(rack, 60 * SECOND);
	assert_true(rack_finished(rack, operation, &finished));
	assert_int_equal(finished.status, 0);
}

static void test_a_drained_member_is_replaced_by_one(void **state)
{
	struct rack *rack = rack_of(6, (const uint32_t[]){ 16, 16, 16, 16, 16, 16 });

	(void)state;
	assert_int_equal(create(rack, "a", 8, 2), 0);
	assert_int_equal(create(rack, "b", 8, 1), 0);
	assert_int_equal(components(rack, "a"), 2);
	drain(rack, "m0");
	assert_int_equal(regions_on(rack, "a", M(0)), 0);
	assert_int_equal(components(rack, "a"), 2);
	for (uint32_t i = 1; i < 6; i++)
		if (regions_on(rack, "b", M(i))) {
			drain(rack, rack->core->nodes[M(i) - GMM_NODE_FIRST].name);
			break;
		}
	assert_int_equal(components(rack, "b"), 1);
	assert_true(components(rack, "a") <= 2);
	rack_compare(rack);
	rack_free(rack);
}

static uint32_t violations(struct rack *rack, const char *words)
{
	const struct gmm_health_finding *found = &rack->core->health.checks[GMM_HEALTH_PLACEMENT_VIOLATION].finding;
	const struct gmm_health_facts facts = { 0 };

	gmm_core_health_update(rack->core, &facts, rack->now_ns);
	if (found->count)
		assert_non_null(strstr(found->detail[0], words));
	return found->count;
}

/* Outside the limit rather than not at all; that is told, and balancing makes it good when there is room. */
static void test_a_drain_goes_beyond_and_balance_repairs(void **state)
{
	struct rack *rack = rack_of(3, (const uint32_t[]){ 8, 4, 4 });
	struct gmm_finished finished;
	uint64_t operation;

	(void)state;
	rack->core->config.plan = &plan;
	assert_int_equal(create(rack, "a", 8, 1), 0);
	assert_int_equal(regions_on(rack, "a", M(0)), 8);
	assert_int_equal(violations(rack, ""), 0);
	drain(rack, "m0");
	assert_int_equal(components(rack, "a"), 2);
	assert_int_equal(violations(rack, "a: on 2 memory components, its spread is 1: m1, m2"), 1);
	/* m0 takes regions again, but a set of one has no other member to go to. */
	assert_int_equal(gmm_core_node_drain_cancel(rack->core, "m0", rack->now_ns), 0);
	rack_pass(rack, LATER_NS);
	assert_int_equal(move(rack, "a", 0, "m0"), -EBUSY);
	vm_named(rack, "a")->spec.spread = 2;
	assert_int_equal(violations(rack, ""), 0);
	rack_free(rack);

	/* Two of three members have room for what the third has; the rack is even enough. */
	rack = rack_of(3, (const uint32_t[]){ 16, 16, 16 });
	rack->core->config.plan = &plan;
	assert_int_equal(create(rack, "a", 6, 0), 0);
	vm_named(rack, "a")->spec.spread = 2;
	rack_pass(rack, LATER_NS);
	assert_int_equal(violations(rack, "a: on 3 memory components, its spread is 2: m0, m1, m2"), 1);
	gmm_balance_plan(rack->core, &plan, rack->now_ns);
	assert_true(plan.distance_before <= GMM_BALANCE_START);
	assert_int_equal(plan.move_count, 2);
	assert_int_equal(gmm_core_balance(rack->core, &operation, rack->now_ns), 0);
	rack_run(rack, 60 * SECOND);
	assert_true(rack_finished(rack, operation, &finished));
	assert_string_equal(finished.reason, "");
	assert_int_equal(finished.status, 0);
	assert_int_equal(finished.regions_moved, 2);
	assert_int_equal(components(rack, "a"), 2);
	assert_int_equal(violations(rack, ""), 0);
	rack_free(rack);
}

/* ---------------------------------------------------------------- balance */

static void test_balance_stays_within(void **state)
{
	struct rack *rack = rack_of(2, (const uint32_t[]){ 16, 16 });
	uint64_t operation;

	(void)state;
	rack->core->config.plan = &plan;
	assert_int_equal(create(rack, "a", 12, 2), 0);
	assert_int_equal(create(rack, "b", 12, 2), 0);
	rack_node(rack, "m2", WIRE_ROLE_MEMORY, 16 * REGION_MIB);
	rack_pass(rack, LATER_NS);
	gmm_balance_plan(rack->core, &plan, rack->now_ns);
	assert_int_equal(plan.move_count, 0);
	assert_true(plan.spread_limits);
	assert_string_equal(plan.reason, "the spread of VMs keeps their regions on the components that they are on");
	assert_int_equal(gmm_core_balance(rack->core, &operation, rack->now_ns), -EBUSY);
	SAYS(rack, "the spread of VMs");
	/* One of them may be on a third. */
	vm_named(rack, "b")->spec.spread = 3;
	gmm_balance_plan(rack->core, &plan, rack->now_ns);
	assert_int_equal(plan.reason[0], '\0');
	assert_in_range(plan.move_count, 6, 8);
	assert_false(plan.spread_limits);
	for (uint32_t i = 0; i < plan.move_count; i++)
		assert_int_equal(rack->core->regions[plan.moves[i].region].vm, vm_named(rack, "b")->id);
	rack_free(rack);
}

/* VMs of all limits in racks of all shapes: at no move of a plan is a VM on more than it may be, and repairs make it fewer. */
static void test_no_plan_breaks_a_limit(void **state)
{
	uint32_t moves = 0, limited = 0, repaired = 0;

	(void)state;
	for (uint32_t turn = 0; turn < 60; turn++) {
		struct rack *rack = rack_of(4, (const uint32_t[]){ 8 + draw(40), 8 + draw(40), 8 + draw(40), 8 + draw(40) });
		char name[16];

		rack->core->config.placement = (enum gmm_placement)draw(GMM_PLACEMENTS);
		for (uint32_t i = 0; i < 6; i++) {
			snprintf(name, sizeof(name), "vm%u", i);
			if (create(rack, name, 1 + draw(12), draw(4)) == 0 && draw(4) == 0)
				vm_named(rack, name)->spec.spread = 1 + draw(3);
		}
		rack_node(rack, "m4", WIRE_ROLE_MEMORY, (8 + draw(40)) * REGION_MIB);
		rack_pass(rack, LATER_NS);
		gmm_balance_plan(rack->core, &plan, rack->now_ns);
		limited += plan.spread_limits;
		for (uint32_t i = 0; i < plan.move_count; i++) {
			struct gmm_region *region = &rack->core->regions[plan.moves[i].region];
			const struct gmm_vm *vm = gmm_core_vm(rack->core, region->vm);
			uint32_t before = gmm_copyset(rack->core, vm, 0).count, after;

			assert_int_equal(region->node, plan.moves[i].from);
			region->node = plan.moves[i].to;
			after = gmm_copyset(rack->core, vm, 0).count;
			assert_true(vm->spec.spread == 0 || after <= vm->spec.spread || after <= before);
			repaired += vm->spec.spread && before > vm->spec.spread && after < before;
			moves++;
		}
		for (uint32_t i = 0; i < plan.move_count; i++)
			rack->core->regions[plan.moves[i].region].node = plan.moves[i].from;
		rack_free(rack);
	}
	assert_true(moves > 50 && limited > 2 && repaired > 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choices_are_those_of_one_by_one),
		cmocka_unit_test(test_what_fits_is_placed),
		cmocka_unit_test(test_one_at_a_time),
		cmocka_unit_test(test_members_come_from_the_vms_domains),
		cmocka_unit_test(test_small_members_get_no_more),
		cmocka_unit_test(test_refusals_say_which_limit),
		cmocka_unit_test(test_the_limit_is_kept_and_can_be_changed),
		cmocka_unit_test(test_a_lost_vm_comes_back_within_it),
		cmocka_unit_test(test_moves_by_name),
		cmocka_unit_test(test_placing_during_a_move),
		cmocka_unit_test(test_a_drained_member_is_replaced_by_one),
		cmocka_unit_test(test_a_drain_goes_beyond_and_balance_repairs),
		cmocka_unit_test(test_balance_stays_within),
		cmocka_unit_test(test_no_plan_breaks_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
