# SPDX-License-Identifier: GPL-2.0-only
"""A peer that speaks RoCEv2 packet by packet from a UDP socket: connects with the connection manager, sends what it is told, says
what came back. Field offsets: docs/rocev2.md sections 1.2 to 1.12.
"""

import os
import socket
import struct
import zlib

ROCE_PORT = 4791
PSN_MASK = 0xFFFFFF
MAD_BYTES, MAD_HEADER_BYTES = 256, 24
REQ, REJ, REP, RTU, DREQ, DREP = 0x10, 0x12, 0x13, 0x14, 0x15, 0x16
UD_SEND_ONLY, GSI_QKEY = 0x64, 0x80010000
SERVICE_TCP = 0x01060000
RESPONSE_TIMEOUT, RETRIES, ACK_TIMEOUT = 20, 7, 12
MTU_CODES = {256: 1, 512: 2, 1024: 3, 2048: 4, 4096: 5}
CM_TRIES, CM_TRY_S = 40, 0.5
READS_MAX = 16

SEND_FIRST, SEND_MIDDLE, SEND_LAST, SEND_LAST_IMM, SEND_ONLY, SEND_ONLY_IMM = range(0x00, 0x06)
WRITE_FIRST, WRITE_MIDDLE, WRITE_LAST, WRITE_LAST_IMM, WRITE_ONLY, WRITE_ONLY_IMM = range(0x06, 0x0C)
READ_REQUEST, READ_FIRST, READ_MIDDLE, READ_LAST, READ_ONLY, ACKNOWLEDGE, ATOMIC_ACK, COMPARE_SWAP, FETCH_ADD = range(0x0C, 0x15)
HAS_RETH = (WRITE_FIRST, WRITE_ONLY, WRITE_ONLY_IMM, READ_REQUEST)
HAS_IMMEDIATE = (SEND_LAST_IMM, SEND_ONLY_IMM, WRITE_LAST_IMM, WRITE_ONLY_IMM)
ATOMICS = (COMPARE_SWAP, FETCH_ADD)
HAS_AETH = (READ_FIRST, READ_LAST, READ_ONLY, ACKNOWLEDGE, ATOMIC_ACK)


def u24(value):
    return struct.pack(">I", value & PSN_MASK)[1:]


def gid(address):
    return bytes(10) + b"\xff\xff" + socket.inet_aton(address)


def bth(opcode, qpn, psn, ack=False, pad=0):
    return struct.pack(">BBHB", opcode, 0x40 | pad << 4, 0xFFFF, 0) + u24(qpn) + bytes([0x80 if ack else 0]) + u24(psn)


def icrc(own, target, packet):
    """Over the headers that the socket will send: IP ID 0, DF, both ports 4791; what may change on the way counts as ones."""
    length = len(packet) + 4 + 8
    ip = struct.pack(">BBHHHBBH", 0x45, 0xFF, length + 20, 0, 0x4000, 0xFF, 17, 0xFFFF) + socket.inet_aton(own) + socket.inet_aton(target)
    udp = struct.pack(">HHHH", ROCE_PORT, ROCE_PORT, length, 0xFFFF)
    masked = packet[:4] + b"\xff" + packet[5:]
    return struct.pack("<I", zlib.crc32(b"\xff" * 8 + ip + udp + masked))


