# SPDX-License-Identifier: GPL-2.0-only
"""The virtual rack: a rack file becomes namespaces, taps, a manager and one QEMU a node."""
