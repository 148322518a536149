# SPDX-License-Identifier: GPL-2.0-only
sim-y += testbed/sim/main.c testbed/sim/world.c testbed/sim/network.c testbed/sim/memory.c testbed/sim/process.c \
	testbed/sim/guest.c testbed/sim/nemesis.c
