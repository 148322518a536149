// SPDX-License-Identifier: GPL-2.0-only
// What an operator can do: for each, when it can be done, what will happen, the request, and the command that does the same.

import { agree, plural, seconds } from "./format.js";

const nodePath = (node, verb) => `/v1/nodes/${encodeURIComponent(node.name)}/${verb}`;
const vmPath = (vm, verb) => `/v1/vms/${encodeURIComponent(vm.name)}${verb ? `/${verb}` : ""}`;

const gone = (node) => node.state === "down" || node.state === "absent";

export const NODE_ACTIONS = [
	{
		verb: "cordon",
		label: "Cordon",
		when: (node) => ["admitted", "draining"].includes(node.admin ?? "admitted"),
		what: (node) =>
			node.admin === "draining"
				? "The drain is given up; what has moved stays where it is, and the node is given nothing new."
				: `${node.name} is given nothing new. What it has stays, and goes on.`,
	},
	{
		verb: "uncordon",
		label: "Uncordon",
		when: (node) => node.admin === "cordoned",
		what: (node) => `${node.name} takes regions or VMs again.`,
	},
	{
		verb: "drain",
		label: "Drain",
		operation: true,
		when: (node) =>
			node.role === "memory" && node.state === "up" && ["admitted", "cordoned"].includes(node.admin ?? "admitted"),
		what: (node) =>
			`Its regions move to other memory components, under the running guests. Nothing new is placed on ${node.name}.`,
	},
	{
		verb: "drain",
		label: "Cancel the drain",
		body: { cancel: true },
		words: ["--cancel"],
		when: (node) => node.admin === "draining",
		what: (node) => `What has moved stays where it is, and ${node.name} takes regions again.`,
	},
	{
		verb: "maintenance",
		label: "Maintenance",
		when: (node) => ["cordoned", "draining"].includes(node.admin),
		what: (node) => `${node.name} is set aside and may be switched off. It must hold nothing; else this is refused.`,
	},
	{
		verb: "restore",
		label: "Restore",
		when: (node) => node.admin === "maintenance",
		what: (node) => `${node.name} takes part in the rack again.`,
	},
	{
		verb: "retire",
		label: "Retire",
		danger: true,
		when: (node) => node.admin === "maintenance" || (gone(node) && ["admitted", "cordoned", undefined].includes(node.admin)),
		what: (node) =>
			`${node.name} leaves the rack for good: it may not join again, and its name is free once its section is removed.`,
	},
	{
		verb: "forget",
		label: "Forget",
		danger: true,
		method: "DELETE",
		noVerb: true,
		when: (node) => node.admin === "retired" && node.origin === "admitted",
		what: (node) => `${node.name} is no more: its name, MAC and address are free.`,
	},
].map((action) => ({
	method: "POST",
	dryRun: true,
	...action,
	path: (node) => (action.noVerb ? `/v1/nodes/${encodeURIComponent(node.name)}` : nodePath(node, action.verb)),
	command: (node) => ["node", action.verb, node.name, ...(action.words ?? [])],
	title: (node) => `${action.label}: ${node.name}`,
}));

const ALIVE = ["running", "paused", "loading"];

/** Why something that takes a device cannot be done with a VM; null: it can, or its devices are not known yet. */
const without = (vm, device, reason) => (vm.devices && !vm.devices.includes(device) ? reason : null);
export const noConsole = (vm) =>
	without(vm, "serial", `${vm.name} has no console: it was created without the device \u201cserial\u201d.`);
const noButton = (vm) => without(vm, "button", `${vm.name} has no power button: it cannot be asked to stop, only killed.`);

