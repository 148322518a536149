// SPDX-License-Identifier: GPL-2.0-only
// What views are made of.

import { h, svg } from "./dom.js";
import { quoted, ratio, share } from "./format.js";

const KINDS = {
	up: "good",
	running: "good",
	live: "good",
	succeeded: "good",
	admitted: "good",
	HEALTH_OK: "good",
	down: "bad",
	failed: "bad",
	lost: "bad",
	HEALTH_ERR: "bad",
	ERR: "bad",
	unreachable: "bad",
	absent: "off",
	"powered-off": "off",
	stopped: "off",
	created: "off",
	retired: "off",
	promised: "off",
};

/** good, warn, bad, or off: what a state means to the eye. The word is always shown with it. */
export const kindOf = (state) => KINDS[state] ?? "warn";

/* Shapes beside the colours, for those who see no colours. */
const SHAPES = {
	good: () => svg("circle", { cx: 5, cy: 5, r: 4 }),
	warn: () => svg("path", { d: "M5 .8 9.6 9.2H.4z" }),
	bad: () => svg("path", { d: "M1 1h8v8H1z" }),
	off: () => svg("circle", { cx: 5, cy: 5, r: 3.2, fill: "none", stroke: "currentColor", "stroke-width": 1.6 }),
	busy: () => svg("path", { d: "M5 1a4 4 0 1 1-4 4", fill: "none", stroke: "currentColor", "stroke-width": 1.8 }),
};

export function mark(kind) {
	return svg("svg", { class: `mark ${kind}`, viewBox: "0 0 10 10", "aria-hidden": "true" }, SHAPES[kind]());
}

export function state(text, kind = kindOf(text)) {
	return h("span", { class: `state ${kind}` }, mark(kind), text);
}

/** A bar of shares of a whole: what is filled, and what is held beyond that. */
export function bar(label, filled, held = filled) {
	const width = (value) => `${(Math.min(1, Math.max(0, value)) * 100).toFixed(2)}%`;
	return svg(
		"svg",
		{ class: "bar", role: "img", "aria-label": label, preserveAspectRatio: "none" },
		svg("rect", { class: "rest", width: "100%", height: "100%" }),
		svg("rect", { class: "held", width: width(held), height: "100%" }),
		svg("rect", { class: "filled", width: width(filled), height: "100%" }),
	);
}

export function memoryBar(node) {
	const used = node.role === "memory" ? node.pages_written : node.pages_stored;
	const held = ratio(node.pages_reserved, node.pages_capacity);
	return bar(`${share(held)} reserved`, ratio(used, node.pages_capacity), held);
}

export function panel(title, attributes, ...content) {
	return h("section", { ...attributes, class: `panel ${attributes?.class ?? ""}` }, title && h("h2", {}, title), ...content);
}

export function pairs(list) {
	return h(
		"dl",
		{ class: "pairs" },
		list.filter(Boolean).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
	);
}

/** `columns`: { title, cell(row), number }. Rows that open something have their link in the first cell, marked data-row. */
export function table(label, columns, rows, { key, empty, rowClass } = {}) {
	if (rows.length === 0) return h("p", { class: "empty" }, empty ?? "nothing");
	return h(
		"div",
		{ class: "scroll" },
		h(
			"table",
			{ "aria-label": label },
			h(
				"thead",
				{},
				h(
					"tr",
					{},
					columns.map((column) => h("th", { scope: "col", class: column.number && "number" }, column.title)),
				),
			),
			h(
				"tbody",
				{},
				rows.map((row) =>
					h(
						"tr",
						{ "data-key": key(row), class: rowClass?.(row) },
						columns.map((column, at) =>
							h(
								at === 0 ? "th" : "td",
								{
									scope: at === 0 && "row",
									class:
										["number", "wide", "text"]
											.filter((name) => column[name])
											.join(" ") || null,
									"data-title": column.title,
								},
								column.cell(row),
							),
						),
					),
				),
			),
		),
	);
}

export const nodeHref = (name) => `#/nodes/${encodeURIComponent(name)}`;
export const vmHref = (name) => `#/vms/${encodeURIComponent(name)}`;

export function rowLink(href, text) {
	return h("a", { href, "data-row": true }, text);
}

export async function copy(text, button) {
	let done = true;
	try {
		await navigator.clipboard.writeText(text);
	} catch {
		/* Without TLS elsewhere than on loopback browsers have no clipboard: what can be copied is selected instead. */
		const range = document.createRange();
		range.selectNodeContents(button.parentElement.querySelector("code"));
		getSelection().removeAllRanges();
		getSelection().addRange(range);
		done = false;
	}
	button.textContent = done ? "Copied" : "Ctrl-C";
	setTimeout(() => {
		button.textContent = "Copy";
	}, 1500);
}

/** The command of gmm that does or shows the same. */
export function command(words, label = "The command for this") {
	const text = Array.isArray(words) ? ["gmm", ...words.map(quoted)].join(" ") : words;
	return h(
		"div",
		{ class: "command" },
		h("span", { class: "command-label" }, label),
		h("code", {}, text),
		h(
			"button",
			{
				type: "button",
				class: "copy",
				"aria-label": `Copy: ${text}`,
				"data-keep": true,
				click: (event) =>
					copy(event.currentTarget.parentElement.querySelector("code").textContent, event.currentTarget),
			},
			"Copy",
		),
	);
}

export function filterBox(value, input) {
	const box = h("input", {
		type: "search",
		class: "filter",
		placeholder: "Filter  /",
		"aria-label": "Only rows with this text",
		input,
	});
	box.value = value;
	return box;
}

export function has(text, ...values) {
	const wanted = text.toLowerCase();
	return values.some((value) =>
		String(value ?? "")
			.toLowerCase()
			.includes(wanted),
	);
}

export function progress(operation) {
	const { step, done, total } = operation.progress ?? {};
	const part = total > 0 ? done / total : 0;
	const text = total > 0 ? `${step} ${done} of ${total}` : step || "under way";
	return h("div", { class: "progress" }, bar(text, part), h("span", {}, text));
}

let notice = 0;

/** Tell in a corner, also to those who listen; what failed stays until it is dismissed. */
export function tell(text, kind = "good") {
	const box = h(
		"div",
		{ class: `notice ${kind}`, "data-key": String(++notice) },
		mark(kind),
		h("span", {}, text),
		h("button", { type: "button", "aria-label": "Dismiss", click: () => box.remove() }, "\u00d7"),
	);
	document.getElementById("notices").append(box);
	if (kind !== "bad") setTimeout(() => box.remove(), 8000);
}
