# SPDX-License-Identifier: GPL-2.0-only
portable-y += lib/crc.c lib/hash.c lib/histogram.c
unit-tests-y += tests/unit/test_lib.c
# Vector registers: Linux programs keep them anyway; kernel/vector.c is the kernels'.
host-y += lib/vector_linux.c
sim-y += lib/vector_linux.c