class RawPeer:
    """One connection from `own` to `target`; inside the wire's namespace."""

    def __init__(self, own, target, path_mtu):
        self.own, self.target, self.path_mtu = own, target, path_mtu
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.IPPROTO_IP, 10, 2)  # IP_MTU_DISCOVER, IP_PMTUDISC_DO: DF and ID 0
        self.socket.bind((own, ROCE_PORT))
        self.qpn = int.from_bytes(os.urandom(3), "big") & 0x7FFFFF | 0x100
        self.number = int.from_bytes(os.urandom(4), "big") | 1
        self.transaction = os.urandom(8)
        self.remote_number = self.remote_qpn = self.start_psn = 0
        self.welcome = b""

    def put(self, packet):
        self.socket.sendto(packet + icrc(self.own, self.target, packet), (self.target, ROCE_PORT))

    def get(self, timeout_s):
        self.socket.settimeout(timeout_s)
        try:
            while True:
                packet, sender = self.socket.recvfrom(65536)
                if sender[0] == self.target:
                    return packet[:-4]
        except TimeoutError:
            return None

    # ------------------------------------------------------------ the connection manager

    def put_management(self, attribute, transaction, data):
        mad = struct.pack(">BBBBHH8sHHI", 1, 7, 2, 3, 0, 0, transaction, attribute, 0, 0) + data
        self.put(bth(UD_SEND_ONLY, 1, 0) + struct.pack(">II", GSI_QKEY, 1) + mad.ljust(MAD_BYTES, b"\0"))

    def request(self, port, private):
        data = bytearray(MAD_BYTES - MAD_HEADER_BYTES)
        struct.pack_into(">I", data, 0, self.number)
        struct.pack_into(">QQ", data, 8, SERVICE_TCP | port, 0x5254007800000000 | self.number)
        data[32:35], data[35], data[39] = u24(self.qpn), READS_MAX, READS_MAX
        data[43] = RESPONSE_TIMEOUT << 3
        data[44:47], data[47] = u24(0), RESPONSE_TIMEOUT << 3 | RETRIES
        struct.pack_into(">H", data, 48, 0xFFFF)
        data[50], data[51] = MTU_CODES[self.path_mtu] << 4 | RETRIES, 15 << 4
        data[52:56] = b"\xff" * 4
        data[56:72], data[72:88] = gid(self.own), gid(self.target)
        data[91], data[93], data[95] = 0x17, 64, ACK_TIMEOUT << 3
        data[141] = 0x40
        struct.pack_into(">H", data, 142, port)
        data[156:160], data[172:176] = socket.inet_aton(self.own), socket.inet_aton(self.target)
        data[176:176 + len(private)] = private
        return bytes(data)

    def connect(self, port, private):
        """True when the target accepted; a target that does not listen yet is asked again."""
        for _ in range(CM_TRIES):
            self.put_management(REQ, self.transaction, self.request(port, private))
            answer = self.get(CM_TRY_S)
            attribute, data = self.management(answer)
            if attribute == REP:
                self.remote_number = struct.unpack_from(">I", data, 0)[0]
                self.remote_qpn = int.from_bytes(data[12:15], "big")
                self.start_psn = int.from_bytes(data[20:23], "big")
                self.welcome = data[36:]
                self.put_management(RTU, self.transaction, struct.pack(">II", self.number, self.remote_number))
                return True
            self.number += 2
        return False

    @staticmethod
    def management(packet):
        """Attribute and data of a message of the connection manager; (0, b"") of anything else."""
        if packet is None or len(packet) != 12 + 8 + MAD_BYTES or packet[0] != UD_SEND_ONLY:
            return 0, b""
        mad = packet[20:]
        return int.from_bytes(mad[16:18], "big"), mad[MAD_HEADER_BYTES:]

    def disconnect(self):
        """Both ways: ours is answered, and the target's own is."""
        for _ in range(CM_TRIES):
            self.put_management(DREQ, self.transaction, struct.pack(">II", self.number, self.remote_number) + u24(self.remote_qpn))
            answer = self.get(CM_TRY_S)
            while answer is not None:
                attribute, _ = self.management(answer)
                if attribute == DREQ:
                    self.put_management(DREP, answer[28:36], struct.pack(">II", self.number, self.remote_number))
                if attribute in (DREQ, DREP):
                    return
                answer = self.get(CM_TRY_S)

    # ------------------------------------------------------------ reliable connection

    def put_request(self, request, address, rkey):
        """`request`: opcode, psn (from the first), and what the opcode needs: data, offset, length, key, immediate, operand, compare."""
        opcode, data = request["opcode"], request.get("data", b"")
        place = struct.pack(">QI", address + request.get("offset", 0) & (1 << 64) - 1, rkey ^ request.get("key", 0))
        headers = b""
        if opcode in HAS_RETH:
            headers = place + struct.pack(">I", request.get("length", len(data)))
        elif opcode in ATOMICS:
            headers = place + struct.pack(">QQ", request.get("operand", 0), request.get("compare", 0))
        if opcode in HAS_IMMEDIATE:
            headers += struct.pack(">I", request.get("immediate", 0))
        pad = -len(data) % 4
        self.put(bth(opcode, self.remote_qpn, self.start_psn + request["psn"], request.get("ack", True), pad) + headers + data + bytes(pad))

    def answers(self, first_s, quiet_s):
        """What comes until nothing has come for a while: [{opcode, psn from the first, syndrome, msn, data}]."""
        found = []
        while (packet := self.get(quiet_s if found else first_s)) is not None:
            opcode, pad = packet[0], packet[1] >> 4 & 3
            if int.from_bytes(packet[5:8], "big") != self.qpn:
                continue
            answer = {"opcode": opcode, "psn": int.from_bytes(packet[9:12], "big") - self.start_psn & PSN_MASK}
            at = 12
            if opcode in HAS_AETH:
                answer["syndrome"], answer["msn"] = packet[12], int.from_bytes(packet[13:16], "big")
                at = 16
            answer["data"] = packet[at:len(packet) - pad]
            found.append(answer)
        return found
