# SPDX-License-Identifier: GPL-2.0-only
# Programs for people who test the rack's fabric, and what they are made of.
host-y += tools/capture.c
