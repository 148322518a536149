// SPDX-License-Identifier: GPL-2.0-only
// The rack's memory: how much, how safe, how even.

import { BALANCE, BALANCE_CANCEL } from "../actions.js";
import { chart } from "../chart.js";
import { actionButtons } from "../confirm.js";
import { h } from "../dom.js";
import { pages, plural, ratio, seconds, share } from "../format.js";
import { bar, command, has, memoryBar, nodeHref, pairs, panel, progress, rowLink, state, table, vmHref } from "../parts.js";

const PLAN = "/v1/balance/plan";
const MOVES_SHOWN = 12;

const COLUMNS = [
	{ title: "Name", cell: (node) => rowLink(nodeHref(node.name), node.name) },
	{ title: "State", cell: (node) => state(node.admin && node.admin !== "admitted" && node.state === "up" ? node.admin : node.state) },
	{ title: "Capacity", number: true, cell: (node) => pages(node.pages_capacity) },
	{ title: "Reserved", number: true, cell: (node) => pages(node.pages_reserved) },
	{ title: "Share", number: true, cell: (node) => share(ratio(node.pages_reserved, node.pages_capacity)) },
	{ title: "", wide: true, cell: memoryBar },
	{ title: "Written", number: true, cell: (node) => pages(node.pages_written) },
	{ title: "Zero", number: true, cell: (node) => pages(node.pages_zero) },
	{ title: "Domain", cell: (node) => node.domain || "its own" },
];

const MOVES = [
	{ title: "VM", cell: (move) => rowLink(vmHref(move.vm), move.vm) },
	{ title: "Region", number: true, cell: (move) => move.index },
	{ title: "From", cell: (move) => move.from },
	{ title: "To", cell: (move) => move.to },
	{ title: "Size", number: true, cell: (move) => pages(move.pages) },
];

/** Standard deviation of the reserved shares over their mean, of the memory components that are up; as gmm console has it. */
export function imbalance(nodes) {
	const shares = nodes
		.filter((node) => node.role === "memory" && node.state === "up" && node.pages_capacity > 0)
		.map((node) => node.pages_reserved / node.pages_capacity);
	const mean = shares.reduce((sum, value) => sum + value, 0) / shares.length;
	return shares.length > 0 && mean > 0
		? Math.sqrt(shares.reduce((sum, value) => sum + (value - mean) ** 2, 0) / shares.length) / mean
		: 0;
}

/* What the loss of one failure domain would take with it. */
function protection(model) {
	const where = new Map(model.status.nodes.map((node) => [node.name, node.domain || node.name]));
	const vms = new Map();
	const states = new Map();
	for (const region of model.regions) {
		states.set(region.state, (states.get(region.state) ?? 0) + 1);
		if (region.node === null) continue;
		const domain = where.get(region.node) ?? region.node;
		vms.set(domain, (vms.get(domain) ?? new Set()).add(region.vm));
	}
	const worst = [...vms].sort((a, b) => b[1].size - a[1].size)[0];
	return pairs([
		["Copies of a page", "1"],
		[
			"Regions",
			states.size === 0
				? "none"
				: [...states].map(([name, number]) => h("span", { class: "part" }, state(name), ` ${number}`)),
		],
		worst && ["Most VMs behind one failure domain", `${worst[0]}: ${worst[1].size}`],
		["Room kept to rebuild a domain", model.status.rebuild_reserve ? "yes" : "no"],
		["Placement", model.status.placement ?? "least"],
	]);
}

function balance(model) {
	const { value: plan, error } = model.answer(PLAN);
	const running = model.operations.find((operation) => operation.kind === "balance.apply" && operation.status === "running");
	const even = ["Imbalance", share(imbalance(model.status.nodes))];
	if (running) return [pairs([even]), progress(running), actionButtons([BALANCE_CANCEL], running, model)];
	if (error || !plan) return [pairs([even]), h("p", { class: error ? "problem" : "empty" }, error?.message ?? "asking")];
	const facts = pairs([
		even,
		["Furthest from even", share(plan.distance_before)],
		plan.moves.length > 0 && [
			"After the plan",
			`${share(plan.distance_after)}, by ${plural(plan.moves.length, "move")} of ${pages(plan.pages)} in all`,
		],
		plan.ready_in_s > 0 && ["Begins in", seconds(plan.ready_in_s)],
		plan.spread_limits && ["Not nearer", "VMs stay on as many components as their spread allows"],
	]);
	if (plan.moves.length === 0) return [facts, h("p", { class: "empty" }, plan.reason || "memory is used evenly: nothing to move")];
	return [
		facts,
		table("Plan", MOVES, plan.moves.slice(0, MOVES_SHOWN), { key: (move) => `${move.vm}/${move.index}` }),
		plan.moves.length > MOVES_SHOWN && h("p", { class: "dim" }, `and ${plan.moves.length - MOVES_SHOWN} more`),
		actionButtons([BALANCE], plan, model),
	];
}

export const memory = {
	title: "Memory",
	filtered: true,
	command: () => ["region", "list"],
	wants: () => [PLAN],
	render(params, model, filter) {
		const sums = model.status.memory_pages,
			rack = model.rack;
		const rows = model.status.nodes.filter(
			(node) => node.role === "memory" && has(filter, node.name, node.state, node.admin, node.domain),
		);
		const reserved = ratio(sums.reserved, sums.capacity);
		const promised = sums.promised > 0 && ratio(sums.reserved + sums.promised, sums.capacity);
		return [
			panel(
				null,
				{ class: "sum" },
				h(
					"div",
					{ class: "line" },
					h("span", { class: "big" }, share(reserved), h("small", {}, " reserved")),
					h(
						"span",
						{ class: "dim" },
						`${pages(sums.reserved)} of ${pages(sums.capacity)}, written ${pages(sums.written)}, ` +
							`in frames ${pages(sums.stored)}`,
					),
				),
				bar(`${share(reserved)} reserved`, ratio(sums.written, sums.capacity), reserved),
				promised !== false &&
					h(
						"p",
						{ class: promised > 1 ? "problem" : "dim" },
						`Promised to VMs and not reserved yet: ${pages(sums.promised)}; with what is reserved ${share(promised)}.`,
					),
			),
			panel(
				"Memory components",
				{},
				table("Memory components", COLUMNS, rows, {
					key: (node) => node.name,
					empty: filter ? "nothing passes the filter" : "none are configured",
				}),
			),
			h(
				"div",
				{ class: "split even" },
				panel("Protection", {}, protection(model)),
				panel("Balance", { class: "stack" }, balance(model), command(["balance", "plan"], "This plan")),
			),
			h(
				"div",
				{ class: "charts" },
				chart({
					key: "memory",
					title: "Memory",
					max: sums.capacity || undefined,
					format: pages,
					series: [
						{ label: "written", colour: "series1", fill: true },
						{ label: "reserved", colour: "series3" },
					],
					data: rack.data("written", "reserved"),
				}),
			),
		];
	},
};
