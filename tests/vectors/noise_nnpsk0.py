#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The handshake's messages for fixed keys, from an implementation of its own: what test_secure.c compares with.

Written from the specifications alone (Noise revision 34, RFC 7748, RFC 8439, RFC 5869) with nothing but Python's hashlib.
"""
import hashlib
import hmac
import struct

P = 2**255 - 19


def x25519(scalar, point):
    k = bytearray(scalar)
    k[0] &= 248
    k[31] = (k[31] & 127) | 64
    k, u = int.from_bytes(k, "little"), int.from_bytes(point, "little") % 2**255
    x1, x2, z2, x3, z3, swap = u, 1, 0, u, 1, 0
    for t in reversed(range(255)):
        bit = k >> t & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b = (x2 + z2) % P, (x2 - z2) % P
        aa, bb = a * a % P, b * b % P
        e, da, cb = (aa - bb) % P, (x3 - z3) * a % P, (x3 + z3) * b % P
        x3, z3 = (da + cb) ** 2 % P, x1 * (da - cb) ** 2 % P
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


def chacha_block(key, counter, nonce):
    def quarter(s, a, b, c, d):
        for x, y, z, r in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            s[x] = (s[x] + s[y]) & 0xffffffff
            s[z] ^= s[x]
            s[z] = (s[z] << r | s[z] >> (32 - r)) & 0xffffffff

    start = list(struct.unpack("<4I", b"expand 32-byte k") + struct.unpack("<8I", key) + (counter,) + struct.unpack("<3I", nonce))
    state = start[:]
    for _ in range(10):
        for lanes in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
                      (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
            quarter(state, *lanes)
    return struct.pack("<16I", *((a + b) & 0xffffffff for a, b in zip(state, start)))


def seal(key, ad, plain):
    nonce = bytes(12)
    stream = b"".join(chacha_block(key, 1 + i, nonce) for i in range((len(plain) + 63) // 64))
    cipher = bytes(a ^ b for a, b in zip(plain, stream))
    one_time = chacha_block(key, 0, nonce)[:32]
    r = int.from_bytes(one_time[:16], "little") & 0x0ffffffc0ffffffc0ffffffc0fffffff
    pad = lambda b: b + bytes(-len(b) % 16)  # noqa: E731
    text, acc = pad(ad) + pad(cipher) + struct.pack("<QQ", len(ad), len(cipher)), 0
    for i in range(0, len(text), 16):
        acc = (acc + int.from_bytes(text[i:i + 16] + b"\1", "little")) * r % (2**130 - 5)
    tag = ((acc + int.from_bytes(one_time[16:], "little")) % 2**128).to_bytes(16, "little")
    return cipher + tag


def sha(data):
    return hashlib.sha256(data).digest()


def hkdf(ck, ikm, count):
    temp, out, last = hmac.new(ck, ikm, hashlib.sha256).digest(), [], b""
    for i in range(count):
        last = hmac.new(temp, last + bytes([i + 1]), hashlib.sha256).digest()
        out.append(last)
    return out


def main():
    psk, ea, eb = bytes(range(32)), bytes(range(64, 96)), bytes(range(128, 160))
    header = bytes([0x50, 1, 9, 0xc1]) + struct.pack("<I", 7)
    challenge = bytes(range(1, 17))
    prologue = b"plenum rdma 1" + bytes([10, 0, 0, 1]) + bytes([10, 0, 0, 2]) + struct.pack(">H", 20556) + header + challenge
    base = (9).to_bytes(32, "little")
    pa, pb = x25519(ea, base), x25519(eb, base)
    h = ck = sha(b"Noise_NNpsk0_25519_ChaChaPoly_SHA256")
    h = sha(h + prologue)
    ck, temp, k = hkdf(ck, psk, 3)
    h = sha(h + temp)
    h = sha(h + pa)
    ck, k = hkdf(ck, pa, 2)
    tag = seal(k, h, b"")
    h = sha(h + tag)
    print("request", (header + pa + tag).hex())
    h = sha(h + pb)
    ck, k = hkdf(ck, pb, 2)
    ck, k = hkdf(ck, x25519(ea, pb), 2)
    answer = seal(k, h, bytes([0x50, 1, 9, 1, 0, 0, 0, 0]))
    print("answer", (pb + answer).hex())
    k1, k2 = hkdf(ck, b"", 2)
    print("active sends", k1.hex())
    print("passive sends", k2.hex())


if __name__ == "__main__":
    main()
