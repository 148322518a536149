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

# The same guest with our own programs, which go over verbs there; and with a guest's kernel, for gmmd to start.
VERBS_PROGRAMS := $(addprefix $(O)/bin/,gmmd gmm mcomponentd plenum-rping)
VERBS_FILES := $(O)/guest/vmlinuz $(O)/guest/initramfs.cpio.gz
interop: $(INTEROP)/verbs.cpio.gz
$(INTEROP)/verbs.cpio.gz: tests/interop/add-programs $(INTEROP)/initramfs.cpio.gz $(VERBS_PROGRAMS) $(VERBS_FILES)
	$(call say,GUEST,$@)
	$(Q)tests/interop/add-programs --file vmlinuz=$(word 1,$(VERBS_FILES)) --file initramfs.cpio.gz=$(word 2,$(VERBS_FILES)) \
		$(INTEROP)/initramfs.cpio.gz $@ $(VERBS_PROGRAMS)
