// SPDX-License-Identifier: GPL-2.0-only
// A VM's serial console: a terminal (xterm.js) that is given what gmmd keeps of its output, then what comes.

import * as api from "../api.js";
import { h } from "../dom.js";
import { panel, state, tell, vmHref } from "../parts.js";

const INPUT_BYTES_MAX = 2048;
const LEAVE = "]"; /* with Ctrl */

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function bytesOf(base64) {
	return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

function base64Of(bytes) {
	return btoa(String.fromCharCode(...bytes));
}

/* One terminal with its stream; it lives from entering the view to leaving it. */
class Line {
	constructor(name, model, leave) {
		this.name = name;
		this.model = model;
		this.leave = leave;
		this.path = `/v1/vms/${encodeURIComponent(name)}/console`;
		this.offset = 0;
		this.waiting = [];
		this.box = h("div", { class: "terminal", role: "group", "aria-label": `Console of ${name}. Control and ] leaves it.` });
		this.said = h("p", { class: "dim", role: "status" }, "connecting");
		this.closed = false;
		this.begin();
	}

	async begin() {
		const { Terminal } = await import("/ui/lib/xterm.mjs");
		if (this.closed) return;
		this.terminal = new Terminal({
			cols: 80,
			rows: 24,
			fontFamily: "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace",
			fontSize: 14,
			scrollback: 5000,
			screenReaderMode: false,
			cursorBlink: false,
			disableStdin: this.model.who.role !== "operator",
			linkHandler: null,
			windowOptions: {},
			theme: { background: "#10141c", foreground: "#d0d4dc", cursor: "#d0d4dc" },
		});
		this.terminal.open(this.box);
		this.terminal.onData((text) => this.type(text));
		this.terminal.attachCustomKeyEventHandler((event) => {
			if (!(event.ctrlKey && event.key === LEAVE)) return true;
			event.preventDefault();
			if (event.type === "keydown") this.leave();
			return false;
		});
		this.fit();
		this.sizes = new ResizeObserver(() => this.fit());
		this.sizes.observe(this.box.parentElement);
		this.terminal.focus();
		this.stream = new api.Stream(this.path, null, {
			open: () =>
				this.say(
					this.model.who.role === "operator"
						? "Live. Ctrl-] leaves."
						: "Live; the token is read-only, so nothing is typed. Ctrl-] leaves.",
				),
			lost: () => this.say("The console is cut off; trying again."),
			refused: (error) => (error.http === 401 ? this.model.refused(error) : this.say(error.message)),
			event: (fields) => this.take(fields),
		});
	}

	say(text) {
		this.said.textContent = text;
	}

	/* Rows as the place allows, and a size of letters at which 80 columns fit. */
	fit() {
		const width = this.box.parentElement.clientWidth - 16;
		if (width <= 0) return;
		this.terminal.options.fontSize = Math.max(6, Math.min(15, Math.floor((width / 80 / 0.602) * 10) / 10));
	}

	take(fields) {
		let piece;
		try {
			piece = JSON.parse(fields.data);
		} catch {
			return;
		}
		if (fields.event === "state") {
			this.model.look();
		} else if (fields.event === "lost") {
			this.offset = piece.next;
			this.terminal.write("\r\n\x1b[7m what came before this is not kept any more \x1b[0m\r\n");
		} else if (fields.event === "end") {
			this.say(piece.message);
			this.stream.close();
		} else {
			this.write(piece);
		}
	}

	/* A stream that begins again may give something once more. */
	write(piece) {
		const bytes = bytesOf(piece.data);
		const end = piece.offset + bytes.length;
		if (end <= this.offset) return;
		this.terminal.write(bytes.subarray(Math.max(0, this.offset - piece.offset)));
		this.offset = end;
	}

	/* One request after the other, so that letters stay in order; what is typed meanwhile goes with the next. */
	async type(text) {
		this.waiting.push(...new TextEncoder().encode(text));
		if (this.sending) return;
		this.sending = true;
		while (this.waiting.length > 0 && !this.closed) {
			const bytes = this.waiting.splice(0, INPUT_BYTES_MAX);
			try {
				await api.request("POST", this.path, { data: base64Of(bytes) });
			} catch (error) {
				this.waiting = [];
				if (error.http === 401) this.model.refused(error);
				else tell(`${this.name}: ${error.message}`, "bad");
			}
		}
		this.sending = false;
	}

	close() {
		this.closed = true;
		this.stream?.close();
		this.sizes?.disconnect();
		this.terminal?.dispose();
	}
}

export const console_ = {
	title: (params) => `${params.name}: console`,
	parent: (params) => vmHref(params.name),
	command: (params) => ["vm", "console", params.name],
	line: null,
	enter(params, model) {
		console_.line = new Line(params.name, model, () => {
			location.hash = console_.parent(params);
		});
	},
	leave() {
		console_.line?.close();
		console_.line = null;
	},
	render(params, model) {
		const vm = model.vms.find((row) => row.name === params.name);
		const { line } = console_;
		const place = h("div", { "data-keep": true, "data-key": `console-${params.name}` });
		if (line && !line.box.isConnected) place.append(line.said, line.box);
		return panel(
			null,
			{ class: "console" },
			vm && h("div", { class: "line" }, state(vm.state), h("span", { class: "dim" }, vm.reason)),
			place,
		);
	},
};
