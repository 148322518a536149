# SPDX-License-Identifier: GPL-2.0-only
portable-y += pcomponent/load/linux.c
unit-tests-y += tests/unit/test_load.c
fuzz-y += tests/fuzz/fuzz_load.c
