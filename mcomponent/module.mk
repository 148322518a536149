# SPDX-License-Identifier: GPL-2.0-only
portable-y += mcomponent/store.c mcomponent/region.c mcomponent/flat.c mcomponent/service.c
mcomponent-y += mcomponent/main_mcomponent.c
mcomponentd-y += mcomponent/main_host.c mcomponent/host_options.c
unit-tests-y += tests/unit/test_store.c tests/unit/test_region_set.c tests/unit/test_mcomponent.c
