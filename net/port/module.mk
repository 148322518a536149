# SPDX-License-Identifier: GPL-2.0-only
host-y += net/port/host_port_kind.c net/port/udp.c net/port/ip_id.c net/port/link.c net/port/key_file.c net/port/private_file.c
unit-tests-y += tests/unit/test_udp.c tests/unit/test_key_file.c

# For programs that take either port of Linux: the second one, and the choice. They are linked with libports.a and ROCE_CHOICE.
verbs-y += net/port/host_port.c net/port/choice.c net/port/verbs_device.c net/port/verbs_connection.c net/port/verbs_connect.c \
	net/port/verbs_queue_pair.c net/port/verbs_completion.c net/port/verbs_memory.c
ROCE_CHOICE := $(shell sed -n 's/^CHOICE.[^,]*, \([a-z_]*\), .*/-Wl,--wrap=roce_\1/p' net/port/choice.c) \
	-Wl,--as-needed -libverbs -lrdmacm -Wl,--no-as-needed

# The kernels' side; the cards under it are in kernel/.
kernel-y += net/port/fabric.c net/port/node.c net/port/icrc.c
# The network of the kernels alone, see the file.
images-y += nettest
portable-of-nettest = $(filter kernel/% lib/% net/%,$(portable-y))
nettest-y += net/port/selftest/main.c
