# SPDX-License-Identifier: GPL-2.0-only
"""The manager's decisions outlive it: killed at any time, without room for its store, or put back from a backup."""

import contextlib
import http.client
import json
import random
import subprocess
import threading
import time

import pytest
from conftest import BUILD, small_rack_text, wait_until

from plenum_rack import alone, guest, network

START_S_MAX = 1.0  # from the start of a manager to its first answer


@pytest.fixture(scope="module")
def rack(make_rack):
    return make_rack("authority", small_rack_text(process_memory="256M"))


def joined(rack):
    rack.wait_joined(list(rack.rack.nodes), lambda line: None, 60)


def gmm_soon(rack, *words):
    """A command that goes on while the manager is killed."""
    return subprocess.Popen([str(BUILD / "bin" / "gmm"), "--yes", "--socket", str(rack.state.socket), *words],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def create_words(name, memory="160M"):
    return ("vm", "create", name, "--memory", memory, "--cache", "8M", "--kernel", str(BUILD / "guest" / "vmlinuz"))


def names(rack):
    return {entry["name"]: entry["state"] for entry in rack.gmm_json("vm", "list")}


def places(rack, name):
    return [(place["node"], place["pages"], place["state"]) for place in rack.gmm_json("vm", "show", name)["places"]]


def settled(rack):
    """Nothing is on its way: what the nodes hold is what the manager knows."""
    def look():
        nodes = rack.nodes().values()
        states = set(names(rack).values())
        return not states & {"creating", "destroying"} and all(entry["pages_foreign"] == 0 for entry in nodes)
    wait_until(look, "the manager and its nodes to agree", 30)


def test_guest_does_not_notice(rack):
    guest.create_check(rack, "steady", "192M", "24M", "48M", "plenum.operations=4000")
    rack.gmm("vm", "start", "steady")
    before = places(rack, "steady")
    for _ in range(3):
        wait_until(lambda: rack.gmm_json("vm", "stats", "steady")["counters"]["fills"] > 0, "the guest at work", 60)
        rack.state.kill("gmmd")
        rack.state.socket.unlink(missing_ok=True)
        started = time.monotonic()
        rack.start_manager()
        assert names(rack) == {"steady": "running"}
        assert time.monotonic() - started < START_S_MAX
        assert places(rack, "steady") == before
        joined(rack)
        assert all(entry["pages_foreign"] == 0 for entry in rack.nodes().values())
    wait_until(lambda: names(rack)["steady"] == "powered-off", "the guest's end", 400)
    said = rack.gmm("vm", "console", "steady", "--no-input", "--history", "--no-follow")
    assert "result=ok" in said and "mismatches=0" in said, said[-1000:]
    rack.gmm("vm", "destroy", "steady")


def test_started_again_by_a_later_manager(rack):
    """Both the start and the guest's own reset are served by a manager that did not create the VM."""
    guest.create_check(rack, "again", "96M", "24M", "16M", "plenum.operations=500")
    rack.restart_manager()
    joined(rack)
    assert guest.follow(rack, "again", 300).result == "ok"
    rack.gmm("vm", "destroy", "again")


def test_guest_resets_under_a_later_manager(rack):
    rack.gmm("vm", "create", "shell", "--memory", "128M", "--cache", "64M", "--kernel", str(BUILD / "guest" / "vmlinuz"), "--initrd",
             str(BUILD / "guest" / "initramfs.cpio.gz"), "--command-line", "console=ttyS0 quiet plenum.run=shell")
    rack.gmm("vm", "start", "shell")

    def shown():
        return rack.gmm("vm", "console", "shell", "--no-input", "--history", "--no-follow")
    wait_until(lambda: "/ #" in shown() or "~ #" in shown(), "a shell prompt", 240)
    rack.restart_manager()
    joined(rack)
    rack.gmm("vm", "type", "shell", "echo typed-$((40 + 2))\\n")
    wait_until(lambda: "typed-42" in shown(), "what was typed after the restart", 30)
    rack.gmm("vm", "type", "shell", "reboot -f\\n")
    wait_until(lambda: rack.gmm_json("vm", "stats", "shell")["counters"]["resets"] == 1, "the reset", 30)
    wait_until(lambda: shown().count("/ #") + shown().count("~ #") >= 2 and names(rack)["shell"] == "running", "another prompt", 240)
    rack.gmm("vm", "kill", "shell")
    rack.gmm("vm", "destroy", "shell")


@pytest.mark.parametrize("seed", range(6))
def test_killed_while_commands_run(rack, seed):
    """What was said to be done is done, nothing is done twice, and no node keeps what nobody knows."""
    rng = random.Random(seed)
    rack.gmm(*create_words("stays"))
    commands = {name: gmm_soon(rack, *create_words(name)) for name in ("one", "two")}
    commands["stays"] = gmm_soon(rack, "vm", "destroy", "stays")
    time.sleep(rng.uniform(0, 0.06))
    rack.restart_manager()
    done = {name: command.wait(30) == 0 for name, command in commands.items()}
    joined(rack)
    settled(rack)
    there = names(rack)
    for name in ("one", "two"):
        assert there.get(name, "created") == "created"
        assert name in there or not done[name], f"{name} was made, and is gone"
    assert "stays" not in there or not done["stays"]
    for name in there:
        rack.gmm("vm", "destroy", name)
    settled(rack)
    assert all(entry["pages_reserved"] == 0 for entry in rack.nodes().values())


@pytest.mark.parametrize("seed", range(6))
def test_request_is_sent_again_to_the_next_manager(rack, seed):
    """With its key a request takes effect once, however often managers were killed before somebody answered it."""
    rng = random.Random(seed)
    spec = {"name": f"keyed{seed}", "memory_bytes": 160 << 20, "cache_bytes": 8 << 20, "kernel": str(BUILD / "guest" / "vmlinuz")}
    key = {"Idempotency-Key": f"one VM, please {seed}"}

    def ask():
        with contextlib.closing(alone.UnixConnection(rack.state.api_socket)) as connection:
            return alone.ask(connection, "POST", "/v1/vms", spec, key)

    def ask_and_be_killed():
        with contextlib.suppress(OSError, http.client.HTTPException):
            accepted.append(ask())
    accepted = []
    for _ in range(3):
        asking = threading.Thread(target=ask_and_be_killed)
        asking.start()
        time.sleep(rng.uniform(0, 0.03))
        rack.restart_manager()
        joined(rack)
        asking.join(30)
    accepted.append(ask())
    assert {answer.status for answer in accepted} == {202}, [answer.text for answer in accepted]
    assert len({answer.json["id"] for answer in accepted}) == 1
    settled(rack)
    made = [entry for entry in rack.gmm_json("operation", "list") if entry["object"] == spec["name"]]
    assert [(entry["kind"], entry["status"], entry["requested_by"]) for entry in made] == [("vm.create", "succeeded", "socket")]
    # Known by its key when it is long over, too, and by a manager that did not see its end.
    rack.restart_manager()
    joined(rack)
    # (Times are told by the machine's clock of the moment, which may have been corrected meanwhile.)
    again = ask().json
    assert all(again[field] == value for field, value in made[0].items() if not field.endswith("_at")), again
    rack.gmm("vm", "destroy", spec["name"])


def test_asked_before_the_nodes_are_back(rack):
    """Whoever asks a manager that has just started need not know that: the command waits for what it lacks. HTTP is told to ask again."""
    rack.gmm(*create_words("early"))
    rack.gmm("vm", "start", "early")
    rack.restart_manager()
    with contextlib.closing(alone.UnixConnection(rack.state.api_socket)) as connection:
        answer = alone.ask(connection, "POST", "/v1/vms/early/kill")
    assert answer.status == 503 and answer.headers["Retry-After"] and "try again" in answer.text, answer.text
    rack.gmm("vm", "kill", "early")
    rack.restart_manager()
    rack.gmm(*create_words("late"))
    assert names(rack) == {"early": "stopped", "late": "created"}
    rack.restart_manager()
    assert "would" in rack.gmm("vm", "resize", "late", "--cache", "9M", "--dry-run")
    for name in ("early", "late"):
        rack.gmm("vm", "destroy", name)
    settled(rack)


def test_refused_when_a_node_does_not_come_back(rack):
    memory = rack.rack.nodes["m1"]
    rack.kill("m1")
    rack.restart_manager()
    refused = rack.gmm(*create_words("never", "320M"), check=False)  # one component alone has less
    assert refused.returncode == 5 and "m1 down" in refused.stderr, refused.stderr
    rack.add(memory, lambda line: None)
    rack.gmm(*create_words("now", "320M"))
    rack.gmm("vm", "destroy", "now")
    settled(rack)


def test_mute_outlives_the_manager(rack):
    rack.gmm("health", "mute", "STORE_FAILED", "--sticky")
    rack.restart_manager()
    assert "STORE_FAILED" in rack.gmm_json("health")["muted"]
    rack.gmm("health", "unmute", "STORE_FAILED")
    rack.restart_manager()
    assert "STORE_FAILED" not in rack.gmm_json("health")["muted"]
    joined(rack)


def test_second_manager_is_refused(rack):
    done = subprocess.run(network.inside(rack.rack, str(BUILD / "bin" / "gmmd"), "--config", str(rack.state.run / "gmmd.conf")),
                          capture_output=True, text=True, timeout=10)
    assert done.returncode == 1
    assert "another gmmd" in done.stderr and str(rack.state.processes["gmmd"]["pid"]) in done.stderr


def test_backup_is_put_back(rack, tmp_path):
    backup = tmp_path / "backup.db"
    rack.gmm(*create_words("kept"))
    rack.gmm("backup", "--to", str(backup))
    again = rack.gmm("backup", "--to", str(backup), check=False)
    assert again.returncode == 5 and "never overwritten" in again.stderr
    rack.gmm(*create_words("forgotten"))
    rack.state.kill("gmmd")
    rack.state.socket.unlink(missing_ok=True)
    subprocess.run([str(BUILD / "bin" / "gmmd"), "--config", str(rack.state.run / "gmmd.conf"), "--restore", str(backup)], check=True)
    rack.start_manager()
    joined(rack)
    assert names(rack) == {"kept": "created"}
    # What was made since the backup is on the nodes, and is said to be.
    wait_until(lambda: "does not know" in rack.gmm("events"), "the regions of the forgotten VM to be reported", 30)
    rack.gmm("vm", "destroy", "kept")
    # It ends when those nodes start again.
    for node in rack.rack.nodes.values():
        rack.kill(node.name)
        rack.add(node, lambda line: None)
    settled(rack)


@pytest.fixture
def small_disk(rack, tmp_path):
    directory = tmp_path / "small"
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(directory)], check=True)
    store, rack.store = rack.store, directory / "gmmd.db"
    rack.restart_manager()
    joined(rack)
    yield directory
    rack.store = store
    rack.restart_manager()
    joined(rack)
    subprocess.run(["umount", str(directory)], check=True)


