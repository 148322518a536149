# SPDX-License-Identifier: GPL-2.0-only
portable-y += lib/crc.c lib/crc_sparse.c lib/crc_clmul.c lib/crc_vpclmul.c lib/crc_choose.c lib/hash.c lib/histogram.c lib/zero.c
unit-tests-y += tests/unit/test_lib.c tests/unit/test_crc.c
# Vector registers: Linux programs keep them anyway; kernel/vector.c is the kernels'.
host-y += lib/vector_linux.c
sim-y += lib/vector_linux.c
# May use them in kernels, too: called only where they are saved.
vector-y += lib/crc_clmul.c lib/crc_vpclmul.c
