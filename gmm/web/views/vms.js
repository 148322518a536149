// SPDX-License-Identifier: GPL-2.0-only
// VMs, and one VM.

import { noConsole, VM_ACTIONS } from "../actions.js";
import { chart, missCharts } from "../chart.js";
import { actionButtons, refusedButton } from "../confirm.js";
import { h } from "../dom.js";
import { ago, count, nanoseconds, NONE, PAGE_BYTES, pages, plural, rate, ratio, seconds, share, size } from "../format.js";
import { bar, has, nodeHref, pairs, panel, rowLink, state, table, tell, vmHref } from "../parts.js";

const WAITS = "It waits for memory that was promised to it: no memory component has room.";
const violates = (vm) => vm.spread > 0 && vm.memory_components > vm.spread;
const CHARTED_MAX = 4; /* VMs in one chart: as many as there are colours that differ */

const path = (name) => `/v1/vms/${encodeURIComponent(name)}`;

const local = (stats) => stats && stats.now.counters.lines_used;
/* Pages of regions that have no place yet: all regions but a VM's last one are of one size. */
const promised = (vm) => ((vm.regions_promised ?? 0) * vm.memory_bytes) / PAGE_BYTES / Math.max(1, vm.regions);
const remote = (vm, stats) => stats && Math.max(0, vm.memory_bytes / PAGE_BYTES - promised(vm) - stats.now.counters.lines_used);

const COLUMNS = [
	{ title: "Name", cell: (vm) => rowLink(vmHref(vm.name), vm.name) },
	{ title: "State", cell: (vm) => state(vm.state) },
	{ title: "Node", cell: (vm) => vm.node },
	{ title: "Memory", number: true, cell: (vm) => size(vm.memory_bytes) },
	{ title: "Local", number: true, cell: (vm) => (vm.stats ? pages(local(vm.stats)) : NONE) },
	{ title: "Remote", number: true, cell: (vm) => (vm.stats ? pages(remote(vm, vm.stats)) : NONE) },
	{ title: "Hit", number: true, cell: (vm) => share(vm.stats?.hit) },
	{ title: "Misses/s", number: true, cell: (vm) => count(vm.stats?.misses) },
	{ title: "p50", number: true, cell: (vm) => nanoseconds(vm.stats?.now.miss.p50_ns || null) },
	{ title: "p99", number: true, cell: (vm) => nanoseconds(vm.stats?.now.miss.p99_ns || null) },
	{ title: "For", number: true, cell: (vm) => seconds(vm.changed_s_ago) },
];

/* Of the VMs that miss most. */
function charts(rows, model) {
	const names = rows
		.filter((vm) => vm.stats && model.vmSeries.has(vm.name) && ["running", "paused"].includes(vm.state))
		.sort((a, b) => b.stats.now.miss.count - a.stats.now.miss.count)
		.slice(0, CHARTED_MAX)
		.map((vm) => vm.name);
	const series = names.map((name, at) => ({ label: name, colour: `series${at + 1}` }));
	return (
		names.length > 0 &&
		h(
			"div",
			{ class: "charts" },
			chart({ key: `vms-misses-${names}`, title: "Misses", series, format: rate, data: model.vmData(names, "misses") }),
			chart({
				key: `vms-p99-${names}`,
				title: "Miss latency, p99",
				series,
				format: nanoseconds,
				data: model.vmData(names, "p99"),
			}),
		)
	);
}

