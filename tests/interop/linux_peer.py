# SPDX-License-Identifier: GPL-2.0-only
"""A wire with Linux's own RDMA stack at its far end: a namespace, a tap, and a QEMU guest that takes commands."""

import json
import pathlib
import socket
import subprocess
import tempfile
import time
import types

from plenum_rack import network, qemu

SUBNET = "10.78.0"
HOST = f"{SUBNET}.1"
GUEST = f"{SUBNET}.2"
RAW = f"{SUBNET}.4"  # on our side, too: for what speaks packet by packet
COMPONENT_MEMORY = "128M"
KEY_BYTES = 32
BOOT_S = 120
STOP_S = 10


class GuestHung(AssertionError):
    """A command in the guest did not end in time."""


class LinuxGuest:
    """One guest with rxe0 over eth0 (GID index 1 is its IPv4 address) on a namespace's bridge; a shell of it takes commands."""

    memory = "512M"

    def __init__(self, build, wire, address, name="linux", initramfs="initramfs.cpio.gz"):
        """`wire`: a namespace as network.create() makes it, whose `mtu` is the link's; `address`: an IPv4 address on it."""
        self.build = build
        self.initramfs = build / "interop" / initramfs
        self.wire = wire
        self.name = name
        self.address = address
        self.mac = f"52:54:00:78:00:{int(address.rpartition('.')[2]):02x}"
        self.directory = tempfile.TemporaryDirectory(prefix="plenum-interop-")
        self.console = pathlib.Path(self.directory.name) / "console.log"
        self.capture = None
        self.guest = None
        self.components = []
        self.serial = None
        self.received = b""

    def start(self):
        tap = network.add_tap(self.wire, types.SimpleNamespace(name=self.name))
        serial = f"{self.directory.name}/serial"
        command = [
            "qemu-system-x86_64", "-name", f"plenum-{self.wire.name}-{self.name}", "-machine", "q35,graphics=off", *qemu.TCG,
            "-m", self.memory, "-smp", "1", "-nodefaults", "-display", "none", "-no-user-config", "-no-reboot",
            "-netdev", self.netdev(tap), "-device", f"virtio-net-pci,netdev=net0,mac={self.mac},host_mtu={self.wire.mtu},romfile=",
            "-chardev", f"file,id=console,path={self.console}", "-serial", "chardev:console",
            "-chardev", f"socket,id=commands,path={serial},server=on,wait=off", "-serial", "chardev:commands",
            "-kernel", str(self.build / "interop" / "vmlinuz"), "-initrd", str(self.initramfs),
            "-append", f"console=ttyS0 quiet panic=-1 interop.ip={self.address}/24 interop.mtu={self.wire.mtu}"]
        if self.capture:
            command += ["-object", f"filter-dump,id=dump0,netdev=net0,file={self.capture}"]
        errors = pathlib.Path(self.directory.name) / "qemu.log"
        with errors.open("wb") as output:
            self.guest = subprocess.Popen(network.inside(self.wire, *command), stdin=subprocess.DEVNULL, stderr=output)
        deadline = time.monotonic() + BOOT_S
        self.serial = socket.socket(socket.AF_UNIX)
        while self.serial.connect_ex(serial) != 0:
            assert time.monotonic() < deadline and self.guest.poll() is None, f"QEMU does not start: {errors.read_text()}"
            time.sleep(0.05)
        self._read_until(b"interop-ready", deadline)

    def netdev(self, tap):
        """QEMU's option for its end of the wire."""
        return f"tap,id=net0,ifname={tap},script=no,downscript=no,vnet_hdr=off"

    def _read_until(self, mark, deadline):
        """Everything up to the line that starts with `mark`, and the rest of that line."""
        while True:
            head, found, tail = self.received.partition(mark)
            line, end, rest = tail.partition(b"\n")
            if found and end:
                self.received = rest
                return head.decode(errors="replace").replace("\r", ""), line.decode().strip(": \r")
            self.serial.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                more = self.serial.recv(65536)
            except TimeoutError:
                more = b""
            if not more:
                raise GuestHung(f"the guest does not answer; it said {self.received.decode(errors='replace')!r}; "
                                f"its console:\n{self.console.read_text(errors='replace')[-2000:]}")
            self.received += more

    def run(self, command, timeout_s=30):
        """A shell command in the guest. Returns its exit status and what it printed."""
        self.serial.sendall(command.encode() + b"\n")
        output, status = self._read_until(b"interop-status", time.monotonic() + timeout_s)
        return int(status), output

    def stop(self):
        if self.serial:
            self.serial.close()
        for process in filter(None, [self.guest, *self.components]):
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.directory.cleanup()


