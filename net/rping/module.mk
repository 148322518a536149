# SPDX-License-Identifier: GPL-2.0-only
portable-y += net/rping/rping.c net/rping/service.c
unit-tests-y += tests/unit/test_rping.c
