#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-only
"""One scripted or random sequence of packets to one target, and its answers in a form that two targets can be compared by.

Run inside the wire's namespace against verbs_peer -w (Linux) and plenum-exercise -w (ours); docs/interop.md has the list of
differences that are allowed and taken out here, each with its reason.
"""

import argparse
import random
import struct
import sys
import zlib

import raw_peer as roce
from raw_peer import RawPeer

PORT = 7475
REGION_BYTES = 1 << 20
FIRST_S, QUIET_S = 1.5, 0.2  # longer than any target takes for its first answer, and for the next
BAD_KEY = 0x5A5A00
OPCODES = {value: name for name, value in vars(roce).items()
           if name.startswith(("READ_", "ACKNOWLEDGE", "ATOMIC_ACK")) and isinstance(value, int)}
SEQUENCE_NAK = 0x60
NAKS = {SEQUENCE_NAK: "sequence", 0x61: "invalid", 0x62: "access", 0x63: "operational"}


def pattern(length, seed):
    return random.Random(seed).randbytes(length)


class Script:
    """Steps, each a burst of requests after which the target gets time to answer. `psn` is the next new one."""

    def __init__(self, mtu):
        self.mtu, self.psn, self.steps = mtu, 0, []

    def step(self, *requests):
        self.steps.append(list(requests))

    def request(self, opcode, packets=1, **fields):
        request = {"opcode": opcode, "psn": self.psn, "packets": packets, **fields}
        self.psn += packets
        return request

    def message(self, kind, length, seed=0, offset=0, **last):
        """The packets of a SEND or WRITE of any length."""
        first, middle, end, only = (getattr(roce, f"{kind}_{part}") for part in ("FIRST", "MIDDLE", "LAST", "ONLY"))
        parts = [pattern(length, seed)[at:at + self.mtu] for at in range(0, length, self.mtu)] or [b""]
        if len(parts) == 1:
            return [self.request(only, data=parts[0], offset=offset, length=length, **last)]
        packets = [self.request(first, data=parts[0], offset=offset, length=length, ack=False)]
        packets += [self.request(middle, data=part, ack=False) for part in parts[1:-1]]
        return [*packets, self.request(end, data=parts[-1], **last)]

    def read(self, offset, length, **fields):
        return self.request(roce.READ_REQUEST, max(1, -(-length // self.mtu)), offset=offset, length=length, **fields)


# ---------------------------------------------------------------- scripts

def every_operation(s):
    s.step(*s.message("SEND", 100))
    s.step(*s.message("SEND", 3 * s.mtu + 5, 1))
    s.step(*s.message("WRITE", 7, 2, 13))
    s.step(*s.message("WRITE", 2 * s.mtu, 3, 4000))
    s.step(s.read(13, 7))
    s.step(s.read(3990, 3 * s.mtu))
    s.step(s.request(roce.COMPARE_SWAP, offset=64, operand=5, compare=6))
    s.step(s.request(roce.FETCH_ADD, offset=64, operand=1 << 63))
    s.step(s.request(roce.SEND_ONLY_IMM, immediate=0x01020304, data=b"abc"))
    s.step(s.request(roce.WRITE_ONLY_IMM, immediate=0xFFFFFFFF, offset=8, length=4, data=b"defg"))
    s.step(s.read(0, 128))


def empty_ones(s):
    s.step(*s.message("SEND", 0))
    s.step(*s.message("WRITE", 0))
    s.step(s.request(roce.WRITE_ONLY_IMM, immediate=9, length=0))
    s.step(s.read(0, 0))
    s.step(*s.message("WRITE", 5))


def duplicates(s):
    write, send, read = s.message("WRITE", 50, 1, 100), s.message("SEND", 60, 2), s.read(100, 50)
    atomic, reread = s.request(roce.FETCH_ADD, offset=8, operand=3), s.read(0, 64)
    for requests in (write, send, [read], [atomic], [reread]):
        s.step(*requests)
    for requests in (write, send, [read], [atomic], [atomic], [reread], write):
        s.step(*requests)
    s.step(s.read(0, 256))


def partial_read_replays(s):
    s.step(*s.message("WRITE", 6 * s.mtu, 4))
    read = s.read(0, 6 * s.mtu)
    s.step(read)
    s.step({**read, "psn": read["psn"] + 2, "offset": 2 * s.mtu, "length": 4 * s.mtu})
    s.step({**read, "psn": read["psn"] + 4, "offset": 4 * s.mtu, "length": s.mtu})
    s.step({**read, "psn": read["psn"] + 5, "offset": 5 * s.mtu, "length": s.mtu})
    s.step(*s.message("SEND", 1))


def gap_and_recovery(s):
    s.step(*s.message("WRITE", 10, 1))
    lost, later = s.message("WRITE", 10, 2, 100), s.message("WRITE", 10, 3, 200)
    s.step(*later)
    s.step(*later)
    s.step(*lost)
    s.step(*later)
    s.step(s.read(0, 300))


def gap_inside_a_message(s):
    packets = s.message("SEND", 4 * s.mtu, 5)
    s.step(packets[0], packets[2], packets[3])
    s.step(*packets[1:])
    s.step(*s.message("SEND", 3))


def acknowledgements_only_when_asked(s):
    s.step(*s.message("WRITE", 10, 1, ack=False))
    s.step(*s.message("WRITE", 10, 2, ack=False))
    s.step(*s.message("WRITE", 10, 3))
    s.step(*s.message("SEND", 10, 4, ack=False))
    s.step(*s.message("SEND", 10, 5))


def receives_run_out(s):
    for number in range(8):
        s.step(*s.message("SEND", 20, number))
    send = s.message("SEND", 20, 9)
    s.step(*send)
    s.step(*send)


def immediate_without_receive(s):
    for number in range(8):
        s.step(*s.message("SEND", 20, number))
    s.step(s.request(roce.WRITE_ONLY_IMM, immediate=1, offset=0, length=3, data=b"xyz"))


def last_step(*requests):
    """A script whose last request is refused for good; what comes after a refusal is not compared."""
    def script(s):
        s.step(*s.message("WRITE", 40, 1))
        s.step(*(request(s) for request in requests))
    return script


SCRIPTS = {
    "every_operation": every_operation, "empty_ones": empty_ones, "duplicates": duplicates,
    "partial_read_replays": partial_read_replays, "gap_and_recovery": gap_and_recovery,
    "gap_inside_a_message": gap_inside_a_message, "acknowledgements_only_when_asked": acknowledgements_only_when_asked,
    "receives_run_out": receives_run_out, "immediate_without_receive": immediate_without_receive,
    "bad_key_write": last_step(lambda s: s.request(roce.WRITE_ONLY, length=4, data=b"abcd", key=BAD_KEY)),
    "bad_key_read": last_step(lambda s: s.read(0, 8, key=BAD_KEY)),
    "bad_key_atomic": last_step(lambda s: s.request(roce.FETCH_ADD, offset=0, key=BAD_KEY)),
    "write_past_the_end": last_step(lambda s: s.request(roce.WRITE_ONLY, offset=REGION_BYTES - 3, length=4, data=b"abcd")),
    "read_past_the_end": last_step(lambda s: s.read(REGION_BYTES - 8, 16)),
    "read_before_the_start": last_step(lambda s: s.read(-8, 16)),
    "atomic_unaligned": last_step(lambda s: s.request(roce.FETCH_ADD, offset=4)),
    "middle_without_first": last_step(lambda s: s.request(roce.SEND_MIDDLE, data=bytes(s.mtu))),
    "last_without_first": last_step(lambda s: s.request(roce.WRITE_LAST, data=b"1234")),
    "first_then_other": last_step(lambda s: s.request(roce.SEND_FIRST, data=bytes(s.mtu), ack=False),
                                  lambda s: s.request(roce.WRITE_ONLY, length=4, data=b"abcd")),
    "first_too_short": last_step(lambda s: s.request(roce.SEND_FIRST, data=bytes(s.mtu - 4))),
    "write_shorter_than_said": last_step(lambda s: s.request(roce.WRITE_ONLY, length=8, data=b"abcd")),
    "write_longer_than_said": last_step(lambda s: s.request(roce.WRITE_ONLY, length=4, data=b"abcdefgh")),
    "unknown_opcode": last_step(lambda s: s.request(0x1F, data=b"abcd")),
}


def random_script(s, seed):
    """Valid requests, repetitions of the latest ones, and gaps that are filled again."""
    rng = random.Random(seed)
    receives = 8
    done = []
    for _ in range(25):
        choice = rng.randrange(10)
        length, offset = rng.choice((0, 1, 4, 64, s.mtu, s.mtu + 1, 3 * s.mtu)), rng.randrange(1000) * 8
        if choice < 3:
            requests = s.message("WRITE", length, rng.random(), offset)
        elif choice < 4 and receives:
            receives -= 1
            requests = s.message("SEND", length, rng.random())
        elif choice < 6:
            requests = [s.read(offset, max(1, length))]
        elif choice < 7:
            requests = [s.request(rng.choice(roce.ATOMICS), offset=offset, operand=rng.getrandbits(64), compare=rng.getrandbits(8))]
        elif choice < 8 and done:
            s.step(*rng.choice(done[-3:]))
            continue
        else:
            skipped, requests = s.message("WRITE", 16, rng.random(), offset), s.message("WRITE", 16, rng.random(), offset)
            s.step(*requests)
            s.step(*skipped)
        s.step(*requests)
        done.append(requests)


# ---------------------------------------------------------------- running one

def describe(answer, repeated):
    """One answer without what may differ: credits, and how long an RNR NAK says to wait; and to repeated requests

    - which PSN an acknowledgement names: any from the repeated request's to the last one done is right;
    - whether a replayed READ begins with FIRST or goes on with MIDDLE: rxe takes a part of a READ for what it was a part of.
    """
    syndrome = answer.get("syndrome")
    name = OPCODES.get(answer["opcode"], f"{answer['opcode']:#x}")
    psn, msn = answer["psn"], answer.get("msn", "-")
    if syndrome is not None and syndrome >> 5 == 1:
        name = "RNR NAK"
    elif syndrome in NAKS:
        name = f"NAK {NAKS[syndrome]}"
    elif repeated and name == "ACKNOWLEDGE":
        psn = "-"
    elif repeated and name.startswith("READ_"):
        name, msn = "READ answer", "-"
    data = f" bytes={len(answer['data'])}:{zlib.crc32(answer['data']):08x}" if answer["data"] else ""
    return f"{name} psn={psn} msn={msn}{data}"


def without_early_acknowledgements(answers):
    """Before a NAK for a gap we acknowledge what came before it, and rxe leaves that to the NAK."""
    kept = []
    for answer in answers:
        before = answer["psn"] - 1 if answer.get("syndrome") == SEQUENCE_NAK else None
        while kept and kept[-1]["opcode"] == roce.ACKNOWLEDGE and kept[-1]["psn"] == before and kept[-1]["syndrome"] not in NAKS:
            kept.pop()
        kept.append(answer)
    return kept


def compared(step, answers, repeated):
    """The step's answers; of repeated requests without what rxe says in excess: an acknowledgement of each of their packets."""
    lines = [describe(answer, repeated) for answer in without_early_acknowledgements(answers)]
    if not repeated:
        return lines
    asked = any(request.get("ack", True) for request in step)
    acknowledgements = {line for line in lines if line.startswith("ACKNOWLEDGE")} if asked else set()
    return [*(line for line in lines if not line.startswith("ACKNOWLEDGE")), *sorted(acknowledgements)]


def play(peer, script):
    address, rkey = struct.unpack_from("<QI", peer.welcome)
    expected = 0
    for number, step in enumerate(script.steps):
        for request in step:
            peer.put_request(request, address, rkey)
        repeated = all(request["psn"] < expected for request in step)
        for request in step:
            expected += request["packets"] if request["psn"] == expected else 0
        print(f"{number}:", *(f"{request['opcode']:02x}@{request['psn']}" for request in step), "repeated" if repeated else "")
        # Only where an answer is sure to come is it worth to wait long for it.
        asked = not repeated and any(request.get("ack", True) for request in step)
        for line in compared(step, peer.answers(FIRST_S if asked else QUIET_S, QUIET_S), repeated):
            print(f"    {line}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("own")
    parser.add_argument("target")
    parser.add_argument("mtu", type=int)
    parser.add_argument("script", help="a name, or a number: the seed of a random one")
    arguments = parser.parse_args()
    script = Script(arguments.mtu)
    if arguments.script in SCRIPTS:
        SCRIPTS[arguments.script](script)
    else:
        random_script(script, int(arguments.script))
    peer = RawPeer(arguments.own, arguments.target, arguments.mtu)
    if not peer.connect(PORT, struct.pack("<QII", 1, 0, 0)):
        sys.exit("the target does not accept")
    play(peer, script)
    peer.disconnect()


if __name__ == "__main__":
    main()
