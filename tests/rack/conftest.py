# SPDX-License-Identifier: GPL-2.0-only
"""Racks for the tests: each test module shares one; it is taken down whatever happens."""

import os
import pathlib
import re
import sys
import time

import pytest

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "testbed"))
from plenum_rack import config, network  # noqa: E402
from plenum_rack.rack import VirtualRack  # noqa: E402

BUILD = pathlib.Path(os.environ.get("O", TOP / "build")).resolve()
POLL_S = 0.1


def pytest_configure(config):
    config.addinivalue_line("markers", "soak: takes longer than the quick suite allows")


def wait_until(condition, what, timeout_s=30):
    """Poll for a condition; fails with `what` when it does not come true."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            pytest.fail(f"not within {timeout_s} s: {what}")
        time.sleep(POLL_S)


class RackMaker:
    """Builds racks from rack-file text and takes every one of them down."""

    def __init__(self, directory):
        self.directory = directory
        self.racks = []

    def __call__(self, name, text, up=True, kind=VirtualRack):
        path = self.directory / f"{name}.rack"
        path.write_text(text, encoding="utf-8")
        virtual = kind(config.load(path), BUILD)
        virtual.path = path
        self.racks.append(virtual)
        virtual.down()  # what an interrupted run left behind
        if up:
            virtual.up(lambda line: None)
        return virtual

    def down(self):
        for virtual in self.racks:
            virtual.down()


@pytest.fixture(scope="session", autouse=True)
def host_ready():
    try:
        network.check_host()
    except config.RackError as error:
        pytest.exit(f"rack tests cannot run: {error}", returncode=1)


@pytest.fixture(scope="module")
def make_rack(tmp_path_factory):
    maker = RackMaker(tmp_path_factory.mktemp("rack"))
    yield maker
    maker.down()


def node(name, role, memory="128M", **options):
    lines = [f"[node {name}]", f"role = {role}", f"memory = {memory}"]
    lines += [f"{key} = {value}" for key, value in options.items()]
    return "\n".join(lines) + "\n"


def small_rack_text(memory_nodes=2, process_memory="128M", node_memory="256M", boot="direct", **process):
    """One process component and some memory components, loaded by QEMU itself: quick."""
    text = "[rack]\ncapture = none\n" + node("p1", "process", process_memory, boot=boot, **process)
    for number in range(1, memory_nodes + 1):
        text += node(f"m{number}", "memory", node_memory, boot=boot)
    return text


@pytest.fixture(scope="session")
def chromium():
    from plenum_rack.browser import Browser  # only where it is needed

    made = Browser()
    yield made
    made.close()


@pytest.fixture
def browser(chromium):
    """Whatever a test does: nothing leaves the page's origin, and the browser complains of nothing that the test did not expect."""
    chromium.size(chromium.DESK)
    chromium.driver.get("about:blank")
    chromium.complaints()
    chromium.requests()
    yield chromium
    chromium.driver.get("about:blank")
    assert chromium.complaints() == []
    urls = chromium.requests()
    assert any(url.startswith("http://127.0.0.1:") for url in urls)
    assert [url for url in urls if not re.match(r"http://127\.0\.0\.1:\d+/|about:blank", url)] == []
