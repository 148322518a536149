# SPDX-License-Identifier: GPL-2.0-only
"""Stock Linux at the end of a wire that loses, repeats and reorders packets, and stock Linux and us given the same packets."""

import difflib
import subprocess
import sys

import pytest

from conftest import BUILD, TOP, wait_until

sys.path.insert(0, str(TOP / "tests" / "interop"))
import differential  # noqa: E402
from linux_peer import GUEST, HOST, RAW, GuestHung, LinuxPeer  # noqa: E402
from plenum_rack import network  # noqa: E402
from programs import (LINKS, exercise_linux, exercise_ours, finish, path_mtu, rping_to_linux, rping_to_us, serve_in_guest,  # noqa: E402
                      server_ended)

OPERATIONS = 150
# rxe finds most losses by its timer: 4.096 us * 2^12 for programs that may choose, 2.1 s for rping.
ACK_TIMEOUT = "-t 12"
RPING_BYTES, RPING_ROUNDS = 65535, 5
EFFECTS = ("loss", "repeat", "reorder")
RATES = (0.001, 0.01, 0.05)
EXPECT_SOME = 10  # so many lost, repeated or reordered packets expected: there must be one

# Ethernet's MTU in the quick suite: more packets, so more of them lost. Jumbo frames with the tests that take longer.
MTUS = [mtu if mtu == 1500 else pytest.param(mtu, marks=pytest.mark.soak) for mtu in LINKS]


@pytest.fixture(scope="module", params=MTUS, ids=lambda mtu: f"mtu{mtu}")
def linux(request):
    peer = LinuxPeer(BUILD, request.param, f"wire-{request.param}", lossy=True)
    try:
        peer.start()
        yield peer
    finally:
        peer.stop()


# ---------------------------------------------------------------- loss

PROGRAMS = {
    "rping_to_us": lambda linux, seed: rping_to_us(linux, RPING_BYTES, RPING_ROUNDS),
    "rping_to_linux": lambda linux, seed: rping_to_linux(linux, RPING_BYTES, RPING_ROUNDS),
    "exercise_ours": lambda linux, seed: exercise_ours(linux, OPERATIONS, seed, ACK_TIMEOUT),
    "exercise_linux": lambda linux, seed: exercise_linux(linux, OPERATIONS, seed),
}
# All operations, both roles. rping's pauses make it slow where much is lost.
QUICK_CELLS = [(program, 0.01) for program in PROGRAMS] + [("exercise_ours", 0.05), ("exercise_linux", 0.05)]
DONE = {"loss": "lost", "repeat": "repeated", "reorder": "reordered"}


def play_impaired(linux, program, rate, effects):
    """The program checks its data; here: that the wire did what it was told, and that our counters tell of it."""
    seed = int(rate * 1000)
    linux.impair(seed, **{effect: rate for effect in effects})
    try:
        counters = PROGRAMS[program](linux, seed)
    finally:
        done = linux.impair()
    print(done, counters)
    for direction in done.values():
        for effect in effects:
            assert direction[DONE[effect]] > 0 or direction["packets"] * rate < EXPECT_SOME, done
    if not counters:
        return
    if program == "exercise_linux" and "loss" in effects and done["to_guest"]["lost"]:
        assert counters.get("retransmits", 0) + counters.get("probes_sent", 0) > 0, counters
    if program == "exercise_ours" and "repeat" in effects and done["to_us"]["repeated"]:
        assert counters.get("duplicates", 0) > 0, counters


@pytest.mark.parametrize("program, rate", QUICK_CELLS)
def test_every_transfer_is_right_on_a_bad_wire(linux, program, rate):
    play_impaired(linux, program, rate, EFFECTS)


@pytest.mark.soak
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("effects", (*((effect,) for effect in EFFECTS), EFFECTS), ids="+".join)
def test_every_transfer_is_right_on_every_bad_wire(linux, program, effects, rate):
    play_impaired(linux, program, rate, effects)


# ---------------------------------------------------------------- the same packets to both

RECEIVES = 8
# Scripts in which the two may not agree: what rxe says and what we say.
DISAGREEMENTS = {
    # A first packet is as long as the path MTU (C9-88); rxe looks only that it is not longer.
    "first_too_short": ("ACKNOWLEDGE psn=1 msn=1", "NAK invalid psn=1 msn=1"),
}
HUNG_S = 90
SEEDS = range(1, 30)


def play_to(linux, target, script):
    command = network.inside(linux.wire, str(TOP / "tests/interop/differential.py"), RAW, target, str(path_mtu(linux)), str(script))
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def seen_by(witness):
    return [line for line in witness.splitlines() if line.startswith(("receive ", "region "))]


def answers_of_linux(linux, script):
    serve_in_guest(linux, f"verbs_peer -s -w {RECEIVES}")
    answers = play_to(linux, GUEST, script)
    server_ended(linux, timeout_s=HUNG_S)
    # The guest's shell once came back from its wait before the file was whole.
    return answers + wait_until(lambda: whole(seen_by(linux.run("cat /tmp/server")[1])), "the witness says what it saw")


def whole(seen):
    return seen if seen and seen[-1].startswith("region ") else None


def assert_agree(linux, script):
    try:
        theirs = answers_of_linux(linux, script)
    except GuestHung:
        # rxe 6.1 may spin for ever when it destroys a queue pair in error. That says nothing about us: once more, in a new guest.
        linux.restart()
        theirs = answers_of_linux(linux, script)
    witness = linux.begin("plenum-exercise", "-s", "-a", HOST, "-w", str(RECEIVES))
    ours = play_to(linux, HOST, script) + seen_by(finish(witness))
    assert whole(ours), ours
    if script in DISAGREEMENTS:
        rxes, own = DISAGREEMENTS[script]
        assert f"    {rxes}" in theirs and f"    {own}" in ours
        theirs = [line.replace(rxes, own) for line in theirs]
    assert theirs == ours, "\n".join(difflib.unified_diff(theirs, ours, "rxe", "ours", lineterm=""))


@pytest.mark.soak
@pytest.mark.parametrize("script", differential.SCRIPTS)
def test_same_packets_same_answers(linux, script):
    assert_agree(linux, script)


@pytest.mark.soak
@pytest.mark.parametrize("seed", SEEDS)
def test_same_random_packets_same_answers(linux, seed):
    assert_agree(linux, seed)
