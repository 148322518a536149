# SPDX-License-Identifier: GPL-2.0-only
portable-y += pcomponent/region/client.c pcomponent/region/connection.c pcomponent/region/request.c \
	pcomponent/region/move.c pcomponent/region/copy.c pcomponent/region/pace.c pcomponent/region/promise.c
fuzz-y += tests/fuzz/fuzz_places.c
unit-tests-y += tests/unit/test_region.c tests/unit/test_region_loss.c tests/unit/test_region_move.c tests/unit/test_region_move_failures.c \
	tests/unit/test_region_move_chaos.c tests/unit/test_region_promise.c
