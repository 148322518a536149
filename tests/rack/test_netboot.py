# SPDX-License-Identifier: GPL-2.0-only
"""Network boot: what gmmd serves and writes for dnsmasq, and every way from firmware to a node that has joined."""

import http.client
import json
import os
import re
import shutil
import signal
import subprocess

import pytest
from conftest import BUILD, TOP, node, wait_until

from plenum_rack.alone import Manager
from plenum_rack.config import load
from plenum_rack.rack import VirtualRack

MAC = "52:54:00:77:00:0b"
STRANGER = "52:54:00:99:00:01"
UUID = "6d0f5e1c-7f0b-4d8a-9d55-0123456789ab"
# As boot/grub/inventory.cfg writes it
INVENTORY = f"?uuid={UUID}&manufacturer=ACME%20%26%20Co&product=R7%20%28x%2By%29&dimms=16384.32767.0.&wide=65536.&threads=32.&svm_traits=252.&told=1"


# ---------------------------------------------------------------- the manager alone

@pytest.fixture(name="manager")
def start_manager(tmp_path):
    """A gmmd on loopback with loaders to serve; what it writes for dnsmasq is in `netboot`."""
    for name in ("grubnet.efi", "undionly.kpxe", "pcomponent.elf", "mcomponent.elf"):
        shutil.copy(BUILD / "bare" / name, tmp_path)
    settings = ["[netboot]", "interface = lo", "mode = proxy", f"directory = {tmp_path}/netboot"]
    manager = Manager(BUILD, tmp_path, {"m1": "memory"}, settings)
    manager.directory = tmp_path
    yield manager
    manager.stop()


def fetch(manager, path, method="GET"):
    connection = http.client.HTTPConnection(manager.address, manager.http_port, timeout=20)
    connection.request(method, path)
    response = connection.getresponse()
    return response.status, response.read()


def assert_told(machine):
    assert (machine["manufacturer"], machine["product"], machine["uuid"]) == ("ACME & Co", "R7 (x+y)", UUID)
    assert (machine["memory_bytes"], machine["processors"], machine["svm"], machine["vmx"]) == (80 << 30, 32, True, False)


def script(manager, path):
    status, body = fetch(manager, path)
    assert status == 200, body
    return body.decode()


def gmm(manager, *words):
    return subprocess.run([BUILD / "bin" / "gmm", "--socket", manager.socket, *words], capture_output=True, text=True, check=False).stdout


def test_grub_is_told_what_ipxe_is_told(manager):
    grub, ipxe = script(manager, f"/grub/by-mac/{MAC}.cfg"), script(manager, f"/boot.ipxe?mac={MAC}")
    words = re.search(r"name=m1 ip=\S+ gmm=\S+", ipxe).group()
    assert f"multiboot2 '(http,{manager.address}:{manager.http_port})/images/mcomponent.elf?mac=52540077000b' {words}; then boot" in grub
    assert "sleep $wait" in grub and grub.rstrip().endswith("reboot")
    assert "inc wait ${wait}" in ipxe and ipxe.rstrip().endswith("reboot")
    assert "key=" not in grub + ipxe


def test_arguments_reach_grub_as_they_are(manager):
    text = manager.config.read_text(encoding="utf-8") + "args = a=$b;c  d='e'\n"
    manager.config.write_text(text, encoding="utf-8")
    manager.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "a=$b" in script(manager, f"/boot.ipxe?mac={MAC}"), "the new arguments")
    assert "a=\\$b\\;c  d=\\'e\\'; then boot" in script(manager, f"/grub/by-mac/{MAC}.cfg")


