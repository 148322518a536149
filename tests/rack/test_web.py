# SPDX-License-Identifier: GPL-2.0-only
"""The web console in a real browser, of a recorded rack. No QEMU."""

import json
import re

import pytest
from conftest import TOP
from selenium.webdriver.common.keys import Keys

from plenum_rack.browser import OPERATOR, PHONE, READER, FakeManager

VIEWS = {
    "": ("Overview", "gmm status", ("8 of 9 up", "MNODE_DOWN, VM_STALLED", "3 of 5 running", "node.drain m4", "Newest events")),
    "nodes": ("Nodes", "gmm node list", ("p1", "draining", "down", "Capacity", "Pages/s")),
    "nodes/m1": (
        "m1",
        "gmm node show m1",
        ("52:54:00:77:00:05", "Failure domain", "asked for its script", "Memory of 3 VMs", "Regions on the move"),
    ),
    "memory": (
        "Memory",
        "gmm region list",
        ("75 %", "256 MiB; with what is reserved 80 %", "Protection", "pdu-a: 5", "Imbalance", "After the plan", "Apply the plan"),
    ),
    "vms": ("VMs", "gmm vm list", ("db", "118 MiB", "1.24 ms", "m5 does not answer", "powered-off")),
    "vms/build": (
        "build",
        "gmm vm stats build",
        ("256 MiB in 4 regions: reserved when", "promised, no place yet", "512 MiB on memory components only", "3 memory components, no limit"),
    ),
    "vms/db": (
        "db",
        "gmm vm stats db",
        ("Hit ratio", "at most 6", "118 MiB in the cache of p2", "p99 1.24 ms", "in 17 regions", "/boot/vmlinuz"),
    ),
    "vms/web/console": ("web: console", "gmm vm console web", ("Live. Ctrl-] leaves.", "running")),
    "operations": ("Operations", "gmm operation list", ("node.drain m4", "vm.destroy old-web", "failed", "m5 does not answer")),
    "events": ("Events", "gmm events --follow", ("Live.", "join refused", "8 of its regions are on m5")),
    "health": ("Health", "gmm health detail", ("HEALTH_ERR", "VM_STALLED", "gmm vm show batch", "did not renew its lease", "Mute")),
    "create": ("Create a VM", "gmm help vm create", ("Memory", "bzImage", "Create")),
}
# Every element that can be used has a name, and every picture words; nobody has a positive tabindex.
NAMELESS = """return [...document.querySelectorAll('a, button, input, select, [role=img], [role=group]')].filter((one) =>
    !(one.textContent.trim() || one.getAttribute('aria-label') || one.labels?.length || one.getAttribute('aria-hidden')) || one.tabIndex > 0)
    .map((one) => one.outerHTML)"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """For tests that only look."""
    made = FakeManager(tmp_path_factory.mktemp("web"))
    yield made
    made.stop()


@pytest.fixture
def fake(chromium, tmp_path):
    made = FakeManager(tmp_path)
    yield made
    chromium.driver.get("about:blank")  # before its streams break
    made.stop()


# ---------------------------------------------------------------- looking


def test_login(browser, shared):
    browser.open(shared.port, OPERATOR)
    browser.wait_for("8 of 9 up", "alice, operator")
    browser.driver.refresh()
    browser.wait_for("8 of 9 up")
    browser.click("Leave")
    browser.wait_for("asks for a token")
    assert browser.script("return sessionStorage.length") == 0
    browser.press("y" * 40, Keys.ENTER)
    browser.wait_for("the token is not known")
    browser.expect_complaints("401")
    assert browser.script("return document.activeElement.id") == "token"
    browser.press(Keys.CONTROL + "a", READER, Keys.ENTER)
    browser.wait_for("8 of 9 up", "display, read-only")


def test_every_view(browser, shared):
    browser.open(shared.port, OPERATOR)
    for view, (title, command, parts) in VIEWS.items():
        browser.go(view)
        browser.wait_for(*parts)
        assert browser.find("h1").text.removeprefix("\u2039") == title
        assert browser.find(".heading .command code").text == command
        assert browser.script("return document.title") == f"{title} \u00b7 Plenum"
        assert browser.script(NAMELESS) == [], view
        assert browser.script("return document.querySelectorAll('h1').length") == 1


def test_nouns_and_verbs(browser, shared):
    browser.open(shared.port, OPERATOR)
    words = """return import('/ui/format.js').then((format) => [0, 1, 2].map((number) =>
        `${format.plural(number, 'region')} ${format.agree(number, 'moves', 'move')}`))"""
    assert browser.script(words) == ["0 regions move", "1 region moves", "2 regions move"]


def test_phone(browser, shared):
    browser.size(PHONE)
    browser.open(shared.port, OPERATOR)
    for view, (_, _, parts) in VIEWS.items():
        browser.go(view)
        browser.wait_for(*[part for part in parts if part not in ("Capacity", "Pages/s")])
        assert browser.script("return document.documentElement.scrollWidth") <= PHONE[0], view
        wide = browser.script(
            """return [...document.querySelectorAll('#main *')].filter((one) => !one.closest('.terminal, .plot, .unseen, thead, svg') &&
            one.getBoundingClientRect().right > innerWidth + 0.5).map((one) => one.outerHTML.slice(0, 200))"""
        )
        assert wide == [], view
        assert browser.find("#views a[aria-current]")
    # Everything of the bar at the bottom can be hit.
    assert browser.script(
        "return [...document.querySelectorAll('#views a')].every((one) => one.offsetWidth >= 44 && one.offsetHeight >= 44)"
    )


def test_live(browser, shared):
    """Figures and charts go on by themselves."""
    browser.open(shared.port, OPERATOR)
    value = "return [...document.querySelectorAll('.chart .legend')].map((one) => one.innerText)"
    first = browser.wait(
        lambda: (shown := browser.script(value)) and all("\u2013" not in text for text in shown) and shown, "figures in each chart"
    )
    browser.wait(lambda: browser.script(value) != first, "other figures")
    assert browser.script("return document.querySelectorAll('.chart canvas').length") == 4
    browser.go("vms")
    hits = "return [...document.querySelectorAll('tbody tr:nth-child(2) td')].map((one) => one.innerText)"
    browser.wait(
        lambda: re.fullmatch(r"\d+ %", browser.script(hits)[5]) and re.fullmatch(r"[\d.]+( k)?", browser.script(hits)[6]),
        "hit ratio and misses of db",
    )


def test_picture_of_the_rack(browser, shared):
    browser.open(shared.port, OPERATOR)
    browser.wait_for("who uses whose memory")
    machines = browser.script("return [...document.querySelectorAll('.machine')].map((one) => one.getAttribute('aria-label'))")
    assert len(machines) == 9 and machines[7] == "m5, memory component, down, 1 GiB, 63 % reserved, 10 regions"
    assert "p3 uses 512 MiB of m5 in 8 regions" in browser.script(
        "return document.querySelector('.unseen').textContent.replaceAll('\\u00a0', ' ')"
    )
    browser.script("document.querySelector('.machine[data-node=p3]').focus()")
    chosen = browser.script("return [...document.querySelectorAll('.wire.chosen')].map((one) => one.dataset.to).sort()")
    assert chosen == ["m1", "m3", "m4", "m5", "m6"]
    browser.press(Keys.ENTER)
    browser.wait_for("gmm node show p3")


def contrast(one, other):
    def light(colour):
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        return sum(
            weight * (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4)
            for part, weight in zip(parts, (0.2126, 0.7152, 0.0722))
        )

    bright, dark = sorted((light(one), light(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def test_colours(browser, shared):
    """Both schemes are used, and texts can be read in each (WCAG 2.1, 1.4.3)."""
    browser.open(shared.port, OPERATOR)
    grounds = []
    for scheme in ("light", "dark"):
        browser.colours(scheme)
        names = ("ground", "panel", "text", "dim", "accent", "on-accent", "good", "warn", "bad", "off", "busy")
        colours = {
            name: browser.script("return getComputedStyle(document.documentElement).getPropertyValue(arguments[0]).trim()", f"--{name}")
            for name in names
        }
        grounds.append(browser.script("return getComputedStyle(document.body).backgroundColor"))
        for text in ("text", "dim", "accent", "good", "warn", "bad", "off", "busy"):
            for ground in ("ground", "panel"):
                assert contrast(colours[text], colours[ground]) >= 4.5, (scheme, text, ground)
        assert contrast(colours["on-accent"], colours["accent"]) >= 4.5
    browser.colours("light")
    assert grounds[0] != grounds[1]


# ---------------------------------------------------------------- the keyboard alone


def test_keyboard(browser, fake):
    browser.open(fake.port, OPERATOR)
    browser.wait_for("8 of 9 up")
    # The first stop is the way past what is the same everywhere.
    browser.script("document.querySelector('.brand').focus()")
    browser.press(Keys.SHIFT + Keys.TAB)
    assert browser.script("return document.activeElement.className") == "skip"
    browser.press(Keys.ENTER)
    assert browser.wait(lambda: browser.script("return document.activeElement.id") == "main", "the content")
    for number, (title, command) in enumerate(
        (VIEWS[view][:2] for view in ("", "nodes", "memory", "vms", "operations", "events", "health")), 1
    ):
        browser.press(str(number))
        browser.wait_for(command)
        assert browser.find("h1").text == title
    browser.press("?")
    browser.wait_for("views: overview, nodes")
    browser.press(Keys.ESCAPE)
    browser.press("4")
    browser.wait_for("gmm vm list")
    browser.press("/", "mai")
    browser.wait(lambda: browser.script("return document.querySelectorAll('tbody tr').length") == 1, "only mail")
    browser.press(Keys.ESCAPE)
    browser.wait(lambda: browser.script("return document.querySelectorAll('tbody tr').length") == 5, "all VMs")
    browser.press("j", "j", "k", "j", "j")
    assert browser.script("return document.activeElement.innerText") == "mail"
    browser.press(Keys.ENTER)
    browser.wait_for("gmm vm stats mail", "Stop")
    # To the button by Tab; its focus can be seen.
    for _ in range(30):
        browser.press(Keys.TAB)
        if browser.script("return document.activeElement.innerText") == "Stop":
            break
    assert browser.script("return document.activeElement.innerText") == "Stop"
    assert browser.script("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
    browser.press(Keys.ENTER)
    browser.wait_for("Stop: mail", "gmmd would stop mail on p2.")
    browser.press(Keys.ESCAPE)
    assert fake.noted() == [] and browser.script("return document.activeElement.innerText") == "Stop"
    browser.press(Keys.ENTER)
    browser.wait_for("gmmd would stop mail on p2.")
    browser.press(Keys.TAB)
    assert browser.script("return document.activeElement.innerText + document.activeElement.className") == "Stopdanger"
    browser.press(Keys.ENTER)
    browser.wait_for("vm.stop mail: done")
    assert fake.noted() == [("alice", "vm.stop", {"name": "mail"})]
    browser.script("document.activeElement.blur()")
    browser.press(Keys.ESCAPE)
    browser.wait_for("gmm vm list", "stopped")


def test_events_stand_still_and_go_on(browser, fake):
    browser.open(fake.port, OPERATOR, "events")
    browser.wait_for("Live.", "join refused")
    browser.press("p")
    browser.wait_for("The list stands still; 0 newer.")
    assert fake.ask("POST", "/v1/nodes/m1/cordon").status == 200
    browser.wait_for("The list stands still; 1 newer.")
    assert "is cordoned" not in browser.text()
    browser.press("p")
    browser.wait_for("Live.", "is cordoned by the operator")


# ---------------------------------------------------------------- doing


def test_actions_on_nodes(browser, fake):
    browser.open(fake.port, OPERATOR, "nodes/m1")
    browser.click("Cordon", "#main")
    browser.confirm(("is given nothing new", "gmmd: m1 would become cordoned, is admitted.", "gmm node cordon m1"), "Cordon")
    browser.click("Drain", "#main")
    browser.confirm(("gmmd would move 13 regions (832 MiB) of 3 VMs", "gmm node drain m1"), "Drain")
    browser.wait_for("draining")
    browser.click("Cancel the drain", "#main")
    browser.confirm(("gmmd would give the drain of m1 up", "gmm node drain m1 --cancel"), "Cancel the drain")
    browser.click("Cordon", "#main")
    browser.confirm(("gmm node cordon m1",), "Cordon")
    browser.click("Maintenance", "#main")
    browser.confirm(("may be switched off",), "Maintenance")
    browser.click("Retire", "#main")
    browser.confirm(("for good", "gmm node retire m1"), "Retire")
    browser.wait(lambda: "retired" in browser.find("#main").text, "its end")
    assert [(command, arguments) for _, command, arguments in fake.noted()] == [
        ("node.cordon", {"name": "m1"}),
        ("node.drain", {"name": "m1"}),
        ("node.drain", {"name": "m1", "cancel": True}),
        ("node.cordon", {"name": "m1"}),
        ("node.maintenance", {"name": "m1"}),
        ("node.retire", {"name": "m1"}),
    ]


def test_machines_that_wait(browser, fake):
    browser.open(fake.port, OPERATOR, "nodes")
    browser.wait_for("Machines that wait to be admitted", "Supermicro H12SSL-i", "256 GiB", "not told yet", "gmm node pending")
    row = "[data-key='52:54:00:77:00:31']"
    browser.click("Admit", row)
    browser.wait_for("becomes a node of this rack")
    assert not browser.find("dialog button[type=submit]").is_enabled()
    browser.press("m7", Keys.TAB, "m", Keys.TAB, Keys.TAB, "pdu-b")
    words = ("gmm node admit m7 --mac 52:54:00:77:00:31 --role memory --domain pdu-b", "gmmd would admit the machine that waits as m7")
    browser.confirm(words, "Admit")
    browser.click("Reject", "[data-key='52:54:00:77:00:32']")
    browser.confirm(("gmm node reject 52:54:00:77:00:32",), "Reject")
    browser.wait(lambda: "Machines that wait" not in browser.text(), "the end of the list")
    assert [(command, arguments) for _, command, arguments in fake.noted()] == [
        ("node.admit", {"name": "m7", "mac": "52:54:00:77:00:31", "role": "memory", "domain": "pdu-b"}),
        ("node.reject", {"mac": "52:54:00:77:00:32"}),
    ]


def test_actions_on_vms(browser, fake):
    browser.open(fake.port, OPERATOR, "vms/build")
    browser.click("Start", "#main")
    browser.confirm(("gmmd would start build on p3", "gmm vm start build"), "Start")
    browser.wait_for("vm.start build: done", "running")
    browser.click("Resize the cache", "#main")
    browser.wait_for("now 32 MiB")
    assert not browser.find("dialog button[type=submit]").is_enabled()
    browser.press("48M")
    words = ("gmmd would resize the cache share of build from 32 MiB to 48 MiB.", "gmm vm resize build --cache 50331648")
    browser.confirm(("under the running guest", *words), "Resize the cache")
    browser.wait_for("vm.resize build: done", "48 MiB")
    browser.wait_for("on-failure, at most 5 times")
    browser.click("Settings", "#main")
    browser.wait_for("as it is: on-failure", "now 0 (it is on 3)")
    assert not browser.find("dialog button[type=submit]").is_enabled()
    browser.press("al", Keys.TAB, "9", Keys.TAB, "0", Keys.TAB, "x")
    browser.wait_for("--bandwidth 0")
    assert not browser.find("dialog button[type=submit]").is_enabled()  # that is no spread
    browser.press(Keys.BACKSPACE, "2")
    words = "gmm vm set build --restart always --restart-max 9 --bandwidth 0 --spread 2"
    browser.confirm(("counted anew", words, "gmmd would change restart to always"), "Change")
    browser.wait_for("always, at most 9 times", "3 memory components, at most 2")
    browser.go("vms")
    browser.wait_for("It is on 3 memory components, and its spread is 2: balancing moves regions.")
    browser.go("vms/build")
    browser.click("Kill", "#main")
    browser.confirm(("as by a power cut", "gmm vm kill build", "gmmd would kill build on p3"), "Kill")
    browser.wait_for("vm.kill build: done", "stopped")
    browser.click("Destroy", "#main")
    browser.confirm(("Its memory is gone for good", "gmm vm destroy build"), "Destroy", "build")
    browser.wait_for("vm.destroy build: done", "There is no VM named build.")
    browser.go("vms")
    browser.press("n")
    browser.wait_for("Create a VM")
    browser.script("document.querySelector('[name=name]').focus()")
    browser.press("shop", Keys.TAB, "512M", Keys.TAB, "64M", Keys.TAB, Keys.TAB, "/srv/vmlinuz", Keys.TAB, Keys.TAB, "quiet it's")
    command = "gmm vm create shop --memory 512M --cache 64M --kernel /srv/vmlinuz --command-line 'quiet it'\\''s'"
    browser.wait_for(command)
    browser.click("Check")
    browser.wait_for("gmmd would create shop on p3")
    browser.click("Create", "#main")
    browser.wait_for("vm.create shop: done", "created")
    spec = {"name": "shop", "memory_bytes": 512 << 20, "cache_bytes": 64 << 20, "kernel": "/srv/vmlinuz", "command_line": "quiet it's"}
    assert [(command, arguments) for _, command, arguments in fake.noted()] == [
        ("vm.start", {"name": "build"}),
        ("vm.resize", {"name": "build", "cache_bytes": 48 << 20}),
        ("vm.set", {"name": "build", "restart": "always", "restart_max": 9, "bandwidth_mbps": 0, "spread": 2}),
        ("vm.kill", {"name": "build"}),
        ("vm.destroy", {"name": "build"}),
        ("vm.create", spec),
    ]
    browser.expect_complaints("v1/vms/build")  # what was asked of it at the moment of its end


def test_actions_on_the_rack(browser, fake):
    browser.open(fake.port, OPERATOR, "memory")
    browser.click("Apply the plan")
    browser.confirm(("under the running guests", "gmmd would move 4 regions (256 MiB)", "gmm balance apply"), "Apply the plan")
    browser.wait_for("balance.apply: done")
    browser.go("health")
    browser.click("Mute", "[data-key=MNODE_DOWN]")
    browser.wait_for("until it gets worse")
    browser.script(
        "const box = document.querySelector('dialog select'); box.value = '3600'; box.dispatchEvent(new Event('input', { bubbles: true }))"
    )
    browser.confirm(("gmm health mute MNODE_DOWN --for 3600s",), "Mute")
    browser.wait_for("Muted: MNODE_DOWN")
    browser.click("Unmute", "[data-key=MNODE_DOWN]")
    browser.confirm(("gmm health unmute MNODE_DOWN",), "Unmute")
    browser.go("operations")
    browser.click("Cancel", "#main")
    browser.confirm(("gmm node drain m4 --cancel",), "Cancel the drain")
    assert [(command, arguments) for _, command, arguments in fake.noted()] == [
        ("balance.apply", {}),
        ("health.mute", {"code": "MNODE_DOWN", "for_s": 3600, "sticky": False}),
        ("health.unmute", {"code": "MNODE_DOWN"}),
        ("node.drain", {"name": "m4", "cancel": True}),
    ]


def test_devices_that_are_missing(browser, fake):
    """What takes one is refused with the reason: to a mouse, to a screen reader, and to whoever comes by Tab and tries."""
    browser.open(fake.port, OPERATOR, "vms/batch")
    browser.wait_for("batch has no power button: it cannot be asked to stop, only killed.", "rtc, kvmclock")
    told = """const one = [...document.querySelectorAll('#main button')].find((one) => one.textContent === arguments[0]);
        const why = document.getElementById(one.getAttribute('aria-describedby')).textContent;
        one.focus();
        return [one.getAttribute('aria-disabled'), one.title === why, why, document.activeElement === one]"""
    no_console = "batch has no console: it was created without the device \u201cserial\u201d."
    assert browser.script(told, "Stop") == ["true", True, "batch has no power button: it cannot be asked to stop, only killed.", True]
    browser.press(Keys.ENTER)
    browser.wait(lambda: "no power button" in browser.find("#notices").text, "the reason")
    assert browser.script(told, "Console") == ["true", True, no_console, True]
    browser.script("document.activeElement.blur()")
    browser.press("c")
    browser.wait(lambda: "no console" in browser.find("#notices").text, "the reason")
    assert browser.script("return location.hash") == "#/vms/batch" and not browser.find("dialog[open]")
    browser.click("Kill", "#main")
    browser.confirm(("gmmd would kill batch",), "Kill")
    browser.wait_for("vm.kill batch: done")
    assert [command for _, command, _ in fake.noted()] == ["vm.kill"]
    browser.go("vms/db")
    browser.wait_for("at most 6")
    assert browser.find("#main .actions [aria-disabled]") is None and browser.find("#main a.button[href$=console]")


def test_refusals_are_shown(browser, fake):
    browser.open(fake.port, OPERATOR, "create")
    browser.click("Create", "#main")
    browser.wait_for("Name is missing")
    browser.script("document.querySelector('[name=name]').focus()")
    browser.press("db", Keys.TAB, "1000", Keys.TAB, "64M", Keys.TAB, Keys.TAB, "/srv/vmlinuz", Keys.ENTER)
    browser.wait_for("Memory: 1000 is no size of whole pages")
    browser.script("document.querySelector('[name=memory_bytes]').value = '1G'")
    browser.click("Create", "#main")
    browser.wait_for("there is a VM named db already")
    browser.expect_complaints("409")


def test_read_only(browser, fake):
    browser.open(fake.port, READER)
    for view in ("nodes/m1", "vms/db", "memory", "health", "create"):
        browser.go(view)
        browser.wait_for("\u201cdisplay\u201d is read-only")
        buttons = "[...document.querySelectorAll('#main .actions button, #main form button:not(.copy)')]"
        enabled = f"return {buttons}.filter((one) => !one.disabled).length"
        assert browser.script(enabled) == 0
    browser.go("vms/web/console")
    browser.wait_for("Live; the token is read-only")
    browser.wait(lambda: "root@web" in browser.script("return document.querySelector('.xterm-rows').innerText"), "the prompt")
    browser.press("x")
    assert fake.noted() == []


# ---------------------------------------------------------------- trouble


def test_connection_is_lost_and_comes_back(browser, fake):
    browser.open(fake.port, OPERATOR, "vms")
    browser.wait_for("db", "running")
    fake.stop()
    browser.wait_for("No connection: gmmd does not answer.", "What is shown is from", "db", "118 MiB")
    browser.press("4", "2")
    browser.wait_for("gmm node list", "No connection", "m6")
    fake.start()
    browser.wait(lambda: "No connection" not in browser.text(), "the connection")
    browser.wait_for("m6")
    browser.go("events")
    browser.wait_for("Live.")
    browser.expect_complaints("ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_EMPTY_RESPONSE")


def test_console(browser, fake):
    rows = "return document.querySelector('.xterm-rows').innerText.replaceAll('\\u00a0', ' ')"
    browser.open(fake.port, OPERATOR, "vms/web")
    browser.wait_for("gmm vm stats web")
    browser.press("c")
    browser.wait(
        lambda: "root@web:~#" in browser.script(rows) and "Debian GNU/Linux 12" in browser.script(rows), "the history and a prompt"
    )
    browser.press("echo 4?/r", Keys.ENTER)  # keys that mean something elsewhere
    browser.wait(lambda: "\n4?/r\n" in browser.script(rows), "what echo says")
    fake.stop()
    browser.wait_for("The console is cut off")
    fake.start()
    browser.wait_for("Live. Ctrl-] leaves.")
    browser.press(Keys.CONTROL + "]")
    browser.wait_for("gmm vm stats web")
    browser.expect_complaints("ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_EMPTY_RESPONSE")


def test_hostile_names(browser, tmp_path):
    """What nodes and guests say is text, wherever it is shown."""
    evil = "<img src=x onerror='window.evil=1'><script>window.evil=1</script>"
    record = json.loads((TOP / "testbed" / "fake_rack" / "rack.json").read_text(encoding="utf-8"))
    record["vms"][0]["row"].update(name=evil, reason=evil, state=evil)
    record["vms"][3]["row"]["reason"] = evil
    record["nodes"][3]["now"].update(name=evil, domain=evil, build=evil, state=evil)
    record["events"][-1].update(object=evil, text=evil, kind=evil)
    record["health"]["checks"][0].update(summary=evil, details=[evil], remedies=[evil])
    record["manager"] = evil
    record["console"] += f"\x1b]0;{evil}\x07\x1b]8;;javascript:window.evil=1\x07link\x1b]8;;\x07 {evil}"
    path = tmp_path / "record.json"
    path.write_text(json.dumps(record), encoding="utf-8")
    fake = FakeManager(tmp_path, path)
    try:
        browser.open(fake.port, OPERATOR)
        named = "encodeURIComponent(arguments[0])"
        name = browser.script(f"return {named}", evil)
        for view in ("", "nodes", f"nodes/{name}", "memory", "vms", f"vms/{name}", "events", "health", "vms/db/console"):
            browser.go(view)
            browser.wait_for("<img src=x onerror" if view != "vms/db/console" else "Live.")
            assert browser.script("return window.evil === undefined && !document.querySelector('#main img, #main script, #top img')"), view
        browser.go(f"vms/{name}")
        browser.click("Destroy", "#main")
        browser.wait(lambda: evil in browser.find("dialog").text, "the dialog")
        assert browser.script("return window.evil === undefined && !document.querySelector('dialog img')")
        browser.press(Keys.ESCAPE)
        browser.go("nodes/%E0%A4%A")
        browser.wait_for("There is nothing at this address.")
        # Nor would markup be taken if some line of ours made it from a text.
        assert browser.script(
            "try { document.body.innerHTML = '<i></i>'; return false } catch (error) { return error instanceof TypeError }"
        )
        browser.expect_complaints("404", "TrustedHTML")
    finally:
        browser.driver.get("about:blank")
        fake.stop()
