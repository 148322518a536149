# SPDX-License-Identifier: GPL-2.0-only
bench-place-y += testbed/bench-place/main.c testbed/bench-place/rack.c testbed/bench-place/mix.c \
	testbed/bench-place/decision.c testbed/bench-place/decade.c testbed/bench-place/newcomer.c testbed/bench-place/spread.c
