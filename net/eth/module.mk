# SPDX-License-Identifier: GPL-2.0-only
portable-y += net/eth/eth.c net/eth/arp.c
unit-tests-y += tests/unit/test_eth.c tests/unit/test_eth_arp.c
fuzz-y += tests/fuzz/fuzz_eth_input.c
