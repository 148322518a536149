// SPDX-License-Identifier: GPL-2.0-only
// Live charts: uPlot within our colours. A view asks for a chart by a key; the element stays while the view draws itself anew.

/* global uPlot */

import { h } from "./dom.js";
import { nanoseconds, pages, rate } from "./format.js";

const HEIGHT = 132;
const BINARY_STEPS = Array.from({ length: 45 }, (_, power) => 2 ** power);
const LEAST = 10; /* that the value axis shows, so that its numbers differ */
const SPAN_S = 120; /* at least so long is the time axis */

/** `spec`: { key, title, series: [{ name, label, colour, fill }], format, max, data: [time, ...] }. */
export function chart(spec) {
	const box = h(
		"figure",
		{ class: "chart", "data-key": `chart-${spec.key}`, "data-keep": true },
		h("figcaption", {}),
		h("div", { class: "plot" }),
	);
	box.given = spec;
	return box;
}

/** Of whose figures `series` are (history.js). */
export function missCharts(key, series) {
	return [
		chart({
			key: `${key}-misses`,
			title: "Misses",
			series: [{ label: "misses", colour: "series1", fill: true }],
			format: rate,
			data: series.data("misses"),
		}),
		chart({
			key: `${key}-latency`,
			title: "Miss latency",
			series: [
				{ label: "p50", colour: "series1" },
				{ label: "p99", colour: "series2" },
			],
			format: nanoseconds,
			data: series.data("p50", "p99"),
		}),
	];
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function options(spec, width) {
	const axis = {
		stroke: colour("dim"),
		grid: { stroke: colour("grid"), width: 1 },
		ticks: { show: false },
		font: "11px Inter, system-ui, sans-serif",
	};
	return {
		width,
		height: HEIGHT,
		legend: { show: false },
		padding: [8, 26, 0, 0], /* half a time fits beside the plot */
		cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
		scales: {
			x: { time: true, range: (plot, min, max) => [Math.min(min ?? 0, (max ?? 0) - SPAN_S), max ?? 0] },
			y: { range: (plot, min, max) => [0, spec.max ?? Math.max(max * 1.1, LEAST)] },
		},
		axes: [
			{
				...axis,
				size: 22,
				space: 70,
				values: [
					[60, "{HH}:{mm}", null, null, null, null, null, null, 1],
					[1, "{HH}:{mm}:{ss}", null, null, null, null, null, null, 1],
				],
			},
			{
				...axis,
				size: 58,
				space: 34,
				...(spec.format === pages ? { incrs: BINARY_STEPS } : {}),
				values: (plot, splits) => splits.map((value) => spec.format(value)),
			},
		],
		series: [
			{},
			...spec.series.map((series) => ({
				label: series.label,
				stroke: colour(series.colour),
				width: 1.75,
				points: { show: false },
				spanGaps: false,
				fill: series.fill && `${colour(series.colour)}22`,
			})),
		],
		hooks: { setCursor: [(plot) => caption(plot.root.closest(".chart"), plot.cursor.idx)] },
	};
}

/* The newest values, or those under the pointer. */
function caption(box, at) {
	const spec = box.given;
	const values = spec.series.map((series, number) => spec.data[number + 1].at(at ?? -1) ?? null);
	const texts = spec.series.map((series, number) => `${series.label} ${spec.format(values[number])}`);
	box.querySelector("figcaption").replaceChildren(
		h("span", { class: "chart-title" }, spec.title),
		...spec.series.map((series, number) =>
			h(
				"span",
				{ class: "legend" },
				h("span", { class: `swatch ${series.colour}` }),
				spec.series.length > 1 ? texts[number] : spec.format(values[number]),
			),
		),
	);
	box.querySelector(".plot").setAttribute("role", "img");
	box.querySelector(".plot").setAttribute("aria-label", `${spec.title}: ${texts.join(", ")}`);
}

function mount(box) {
	const place = box.querySelector(".plot");
	box.plot?.destroy();
	box.plot = new uPlot(options(box.given, Math.max(120, place.clientWidth)), box.given.data, place);
}

const sizes = new ResizeObserver((entries) => {
	for (const { target } of entries)
		target.closest(".chart").plot?.setSize({ width: Math.max(120, target.clientWidth), height: HEIGHT });
});

/** Give the charts on the page their new values. */
export function drawCharts(root) {
	for (const box of root.querySelectorAll(".chart")) {
		if (box.plot) {
			box.plot.setData(box.given.data);
		} else {
			mount(box);
			sizes.observe(box.querySelector(".plot"));
		}
		caption(box, null);
	}
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => document.querySelectorAll(".chart").forEach(mount));
