# SPDX-License-Identifier: GPL-2.0-only
.PHONY: tools
tools: $(patsubst %,$(O)/bin/plenum-%,$(tools-y))
programs: tools

$(patsubst %,$(O)/bin/plenum-%,$(tools-y)): $(O)/bin/plenum-%: $(O)/host/tools/%.o $(O)/host/libports.a $(O)/host/libplenum.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(dir $@)
	$(Q)$(CC) -o $@ $^ $(ROCE_CHOICE) -lbearssl
