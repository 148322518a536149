// SPDX-License-Identifier: GPL-2.0-only
// Nodes, and one node.

import { ADMIT, NODE_ACTIONS, REJECT } from "../actions.js";
import { chart } from "../chart.js";
import { actionButtons } from "../confirm.js";
import { h } from "../dom.js";
import { ago, count, NONE, pages, plural, rate, ratio, seconds, share, size } from "../format.js";
import { command, has, memoryBar, nodeHref, pairs, panel, rowLink, state, table, vmHref } from "../parts.js";

const path = (name) => `/v1/nodes/${encodeURIComponent(name)}`;
const link = (node) => rowLink(nodeHref(node.name), node.name);

const COLUMNS = [
	{ title: "Name", cell: link },
	{ title: "Role", cell: (node) => node.role },
	{ title: "State", cell: (node) => state(node.state) },
	{ title: "Admin", cell: (node) => (node.admin && node.admin !== "admitted" ? state(node.admin) : (node.admin ?? NONE)) },
	{ title: "Capacity", number: true, cell: (node) => pages(node.pages_capacity) },
	{ title: "Reserved", number: true, cell: (node) => share(ratio(node.pages_reserved, node.pages_capacity)) },
	{ title: "", wide: true, cell: memoryBar },
	{ title: "Busy", number: true, cell: (node) => share(node.rates?.busy) },
	{ title: "Pages/s", number: true, cell: (node) => count(node.rates?.pages) },
	{ title: "Seen", number: true, cell: (node) => ago(node.renewed_s_ago) },
];

const MACHINES = "/v1/machines";

const machineColumns = (model) => [
	{ title: "MAC", cell: (machine) => machine.mac },
	{ title: "State", cell: (machine) => state(machine.life) },
	{
		title: "What it is",
		text: true,
		cell: (machine) => [machine.manufacturer, machine.product].filter(Boolean).join(" ") || "not told yet",
	},
	{ title: "Processors", number: true, cell: (machine) => machine.processors ?? NONE },
	{ title: "Memory", number: true, cell: (machine) => size(machine.memory_bytes) },
	{ title: "Seen", number: true, cell: (machine) => ago(machine.seen_s_ago) },
	{ title: "", wide: true, cell: (machine) => actionButtons([ADMIT, REJECT], machine, model) },
];

/* Machines that asked for a boot script and are no nodes. */
function waiting(model) {
	if (!model.status.nodes_total.pending) return null;
	const { value: machines, error } = model.answer(MACHINES);
	return panel(
		"Machines that wait to be admitted",
		{},
		error
			? h("p", { class: "problem" }, error.message)
			: !machines
				? h("p", { class: "empty" }, "asking")
				: table("Machines that wait", machineColumns(model), machines, { key: (machine) => machine.mac }),
		command(["node", "pending"], ""),
	);
}

export const nodes = {
	title: "Nodes",
	filtered: true,
	command: () => ["node", "list"],
	wants: (params, model) => (model.status?.nodes_total.pending ? [MACHINES] : []),
	render(params, model, filter) {
		const rows = model.status.nodes
			.filter((node) => has(filter, node.name, node.role, node.state, node.admin, node.ip, node.domain))
			.map((node) => ({ ...node, rates: model.nodeRates.get(node.name) }));
		return [
			waiting(model),
			panel(
				null,
				{},
				table("Nodes", COLUMNS, rows, {
					key: (node) => node.name,
					empty: filter ? "nothing passes the filter" : "no nodes are configured",
				}),
			),
		];
	},
};

/* The times of a boot, from the script to the join: those that are known, oldest first. */
function bootSteps(node, boot) {
	const steps = [
		["asked for its script", boot.script_s_ago],
		["began to fetch its image", boot.image_s_ago],
		["had its image", boot.image_done_s_ago],
		["joined", boot.joined_s_ago],
	].filter(([, time]) => time !== null);
	if (steps.length === 0) return h("p", { class: "empty" }, "this gmmd has not seen it boot");
	return h(
		"ol",
		{ class: "steps" },
		steps.map(([what, time], at) =>
			h(
				"li",
				{},
				h("span", {}, what),
				h("span", { class: "dim" }, at === 0 ? ago(time) : `+ ${seconds(Math.max(0, steps[at - 1][1] - time))}`),
			),
		),
	);
}

const MOVES = [
	{ title: "VM", cell: (move) => move.vm },
	{ title: "Region", number: true, cell: (move) => move.index },
	{ title: "From", cell: (move) => move.from },
	{ title: "To", cell: (move) => move.to },
	{ title: "State", cell: (move) => state(move.state, "busy") },
	{ title: "Done", number: true, cell: (move) => share(ratio(move.pages_passed, move.pages)) },
];

