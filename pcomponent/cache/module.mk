# SPDX-License-Identifier: GPL-2.0-only
portable-y += pcomponent/cache/cache.c pcomponent/cache/line.c pcomponent/cache/sweep.c pcomponent/cache/resize.c pcomponent/cache/check.c
unit-tests-y += tests/unit/test_cache.c tests/unit/test_cache_sweep.c tests/unit/test_cache_faults.c \
	tests/unit/test_cache_resize.c
