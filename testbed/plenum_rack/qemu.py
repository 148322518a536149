# SPDX-License-Identifier: GPL-2.0-only
"""One QEMU a node."""

import os
import pathlib
import subprocess
import tempfile

from . import firmware
from .config import CAPTURE_HEADER_BYTES, CARDS, RackError


# QEMU's cards have no other PXE than iPXE. This iPXE does not call itself so when it asks for an address, and loads what it is told to as a
# program for the PXE that it offers, as a card's own PXE does. Not later: the program would find the class among what was told. Where
# a proxy tells what to load, it asks for that as for a service: 128 is the first that dnsmasq offers, in iPXE's order of bytes.
PLAIN_PXE = pathlib.Path("/boot/ipxe.lkrn")
PLAIN_PXE_SCRIPT = """#!ipxe
set user-class PXE
dhcp net0 || goto failed
set server ${next-server}
isset ${filename} && goto told ||
pxebs net0 128 || goto failed
set server ${pxebs/next-server}
:told
clear user-class
chain tftp://${server}/${filename} ||
:failed
sleep 5
reboot
"""

KVM = ["-accel", "kvm", "-cpu", "host"]
TCG = ["-accel", "tcg,thread=multi", "-cpu", "max"]


def accelerator(rack, node, host=pathlib.Path("/")):
    """Hardware virtualization only where the processor has it: the kvm device alone proves nothing."""
    flags = (host / "proc/cpuinfo").read_text(encoding="utf-8").split()
    if rack.accelerator == "tcg" or node.uefi or not os.access(host / "dev/kvm", os.R_OK | os.W_OK):
        return TCG
    if node.role == "memory":
        return KVM if "svm" in flags or "vmx" in flags else TCG
    # A process component runs guests itself, by AMD SVM: it needs that nested. TCG has it on every machine.
    nested = host / "sys/module/kvm_amd/parameters/nested"
    return KVM if "svm" in flags and nested.exists() and nested.read_text(encoding="utf-8").strip() in ("1", "Y") else TCG


def command_line(rack, node, state):
    """The kernel's words; the manager gives the same to nodes that boot over the network."""
    words = [f"name={node.name}", f"ip={node.address(rack)}/24", f"gmm={rack.manager_address}"]
    return " ".join(words + ([node.args] if node.args else []))


def grub_iso(rack, node, state, images):
    """A disk image that boots the same component image through GRUB's multiboot2."""
    iso = state.logs / f"{node.name}.iso"
    with tempfile.TemporaryDirectory() as directory:
        tree = pathlib.Path(directory)
        (tree / "boot" / "grub").mkdir(parents=True)
        (tree / "boot" / node.image).write_bytes((images / node.image).read_bytes())
        (tree / "boot" / "grub" / "grub.cfg").write_text(
            "serial --unit=0 --speed=115200\nterminal_input serial\nterminal_output serial\nset timeout=0\n"
            f"menuentry plenum {{\n  multiboot2 /boot/{node.image} {command_line(rack, node, state)}\n  boot\n}}\n",
            encoding="utf-8")
        done = subprocess.run(["grub-mkrescue", "-o", str(iso), str(tree)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RackError(f"grub-mkrescue failed: {done.stderr.strip()}; run 'make setup'")
    return iso


def firmware_arguments(node, state):
    """UEFI firmware, with variables of the machine's own; for uefi-secure it takes only loaders signed with our keys."""
    secure = node.boot == "uefi-secure"
    code = firmware.file("OVMF_CODE_4M.secboot.fd" if secure else "OVMF_CODE_4M.fd")
    variables = state.run / f"{node.name}.vars"
    variables.write_bytes(firmware.variables(state.signing_keys if secure else None))
    arguments = ["-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={code}", "-drive", f"if=pflash,format=raw,unit=1,file={variables}",
                 "-device", "virtio-rng-pci"]
    if secure:      # nothing but the firmware's own code may change its variables
        arguments += ["-machine", "smm=on", "-global", "driver=cfi.pflash01,property=secure,value=on",
                      "-global", "ICH9-LPC.disable_s3=1"]
    if node.boot == "uefi-http":
        arguments += ["-fw_cfg", "name=opt/org.tianocore/IPv4PXESupport,string=no", "-fw_cfg", "name=opt/org.tianocore/IPv6PXESupport,string=no"]
    return arguments


def plain_pxe_arguments(node, state):
    if not PLAIN_PXE.exists():
        raise RackError(f"{PLAIN_PXE} is missing; run 'make setup', or install the package ipxe")
    script = state.run / f"{node.name}.ipxe"
    script.write_text(PLAIN_PXE_SCRIPT, encoding="utf-8")
    return ["-kernel", str(PLAIN_PXE), "-initrd", str(script)]


def boot_arguments(rack, node, state, images):
    if node.uefi:
        return firmware_arguments(node, state)
    if node.boot == "direct":
        return ["-kernel", str(images / node.image), "-append", command_line(rack, node, state)]
    if node.boot == "pxe-plain":
        return plain_pxe_arguments(node, state)
    if node.boot == "grub":
        return ["-cdrom", str(grub_iso(rack, node, state, images)), "-boot", "d"]
    return ["-boot", "n"]


def arguments(rack, node, state, tap, images):
    card = f"{CARDS[node.card]},netdev=net0,mac={node.mac}"
    if node.card == "virtio":
        card += f",host_mtu={rack.mtu}"
    if node.boot == "pxe" or node.uefi:
        card += ",bootindex=1"
    if node.boot in ("pxe-plain", "uefi", "uefi-http", "uefi-secure"):
        card += ",romfile="     # else the firmware's driver for the card is QEMU's iPXE
    serial = state.run / f"{node.name}.serial"
    command = [
        "qemu-system-x86_64", "-name", f"plenum-{rack.name}-{node.name}", "-machine", "q35,graphics=off", *accelerator(rack, node),
        "-m", f"{node.memory_bytes >> 20}M", "-smp", str(node.cpus), "-nodefaults", "-display", "none", "-no-user-config",
        "-netdev", f"tap,id=net0,ifname={tap},script=no,downscript=no,vnet_hdr=off", "-device", card,
        "-chardev", f"socket,id=serial0,path={serial},server=on,wait=off,logfile={state.logs}/{node.name}.log,logappend=on",
        "-serial", "chardev:serial0", "-smbios", f"type=11,path={state.oem_string}",
    ]
    if rack.capture != "none":
        capture = f"filter-dump,id=dump0,netdev=net0,file={state.logs}/{node.name}.pcap"
        if rack.capture == "headers":
            capture += f",maxlen={CAPTURE_HEADER_BYTES}"
        command += ["-object", capture]
    return command + boot_arguments(rack, node, state, images)
