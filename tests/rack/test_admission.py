# SPDX-License-Identifier: GPL-2.0-only
"""Machines that nobody configured: seen, told to say what they are, admitted by name or rule, refused when they are somebody else."""

import http.client
import json
import signal
import struct
import subprocess

import pytest
from conftest import BUILD, node, wait_until

from plenum_rack import alone, config
from plenum_rack.rack import VirtualRack

CONFLICT = 5
NOT_FOUND = 3
USAGE = 2
MAC = "52:54:00:99:00:01"
UUID = "6d0f5e1c-7f0b-4d8a-9d55-0123456789ab"
TOLD = "&manufacturer=ACME%20Corp&product=R725&serial=S%3B1&dimms=0040ff7f&wide=0000000000000100&threads=20&svm=yes&vmx=no&told=1"
RULE = ["[rule large]", "manufacturer = acme*", "memory_min = 64G", "svm = yes", "role = memory", "name = m%02d", "domain = pdu-a"]


# ---------------------------------------------------------------- the manager alone

class Manager(alone.Manager):
    def get(self, path):
        connection = http.client.HTTPConnection(self.address, self.http_port, timeout=20)
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()

    def boot(self, mac=MAC, uuid=UUID, more=""):
        status, text = self.get(f"/boot.ipxe?mac={mac}&uuid={uuid}{more}")
        assert status == 200 and text.startswith("#!ipxe\n"), text
        return text

    def gmm(self, *words):
        return subprocess.run([BUILD / "bin" / "gmm", "--socket", self.socket, *words], capture_output=True, text=True, check=False)

    def gmm_json(self, *words):
        done = self.gmm("-o", "json", *words)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def node(self, name):
        return {entry["name"]: entry for entry in self.gmm_json("node", "list")}.get(name)

    def restart(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.socket.unlink(missing_ok=True)
        self.start()

    def configure(self, *lines):
        self.config.write_text(self.config.read_text(encoding="utf-8") + "\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(name="manager")
def start_manager(tmp_path):
    manager = Manager(BUILD, tmp_path, {"m1": "memory"}, ["rebuild_reserve = no"])
    yield manager
    manager.stop()


def test_a_stranger_tells_what_it_is_and_waits(manager):
    text = manager.boot()
    assert "&told=1" in text and "${manufacturer:uristring}" in text and "cpuid --ext --ecx 2" in text and text.rstrip().endswith("reboot")
    assert len(text) < 4000
    machine, = manager.gmm_json("node", "pending")
    assert (machine["mac"], machine["life"], machine["product"]) == (MAC, "discovered", "")
    text = manager.boot(more=TOLD)
    assert "waits to be admitted" in text and f"gmm node admit NAME --mac {MAC} --role ROLE" in text
    assert "ACME" not in text and "S;1" not in text     # a script is not the place for a stranger's text
    machine, = manager.gmm_json("node", "pending")
    assert (machine["life"], machine["manufacturer"], machine["product"], machine["serial"]) == ("pending", "ACME Corp", "R725", "S;1")
    assert (machine["memory_bytes"], machine["processors"], machine["svm"], machine["vmx"]) == (80 << 30, 32, True, False)
    assert machine["uuid"] == UUID and machine["ip"] == "127.0.0.1" or machine["ip"].startswith("127.")
    assert "NODE_PENDING" in manager.gmm("health", "detail").stdout
    assert "1 machine that is no node: gmm" in manager.gmm("status").stdout
    assert "waits to be admitted: ACME Corp R725" in manager.gmm("events").stdout
    done = manager.gmm("node", "cordon", MAC)
    assert done.returncode == CONFLICT and "pending and not a node yet; from there: admitted (gmm node admit)" in done.stderr
    assert manager.gmm("node", "reject", MAC).returncode == 0
    assert manager.gmm("node", "reject", MAC).returncode == NOT_FOUND
    assert manager.gmm_json("node", "pending") == [] and "NODE_PENDING" not in manager.gmm("health", "detail").stdout


def test_admitted_by_name(manager):
    manager.boot(more=TOLD)
    words = ["node", "admit", "m7", "--mac", MAC, "--role", "memory", "--domain", "pdu-b"]
    would = manager.gmm_json(*words, "--dry-run")
    assert would["would"] == f"would admit the machine that waits as m7, a memory component at {would['ip']}" and manager.node("m7") is None
    made = manager.gmm_json(*words)
    assert made["ip"] == would["ip"] and made["life"] == "admitted" and made["origin"] == "admitted" and made["domain"] == "pdu-b"
    shown = manager.gmm_json("node", "show", "m7")
    assert shown["uuid"] == UUID and {"to": "retired", "command": "node retire"} in shown["next"]
    assert manager.gmm_json("node", "pending") == []
    text = manager.boot()
    assert f"name=m7 ip={made['ip']}/24" in text and manager.node("m7")["life"] == "booting"
    # The next manager has it from its store, this one's death being what it may.
    manager.restart()
    again = manager.node("m7")
    assert (again["ip"], again["mac"], again["role"], again["domain"], again["life"]) == (made["ip"], MAC, "memory", "pdu-b", "admitted")
    assert "name=m7" in manager.boot()
    for _ in range(4):
        manager.boot()
    assert manager.node("m7")["life"] == "failed" and "BOOT_LOOP" in manager.gmm("health", "detail").stdout


@pytest.mark.parametrize("words, code, why", [
    (("m1", "--mac", MAC, "--role", "memory"), CONFLICT, "there is a node named m1 already, which is admitted; from there: cordoned"),
    (("m7", "--mac", "52:54:00", "--role", "memory"), USAGE, "not a MAC address"),
    (("m7", "--mac", "52:54:00:77:00:0b", "--role", "memory"), CONFLICT, "this MAC is m1's already"),
    (("m7", "--mac", "01:00:5e:00:00:01", "--role", "memory"), USAGE, "zero or a group's"),
    (("m7", "--mac", MAC, "--role", "storage"), USAGE, "process or memory"),
    (("m7", "--mac", MAC, "--role", "memory", "--ip", "10.1.2.3"), USAGE, "not in the manager's network"),
    (("m7", "--mac", MAC, "--role", "memory", "--ip", "10.1.2"), USAGE, "not an IPv4 address"),
    (("m 7", "--mac", MAC, "--role", "memory"), USAGE, ""),
    (("x" * 40, "--mac", MAC, "--role", "memory"), USAGE, ""),
    (("m7", "--mac", MAC), USAGE, "role"),
])
def test_what_cannot_be_admitted(manager, words, code, why):
    done = manager.gmm("node", "admit", *words)
    assert (done.returncode, why in done.stderr) == (code, True), done.stderr
    assert done.stdout == "" and len(manager.gmm_json("node", "list")) == 1


def test_admitted_by_rule(manager):
    manager.configure(*RULE)
    manager.process.send_signal(signal.SIGHUP)
    wait_until(lambda: manager.boot(more=TOLD) and manager.gmm_json("node", "match")[0]["rule"] == "large", "the rule to be read")
    shown, = manager.gmm_json("node", "match")
    assert (shown["name"], shown["role"], shown["domain"], shown["auto"], shown["reason"]) == ("m01", "memory", "pdu-a", False, "")
    assert manager.node("m01") is None      # it only shows
    manager.configure("auto = yes")
    manager.process.send_signal(signal.SIGHUP)
    wait_until(lambda: manager.boot(more=TOLD) and manager.node("m01"), "the rule to admit it")
    assert "name=m01" in manager.boot()
    assert "admitted by the rule large" in manager.gmm("events").stdout
    # One that has too little memory waits.
    manager.boot(mac="52:54:00:99:00:02", uuid="", more=TOLD.replace("0040ff7f", "0040"))
    assert manager.gmm_json("node", "match")[0]["reason"] == "no rule fits"


def test_nobody_is_somebody_else(manager):
    other = UUID.replace("6d", "7e")
    manager.boot(more=TOLD)
    assert "may not boot now" in manager.boot(uuid=other, more=TOLD)
    assert "NODE_ID_CONFLICT" in manager.gmm("health", "detail").stdout
    done = manager.gmm("node", "admit", "m7", "--mac", MAC, "--role", "memory")
    assert done.returncode == CONFLICT and "another machine claims this MAC or UUID" in done.stderr
    manager.gmm("node", "reject", MAC)
    manager.boot(more=TOLD)  # its UUID is taken from what waits when it is admitted, not from who asks for a script later
    assert manager.gmm("node", "admit", "m7", "--mac", MAC, "--role", "memory").returncode == 0
    assert "name=m7" in manager.boot()
    for text in (manager.boot(uuid=other), manager.boot(mac="52:54:00:99:00:05", more=TOLD)):
        assert "may not boot now" in text and "name=" not in text and "kernel" not in text
    assert "m7: another machine asked to boot with its UUID" in manager.gmm("health", "detail").stdout
    # Boards whose maker wrote no UUID are known by their MAC.
    assert "name=m7" in manager.boot(uuid="03000200-0400-0500-0006-000700080009")


def test_retired_forgotten_and_admitted_anew(manager):
    words = ("node", "admit", "m7", "--mac", MAC, "--role", "memory")
    assert manager.gmm(*words).returncode == 0
    done = manager.gmm("node", "forget", "m7")
    assert done.returncode == CONFLICT and "it is not retired but admitted; gmm node retire m7" in done.stderr
    manager.gmm("node", "retire", "m7")
    assert "which is retired" in manager.boot() and manager.gmm(*words).returncode == CONFLICT
    assert manager.gmm("node", "forget", "m7").returncode == 0
    assert manager.node("m7") is None and manager.gmm("node", "show", "m7").returncode == NOT_FOUND
    manager.restart()
    assert manager.node("m7") is None
    assert manager.gmm(*words).returncode == 0 and manager.node("m7")["life"] == "admitted"


def test_the_file_goes_first(manager):
    manager.gmm("node", "admit", "m7", "--mac", MAC, "--role", "memory")
    network = manager.address.rsplit(".", 1)[0]
    manager.configure("[node m7]", "role = memory", "mac = 52:54:00:99:00:07", f"ip = {network}.77", "args = a=b")
    manager.process.send_signal(signal.SIGHUP)
    wait_until(lambda: manager.node("m7")["origin"] == "file", "the section to be read")
    assert manager.node("m7")["ip"] == f"{network}.77" and "a=b" in manager.boot(mac="52:54:00:99:00:07")
    manager.gmm("node", "admit", "m8", "--mac", MAC, "--role", "memory")
    manager.configure("[node m9]", "role = memory", f"mac = {MAC}", f"ip = {network}.79")
    manager.stop()
    manager.socket.unlink(missing_ok=True)
    done = subprocess.run([manager.gmmd, "--config", manager.config], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1 and "[node m9]: name, address or MAC is node m8's already, which was admitted" in done.stderr
    text = manager.config.read_text(encoding="utf-8")
    manager.config.write_text(text[:text.index("[node m9]")], encoding="utf-8")
    manager.start()


def test_over_http(manager):
    manager.boot(more=TOLD)

    def ask(method, path, body=None, token=manager.operator):
        return alone.ask(manager.connect(), method, path, body, {"Authorization": f"Bearer {token}"})

    assert ask("GET", "/v1/machines").json[0]["mac"] == MAC
    assert ask("GET", "/v1/machines/match").json[0]["reason"] == "no rule fits"
    body = {"name": "m7", "mac": MAC, "role": "memory"}
    assert ask("POST", "/v1/nodes", body, manager.reader).status == 403
    assert ask("POST", "/v1/nodes", body | {"dry_run": True}).json["would"].startswith("would admit the machine that waits as m7, a memory component at 127.")
    assert ask("POST", "/v1/nodes", body).json["life"] == "admitted"
    assert ask("POST", "/v1/nodes", body).status == 409
    assert ask("DELETE", f"/v1/machines/{MAC}").status == 404
    answer = ask("DELETE", "/v1/nodes/m7")
    assert answer.status == 409 and "gmm node retire m7" in answer.text
    assert 'plenum_nodes{state="admitted"} 2' in ask("GET", "/metrics").text
    assert ask("POST", "/v1/nodes/m7/retire").status == 200
    assert ask("DELETE", "/v1/nodes/m7").json == {"name": "m7", "life": "forgotten"}


def test_nonsense_and_floods(manager):
    for path in ("/boot.ipxe?mac=nonsense", "/boot.ipxe?mac=01:00:5e:00:00:01", "/boot.ipxe?mac=52:54:00:99:00"):
        assert manager.get(path)[0] == 400
    for number in range(200):
        manager.boot(mac=f"52:54:00:aa:00:{number:02x}", uuid="", more="&told=1&manufacturer=%0a%ff%22&dimms=zz" if number % 2 else "")
    machines = manager.gmm_json("node", "pending")
    assert len(machines) == 64 and {machine["life"] for machine in machines} <= {"discovered", "pending"}
    assert len(manager.gmm_json("node", "list")) == 1 and "name=m1" in manager.boot(mac="52:54:00:77:00:0b", uuid="")
    assert sum("waits to be admitted" in line for line in manager.gmm("events").stdout.splitlines()) < 20


# ---------------------------------------------------------------- machines

class StrangersRack(VirtualRack):
    """Machines of `strangers` are in the rack file, not in the manager's; each with a UUID of its own."""
    strangers = {"x1": UUID, "x2": UUID.replace("6d", "7e"), "g1": UUID.replace("6d", "8f")}
    rules = ()
    words = {}      # more of QEMU's, by name

    def write_manager_configuration(self):
        path = super().write_manager_configuration()
        path.write_text(path.read_text(encoding="utf-8") + "\n".join(self.rules) + "\n", encoding="utf-8")
        return path

    def spawn(self, name, command, log):
        uuid = self.strangers.get(name)
        return super().spawn(name, [*command, *self.words.get(name, ()), *(["-uuid", uuid] if uuid else [])], log)

    def pending(self):
        return {machine["mac"]: machine for machine in self.gmm_json("node", "pending")}


@pytest.fixture(scope="module")
def rack(make_rack, tmp_path_factory):
    known = "[rack]\nsubnet = 10.79.4\ncapture = none\n" + node("m1", "memory", boot="direct")
    virtual = make_rack("admission", known, kind=StrangersRack)
    path = tmp_path_factory.mktemp("strangers") / "all.rack"
    path.write_text(known + node("x1", "memory", boot="pxe") + node("x2", "memory", "192M", boot="pxe") + node("g1", "memory", boot="uefi"),
                    encoding="utf-8")
    virtual.all = config.load(path).nodes
    processor = path.with_name("processor")
    processor.write_bytes(smbios_processor())
    memory = []
    for number in range(32):
        memory += ["-smbios", f"file={path.with_name(f'memory{number}')}"]
        path.with_name(f"memory{number}").write_bytes(smbios_memory(0x1100 + number, 131072))
    virtual.words = {"g1": ["-smbios", "type=1,manufacturer=AT&T * $HOME,product=R7 (x+y)/z#!%41'\"\\\\,,,serial=-h" + "&" * 60, "-smbios", "type=3,asset=",
                            "-smbios", f"file={processor}", *memory]}
    return virtual


def smbios_processor():
    """SMBIOS type 4 (DSP0134, 7.5) of a processor as servers have them: QEMU's own tells nothing of virtualization, and no more than 255 threads."""
    table = struct.pack("<BBHBBBBQBBHHHBBHHHBBBBBBHHHHH", 4, 48, 0x400, 1, 3, 0xfe, 2, 0, 3, 0, 0, 2000, 2000, 0x41, 1, 0xffff, 0xffff, 0xffff,
                        0, 0, 0, 128, 128, 255, 0xfc, 1, 128, 128, 300)
    assert len(table) == 48
    return table + b"P0\0Advanced Micro Devices, Inc.\0EPYC <9754> \0\0"


def smbios_memory(handle, size_mib):
    """SMBIOS type 17 (7.18) of a device so large that its size stands in the second field: as many of them make the longest of requests."""
    table = struct.pack("<BBHHHHHHBBBBBHHBBBBBIH", 17, 34, handle, 0x1000, 0xfffe, 72, 64, 0x7fff, 9, 0, 0, 0, 0x1a, 0x80, 3200, 0, 0, 0, 0, 0, size_mib, 3200)
    assert len(table) == 34
    return table + b"\0\0"


def joined(rack, name):
    entry = rack.nodes().get(name)
    return entry if entry and entry["life"] == "up" else None


def test_a_machine_boots_waits_and_is_admitted(rack):
    stranger = rack.all["x1"]
    rack.start_node(stranger)
    machine = wait_until(lambda: rack.pending().get(stranger.mac, {}).get("life") == "pending" and rack.pending()[stranger.mac],
                         "it to say what it is", 60)
    assert machine["uuid"] == UUID and machine["manufacturer"] == "QEMU" and machine["memory_bytes"] == 128 << 20
    assert machine["svm"] is True and machine["processors"] == 1 and machine["firmware"].startswith("pcbios")
    assert 100 <= int(machine["ip"].split(".")[3]) <= 200     # of those that DHCP lends
    rack.gmm("node", "admit", "deep", "--mac", stranger.mac, "--role", "memory", "--domain", "pdu-b")
    entry = wait_until(lambda: joined(rack, "deep"), "it to boot and join", 90)
    assert entry["ip"] == "10.79.4.2" and entry["origin"] == "admitted" and entry["pages_capacity"] > 0
    boot = rack.gmm_json("node", "show", "deep")["boot"]
    assert boot["loader"] == "ipxe" and None not in boot.values() and boot["scripts_since_join"] == 0
    rack.restart_manager()
    entry = wait_until(lambda: joined(rack, "deep"), "it to join the next manager")
    assert entry["origin"] == "admitted" and entry["domain"] == "pdu-b"


def test_another_machine_with_its_mac(rack):
    """After the test above. They cannot both be on the wire: the first is switched off."""
    rack.kill("x1")
    wait_until(lambda: rack.nodes()["deep"]["life"] == "down", "the manager to miss it")
    rack.state.processes.pop("x1")
    rack.strangers = dict(rack.strangers, x1=UUID.replace("6d", "ff"))
    rack.start_node(rack.all["x1"])
    wait_until(lambda: "deep: another machine asked to boot with its MAC" in rack.gmm("health", "detail"), "it to be refused", 60)
    assert rack.nodes()["deep"]["life"] == "down"
    wait_until(lambda: "may not boot now" in (rack.state.logs / "x1.log").read_text(encoding="utf-8", errors="replace"), "it to say so")
    rack.kill("x1")


def test_a_machine_is_admitted_by_rule(rack):
    stranger = rack.all["x2"]
    rack.rules = ("[rule qemu]", "manufacturer = qemu", f"mac = {stranger.mac}", "memory_min = 160M", "role = memory", "name = r%02d", "auto = yes")
    rack.restart_manager()
    rack.start_node(stranger)
    entry = wait_until(lambda: joined(rack, "r01"), "it to be admitted, boot and join", 90)
    assert entry["mac"] == stranger.mac and entry["origin"] == "admitted"


def test_a_uefi_machine(rack):
    """GRUB tells what iPXE does, and asks again until it is admitted. No text of the firmware's is more than text."""
    stranger = rack.all["g1"]
    rack.rules = ("[rule green]", "manufacturer = at&t*", "product = R7 (x+y)*", "memory_min = 4T", "svm = yes", "role = memory", "name = g%02d")
    rack.restart_manager()
    rack.start_node(stranger)
    machine = wait_until(lambda: rack.pending().get(stranger.mac, {}).get("life") == "pending" and rack.pending()[stranger.mac],
                         "it to say what it is", 90)
    assert machine["uuid"] == rack.strangers["g1"] and machine["firmware"] == "efi" and machine["memory_bytes"] == 4 << 40
    assert (machine["manufacturer"], machine["product"], machine["asset"]) == ("AT&T _ _HOME", "R7 (x+y)/z___41____,", "")
    assert (machine["serial"], machine["processor"]) == ("-h" + "&" * 23, "EPYC _9754_")
    assert (machine["processors"], machine["svm"], machine["vmx"]) == (300, True, False)
    assert [one["rule"] for one in rack.gmm_json("node", "match") if one["mac"] == stranger.mac] == ["green"]
    rack.gmm("node", "admit", "green", "--mac", stranger.mac, "--role", "memory")
    wait_until(lambda: joined(rack, "green"), "it to ask again, boot and join", 120)
