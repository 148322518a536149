// SPDX-License-Identifier: GPL-2.0-only
// What the charts show: rates and latencies between two looks, for the last quarter of an hour.

const POINTS_MAX = 450;

/** The quantile of what came between two histograms of vm.stats: buckets are quarters of powers of two (lib/histogram.h). */
export function quantileBetween(before, after, permille) {
	const old = new Map((before?.buckets ?? []).map((bucket) => [bucket.from_ns, bucket.count]));
	const fresh = (after?.buckets ?? []).map((bucket) => [bucket.from_ns, bucket.count - (old.get(bucket.from_ns) ?? 0)]);
	const total = fresh.reduce((sum, [, count]) => sum + count, 0);
	if (total <= 0 || fresh.some(([, count]) => count < 0)) return null;
	let rest = Math.max(1, Math.ceil((total * permille) / 1000));
	for (const [from, count] of fresh) {
		if (count >= rest) return from + (2 ** Math.max(0, Math.floor(Math.log2(Math.max(from, 1))) - 2) * rest) / count;
		rest -= count;
	}
	return null;
}

export class Series {
	constructor(names) {
		this.time = [];
		this.values = Object.fromEntries(names.map((name) => [name, []]));
	}

	add(time, values) {
		this.time.push(time);
		for (const [name, list] of Object.entries(this.values)) list.push(values[name] ?? null);
		if (this.time.length > POINTS_MAX) for (const list of [this.time, ...Object.values(this.values)]) list.shift();
	}

	last(name) {
		return this.values[name].at(-1) ?? null;
	}

	/** As uPlot takes it. */
	data(...names) {
		return [this.time, ...names.map((name) => this.values[name])];
	}
}

/** Per second; null at the first look, when no time has passed, and when a counter began anew. */
export function perSecond(before, after, elapsed_s) {
	return before === undefined || elapsed_s <= 0 || after < before ? null : (after - before) / elapsed_s;
}
