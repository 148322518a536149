# SPDX-License-Identifier: GPL-2.0-only
# One make for everything: `make help` lists the targets. O= builds elsewhere, V=1 shows the commands.

O ?= build
# One spelling of one directory: dependency files name their targets, and two spellings would not meet.
override O := $(patsubst $(CURDIR)/%,%,$(abspath $(O)))
V ?= 0
ifeq ($(V),0)
Q := @
say = @printf '  %-9s %s\n' $(1) $(2)
else
Q :=
say = @:
endif

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:

CC := gcc
CLANG := clang-14
DEFCONFIG ?= rack_defconfig

# ---------------------------------------------------------------- the parts (each module.mk appends)

portable-y :=
vector-y :=
kernel-y :=
pcomponent-y :=
mcomponent-y :=
host-y :=
gmmd-y :=
gmm-y :=
sim-y :=
bench-native-y :=
bench-store-y :=
bench-place-y :=
images-y :=
tools-y :=
verbs-y :=
mcomponentd-y :=
unit-tests-y :=
fuzz-y :=
MODULES := lib net/eth net/roce net/secure net/rpc net/node net/rping net/port kernel pcomponent pcomponent/cache pcomponent/region \
	pcomponent/hv pcomponent/dev pcomponent/load mcomponent gmm gmm/console gmm/web boot testbed testbed/guest testbed/sim \
	testbed/bench-native testbed/bench-place testbed/bench-store tests tests/interop tools
include $(wildcard $(addsuffix /module.mk,$(MODULES)))

# ---------------------------------------------------------------- flags

# Reproducible: no paths of the builder, no time; the id names the sources.
# The commit alone, no tag: a shallow clone has none. The owner may build as root, and root in the owner's clone.
BUILD_ID := $(shell git -c safe.directory='$(CURDIR)' describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null || \
	echo unknown)
# Quiet when there is no compiler yet: this file is read before setup has run, too.
CC_INCLUDE := $(shell $(CC) -print-file-name=include 2>/dev/null)
WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla
COMMON := -std=gnu17 -g $(WARNINGS) -I. -Iinclude -I$(O)/include -ffile-prefix-map=$(CURDIR)=. -MMD -MP
BARE_FLAGS := $(COMMON) -O2 -ffreestanding -nostdinc -isystem kernel/libc -isystem $(CC_INCLUDE) -isystem /usr/include/bearssl \
	-fno-pic -fno-pie -mcmodel=kernel -mno-red-zone -mgeneral-regs-only -fno-omit-frame-pointer -fno-optimize-sibling-calls \
	-fstack-protector-strong -mstack-protector-guard=global -fno-asynchronous-unwind-tables -fcf-protection=none \
	-fno-strict-aliasing $(KERNEL_FLAGS)
HOST_FLAGS := $(COMMON) -O2 -D_GNU_SOURCE -fno-strict-aliasing
SIM_FLAGS := -I$(O)/sim/include $(HOST_FLAGS)
# For what is to be fast. Small structures are cleared and copied by stores: the string instructions that gcc prefers take tens of
# cycles to begin. Not among the flags above: the other compiler does not know these.
STRINGS := unrolled_loop:256:noalign,libcall:-1:noalign
GCC_STRINGS := -mmemset-strategy=$(STRINGS) -mmemcpy-strategy=$(STRINGS)
ASAN_FLAGS := $(COMMON) -O1 -D_GNU_SOURCE -fno-strict-aliasing -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FUZZ_FLAGS := $(COMMON) -O1 -D_GNU_SOURCE -fno-strict-aliasing -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all

.DEFAULT_GOAL := all
.PHONY: all
all: images programs

# ---------------------------------------------------------------- configuration

AUTOCONF := $(O)/include/generated/autoconf.h
# Of the configuration in the current directory.
KCONFIG_ENV = srctree=$(CURDIR) KCONFIG_CONFIG=.config KCONFIG_AUTOHEADER=include/generated/autoconf.h \
	KCONFIG_AUTOCONFIG=include/config/auto.conf KCONFIG_TRISTATE=include/config/tristate.conf

$(O)/.config: | Kconfig
	$(Q)command -v kconfig-conf >/dev/null || { echo "kconfig-conf is missing; run 'make setup' first" >&2; exit 1; }
	$(call say,CONFIG,$(DEFCONFIG))
	$(Q)mkdir -p $(O)
	$(Q)cd $(O) && $(KCONFIG_ENV) kconfig-conf --defconfig=$(CURDIR)/configs/$(DEFCONFIG) $(CURDIR)/Kconfig >/dev/null

