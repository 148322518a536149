# SPDX-License-Identifier: GPL-2.0-only
# The table of files, as a header that the assembler takes them in by.
WEB_FILES_HEADER := $(O)/include/generated/web_files.h
# What the list names. Files of npm that are not there are named by the tool, with what to do.
WEB_FILES = $(shell sed 's/#.*//' gmm/web/files.txt | tr -s ' \t' '\n' | grep '^gmm/')

$(WEB_FILES_HEADER): tools/embed-web gmm/web/files.txt $(wildcard $(WEB_FILES))
	$(call say,EMBED,$@)
	$(Q)tools/embed-web gmm/web/files.txt $@
$(foreach flavour,host asan fuzz,$(call objects,$(flavour),gmm/daemon/web_table.c)): $(WEB_FILES_HEADER)
