/* SPDX-License-Identifier: GPL-2.0-only */
/* Always on: an assert that fails is a panic with a backtrace. No include guard, as the C standard wants it. */
#undef assert
#define assert(condition) \
	((condition) ? (void)0 : assert_failed(#condition, __FILE__, __LINE__, __func__))

#ifndef PLENUM_LIBC_ASSERT_H
#define PLENUM_LIBC_ASSERT_H

#define static_assert _Static_assert

void assert_failed(const char *condition, const char *file, int line, const char *function)
	__attribute__((noreturn));

#endif