$(AUTOCONF): $(O)/.config Kconfig
	$(Q)mkdir -p $(O)/include/generated $(O)/include/config
	$(Q)cd $(O) && $(KCONFIG_ENV) kconfig-conf --silentoldconfig $(CURDIR)/Kconfig >/dev/null
	$(Q)touch $@

# The simulator has a configuration of its own: it holds larger racks than most.
SIM_AUTOCONF := $(O)/sim/include/generated/autoconf.h
$(SIM_AUTOCONF): configs/sim_defconfig Kconfig
	$(Q)mkdir -p $(O)/sim/include/generated $(O)/sim/include/config
	$(Q)cd $(O)/sim && $(KCONFIG_ENV) kconfig-conf --defconfig=$(CURDIR)/$< $(CURDIR)/Kconfig >/dev/null
	$(Q)cd $(O)/sim && $(KCONFIG_ENV) kconfig-conf --silentoldconfig $(CURDIR)/Kconfig >/dev/null
	$(Q)touch $@

.PHONY: menuconfig
menuconfig: $(O)/.config
	cd $(O) && $(KCONFIG_ENV) kconfig-mconf $(CURDIR)/Kconfig

%_defconfig: configs/%_defconfig
	$(Q)mkdir -p $(O)
	cd $(O) && $(KCONFIG_ENV) kconfig-conf --defconfig=$(CURDIR)/$< $(CURDIR)/Kconfig

# ---------------------------------------------------------------- objects, one rule a flavour

objects = $(patsubst %,$(O)/$(1)/%.o,$(basename $(2)))

# $(1) flavour, $(2) compiler, $(3) flags variable
define flavour_rules
$(O)/$(1)/%.o: %.c $(AUTOCONF)
	$$(call say,CC[$(1)],$$<)
	$$(Q)mkdir -p $$(dir $$@)
	$$(Q)$(2) $$($(3)) -c $$< -o $$@
$(O)/$(1)/%.o: %.S $(AUTOCONF)
	$$(call say,AS[$(1)],$$<)
	$$(Q)mkdir -p $$(dir $$@)
	$$(Q)$(2) $$($(3)) -D__ASSEMBLER__ -c $$< -o $$@
endef
# Vector code of the kernels. Its callers need not keep the stack as vectors want it.
$(call objects,bare,$(vector-y)): BARE_FLAGS := $(filter-out -mgeneral-regs-only,$(BARE_FLAGS)) -mstackrealign

$(eval $(call flavour_rules,bare,$(CC) $(GCC_STRINGS),BARE_FLAGS))
$(eval $(call flavour_rules,host,$(CC) $(GCC_STRINGS),HOST_FLAGS))
$(eval $(call flavour_rules,sim,$(CC),SIM_FLAGS))
$(eval $(call flavour_rules,asan,$(CC),ASAN_FLAGS))
$(eval $(call flavour_rules,fuzz,$(CLANG),FUZZ_FLAGS))

.PHONY: objects-portable
objects-portable: $(foreach f,bare host asan fuzz,$(call objects,$f,$(portable-y)))

# ---------------------------------------------------------------- images

.PHONY: images
images: $(O)/bare/pcomponent.elf $(O)/bare/mcomponent.elf $(O)/bare/grubnet.efi $(O)/bare/undionly.kpxe

include $(wildcard kernel/image.mk boot/image.mk gmm/web/embed.mk testbed/sim/program.mk testbed/bench-native/program.mk testbed/bench-place/program.mk \
	testbed/bench-store/program.mk tools/program.mk)

# ---------------------------------------------------------------- Linux programs

.PHONY: programs
programs: $(O)/bin/gmmd $(O)/bin/gmm $(O)/bin/mcomponentd

# What programs need that take either port of Linux; before libplenum.a, whose functions it stands before.
$(O)/host/libports.a: $(call objects,host,$(verbs-y)) net/port/check-choice net/roce/roce.h
	$(Q)net/port/check-choice
	$(Q)rm -f $@
	$(Q)ar rcs $@ $(filter %.o,$^)

# A library, so that a program takes only what it calls: the shim's portable part needs a backend, which none has.
$(O)/host/libplenum.a: $(call objects,host,$(portable-y) $(host-y))
	$(Q)rm -f $@
	$(Q)ar rcs $@ $^