def test_grub_understands_its_scripts(manager, tmp_path):
    made = [script(manager, f"/grub/by-mac/{mac}.cfg") for mac in (MAC, STRANGER)]
    for number, text in enumerate(made):
        (tmp_path / f"{number}.cfg").write_text(text, encoding="utf-8")
    for path in [*(TOP / "boot" / "grub").glob("*.cfg"), *tmp_path.glob("*.cfg")]:
        done = subprocess.run(["grub-script-check", path], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{path}: {done.stderr}"
        for line in path.read_text(encoding="utf-8").splitlines():
            # Else a text that begins with - is an option: with -h the look at it succeeds, whatever stands behind.
            assert line.strip().startswith("#") or not re.search(r"\bregexp\b", line) or " -- '" in line, f"{path}: {line}"


def test_strangers_and_nonsense(manager):
    for query, life in (("", "discovered"), (INVENTORY, "pending")):
        text = script(manager, f"/grub/by-mac/{STRANGER}.cfg{query}")
        assert f"(MAC {STRANGER}) waits to be admitted" in text and "multiboot2" not in text and text.endswith("\nsleep 15\n")
        assert "ACME" not in text
        machine, = json.loads(gmm(manager, "-o", "json", "node", "pending"))
        assert (machine["mac"], machine["life"]) == (STRANGER, life)
    assert_told(machine)
    assert fetch(manager, "/grub/by-mac/x;boot.cfg")[0] == 400
    for path in ("/grub/by-mac/", "/grub/by-mac/.cfg", f"/grub/by-mac/{MAC}", f"/grub/by-mac/{MAC}{MAC}.cfg", "/grub/", "/images/",
                 "/images/../rack.key", "/images/rack.key"):
        assert fetch(manager, path)[0] == 404, path
    assert fetch(manager, "/grubnet.efi", "POST")[0] == 405


def test_loader_knows_its_manager(manager):
    status, loader = fetch(manager, "/grubnet.efi")
    assert status == 200 and loader[:2] == b"MZ"
    assert f"set manager={manager.address}:{manager.http_port} ".encode() in loader and b"@PLENUM-" not in loader
    assert loader == (manager.directory / "netboot" / "tftp" / "grubnet.efi").read_bytes()
    assert len(loader) == (BUILD / "bare" / "grubnet.efi").stat().st_size
    (manager.directory / "grubnet.efi").unlink()
    assert fetch(manager, "/grubnet.efi")[0] == 404


def test_signed_images_by_what_the_node_is(manager):
    (manager.directory / "mcomponent.elf.sig").write_bytes(b"signature")
    path = f"/signed/by-mac/{MAC}/image.elf"
    assert fetch(manager, path) == (200, (BUILD / "bare" / "mcomponent.elf").read_bytes())
    assert fetch(manager, path + ".sig") == (200, b"signature")
    for path in (f"/signed/by-mac/{STRANGER}/image.elf", f"/signed/by-mac/{MAC}/rack.key", f"/signed/by-mac/{MAC}/../rack.key",
                 "/signed/by-mac/image.elf", f"/signed/by-mac/{MAC}", "/signed/by-mac//image.elf"):
        assert fetch(manager, path)[0] == 404, path
    assert '"loader": "grub-signed"' in gmm(manager, "-o", "json", "node", "show", "m1")


def test_a_signed_loader_tells_what_the_machine_is(manager):
    """With the request for its image, whose signature GRUB asks for by .sig behind all of that."""
    (manager.directory / "mcomponent.elf.sig").write_bytes(b"signature")
    query = f"image.elf{INVENTORY}&file=image.elf"
    for mac, image, signature in ((STRANGER, 404, 404), (MAC, 200, 200)):
        assert fetch(manager, f"/signed/by-mac/{mac}/{query}")[0] == image
        assert fetch(manager, f"/signed/by-mac/{mac}/{query}.sig")[0] == signature
    assert fetch(manager, f"/signed/by-mac/{MAC}/{query}.sig")[1] == b"signature"
    machine, = json.loads(gmm(manager, "-o", "json", "node", "pending"))
    assert machine["life"] == "pending"
    assert_told(machine)
    # Once it is admitted, whoever has its MAC and another UUID gets nothing.
    assert "admitted" in gmm(manager, "-o", "json", "node", "admit", "m2", "--mac", STRANGER, "--role", "memory")
    assert fetch(manager, f"/signed/by-mac/{STRANGER}/{query}")[0] == 200
    assert fetch(manager, f"/signed/by-mac/{STRANGER}/{query}".replace("=6d", "=7e"))[0] == 404


def test_files_are_written_and_left_alone(manager):
    netboot = manager.directory / "netboot"
    names = ("dnsmasq.conf", "dnsmasq.hosts", "tftp/boot.ipxe", "tftp/grubnet.efi", "tftp/undionly.kpxe")
    subprocess.run(["dnsmasq", "--test", f"--conf-file={netboot}/dnsmasq.conf"], check=True, capture_output=True)
    assert f"http://{manager.address}:{manager.http_port}/boot.ipxe?mac=" in (netboot / names[2]).read_text(encoding="utf-8")
    before = [(netboot / name).stat().st_ino for name in names]
    text = manager.config.read_text(encoding="utf-8")
    authoritative = text.replace("mode = proxy", f"range = {manager.address}00-{manager.address}20")
    manager.config.write_text(authoritative, encoding="utf-8")
    manager.process.send_signal(signal.SIGHUP)
    wait_until(lambda: MAC in (netboot / "dnsmasq.hosts").read_text(encoding="utf-8"), "the node's reservation")
    wait_until(lambda: "dhcp-hostsfile" in (netboot / "dnsmasq.conf").read_text(encoding="utf-8"), "the new configuration")
    subprocess.run(["dnsmasq", "--test", f"--conf-file={netboot}/dnsmasq.conf"], check=True, capture_output=True)
    after = [(netboot / name).stat().st_ino for name in names]
    assert [a == b for a, b in zip(before, after)] == [False, False, True, True, True]
    assert not list(netboot.rglob("*.new"))


def test_admitted_nodes_have_addresses_too(manager):
    text = manager.config.read_text(encoding="utf-8")
    manager.config.write_text(text.replace("mode = proxy", f"range = {manager.address}00-{manager.address}20"), encoding="utf-8")
    manager.process.send_signal(signal.SIGHUP)
    hosts = manager.directory / "netboot" / "dnsmasq.hosts"
    wait_until(lambda: MAC in hosts.read_text(encoding="utf-8"), "the node's reservation")
    assert STRANGER not in hosts.read_text(encoding="utf-8")
    address = manager.address + "9"
    gmm(manager, "node", "admit", "m2", "--mac", STRANGER, "--role", "memory", "--ip", address)
    wait_until(lambda: f"{STRANGER},{address},m2\n" in hosts.read_text(encoding="utf-8"), "the admitted node's reservation")
    assert f"{MAC}," in hosts.read_text(encoding="utf-8")


def test_dnsmasq_takes_the_one_file(manager):
    printed = subprocess.run([BUILD / "bin" / "gmmd", "--config", manager.config, "--write-dnsmasq", "-"], check=True, capture_output=True)
    path = manager.directory / "one.conf"
    subprocess.run([BUILD / "bin" / "gmmd", "--config", manager.config, "--write-dnsmasq", path], check=True)
    assert printed.stdout == path.read_bytes()
    subprocess.run(["dnsmasq", "--test", f"--conf-file={path}"], check=True, capture_output=True)
    failed = subprocess.run([BUILD / "bin" / "gmmd", "--config", manager.config, "--write-dnsmasq", "/nonexistent/x"], check=False,
                            capture_output=True, text=True)
    assert failed.returncode == 1 and "/nonexistent/x" in failed.stderr


def test_five_grub_scripts_without_a_join_are_a_boot_loop(manager):
    for _ in range(4):
        script(manager, f"/grub/by-mac/{MAC}.cfg")
    assert "BOOT_LOOP" not in gmm(manager, "health", "detail")
    script(manager, f"/grub/by-mac/{MAC}.cfg")
    assert "BOOT_LOOP" in gmm(manager, "health", "detail")
    assert '"loader": "grub"' in gmm(manager, "-o", "json", "node", "show", "m1")


@pytest.mark.parametrize("words, status, said", [
    (["images"], 2, "usage:"),
    (["images", "{here}/none", "--from", "{bare}", "--to", "{here}/out", "--manager", "10.77.0.1"], 1, "has no keys; 'boot/sign new-keys"),
    (["images", "{here}/none", "--from", "{bare}", "--to", "{here}/out", "--manager", "manager"], 1, "--manager is an IPv4 address"),
    (["images", "{here}/none", "--from", "{bare}", "--to", "{here}/out", "--manager", "10.77.0.1:x"], 1, "--manager is an IPv4 address"),
    (["new-keys", "{here}"], 1, "keys are not overwritten"),
    (["new-key", "{here}/keys"], 2, "usage:"),
])
def test_sign_says_what_is_wrong(tmp_path, words, status, said):
    words = [word.format(here=tmp_path, bare=BUILD / "bare") for word in words]
    done = subprocess.run([TOP / "boot" / "sign", *words], capture_output=True, text=True, check=False)
    assert done.returncode == status and said in done.stderr
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------- machines

def assert_booted(rack, name, loader, protocol):
    """It joined, by this loader, and each step of its way is known, in order."""
    log = (rack.state.logs / f"{name}.log").read_text(encoding="utf-8", errors="replace")
    boot = rack.gmm_json("node", "show", name)["boot"]
    assert f"loader={protocol}" in log and "event=rack_key" in log
    assert boot["loader"] == loader and boot["scripts_since_join"] == 0
    steps = [boot[step] for step in ("script_s_ago", "image_s_ago", "image_done_s_ago", "entered_s_ago", "joined_s_ago")]
    assert None not in steps and steps == sorted(steps, reverse=True), boot
    return log


@pytest.fixture(scope="module")
def uefi(make_rack):
    text = "[rack]\nsubnet = 10.79.1\n" + node("u1", "memory", boot="uefi", cpus=2) + node("h1", "process", "192M", boot="uefi-http")
    text += node("i1", "memory", boot="uefi-ipxe", card="e1000e") + node("b1", "memory", boot="pxe-plain")
    return make_rack("netboot", text)


def assert_chained(rack, name):
    """PXE without iPXE loaded iPXE through the network, once, and that asked anew, by its name."""
    log = assert_booted(rack, name, "ipxe", "multiboot1")
    dhcp = (rack.state.logs / "dnsmasq.log").read_text(encoding="utf-8")
    server = rack.rack.manager_address
    assert re.search(rf"tftp://{server}/undionly.kpxe\.* ok\s+PXE->EB: !PXE at", log), log
    assert log.count("PXE->EB") == 1 and "using undionly on" in log and f"tftp://{server}/boot.ipxe... ok" in log
    assert "user class: PXE" in dhcp and "bootfile name: undionly.kpxe" in dhcp
    return log


def test_bios_pxe_without_ipxe(uefi):
    log = assert_chained(uefi, "b1")
    assert f"net0: {uefi.rack.nodes['b1'].address(uefi.rack)}/" in log      # its reservation


def test_uefi_pxe(uefi):
    log = assert_booted(uefi, "u1", "grub", "multiboot2")
    assert "Start PXE over IPv4" in log and "iPXE" not in log
    assert f"Station IP address is {uefi.rack.nodes['u1'].address(uefi.rack)}" in log      # its reservation


def test_uefi_http_boot(uefi):
    log = assert_booted(uefi, "h1", "grub", "multiboot2")
    assert "Start HTTP Boot over IPv4" in log and "iPXE" not in log
    assert f"http://{uefi.rack.manager_address}:80/grubnet.efi" in log


def test_uefi_ipxe(uefi):
    log = assert_booted(uefi, "i1", "grub", "multiboot2")
    assert "iPXE" in log and f"http://{uefi.rack.manager_address}:80/grubnet.efi... ok" in log


def serial(rack, name):
    path = rack.state.logs / f"{name}.log"
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def test_somebody_elses_dhcp_and_no_manager_at_first(make_rack):
    """The site's server gives the addresses, ours only says what to load. Machines that find no manager hold out."""
    text = "[rack]\nsubnet = 10.79.2\ndhcp = proxy\n" + node("b1", "memory", boot="pxe") + node("u1", "memory", boot="uefi")
    text += node("b2", "memory", boot="pxe-plain")
    names = ["b1", "b2", "u1"]
    rack = make_rack("netproxy", text, up=False)
    rack.start()
    rack.state.kill("gmmd")
    for name in names:
        wait_until(lambda name=name: "could not boot from" in serial(rack, name), f"{name} does without a manager", 240)
    assert all("event=entry" not in serial(rack, name) for name in names)
    rack.restart_manager()
    rack.wait_joined(names, lambda line: None, 240)
    assert_chained(rack, "b2")
    log = assert_booted(rack, "b1", "ipxe", "multiboot1")
    assert f"Filename: tftp://{rack.rack.manager_address}/boot.ipxe" in log
    log = assert_booted(rack, "u1", "grub", "multiboot2")
    station = re.search(r"Station IP address is (\S+)", log).group(1)
    assert station in (rack.state.logs / "site.log").read_text(encoding="utf-8") and int(station.split(".")[3]) >= 100


# ---------------------------------------------------------------- signed, with keys of our own

class Tampered(VirtualRack):
    """One image has changed after it was signed, the other has lost its signature."""

    def sign_images(self):
        super().sign_images()
        self.good = {}
        for name in ("pcomponent.elf", "mcomponent.elf.sig"):
            self.good[name] = (self.images / name).read_bytes()
        changed = bytearray(self.good["pcomponent.elf"])
        changed[-1] ^= 1
        (self.images / "pcomponent.elf").write_bytes(changed)
        (self.images / "mcomponent.elf.sig").unlink()

    def mend(self):
        for name, contents in self.good.items():
            (self.images / name).write_bytes(contents)

    def spawn(self, name, command, log):
        return super().spawn(name, [*command, "-uuid", UUID] if name == "s1" else command, log)


def assert_pending(rack, mac):
    """A machine that no file names said by its signed loader what it is."""
    machine = wait_until(lambda: next((one for one in rack.gmm_json("node", "pending") if one["mac"] == mac and one["life"] == "pending"), None),
                         "a stranger to say what it is", 240)
    assert (machine["uuid"], machine["manufacturer"], machine["memory_bytes"], machine["processors"]) == (UUID, "QEMU", 128 << 20, 1)
    assert machine["product"].startswith("Standard PC (Q35 + ICH9, 2009)") and machine["firmware"] == "efi"


def test_secure_boot_takes_only_what_is_signed(make_rack, tmp_path):
    text = "[rack]\nsubnet = 10.79.3\n" + node("p1", "process", "192M", boot="uefi-secure") + node("m1", "memory", boot="uefi-secure")
    rack = make_rack("netsecure", text, up=False, kind=Tampered)
    path = tmp_path / "all.rack"
    path.write_text(text + node("m2", "memory") + node("s1", "memory", boot="uefi-secure"), encoding="utf-8")     # m2 comes last, below
    stranger = load(path).nodes["s1"]
    rack.start()
    rack.start_node(stranger)
    wait_until(lambda: "bad signature" in serial(rack, "p1"), "a changed image is refused", 240)
    wait_until(lambda: "could not boot from" in serial(rack, "m1"), "an image without a signature is refused", 120)
    assert "mcomponent.elf.sig reason=" in (rack.state.logs / "gmmd.log").read_text(encoding="utf-8")
    for name in ("p1", "m1"):
        assert "event=entry" not in serial(rack, name)
        assert rack.nodes()[name]["state"] == "absent"
    assert_pending(rack, stranger.mac)
    rack.gmm("node", "admit", "s1", "--mac", stranger.mac, "--role", "memory")
    rack.wait_reserved(stranger)
    os.kill(rack.state.processes["dnsmasq"]["pid"], signal.SIGHUP)     # from now on DHCP calls it by its name
    rack.mend()
    rack.wait_joined(["p1", "m1", "s1"], lambda line: None, 180)
    assert "event=entry" in serial(rack, "s1") and rack.nodes()["s1"]["origin"] == "admitted"
    for name in ("p1", "m1", "s1"):
        log = serial(rack, name)
        boot = rack.gmm_json("node", "show", name)["boot"]
        assert "signed images only" in log and "loader=multiboot2" in log and "event=rack_key" in log and "key=" not in log
        assert boot["loader"] == "grub-signed" and boot["scripts_since_join"] == 0
        rack.kill(name)
    # The firmware itself takes no loader that is not signed.
    unsigned = (BUILD / "bare" / "grubnet.efi").read_bytes()
    for path in (rack.state.netboot / "tftp" / "grubnet.efi", rack.images / "grubnet.efi"):
        path.write_bytes(unsigned)
    with open(rack.path, "a", encoding="utf-8") as file:
        file.write(node("m2", "memory", boot="uefi-secure"))
    rack.rack = load(rack.path)
    rack.begin(rack.rack.nodes["m2"])
    wait_until(lambda: "Access Denied" in serial(rack, "m2"), "an unsigned loader is refused", 240)
    assert "GRUB" not in serial(rack, "m2")
