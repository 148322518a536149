# SPDX-License-Identifier: GPL-2.0-only
"""The rack file: what is in the rack. Every error names the file, the section and what would be right."""

import configparser
import dataclasses
import pathlib
import re

NODES_MAX = 60
NAME_PATTERN = re.compile(r"[a-z][a-z0-9-]{0,14}$")
ROLES = ("process", "memory")
# BIOS with iPXE, with PXE that is no iPXE, GRUB from a disk, QEMU itself; server: no machine of its own, but mcomponentd on this one;
# UEFI's own PXE, HTTP boot, iPXE as the card's UEFI driver, PXE with Secure Boot and keys of our own
BOOTS = ("pxe", "pxe-plain", "grub", "direct", "server", "uefi", "uefi-http", "uefi-ipxe", "uefi-secure")
DHCPS = ("authoritative", "proxy")
CARDS = {"virtio": "virtio-net-pci", "e1000e": "e1000e"}
CAPTURES = ("headers", "full", "none")
ACCELERATORS = ("auto", "tcg")
CAPTURE_HEADER_BYTES = 128


class RackError(Exception):
    """Something the user can mend; the text says how."""


@dataclasses.dataclass
class Node:
    name: str
    role: str
    number: int
    memory_bytes: int = 0
    cpus: int = 1
    boot: str = "pxe"
    card: str = "virtio"
    args: str = ""

    @property
    def mac(self):
        return f"52:54:00:77:00:{self.number:02x}"

    def address(self, rack):
        return f"{rack.subnet}.{10 + self.number}"

    @property
    def uefi(self):
        return self.boot.startswith("uefi")

    @property
    def image(self):
        return "pcomponent.elf" if self.role == "process" else "mcomponent.elf"


@dataclasses.dataclass
class Rack:
    name: str
    subnet: str = "10.77.0"
    mtu: int = 9000
    capture: str = "headers"
    accelerator: str = "auto"
    packet_macs: str = "no"
    dhcp: str = "authoritative"
    nodes: dict = dataclasses.field(default_factory=dict)

    @property
    def manager_address(self):
        return f"{self.subnet}.1"


def parse_size(text):
    """'256M' -> bytes; ValueError when it is not a size."""
    match = re.fullmatch(r"(\d+)([KMG]?)", text.strip())
    if not match:
        raise ValueError(f"'{text}' is not a size; write for example 256M")
    return int(match[1]) << {"": 0, "K": 10, "M": 20, "G": 30}[match[2]]


def _choice(where, key, value, allowed):
    if value not in allowed:
        raise RackError(f"{where}: {key} = {value}: must be one of {', '.join(allowed)}")
    return value


def _number(where, key, value, low, high):
    if not value.isdigit() or not low <= int(value) <= high:
        raise RackError(f"{where}: {key} = {value}: must be a number from {low} to {high}")
    return int(value)


def _parse_node(where, name, number, options):
    if not NAME_PATTERN.match(name):
        raise RackError(f"{where}: a node's name is a letter, then at most 14 letters, digits or '-'")
    known = {"role", "memory", "cpus", "boot", "card", "args"}
    unknown = set(options) - known
    if unknown:
        raise RackError(f"{where}: unknown key '{sorted(unknown)[0]}'; known are {', '.join(sorted(known))}")
    if "role" not in options:
        raise RackError(f"{where}: role is missing; write role = process or role = memory")
    node = Node(name, _choice(where, "role", options["role"], ROLES), number)
    try:
        node.memory_bytes = parse_size(options.get("memory", "256M"))
    except ValueError as error:
        raise RackError(f"{where}: memory: {error}") from None
    if node.memory_bytes < 64 << 20:
        raise RackError(f"{where}: memory = {options['memory']}: a component needs at least 64M")
    node.cpus = _number(where, "cpus", options.get("cpus", "1"), 1, 8)
    node.boot = _choice(where, "boot", options.get("boot", "pxe"), BOOTS)
    if node.boot == "server" and node.role != "memory":
        raise RackError(f"{where}: boot = server: only a memory component is a program on a server")
    node.card = _choice(where, "card", options.get("card", "virtio"), tuple(CARDS))
    node.args = options.get("args", "")
    return node


def load(path):
    """Read a rack file; RackError when it is not a rack."""
    path = pathlib.Path(path)
    parser = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=("#",), delimiters=("=",))
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise RackError(f"{path}: {error.strerror}; name a rack file with --file") from None
    try:
        parser.read_string(text, source=str(path))
    except configparser.Error as error:
        raise RackError(str(error).replace("\n", " ")) from None
    rack = Rack(name=path.stem)
    for section in parser.sections():
        where = f"{path}: [{section}]"
        options = dict(parser[section])
        if section == "rack":
            _parse_rack(where, rack, options)
        elif section.startswith("node "):
            name = section[5:].strip()
            rack.nodes[name] = _parse_node(where, name, len(rack.nodes) + 1, options)
        else:
            raise RackError(f"{where}: unknown section; write [rack] or [node NAME]")
    if not rack.nodes:
        raise RackError(f"{path}: no nodes; write a section [node m1] with role = memory")
    if len(rack.nodes) > NODES_MAX:
        raise RackError(f"{path}: {len(rack.nodes)} nodes; at most {NODES_MAX}")
    return rack


def _parse_rack(where, rack, options):
    known = {"name", "subnet", "mtu", "capture", "accelerator", "packet_macs", "dhcp"}
    unknown = set(options) - known
    if unknown:
        raise RackError(f"{where}: unknown key '{sorted(unknown)[0]}'; known are {', '.join(sorted(known))}")
    rack.name = options.get("name", rack.name)
    if not NAME_PATTERN.match(rack.name):
        raise RackError(f"{where}: name = {rack.name}: a letter, then at most 14 letters, digits or '-'")
    rack.subnet = options.get("subnet", rack.subnet)
    octets = rack.subnet.split(".")
    if len(octets) != 3 or not all(octet.isdigit() and int(octet) < 256 for octet in octets):
        raise RackError(f"{where}: subnet = {rack.subnet}: three numbers, as in 10.77.0")
    rack.mtu = _number(where, "mtu", options.get("mtu", str(rack.mtu)), 1280, 9216)
    rack.capture = _choice(where, "capture", options.get("capture", rack.capture), CAPTURES)
    rack.packet_macs = _choice(where, "packet_macs", options.get("packet_macs", rack.packet_macs), ("yes", "no"))
    rack.dhcp = _choice(where, "dhcp", options.get("dhcp", rack.dhcp), DHCPS)
    rack.accelerator = _choice(where, "accelerator", options.get("accelerator", rack.accelerator), ACCELERATORS)
