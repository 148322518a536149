# SPDX-License-Identifier: GPL-2.0-only
"""Our transport against stock Linux: Debian's kernel with rdma_rxe and rdma-core's own programs, in QEMU (docs/interop.md)."""

import pathlib
import re
import subprocess
import sys

import pytest

from conftest import BUILD, TOP, wait_until

sys.path.insert(0, str(TOP / "tests" / "interop"))
from linux_peer import GUEST, HOST, LinuxPeer  # noqa: E402
from programs import (LINKS, LISTEN_S, ROUNDS, RUN_S, exercise_linux, exercise_ours, finish, path_mtu, rping_client, rping_to_linux,  # noqa: E402
                      rping_to_us, run_against, serve_in_guest, server_ended)

SIZES = (64, 1000, 4096, 65535)
OPERATIONS = 500  # of the exercise: all kinds, 0 to 256 KiB
CLEAN_S = 10
SILENT_S = 5  # an answer would come within milliseconds
PINGPONG_LISTENS = f":{18515:04X} 00000000:0000 0A"  # in /proc/net/tcp
LISTENS_TCP = "grep -q ' 0A ' /proc/net/tcp"


@pytest.fixture(scope="module", params=LINKS, ids=lambda mtu: f"mtu{mtu}")
def linux(request):
    peer = LinuxPeer(BUILD, request.param, request.param)
    try:
        peer.start()
        yield peer
    finally:
        peer.stop()


def test_guest_has_stock_rxe(linux):
    status, output = linux.run("ibv_devinfo -d rxe0")
    assert status == 0, output
    assert "PORT_ACTIVE" in output
    assert f"active_mtu:\t\t{path_mtu(linux)}" in output, output


@pytest.mark.parametrize("size", SIZES)
def test_linux_rping_client(linux, size):
    rping_to_us(linux, size, ROUNDS)


@pytest.mark.parametrize("size", SIZES)
def test_linux_rping_server(linux, size):
    rping_to_linux(linux, size, ROUNDS)


@pytest.mark.parametrize("size", SIZES)
def test_linux_pingpong_client(linux, size):
    mtu = path_mtu(linux)
    server = linux.begin("plenum-pingpong", "-a", HOST, "-s", str(size), "-n", str(ROUNDS), "-m", str(mtu))
    wait_until(lambda: PINGPONG_LISTENS in pathlib.Path(f"/proc/{server.pid}/net/tcp").read_text(), "plenum-pingpong listens", LISTEN_S)
    served = run_against(server, linux, f"ibv_rc_pingpong -d rxe0 -g 1 -s {size} -n {ROUNDS} -m {mtu} {HOST}")
    assert served.startswith(f"{ROUNDS} rounds of {size} bytes, path MTU {mtu}, "), served


@pytest.mark.parametrize("size", SIZES)
def test_linux_pingpong_server(linux, size):
    mtu = path_mtu(linux)
    serve_in_guest(linux, f"ibv_rc_pingpong -d rxe0 -g 1 -s {size} -n {ROUNDS} -m {mtu}", LISTENS_TCP)
    played = finish(linux.begin("plenum-pingpong", "-s", str(size), "-n", str(ROUNDS), "-m", str(mtu), GUEST))
    assert played.startswith(f"{ROUNDS} rounds of {size} bytes, path MTU {mtu}, "), played
    assert played.endswith(", all equal\n"), played
    server_ended(linux)


def assert_guest_clean(linux):
    """Nothing is left of any connection: of queue pairs only the management one."""
    def left():
        return [line for line in linux.run("rdma resource show qp; rdma resource show cm_id")[1].splitlines()
                if line.strip() and " type GSI " not in f" {line} "]
    wait_until(lambda: not left(), "the guest's queue pairs and connections are gone", CLEAN_S)


# Our options, and the guest's programs as client and as server: {ours} and {guest} are the addresses.
CONNECTION_PROGRAMS = {
    "rdma_client": ((), "rdma_client -s {server}", "rdma_server"),
    "cmtime": (("-n", "100", "-C", "0"), "cmtime -s {server} -c 100", "cmtime -c 100"),
    "ucmatose": (("-n", "10", "-C", "10", "-S", "5000", "-f"), "ucmatose -s {server} -c 10 -C 10 -S 5000", "ucmatose -c 10 -C 10 -S 5000"),
}
SERVES_FOR_EVER = ("cmtime",)