export const VM_ACTIONS = [
	{
		verb: "start",
		label: "Start",
		operation: true,
		dryRun: true,
		when: (vm) => ["created", "powered-off", "stopped", "failed"].includes(vm.state),
		what: (vm) => `${vm.node} loads the guest's kernel and runs it.`,
	},
	{
		verb: "stop",
		label: "Stop",
		operation: true,
		dryRun: true,
		danger: true,
		when: (vm) => ALIVE.includes(vm.state),
		refused: noButton,
		what: () => "The guest's power button is pressed; what is not off within 30 s is ended. The VM and its memory stay.",
	},
	{
		verb: "kill",
		label: "Kill",
		operation: true,
		dryRun: true,
		danger: true,
		when: (vm) => ALIVE.includes(vm.state),
		what: () => "The guest ends at once, as by a power cut. The VM and its memory stay.",
	},
	{
		verb: "resize",
		label: "Resize the cache",
		operation: true,
		dryRun: true,
		form: "resize",
		when: (vm) => ["created", "running", "paused", "powered-off", "stopped"].includes(vm.state),
		what: (vm) => `Its share of the cache of ${vm.node} changes, under the running guest.`,
		words: (body) => ["--cache", body.cache_bytes ? String(body.cache_bytes) : "SIZE"],
	},
	{
		verb: "set",
		label: "Settings",
		go: "Change",
		dryRun: true,
		form: "settings",
		method: "PATCH",
		noVerb: true,
		when: (vm) => vm.restart,
		what: () =>
			"What is left empty stays as it is. Changes hold at once; with a restart policy its restarts are counted anew. " +
			"No region moves for another spread: balancing does that.",
		words: (body) => [
			...(body.restart ? ["--restart", body.restart] : []),
			...(body.restart_max ? ["--restart-max", String(body.restart_max)] : []),
			...(body.bandwidth_mbps >= 0 ? ["--bandwidth", body.bandwidth_mbps === 0 ? "0" : `${body.bandwidth_mbps}M`] : []),
			...(body.spread >= 0 ? ["--spread", String(body.spread)] : []),
		],
	},
	{
		verb: "destroy",
		label: "Destroy",
		operation: true,
		dryRun: true,
		danger: true,
		typed: true,
		method: "DELETE",
		noVerb: true,
		when: () => true,
		what: (vm) => `The guest ends, and its ${plural(vm.regions, "region")} ${agree(vm.regions, "is", "are")} given back. Its memory is gone for good.`,
	},
].map((action) => ({
	method: "POST",
	...action,
	path: (vm) => vmPath(vm, action.noVerb ? "" : action.verb),
	command: (vm, body) => ["vm", action.verb, vm.name, ...(action.words?.(body) ?? [])],
	title: (vm) => `${action.label}: ${vm.name}`,
}));

export const ADMIT = {
	label: "Admit",
	method: "POST",
	path: () => "/v1/nodes",
	dryRun: true,
	form: "admit",
	title: (machine) => `Admit ${machine.mac}`,
	what: () =>
		"The machine becomes a node of this rack: at its next question it is given the image of its role, and joins. That lasts.",
	command: (machine, body) => [
		"node",
		"admit",
		body.name ?? "NAME",
		"--mac",
		machine.mac,
		"--role",
		body.role,
		...(body.ip ? ["--ip", body.ip] : []),
		...(body.domain ? ["--domain", body.domain] : []),
	],
};

export const REJECT = {
	label: "Reject",
	method: "DELETE",
	path: (machine) => `/v1/machines/${encodeURIComponent(machine.mac)}`,
	title: (machine) => `Reject ${machine.mac}`,
	what: () => "The machine is forgotten; it is seen again when it asks again.",
	command: (machine) => ["node", "reject", machine.mac],
};

export const BALANCE = {
	label: "Apply the plan",
	operation: true,
	method: "POST",
	path: () => "/v1/balance/apply",
	command: () => ["balance", "apply"],
	title: () => "Balance the rack's memory",
	dryRun: true,
	what: (plan) =>
		"Regions move under the running guests; moves slow down when guests feel them." +
		(plan.ready_in_s > 0 ? ` It begins in ${seconds(plan.ready_in_s)}.` : ""),
};

export const BALANCE_CANCEL = {
	label: "Stop balancing",
	method: "POST",
	path: () => "/v1/balance/apply",
	body: { cancel: true },
	command: () => ["balance", "apply", "--cancel"],
	dryRun: true,
	title: () => "Stop balancing",
	what: () => "No further region is moved; what was moved stays where it is.",
};

export const MUTE = {
	label: "Mute",
	method: "POST",
	path: (check) => `/v1/health/${encodeURIComponent(check.code)}/mute`,
	form: "mute",
	command: (check, body) => [
		"health",
		"mute",
		check.code,
		...(body.for_s ? ["--for", `${body.for_s}s`] : []),
		...(body.sticky ? ["--sticky"] : []),
	],
	title: (check) => `Mute ${check.code}`,
	what: () => "The check does not count in the rack's health until it gets worse, or comes again.",
};

export const UNMUTE = {
	label: "Unmute",
	method: "POST",
	path: (check) => `/v1/health/${encodeURIComponent(check.code)}/unmute`,
	command: (check) => ["health", "unmute", check.code],
	title: (check) => `Unmute ${check.code}`,
	what: () => "The check counts again.",
};

/** What stops an operation that is under way; null: nothing does. */
export function cancelOf(operation) {
	if (operation.kind === "balance.apply") return { action: BALANCE_CANCEL, thing: operation };
	if (operation.kind === "node.drain")
		return { action: NODE_ACTIONS.find((action) => action.words), thing: { name: operation.object } };
	return null;
}