class LinuxPeer(LinuxGuest):
    """One guest, and the namespace that our own programs run in. What the guest's card sees is captured."""

    def __init__(self, build, mtu, name, initramfs="initramfs.cpio.gz", lossy=False):
        """`lossy`: the wire can be told to lose packets (impair)."""
        wire = types.SimpleNamespace(name=f"interop-{name}", mtu=mtu, manager_address=HOST)
        super().__init__(build, wire, GUEST, initramfs=initramfs)
        self.arguments = build, mtu, name, initramfs, lossy
        self.lossy = lossy
        self.forwarder = None
        self.addresses = {}
        self.capture = pathlib.Path(self.directory.name) / "wire.pcap"

    def start(self):
        network.destroy(self.wire)  # what an interrupted run left behind
        network.create(self.wire)
        network.run(*network.inside(self.wire, "ip", "addr", "add", f"{RAW}/24", "dev", "br0"))
        super().start()

    def netdev(self, tap):
        """With our own process between the tap and the guest (lossy_wire.py) if the wire is lossy."""
        if not self.lossy:
            return super().netdev(tap)
        own, qemus = (f"{self.directory.name}/{name}.wire" for name in ("own", "qemu"))
        command = network.inside(self.wire, str(pathlib.Path(__file__).parent / "lossy_wire.py"), tap, own, qemus)
        self.forwarder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.forwarder.stdout.readline() == "ready\n"
        return f"dgram,id=net0,local.type=unix,local.path={qemus},remote.type=unix,remote.path={own}"

    def impair(self, seed=0, loss=0.0, repeat=0.0, reorder=0.0):
        """Rates from now on, both ways. Returns what was done to the packets of each direction until now."""
        print(json.dumps({"seed": seed, "loss": loss, "repeat": repeat, "reorder": reorder}), file=self.forwarder.stdin, flush=True)
        return json.loads(self.forwarder.stdout.readline())

    def component(self, image, host_number):
        """The address of a component kernel that serves rping; started when first asked for."""
        if image not in self.addresses:
            self.addresses[image] = self.start_component(image, host_number, "rping=on")[0]
        return self.addresses[image]

    def start_component(self, image, host_number, words):
        """A component kernel on the same wire, without a manager. Returns its address and the file of its serial line."""
        address = f"{SUBNET}.{host_number}"
        log = pathlib.Path(self.directory.name) / f"{image}-{host_number}.log"
        tap = network.add_tap(self.wire, types.SimpleNamespace(name=f"node{host_number}"))
        command = [
            "qemu-system-x86_64", "-name", f"plenum-{self.wire.name}-{host_number}", "-machine", "q35,graphics=off", *qemu.TCG,
            "-m", COMPONENT_MEMORY, "-nodefaults", "-display", "none", "-no-user-config", "-no-reboot",
            "-netdev", f"tap,id=net0,ifname={tap},script=no,downscript=no,vnet_hdr=off",
            "-device", f"virtio-net-pci,netdev=net0,mac=52:54:00:78:00:{host_number:02},host_mtu={self.wire.mtu},romfile=",
            "-serial", f"file:{log}", "-kernel", str(self.build / "bare" / f"{image}.elf"),
            "-append", f"name={image} ip={address}/24 gmm={HOST} key=1:{'5a' * KEY_BYTES} {words}"]
        process = subprocess.Popen(network.inside(self.wire, *command), stdin=subprocess.DEVNULL)
        self.components.append(process)
        deadline = time.monotonic() + BOOT_S
        while not log.exists() or "event=network" not in log.read_text(errors="replace"):
            assert time.monotonic() < deadline and process.poll() is None, f"{image} does not start"
            time.sleep(0.05)
        return address, log

    def begin(self, program, *arguments):
        """One of our programs on this side of the wire."""
        command = network.inside(self.wire, str(self.build / "bin" / program), *arguments)
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def restart(self):
        """A new guest in a new namespace; component kernels end."""
        self.stop()
        self.__init__(*self.arguments)
        self.start()

    def stop(self):
        if self.forwarder:
            self.forwarder.terminate()
            self.forwarder.wait()
        super().stop()
        network.destroy(self.wire)