export const vms = {
	title: "VMs",
	filtered: true,
	command: () => ["vm", "list"],
	buttons: (params, model) =>
		h(
			"a",
			{ class: "button", href: "#/create", "aria-disabled": model.who?.role === "operator" ? undefined : "true" },
			"Create a VM",
		),
	render(params, model, filter) {
		const rows = model.vms
			.filter((vm) => has(filter, vm.name, vm.state, vm.node, vm.reason))
			.map((vm) => ({ ...vm, stats: model.stats.get(vm.name) }));
		const reasons = rows.filter((vm) => vm.reason || vm.waits_for_memory || violates(vm));
		return [
			panel(
				null,
				{},
				table("VMs", COLUMNS, rows, {
					key: (vm) => vm.name,
					empty: filter ? "nothing passes the filter" : "There are no VMs.",
				}),
			),
			reasons.length > 0 &&
				panel(
					"What is the matter",
					{},
					h(
						"ul",
						{ class: "lines" },
						reasons.map((vm) =>
							h(
								"li",
								{ "data-key": vm.name },
								h(
									"div",
									{ class: "line" },
									h("span", { class: "strong" }, vm.name),
									state(vm.state),
								),
								vm.reason && h("div", { class: "dim" }, vm.reason),
								vm.waits_for_memory && h("div", { class: "problem" }, WAITS),
								violates(vm) &&
									h(
										"div",
										{ class: "dim" },
										`It is on ${plural(vm.memory_components, "memory component")}, and its spread is ${vm.spread}: balancing moves regions.`,
									),
							),
						),
					),
				),
			charts(rows, model),
		];
	},
};

function places(more, vm) {
	const sums = new Map();
	for (const place of more.places) {
		const sum = sums.get(place.node) ?? { node: place.node, pages: 0, regions: 0, states: new Set() };
		sum.pages += place.pages;
		sum.regions++;
		sum.states.add(place.state);
		sums.set(place.node, sum);
	}
	return h(
		"ul",
		{ class: "lines" },
		[...sums.values()].map((sum) =>
			h(
				"li",
				{ "data-key": sum.node ?? "promised" },
				h(
					"div",
					{ class: "line" },
					sum.node === null ? "promised, no place yet" : h("a", { href: nodeHref(sum.node) }, sum.node),
					h("span", { class: "dim" }, `${pages(sum.pages)} in ${plural(sum.regions, "region")}`),
					[...sum.states].filter((one) => !["live", "promised"].includes(one)).map((one) => state(one)),
				),
				bar(
					`${share(ratio(sum.pages * PAGE_BYTES, vm.memory_bytes))} of its memory`,
					sum.node === null ? 0 : ratio(sum.pages * PAGE_BYTES, vm.memory_bytes),
					ratio(sum.pages * PAGE_BYTES, vm.memory_bytes),
				),
			),
		),
	);
}

function cacheText(vm, lines, dirty) {
	const capacity = vm.cache_bytes / PAGE_BYTES;
	const resized = vm.cache_wanted_bytes ? `; being resized to ${size(vm.cache_wanted_bytes)}` : "";
	return `${size(vm.cache_bytes)}, ${share(ratio(lines, capacity))} in use, ${share(ratio(dirty, capacity))} dirty${resized}`;
}

function memoryOf(vm, stats) {
	const lines = local(stats),
		capacity = vm.cache_bytes / PAGE_BYTES;
	return [
		bar(`${share(ratio(lines, capacity))} of its cache in use`, ratio(lines, capacity), 1),
		pairs([
			["Memory", size(vm.memory_bytes)],
			["Local", `${pages(lines)} in the cache of ${vm.node}`],
			["Remote", `${pages(remote(vm, stats))} on memory components only`],
			["Its cache", cacheText(vm, lines, stats.now.counters.lines_dirty)],
			["Hit ratio", share(stats.hit)],
			["Misses", `${rate(stats.misses)}; ${count(stats.now.miss.count)} since it began`],
			["Miss latency", `p50 ${nanoseconds(stats.now.miss.p50_ns)}, p99 ${nanoseconds(stats.now.miss.p99_ns)}`],
			["The READ inside", `p50 ${nanoseconds(stats.now.read.p50_ns)}, p99 ${nanoseconds(stats.now.read.p99_ns)}`],
			["Write-backs", `${count(stats.now.counters.write_backs)}, failed ${count(stats.now.counters.write_back_errors)}`],
		]),
	];
}

/* What happens when the guest ends by itself. */
function restartText(restart) {
	const times =
		restart.policy === "no"
			? ""
			: `, at most ${plural(restart.max, "time")} in ${seconds(restart.window_s)}; ${restart.count} so far`;
	return [
		restart.policy,
		times,
		restart.crash_loop && h("span", { class: "problem" }, " It was restarted too often, and is not any more."),
	];
}

