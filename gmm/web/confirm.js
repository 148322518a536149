// SPDX-License-Identifier: GPL-2.0-only
// The dialog between an action and its being done: what will happen, the command, and what gmmd says to it.

import * as api from "./api.js";
import { h } from "./dom.js";
import { bytes, seconds, size } from "./format.js";
import { command, tell } from "./parts.js";

const WAIT_S = 5; /* of one question how an operation is doing; shorter than a request may take */

const dialog = () => document.getElementById("dialog");

/** "vm.start web" */
export const nameOf = (operation) => [operation.kind, operation.object].filter(Boolean).join(" ");

/** Follow an operation to its end and tell how it ended. */
export async function watch(operation, model) {
	const name = nameOf(operation);
	while (operation.status === "running" && model.running) {
		try {
			operation = await api.get(`/v1/operations/${operation.id}?wait=${WAIT_S}`);
		} catch (error) {
			if (error.http !== 0) {
				tell(`${name}: ${error.message}`, "bad");
				return;
			}
			await new Promise((resolve) => setTimeout(resolve, 1000));
		}
	}
	model.slowSoon = true;
	model.look();
	if (operation.status === "succeeded") tell(`${name}: done`);
	else if (operation.status === "failed") tell(`${name} failed: ${operation.error.message}`, "bad");
}

async function carryOut(action, thing, body, model) {
	const answer = await api.begin(action.method, action.path(thing), body);
	if (action.operation && answer && answer.id) {
		tell(`${nameOf(answer)}: under way`, "busy");
		watch(answer, model);
	} else {
		tell(`${action.title(thing)}: done`);
	}
	model.slowSoon = true;
	model.look();
}

const input = (name, label, hint) =>
	h("label", {}, label, h("input", { name, autocomplete: "off", spellcheck: "false" }), hint && h("small", {}, hint));
const choice = (name, label, choices) =>
	h(
		"label",
		{},
		label,
		h(
			"select",
			{ name },
			choices.map(([value, text]) => h("option", { value }, text)),
		),
	);

const whole = (text) => (/^[1-9]\d*$/.test(text) ? Number(text) : undefined);

/* Fields of the dialog, and the request's body made of them; what of it is undefined is still missing, and nothing is sent. */
const FORMS = {
	mute: {
		fields: () => [
			choice("for_s", "For", [
				["0", "without an end"],
				["3600", "1 hour"],
				["14400", "4 hours"],
				["86400", "1 day"],
			]),
			h(
				"label",
				{ class: "check" },
				h("input", { type: "checkbox", name: "sticky" }),
				"also when it gets worse, or comes again",
			),
		],
		body: (fields) => ({ for_s: Number(fields.for_s.value), sticky: fields.sticky.checked }),
	},
	resize: {
		fields: (vm) => input("cache", "Cache", `now ${size(vm.cache_bytes)}; as in 64M`),
		body: (fields) => ({ cache_bytes: bytes(fields.cache.value) ?? undefined }),
	},
	restart: {
		fields: (vm) => [
			choice(
				"restart",
				`Restart (now ${vm.restart.policy})`,
				["no", "on-failure", "always"].map((policy) => [policy, policy]),
			),
			input("max", "Restarts", `at most so many in ${seconds(vm.restart.window_s)}; now ${vm.restart.max}`),
		],
		body: (fields) => ({
			restart: fields.restart.value,
			...(fields.max.value.trim() ? { restart_max: whole(fields.max.value.trim()) } : {}),
		}),
	},
	admit: {
		fields: (machine) => [
			input("name", "Name", "letters, digits, . _ -"),
			choice(
				"role",
				"Role",
				machine.svm
					? [
							["process", "process component"],
							["memory", "memory component"],
						]
					: [
							["memory", "memory component"],
							["process", "process component (needs AMD SVM)"],
						],
			),
			input("ip", "Address", "the next free one when it is left out"),
			input("domain", "Failure domain", "what fails together with it; it fails alone when it is left out"),
		],
		body: (fields, machine) => ({
			name: fields.name.value.trim() || undefined,
			mac: machine.mac,
			role: fields.role.value,
			...(fields.ip.value.trim() ? { ip: fields.ip.value.trim() } : {}),
			...(fields.domain.value.trim() ? { domain: fields.domain.value.trim() } : {}),
		}),
	},
};

function bodyOf(action, thing, form) {
	return action.form ? FORMS[action.form].body(form.elements, thing) : action.body;
}

/** Ask, and do it when the answer is yes. */
export function confirm(action, thing, model) {
	const box = dialog();
	const problem = h("p", { class: "problem", role: "alert" });
	const plan = h("p", { class: "plan" }, action.what(thing, model));
	const words = h("div", {});
	const go = h("button", { type: "submit", class: action.danger ? "danger" : "primary" }, action.label);
	const typed =
		action.typed &&
		h("label", {}, `Type ${thing.name} to do it`, h("input", { name: "typed", autocomplete: "off", spellcheck: "false" }));
	const form = h(
		"form",
		{ method: "dialog" },
		h("h2", { id: "dialog-title" }, action.title(thing)),
		plan,
		action.form && FORMS[action.form].fields(thing),
		typed || null,
		words,
		problem,
		h("div", { class: "buttons" }, h("button", { type: "button", class: "cancel", click: () => box.close() }, "Cancel"), go),
	);
	const show = () => {
		const body = bodyOf(action, thing, form) ?? {};
		words.replaceChildren(command(action.command(thing, body)));
		go.disabled =
			form.refused ||
			Object.values(body).includes(undefined) ||
			(action.typed && form.elements.typed.value !== thing.name);
	};
	form.oninput = show;
	form.onsubmit = async (event) => {
		event.preventDefault();
		go.disabled = true;
		problem.textContent = "";
		try {
			await carryOut(action, thing, bodyOf(action, thing, form), model);
			box.close();
		} catch (error) {
			problem.textContent = error.message;
			go.disabled = false;
		}
	};
	open(form);
	show();
	if (action.dryRun) askBefore(action, thing, form, plan, problem).then(show);
}

/* gmmd's own word on it. */
async function askBefore(action, thing, form, plan, problem) {
	try {
		const answer = await api.request(action.method, action.path(thing), { ...action.body, dry_run: true });
		plan.append(h("span", { class: "would" }, ` gmmd ${answer.would}.`));
	} catch (error) {
		problem.textContent = error.message;
		form.refused = true;
	}
}

/** Show something in the dialog; the focus goes back to where it was when it is closed. */
export function open(content) {
	const box = dialog();
	const before = document.activeElement;
	box.replaceChildren(content);
	box.onclose = () => {
		box.replaceChildren();
		if (before?.isConnected) before.focus();
	};
	box.showModal();
	(content.querySelector?.("input, select, .cancel") ?? box).focus();
}

/** Buttons of what can be done now; told why when the token may not. */
export function actionButtons(actions, thing, model) {
	const may = model.who?.role === "operator";
	const shown = actions.filter((action) => !action.when || action.when(thing));
	if (shown.length === 0) return null;
	return h(
		"div",
		{ class: "actions", role: "group", "aria-label": "Actions" },
		shown.map((action) =>
			h(
				"button",
				{
					type: "button",
					class: action.danger ? "danger" : undefined,
					disabled: !may || model.lost,
					"data-key": action.label,
					click: () => confirm(action, thing, model),
				},
				action.label,
			),
		),
		!may && h("p", { class: "why" }, `The token \u201c${model.who?.name}\u201d is read-only: actions take an operator\u2019s.`),
	);
}