def assert_connected(linux, program, output):
    options = dict(zip(CONNECTION_PROGRAMS[program][0][::2], CONNECTION_PROGRAMS[program][0][1::2]))
    assert output.startswith(f"{options.get('-n', 1)} connections, {options.get('-C', 1)} messages of {options.get('-S', 16)} bytes "
                             f"each way, path MTU {path_mtu(linux)}, "), output


@pytest.mark.parametrize("program", CONNECTION_PROGRAMS)
def test_linux_connects(linux, program):
    ours, client, _ = CONNECTION_PROGRAMS[program]
    server = linux.begin("plenum-cm", "-s", "-a", HOST, *ours)
    # cmtime's exit status does not tell that a connection was refused or lost.
    assert_connected(linux, program, run_against(server, linux, client.format(server=HOST) + " | tee /tmp/client; ! grep event: /tmp/client"))
    assert_guest_clean(linux)


@pytest.mark.parametrize("program", CONNECTION_PROGRAMS)
def test_linux_is_connected_to(linux, program):
    ours, _, server = CONNECTION_PROGRAMS[program]
    serve_in_guest(linux, server)
    assert_connected(linux, program, finish(linux.begin("plenum-cm", "-c", "-a", GUEST, *ours)))
    server_ended(linux, program in SERVES_FOR_EVER)
    assert_guest_clean(linux)


@pytest.mark.parametrize("seed", (1, 2))
def test_every_operation_to_our_memory(linux, seed):
    exercise_ours(linux, OPERATIONS, seed)
    assert_guest_clean(linux)


@pytest.mark.parametrize("seed", (3, 4))
def test_every_operation_to_linux_memory(linux, seed):
    exercise_linux(linux, OPERATIONS, seed)
    assert_guest_clean(linux)


# ---------------------------------------------------------------- component kernels as the peer

COMPONENTS = {"pcomponent": 11, "mcomponent": 12}  # images, and the last number of the address
UNOPENED = 21  # the same with the service off
SLOTS = 4  # clients of a kernel's service at a time


@pytest.fixture(params=COMPONENTS)
def component(request, linux):
    return linux.component(request.param, COMPONENTS[request.param])


@pytest.mark.parametrize("size", SIZES)
def test_linux_rping_client_of_a_component(linux, component, size):
    rping_client(linux, component, size)
    assert_guest_clean(linux)


def test_linux_cmtime_with_a_component(linux, component):
    status, output = linux.run(f"cmtime -s {component} -p 7174 -c {SLOTS}", RUN_S)
    assert status == 0 and "event:" not in output, output
    assert_guest_clean(linux)


def test_component_refuses_one_client_too_many(linux, component):
    status, output = linux.run(f"cmtime -s {component} -p 7174 -c {SLOTS + 1}", RUN_S)
    assert output.count("RDMA_CM_EVENT_REJECTED, error: 28") == 1, output  # its exit status does not tell
    rping_client(linux, component, SIZES[0], 1)


def test_component_without_the_service_is_silent(linux):
    """What is left is for holders of the rack's key: a stranger does not even hear that there is no rping."""
    address, log = linux.start_component("mcomponent", UNOPENED, "")
    status, output = linux.run(f"busybox timeout {SILENT_S} rping -c -a {address} -C 1", RUN_S)
    assert status != 0 and not re.search("refused|REJECTED", output), output
    assert "event=rping" not in log.read_text(errors="replace")


def test_every_icrc_on_the_wire(linux):
    """After everything above: the capture of both directions, checked by our own tool, and once more with a bit turned."""
    checker = BUILD / "bin" / "plenum-icrc"
    done = subprocess.run([checker, linux.capture], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    damaged = bytearray(linux.capture.read_bytes())
    at = damaged.rindex(b"rdma-ping-")
    damaged[at] ^= 1
    wrong = linux.capture.with_suffix(".wrong")
    wrong.write_bytes(damaged)
    done = subprocess.run([checker, wrong], capture_output=True, text=True)
    assert done.returncode == 1 and " 1 wrong, " in done.stdout, done.stdout + done.stderr
