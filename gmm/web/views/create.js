// SPDX-License-Identifier: GPL-2.0-only
// A form that makes a VM: what gmmd would do with it is shown before it is done.

import * as api from "../api.js";
import { nameOf, watch } from "../confirm.js";
import { h } from "../dom.js";
import { bytes } from "../format.js";
import { command, panel, tell } from "../parts.js";

const FIELDS = [
	{ name: "name", label: "Name", hint: "letters, digits, . _ -", required: true },
	{ name: "memory_bytes", label: "Memory", hint: "as in 256M or 1G", size: true, required: true },
	{ name: "cache_bytes", label: "Cache", hint: "its share of the process component's cache, as in 64M", size: true, required: true },
	{ name: "vcpus", label: "vCPUs", hint: "1 when it is left out", number: true },
	{ name: "kernel", label: "Kernel", hint: "path of a Linux bzImage on the manager's host", required: true },
	{ name: "initrd", label: "Initrd", hint: "path on the manager's host" },
	{ name: "command_line", label: "Command line", hint: "of the guest's kernel, as in console=ttyS0" },
	{
		name: "overcommit",
		label: "Overcommit",
		hint: "vCPUs may share processors; memory is reserved when the guest needs it",
		choices: ["none", "vcpus", "memory", "all"],
	},
	{ name: "bandwidth_mbps", label: "Bandwidth", hint: "Mbit/s of its component's link, reserved", number: true },
	{ name: "spread", label: "Spread", hint: "its memory is on at most so many components; 0: no limit", number: true },
	{ name: "devices", label: "Devices", hint: "as in serial,kvmclock, or none; empty: the usual ones", list: true },
	{ name: "restart", label: "Restart", hint: "what happens when the guest ends by itself", choices: ["no", "on-failure", "always"] },
];

/* As `gmm vm create` reads it. */
const listOf = (text) => (text === "none" ? [] : text.split(",").map((name) => name.trim()));

/* The request's body; throws what is wrong with it. */
function bodyOf(form) {
	const body = {};
	for (const field of FIELDS) {
		const text = form.elements[field.name].value.trim();
		if (!text && field.required) throw new Error(`${field.label} is missing`);
		if (!text || (field.choices && text === field.choices[0])) continue;
		body[field.name] = field.size ? bytes(text) : field.number ? Number(text) : field.list ? listOf(text) : text;
		if (field.size && body[field.name] === null)
			throw new Error(`${field.label}: ${text} is no size of whole pages of 4 KiB, as in 256M`);
		if (field.number && !Number.isInteger(body[field.name])) throw new Error(`${field.label}: ${text} is no whole number`);
	}
	if (form.elements.on.value) body.on = form.elements.on.value;
	return body;
}

function words(form) {
	const value = (name) => form.elements[name].value.trim();
	const option = (name, text) => (text ? [`--${name}`, text] : []);
	return [
		"vm",
		"create",
		value("name") || "NAME",
		"--memory",
		value("memory_bytes") || "SIZE",
		"--cache",
		value("cache_bytes") || "SIZE",
		"--kernel",
		value("kernel") || "FILE",
		...option("initrd", value("initrd")),
		...option("command-line", value("command_line")),
		...option("vcpus", value("vcpus")),
		...option("overcommit", value("overcommit") === "none" ? "" : value("overcommit")),
		...option("bandwidth", value("bandwidth_mbps") && `${value("bandwidth_mbps")}M`),
		...option("spread", value("spread")),
		...option("devices", value("devices").replace(/\s*,\s*/g, ",")),
		...option("restart", value("restart") === "no" ? "" : value("restart")),
		...option("on", form.elements.on.value),
	];
}

function input(field) {
	return h(
		"label",
		{ class: "field" },
		h("span", {}, field.label, field.required && h("span", { class: "dim" }, " (needed)")),
		field.choices
			? h(
					"select",
					{ name: field.name },
					field.choices.map((choice) => h("option", { value: choice }, choice)),
				)
			: h("input", { name: field.name, autocomplete: "off", spellcheck: "false", inputmode: field.number && "numeric" }),
		h("small", {}, field.hint),
	);
}

/* The form is made once and kept: what is typed must not be drawn anew. */
function make(model) {
	const may = model.who?.role === "operator";
	const said = h("p", { class: "plan whole", role: "status" }),
		problem = h("p", { class: "problem whole", role: "alert" }),
		shown = h("div", { class: "whole" });
	const on = h(
		"select",
		{ name: "on" },
		h("option", { value: "" }, "the one with most free cache"),
		model.status.nodes
			.filter((node) => node.role === "process")
			.map((node) => h("option", { value: node.name }, `${node.name}, ${node.state}`)),
	);
	const check = h("button", { type: "button", disabled: !may }, "Check"),
		create = h("button", { type: "submit", class: "primary", disabled: !may }, "Create");
	const form = h(
		"form",
		{ class: "form", novalidate: true },
		FIELDS.map(input),
		h("label", { class: "field" }, h("span", {}, "On"), on, h("small", {}, "process component")),
		shown,
		said,
		problem,
		h("div", { class: "buttons whole" }, check, create),
		!may &&
			h(
				"p",
				{ class: "why whole" },
				`The token \u201c${model.who?.name}\u201d is read-only: making a VM takes an operator\u2019s.`,
			),
	);
	const show = () => shown.replaceChildren(command(words(form)));
	const send = async (dry) => {
		said.textContent = problem.textContent = "";
		try {
			const body = bodyOf(form);
			if (dry) {
				said.textContent = `gmmd ${(await api.request("POST", "/v1/vms", { ...body, dry_run: true })).would}.`;
				return;
			}
			const operation = await api.begin("POST", "/v1/vms", body);
			tell(`${nameOf(operation)}: under way`, "busy");
			watch(operation, model);
			location.hash = "#/vms";
		} catch (error) {
			problem.textContent = error.message;
		}
	};
	form.oninput = show;
	form.onsubmit = (event) => {
		event.preventDefault();
		send(false);
	};
	check.onclick = () => send(true);
	show();
	return form;
}

export const create = {
	title: "Create a VM",
	parent: "#/vms",
	command: () => ["help", "vm", "create"],
	enter: (params, model) => {
		create.form = null;
		create.make = () => make(model);
	},
	render() {
		create.form ??= create.make();
		const box = panel(null, { "data-keep": true, "data-key": "create" });
		if (!create.form.isConnected) box.append(create.form);
		return box;
	},
};
