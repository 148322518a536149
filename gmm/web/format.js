// SPDX-License-Identifier: GPL-2.0-only
// Numbers as people read them; the same units as gmm's tables.

export const PAGE_BYTES = 4096;
export const NONE = "\u2013";

export function size(bytes) {
	if (bytes === null || bytes === undefined) return NONE;
	const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
	let at = 0;
	while (bytes >= 1024 && at + 1 < units.length) {
		bytes /= 1024;
		at++;
	}
	const text = at === 0 || Number.isInteger(bytes) || bytes >= 100 ? bytes.toFixed(0) : bytes.toFixed(1);
	return `${text} ${units[at]}`;
}

export const pages = (count) => size(count * PAGE_BYTES);

/** A share, 0 to 1. */
export function share(value) {
	return value === null || value === undefined || Number.isNaN(value)
		? NONE
		: `${(value * 100).toFixed(value > 0 && value < 0.1 ? 1 : 0)} %`;
}

export function ratio(part, whole) {
	return whole > 0 ? part / whole : 0;
}

export function nanoseconds(ns) {
	if (!ns && ns !== 0) return NONE;
	if (ns >= 1e9) return `${(ns / 1e9).toFixed(2)} s`;
	if (ns >= 1e6) return `${(ns / 1e6).toFixed(2)} ms`;
	return ns >= 1000 ? `${(ns / 1000).toFixed(0)} \u00b5s` : `${ns.toFixed(0)} ns`;
}

export function count(value) {
	if (value === null || value === undefined) return NONE;
	if (value >= 1e9) return `${(value / 1e9).toFixed(2)} G`;
	if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
	return value >= 1e4 ? `${(value / 1000).toFixed(1)} k` : String(Math.round(value));
}

export const rate = (value) => (value === null || value === undefined ? NONE : `${count(value)}/s`);

export function seconds(value) {
	if (value === null || value === undefined) return "never";
	if (value < 10) return `${value.toFixed(1)} s`;
	if (value < 120) return `${value.toFixed(0)} s`;
	if (value < 7200) return `${Math.floor(value / 60)} min`;
	return value < 172800 ? `${Math.floor(value / 3600)} h ${Math.floor(value / 60) % 60} min` : `${Math.floor(value / 86400)} days`;
}

export const ago = (value) => (value === null || value === undefined ? "never" : `${seconds(value)} ago`);

/** The word of one, or that of many: for verbs. */
export const agree = (number, one, many) => (number === 1 ? one : many);

export function plural(number, word) {
	return `${number} ${word}${agree(number, "", "s")}`;
}

/** The time of day of an RFC 3339 time, as this browser's clock shows it. */
export function clock(text) {
	const time = new Date(text);
	return Number.isNaN(time.getTime()) ? NONE : time.toLocaleTimeString("en-GB");
}

/** A word of a shell's command line. */
export function quoted(word) {
	return /^[A-Za-z0-9._/:=,+@%-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

const UNITS = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** "1.5G" as bytes; null: it is no size of whole pages. */
export function bytes(text) {
	const match = /^(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?$/i.exec(text.trim());
	const value = match && Number(match[1]) * (UNITS[match[2].toUpperCase()] ?? 1);
	return match && value > 0 && value % PAGE_BYTES === 0 ? value : null;
}
