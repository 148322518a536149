// SPDX-License-Identifier: GPL-2.0-only
// The picture of the rack: process components on the left, memory components on the right, and between them who uses whose memory.

import { h, svg } from "./dom.js";
import { pages, plural, ratio, share } from "./format.js";
import { kindOf, nodeHref } from "./parts.js";

const LARGE = 14; /* so many machines of a role are drawn lower */

/* What fits: `wide` of the picture and of a machine, in the picture's units. */
const LAYOUTS = {
	wide: { width: 760, machine: 220, row: 46, gap: 8 },
	narrow: { width: 358, machine: 132, row: 48, gap: 8 },
	low: { row: 30, gap: 5 },
};

let pointed = null; /* name of the machine whose wires are shown alone */

/** Pages of each memory component's that each process component uses: { from, to, pages, regions }. */
export function uses(regions) {
	const links = new Map();
	for (const region of regions) {
		if (region.node === null) continue;
		const key = `${region.owner}\n${region.node}`;
		const link = links.get(key) ?? { key, from: region.owner, to: region.node, pages: 0, regions: 0 };
		link.pages += region.pages;
		link.regions++;
		links.set(key, link);
	}
	return [...links.values()];
}

function shape(kind, x, y) {
	const marks = {
		good: () => svg("circle", { cx: x, cy: y, r: 4.5 }),
		warn: () => svg("path", { d: `M${x} ${y - 5}l5 9h-10z` }),
		bad: () => svg("rect", { x: x - 4.5, y: y - 4.5, width: 9, height: 9 }),
		off: () => svg("circle", { cx: x, cy: y, r: 4, fill: "none", stroke: "currentColor", "stroke-width": 1.8 }),
	};
	return svg("g", { class: `mark ${kind}` }, marks[kind]());
}

function stateText(node) {
	return node.admin && node.admin !== "admitted" && node.state === "up" ? node.admin : node.state;
}

function fillBar(node, x, y, width, height) {
	const used = node.role === "memory" ? node.pages_written : node.pages_stored;
	const part = (value) => Math.max(0, Math.min(1, ratio(value, node.pages_capacity))) * width;
	return [
		svg("rect", { class: "rest", x, y, width, height, rx: 2 }),
		svg("rect", { class: "held", x, y, width: part(node.pages_reserved), height, rx: 2 }),
		svg("rect", { class: "filled", x, y, width: part(used), height, rx: 2 }),
	];
}

function machine(node, place, layout, low) {
	const { x, y } = place;
	const kind = kindOf(stateText(node));
	const held = node.role === "memory" ? plural(node.regions, "region") : plural(node.vms, "VM");
	const inside = layout.machine - 24;
	const small = layout.machine < 200;
	const label =
		`${node.name}, ${node.role} component, ${stateText(node)}, ${pages(node.pages_capacity)}, ` +
		`${share(ratio(node.pages_reserved, node.pages_capacity))} reserved, ${held}`;
	return svg(
		"a",
		{
			class: `machine ${kind}`,
			href: nodeHref(node.name),
			"aria-label": label,
			"data-key": `m-${node.name}`,
			"data-node": node.name,
			"data-row": true,
		},
		svg("rect", { class: "case", x: x + 0.5, y: y + 0.5, width: layout.machine - 1, height: layout.row - 1, rx: 5 }),
		shape(kind, x + 15, y + (low ? layout.row / 2 : 13)),
		svg("text", { class: "name", x: x + 27, y: y + (low ? layout.row / 2 + 4 : 17) }, node.name.slice(0, small ? 9 : 20)),
		svg(
			"text",
			{ class: "said", x: x + layout.machine - 12, y: y + (low ? layout.row / 2 + 4 : 17), "text-anchor": "end" },
			small || low || node.state !== "up" ? stateText(node) : `${stateText(node)} \u00b7 ${pages(node.pages_capacity)}`,
		),
		low ? null : fillBar(node, x + 12, y + 23, inside, 6),
		low ? null : svg("text", { class: "said", x: x + 12, y: y + 41 }, held),
		low
			? null
			: svg(
					"text",
					{ class: "said", x: x + layout.machine - 12, y: y + 41, "text-anchor": "end" },
					small
						? share(ratio(node.pages_reserved, node.pages_capacity))
						: `${share(ratio(node.pages_reserved, node.pages_capacity))} reserved`,
				),
	);
}

