// SPDX-License-Identifier: GPL-2.0-only
// Who is there: the token is asked for, tried, and kept until the browser's tab is closed.

import * as api from "./api.js";
import { h } from "./dom.js";
import { command } from "./parts.js";

/** The form. `entered(who)` when a token is good; `reason`: why it is asked for again. */
export function login(reason, entered) {
	const problem = h("p", { class: "problem", role: "alert" }, reason ?? "");
	const secret = h("input", { type: "password", name: "token", autocomplete: "current-password", spellcheck: "false", id: "token" });
	const go = h("button", { type: "submit", class: "primary" }, "Enter");
	const form = h(
		"form",
		{ class: "login panel" },
		h("h1", {}, "Plenum"),
		h("p", {}, "The manager of this rack asks for a token: one line of its token file, read-only or operator."),
		h(
			"label",
			{ class: "field", for: "token" },
			h("span", {}, "Token"),
			secret,
			h("small", {}, "Without one: only when this page came through the manager\u2019s Unix socket."),
		),
		problem,
		h("div", { class: "buttons" }, go),
		command("gmmd --new-token /etc/plenum/tokens read-only NAME", "To make one, on the manager\u2019s host"),
	);
	form.onsubmit = async (event) => {
		event.preventDefault();
		go.disabled = true;
		problem.textContent = "";
		if (secret.value.trim()) api.token.set(secret.value.trim());
		else api.token.clear();
		try {
			entered(await api.get("/v1/token"));
		} catch (error) {
			api.token.clear();
			problem.textContent = error.http === 401 && !secret.value.trim() ? "A token is needed." : error.message;
			secret.focus();
		}
		go.disabled = false;
	};
	return form;
}
