# SPDX-License-Identifier: GPL-2.0-only
# The other side of the interoperability tests: a guest with Linux's own RDMA stack.
INTEROP := $(O)/interop

.PHONY: interop
interop: $(INTEROP)/initramfs.cpio.gz

# Our own program for the guest; rdma-core's headers are part of nothing else here.
$(INTEROP)/verbs_peer: $(O)/host/tests/interop/verbs_peer.o $(O)/host/libplenum.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(dir $@)
	$(Q)$(CC) -o $@ $^ -lrdmacm -libverbs

$(INTEROP)/vmlinuz $(INTEROP)/initramfs.cpio.gz &: tests/interop/build-guest tests/interop/init $(INTEROP)/verbs_peer
	$(call say,GUEST,$(INTEROP)/initramfs.cpio.gz)
	$(Q)mkdir -p $(INTEROP)
	$(Q)tests/interop/build-guest --busybox $(BUSYBOX) --init tests/interop/init --program $(INTEROP)/verbs_peer \
		$(INTEROP)/vmlinuz $(INTEROP)/initramfs.cpio.gz
