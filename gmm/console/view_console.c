// SPDX-License-Identifier: GPL-2.0-only
/* A VM's serial line. */
#include "gmm/console/views.h"

static void draw(struct ui *ui, const struct model *model, struct screen *screen, struct area area, uint64_t now_ns)
{
	int column;

	(void)model;
	(void)now_ns;
	if (!ui->console_vm[0]) {
		screen_text(screen, area.row, 0, STYLE_DIM, "no console is open: choose a VM in view 4 and press c");
		return;
	}
	column = screen_format(screen, area.row, 0, STYLE_TITLE, "%s", ui->console_vm);
	screen_text(screen, area.row, column + 2, ui->console_attached ? STYLE_NORMAL : STYLE_BAD, ui->console_state);
	if (ui->terminal)
		terminal_draw(ui->terminal, screen, area.row + 1, area.height - 1);
	if (!ui->console_attached)
		screen->cursor_row = -1;
}

const struct view_type view_console = {
	.name = "Console", .keys = "4 VMs", .command = "vm console NAME --history", .draw = draw,
};
