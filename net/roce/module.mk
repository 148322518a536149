# SPDX-License-Identifier: GPL-2.0-only
# Queue pairs without the connection manager.
portable-y += net/roce/manual.c
unit-tests-y += tests/unit/test_roce_manual.c

portable-y += net/roce/packet.c net/roce/icrc.c net/roce/device.c net/roce/timer.c net/roce/queue.c net/roce/memory.c \
	net/roce/queue_pair.c net/roce/requester.c net/roce/requester_holes.c net/roce/requester_timer.c \
	net/roce/requester_output.c \
	net/roce/responder.c net/roce/responder_replay.c net/roce/responder_output.c net/roce/held.c net/roce/budget.c net/roce/protect.c net/roce/names.c \
	net/roce/cm.c net/roce/cm_application.c net/roce/cm_input.c net/roce/cm_output.c net/roce/cm_message.c
unit-tests-y += tests/unit/test_roce_packet.c tests/unit/test_roce_transfer.c tests/unit/test_roce_errors.c tests/unit/test_roce_forged.c \
	tests/unit/test_roce_cm.c tests/unit/test_roce_cm_peers.c tests/unit/test_roce_timer.c tests/unit/test_roce_clock.c tests/unit/test_roce_operations.c \
	tests/unit/test_roce_recovery.c tests/unit/test_roce_rxe.c tests/unit/test_roce_replay.c tests/unit/test_roce_flow.c \
	tests/unit/test_roce_goodput.c tests/unit/test_roce_selective.c tests/unit/test_roce_held.c \
	tests/unit/test_roce_congestion.c tests/unit/test_roce_guard.c tests/unit/test_roce_protect.c \
	tests/unit/test_roce_pools.c tests/unit/test_roce_refusals.c
fuzz-y += tests/fuzz/fuzz_cm.c tests/fuzz/fuzz_roce_packet.c tests/fuzz/fuzz_roce_input.c
