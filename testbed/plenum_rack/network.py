# SPDX-License-Identifier: GPL-2.0-only
"""The rack's own network: a namespace with a bridge, one tap a node, dnsmasq. Nothing leaves it."""

import os
import pathlib
import shutil
import subprocess

from .config import RackError

# Root by way of a plain `su` has its user's PATH, without the directories where Debian keeps dnsmasq.
os.environ["PATH"] = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"

IPV6_PREFIX = "fd77:0:0:77"  # only so that iPXE's router solicitation is answered at once


def namespace(rack):
    return f"plenum-{rack.name}"


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RackError(f"{' '.join(command)}: {done.stderr.strip() or 'exit ' + str(done.returncode)}")
    return done.stdout


def inside(rack, *command):
    return ["ip", "netns", "exec", namespace(rack), *command]


def check_host():
    """Say what is missing before anything is changed."""
    if os.geteuid() != 0:
        raise RackError("the virtual rack needs root for its network namespace; run it with sudo")
    if not pathlib.Path("/dev/net/tun").exists():
        raise RackError("/dev/net/tun is missing, so nodes cannot get a network card; load the module with 'modprobe tun'")
    for program, package in (("ip", "iproute2"), ("dnsmasq", "dnsmasq-base"), ("qemu-system-x86_64", "qemu-system-x86")):
        if shutil.which(program) is None:
            raise RackError(f"{program} is missing; run 'make setup', or install the package {package}")


def exists(rack):
    return f"{namespace(rack)}" in run("ip", "netns", "list").split()


def create(rack):
    name = namespace(rack)
    run("ip", "netns", "add", name)
    run("ip", "-n", name, "link", "set", "lo", "up")
    # No forwarding delay: a bridge that learns for 15 s lets a booting node's DHCP time out.
    run("ip", "-n", name, "link", "add", "br0", "type", "bridge", "forward_delay", "0", "stp_state", "0", "mcast_snooping", "0")
    run("ip", "-n", name, "link", "set", "br0", "mtu", str(rack.mtu))
    run("ip", "-n", name, "addr", "add", f"{rack.manager_address}/24", "dev", "br0")
    run("ip", "-n", name, "addr", "add", f"{IPV6_PREFIX}::1/64", "dev", "br0", "nodad")
    run("ip", "-n", name, "link", "set", "br0", "up")


def add_address(rack, node):
    run("ip", "-n", namespace(rack), "addr", "add", f"{node.address(rack)}/24", "dev", "br0")


def site_namespace(rack):
    return f"{namespace(rack)}-site"


def create_site(rack):
    """Somebody else's machine on the rack's network, at .2: its DHCP server gives the addresses, and knows nothing of us."""
    name, site = namespace(rack), site_namespace(rack)
    run("ip", "netns", "add", site)
    run("ip", "-n", name, "link", "add", "site", "type", "veth", "peer", "name", "eth0", "netns", site)
    run("ip", "-n", name, "link", "set", "site", "mtu", str(rack.mtu), "master", "br0", "up")
    run("ip", "-n", site, "link", "set", "lo", "up")
    run("ip", "-n", site, "link", "set", "eth0", "mtu", str(rack.mtu), "up")
    run("ip", "-n", site, "addr", "add", f"{rack.subnet}.2/24", "dev", "eth0")


def site_command(rack, directory):
    return ["ip", "netns", "exec", site_namespace(rack), "dnsmasq", "--conf-file=/dev/null", "--port=0", "--interface=eth0",
            "--bind-interfaces", "--keep-in-foreground", "--user=root", "--pid-file=", f"--dhcp-leasefile={directory}/site.leases",
            f"--dhcp-range={rack.subnet}.100,{rack.subnet}.200,255.255.255.0,10m", "--dhcp-option=3", "--log-dhcp", "--log-facility=-"]


def add_tap(rack, node):
    name, tap = namespace(rack), f"tap-{node.name}"
    # The tap keeps QEMU's namespace: it is made there, and goes away with it.
    run(*inside(rack, "ip", "tuntap", "add", "dev", tap, "mode", "tap"))
    run("ip", "-n", name, "link", "set", tap, "mtu", str(rack.mtu), "master", "br0", "up")
    return tap


def destroy(rack):
    spaces = run("ip", "netns", "list").split()
    for name in (site_namespace(rack), namespace(rack)):
        if name in spaces:
            run("ip", "netns", "del", name)


def dnsmasq_command(netboot):
    """dnsmasq with the configuration that gmmd wrote, and what is so only in a virtual rack."""
    return ["dnsmasq", f"--conf-file={netboot}/dnsmasq.conf", "--keep-in-foreground", "--user=root", "--pid-file=",
            f"--dhcp-leasefile={netboot}/leases", "--log-dhcp", "--log-facility=-",
            # iPXE waits for IPv6 too before it goes on: without an advertisement that costs 15 s a node.
            "--enable-ra", f"--dhcp-range={IPV6_PREFIX}::,ra-only,64,10m"]
