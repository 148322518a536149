// SPDX-License-Identifier: GPL-2.0-only
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "gmm/core/internal.h"
#include "gmm/core/placing.h"

/* ---------------------------------------------------------------- the VM's set */

static void join(struct gmm_placing *placing, const struct gmm_node *node)
{
	gmm_set_add(&placing->set, node->id);
	gmm_set_add(&placing->domains, node->domain_first);
}

static void join_all(struct gmm_placing *placing, const struct gmm_node_set *set)
{
	for (uint32_t i = 0; i < placing->core->node_count; i++)
		if (gmm_set_has(set, placing->core->nodes[i].id))
			join(placing, &placing->core->nodes[i]);
}

static bool is_member(const struct gmm_placing *placing, const struct gmm_candidate *candidate)
{
	return gmm_set_has(&placing->set, candidate->node);
}

/* ---------------------------------------------------------------- does it fit? */

static void look(struct gmm_placing *placing, uint32_t index)
{
	const struct gmm_candidate *candidate = &placing->candidates[index];
	uint64_t pages = candidate->pages_free;
	bool spare = placing->reserve.spare == GMM_RESERVE_OFF ||
		     placing->reserve.spare_of[candidate->domain - GMM_NODE_FIRST] > placing->expected;

	placing->rooms[index] = (struct gmm_room){ .regions = pages / REGION_PAGES,
						   .tail = placing->tail_pages && spare && pages % REGION_PAGES >= placing->tail_pages };
}

/* P4 */
static bool must_lie_beside(const struct gmm_placing *placing)
{
	return placing->tail_pages && placing->reserve.spare == placing->expected;
}

static struct gmm_room together(struct gmm_room left, struct gmm_room right)
{
	return (struct gmm_room){ .regions = left.regions + right.regions, .tail = left.tail || right.tail };
}

static bool holds(const struct gmm_placing *placing, struct gmm_room room)
{
	if (placing->reserve.spare < placing->expected || (must_lie_beside(placing) && !room.tail))
		return false;
	return room.regions >= placing->regions + (placing->tail_pages && !room.tail);
}

static bool roomier(struct gmm_room left, struct gmm_room right)
{
	return left.regions != right.regions ? left.regions > right.regions : left.tail && !right.tail;
}

/* Those that are no members yet keep their room until they are: their order is made once. */
static void sort_by_room(struct gmm_placing *placing)
{
	for (uint32_t i = 1; i < placing->count; i++) {
		uint16_t index = placing->roomiest[i];
		struct gmm_room room = placing->rooms[index];
		uint32_t at = i;

		for (; at && roomier(room, placing->rooms[placing->roomiest[at - 1]]); at--)
			placing->roomiest[at] = placing->roomiest[at - 1];
		placing->roomiest[at] = index;
	}
}

/* The members, and the `others` roomiest that are none; *last: regions of the least roomy of these. */
static struct gmm_room roomiest_with(const struct gmm_placing *placing, uint32_t others, uint64_t *last)
{
	struct gmm_room room = { 0 };

	*last = 0;
	for (uint32_t i = 0; i < placing->count; i++) {
		uint32_t index = placing->roomiest[i];
		bool member = is_member(placing, &placing->candidates[index]);

		if (!member && others == 0)
			continue;
		room = together(room, placing->rooms[index]);
		if (member)
			continue;
		others--;
		*last = placing->rooms[index].regions;
	}
	return room;
}

/* The best of so many others: the same, but when the smaller region must lie beside and can with none, the roomiest with which it can. */
static struct gmm_room room_with(const struct gmm_placing *placing, uint32_t others)
{
	uint64_t last;
	struct gmm_room room = roomiest_with(placing, others, &last);

	if (others == 0 || room.tail || !must_lie_beside(placing))
		return room;
	for (uint32_t i = 0; i < placing->count && !room.tail; i++) {
		struct gmm_room one = placing->rooms[placing->roomiest[i]];

		if (one.tail)
			room = (struct gmm_room){ .regions = room.regions - last + one.regions, .tail = true };
	}
	return room;
}

/* ---------------------------------------------------------------- filter */

/* Without a limit everybody may join; with one, who leaves enough room for the rest (P2). */
static void find_fits(struct gmm_placing *placing, uint32_t pages)
{
	uint32_t left = placing->places_left, among = 0;
	struct gmm_room best = { 0 };
	bool beside = pages < REGION_PAGES && must_lie_beside(placing);
	uint8_t may[NODES_MAX];
	uint64_t last;

	if (placing->limited && left)
		best = roomiest_with(placing, left - 1, &last);
	for (uint32_t i = 0; i < placing->count; i++) {
		uint32_t index = placing->roomiest[i];
		bool member = !placing->limited || is_member(placing, &placing->candidates[index]);

		may[index] = member || (left && (among < left - 1 || holds(placing, together(best, placing->rooms[index]))));
		among += !member;
	}
	placing->fit_count = 0;
	for (uint32_t i = 0; i < placing->count; i++)
		if (may[i] && placing->candidates[i].pages_free >= pages && (!beside || placing->rooms[i].tail))
			placing->fits[placing->fit_count++] = &placing->candidates[i];
	placing->fit_pages = pages;
}

