# SPDX-License-Identifier: GPL-2.0-only
# The other side of the interoperability tests: a guest with Linux's own RDMA stack.
INTEROP := $(O)/interop

.PHONY: interop
interop: $(INTEROP)/initramfs.cpio.gz

$(INTEROP)/vmlinuz $(INTEROP)/initramfs.cpio.gz &: tests/interop/build-guest tests/interop/init
	$(call say,GUEST,$(INTEROP)/initramfs.cpio.gz)
	$(Q)mkdir -p $(INTEROP)
	$(Q)tests/interop/build-guest --busybox $(BUSYBOX) --init tests/interop/init $(INTEROP)/vmlinuz $(INTEROP)/initramfs.cpio.gz
