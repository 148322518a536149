# SPDX-License-Identifier: GPL-2.0-only
"""UEFI firmware for QEMU: OVMF, and variables of a machine's own in which keys of ours are enrolled for Secure Boot."""

import pathlib
import struct
import uuid

from .config import RackError

DIRECTORY = pathlib.Path("/usr/share/OVMF")
GLOBAL = uuid.UUID("8be4df61-93ca-11d2-aa0d-00e098032b8c")
IMAGE_SECURITY = uuid.UUID("d719b2cb-3d3a-4596-a3bc-dad00e67656f")
SECURE_BOOT_ENABLE = uuid.UUID("f0a30bc7-af08-4556-99c4-001009c93a44")
AUTHENTICATED_STORE = uuid.UUID("aaf32c78-947b-439a-a180-2e144ec37792")
VOLUME_HEADER_BYTES = 0x48
STORE_HEADER_BYTES = 28
VARIABLE_HEADER_BYTES = 60
VARIABLE_START = 0x55AA
VARIABLE_ADDED = 0x3F
# Non-volatile, boot services, runtime, and who may change it proves so with a time stamp
AUTHENTICATED = 0x27
PRIVATE = 0x03          # non-volatile, boot services
TIME = struct.pack("<HBBBBBBIhBB", 2020, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0)


def file(name):
    path = DIRECTORY / name
    if not path.exists():
        raise RackError(f"{path} is missing; run 'make setup', or install the package ovmf")
    return path


def variable(name, vendor, attributes, data):
    """A variable as edk2 keeps it (MdeModulePkg, VariableFormat.h)."""
    text = (name + "\0").encode("utf-16-le")
    header = struct.pack("<HBBIQ16sIII16s", VARIABLE_START, VARIABLE_ADDED, 0, attributes, 0, TIME, 0, len(text), len(data), vendor.bytes_le)
    assert len(header) == VARIABLE_HEADER_BYTES
    body = header + text + data
    return body + b"\xff" * (-len(body) % 4)


def variables(keys=None):
    """The contents of an empty machine's variables; with `keys`, a directory that boot/sign made, Secure Boot is on with these."""
    image = bytearray(file("OVMF_VARS_4M.fd").read_bytes())
    if keys is None:
        return bytes(image)
    at = VOLUME_HEADER_BYTES
    if image[at:at + 16] != AUTHENTICATED_STORE.bytes_le:
        raise RackError("OVMF_VARS_4M.fd has another format than the one known here")
    size = struct.unpack_from("<I", image, at + 16)[0]
    end, at = at + size, at + STORE_HEADER_BYTES
    added = variable("SecureBootEnable", SECURE_BOOT_ENABLE, PRIVATE, b"\1")
    for name, vendor in (("db", IMAGE_SECURITY), ("KEK", GLOBAL), ("PK", GLOBAL)):
        added += variable(name, vendor, AUTHENTICATED, (keys / f"{name}.esl").read_bytes())
    if image[at:at + len(added)] != b"\xff" * len(added) or at + len(added) > end:
        raise RackError("OVMF_VARS_4M.fd is not empty where variables begin")
    image[at:at + len(added)] = added
    return bytes(image)
