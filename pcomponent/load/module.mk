# SPDX-License-Identifier: GPL-2.0-only
portable-y += pcomponent/load/linux.c
