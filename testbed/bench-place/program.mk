# SPDX-License-Identifier: GPL-2.0-only
# Included after testbed/sim/program.mk, whose library it takes: it needs the simulator's larger racks.
$(call objects,sim,$(bench-place-y)): $(SIM_AUTOCONF)
$(O)/bin/plenum-bench-place: $(call objects,sim,$(bench-place-y)) $(O)/sim/libplenum.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(dir $@)
	$(Q)$(CC) -o $@ $^ -lm
