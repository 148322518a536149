# SPDX-License-Identifier: GPL-2.0-only
bench-native-y += testbed/bench-native/main.c testbed/bench-native/pair.c testbed/bench-native/instructions.c \
	testbed/bench-native/one_sided.c testbed/bench-native/read.c testbed/bench-native/write.c testbed/bench-native/send.c \
	testbed/bench-native/rpc.c
