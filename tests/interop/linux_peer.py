# SPDX-License-Identifier: GPL-2.0-only
"""A wire with Linux's own RDMA stack at its far end: a namespace, a tap, and a QEMU guest that takes commands."""

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
COMPONENT_MEMORY = "128M"
KEY_BYTES = 32
BOOT_S = 120
STOP_S = 10


class LinuxGuest:
    """One guest with rxe0 over eth0 (GID index 1 is its IPv4 address) on a namespace's bridge; a shell of it takes commands."""

    def __init__(self, build, wire, address, name="linux", initramfs="initramfs.cpio.gz"):
        """`wire`: a namespace as network.create() makes it, whose `mtu` is the link's; `address`: an IPv4 address on it."""
        self.build = build
        self.initramfs = build / "interop" / initramfs
        self.wire = wire
        self.name = name
        self.address = address
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
        mac = f"52:54:00:78:00:{int(self.address.rpartition('.')[2]):02x}"
        command = [
            "qemu-system-x86_64", "-name", f"plenum-{self.wire.name}-{self.name}", "-machine", "q35,graphics=off", *qemu.TCG,
            "-m", "512M", "-smp", "1", "-nodefaults", "-display", "none", "-no-user-config", "-no-reboot",
            "-netdev", f"tap,id=net0,ifname={tap},script=no,downscript=no,vnet_hdr=off",
            "-device", f"virtio-net-pci,netdev=net0,mac={mac},host_mtu={self.wire.mtu},romfile=",
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
                raise AssertionError(f"the guest does not answer; it said {self.received.decode(errors='replace')!r}; "
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

    def __init__(self, build, mtu, name, initramfs="initramfs.cpio.gz"):
        wire = types.SimpleNamespace(name=f"interop-{name}", mtu=mtu, manager_address=HOST)
        super().__init__(build, wire, GUEST, initramfs=initramfs)
        self.capture = pathlib.Path(self.directory.name) / "wire.pcap"

    def start(self):
        network.destroy(self.wire)  # what an interrupted run left behind
        network.create(self.wire)
        super().start()

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

    def stop(self):
        super().stop()
        network.destroy(self.wire)
