// SPDX-License-Identifier: GPL-2.0-only
// What was asked for, what is under way, and how it ended.

import { cancelOf } from "../actions.js";
import { confirm } from "../confirm.js";
import { h } from "../dom.js";
import { clock, size } from "../format.js";
import { has, panel, progress, state, table } from "../parts.js";

const ENDED_SHOWN = 100;

function took(operation) {
	const elapsed_s = (new Date(operation.ended_at) - new Date(operation.started_at)) / 1000;
	return Number.isNaN(elapsed_s) ? "" : `${elapsed_s.toFixed(1)} s`;
}

function cancelButton(operation, model) {
	const stop = cancelOf(operation);
	return (
		stop &&
		h(
			"button",
			{ type: "button", disabled: model.who?.role !== "operator", click: () => confirm(stop.action, stop.thing, model) },
			"Cancel",
		)
	);
}

const ENDED = [
	{ title: "Number", cell: (operation) => String(operation.id) },
	{ title: "What", cell: (operation) => `${operation.kind} ${operation.object}` },
	{ title: "Ended", cell: (operation) => state(operation.status) },
	{ title: "By", cell: (operation) => operation.requested_by ?? "" },
	{ title: "At", number: true, cell: (operation) => clock(operation.ended_at) },
	{ title: "Took", number: true, cell: took },
	{ title: "Reason", text: true, cell: (operation) => operation.error?.message ?? "" },
];

function about(operation) {
	const by = operation.requested_by && `by ${operation.requested_by}`;
	const moved = operation.bytes_moved > 0 && `${size(operation.bytes_moved)} moved`;
	return [` number ${operation.id}`, by, `began ${clock(operation.started_at)}`, moved].filter(Boolean).join(", ");
}

export const operations = {
	title: "Operations",
	filtered: true,
	command: () => ["operation", "list"],
	render(params, model, filter) {
		const all = [...model.operations]
			.reverse()
			.filter((one) => has(filter, one.kind, one.object, one.status, one.error?.message));
		const running = all.filter((one) => one.status === "running"),
			ended = all.filter((one) => one.status !== "running");
		return [
			panel(
				"Under way",
				{},
				running.length === 0
					? h("p", { class: "empty" }, "nothing")
					: h(
							"ul",
							{ class: "lines" },
							running.map((one) =>
								h(
									"li",
									{ "data-key": String(one.id) },
									h(
										"div",
										{ class: "line" },
										h(
											"span",
											{},
											h(
												"span",
												{ class: "strong" },
												`${one.kind} ${one.object}`,
											),
											h("span", { class: "dim" }, about(one)),
										),
										cancelButton(one, model),
									),
									progress(one),
								),
							),
						),
			),
			panel(
				"Ended",
				{},
				table("Operations that ended", ENDED, ended.slice(0, ENDED_SHOWN), {
					key: (one) => String(one.id),
					empty: "none yet",
				}),
				ended.length > ENDED_SHOWN && h("p", { class: "dim" }, `and ${ended.length - ENDED_SHOWN} before these`),
			),
		];
	},
};
