# SPDX-License-Identifier: GPL-2.0-only
"""Throw malformed RoCE datagrams at an address: empty, truncated, wrong ICRC, unknown queue pairs, random bytes."""

import random
import socket
import sys

RANDOM_SEED = 7
ROUNDS = 300


def main():
    target = (sys.argv[1], 4791)
    chance = random.Random(RANDOM_SEED)
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    line.setsockopt(socket.IPPROTO_IP, socket.IP_MTU_DISCOVER if hasattr(socket, "IP_MTU_DISCOVER") else 10, 2)
    base_transport_header = bytes([0x0C, 0x40, 0xFF, 0xFF, 0, 0, 0, 17, 0x80, 0, 0, 1])
    for length in range(16):
        line.sendto(base_transport_header[:length], target)
    for _ in range(ROUNDS):
        body = bytes(chance.randrange(256) for _ in range(chance.randrange(16, 200)))
        line.sendto(body, target)
        line.sendto(base_transport_header + body, target)


main()
