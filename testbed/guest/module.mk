# SPDX-License-Identifier: GPL-2.0-only
# The guest: a stock Debian kernel, and an initramfs with the payload. `make guest` builds both.
GUEST := $(O)/guest
GUEST_SOURCES := $(addprefix testbed/guest/,memory_check.c options.c lines.c phases.c sort.c progress.c)
# Each a statically linked Linux program in the guest's /bin.
GUEST_PROGRAMS := $(GUEST)/memory-check $(GUEST)/device-probe
GUEST_MODULES := $(addprefix $(GUEST)/,msr.ko button.ko evdev.ko virtio.ko virtio_ring.ko virtio_mmio.ko virtio-rng.ko)
BUSYBOX ?= /bin/busybox
unit-tests-y += tests/unit/test_guest_check.c

.PHONY: guest
guest: $(GUEST)/initramfs.cpio.gz $(GUEST)/vmlinuz

GUEST_CC = $(CC) -std=gnu17 -O2 $(WARNINGS) -D_GNU_SOURCE -ffile-prefix-map=$(CURDIR)=. -static -ffunction-sections \
	-Wl,--gc-sections -Wl,--build-id=none -s

$(GUEST)/memory-check: $(GUEST_SOURCES) testbed/guest/check.h
	$(call say,CC[guest],$@)
	$(Q)mkdir -p $(dir $@)
	$(Q)$(GUEST_CC) -o $@ $(GUEST_SOURCES)

$(GUEST)/device-probe: testbed/guest/device_probe.c
	$(call say,CC[guest],$@)
	$(Q)mkdir -p $(dir $@)
	$(Q)$(GUEST_CC) -o $@ $<

$(GUEST)/initramfs.cpio.gz: testbed/guest/build-initramfs testbed/guest/init $(GUEST_PROGRAMS) $(GUEST_MODULES)
	$(call say,CPIO,$@)
	$(Q)testbed/guest/build-initramfs --busybox $(BUSYBOX) $(addprefix --program ,$(GUEST_PROGRAMS)) \
		$(addprefix --module ,$(GUEST_MODULES)) --init testbed/guest/init $@

$(GUEST)/vmlinuz $(GUEST_MODULES) &: testbed/guest/fetch-kernel
	$(call say,FETCH,$(GUEST)/vmlinuz)
	$(Q)mkdir -p $(GUEST)
	$(Q)testbed/guest/fetch-kernel $(GUEST)/vmlinuz $(GUEST_MODULES)
