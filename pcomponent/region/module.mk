# SPDX-License-Identifier: GPL-2.0-only
portable-y += pcomponent/region/client.c pcomponent/region/connection.c pcomponent/region/request.c
unit-tests-y += tests/unit/test_region.c tests/unit/test_region_loss.c
