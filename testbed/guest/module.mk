# SPDX-License-Identifier: GPL-2.0-only
# The guest: a stock Debian kernel, and an initramfs with the payload. `make guest` builds both.
GUEST := $(O)/guest
GUEST_SOURCES := $(addprefix testbed/guest/,memory_check.c options.c lines.c phases.c sort.c progress.c)
BUSYBOX ?= /bin/busybox
unit-tests-y += tests/unit/test_guest_check.c

.PHONY: guest
guest: $(GUEST)/initramfs.cpio.gz $(GUEST)/vmlinuz

$(GUEST)/memory-check: $(GUEST_SOURCES) testbed/guest/check.h
	$(call say,CC[guest],$@)
	$(Q)mkdir -p $(dir $@)
	$(Q)$(CC) -std=gnu17 -O2 $(WARNINGS) -ffile-prefix-map=$(CURDIR)=. -static -ffunction-sections -Wl,--gc-sections \
		-Wl,--build-id=none -s -o $@ $(GUEST_SOURCES)

$(GUEST)/initramfs.cpio.gz: testbed/guest/build-initramfs testbed/guest/init $(GUEST)/memory-check
	$(call say,CPIO,$@)
	$(Q)testbed/guest/build-initramfs --busybox $(BUSYBOX) --payload $(GUEST)/memory-check --init testbed/guest/init $@

$(GUEST)/vmlinuz: testbed/guest/fetch-kernel
	$(call say,FETCH,$@)
	$(Q)mkdir -p $(dir $@)
	$(Q)testbed/guest/fetch-kernel $@
