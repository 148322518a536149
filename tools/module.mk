# SPDX-License-Identifier: GPL-2.0-only
# Programs for people who test the rack's fabric, and what they are made of; rules in program.mk.
host-y += tools/capture.c tools/peer.c
# Each a program plenum-NAME of one file.
tools-y += rping pingpong cm icrc
unit-tests-y += tests/unit/test_capture.c
