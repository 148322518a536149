// SPDX-License-Identifier: GPL-2.0-only
// The page: which view is shown, and what surrounds it.

import * as api from "./api.js";
import { drawCharts } from "./chart.js";
import { open } from "./confirm.js";
import { h, morphChildren, svg } from "./dom.js";
import { clock, seconds } from "./format.js";
import { KEYS, listen } from "./keys.js";
import { login } from "./login.js";
import { Model } from "./model.js";
import { command, copy, filterBox, mark } from "./parts.js";
import { console_ } from "./views/console.js";
import { create } from "./views/create.js";
import { events } from "./views/events.js";
import { health } from "./views/health.js";
import { memory } from "./views/memory.js";
import { node, nodes } from "./views/nodes.js";
import { operations } from "./views/operations.js";
import { overview } from "./views/overview.js";
import { vm, vms } from "./views/vms.js";

const ICONS = {
	Overview: "M3 4h14v5H3zM3 11h14v5H3zM6 6.5h3M6 13.5h5",
	Nodes: "M4 3h12v4H4zM4 8.5h12v4H4zM4 14h12v3H4z",
	Memory: "M3 6h14v8H3zM6 6v8M10 6v8M14 6v8",
	VMs: "M3 4h14v9H3zM7 17h6M10 13v4",
	Operations: "M3 6h9M3 10h14M3 14h6",
	Events: "M4 4h2M8 4h8M4 9h2M8 9h8M4 14h2M8 14h6",
	Health: "M2 10h4l2-5 4 10 2-5h4",
};

