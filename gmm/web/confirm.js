// SPDX-License-Identifier: GPL-2.0-only
// The dialog between an action and its being done: what will happen, the command, and what gmmd says to it.

import * as api from "./api.js";
import { h } from "./dom.js";
import { bytes, seconds, size } from "./format.js";
import { command, tell } from "./parts.js";

const PAUSE_MS = 300; /* in typing, after which gmmd is asked what it would do */
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

const whole = (text, least) => (/^\d+$/.test(text) && Number(text) >= least ? Number(text) : undefined);
/* { name: number } of a field that is filled in, {} of an empty one. */
const filled = (field, name, least) => (field.value.trim() ? { [name]: whole(field.value.trim(), least) } : {});

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
	settings: {
		fields: (vm) => [
			choice(
				"restart",
				"Restart when the guest ends by itself",
				[["", `as it is: ${vm.restart.policy}`], ...["no", "on-failure", "always"].map((policy) => [policy, policy])],
			),
			input("max", "Restarts at most", `in ${seconds(vm.restart.window_s)}; now ${vm.restart.max}`),
			input("bandwidth", "Bandwidth", `Mbit/s of its component's link, reserved; now ${vm.bandwidth_mbps}`),
			input("spread", "Spread", `memory components at most, 0: no limit; now ${vm.spread} (it is on ${vm.memory_components})`),
		],
		body: (fields) => {
			const body = {
				...(fields.restart.value ? { restart: fields.restart.value } : {}),
				...filled(fields.max, "restart_max", 1),
				...filled(fields.bandwidth, "bandwidth_mbps", 0),
				...filled(fields.spread, "spread", 0),
			};
			return Object.keys(body).length > 0 ? body : { restart: undefined };
		},
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
	const would = h("span", { class: "would", role: "status" });
	const plan = h("p", { class: "plan" }, action.what(thing, model), would);
	let refused = false;
	const words = h("div", {});
	const go = h("button", { type: "submit", class: action.danger ? "danger" : "primary" }, action.go ?? action.label);
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
	let asked = 0;
	const ask = async () => {
		const turn = ++asked;
		const said = await askBefore(action, thing, bodyOf(action, thing, form));
		if (turn !== asked || !form.isConnected) return;
		would.textContent = said.would ?? "";
		problem.textContent = said.problem ?? "";
		refused = Boolean(said.problem);
		show();
	};
	const complete = (body) => !Object.values(body).includes(undefined);
	const show = () => {
		const body = bodyOf(action, thing, form) ?? {};
		words.replaceChildren(command(action.command(thing, body)));
		go.disabled = refused || !complete(body) || (action.typed && form.elements.typed.value !== thing.name);
	};
	let pause;
	form.oninput = (event) => {
		if (action.dryRun && event.target.name !== "typed") {
			clearTimeout(pause);
			asked++; /* what it says to what was there before does not count */
			would.textContent = problem.textContent = "";
			refused = false;
			if (complete(bodyOf(action, thing, form) ?? {})) pause = setTimeout(ask, PAUSE_MS);
		}
		show();
	};
	form.onsubmit = async (event) => {
		event.preventDefault();
		clearTimeout(pause);
		asked++;
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
	if (action.dryRun && complete(bodyOf(action, thing, form) ?? {})) ask();
}

/* gmmd's own word on it: what it would do, or why not. */
async function askBefore(action, thing, body) {
	try {
		const { would } = await api.request(action.method, action.path(thing), { ...body, dry_run: true });
		return { would: would.startsWith("would ") ? ` gmmd ${would}.` : ` gmmd: ${would}.` };
	} catch (error) {
		return { problem: error.message };
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

/**
 * The button of what cannot be done. It stays a stop of Tab, so that the reason is told there, too: `reason` is what a mouse gets, and also
 * stands in the element with the id `describedBy`.
 */
export function refusedButton(label, reason, describedBy) {
	return h(
		"button",
		{
			type: "button",
			"aria-disabled": "true",
			"aria-describedby": describedBy,
			title: reason,
			"data-key": label,
			click: () => tell(reason, "warn"),
		},
		label,
	);
}

/** Buttons of what can be done now; told why when the token may not, or the thing is not made for it. */
export function actionButtons(actions, thing, model) {
	const may = model.who?.role === "operator";
	const shown = actions.filter((action) => !action.when || action.when(thing));
	if (shown.length === 0) return null;
	const reasons = new Map(shown.map((action) => [action, (may && action.refused?.(thing)) || null]));
	return h(
		"div",
		{ class: "actions", role: "group", "aria-label": "Actions" },
		shown.map((action) =>
			reasons.get(action)
				? refusedButton(action.label, reasons.get(action), `why-${action.verb}`)
				: h(
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
		[...reasons].map(([action, reason]) => reason && h("p", { class: "why", id: `why-${action.verb}` }, reason)),
		!may && h("p", { class: "why" }, `The token \u201c${model.who?.name}\u201d is read-only: actions take an operator\u2019s.`),
	);
}
