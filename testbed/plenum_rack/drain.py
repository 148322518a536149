# SPDX-License-Identifier: GPL-2.0-only
"""Drain a memory component under a running guest that checks every byte, and tell what the guest felt of it."""

import dataclasses
import threading
import time

from . import guest
from .config import RackError

POLL_S = 0.2
BEFORE_S = 8.0           # of misses, to compare with
MOVED_MAX = 1.2          # times that a page may be moved


@dataclasses.dataclass
class Drained:
    moved: dict          # gmm's answer
    seconds: float
    regions: int         # on the component before
    guest_ran: bool      # all the time
    before: dict         # misses of BEFORE_S before: a histogram as of `vm stats`, with count and p50_ns
    during: dict
    outcome: guest.Outcome

    @property
    def times_moved(self):
        """How often a page was moved, on average: copies that a write-back overtook count, too."""
        copies = self.moved["pages_moved"]
        return (copies + self.moved["pages_moved_again"]) / copies if copies else 1.0

    @property
    def slowdown(self):
        return self.during["p50_ns"] / self.before["p50_ns"] if self.before["p50_ns"] else 0.0


def difference(later, earlier):
    """The misses between two samples of one growing histogram: count, p50_ns and p90_ns, to a quarter of an octave."""
    counts = {bucket["from_ns"]: bucket["count"] for bucket in later["buckets"]}
    for bucket in earlier["buckets"]:
        counts[bucket["from_ns"]] -= bucket["count"]
    total = sum(counts.values())
    result = {"count": total, "p50_ns": 0, "p90_ns": 0}
    for name, part in (("p50_ns", 0.5), ("p90_ns", 0.9)):
        seen = 0
        for floor, count in sorted(counts.items()):
            seen += count
            if count and seen >= total * part:
                result[name] = floor
                break
    return result


def misses(virtual, name):
    return virtual.gmm_json("vm", "stats", name)["miss"]


def under_guest(virtual, node, memory="256M", cache="48M", work="160M", operations=30000, timeout_s=600):
    """Fill a guest's memory, drain `node` while it works on it at random, and let it check all of it at the end."""
    name, filled, ended, result = "drained", threading.Event(), threading.Event(), {}
    guest.create_check(virtual, name, memory, cache, work, f"plenum.phases=fill,random plenum.operations={operations}")

    def follow():
        try:
            result["outcome"] = guest.follow(virtual, name, timeout_s, lambda phase, fields: filled.set())
        except RackError as error:
            result["error"] = error
        finally:
            ended.set()
            filled.set()

    follower = threading.Thread(target=follow)
    follower.start()
    try:
        filled.wait()
        samples = [misses(virtual, name)]
        ended.wait(BEFORE_S)
        regions = virtual.nodes()[node]["regions"]
        samples.append(misses(virtual, name))
        started = time.monotonic()
        moved = virtual.gmm_json("node", "drain", node, timeout_s=timeout_s)
        seconds = time.monotonic() - started
        ran = not ended.is_set()
        samples.append(misses(virtual, name))
    finally:
        if "moved" not in locals():
            virtual.gmm("vm", "kill", name, check=False)
        follower.join()
    if "error" in result:
        raise result["error"]
    virtual.gmm("vm", "destroy", name)
    return Drained(moved, seconds, regions, ran, difference(samples[1], samples[0]), difference(samples[2], samples[1]),
                   result["outcome"])


def report(drained):
    """Lines for people."""
    moved = drained.moved
    yield (f"regions moved {moved['regions_moved']} in {drained.seconds:.1f} s, {moved['bytes'] / 2**20:.1f} MiB sent; "
           f"pages copied {moved['pages_moved']} (zero {moved['pages_zero']}), copies in vain {moved['pages_moved_again']}: "
           f"{drained.times_moved:.3f} times each")
    yield f"write-backs stored on both places {moved['write_backs_mirrored']}"
    for when, sample in (("before", drained.before), ("during", drained.during)):
        yield (f"guest's misses {when}: {sample['count']}, p50 {sample['p50_ns'] / 1e3:.1f} us, "
               f"p90 {sample['p90_ns'] / 1e3:.1f} us")
    yield f"slow-down of the median miss: {drained.slowdown:.2f}"
    yield (f"median fill as the mover saw it, last region: {moved['fill_before_ns'] / 1e3:.1f} us before, "
           f"{moved['fill_ns'] / 1e3:.1f} us at its end")
    yield f"guest: {drained.outcome.result}, mismatches {drained.outcome.fields.get('mismatches')}"
