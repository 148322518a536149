#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-only
"""A wire between a tap and a QEMU's datagram socket that loses, repeats and reorders RoCE packets, both ways, from a seed.

What happens to the n-th packet of a direction depends on the seed and n alone. Commands come as JSON lines, each
{"seed", "loss", "repeat", "reorder"} with rates from 0 to 1; the answer is what was done since the last command.
"""

import argparse
import fcntl
import json
import os
import random
import select
import socket
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 2, 0x1000
FRAME_BYTES_MAX = 65536
UDP, ROCE_PORT = 17, 4791
HOLD_PACKETS = 3  # a packet that is held back is overtaken by at most so many,
HOLD_S = 0.005  # or goes when nothing comes to overtake it
BATCH = 64


def is_roce(frame):
    return frame[12:14] == b"\x08\x00" and frame[23] == UDP and frame[36:38] == ROCE_PORT.to_bytes(2, "big")


class Direction:
    """Frames one way, in the order and number in which they go on."""

    def __init__(self, name, send):
        self.name = name
        self.send = send
        self.configure({"seed": 0, "loss": 0, "repeat": 0, "reorder": 0})

    def configure(self, rates):
        self.rates = rates
        self.random = random.Random(f"{rates['seed']} {self.name}")
        self.held = []  # [frame, packets that may still overtake it, time it goes at the latest]
        self.done = {"packets": 0, "lost": 0, "repeated": 0, "reordered": 0}

    def take(self, frame):
        if not is_roce(frame):
            self.send(frame)
            return
        # Always four numbers a packet: one rate does not change what another one does.
        loss, repeat, reorder, packets = (self.random.random() for _ in range(4))
        self.done["packets"] += 1
        if loss < self.rates["loss"]:
            self.done["lost"] += 1
            return
        if reorder < self.rates["reorder"]:
            self.done["reordered"] += 1
            self.held.append([frame, 1 + int(packets * HOLD_PACKETS), time.monotonic() + HOLD_S])
            return
        self.send(frame)
        if repeat < self.rates["repeat"]:
            self.done["repeated"] += 1
            self.send(frame)
        for held in self.held:
            held[1] -= 1
        self.release()

    def release(self):
        now = time.monotonic()
        for held in [held for held in self.held if held[1] <= 0 or held[2] <= now]:
            self.held.remove(held)
            self.send(held[0])

    def settle(self):
        for held in self.held:
            self.send(held[0])
        self.held = []


def open_tap(name):
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return tap


def sender(send):
    """A frame that cannot go now is lost, as on any wire."""
    def attempt(frame):
        try:
            send(frame)
        except OSError:
            pass
    return attempt


def drain(receive, direction):
    for _ in range(BATCH):
        try:
            frame = receive()
        except BlockingIOError:
            return
        direction.take(frame)


def obey(directions):
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    report = {}
    for direction in directions:
        direction.settle()
        report[direction.name] = direction.done
        direction.configure(json.loads(line))
    print(json.dumps(report), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tap")
    parser.add_argument("own", help="path of our socket, made")
    parser.add_argument("qemu", help="path of QEMU's socket")
    arguments = parser.parse_args()
    tap = open_tap(arguments.tap)
    wire = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    wire.setblocking(False)
    wire.bind(arguments.own)
    to_guest = Direction("to_guest", sender(lambda frame: wire.sendto(frame, arguments.qemu)))
    to_us = Direction("to_us", sender(lambda frame: os.write(tap, frame)))
    print("ready", flush=True)
    while True:
        held = to_guest.held or to_us.held
        ready, _, _ = select.select([tap, wire, sys.stdin], [], [], HOLD_S if held else None)
        if tap in ready:
            drain(lambda: os.read(tap, FRAME_BYTES_MAX), to_guest)
        if wire in ready:
            drain(lambda: wire.recv(FRAME_BYTES_MAX), to_us)
        if sys.stdin in ready:
            obey((to_guest, to_us))
        to_guest.release()
        to_us.release()


if __name__ == "__main__":
    main()
