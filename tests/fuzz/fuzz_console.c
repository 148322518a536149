/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A day with the console: each line of the input is an answer of gmmd (s: status, v: vm.list, t: vm.stats, o: operation.list,
 * e: an event), keys (k), a command line (c), or a size to draw in (d and two characters). What is on the screen must be
 * harmless to a terminal, whatever came.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gmm/console/ui.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct scene {
	struct model model;
	struct ui ui;
	struct screen screen;
	uint64_t now_ns;
};

static void draw(struct scene *scene, int width, int height)
{
	screen_clear(&scene->screen, width, height, width & 1);
	ui_draw(&scene->ui, &scene->model, &scene->screen, scene->now_ns);
	for (int row = 0; row < scene->screen.height; row++)
		for (int column = 0; column < scene->screen.width; column++) {
			const struct cell *cell = &scene->screen.cells[row][column];

			assert(cell->character >= ' ' && cell->character != 0x7f && !(cell->character >= 0x80 && cell->character < 0xa0));
			assert(scene->screen.unicode || cell->character < 0x7f);
			assert(cell->style < STYLE_COUNT);
		}
}

static void press(struct scene *scene, const char *keys, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint32_t key = (uint8_t)keys[i] < 0x80 ? (uint8_t)keys[i] : UI_KEY_UP + ((uint8_t)keys[i] & 15);
		struct action action = ui_key(&scene->ui, &scene->model, key);

		if (action.kind == ACTION_RUN && scene->ui.mode == MODE_OUTPUT)
			ui_run_begins(&scene->ui, action.words, scene->now_ns);
		if (action.kind == ACTION_RUN && scene->ui.mode == MODE_CHECK) {
			ui_run_begins(&scene->ui, action.words, scene->now_ns);
			if (i & 1) {	/* else its answer is waited for */
				ui_run_prints(&scene->ui, keys, len);
				ui_run_ends(&scene->ui, (int)(i & 2), scene->now_ns);
			}
		}
		if (action.kind == ACTION_CANCEL)
			ui_run_ends(&scene->ui, 1, scene->now_ns);
		assert(scene->ui.view < VIEW_COUNT);
		for (int view = 0; view < VIEW_COUNT; view++)
			assert(scene->ui.selected[view] >= 0);
	}
}

static void split(const char *line)
{
	struct command_words words;

	if (command_split(line, &words))
		return;
	assert(words.count <= COMMAND_WORDS_MAX && !words.words[words.count]);
	for (int i = 0; i < words.count; i++)
		assert(words.words[i] >= words.bytes && words.words[i] + strlen(words.words[i]) < words.bytes + sizeof(words.bytes));
	command_risk(&words);
	command_tells(&words);
	command_object(&words);
}

static void take_line(struct scene *scene, const char *line, size_t len)
{
	json_t *value = strchr("svtoe", line[0]) ? json_loadb(line + 1, len - 1, JSON_DECODE_ANY, NULL) : NULL;

	scene->now_ns += 1000000000;
	switch (line[0]) {
	case 's': model_take_status(&scene->model, value, scene->now_ns); break;
	case 'v': model_take_vms(&scene->model, value); break;
	case 't': model_take_stats(&scene->model, value, scene->now_ns); break;
	case 'o': model_take_operations(&scene->model, value); break;
	case 'e': model_take_event(&scene->model, value); break;
	case 'k': press(scene, line + 1, len - 1); break;
	case 'c': split(line + 1); break;
	case 'd':
		if (len >= 3)
			draw(scene, (uint8_t)line[1], (uint8_t)line[2]);
		break;
	}
	json_decref(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct scene day;
	struct scene *scene = &day;
	char *text = malloc(size + 1), *line = text;

	memcpy(text, data, size);
	text[size] = '\0';
	memset(scene, 0, sizeof(*scene));
	scene->now_ns = 1;
	while (line < text + size) {
		char *end = memchr(line, '\n', (size_t)(text + size - line));

		if (!end)
			end = text + size;
		*end = '\0';
		if (end > line)
			take_line(scene, line, (size_t)(end - line));
		line = end + 1;
	}
	draw(scene, 80, 24);
	free(text);
	return 0;
}
