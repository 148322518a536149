# SPDX-License-Identifier: GPL-2.0-only
"""What the fake gmmd knows beyond what gmm console shows: regions, operations, plans, mutes; for the HTTP API (fake_http.py).

Whatever is asked for that changes something is carried out on the record and noted; GET /v1/keys tells what was noted, for tests.
"""

import asyncio
import copy
import errno
import math
import pathlib
import re
import time

HEALTH = pathlib.Path(__file__).resolve().parent.parent.parent / "docs" / "health"
REGION_PAGES = 16384
OPERATION_S = 0.8  # that one takes which was asked for
STEPS = 16
# Regions of each VM on each memory component, in the order of their indices.
PLACES = {
    "web": (("m1", 6), ("m2", 4), ("m3", 6)),
    "db": (("m6", 17), ("m1", 4), ("m2", 4), ("m3", 3), ("m4", 2), ("m5", 2)),
    "mail": (("m2", 3), ("m3", 3), ("m6", 2)),
    "batch": (("m5", 8), ("m6", 2), ("m4", 2)),
    "build": (("m1", 3), ("m3", 1), ("m6", 4), (None, 4)),  # the last are only promised
}
# Machines that asked for a boot script and are no nodes: MAC, state, what it is, processors, memory, whether it has SVM.
MACHINES = (
    ("52:54:00:77:00:31", "pending", ("Supermicro", "H12SSL-i"), 32, 256 << 30, True),
    ("52:54:00:77:00:32", "discovered", (None, None), None, None, None),
)
ADMIN = {"cordon": "cordoned", "uncordon": "admitted", "maintenance": "maintenance", "restore": "admitted", "retire": "retired"}


def stamp(when):
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(when))


