# SPDX-License-Identifier: GPL-2.0-only
sim-y += testbed/sim/main.c testbed/sim/world.c testbed/sim/network.c testbed/sim/node.c testbed/sim/traffic.c testbed/sim/membership.c testbed/sim/stranger.c
sim-y += testbed/sim/rack/rack.c testbed/sim/rack/memory.c testbed/sim/rack/process.c testbed/sim/rack/guest.c \
	testbed/sim/rack/nemesis.c testbed/sim/rack/mover.c testbed/sim/rack/placer.c testbed/sim/rack/resizer.c
sim-y += testbed/sim/scenarios/incast.c testbed/sim/scenarios/loss.c testbed/sim/scenarios/storm.c testbed/sim/scenarios/clock.c testbed/sim/scenarios/stranger.c testbed/sim/scenarios/guard.c
