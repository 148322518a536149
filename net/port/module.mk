# SPDX-License-Identifier: GPL-2.0-only
host-y += net/port/udp.c net/port/ip_id.c net/port/link.c
unit-tests-y += tests/unit/test_udp.c

# The kernels' side; the cards under it are in kernel/.
kernel-y += net/port/fabric.c net/port/node.c
# The network of the kernels alone, see the file.
images-y += nettest
portable-of-nettest = $(filter kernel/% lib/% net/%,$(portable-y))
nettest-y += net/port/selftest/main.c