/* ---------------------------------------------------------------- score */

/*
 * P3. One from elsewhere gives way to one of the VM's domains, a member or not, by the same policy. Were members left out, each new one
 * would be given a region without having been compared with them: all as many, however small.
 */
static const struct gmm_candidate *choose(struct gmm_placing *placing)
{
	const struct gmm_policy *policy = &gmm_policies[placing->core->config.placement];
	const struct gmm_candidate *chosen = policy->choose(placing->core, placing->fits, placing->fit_count), *near[NODES_MAX];
	uint32_t count = 0, joining = 0;

	if (!placing->limited || is_member(placing, chosen) || gmm_set_has(&placing->domains, chosen->domain))
		return chosen;
	for (uint32_t i = 0; i < placing->fit_count; i++)
		if (gmm_set_has(&placing->domains, placing->fits[i]->domain)) {
			near[count++] = placing->fits[i];
			joining += !is_member(placing, placing->fits[i]);
		}
	return joining ? policy->choose(placing->core, near, count) : chosen;
}

/* ---------------------------------------------------------------- one request */

void gmm_placing_begin(struct gmm_placing *placing, struct gmm_core *core, uint32_t spread)
{
	placing->core = core;
	placing->limited = spread != 0;
	placing->places_left = spread ? spread : NODES_MAX;
	placing->set = placing->domains = (struct gmm_node_set){ 0 };
	placing->reserve.spare = GMM_RESERVE_OFF;
	placing->expected = 0;
	placing->regions = 0;
	placing->tail_pages = placing->fit_pages = 0;
	placing->count = 0;
	for (uint32_t i = 0; i < core->node_count; i++) {
		const struct gmm_node *node = &core->nodes[i];

		if (!gmm_takes_regions(node))
			continue;
		assert(node->join.capacity_pages <= GMM_NODE_PAGES_MAX);
		placing->roomiest[placing->count] = (uint16_t)placing->count;
		placing->candidates[placing->count++] = (struct gmm_candidate){
			.pages_free = gmm_node_pages_free(node), .pages_capacity = node->join.capacity_pages, .node = node->id,
			.domain = node->domain_first,
		};
	}
}

bool gmm_placing_expect(struct gmm_placing *placing, uint64_t pages)
{
	placing->regions = pages / REGION_PAGES;
	placing->expected = (int64_t)placing->regions;
	placing->tail_pages = pages % REGION_PAGES;
	placing->fit_pages = 0;
	for (uint32_t i = 0; i < placing->count; i++)
		look(placing, i);
	if (placing->limited)
		sort_by_room(placing);
	return holds(placing, room_with(placing, placing->places_left));
}

struct gmm_node *gmm_placing_next(struct gmm_placing *placing, uint32_t pages)
{
	struct gmm_candidate *chosen;
	struct gmm_node *node;

	assert(pages > 0 && pages <= REGION_PAGES);
	if (placing->fit_pages != pages)
		find_fits(placing, pages);
	if (placing->fit_count == 0)
		return NULL;
	chosen = &placing->candidates[choose(placing) - placing->candidates];
	assert(chosen->pages_free >= pages);
	chosen->pages_free -= pages;
	look(placing, (uint32_t)(chosen - placing->candidates));
	node = gmm_core_node(placing->core, chosen->node);
	if (placing->limited && !is_member(placing, chosen)) {
		assert(placing->places_left > 0);
		placing->places_left--;
		join(placing, node);
		placing->fit_pages = 0;
	}
	if (chosen->pages_free < pages)
		placing->fit_pages = 0;
	if (pages < REGION_PAGES)
		placing->tail_pages = 0;
	else if (placing->regions)
		placing->regions--;
	placing->core->placed_last = node->id;
	return node;
}

/* ---------------------------------------------------------------- a VM that is made */

/* It does not fit within its limit, but would within a larger one. */
static void text_spread(const struct gmm_placing *placing, uint32_t spread, uint64_t pages, struct text *text)
{
	uint32_t enough = spread + 1;

	while (!holds(placing, room_with(placing, enough)))
		enough++;
	text_string(text, "the VM's ");
	text_pages(text, pages);
	text_string(text, " do not fit on ");
	text_count(text, spread, "memory component");
	text_string(text, text_plural(spread, " (its spread): the roomiest has room for ", " (its spread): the roomiest have room for "));
	text_count(text, room_with(placing, spread).regions, "region");
	text_string(text, " of ");
	text_pages(text, REGION_PAGES);
	text_string(text, "; ask for --spread ");
	text_number(text, enough);
	text_string(text, ", or make room there (gmm node list)");
}

