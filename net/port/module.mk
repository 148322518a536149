# SPDX-License-Identifier: GPL-2.0-only
host-y += net/port/udp.c
unit-tests-y += tests/unit/test_udp.c
