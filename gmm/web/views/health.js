// SPDX-License-Identifier: GPL-2.0-only
// Should somebody act? What is wrong, what it means, and what helps.

import { MUTE, UNMUTE } from "../actions.js";
import { actionButtons } from "../confirm.js";
import { h } from "../dom.js";
import { clock, seconds } from "../format.js";
import { command, panel, state } from "../parts.js";

const path = (code) => `/v1/health/${encodeURIComponent(code)}`;

function check(one, model) {
	const { value: told } = model.answer(path(one.code));
	const muted = one.muted && `muted${one.muted_until ? ` until ${clock(one.muted_until)}` : ""}${one.sticky ? ", sticky" : ""}`;
	return panel(
		null,
		{ class: "health-check", "data-key": one.code },
		h(
			"div",
			{ class: "line" },
			h("h2", {}, state(one.code, one.severity === "ERR" ? "bad" : "warn")),
			h(
				"span",
				{ class: "dim" },
				[one.severity === "ERR" ? "error" : "warning", `for ${seconds(one.since_s_ago)}`, muted]
					.filter(Boolean)
					.join(", "),
			),
		),
		h("p", { class: "strong" }, one.summary),
		h(
			"ul",
			{ class: "details" },
			one.details.map((detail) => h("li", {}, detail)),
			one.more > 0 && h("li", { class: "dim" }, `and ${one.more} more`),
		),
		told && h("p", { class: "dim" }, told.meaning),
		h("h3", {}, "What helps"),
		one.remedies.map((remedy) => command(remedy, "")),
		h("p", { class: "dim" }, `More: ${one.page}`),
		actionButtons([one.muted ? UNMUTE : MUTE], one, model),
	);
}

const WORDS = {
	HEALTH_OK: ["good", "Nothing to do."],
	HEALTH_WARN: ["warn", "Somebody should act."],
	HEALTH_ERR: ["bad", "Guests are affected: somebody must act."],
};

export const health = {
	title: "Health",
	command: () => ["health", "detail"],
	wants: (params, model) => (model.status?.health.checks ?? []).map((one) => path(one.code)),
	render(params, model) {
		const { status, checks, muted } = model.status.health;
		const [kind, words] = WORDS[status] ?? ["warn", ""];
		const order = [...checks].sort(
			(a, b) => a.muted - b.muted || (a.severity === "ERR" ? 0 : 1) - (b.severity === "ERR" ? 0 : 1),
		);
		return [
			panel(
				null,
				{ class: "sum" },
				h("div", { class: "line" }, h("span", { class: "big" }, state(status, kind)), h("span", {}, words)),
				muted.length > 0 && h("p", { class: "dim" }, `Muted: ${muted.join(", ")}`),
			),
			h(
				"div",
				{ class: "split even checks" },
				order.map((one) => check(one, model)),
			),
		];
	},
};
