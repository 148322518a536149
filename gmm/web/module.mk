# SPDX-License-Identifier: GPL-2.0-only
# The web console: files that gmmd has built in. files.txt says which; those of npm come with `make setup`. Rules in embed.mk.
host-y += gmm/daemon/web.c gmm/daemon/web_table.c
gmmd-y += gmm/daemon/api_web.c
unit-tests-y += tests/unit/test_web.c
