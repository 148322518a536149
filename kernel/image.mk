# SPDX-License-Identifier: GPL-2.0-only
# $(O)/bare/X.elf for X in IMAGES: everything in kernel-y and portable-y that X-y calls. Linked twice: the first link
# tells the addresses of the functions, the second has the table of their names, for the backtrace of a panic.
# X.elf is what loaders take (32-bit ELF); X.elf.debug is the same with 64-bit headers and debug information.

IMAGES := pcomponent mcomponent ktest $(images-y)
# The self test stands alone, so that it builds whatever state the upper parts are in.
portable-of-pcomponent = $(portable-y)
portable-of-mcomponent = $(portable-y)
portable-of-ktest = $(filter kernel/% lib/%,$(portable-y))
IMAGE_BYTES_MAX := 2097152

# Libraries of the distribution; an image takes the members that it calls. They are compiled for Linux: kernel/vector.h
# says where they may run, kernel/libc/ has what they call.
BARE_LIBRARIES := $(shell $(CC) -print-file-name=libbearssl.a 2>/dev/null)

BUILD_ID_HEADER := $(O)/include/generated/build_id.h
BARE_LINK = ld -static --gc-sections --build-id=none -z max-page-size=4096 -z noexecstack --fatal-warnings \
	-T $(O)/bare/image.lds

# Images that test one layer from the inside, under QEMU alone.
.PHONY: selftests
selftests: $(patsubst %,$(O)/bare/%.elf,$(filter-out pcomponent mcomponent,$(IMAGES)))

# Written anew only when the id changes, so that nothing is compiled for nothing.
.PHONY: build-id-force
build-id-force:
$(BUILD_ID_HEADER): build-id-force
	$(Q)mkdir -p $(dir $@)
	$(Q)echo '#define BUILD_ID "$(shell echo $(BUILD_ID) | cut -c 1-23)"' >$@.new
	$(Q)if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
$(call objects,bare,kernel/start.c): $(BUILD_ID_HEADER)

$(O)/bare/image.lds: kernel/image.lds kernel/layout.h kernel/miss_path.lds
	$(Q)mkdir -p $(dir $@)
	$(Q)$(CC) -E -P -x c -I. $< -o $@

define image_rules
$(O)/bare/$(1).elf: $(call objects,bare,$(kernel-y) $(portable-of-$(1)) $($(1)-y)) $(O)/bare/image.lds kernel/tools/symbols.sh
	$$(call say,LINK,$$@)
	$$(Q)kernel/tools/symbols.sh >$(O)/bare/$(1).symbols0.s
	$$(Q)$$(CC) -c $(O)/bare/$(1).symbols0.s -o $(O)/bare/$(1).symbols0.o
	$$(Q)$$(BARE_LINK) -o $(O)/bare/$(1).pass1 $$(filter %.o,$$^) $(O)/bare/$(1).symbols0.o $(BARE_LIBRARIES)
	$$(Q)kernel/tools/symbols.sh $(O)/bare/$(1).pass1 >$(O)/bare/$(1).symbols.s
	$$(Q)$$(CC) -c $(O)/bare/$(1).symbols.s -o $(O)/bare/$(1).symbols.o
	$$(Q)$$(BARE_LINK) -o $$@.debug $$(filter %.o,$$^) $(O)/bare/$(1).symbols.o $(BARE_LIBRARIES)
	$$(Q)kernel/tools/symbols.sh $$@.debug | cmp -s - $(O)/bare/$(1).symbols.s || { echo "$$@: the symbol table moved the text" >&2; exit 1; }
	$$(Q)objcopy --strip-all -O elf32-i386 $$@.debug $$@.new
	$$(Q)test $$$$(stat -c %s $$@.new) -le $(IMAGE_BYTES_MAX) || { echo "$$@: larger than $(IMAGE_BYTES_MAX) bytes" >&2; exit 1; }
	$$(Q)mv $$@.new $$@
	$$(Q)rm -f $(O)/bare/$(1).pass1 $(O)/bare/$(1).symbols0.*
endef
$(foreach image,$(IMAGES),$(eval $(call image_rules,$(image))))
