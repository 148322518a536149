# SPDX-License-Identifier: GPL-2.0-only
# Programs for people who test the rack's fabric, and what they are made of; rules in program.mk.
host-y += tools/capture.c tools/exercise_plan.c tools/exercise_run.c
verbs-y += tools/peer.c
# Each a program plenum-NAME of one file.
tools-y += rping pingpong cm exercise icrc
unit-tests-y += tests/unit/test_capture.c