function column(nodes, x, layout, height) {
	const total = nodes.length * (layout.row + layout.gap) - layout.gap;
	const top = 24 + Math.max(0, (height - 24 - total) / 2);
	return new Map(nodes.map((node, at) => [node.name, { x, y: top + at * (layout.row + layout.gap) }]));
}

function wires(links, places, layout) {
	const largest = Math.max(1, ...links.map((link) => link.pages));
	return links
		.filter((link) => places.has(link.from) && places.has(link.to))
		.map((link) => {
			const from = places.get(link.from),
				to = places.get(link.to);
			const x1 = from.x + layout.machine,
				x2 = to.x,
				middle = (x1 + x2) / 2;
			const y1 = from.y + layout.row / 2,
				y2 = to.y + layout.row / 2;
			return svg("path", {
				class: pointed === link.from || pointed === link.to ? "wire chosen" : "wire",
				"data-key": `w-${link.key}`,
				"data-from": link.from,
				"data-to": link.to,
				d: `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`,
				"stroke-width": (1 + (6 * link.pages) / largest).toFixed(1),
			});
		});
}

/* Point at a machine, or come to it by Tab: only its wires. */
function follow(event) {
	const picture = event.currentTarget;
	const over = event.type === "mouseout" || event.type === "focusout";
	pointed = over ? null : (event.target.closest?.(".machine")?.dataset.node ?? null);
	picture.classList.toggle("pointed", pointed !== null);
	for (const wire of picture.querySelectorAll(".wire"))
		wire.classList.toggle("chosen", wire.dataset.from === pointed || wire.dataset.to === pointed);
}

export function picture(model, narrow) {
	const nodes = model.status.nodes;
	const sides = ["process", "memory"].map((role) => nodes.filter((node) => node.role === role));
	const most = Math.max(...sides.map((side) => side.length));
	const low = most > LARGE;
	const layout = { ...LAYOUTS[narrow ? "narrow" : "wide"], ...(low ? LAYOUTS.low : {}) };
	const height = 24 + Math.max(1, most) * (layout.row + layout.gap);
	const places = new Map([
		...column(sides[0], 0, layout, height),
		...column(sides[1], layout.width - layout.machine, layout, height),
	]);
	const links = uses(model.regions);
	const root = svg(
		"svg",
		{
			class: pointed ? "rack pointed" : "rack",
			viewBox: `0 0 ${layout.width} ${height}`,
			role: "group",
			"aria-label": "The rack",
			"data-key": narrow ? "narrow" : "wide",
		},
		svg("text", { class: "title", x: 0, y: 12 }, narrow ? "Process" : "Process components"),
		svg("text", { class: "title", x: layout.width, y: 12, "text-anchor": "end" }, narrow ? "Memory" : "Memory components"),
		svg(
			"text",
			{ class: "title", x: layout.width / 2, y: 12, "text-anchor": "middle" },
			links.length ? (narrow ? "uses" : "who uses whose memory") : "",
		),
		wires(links, places, layout),
		nodes.filter((node) => places.has(node.name)).map((node) => machine(node, places.get(node.name), layout, low)),
	);
	for (const type of ["mouseover", "mouseout", "focusin", "focusout"]) root.addEventListener(type, follow);
	return root;
}

/** The same in words, for those who do not see the picture. */
export function inWords(model) {
	const links = uses(model.regions);
	return h(
		"ul",
		{ class: "unseen" },
		links.map((link) =>
			h("li", {}, `${link.from} uses ${pages(link.pages)} of ${link.to} in ${plural(link.regions, "region")}`),
		),
	);
}
