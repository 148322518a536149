# SPDX-License-Identifier: GPL-2.0-only
portable-y += net/node/agent.c net/node/counters.c net/node/data_link.c net/node/data_door.c net/node/rack_keys.c
unit-tests-y += tests/unit/test_node_agent.c tests/unit/test_node_data.c
fuzz-y += tests/fuzz/fuzz_join.c