function holds(node, model) {
	if (node.role === "memory") {
		const vms = new Map();
		for (const region of model.regions.filter((one) => one.node === node.name))
			vms.set(region.vm, (vms.get(region.vm) ?? 0) + region.pages);
		return [...vms].map(([name, sum]) => ({ name, text: pages(sum) }));
	}
	return model.vms
		.filter((vm) => vm.node === node.name)
		.map((vm) => ({ name: vm.name, text: `${size(vm.memory_bytes)}, ${vm.state}` }));
}

function details(node, boot) {
	return pairs([
		["State", state(node.state)],
		["Administration", state(node.admin ?? "admitted")],
		node.life && ![node.admin, node.state].includes(node.life) && ["Life", `${node.life}, for ${seconds(node.life_s_ago)}`],
		["Role", `${node.role} component`],
		["Address", `${node.ip}, ${node.mac}`],
		node.domain && ["Failure domain", node.domain],
		["Build", node.build || NONE],
		["Processors", node.cpus],
		["Capacity", pages(node.pages_capacity)],
		["Reserved", `${pages(node.pages_reserved)}, ${share(ratio(node.pages_reserved, node.pages_capacity))}`],
		node.pages_foreign > 0 && ["Unknown regions", pages(node.pages_foreign)],
		node.role === "memory"
			? ["Written", `${pages(node.pages_written)}, of it zero ${pages(node.pages_zero)}`]
			: ["Lines in use", pages(node.pages_stored)],
		["Keeps for itself", size(node.kernel_bytes + node.table_bytes)],
		["Up for", node.state === "up" ? seconds(node.uptime_us / 1e6) : NONE],
		["Last seen", ago(node.renewed_s_ago)],
		["Entry to joined", node.entry_to_join_us ? `${(node.entry_to_join_us / 1000).toFixed(0)} ms` : NONE],
		["Packets refused", node.packets_refused],
		["Sent again", node.retransmits],
		boot?.scripts_since_join > 0 && ["Scripts since joined", boot.scripts_since_join],
	]);
}

export const node = {
	title: (params) => params.name,
	parent: "#/nodes",
	command: (params) => ["node", "show", params.name],
	wants: (params, model) => (model.status?.nodes.some((row) => row.name === params.name) ? [path(params.name)] : []),
	render(params, model) {
		const one = model.status.nodes.find((row) => row.name === params.name);
		if (!one) return panel(null, {}, h("p", { class: "empty" }, `There is no node named ${params.name}.`));
		const { value: more, error } = model.answer(path(params.name));
		const series = model.nodeSeries.get(one.name);
		const held = holds(one, model);
		return [
			actionButtons(NODE_ACTIONS, one, model),
			h(
				"div",
				{ class: "split even" },
				panel("Now", {}, memoryBar(one), details(one, more?.boot)),
				h(
					"div",
					{ class: "stack" },
					panel(
						"Its last boot",
						{},
						error
							? h("p", { class: "problem" }, error.message)
							: more
								? bootSteps(one, more.boot)
								: h("p", { class: "empty" }, "asking"),
					),
					panel(
						one.role === "memory"
							? `Memory of ${plural(held.length, "VM")}`
							: plural(held.length, "VM"),
						{},
						held.length === 0
							? h("p", { class: "empty" }, "none")
							: h(
									"ul",
									{ class: "lines" },
									held.map((vm) =>
										h(
											"li",
											{ "data-key": vm.name },
											h(
												"div",
												{ class: "line" },
												rowLink(vmHref(vm.name), vm.name),
												h("span", { class: "dim" }, vm.text),
											),
										),
									),
								),
					),
					more?.moves.length > 0 &&
						panel(
							"Regions on the move",
							{},
							table("Moves", MOVES, more.moves, { key: (move) => `${move.vm}/${move.index}` }),
						),
				),
			),
			series &&
				h(
					"div",
					{ class: "charts" },
					chart({
						key: `node-pages-${one.name}`,
						title: "Pages a second",
						series: [{ label: "pages", colour: "series1", fill: true }],
						format: rate,
						data: series.data("pages"),
					}),
					chart({
						key: `node-busy-${one.name}`,
						title: "Busy processors",
						series: [{ label: "busy", colour: "series2", fill: true }],
						format: share,
						max: 1,
						data: series.data("busy"),
					}),
					chart({
						key: `node-memory-${one.name}`,
						title: one.role === "memory" ? "Memory" : "Cache",
						format: pages,
						max: one.pages_capacity || undefined,
						series: [
							{ label: one.role === "memory" ? "written" : "in use", colour: "series1" },
							{ label: "reserved", colour: "series3" },
						],
						data: series.data("written", "reserved"),
					}),
				),
		];
	},
};
