// SPDX-License-Identifier: GPL-2.0-only
// Elements from calls, never from markup: what comes from a node or a guest becomes text or an attribute's value, and nothing else.
// Views draw themselves anew each time; morph() changes what is there only where it differs, so focus and scrolling stay.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
	for (const [name, value] of Object.entries(attributes ?? {})) {
		if (value === undefined || value === null || value === false) continue;
		if (typeof value === "function") element["on" + name] = value;
		else element.setAttribute(name, value === true ? "" : String(value));
	}
	element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
	return element;
}

/** An element. A function among the attributes is the handler of the event of that name: { click: () => ... }. */
export function h(tag, attributes, ...children) {
	return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes, ...children) {
	return fill(document.createElementNS(SVG, tag), attributes, children);
}

const HANDLERS = ["onclick", "onsubmit", "oninput", "onchange", "onkeydown", "onmouseenter", "onmouseleave", "onfocus", "onblur"];

function sameKind(a, b) {
	return a.nodeType === b.nodeType && a.nodeName === b.nodeName && a.dataset?.key === b.dataset?.key;
}

function morphAttributes(from, to) {
	for (const { name } of [...from.attributes])
		if (!to.hasAttribute(name) && !(name === "open" && from.nodeName === "DETAILS")) from.removeAttribute(name);
	for (const { name, value } of to.attributes) if (from.getAttribute(name) !== value) from.setAttribute(name, value);
	for (const name of HANDLERS) if (from[name] || to[name]) from[name] = to[name];
}

/** Make `from` what `to` is. What has data-keep is left alone and only given `to.data`. */
export function morph(from, to) {
	if (from.nodeType !== Node.ELEMENT_NODE) {
		if (from.data !== to.data) from.data = to.data;
		return;
	}
	if (from.dataset?.keep !== undefined) {
		from.given = to.given;
		return;
	}
	morphAttributes(from, to);
	morphChildren(from, [...to.childNodes]);
}

export function morphChildren(parent, wanted) {
	const keyed = new Map();
	for (const child of parent.childNodes) if (child.dataset?.key !== undefined) keyed.set(child.dataset.key, child);
	let at = parent.firstChild;
	for (const next of wanted) {
		const key = next.dataset?.key;
		const found = key !== undefined ? keyed.get(key) : at;
		if (!found || !sameKind(found, next)) {
			parent.insertBefore(next, at);
			continue;
		}
		if (found === at) at = at.nextSibling;
		else parent.insertBefore(found, at);
		morph(found, next);
	}
	while (at) {
		const next = at.nextSibling;
		at.remove();
		at = next;
	}
}
