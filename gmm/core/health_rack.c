// SPDX-License-Identifier: GPL-2.0-only
/* Health checks of the rack as a whole, and of the manager itself. */
#include "gmm/core/health_checks.h"

/* ---------------------------------------------------------------- memory */

void gmm_health_rack_nearfull(const struct gmm_health_view *view)
{
	uint64_t capacity = 0, taken = 0;
	struct text text;

	for (uint32_t i = 0; i < view->core->node_count; i++) {
		const struct gmm_node *node = &view->core->nodes[i];

		if (node->role != WIRE_ROLE_MEMORY || node->state != GMM_NODE_UP)
			continue;
		capacity += node->join.capacity_pages;
		taken += node->pages_reserved + node->pages_foreign;
	}
	if (capacity == 0 || taken * 100 / capacity < GMM_HEALTH_NEARFULL_PERCENT)
		return;
	view->found->count = 1;
	text = gmm_health_summary(view->found);
	text_string(&text, "the rack's memory is reserved to ");
	text_number(&text, taken * 100 / capacity);
	text_string(&text, " %, ");
	text_pages(&text, taken < capacity ? capacity - taken : 0);
	text_string(&text, " are left");
}

void gmm_health_imbalanced(const struct gmm_health_view *view)
{
	const struct gmm_node *fullest = NULL, *emptiest = NULL;
	struct text text;

	for (uint32_t i = 0; i < view->core->node_count; i++) {
		const struct gmm_node *node = &view->core->nodes[i];

		if (node->role != WIRE_ROLE_MEMORY || node->state != GMM_NODE_UP || node->join.capacity_pages == 0)
			continue;
		if (!fullest || gmm_health_percent_full(node) > gmm_health_percent_full(fullest))
			fullest = node;
		if (!emptiest || gmm_health_percent_full(node) < gmm_health_percent_full(emptiest))
			emptiest = node;
	}
	/* As long as one region more would not fit on the emptiest there is nothing to be gained. */
	if (!fullest || gmm_health_percent_full(fullest) < GMM_HEALTH_IMBALANCED_PERCENT ||
	    gmm_node_pages_free(emptiest) < REGION_PAGES ||
	    gmm_health_percent_full(fullest) - gmm_health_percent_full(emptiest) < GMM_HEALTH_IMBALANCED_GAP_PERCENT)
		return;
	view->found->count = 1;
	text = gmm_health_summary(view->found);
	text_string(&text, fullest->name);
	text_string(&text, " is reserved to ");
	text_number(&text, gmm_health_percent_full(fullest));
	text_string(&text, " %, ");
	text_string(&text, emptiest->name);
	text_string(&text, " only to ");
	text_number(&text, gmm_health_percent_full(emptiest));
	text_string(&text, " %");
}

void gmm_health_rack_overcommitted(const struct gmm_health_view *view)
{
	uint64_t capacity, reserved, promised = view->core->pages_promised;
	struct text text;

	gmm_promise_sums(view->core, &capacity, &reserved);
	if (promised == 0 || reserved + promised <= capacity)
		return;
	view->found->count = 1;
	text = gmm_health_summary(view->found);
	text_pages(&text, promised);
	text_string(&text, " promised and ");
	text_pages(&text, reserved);
	text_string(&text, " reserved of ");
	text_pages(&text, capacity);
}

/* ---------------------------------------------------------------- who knocks */

void gmm_health_unenrolled_names(const struct gmm_health_view *view)
{
	struct text text;

	for (uint32_t i = 0; i < GMM_HEALTH_STRANGERS_MAX; i++) {
		uint64_t asked_ns = view->core->health.unenrolled[i].asked_ns;

		if (asked_ns == 0 || view->now_ns - asked_ns >= GMM_HEALTH_RECENT_NS ||
		    gmm_core_node_named(view->core, view->core->health.unenrolled[i].name))
			continue;
		text = gmm_health_add(view->found, view->core->health.unenrolled[i].name);
		text_string(&text, "asked to join ");
		gmm_health_time(&text, view->now_ns - asked_ns);
		text_string(&text, " ago, from ");
		text_address(&text, view->core->health.unenrolled[i].address);
	}
	text = gmm_health_summary(view->found);
	text_count(&text, view->found->count, "machine");
	text_string(&text, text_plural(view->found->count, " with the rack's key asked to join and is not configured",
				       " with the rack's key asked to join and are not configured"));
}