class Facts:
    def __init__(self, rack, refused):
        self.rack = rack
        self.refused = refused
        self.noted = []
        self.ids = 40
        self.operations = []
        self.settings = {}  # by VM: what was changed with vm.set
        self.counted = {}  # by VM: fills told of last, and the buckets of its misses
        self.muted = {}
        self.admin = {}
        self.machines = [self.machine(*one) for one in MACHINES]
        for kind, thing, ago_s, took_s, error in (
            ("vm.create", "mail", 5163, 2.1, None),
            ("vm.start", "mail", 5160, 3.4, None),
            ("vm.create", "build", 1253, 1.9, None),
            ("vm.start", "build", 1250, 3.0, None),
            ("region.move", "db", 900, 4.2, "m5 does not answer"),
            ("vm.create", "batch", 85, 2.4, None),
        ):
            row = self.begin(kind, thing, took_s, began=time.time() - ago_s)
            row["message"] = error
        self.begin("node.drain", "m4", 400, began=time.time() - 100)["bytes_moved"] = 96 << 20
        self.begin("vm.destroy", "old-web", 900, began=time.time() - 160)

    def note(self, who, command, arguments, key):
        self.noted.append({"who": who, "command": command, "arguments": arguments, "key": bool(key)})

    # ---------------------------------------------------------------- operations

    def begin(self, kind, thing, takes_s=OPERATION_S, then=None, began=None):
        self.ids += 1
        row = {
            "id": self.ids,
            "kind": kind,
            "object": thing,
            "began": began or time.time(),
            "takes_s": takes_s,
            "message": None,
            "then": then,
            "by": "alice",
            "bytes_moved": 0,
        }
        self.operations.append(row)
        return row

    def operation(self, row):
        elapsed_s = time.time() - row["began"]
        over = elapsed_s >= row["takes_s"]
        if over and row["then"]:
            row.pop("then")()
            row["then"] = None
        status = "running" if not over else "failed" if row["message"] else "succeeded"
        error = {"code": "busy", "status": -errno.EBUSY, "message": row["message"]} if status == "failed" else None
        progress = None if over else {"step": "regions", "done": int(STEPS * elapsed_s / row["takes_s"]), "total": STEPS}
        return {
            "id": row["id"],
            "kind": row["kind"],
            "object": row["object"],
            "requested_by": row["by"],
            "bytes_moved": row["bytes_moved"],
            "status": status,
            "error": error,
            "started_at": stamp(row["began"]),
            "ended_at": stamp(row["began"] + row["takes_s"]) if over else None,
            "progress": progress,
        }

    async def wait_operation(self, number, wait_s):
        for row in self.operations:
            if row["id"] == number:
                await asyncio.sleep(max(0, min(wait_s, row["began"] + row["takes_s"] - time.time())))
                return self.operation(row)
        raise self.refused(errno.ENOENT, f"there is no operation {number}")

    def operation_list(self):
        rows = [self.operation(row) for row in self.operations]
        return [row for row in rows if row["status"] != "running"] + [row for row in rows if row["status"] == "running"]

    # ---------------------------------------------------------------- nodes and regions

    def places(self, name):
        """Nodes of a VM's regions."""
        regions = self.rack.vm(name)["row"]["regions"]
        return [node for node, count in PLACES.get(name, (("m4", regions),)) for _ in range(count)]

    def with_facts(self, node):
        admin = self.admin.get(node["name"], node["admin"])
        node = dict(node, admin=admin, life=admin if admin != "admitted" else node["state"], life_s_ago=node["joined_s_ago"], origin="file")
        if node["role"] == "memory":
            regions = sum(self.places(vm["row"]["name"]).count(node["name"]) for vm in self.rack.record["vms"])
            scale = regions * REGION_PAGES / node["pages_reserved"]
            node.update(regions=regions, pages_reserved=regions * REGION_PAGES)
            for key in ("pages_stored", "pages_zero", "pages_written"):
                node[key] = int(node[key] * scale)
        return node

    def status(self):
        status = dict(self.rack.status(), placement="least", rebuild_reserve=False, health=self.health())
        status["nodes"] = [self.with_facts(node) for node in status["nodes"]]
        up = [node for node in status["nodes"] if node["role"] == "memory" and node["state"] == "up"]
        sums = {key: sum(node[f"pages_{key}"] for node in up) for key in ("capacity", "reserved", "written", "stored")}
        status["memory_pages"].update(sums)
        status["nodes_total"]["pending"] = len(self.machines)
        status["regions"] = sum(vm["row"]["regions"] for vm in self.rack.record["vms"])
        return status

    def node_show(self, name):
        node, joined_s_ago = self.with_facts(self.rack.node_named(name)), 8290 + self.rack.elapsed_s()
        boot = {
            "script_s_ago": joined_s_ago + 1.31,
            "image_s_ago": joined_s_ago + 1.12,
            "image_done_s_ago": joined_s_ago + 0.62,
            "joined_s_ago": joined_s_ago,
            "scripts_since_join": 0,
        }
        moves = []
        if node["name"] in ("m1", "m6"):
            done = int(self.rack.elapsed_s() * 90) % REGION_PAGES
            moves = [{"vm": "web", "index": 0, "from": "m1", "to": "m6", "state": "copying", "pages": REGION_PAGES, "pages_passed": done}]
        return dict(node, boot=boot, moves=moves)

    def set_admin(self, verb, name, dry_run):
        is_now = self.with_facts(self.rack.node_named(name))["admin"]
        if dry_run:
            return {"dry_run": True, "would": f"{name} would become {ADMIN[verb]}, is {is_now}"}
        self.admin[name] = ADMIN[verb]
        self.rack.add_event("node", name, f"is {ADMIN[verb]} by the operator")
        return self.with_facts(self.rack.node_named(name))

    def drain(self, name, cancel, dry_run):
        node = self.with_facts(self.rack.node_named(name))
        if dry_run and cancel:
            return {"dry_run": True, "would": f"would give the drain of {name} up; what was moved stays where it is"}
        if dry_run:
            vms = sum(name in self.places(vm["row"]["name"]) for vm in self.rack.record["vms"])
            words = f"would move {node['regions']} regions ({node['regions'] * 64} MiB) of {vms} VMs away from {name}"
            return {"dry_run": True, "would": f"{words}; the others have room, 1.2 GiB are free there"}
        self.admin[name] = "admitted" if cancel else "draining"
        if cancel:
            return None
        return self.operation(self.begin("node.drain", name, 60))

    def region_list(self):
        rows = []
        for vm in self.rack.record["vms"]:
            for index, node in enumerate(self.places(vm["row"]["name"])):
                rows.append(
                    {
                        "vm": vm["row"]["name"],
                        "vm_id": vm["row"]["id"],
                        "index": index,
                        "node": node,
                        "owner": vm["row"]["node"],
                        "pages": REGION_PAGES,
                        "epoch": 1 if node else 0,
                        "state": "live" if node else "promised",
                    }
                )
        return rows

    def plan(self):
        moves = [
            {"vm": vm, "vm_id": 1, "index": index, "from": source, "to": "m6", "pages": REGION_PAGES, "batch": 0}
            for vm, index, source in (("web", 0, "m1"), ("web", 10, "m3"), ("db", 17, "m1"), ("mail", 3, "m3"))
        ]
        return {
            "distance_before": 0.118,
            "distance_after": 0.021,
            "pages": REGION_PAGES * len(moves),
            "ready_in_s": 0.0,
            "reason": "",
            "spread_limits": False,
            "moves": moves,
        }

    def balance(self, cancel, dry_run):
        if dry_run:
            moves = len(self.plan()["moves"])
            words = "would stop balancing" if cancel else f"would move {moves} regions ({moves * 64} MiB), a few at a time"
            return {"dry_run": True, "would": words}
        for row in self.operations:
            if row["kind"] == "balance.apply" and self.operation(row)["status"] == "running":
                if not cancel:
                    raise self.refused(errno.EALREADY, "the rack is balanced already")
                row["takes_s"] = time.time() - row["began"]
        return None if cancel else self.operation(self.begin("balance.apply", ""))

    # ---------------------------------------------------------------- machines

    def machine(self, mac, life, what, processors, memory_bytes, svm):
        return {
            "mac": mac, "life": life, "life_s_ago": 40.0, "first_s_ago": 61.0, "seen_s_ago": 6.0, "asked": 4, "ip": "10.77.0.131", "conflict": None,
            "uuid": None, "manufacturer": what[0], "product": what[1], "serial": None, "asset": None, "processor": None, "firmware": None,
            "card": None, "processors": processors, "memory_bytes": memory_bytes, "svm": svm, "vmx": None,
        }  # fmt: skip

    def take_machine(self, mac):
        for machine in self.machines:
            if machine["mac"] == mac:
                self.machines.remove(machine)
                return {"mac": mac, "life": "forgotten"}
        raise self.refused(errno.ENOENT, f"no machine {mac} waits")

    def admit(self, arguments):
        if arguments.get("dry_run"):
            words = f"as {arguments['name']}, a {arguments['role']} component at {arguments.get('ip', '10.77.0.27')}"
            return {"dry_run": True, "would": f"would admit the machine that waits {words}"}
        self.take_machine(arguments["mac"])
        self.rack.add_event("node", arguments["name"], "admitted by the operator")
        return {"name": arguments["name"], "mac": arguments["mac"], "role": arguments["role"]}

    # ---------------------------------------------------------------- VMs

    def vm_stats(self, name):
        """The record's counters go on; so do the misses' buckets here, now faster, now slower."""
        stats = copy.deepcopy(self.rack.vm_stats(name))
        fills = stats["counters"]["fills"]
        told, added = self.counted.setdefault(name, [fills, [0] * len(stats["miss"]["buckets"])])
        lean = 0.5 + 0.4 * math.sin(self.rack.elapsed_s() / 7 + len(name))
        for at, share in enumerate((0.06 * (1 - lean), 0.5 * (1 - lean), 0.5 - 0.2 * lean, 0.6 * lean, 0.04, 0.02)[: len(added)]):
            added[at] += int((fills - told) * share)
        self.counted[name][0] = fills
        for bucket, more in zip(stats["miss"]["buckets"], added):
            bucket["count"] += more
        return stats

    def vm_show(self, name):
        shown = self.rack.vm_show(name)
        shown["places"] = [
            {"index": index, "node": node, "pages": REGION_PAGES, "state": "live" if node else "promised"}
            for index, node in enumerate(self.places(name))
        ]
        given = self.settings.get(name, {})
        shown["restart"] = {
            "policy": given.get("restart", "on-failure"),
            "max": given.get("restart_max", 5),
            "window_s": 600.0,
            "wanted": True,
            "count": 0,
            "crash_loop": False,
        }
        shown["bandwidth_mbps"] = given.get("bandwidth_mbps", 0)
        return shown

    def set_vm(self, name, arguments):
        given = {key: value for key, value in arguments.items() if key not in ("name", "dry_run")}
        if arguments.get("dry_run"):
            return {"dry_run": True, "would": f"would change {', '.join(f'{key} to {value}' for key, value in given.items())} of {name}"}
        if "spread" in given:
            self.rack.vm(name)["row"]["spread"] = given["spread"]
        self.settings.setdefault(name, {}).update(given)
        return self.vm_show(name)

    def change_vm(self, command, name, state, dry_run):
        would = self.rack.would(command.removeprefix("vm."), name, state)
        if dry_run:
            return would
        change = (lambda: self.rack.change_state(name, state)) if state else (lambda: self.rack.vm_destroy(name))
        return self.operation(self.begin(command, name, then=change))

    def resize(self, name, cache_bytes, dry_run):
        row = self.rack.vm(name)["row"]
        if dry_run:
            sizes = f"from {row['cache_bytes'] >> 20} MiB to {cache_bytes >> 20} MiB"
            return {"dry_run": True, "would": f"would resize the cache share of {name} {sizes}"}
        return self.operation(self.begin("vm.resize", name, then=lambda: row.update(cache_bytes=cache_bytes)))

    def create(self, spec):
        if any(vm["row"]["name"] == spec["name"] for vm in self.rack.record["vms"]):
            raise self.refused(errno.EEXIST, f"there is a VM named {spec['name']} already")
        regions = max(1, spec["memory_bytes"] // (REGION_PAGES * 4096))
        node = spec.get("on", "p3")
        if spec.get("dry_run"):
            return {
                "dry_run": True,
                "would": f"would create {spec['name']} on {node}, its memory on m4 ({regions} regions)",
                "node": node,
                "regions": [],
            }
        vm = copy.deepcopy(self.rack.record["vms"][-1])
        vm["row"].update(
            name=spec["name"],
            state="created",
            reason="",
            node=node,
            memory_bytes=spec["memory_bytes"],
            cache_bytes=spec["cache_bytes"],
            vcpus=spec.get("vcpus", 1),
            regions=regions,
            regions_promised=0,
            devices=spec.get("devices", ["serial", "rtc", "kvmclock", "button"]),
            spread=spec.get("spread", 0),
            created_s_ago=0.0,
            changed_s_ago=0.0,
        )
        return self.operation(self.begin("vm.create", spec["name"], then=lambda: self.rack.record["vms"].append(vm)))

    # ---------------------------------------------------------------- health

    def health(self):
        health = copy.deepcopy(self.rack.record["health"])
        for check in health["checks"]:
            mute = self.muted.get(check["code"])
            check.update(muted=mute is not None, sticky=bool(mute and mute.get("sticky")))
            check["since_s_ago"] += self.rack.elapsed_s()
        left = [check["severity"] for check in health["checks"] if not check["muted"]]
        health["status"] = "HEALTH_ERR" if "ERR" in left else "HEALTH_WARN" if left else "HEALTH_OK"
        return dict(health, muted=sorted(self.muted))

    def explain(self, code):
        path = HEALTH / f"{code}.md"
        if not path.is_file():
            raise self.refused(errno.ENOENT, f"there is no health check {code}")
        meaning = re.search(r"## What it means\n\n(.*?)\n\n", path.read_text(encoding="utf-8"), re.DOTALL)[1]
        return {
            "code": code,
            "severity": "WARN",
            "title": code,
            "meaning": meaning.replace("\n", " ").replace("`", ""),
            "remedies": [],
            "page": f"docs/health/{code}.md",
        }

    def mute(self, code, mute):
        self.muted.pop(code, None)
        if mute is not None:
            self.muted[code] = mute
        return self.health()

    def answer(self, command, arguments):
        name, dry_run, cancel = arguments.get("name", ""), arguments.get("dry_run"), arguments.get("cancel")
        if command.startswith("node.") and command.removeprefix("node.") in ADMIN:
            return self.set_admin(command.removeprefix("node."), name, dry_run)
        answers = {
            "status": self.status,
            "node.list": lambda: self.status()["nodes"],
            "node.show": lambda: self.node_show(name),
            "node.drain": lambda: self.drain(name, cancel, dry_run),
            "region.list": self.region_list,
            "balance.plan": self.plan,
            "node.pending": lambda: self.machines,
            "node.admit": lambda: self.admit(arguments),
            "node.reject": lambda: self.take_machine(arguments["mac"]),
            "balance.apply": lambda: self.balance(cancel, dry_run),
            "operation.list": self.operation_list,
            "vm.stats": lambda: self.vm_stats(name),
            "vm.start": lambda: self.change_vm(command, name, "running", dry_run),
            "vm.stop": lambda: self.change_vm(command, name, "stopped", dry_run),
            "vm.kill": lambda: self.change_vm(command, name, "stopped", dry_run),
            "vm.set": lambda: self.set_vm(name, arguments),
            "vm.resize": lambda: self.resize(name, arguments["cache_bytes"], dry_run),
            "vm.destroy": lambda: self.change_vm(command, name, None, dry_run),
            "vm.create": lambda: self.create(arguments),
            "vm.show": lambda: self.vm_show(name),
            "health": self.health,
            "health.explain": lambda: self.explain(arguments["code"]),
            "health.mute": lambda: self.mute(arguments["code"], arguments),
            "health.unmute": lambda: self.mute(arguments["code"], None),
            "key.list": lambda: {"noted": self.noted},
        }
        return answers[command]() if command in answers else self.rack.answer(command, arguments)
