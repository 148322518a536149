# SPDX-License-Identifier: GPL-2.0-only
# Included after all module.mk: a rule's prerequisites are taken when it is read.
$(O)/bin/plenum-bench-transport: $(call objects,host,$(bench-native-y)) $(O)/host/libplenum.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(dir $@)
	$(Q)$(CC) -o $@ $^ -lbearssl
programs: $(O)/bin/plenum-bench-transport