def test_store_without_room(rack, small_disk):
    """Commands are refused with the reason, and nothing changes; with room again all goes on."""
    rack.gmm(*create_words("before"))
    filler = small_disk / "filler"
    with open(filler, "wb", buffering=0) as file:
        with pytest.raises(OSError):
            while True:
                file.write(bytes(4096))
    refused = rack.gmm(*create_words("never"), check=False)
    assert refused.returncode == 5 and "nothing was done" in refused.stderr and "full" in refused.stderr, refused.stderr
    assert names(rack) == {"before": "created"}
    assert all(entry["state"] == "up" for entry in rack.nodes().values())
    filler.unlink()
    rack.gmm("vm", "destroy", "before")
    rack.restart_manager()
    assert names(rack) == {}


def test_start_on_a_read_only_disk(rack, tmp_path):
    directory = tmp_path / "locked"
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,ro", "none", str(directory)], check=True)
    configuration = tmp_path / "gmmd.conf"
    text = (rack.state.run / "gmmd.conf").read_text(encoding="utf-8")
    configuration.write_text(text.replace(str(rack.store), str(directory / "gmmd.db")), encoding="utf-8")
    done = subprocess.run(network.inside(rack.rack, str(BUILD / "bin" / "gmmd"), "--config", str(configuration)), capture_output=True,
                          text=True, timeout=10)
    subprocess.run(["umount", str(directory)], check=True)
    assert done.returncode == 1 and "Read-only" in done.stderr and str(directory) in done.stderr, done.stderr


