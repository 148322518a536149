# SPDX-License-Identifier: GPL-2.0-only
"""Who has the rack's key, and who has not: MACs on packets, where the key is seen, strangers on the wire."""

import random
import socket
import struct
import subprocess
import sys
import zlib

import pytest

from conftest import BUILD, small_rack_text, wait_until
from plenum_rack import guest, network


@pytest.fixture(scope="module")
def rack(make_rack):
    text = small_rack_text(memory_nodes=1, boot="pxe")
    return make_rack("security", text.replace("capture = none\n", "capture = full\npacket_macs = yes\n"))


def counters(rack, node):
    return dict(line.split("=") for line in rack.gmm("node", "counters", node).split())


def test_the_key_is_nowhere_to_be_seen(rack):
    """Not on the boot network, not on the wire, not in any log."""
    key = rack.state.key_file.read_text(encoding="utf-8").strip().split(":")[1]
    assert len(key) == 64
    for path in rack.state.logs.iterdir():
        content = path.read_bytes()
        assert key.encode() not in content and bytes.fromhex(key) not in content, path
    assert "event=rack_key id=1" in (rack.state.logs / "p1.log").read_text(errors="replace")


def test_guest_runs_with_a_mac_on_every_packet(rack):
    guest.create_check(rack, "macs", "96M", "12M", "20M", "plenum.operations=300 plenum.phases=fill,random")
    try:
        outcome = guest.follow(rack, "macs", 240)
    finally:
        rack.gmm("vm", "kill", "macs", check=False)
        rack.gmm("vm", "destroy", "macs")
    assert outcome.result == "ok", outcome.console[-2000:]
    assert outcome.fields["mismatches"] == "0"
    for node in ("p1", "m1"):
        assert counters(rack, node)["roce_drop_mac"] == "0"


def connect_request(sender, receiver, private_data):
    """A datagram with a REQ for the data service, as any machine can make one."""
    mad = struct.pack(">BBBBHHQHHI", 1, 7, 2, 3, 0, 0, random.getrandbits(64), 0x10, 0, 0)
    req = bytearray(232)
    req[0:4] = random.randbytes(4)
    req[8:16] = struct.pack(">Q", 0x1060000 | 20557)
    req[32:35] = random.randbytes(3)
    req[35], req[39], req[43], req[47] = 1, 1, 0xa0, 0xa7
    req[48:50] = b"\xff\xff"
    req[50], req[51] = 5 << 4, 0xf0
    req[56:72] = bytes(10) + b"\xff\xff" + socket.inet_aton(sender)
    req[72:88] = bytes(10) + b"\xff\xff" + socket.inet_aton(receiver)
    req[140:176] = (struct.pack(">BBH", 0, 0x40, 50000) + bytes(12) + socket.inet_aton(sender) + bytes(12) +
                    socket.inet_aton(receiver))
    req[176:232] = private_data
    bth = struct.pack(">BBHBBHI", 0x64, 0x40, 0xffff, 0, 0, 1, random.getrandbits(24))
    deth = struct.pack(">II", 0x80010000, 1)
    body = bth + deth + mad + bytes(req)
    header = (b"\x45\xff" + struct.pack(">HHH", 20 + 8 + len(body) + 4, 0, 0x4000) + b"\xff\x11\xff\xff" +
              socket.inet_aton(sender) + socket.inet_aton(receiver) +
              struct.pack(">HHHH", 4791, 4791, 8 + len(body) + 4, 0xffff))
    masked = b"\xff" * 8 + header + body[:4] + b"\xff" + body[5:]
    return body + struct.pack("<I", zlib.crc32(masked))


STRANGER = """
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.setsockopt(socket.IPPROTO_IP, 10, 2)
sock.bind((sys.argv[1], 4791))
sock.settimeout(0.5)
for line in sys.stdin:
    sock.sendto(bytes.fromhex(line), (sys.argv[2], 4791))
answers = 0
try:
    while True:
        sock.recv(65536)
        answers += 1
except TimeoutError:
    pass
print(answers)
"""


