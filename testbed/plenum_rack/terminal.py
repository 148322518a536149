# SPDX-License-Identifier: GPL-2.0-only
"""A program on a terminal of its own, in a tmux server of its own: keys in, the screen out."""

import os
import pathlib
import shlex
import subprocess
import tempfile
import time

POLL_S = 0.05


class Terminal:
    """The program runs until close(). `environment` replaces or, with None, removes variables."""

    def __init__(self, directory, command, width=80, height=24, environment=None):
        # Of each its own server: one that ends may still hold its socket.
        private = pathlib.Path(tempfile.mkdtemp(prefix="terminal.", dir=directory))
        self.tmux = ["tmux", "-S", str(private / "tmux"), "-f", "/dev/null"]
        self.status = private / "status"
        changes = (environment or {}).items()
        words = ["env"] + [f"--unset={name}" for name, value in changes if value is None]
        words += [f"{name}={value}" for name, value in changes if value is not None]
        line = f"{shlex.join(words + [str(word) for word in command])}; echo $? >{shlex.quote(str(self.status))}; exec cat"
        # tmux draws characters beyond ASCII only when it starts in a UTF-8 locale.
        subprocess.run([*self.tmux, "new-session", "-d", "-x", str(width), "-y", str(height), line], check=True,
                       env=dict(os.environ, LC_ALL="C.utf8", TERM="xterm-256color"))

    def _run(self, *words):
        return subprocess.run([*self.tmux, *words], check=True, capture_output=True, text=True).stdout

    def press(self, *keys):
        """Keys by tmux's names, as Enter, Escape, C-]."""
        self._run("send-keys", *keys)

    def type(self, text):
        self._run("send-keys", "-l", text)

    def text(self):
        return self._run("capture-pane", "-p")

    def coloured(self):
        """With the escape sequences of colours and the like, and all columns."""
        return self._run("capture-pane", "-p", "-e", "-N")

    def resize(self, width, height):
        self._run("resize-window", "-x", str(width), "-y", str(height))

    def pid(self):
        """Of the shell that runs the program."""
        return int(self._run("display-message", "-p", "#{pane_pid}"))

    def wait(self, condition, what, timeout_s=20):
        """Until condition(text) is true; returns that text."""
        deadline = time.monotonic() + timeout_s
        while True:
            text = self.text()
            if condition(text):
                return text
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {timeout_s} s: {what}; the screen:\n{text}")
            time.sleep(POLL_S)

    def wait_for(self, *parts):
        return self.wait(lambda text: all(part in text for part in parts), " and ".join(map(repr, parts)))

    def exit_status(self):
        """None while the program runs."""
        try:
            text = self.status.read_text(encoding="ascii")
        except OSError:
            return None
        return int(text) if text.strip() else None

    def close(self):
        subprocess.run([*self.tmux, "kill-server"], check=False, capture_output=True)