static void refuse(struct gmm_placing *placing, uint32_t spread, uint64_t pages)
{
	struct text text = gmm_refuse(placing->core);

	placing->reserve.spare = GMM_RESERVE_OFF;
	if (gmm_placing_expect(placing, pages))
		gmm_reserve_text(placing->core, (uint32_t)((pages + REGION_PAGES - 1) / REGION_PAGES), &text);
	else if (holds(placing, room_with(placing, placing->count)))
		text_spread(placing, spread, pages, &text);
	else
		gmm_place_full(placing->core, &text, pages);
}

int gmm_place_regions(struct gmm_core *core, const struct gmm_vm_spec *spec, uint32_t nodes[REGIONS_PER_VM_MAX])
{
	uint64_t pages = spec->memory_bytes / PAGE_BYTES, left = pages;
	struct gmm_placing placing;

	gmm_placing_begin(&placing, core, spec->spread);
	if (core->config.rebuild_reserve)
		gmm_reserve_count(core, NULL, &placing.reserve);
	if (!gmm_placing_expect(&placing, pages)) {
		refuse(&placing, spec->spread, pages);
		return -ENOSPC;
	}
	for (uint32_t i = 0; left; i++) {
		uint32_t next = left < REGION_PAGES ? (uint32_t)left : REGION_PAGES;
		struct gmm_node *node = gmm_placing_next(&placing, next);

		assert(node && i < REGIONS_PER_VM_MAX);		/* P2 */
		nodes[i] = node->id;
		left -= next;
	}
	return 0;
}

/* ---------------------------------------------------------------- one region of a VM that is there */

/*
 * While a region of the VM moves, both of its ends are members if the limit allows it. If not, neither is, and nobody may join: the
 * limit holds wherever the move ends.
 */
static void take_set(struct gmm_placing *placing, const struct gmm_vm *vm, uint32_t without)
{
	const struct gmm_core *core = placing->core;
	const struct gmm_operation *move = vm->move == GMM_NONE ? NULL : &core->operations[vm->move];
	struct gmm_node_set set, sure;
	bool fits;

	if (!placing->limited)
		return;
	set = sure = gmm_copyset(core, vm, without);
	if (move) {
		gmm_set_add(&set, move->to_node);
		if (gmm_copyset_regions(core, vm, move->from_node) == 1)
			sure = gmm_copyset(core, vm, move->from_node);
	}
	fits = set.count <= placing->places_left;
	placing->places_left = fits ? placing->places_left - set.count : 0;
	if (!fits && move)
		set = sure;
	join_all(placing, &set);
}

/* Pages of the VM that its regions do not have yet, or that are on the node. */
static uint64_t pages_to_place(const struct gmm_core *core, const struct gmm_vm *vm, uint32_t without)
{
	uint64_t pages = vm->spec.memory_bytes / PAGE_BYTES;

	for (uint32_t at = vm->region_first; at != GMM_NONE; at = core->regions[at].next)
		if (core->regions[at].node && core->regions[at].node != without)
			pages -= core->regions[at].pages;
	return pages;
}

/* With room for all that has to come after it, or at least for itself. `leaving`: the region is there already, on another component. */
static struct gmm_node *place_one(struct gmm_core *core, const struct gmm_vm *vm, const struct gmm_region *leaving, uint32_t spread,
				  bool reserve, uint32_t pages)
{
	uint32_t without = leaving ? leaving->node : 0;
	struct gmm_placing placing;

	gmm_placing_begin(&placing, core, spread);
	if (reserve)
		gmm_reserve_count(core, leaving, &placing.reserve);
	take_set(&placing, vm, without);
	if ((spread || reserve) && !gmm_placing_expect(&placing, pages_to_place(core, vm, without)) && !gmm_placing_expect(&placing, pages))
		return NULL;
	return gmm_placing_next(&placing, pages);
}

struct gmm_node *gmm_place_region(struct gmm_core *core, const struct gmm_vm *vm, uint32_t pages)
{
	return place_one(core, vm, NULL, vm->spec.spread, core->config.rebuild_reserve, pages);
}

/* Rather outside of its set than not at all, and rather where a loss could not be rebuilt than where it is. */
struct gmm_node *gmm_place_away(struct gmm_core *core, const struct gmm_vm *vm, uint32_t region)
{
	const struct gmm_region *leaving = &core->regions[region];
	struct gmm_node *node = NULL;

	for (uint32_t attempt = 0; attempt < 4 && !node; attempt++) {
		uint32_t spread = attempt < 2 ? vm->spec.spread : 0;
		bool reserve = attempt % 2 == 0;

		if ((attempt < 2 || vm->spec.spread) && (!reserve || core->config.rebuild_reserve))
			node = place_one(core, vm, leaving, spread, reserve, leaving->pages);
	}
	return node;
}
