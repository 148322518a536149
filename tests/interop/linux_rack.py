# SPDX-License-Identifier: GPL-2.0-only
"""Linux machines in a virtual rack, with an RDMA device each (rdma_rxe): one that manages it, or one that lends it memory."""

import base64
import shlex
import types

from linux_peer import LinuxGuest
from plenum_rack import network
from plenum_rack.config import RackError
from plenum_rack.rack import VirtualRack

MANAGER_MAC = "52:54:00:77:01:01"
START_S = 60


class LinuxMachine(LinuxGuest):
    """One QEMU on the rack's bridge, with our programs for Linux in it."""

    memory = "768M"

    def __init__(self, virtual, name, address, mac):
        super().__init__(virtual.build, virtual.rack, address, name, "verbs.cpio.gz")
        self.mac = mac

    def write_file(self, name, text, mode=600):
        packed = base64.b64encode(text.encode()).decode()
        status, output = self.run(f"echo {packed} | base64 -d >{name} && chmod {mode} {name}")
        assert status == 0, output


class LinuxManagedRack(VirtualRack):
    """A rack whose manager is gmmd in a Linux machine, over its RDMA device."""

    machine = None

    def start_manager(self):
        # The machine has the manager's address; the bridge needs none.
        network.run("ip", "-n", network.namespace(self.rack), "addr", "del", f"{self.rack.manager_address}/24", "dev", "br0")
        self.machine = LinuxMachine(self, "manager", self.rack.manager_address, MANAGER_MAC)
        self.machine.start()
        text = self.write_manager_configuration().read_text(encoding="utf-8")
        self.machine.write_file("/root/gmmd.conf", self._inside(text))
        for path in self.state.run.glob("*.key"):
            self.machine.write_file(f"/root/{path.name}", path.read_text(encoding="utf-8"))
        self.machine.run("gmmd --config /root/gmmd.conf >/root/gmmd.log 2>&1 &")
        status, _ = self.machine.run("n=0; until [ -S /root/gmmd.socket ] || [ $n = 100 ]; do sleep 0.2; n=$((n + 1)); done; "
                                     "[ -S /root/gmmd.socket ]", START_S)
        if status != 0:
            raise RackError(f"gmmd did not start: {self.manager_log()}")

    def _inside(self, text):
        """The machine has everything that the rack has in several directories in one."""
        for directory in (self.state.run, self.images, self.build / "guest"):
            text = text.replace(str(directory), "/root")
        return text

    def manager_log(self):
        return self.machine.run("cat /root/gmmd.log")[1]

    def start_dnsmasq(self):
        """Nodes boot directly: nobody asks."""

    def gmm(self, *words, timeout_s=60, check=True):
        command = " ".join(["gmm", "--yes", "--socket", "/root/gmmd.socket", *(shlex.quote(self._inside(word)) for word in words)])
        status, output = self.machine.run(f"{command} 2>&1", timeout_s)
        if check and status != 0:
            raise RackError(f"gmm {' '.join(words)}: {output.strip()} (exit {status})")
        return output if check else types.SimpleNamespace(returncode=status, stdout=output, stderr=output)

    def down(self):
        if self.machine:
            self.machine.stop()
            self.machine = None
        super().down()


class LinuxLenderRack(VirtualRack):
    """A rack whose node LENDER is mcomponentd in a Linux machine, over its RDMA device; the manager is over UDP."""

    LENDER, LENT = "m2", "320M"
    machine = None

    def write_manager_configuration(self):
        path = super().write_manager_configuration()
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("[manager]\n", "[manager]\nforeign_peers = yes\n"), encoding="utf-8")
        return path

    def start_node(self, node):
        if node.name != self.LENDER:
            super().start_node(node)
            return
        self.state.nodes[node.name] = {"role": node.role, "address": node.address(self.rack), "mac": node.mac}
        self.machine = LinuxMachine(self, node.name, node.address(self.rack), node.mac)
        self.machine.start()
        self.state.add_process(node.name, self.machine.guest.pid)
        self.machine.write_file("/root/rack.key", self.state.key_file.read_text(encoding="utf-8"))
        self.start_lending()

    def start_lending(self):
        node = self.rack.nodes[self.LENDER]
        self.machine.run(f"mcomponentd --name {node.name} --ip {node.address(self.rack)} --gmm {self.rack.manager_address} "
                         f"--memory {self.LENT} --key-file /root/rack.key >/root/mcomponentd.log 2>&1 & lender=$!")

    def lender_log(self):
        return self.machine.run("cat /root/mcomponentd.log")[1]

    def down(self):
        if self.machine:
            self.machine.stop()
            self.machine = None
        super().down()
