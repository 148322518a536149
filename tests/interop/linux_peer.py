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


class LinuxPeer:
    """One guest with rxe0 over eth0 (GID index 1 is its IPv4 address), and the namespace that our own programs run in."""

    def __init__(self, build, mtu, name, initramfs="initramfs.cpio.gz"):
        self.build = build
        self.initramfs = build / "interop" / initramfs
        self.wire = types.SimpleNamespace(name=f"interop-{name}", mtu=mtu, manager_address=HOST)
        self.directory = tempfile.TemporaryDirectory(prefix="plenum-interop-")
        self.console = pathlib.Path(self.directory.name) / "console.log"
        self.capture = pathlib.Path(self.directory.name) / "wire.pcap"
        self.guest = None
        self.components = []
        self.serial = None
        self.received = b""

    def start(self):
        network.destroy(self.wire)  # what an interrupted run left behind
        network.create(self.wire)
        tap = network.add_tap(self.wire, types.SimpleNamespace(name="linux"))
        serial = f"{self.directory.name}/serial"
        command = [
            "qemu-system-x86_64", "-name", f"plenum-{self.wire.name}", "-machine", "q35,graphics=off", *qemu.TCG,
            "-m", "512M", "-smp", "1", "-nodefaults", "-display", "none", "-no-user-config", "-no-reboot",
            "-netdev", f"tap,id=net0,ifname={tap},script=no,downscript=no,vnet_hdr=off",
            "-device", f"virtio-net-pci,netdev=net0,mac=52:54:00:78:00:02,host_mtu={self.wire.mtu},romfile=",
            "-object", f"filter-dump,id=dump0,netdev=net0,file={self.capture}",
            "-chardev", f"file,id=console,path={self.console}", "-serial", "chardev:console",
            "-chardev", f"socket,id=commands,path={serial},server=on,wait=off", "-serial", "chardev:commands",
            "-kernel", str(self.build / "interop" / "vmlinuz"), "-initrd", str(self.initramfs),
            "-append", f"console=ttyS0 quiet panic=-1 interop.ip={GUEST}/24 interop.mtu={self.wire.mtu}"]
        self.guest = subprocess.Popen(network.inside(self.wire, *command), stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + BOOT_S
        self.serial = socket.socket(socket.AF_UNIX)
        while self.serial.connect_ex(serial) != 0:
            assert time.monotonic() < deadline and self.guest.poll() is None, "QEMU does not start"
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
        if self.serial:
            self.serial.close()
        for process in filter(None, [self.guest, *self.components]):
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        network.destroy(self.wire)
        self.directory.cleanup()
