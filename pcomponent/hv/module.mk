# SPDX-License-Identifier: GPL-2.0-only
portable-y += pcomponent/hv/npt.c pcomponent/hv/vm.c pcomponent/hv/status.c pcomponent/hv/vcpu.c pcomponent/hv/exit.c \
	pcomponent/hv/gmem.c pcomponent/hv/entropy.c pcomponent/hv/decode.c pcomponent/hv/emulate.c pcomponent/hv/cpuid.c pcomponent/hv/msr.c
pcomponent-y += pcomponent/hv/svm/svm.c pcomponent/hv/svm/vcpu.c pcomponent/hv/svm/msr_map.c pcomponent/hv/svm/entry.S
# The shim and its backend alone, see the file.
images-y += hvtest
portable-of-hvtest = $(filter kernel/% lib/% pcomponent/hv/% pcomponent/dev/% pcomponent/load/%,$(portable-y))
hvtest-y += pcomponent/hv/selftest/main.c pcomponent/hv/svm/svm.c pcomponent/hv/svm/vcpu.c pcomponent/hv/svm/msr_map.c pcomponent/hv/svm/entry.S
unit-tests-y += tests/unit/test_hv_exits.c tests/unit/test_hv_mmio.c tests/unit/test_hv_msr.c tests/unit/test_hv_life.c tests/unit/test_hv_decode.c tests/unit/test_hv_npt.c
fuzz-y += tests/fuzz/fuzz_emulate.c tests/fuzz/fuzz_vm_requests.c
