# SPDX-License-Identifier: GPL-2.0-only
# Included after all module.mk: a rule's prerequisites are taken when it is read.

$(call objects,sim,$(portable-y) $(sim-y)): $(SIM_AUTOCONF)

# A library, so that the simulator takes only what it runs.
$(O)/sim/libplenum.a: $(call objects,sim,$(portable-y))
	$(Q)rm -f $@
	$(Q)ar rcs $@ $^

$(O)/bin/plenum-sim: $(call objects,sim,$(sim-y)) $(O)/sim/libplenum.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(dir $@)
	$(Q)$(CC) -o $@ $^ -lbearssl

.PHONY: sim
sim: $(O)/bin/plenum-sim
