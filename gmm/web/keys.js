// SPDX-License-Identifier: GPL-2.0-only
// The keyboard: those of the full-screen console (docs/console.md), where a browser leaves them free.

export const KEYS = [
	["1 \u2013 7", "views: overview, nodes, memory, VMs, operations, events, health"],
	["h", "the rack's health"],
	["j, k", "next and previous row; Enter opens it"],
	["/", "only rows with this text; Esc takes it away"],
	["n", "VMs: create one"],
	["c", "a VM: its serial console; Ctrl-] leaves it"],
	["p", "events: the list stands still, and goes on"],
	["r", "ask gmmd now"],
	["y", "copy the command for this page"],
	["Esc", "back"],
	["?", "this help"],
];

function typing(target) {
	return target.closest?.("input, textarea, select, .terminal") !== null;
}

function moveRow(step) {
	const rows = [...document.querySelectorAll("#main [data-row]")];
	const at = rows.indexOf(document.activeElement);
	const next = rows[at < 0 ? (step > 0 ? 0 : rows.length - 1) : at + step];
	next?.focus();
}

/** `act` has a function for each key's meaning. */
export function listen(act) {
	document.addEventListener("keydown", (event) => {
		if (event.ctrlKey || event.altKey || event.metaKey || document.querySelector("dialog[open]")) return;
		if (typing(event.target)) {
			if (event.key === "Escape" && event.target.matches("input[type=search]")) act.clearFilter(event.target);
			return;
		}
		if (event.key >= "1" && event.key <= "7") act.view(Number(event.key) - 1);
		else if (event.key === "j" || event.key === "k") moveRow(event.key === "j" ? 1 : -1);
		else if (event.key in act.keys) act.keys[event.key]();
		else return;
		event.preventDefault();
	});
}
