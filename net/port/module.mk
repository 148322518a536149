# SPDX-License-Identifier: GPL-2.0-only
host-y += net/port/udp.c
unit-tests-y += tests/unit/test_udp.c

# The kernels' side; the cards under it are in kernel/.
kernel-y += net/port/fabric.c