void gmm_health_pending(const struct gmm_health_view *view)
{
	uint32_t pending = 0;
	struct text text;

	for (uint32_t i = 0; i < GMM_MACHINES_MAX; i++) {
		const struct gmm_machine *machine = &view->core->machines[i];
		char mac[GMM_MAC_TEXT_BYTES];

		if (machine->life == GMM_LIFE_FORGOTTEN || gmm_machine_is_away(machine, view->now_ns))
			continue;
		pending += machine->life == GMM_LIFE_PENDING;
		text = text_over(mac, sizeof(mac));
		text_mac(&text, machine->inventory.mac);
		text = gmm_health_add(view->found, mac);
		text_string(&text, gmm_life_name(machine->life));
		text_string(&text, " for ");
		gmm_health_time(&text, view->now_ns - machine->first_ns);
		text_string(&text, ", ");
		text_string(&text, machine->inventory.complete ? machine->inventory.manufacturer : "has not said what it is");
		text_string(&text, " ");
		text_string(&text, machine->inventory.product);
	}
	text = gmm_health_summary(view->found);
	text_count(&text, view->found->count, "machine");
	text_string(&text, text_plural(view->found->count, " that is no node asked for a boot script, ", " that are no nodes asked for a boot script, "));
	text_number(&text, pending);
	text_string(&text, text_plural(pending, " of them waits to be admitted", " of them wait to be admitted"));
}

void gmm_health_strangers(const struct gmm_health_view *view)
{
	const struct gmm_health_recent *recent = &view->core->health.strangers;
	struct text text;

	if (recent->grown_ns == 0)
		return;
	view->found->count = 1;
	text = gmm_health_summary(view->found);
	text_count(&text, recent->seen - recent->base, "connect request");
	text_string(&text, " without the rack's key, the latest ");
	gmm_health_time(&text, view->now_ns - recent->grown_ns);
	text_string(&text, " ago from ");
	text_address(&text, view->facts->stranger_address);
}

/* ---------------------------------------------------------------- the manager */

void gmm_health_events_lost(const struct gmm_health_view *view)
{
	const struct gmm_health_recent *recent = &view->core->health.events_lost;
	struct text text;

	if (recent->grown_ns == 0)
		return;
	view->found->count = 1;
	text = gmm_health_summary(view->found);
	text_count(&text, recent->seen - recent->base, "event");
	text_string(&text, text_plural(recent->seen - recent->base, " was gone before those who follow events had it, the last time ",
				       " were gone before those who follow events had them, the last time "));
	gmm_health_time(&text, view->now_ns - recent->grown_ns);
	text_string(&text, " ago");
}

static struct text about_store(const struct gmm_health_view *view, const char *words)
{
	struct text text = gmm_health_summary(view->found);

	view->found->count = 1;
	text_string(&text, "the manager's store ");
	text_string(&text, view->facts->store_path ? view->facts->store_path : "");
	text_string(&text, words);
	return text;
}

void gmm_health_store_readonly(const struct gmm_health_view *view)
{
	if (view->facts->store_readonly)
		about_store(view, " cannot be written: nothing can be changed until it can");
}

void gmm_health_store_disk_low(const struct gmm_health_view *view)
{
	uint64_t total = view->facts->store_total_bytes, left = view->facts->store_free_bytes;
	struct text text;

	if (total == 0 || (left >= GMM_HEALTH_DISK_LOW_BYTES && left / GMM_HEALTH_DISK_LOW_PERCENT >= total / 100))
		return;
	text = about_store(view, ": only ");
	text_pages(&text, left / PAGE_BYTES);
	text_string(&text, " left on its file system");
}

void gmm_health_store_failed(const struct gmm_health_view *view)
{
	struct text text;

	if (view->facts->store_status == 0)
		return;
	text = about_store(view, ": the last write failed: ");
	text_status(&text, view->facts->store_status);
}
