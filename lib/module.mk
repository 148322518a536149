# SPDX-License-Identifier: GPL-2.0-only
portable-y += lib/crc.c lib/hash.c lib/histogram.c
unit-tests-y += tests/unit/test_lib.c