def test_a_stranger_gets_no_answer(rack):
    """Random and replayed requests to the data service of m1, from an address that nobody has."""
    stranger, target = f"{rack.rack.subnet}.99", rack.rack.nodes["m1"].address(rack.rack)
    network.run("ip", "-n", network.namespace(rack.rack), "addr", "add", f"{stranger}/24", "dev", "br0")
    try:
        requests = []
        for _ in range(50):
            requests.append(connect_request(stranger, target, random.randbytes(56)))
            requests.append(connect_request(stranger, target, b"\x50\x01\x01\x00" + random.randbytes(52)))
        before = counters(rack, "m1")
        done = subprocess.run(network.inside(rack.rack, sys.executable, "-c", STRANGER, stranger, target), text=True,
                              input="".join(request.hex() + "\n" for request in requests), capture_output=True, timeout=60)
        assert done.stdout == "0\n", done.stdout + done.stderr
        after = counters(rack, "m1")
        refused = {name: int(after[name]) - int(before[name]) for name in after if name.startswith("secure_refused")}
        assert refused["secure_refused_form"] >= 40 and refused["secure_refused_tag"] >= 40, refused
        assert int(after["roce_drop_unauthenticated"]) - int(before["roce_drop_unauthenticated"]) >= 90
        assert after["roce_connects_challenged"] == before["roce_connects_challenged"]
        assert rack.nodes()["p1"]["state"] == "up" and rack.nodes()["m1"]["state"] == "up"
    finally:
        network.run("ip", "-n", network.namespace(rack.rack), "addr", "del", f"{stranger}/24", "dev", "br0")


def test_a_node_with_another_key_stays_out(rack):
    """Its firmware has a wrong key: the manager says that somebody without the key asks, and the node does not come up."""
    rack.kill("m1")
    wait_until(lambda: rack.nodes()["m1"]["state"] != "up", "the manager to miss it")
    right = rack.state.oem_string.read_text(encoding="utf-8")
    rack.state.oem_string.write_text(f"plenum.key=1:{'5a' * 32}", encoding="utf-8")
    try:
        rack.start_node(rack.rack.nodes["m1"])
        wait_until(lambda: "event=rack_key id=1" in (rack.state.logs / "m1.log").read_text(errors="replace").rsplit("event=entry")[-1],
                   "it to boot", 60)
        wait_until(lambda: "without the rack's key" in (rack.state.logs / "gmmd.log").read_text(errors="replace"),
                   "the manager to report it", 60)
        assert rack.nodes()["m1"]["state"] != "up"
    finally:
        rack.state.oem_string.write_text(right, encoding="utf-8")
    rack.kill("m1")
    rack.add(rack.rack.nodes["m1"], progress=lambda line: None)
    assert rack.nodes()["m1"]["state"] == "up"


def test_the_key_changes_under_a_running_rack(rack):
    def keys():
        return {key["id"]: key["state"] for key in rack.gmm_json("key", "list")["keys"]}

    assert keys() == {1: "in use"}
    rack.gmm("key", "rotate")
    wait_until(lambda: keys() == {2: "in use", 1: "still accepted"}, "every node to have the new key", 60)
    wait_until(lambda: not rack.gmm_json("key", "list")["nodes_waiting"], "every node to use it", 60)
    assert rack.gmm("key", "rotate", check=False).returncode == 5
    assert rack.gmm("key", "forget", "2", check=False).returncode == 5
    assert rack.gmm("key", "forget", "7", check=False).returncode == 3
    rack.gmm("key", "forget", "1")
    assert keys() == {2: "in use"}
    assert rack.state.key_file.read_text(encoding="utf-8").startswith("2:")
    # Sessions made with the old key have ended; all of them come back with the new one, and stay.
    wait_until(lambda: not rack.gmm_json("key", "list")["nodes_waiting"], "the nodes to be told", 60)
    wait_until(lambda: all(node["state"] == "up" and node["renewed_s_ago"] < 2 for node in rack.nodes().values()),
               "the nodes to renew their leases", 60)