$(O)/bin/gmmd: $(call objects,host,$(gmmd-y)) $(O)/host/libports.a $(O)/host/libplenum.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(dir $@)
	$(Q)$(CC) -o $@ $^ $(ROCE_CHOICE) -lmicrohttpd -ljansson -linih -lsqlite3 -lbearssl

$(O)/bin/gmm: $(call objects,host,$(gmm-y)) $(O)/host/libplenum.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(dir $@)
	$(Q)$(CC) -o $@ $^ -ljansson -linih -lncursesw -ltinfo -lvterm -lm

$(call objects,host,$(mcomponentd-y) gmm/daemon/health.c gmm/cli/help.c): $(BUILD_ID_HEADER)
$(O)/bin/mcomponentd: $(call objects,host,$(mcomponentd-y)) $(O)/host/libports.a $(O)/host/libplenum.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(dir $@)
	$(Q)$(CC) -o $@ $^ $(ROCE_CHOICE) -lbearssl

# Man pages: of gmm from its own table of commands, of gmmd by hand.
.PHONY: man
man: $(O)/bin/gmm
	$(Q)rm -rf $(O)/man
	$(Q)mkdir -p $(O)/man
	$(Q)cp docs/man/gmmd.8 $(O)/man/
	$(Q)for page in $$($(O)/bin/gmm manual); do $(O)/bin/gmm manual $$page >$(O)/man/$$page.1 || exit 1; done
	$(call say,MAN,$(O)/man)

# ---------------------------------------------------------------- tests

UNIT_TESTS := $(patsubst %.c,$(O)/asan/%,$(unit-tests-y))
$(O)/asan/libplenum.a: $(call objects,asan,$(portable-y) $(host-y))
	$(Q)rm -f $@
	$(Q)ar rcs $@ $^
$(UNIT_TESTS): $(O)/asan/%: $(O)/asan/%.o $(O)/asan/libplenum.a
	$(call say,LD,$@)
	$(Q)$(CC) -fsanitize=address,undefined -o $@ $< $(O)/asan/libplenum.a -lcmocka -linih -ljansson -lsqlite3 -lbearssl -lvterm -lm

FUZZERS := $(patsubst tests/fuzz/%.c,$(O)/fuzz/%,$(fuzz-y))
$(O)/fuzz/libplenum.a: $(call objects,fuzz,$(portable-y) $(host-y))
	$(Q)rm -f $@
	$(Q)ar rcs $@ $^
$(FUZZERS): $(O)/fuzz/%: $(O)/fuzz/tests/fuzz/%.o $(O)/fuzz/libplenum.a
	$(call say,LD,$@)
	$(Q)$(CLANG) -fsanitize=fuzzer,address,undefined -o $@ $< $(O)/fuzz/libplenum.a -linih -ljansson -lsqlite3 -lbearssl -lvterm -lm

.PHONY: unit unit-tests fuzzers fuzz clang-check
unit-tests: $(UNIT_TESTS)
unit: $(UNIT_TESTS)
	$(Q)tests/run-unit $(UNIT_TESTS)
fuzzers: $(FUZZERS)
# SECONDS, JOBS, FUZZ (names) and MERGE=1 as they are given.
fuzz: $(FUZZERS)
	$(Q)O=$(O) tests/run-fuzz $(if $(SECONDS),--seconds $(SECONDS)) $(if $(JOBS),--jobs $(JOBS)) $(if $(MERGE),--merge) $(FUZZ)

# The other compiler's warnings: all portable and Linux code.
clang-check: $(AUTOCONF) $(BUILD_ID_HEADER) $(WEB_FILES_HEADER)
	$(Q)for source in $(portable-y) $(host-y) $(gmmd-y) $(gmm-y) $(mcomponentd-y) $(verbs-y) $(unit-tests-y) $(sim-y) $(bench-native-y) $(bench-place-y) $(filter testbed/%,$(bench-store-y)) $(patsubst %,tools/%.c,$(tools-y)); do \
		$(CLANG) $(HOST_FLAGS) -Wno-unused-command-line-argument -MF /dev/null -fsyntax-only $$source || exit 1; done

-include $(shell find $(O) -type f -name '*.d' 2>/dev/null)

# ---------------------------------------------------------------- what people call

# Empty without sudo: what needs root then says so itself.
SUDO := $(if $(filter 0,$(shell id -u)),,$(shell command -v sudo 2>/dev/null))

