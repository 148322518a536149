# SPDX-License-Identifier: GPL-2.0-only
# What needs no terminal is tested without one; the rest is the program's.
host-y += gmm/console/screen.c gmm/console/model.c gmm/console/commands.c gmm/console/keys.c gmm/console/table.c gmm/console/frame.c \
	gmm/console/view_rack.c gmm/console/view_nodes.c gmm/console/view_memory.c gmm/console/view_vms.c \
	gmm/console/view_operations.c gmm/console/view_events.c gmm/console/view_console.c gmm/console/view_output.c \
	gmm/console/terminal.c gmm/console/guest_output.c
gmm-y += gmm/console/console.c gmm/console/curses.c gmm/console/feed.c gmm/console/link.c gmm/console/child.c
unit-tests-y += tests/unit/test_console_screen.c tests/unit/test_console_model.c tests/unit/test_console_keys.c \
	tests/unit/test_console_views.c
fuzz-y += tests/fuzz/fuzz_console.c tests/fuzz/fuzz_terminal.c