/* Each view's address; the first that fits is taken. The numbered keys open those with a name. */
const ROUTES = [
	{ pattern: /^#?\/?$/, view: overview, href: "#/", name: "Overview" },
	{ pattern: /^#\/nodes$/, view: nodes, href: "#/nodes", name: "Nodes" },
	{ pattern: /^#\/memory$/, view: memory, href: "#/memory", name: "Memory" },
	{ pattern: /^#\/vms$/, view: vms, href: "#/vms", name: "VMs" },
	{ pattern: /^#\/operations$/, view: operations, href: "#/operations", name: "Operations" },
	{ pattern: /^#\/events$/, view: events, href: "#/events", name: "Events" },
	{ pattern: /^#\/health$/, view: health, href: "#/health", name: "Health" },
	{ pattern: /^#\/nodes\/([^/]+)$/, view: node, under: "Nodes" },
	{ pattern: /^#\/vms\/([^/]+)$/, view: vm, under: "VMs" },
	{ pattern: /^#\/vms\/([^/]+)\/console$/, view: console_, under: "VMs" },
	{ pattern: /^#\/create$/, view: create, under: "VMs" },
];
const NAMED = ROUTES.filter((route) => route.name);

const nowhere = {
	title: "No such page",
	command: () => ["help"],
	render: () => h("p", { class: "empty" }, "There is nothing at this address."),
};

const main = document.getElementById("main");
const model = new Model(
	() => draw(),
	(error) => logOut(error.message),
);
let current = null; /* { view, params, route } */
let filter = "";

// ---------------------------------------------------------------- where we are

function find(hash) {
	for (const route of ROUTES) {
		const match = route.pattern.exec(hash);
		if (!match) continue;
		try {
			return { view: route.view, route, params: match[1] === undefined ? {} : { name: decodeURIComponent(match[1]) } };
		} catch {
			break; /* no name is written so */
		}
	}
	return { view: nowhere, route: {}, params: {} };
}

function go() {
	if (location.hash === "#main") {
		history.replaceState(null, "", current?.hash ?? "#/");
		main.focus();
		return;
	}
	current?.view.leave?.();
	filter = "";
	current = { ...find(location.hash), hash: location.hash };
	if (!model.who) return;
	current.view.enter?.(current.params, model);
	model.want(current.view.wants?.(current.params, model) ?? []);
	main.replaceChildren();
	draw();
	scrollTo(0, 0);
	if (current.view !== console_) main.focus({ preventScroll: true });
}

const parentOf = () => (typeof current.view.parent === "function" ? current.view.parent(current.params) : current.view.parent);
const titleOf = () => (typeof current.view.title === "function" ? current.view.title(current.params) : current.view.title);

// ---------------------------------------------------------------- drawing

function top() {
	const judged = model.status?.health.status;
	const [kind, word] = { HEALTH_OK: ["good", "OK"], HEALTH_WARN: ["warn", "Warning"], HEALTH_ERR: ["bad", "Error"] }[judged] ?? [
		"off",
		"unknown",
	];
	return [
		h(
			"a",
			{ class: "brand", href: "#/" },
			svg("svg", { viewBox: "0 0 20 20", "aria-hidden": "true" }, svg("path", { d: ICONS.Overview })),
			"Plenum",
		),
		model.status && h("span", { class: "manager" }, model.status.manager),
		h("span", { class: "space" }),
		model.who && h("a", { class: `chip ${kind}`, href: "#/health", "aria-label": `Health: ${word}` }, mark(kind), word),
		model.who && h("span", { class: "who" }, `${model.who.name}, ${model.who.role}`),
		model.who && h("button", { type: "button", class: "quiet", "aria-label": "Help", click: help }, "?"),
		model.who && h("button", { type: "button", class: "quiet", click: () => logOut() }, "Leave"),
	];
}

function nav() {
	const under = current.route.name ?? current.route.under;
	return NAMED.map((route, at) =>
		h(
			"a",
			{
				href: route.href,
				"aria-current": route.name === under ? "page" : undefined,
				"aria-keyshortcuts": String(at + 1),
			},
			svg("svg", { viewBox: "0 0 20 20", "aria-hidden": "true" }, svg("path", { d: ICONS[route.name] })),
			h("span", {}, route.name),
		),
	);
}

function lostBanner() {
	if (!model.lost) return null;
	const old = model.goodAt
		? `What is shown is from ${clock(new Date(model.goodAt))}, ${seconds((Date.now() - model.goodAt) / 1000)} ago. `
		: "";
	return h(
		"div",
		{ class: "lost", role: "alert" },
		mark("bad"),
		h(
			"span",
			{},
			h("strong", {}, `No connection: ${model.failure.message}. `),
			old,
			"Nodes and VMs go on without the manager. Trying again.",
		),
	);
}

function heading() {
	const { view, params } = current;
	const parent = parentOf();
	return h(
		"div",
		{ class: "heading" },
		h("h1", {}, parent && h("a", { class: "back", href: parent, "aria-label": "Back" }, "\u2039"), titleOf()),
		h(
			"div",
			{ class: "tools" },
			view.filtered &&
				filterBox(filter, (event) => {
					filter = event.target.value;
					draw();
				}),
			view.buttons?.(params, model, draw),
		),
		command(view.command(params, model)),
	);
}

function content() {
	if (!model.status) return h("p", { class: "empty" }, model.lost ? "Nothing is known of the rack yet." : "Asking the manager\u2026");
	return current.view.render(current.params, model, filter);
}

function draw() {
	if (!model.who || !current) return;
	const wanted = current.view.wants?.(current.params, model) ?? [];
	if (wanted.some((path) => !model.paths.includes(path))) model.want(wanted);
	document.title = `${titleOf()} \u00b7 Plenum`;
	document.body.classList.toggle("stale", model.lost);
	morphChildren(document.getElementById("top"), top().filter(Boolean));
	morphChildren(document.getElementById("views"), nav());
	morphChildren(main, [lostBanner(), heading(), content()].flat(Infinity).filter(Boolean));
	drawCharts(main);
}

function help() {
	open(
		h(
			"div",
			{},
			h("h2", { id: "dialog-title" }, "Keys"),
			h(
				"dl",
				{ class: "keys" },
				KEYS.map(([key, what]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, what))),
			),
			h(
				"p",
				{ class: "dim" },
				"Each page names the command of gmm that shows or does the same. ",
				h("a", { href: "/ui/licences.txt" }, "Licences"),
			),
			h(
				"div",
				{ class: "buttons" },
				h(
					"button",
					{ type: "button", class: "cancel", click: () => document.getElementById("dialog").close() },
					"Close",
				),
			),
		),
	);
}

// ---------------------------------------------------------------- coming and going

function enter(who) {
	document.getElementById("views").hidden = false;
	document.body.classList.remove("outside");
	model.start(who);
	go();
}

function logOut(reason) {
	current?.view.leave?.();
	model.stop();
	api.token.clear();
	document.getElementById("dialog").close();
	document.getElementById("views").hidden = true;
	document.body.classList.add("outside");
	document.body.classList.remove("stale");
	document.getElementById("top").replaceChildren();
	document.title = "Plenum";
	main.replaceChildren(login(reason, enter));
	document.getElementById("token").focus();
}

async function begin() {
	current = { ...find(location.hash), hash: location.hash };
	if (!api.token.get()) {
		logOut();
		return;
	}
	try {
		enter(await api.get("/v1/token"));
	} catch (error) {
		logOut(error.http === 401 ? error.message : `${error.message}; enter the token again when it does`);
	}
}

listen({
	view: (at) => {
		if (model.who) location.hash = NAMED[at].href;
	},
	clearFilter: (box) => {
		filter = box.value = "";
		box.blur();
		draw();
	},
	keys: {
		h: () => {
			if (model.who) location.hash = "#/health";
		},
		r: () => {
			if (model.who) model.look();
		},
		n: () => {
			if (current.view === vms) location.hash = "#/create";
		},
		c: () => current.view.keys?.(current.params, model, draw).c?.(),
		p: () => current.view.keys?.(current.params, model, draw).p?.(),
		y: () => {
			const box = main.querySelector(".heading .command");
			if (box) copy(box.querySelector("code").textContent, box.querySelector(".copy"));
		},
		"/": () => main.querySelector(".filter")?.focus(),
		"?": () => {
			if (model.who) help();
		},
		Escape: () => {
			if (filter) {
				filter = "";
				main.querySelector(".filter").value = "";
				draw();
			} else if (parentOf()) {
				location.hash = parentOf();
			}
		},
	},
});
addEventListener("hashchange", go);
matchMedia("(max-width: 640px)").addEventListener("change", () => draw());
begin();
