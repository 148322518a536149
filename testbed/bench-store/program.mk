# SPDX-License-Identifier: GPL-2.0-only
# Included after all module.mk: a rule's prerequisites are taken when it is read.

$(call objects,sim,$(bench-store-y)): $(SIM_AUTOCONF)

$(O)/bin/plenum-bench-store: $(call objects,sim,$(bench-store-y)) $(O)/sim/libplenum.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(dir $@)
	$(Q)$(CC) -o $@ $^ -lsqlite3