class Worker(threading.Thread):
    """Makes and destroys one VM again and again, and knows what it was told: a thread, so its failures are kept for later."""

    def __init__(self, rack, name, stop):
        super().__init__()
        self.rack, self.name_of_vm, self.stop = rack, name, stop
        self.there = False      # None: the manager was killed before it answered
        self.done, self.violation = 0, None

    def command(self, *words):
        return subprocess.run([str(BUILD / "bin" / "gmm"), "--yes", "--socket", str(self.rack.state.socket), *words],
                              capture_output=True, text=True, timeout=120)

    def step(self):
        if self.there is None:
            shown = self.command("-o", "json", "vm", "show", self.name_of_vm)
            settled_there = shown.returncode == 0 and json.loads(shown.stdout)["state"] == "created"
            self.there = True if settled_there else False if shown.returncode == 3 else None
            return
        words = ("vm", "destroy", self.name_of_vm) if self.there else create_words(self.name_of_vm, "64M")
        done = self.command(*words)
        if done.returncode == 0:
            self.there = not self.there
            self.done += 1
        elif done.returncode == 3 or "already" in done.stderr:
            self.violation = f"{' '.join(words)}: {done.stderr.strip()}, though it had been said to be otherwise"
        else:
            self.there = None

    def run(self):
        while not self.stop.is_set() and not self.violation:
            self.step()


def kill_under_load(rack, kills, seed):
    rng, stop = random.Random(seed), threading.Event()
    workers = [Worker(rack, f"w{number}", stop) for number in range(3)]
    for worker in workers:
        worker.start()
    try:
        for _ in range(kills):
            # Some die young, some when nodes have joined and commands are on their way.
            time.sleep(rng.choice((rng.uniform(0, 0.1), rng.uniform(3, 6))))
            rack.restart_manager()
    finally:
        joined(rack)
        stop.set()
        for worker in workers:
            worker.join()
    assert [worker.violation for worker in workers] == [None] * len(workers)
    settled(rack)
    there = names(rack)
    for worker in workers:
        assert worker.there is None or (worker.name_of_vm in there) == worker.there
    for name in there:
        rack.gmm("vm", "destroy", name)
    settled(rack)
    assert all(entry["pages_reserved"] == 0 for entry in rack.nodes().values())
    assert sum(worker.done for worker in workers) > 0


def test_killed_under_a_load_of_commands(rack):
    kill_under_load(rack, 8, 1)


@pytest.mark.soak
def test_killed_a_thousand_times(rack):
    kill_under_load(rack, 1000, 2)
