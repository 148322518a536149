// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "gmm/console/views.h"
#include "gmm/core/text.h"

#define PAGE_BYTES 4096u
#define BAR_WIDTH 26
#define DETAIL_ROWS 5			/* below the table: a blank one and the selected VM */
#define PLACED_ROW 3			/* of these */

static const struct table_column columns[] = {
	{ "NAME", 10, 0 }, { "STATE", 11, 0 }, { "NODE", 7, 0 }, { "LOCAL", -9, 0 }, { "MEMORY", -7, 0 }, { "HIT", -5, 0 },
	{ "MISS/S", -7, 0 }, { "P50", -8, 0 }, { "P99", -8, 0 }, { "CACHE", -8, 100 }, { "VCPUS", -5, 100 },
	{ "FOR", -8, 110 }, { "REASON", 20, 126 }, { NULL, 0, 0 },
};
enum { NAME, STATE, NODE, LOCAL, MEMORY, HIT, MISSES, P50, P99, CACHE, VCPUS, FOR, REASON };

/* Cells of vm.stats; "-" until the first one came. */
static void counted_cell(const struct model_vm *vm, int column, char text[TABLE_CELL_BYTES])
{
	char unit[UNITS_BYTES];

	snprintf(text, TABLE_CELL_BYTES, "-");
	if (!vm->counted)
		return;
	switch (column) {
	case LOCAL: snprintf(text, TABLE_CELL_BYTES, "%s", pages_text(vm->lines_used, unit)); break;
	case HIT: snprintf(text, TABLE_CELL_BYTES, "%s", share_text(vm->hit_share, unit)); break;
	case MISSES:
		if (vm->misses_per_s >= 0)
			snprintf(text, TABLE_CELL_BYTES, "%.0f", vm->misses_per_s);
		break;
	case P50: snprintf(text, TABLE_CELL_BYTES, "%s", vm->miss_p50_ns ? units_time((double)vm->miss_p50_ns, unit) : "-"); break;
	case P99: snprintf(text, TABLE_CELL_BYTES, "%s", vm->miss_p99_ns ? units_time((double)vm->miss_p99_ns, unit) : "-"); break;
	}
}

static enum style cell(const struct ui *ui, const struct model *model, int row, int column, char text[TABLE_CELL_BYTES])
{
	const struct model_vm *vm = &model->vms[row];
	char size[UNITS_BYTES];

	(void)ui;
	switch (column) {
	case NAME: snprintf(text, TABLE_CELL_BYTES, "%s", vm->name); return STYLE_BOLD;
	case STATE: snprintf(text, TABLE_CELL_BYTES, "%s", vm->state); return state_style(vm->state);
	case NODE: snprintf(text, TABLE_CELL_BYTES, "%s", vm->node); break;
	case MEMORY: snprintf(text, TABLE_CELL_BYTES, "%s", units_size((double)vm->memory_bytes, size)); break;
	case CACHE: snprintf(text, TABLE_CELL_BYTES, "%s", units_size((double)vm->cache_bytes, size)); break;
	case VCPUS: snprintf(text, TABLE_CELL_BYTES, "%llu", (unsigned long long)vm->vcpus); break;
	case FOR: snprintf(text, TABLE_CELL_BYTES, "%s", age_text(vm->changed_s_ago, size)); break;
	case REASON: snprintf(text, TABLE_CELL_BYTES, "%s", vm->reason); break;
	default: counted_cell(vm, column, text); break;
	}
	return STYLE_NORMAL;
}

/* Which components its memory depends on, and what it was made with. */
static void draw_placed(const struct model_vm *vm, struct screen *screen, int row)
{
	char limit[UNITS_BYTES] = "no limit";
	int column = 9;

	if (!vm->devices[0])
		return;
	if (vm->spread)
		snprintf(limit, sizeof(limit), "at most %llu", (unsigned long long)vm->spread);
	screen_text(screen, row, 0, STYLE_DIM, "placed");
	column = screen_format(screen, row, column, vm->spread && vm->memory_components > vm->spread ? STYLE_WARN : STYLE_NORMAL,
			       "on %llu component%s, %s", (unsigned long long)vm->memory_components,
			       text_plural(vm->memory_components, "", "s"), limit);
	screen_format(screen, row, column, STYLE_NORMAL, "; devices %s", vm->devices);
}

