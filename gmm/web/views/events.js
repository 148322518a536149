// SPDX-License-Identifier: GPL-2.0-only
// What happened, newest first, as it comes.

import { h } from "../dom.js";
import { clock } from "../format.js";
import { has, panel, table } from "../parts.js";

const SHOWN = 200;
const KINDS = ["node", "vm", "refused", "warning", "health", "key"];

const COLUMNS = [
	{ title: "Number", cell: (event) => String(event.sequence) },
	{ title: "Time", cell: (event) => h("time", { datetime: event.time, title: event.time }, clock(event.time)) },
	{ title: "Kind", cell: (event) => h("span", { class: `kind ${KINDS.includes(event.kind) ? event.kind : ""}` }, event.kind) },
	{ title: "Object", cell: (event) => event.object },
	{ title: "What", text: true, cell: (event) => event.text },
];

export const events = {
	title: "Events",
	filtered: true,
	paused: null /* the events as they were when the list was told to stand still */,
	command: () => ["events", "--follow"],
	keys: (params, model, redraw) => ({ p: () => events.pause(model, redraw) }),
	pause(model, redraw) {
		events.paused = events.paused ? null : [...model.events];
		redraw();
	},
	leave: () => {
		events.paused = null;
	},
	buttons: (params, model, redraw) =>
		h(
			"button",
			{ type: "button", "aria-pressed": events.paused ? "true" : "false", click: () => events.pause(model, redraw) },
			events.paused ? "Go on" : "Pause",
		),
	render(params, model, filter) {
		const all = events.paused ?? model.events;
		const last = all.at(-1)?.sequence ?? 0;
		const fresh = model.events.filter((event) => event.sequence > last).length;
		const rows = all
			.filter((event) => has(filter, event.kind, event.object, event.text, event.sequence))
			.slice(-SHOWN)
			.reverse();
		return [
			model.eventsLost &&
				h("p", { class: "problem" }, "Some events passed while gmmd was out of reach and are no longer kept."),
			h(
				"p",
				{ class: "dim", role: "status" },
				events.paused
					? `The list stands still; ${fresh} newer.`
					: model.streamLost
						? "The stream of events is cut off; trying again."
						: "Live.",
			),
			panel(
				null,
				{},
				table("Events", COLUMNS, rows, {
					key: (event) => String(event.sequence),
					empty: filter ? "nothing passes the filter" : "none yet",
				}),
			),
		];
	},
};
