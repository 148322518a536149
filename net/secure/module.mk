# SPDX-License-Identifier: GPL-2.0-only
portable-y += net/secure/secure.c net/secure/handshake.c net/secure/guard.c net/secure/noise.c net/secure/mac.c \
	net/secure/key_text.c
unit-tests-y += tests/unit/test_secure.c