/* The selected VM: why it is in its state, where its pages are, how its misses went. */
static void draw_selected(const struct ui *ui, const struct model *model, struct screen *screen, int row)
{
	int at = view_selected(ui, model, VIEW_VMS), column;
	const struct model_vm *vm = at >= 0 ? &model->vms[at] : NULL;
	char a[UNITS_BYTES], b[UNITS_BYTES], c[UNITS_BYTES], promised[UNITS_BYTES] = "";
	double local, cache;

	if (!vm)
		return;
	if (vm->regions_promised)
		snprintf(promised, sizeof(promised), " (%llu promised)", (unsigned long long)vm->regions_promised);
	column = screen_format(screen, row, 0, STYLE_BOLD, "%s", vm->name);
	column = screen_format(screen, row, column + 2, STYLE_NORMAL, "%llu vCPU%s, %llu region%s%s, cache %s",
			       (unsigned long long)vm->vcpus, text_plural(vm->vcpus, "", "s"), (unsigned long long)vm->regions,
			       text_plural(vm->regions, "", "s"), promised,
			       units_size((double)vm->cache_bytes, a));
	column = screen_format(screen, row, column + 2, state_style(vm->state), "%s%s%s", vm->state, vm->reason[0] ? ": " : "",
			       vm->reason);
	if (vm->waits_for_memory)
		screen_text(screen, row, column + 1, STYLE_BAD, "waits for memory");
	draw_placed(vm, screen, row + PLACED_ROW);
	if (!vm->counted || !vm->memory_bytes) {
		screen_text(screen, row + 1, 0, STYLE_DIM, "no counters of it yet");
		return;
	}
	local = (double)vm->lines_used * PAGE_BYTES / (double)vm->memory_bytes;
	cache = (double)vm->cache_bytes / (double)vm->memory_bytes;
	screen_text(screen, row + 1, 0, STYLE_DIM, "local");
	screen_bar(screen, row + 1, 9, BAR_WIDTH, STYLE_FILL, local, cache);
	screen_format(screen, row + 1, 10 + BAR_WIDTH, STYLE_NORMAL, "%s of %s, dirty %s",
		      pages_text(vm->lines_used, a), units_size((double)vm->memory_bytes, b), pages_text(vm->lines_dirty, c));
	screen_text(screen, row + 2, 0, STYLE_DIM, "misses/s");
	screen_format(screen, row + 2, 10 + HISTORY_WIDTH, STYLE_DIM, "max %.0f",
		      draw_history(screen, row + 2, 9, HISTORY_WIDTH, &vm->misses));
}

static void draw(struct ui *ui, const struct model *model, struct screen *screen, struct area area, uint64_t now_ns)
{
	static const struct table table = { columns, cell, NULL, "no VMs; :vm create makes one" };
	struct area rows = { area.row, area.height - DETAIL_ROWS };

	(void)now_ns;
	table_draw(ui, VIEW_VMS, &table, model, screen, rows);
	draw_selected(ui, model, screen, area.row + rows.height + 1);
}

static int count(const struct ui *ui, const struct model *model)
{
	(void)ui;
	return model->vm_count;
}

static bool matches(const struct ui *ui, const struct model *model, int row, const char *filter)
{
	const struct model_vm *vm = &model->vms[row];

	(void)ui;
	return text_has(vm->name, filter) || text_has(vm->state, filter) || text_has(vm->node, filter);
}

const struct view_type view_vms = {
	.name = "VMs", .keys = "Enter stats|d show|c console|s start|x stop|K kill|D destroy", .command = "vm list",
	.count = count, .matches = matches, .draw = draw,
};
