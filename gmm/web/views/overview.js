// SPDX-License-Identifier: GPL-2.0-only
// The rack on one screen.

import { chart, missCharts } from "../chart.js";
import { h } from "../dom.js";
import { clock, pages, plural, rate, ratio, share } from "../format.js";
import { bar, mark, panel, progress, state } from "../parts.js";
import { inWords, picture } from "../rack.js";

const OPERATIONS_SHOWN = 3;
const EVENTS_SHOWN = 5;
const narrow = matchMedia("(max-width: 640px)");

function tile(title, href, value, below) {
	return h(
		"a",
		{ class: "tile", href },
		h("span", { class: "tile-title" }, title),
		h("span", { class: "tile-value" }, value),
		h("span", { class: "tile-below" }, below),
	);
}

const HEALTH = { HEALTH_OK: ["good", "OK"], HEALTH_WARN: ["warn", "Warning"], HEALTH_ERR: ["bad", "Error"] };

function tiles(status) {
	const [kind, word] = HEALTH[status.health.status] ?? ["warn", status.health.status];
	const memory = status.memory_pages,
		cache = status.cache_lines;
	const codes = status.health.checks
		.filter((check) => !check.muted)
		.map((check) => check.code)
		.join(", ");
	return h(
		"div",
		{ class: "tiles" },
		tile("Health", "#/health", h("span", { class: `state ${kind}` }, mark(kind), word), codes || "nothing to do"),
		tile(
			"Nodes",
			"#/nodes",
			`${status.nodes_total.up} of ${status.nodes_total.configured} up`,
			`${plural(status.nodes.filter((node) => node.role === "memory").length, "memory component")}`,
		),
		tile("Memory", "#/memory", share(ratio(memory.reserved, memory.capacity)), [
			bar(
				`${share(ratio(memory.reserved, memory.capacity))} reserved`,
				ratio(memory.written, memory.capacity),
				ratio(memory.reserved, memory.capacity),
			),
			`${pages(memory.reserved)} of ${pages(memory.capacity)}`,
		]),
		tile("Cache", "#/nodes", share(ratio(cache.given, cache.capacity)), [
			bar(`${share(ratio(cache.given, cache.capacity))} given`, 0, ratio(cache.given, cache.capacity)),
			`${pages(cache.given)} of ${pages(cache.capacity)}`,
		]),
		tile("VMs", "#/vms", `${status.vms.running} of ${status.vms.total} running`, plural(status.regions, "region")),
	);
}

function operations(model) {
	const shown = [...model.operations]
		.reverse()
		.sort((a, b) => (b.status === "running") - (a.status === "running"))
		.slice(0, OPERATIONS_SHOWN);
	if (shown.length === 0) return h("p", { class: "empty" }, "nothing under way");
	return h(
		"ul",
		{ class: "lines" },
		shown.map((operation) =>
			h(
				"li",
				{ "data-key": String(operation.id) },
				h(
					"div",
					{ class: "line" },
					h("span", { class: "strong" }, `${operation.kind} ${operation.object}`),
					operation.status === "running" ? null : state(operation.status),
				),
				operation.status === "running" ? progress(operation) : null,
			),
		),
	);
}

function events(model) {
	const shown = model.events.slice(-EVENTS_SHOWN).reverse();
	return shown.length === 0
		? h("p", { class: "empty" }, "none yet")
		: h(
				"ul",
				{ class: "lines" },
				shown.map((event) =>
					h(
						"li",
						{ "data-key": String(event.sequence) },
						h(
							"div",
							{ class: "line" },
							h("span", { class: "strong" }, event.object || event.kind),
							h("time", {}, clock(event.time)),
						),
						h("div", { class: "dim cut" }, event.text),
					),
				),
			);
}

function charts(rack, capacity) {
	return h(
		"div",
		{ class: "charts" },
		missCharts("rack", rack),
		chart({
			key: "rack-pages",
			title: "Pages served",
			series: [
				{ label: "READs", colour: "series1" },
				{ label: "WRITEs", colour: "series2" },
			],
			format: rate,
			data: rack.data("reads", "writes"),
		}),
		chart({
			key: "rack-memory",
			title: "Memory",
			max: capacity || undefined,
			format: pages,
			series: [
				{ label: "written", colour: "series1", fill: true },
				{ label: "reserved", colour: "series3" },
			],
			data: rack.data("written", "reserved"),
		}),
	);
}

export const overview = {
	title: "Overview",
	command: () => ["status"],
	render(params, model) {
		const { status, rack } = model;
		return [
			tiles(status),
			h(
				"div",
				{ class: "split" },
				h(
					"div",
					{ class: "stack" },
					panel(
						null,
						{ class: "picture" },
						h(
							"div",
							{ class: "line" },
							h("h2", {}, "The rack"),
							h(
								"p",
								{ class: "key" },
								h("span", { class: "swatch filled" }),
								"written",
								h("span", { class: "swatch held" }),
								"reserved",
								h("span", { class: "swatch rest" }),
								"free",
								h("span", { class: "swatch wire" }),
								"memory used",
							),
						),
						picture(model, narrow.matches),
						inWords(model),
					),
					charts(rack, status.memory_pages.capacity),
				),
				h(
					"div",
					{ class: "stack" },
					panel("Operations", {}, operations(model)),
					panel("Newest events", {}, events(model)),
				),
			),
		];
	},
};
