# SPDX-License-Identifier: GPL-2.0-only
"""A browser without a screen, and the web console in it: for its tests and pictures."""

import json
import pathlib
import subprocess
import sys
import time

from selenium import webdriver
from selenium.common.exceptions import JavascriptException, NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from . import alone, fake_http

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
OPERATOR, READER = list(fake_http.TOKENS)
TIMEOUT_S = 20
POLL_S = 0.08
DESK, PHONE = (1280, 800), (390, 844)


class FakeManager:
    """testbed/fake-gmmd with its web console, on one port though it comes and goes."""

    def __init__(self, directory, record=None):
        self.port = alone.free_port()
        self.socket = directory / "fake.socket"
        self.options = ["--record", record] if record else []
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, "-B", TOP / "testbed" / "fake-gmmd", "--operations", *self.options, "--http", str(self.port), self.socket]
        )
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            try:
                self.ask("GET", "/ui/index.html")
                return
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
                time.sleep(POLL_S)

    def ask(self, method, path, body=None, token=OPERATOR):
        connection = alone.http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        try:
            return alone.ask(connection, method, path, body, {"Authorization": f"Bearer {token}"})
        finally:
            connection.close()

    def noted(self):
        """[(who, command, arguments)] of what was asked for that changes something, oldest first."""
        return [(one["who"], one["command"], one["arguments"]) for one in self.ask("GET", "/v1/keys").json["noted"]]

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Browser:
    DESK, PHONE = DESK, PHONE

    def __init__(self):
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        # Root has no sandbox; small containers have little shared memory.
        for argument in (
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--hide-scrollbars",
            "--force-prefers-reduced-motion",
            "--disable-background-networking",
            "--disable-component-update",
            "--no-first-run",
        ):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.size(DESK)

    def size(self, size):
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride", {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE}
        )

    def colours(self, scheme):
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def script(self, text, *arguments):
        return self.driver.execute_script(text, *arguments)

    def text(self):
        return self.script("return document.body.innerText")

    def wait(self, condition, what, timeout_s=TIMEOUT_S):
        """Poll until the condition gives something true, and give that."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                value = condition()
            except (JavascriptException, NoSuchElementException, StaleElementReferenceException):
                value = None
            if value:
                return value
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {timeout_s} s: {what}; on the screen:\n{self.text()}")
            time.sleep(POLL_S)

    def wait_for(self, *parts):
        """Until all these texts are on the page."""

        def text():
            shown = self.text()
            return shown if all(part in shown for part in parts) else None

        return self.wait(text, f"{parts}")

    def open(self, port, token, view=""):
        """Come as somebody who has no token yet, and log in."""
        self.driver.get("about:blank")
        self.driver.get(f"http://127.0.0.1:{port}/#/{view}")
        if self.script("return sessionStorage.length"):
            self.click("Leave")
        self.wait(lambda: self.find("#token"), "the login")
        self.press(token, Keys.ENTER)
        self.wait(lambda: self.find(".heading h1"), "a view")

    def go(self, view):
        self.script("location.hash = arguments[0]", f"#/{view}")
        self.wait(lambda: self.script("return document.querySelector('.heading') && location.hash === arguments[0]", f"#/{view}"), view)

    def find(self, selector):
        found = self.driver.find_elements(By.CSS_SELECTOR, selector)
        return found[0] if found else None

    def press(self, *keys):
        """Type at whatever has the focus."""
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def click(self, text, within="body"):
        """Click the button or link with this text."""

        def button():
            for element in self.driver.find_elements(By.CSS_SELECTOR, f"{within} button, {within} a"):
                if element.text == text and element.is_enabled():
                    return element
            return None

        element = self.wait(button, f"'{text}' in {within}")
        self.script("arguments[0].scrollIntoView({ block: 'center' })", element)
        element.click()

    def complaints(self):
        """What the browser's console says against the page."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def expect_complaints(self, *parts):
        """The browser itself reports answers of 4xx and lost connections: these, and no others."""
        for complaint in self.complaints():
            assert any(part in complaint for part in parts), complaint

    def confirm(self, words, button, typed=None):
        """The dialog says what will happen and the command; then do it."""
        self.wait(lambda: all(word in self.find("dialog").text for word in words), words)
        if typed:
            assert not self.find("dialog button[type=submit]").is_enabled()
            self.press(typed)
        self.click(button, "dialog")
        self.wait(lambda: not self.script("return document.getElementById('dialog').open"), "the dialog's end")

    def requests(self):
        """Addresses of all that the browser asked for since it was last asked."""
        entries = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return {one["params"]["request"]["url"] for one in entries if one["method"] == "Network.requestWillBeSent"}

    def picture(self, path):
        self.driver.save_screenshot(str(path))

    def close(self):
        self.driver.quit()