/* With one copy of each page, the VM is lost with any of the memory components that it is on. */
function spreadText(more) {
	const text = `${plural(more.memory_components, "memory component")}, ${more.spread ? `at most ${more.spread}` : "no limit"}`;
	return violates(more) ? h("span", { class: "problem" }, text) : text;
}

function about(vm, more) {
	return pairs([
		["State", [state(vm.state), ` for ${seconds(vm.changed_s_ago)}`]],
		vm.reason && ["Reason", h("span", { class: "problem" }, vm.reason)],
		more?.waits_for_memory && ["Memory", h("span", { class: "problem" }, WAITS)],
		["Runs on", h("a", { href: nodeHref(vm.node) }, vm.node)],
		["vCPUs", vm.vcpus],
		vm.regions_promised > 0 && [
			"Promised",
			`${pages(promised(vm))} in ${plural(vm.regions_promised, "region")}: reserved when the guest needs it`,
		],
		more?.overcommit && ["Overcommit", more.overcommit],
		["Created", ago(vm.created_s_ago)],
		more && ["Spread", spreadText(more)],
		more?.restart && ["Restart", restartText(more.restart)],
		more?.bandwidth_mbps > 0 && ["Bandwidth", `${more.bandwidth_mbps} Mbit/s of its component's link`],
		more?.devices && ["Devices", more.devices.join(", ") || "none"],
		more && ["Kernel", h("code", {}, more.kernel)],
		more?.initrd && ["Initrd", h("code", {}, more.initrd)],
		more?.command_line && ["Command line", h("code", {}, more.command_line)],
	]);
}

export const vm = {
	title: (params) => params.name,
	parent: "#/vms",
	command: (params) => ["vm", "stats", params.name],
	wants: (params, model) => (model.vms.some((row) => row.name === params.name) ? [path(params.name)] : []),
	keys: (params, model) => ({
		c: () => {
			const reason = noConsole(model.vms.find((row) => row.name === params.name) ?? {});
			if (reason) tell(reason, "warn");
			else location.hash = `${vmHref(params.name)}/console`;
		},
	}),
	buttons(params, model) {
		const reason = noConsole(model.vms.find((row) => row.name === params.name) ?? {});
		return reason
			? [refusedButton("Console", reason, "why-console"), h("span", { class: "unseen", id: "why-console" }, reason)]
			: h("a", { class: "button", href: `${vmHref(params.name)}/console` }, "Console");
	},
	render(params, model) {
		const one = model.vms.find((row) => row.name === params.name);
		if (!one) return panel(null, {}, h("p", { class: "empty" }, `There is no VM named ${params.name}.`));
		const stats = model.stats.get(one.name),
			series = model.vmSeries.get(one.name);
		const { value: more, error } = model.answer(path(params.name));
		return [
			actionButtons(VM_ACTIONS, { ...more, ...one }, model),
			h(
				"div",
				{ class: "split even" },
				h(
					"div",
					{ class: "stack" },
					panel("Memory", {}, stats ? memoryOf(one, stats) : h("p", { class: "empty" }, "no counters yet")),
					series && h("div", { class: "charts" }, missCharts(`vm-${one.name}`, series)),
				),
				h(
					"div",
					{ class: "stack" },
					panel("The VM", {}, about(one, more)),
					panel(
						"Where its memory is",
						{},
						error
							? h("p", { class: "problem" }, error.message)
							: more
								? places(more, one)
								: h("p", { class: "empty" }, "asking"),
					),
				),
			),
			series &&
				h(
					"div",
					{ class: "charts" },
					chart({
						key: `vm-hit-${one.name}`,
						title: "Hit ratio",
						series: [{ label: "hit", colour: "series3", fill: true }],
						format: share,
						max: 1,
						data: series.data("hit"),
					}),
					chart({
						key: `vm-local-${one.name}`,
						title: "Local memory",
						max: one.cache_bytes / PAGE_BYTES,
						series: [{ label: "local", colour: "series4", fill: true }],
						format: pages,
						data: series.data("local"),
					}),
				),
		];
	},
};
