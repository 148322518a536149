# SPDX-License-Identifier: GPL-2.0-only
"""Stock RDMA programs in the guest against ours on this side of the wire: started, awaited, and what they say checked."""

import re
import subprocess

from linux_peer import GUEST, HOST

RUN_S = 180
# Ethernet's MTU, and the path MTU that both sides must agree on.
LINKS = {1500: 1024, 9000: 4096}
ROUNDS = 10
SIGTERM_STATUS = 128 + 15
LISTEN_S = 20
# How a server in the guest shows that it listens: with the connection manager, or over TCP.
LISTENS_CM = "rdma resource show cm_id | grep -q LISTEN"


def finish(process):
    """Wait for one of our programs. Returns what it printed; fails unless it ended well."""
    try:
        output, _ = process.communicate(timeout=RUN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
        raise AssertionError(f"{process.args[-1]} did not end: {output}") from None
    assert process.returncode == 0, output
    return output


def run_against(server, linux, command):
    """A client in the guest against our server. Returns what the server printed; fails unless both ended well."""
    status, output = linux.run(command, RUN_S)
    if status != 0:
        server.kill()
    served, _ = server.communicate() if status else (finish(server), None)
    assert status == 0, f"the guest: {output}\nours: {served}"
    return served


def serve_in_guest(linux, command, listens=LISTENS_CM):
    """Start a server in the guest, until it listens; `server_ended` collects it."""
    status, output = linux.run(f"{command} >/tmp/server 2>&1 & server=$!; tries={LISTEN_S * 10}; "
                               f"until {listens}; do sleep 0.1; tries=$((tries - 1)); [ $tries -gt 0 ] || break; done; {listens}", RUN_S)
    assert status == 0, f"{command} does not listen: {output}"


def server_ended(linux, kill=False, timeout_s=RUN_S):
    """Wait for the guest's server, or end one that serves for ever. Returns what it said."""
    status, output = linux.run(f"{'kill $server; ' if kill else ''}wait $server; status=$?; cat /tmp/server; (exit $status)", timeout_s)
    assert status == (SIGTERM_STATUS if kill else 0), output
    return output


# rping's main thread may close what its other thread waits at, when all is done: it says this, and its exit status is 255.
RPING_RACE = "rdma_get_cm_event: Bad file descriptor"


def rping_client(linux, server, size, rounds=ROUNDS):
    """Stock rping asks and compares. Returns nothing; fails unless every round was right."""
    status, output = linux.run(f"rping -c -a {server} -S {size} -C {rounds} -V -v", RUN_S)
    assert output.count("ping data: rdma-ping-") == rounds, output
    assert status == 0 or status == 255 and RPING_RACE in output, output


def path_mtu(linux):
    return LINKS[linux.wire.mtu]


def rping_to_us(linux, size, rounds):
    """Stock rping asks plenum-rping."""
    server = linux.begin("plenum-rping", "-s", "-a", HOST)
    try:
        rping_client(linux, HOST, size, rounds)
    except AssertionError as error:
        server.kill()
        raise AssertionError(f"{error}\nours: {server.communicate()[0]}") from None
    assert finish(server) == f"served {rounds} rounds, path MTU {path_mtu(linux)}\n"


def rping_to_linux(linux, size, rounds):
    """plenum-rping asks stock rping."""
    serve_in_guest(linux, f"rping -s -a {GUEST} -S {size} -C {rounds}")
    asked = finish(linux.begin("plenum-rping", "-c", "-a", GUEST, "-S", str(size), "-C", str(rounds), "-V"))
    assert asked == f"{rounds} rounds of {size} bytes, path MTU {path_mtu(linux)}, all equal\n"
    server_ended(linux)


def assert_exercised(linux, role, operations, output):
    """Returns the counters that our program printed."""
    assert f"{role}: {operations} operations, path MTU {path_mtu(linux)}, all equal (WRITE " in output, output
    return {name: int(value) for name, value in re.findall(r" (\w+)=(\d+)", output)}


def exercise_ours(linux, operations, seed, options=""):
    """Linux does random operations to our memory; both sides compare every byte. Returns our counters."""
    target = linux.begin("plenum-exercise", "-s", "-a", HOST, "-v")
    status, output = linux.run(f"verbs_peer -c {HOST} -n {operations} -r {seed} {options}", RUN_S)
    if status != 0:
        target.kill()
    served = target.communicate(timeout=RUN_S)[0] if status else finish(target)
    assert status == 0, f"the guest: {output}\nours: {served}"
    assert_exercised(linux, "actor", operations, output)
    return assert_exercised(linux, "target", operations, served)


def exercise_linux(linux, operations, seed):
    """We do random operations to Linux's memory. Returns our counters."""
    serve_in_guest(linux, "verbs_peer -s")
    acted = finish(linux.begin("plenum-exercise", "-c", "-v", "-a", GUEST, "-n", str(operations), "-r", str(seed)))
    assert_exercised(linux, "target", operations, server_ended(linux))
    return assert_exercised(linux, "actor", operations, acted)