# Boot loader and images with signatures, into $(O)/signed: KEYS (boot/sign new-keys), MANAGER=ADDRESS[:PORT], PREFIX.
.PHONY: sign
sign: images
	$(Q)test -n "$(KEYS)" -a -n "$(MANAGER)" || { echo "usage: make sign KEYS=DIRECTORY MANAGER=ADDRESS[:PORT] [PREFIX=24]" >&2; exit 2; }
	$(call say,SIGN,$(O)/signed)
	$(Q)boot/sign images $(KEYS) --from $(O)/bare --to $(O)/signed --manager $(MANAGER) --prefix $(or $(PREFIX),24)

.PHONY: help setup demo check soak bench bench-net bench-drain bench-native bench-place bench-store bench-api clean headers-check
help:
	@echo 'Plenum: one rack, one memory.'
	@echo
	@echo '  make demo        install what is missing, build, run a guest across a virtual rack, show what happened'
	@echo '  make check       build and run every test (some 50 minutes on two cores); ends with a line of totals'
	@echo '  make soak        the tests that take longer'
	@echo '  make bench       raw READ and miss latency, side by side'
	@echo '  make bench-drain what a guest feels while a memory component is drained'
	@echo '  make bench-net   READs of two kernels and of two stock Linux guests with rdma_rxe, side by side'
	@echo '  make bench-native  what the transport costs one core, both ends, without a network'
	@echo '  make bench-store what the manager keeps costs, and how long it takes to start, at 100,000 regions'
	@echo '  make bench-api   what the HTTP API costs, also at 100,000 regions'
	@echo '  make bench-place   what the policies of placement do to a large rack over ten years; some minutes'
	@echo
	@echo '  make             build the component images and the manager into $(O)/'
	@echo '  make setup       install the Debian and npm packages that are needed'
	@echo '  make sign        signed boot loader and images into $(O)/signed/: KEYS=DIR MANAGER=ADDRESS (docs/netboot.md)'
	@echo '  make man         man pages into $(O)/man: man -l $(O)/man/gmm.1'
	@echo '  make unit        unit tests under AddressSanitizer and UBSan'
	@echo '  make fuzz        run all fuzzers a minute each; SECONDS=3600 JOBS=2 FUZZ="fuzz_cm fuzz_join" say for how long, how'
	@echo '                   many at once and which, MERGE=1 takes what they found into tests/fuzz/corpus'
	@echo '  make menuconfig  change the configuration; make rack_defconfig, debug_defconfig reset it'
	@echo '  make clean       remove $(O)/'
	@echo
	@echo '  O=DIR builds elsewhere, V=1 shows the commands.'
	@echo '  testbed/rack --help runs virtual racks; build/bin/gmm help runs what is in them.'

setup:
	@scripts/setup

# Setup must end before this file is read again: compilers and libraries may have come with it.
demo: setup
	@$(MAKE) --no-print-directory all guest
	@$(SUDO) testbed/demo --build $(O)

check: setup
	@O=$(O) tests/check

soak: setup
	@O=$(O) tests/check --soak

bench: setup
	@$(MAKE) --no-print-directory all guest
	@$(SUDO) testbed/bench --build $(O)

bench-net: setup
	@$(MAKE) --no-print-directory all interop
	@$(SUDO) testbed/bench-net --build $(O)

bench-drain: setup
	@$(MAKE) --no-print-directory all guest
	@$(SUDO) testbed/bench-drain --build $(O)

bench-native: $(O)/bin/plenum-bench-transport
	$(Q)$<

bench-place: $(O)/bin/plenum-bench-place
	$(Q)$<

bench-store: $(O)/bin/plenum-bench-store
	$(Q)$<

# A gmmd for a larger rack than most, in a build of its own.
bench-api: $(O)/bin/gmmd $(O)/bin/gmm
	$(Q)$(MAKE) O=$(O)/large DEFCONFIG=sim_defconfig $(addprefix $(O)/large/bin/,gmmd gmm plenum-bench-store)
	$(Q)testbed/bench-api --build $(O)
	$(Q)testbed/bench-api --build $(O)/large --large

# Every header stands on its own.
HEADERS = $(filter-out kernel/libc/%,$(shell find $(wildcard include testbed tests $(MODULES)) -name '*.h' | sort -u))
headers-check: $(AUTOCONF)
	$(Q)for header in $(HEADERS); do \
		$(CC) -std=gnu17 -D_GNU_SOURCE $(WARNINGS) -I. -Iinclude -I$(O)/include -fsyntax-only -x c $$header || exit 1; done

clean:
	$(Q)rm -rf $(O)
