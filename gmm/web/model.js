// SPDX-License-Identifier: GPL-2.0-only
// What this page knows of the rack: figures asked for every other second while the page is in sight, and events as they come. gmmd is
// the only source; nothing is kept but for the charts.

import * as api from "./api.js";
import { perSecond, quantileBetween, Series } from "./history.js";

const INTERVAL_MS = 2000;
const RETRY_MS = [1000, 2000, 4000, 8000];
const SLOW_TICKS = 5; /* what is long and seldom changes is asked for each so many looks */
const EVENTS_MAX = 1024; /* as many as gmmd keeps */
const STATS_MAX = 24; /* VMs whose counters are asked for at one look */
const EVENT_REFRESH_MS = 250;
const RATE_S_MIN = 1; /* rates of shorter times would be mostly noise */

const NODE_SERIES = ["pages", "reserved", "written", "busy"];
const VM_SERIES = ["misses", "hit", "local", "p50", "p99"];
const RACK_SERIES = ["misses", "p50", "p99", "reserved", "written", "reads", "writes"];

export class Model {
	constructor(changed, refused) {
		this.changed = changed; /* something new is to be shown */
		this.refused = refused; /* (error) the token is not good any more */
		this.who = null;
		this.paths = []; /* that the view wants besides */
		this.clear();
		document.addEventListener("visibilitychange", () => (document.hidden ? this.rest() : this.wake()));
	}

	clear() {
		Object.assign(this, {
			status: null,
			vms: [],
			operations: [],
			regions: [],
			events: [],
			eventsLost: false,
			answers: new Map(),
			stats: new Map(),
			nodeRates: new Map(),
			nodeSeries: new Map(),
			vmSeries: new Map(),
			rack: new Series(RACK_SERIES),
			goodAt: 0,
			failure: null,
			tries: 0,
			ticks: 0,
			streamLost: false,
			running: false,
			lastLook: 0,
		});
	}

	start(who) {
		this.who = who;
		this.running = true;
		this.wake();
	}

	stop() {
		this.running = false;
		this.rest();
		this.clear();
		this.who = null;
	}

	wake() {
		if (!this.running) return;
		this.look();
		this.follow();
	}

	/* Out of sight nothing is asked for: a browser opens few connections to one server, and other pages need them. */
	rest() {
		clearTimeout(this.timer);
		this.timer = null;
		this.stream?.close();
		this.stream = null;
	}

	get lost() {
		return this.failure !== null;
	}

	// ------------------------------------------------------------ figures

	want(paths) {
		this.paths = paths;
		for (const path of this.answers.keys()) if (!paths.includes(path)) this.answers.delete(path);
		if (this.running && paths.some((path) => !this.answers.has(path))) this.look();
	}

	answer(path) {
		return this.answers.get(path) ?? {};
	}

	/** Look now, and from then on in the usual distance. Looks do not overlap. */
	async look() {
		clearTimeout(this.timer);
		if (this.looking) {
			this.again = true;
			return;
		}
		this.looking = true;
		this.again = false;
		await this.lookOnce();
		this.looking = false;
		if (!this.running || document.hidden) return;
		const wait_ms = this.again ? 0 : this.lost ? RETRY_MS[Math.min(this.tries - 1, RETRY_MS.length - 1)] : INTERVAL_MS;
		this.timer = setTimeout(() => this.look(), wait_ms);
	}

	async lookOnce() {
		const who = this.who;
		const slow = this.ticks++ % SLOW_TICKS === 0 || this.slowSoon;
		this.slowSoon = false;
		try {
			const [status, vms, operations, regions] = await Promise.all([
				api.get("/v1/status"),
				api.get("/v1/vms"),
				slow || this.busy() ? api.get("/v1/operations") : this.operations,
				slow ? api.get("/v1/regions") : this.regions,
				...this.paths.map((path) => this.ask(path)),
			]);
			if (this.who !== who || !who) return;
			Object.assign(this, { status, vms, operations, regions, failure: null, tries: 0, goodAt: Date.now() });
			await this.askStats();
			this.takeRates();
		} catch (error) {
			if (this.who !== who || !who) return;
			if (error.http === 401) {
				this.refused(error);
				return;
			}
			this.failure = error;
			this.tries++;
		}
		this.changed();
	}

	busy() {
		return this.operations.some((operation) => operation.status === "running");
	}

	async ask(path) {
		try {
			this.answers.set(path, { value: await api.get(path) });
		} catch (error) {
			if (error.http === 0 || error.http === 401) throw error;
			this.answers.set(path, { error });
		}
	}

	async askStats() {
		const known = new Set(this.vms.map((vm) => vm.name));
		for (const table of [this.stats, this.vmSeries]) for (const name of table.keys()) if (!known.has(name)) table.delete(name);
		const names = [...known];
		const first = names.length > STATS_MAX ? (this.ticks * STATS_MAX) % names.length : 0;
		const chosen = [...names.slice(first), ...names.slice(0, first)].slice(0, STATS_MAX);
		await Promise.all(chosen.map((name) => this.askStatsOf(name)));
	}

	async askStatsOf(name) {
		try {
			const now = await api.get(`/v1/vms/${encodeURIComponent(name)}/stats`);
			const before = this.stats.get(name);
			const at = performance.now() / 1000;
			if (before && at - before.at < RATE_S_MIN) return;
			this.stats.set(name, { now, at, ...this.vmRates(before, now, at) });
		} catch (error) {
			if (error.http === 0 || error.http === 401) throw error;
			this.stats.delete(name); /* it was destroyed, or is only being made */
		}
	}

	vmRates(before, now, at) {
		const rates = { misses: null, hit: null, p50: null, p99: null, before: before?.now };
		if (!before) return rates;
		const touches = now.counters.touches - before.now.counters.touches;
		const fills = now.counters.fills - before.now.counters.fills;
		rates.misses = perSecond(before.now.counters.fills, now.counters.fills, at - before.at);
		rates.hit = touches > 0 && fills >= 0 ? Math.max(0, 1 - fills / touches) : null;
		rates.p50 = quantileBetween(before.now.miss, now.miss, 500);
		rates.p99 = quantileBetween(before.now.miss, now.miss, 990);
		return rates;
	}

	// ------------------------------------------------------------ rates and charts

	takeRates() {
		const at = performance.now() / 1000;
		const elapsed_s = this.lastLook ? at - this.lastLook : 0;
		const time = Date.now() / 1000;
		if (this.lastLook && elapsed_s < RATE_S_MIN) return;
		this.lastLook = at;
		for (const node of this.status.nodes) this.takeNode(node, time, elapsed_s);
		for (const [name, stats] of this.stats) {
			const series = this.vmSeries.get(name) ?? new Series(VM_SERIES);
			this.vmSeries.set(name, series);
			series.add(time, { ...stats, local: stats.now.counters.lines_used });
		}
		this.takeRack(time);
	}

	takeNode(node, time, elapsed_s) {
		const before = this.nodeRates.get(node.name)?.node;
		const rates = {
			node,
			reads: perSecond(before?.reads, node.reads, elapsed_s),
			writes: perSecond(before?.writes, node.writes, elapsed_s),
			busy: perSecond(before?.busy_ns, node.busy_ns, elapsed_s),
		};
		if (rates.busy !== null) rates.busy = node.cpus ? Math.min(1, rates.busy / 1e9 / node.cpus) : null;
		rates.pages = rates.reads === null || rates.writes === null ? null : rates.reads + rates.writes;
		this.nodeRates.set(node.name, rates);
		const series = this.nodeSeries.get(node.name) ?? new Series(NODE_SERIES);
		this.nodeSeries.set(node.name, series);
		series.add(time, {
			...rates,
			reserved: node.pages_reserved,
			written: node.role === "memory" ? node.pages_written : node.pages_stored,
		});
	}

	takeRack(time) {
		const sum = (list) =>
			list.some((value) => value !== null) ? list.reduce((total, value) => total + (value ?? 0), 0) : null;
		const stats = [...this.stats.values()];
		const merged = (which) => ({
			buckets: mergeBuckets(stats.filter((one) => one.before).map((one) => one[which].miss.buckets)),
		});
		const memory = this.status.nodes.filter((node) => node.role === "memory").map((node) => this.nodeRates.get(node.name));
		const [before, now] = [merged("before"), merged("now")];
		this.rack.add(time, {
			misses: sum(stats.map((one) => one.misses)),
			p50: quantileBetween(before, now, 500),
			p99: quantileBetween(before, now, 990),
			reserved: this.status.memory_pages.reserved,
			written: this.status.memory_pages.written,
			reads: sum(memory.map((one) => one.reads)),
			writes: sum(memory.map((one) => one.writes)),
		});
	}

	/** A chart's data of several VMs, on one time axis. */
	vmData(names, value) {
		const times = this.rack.time;
		return [
			times,
			...names.map((name) => {
				const series = this.vmSeries.get(name);
				const at = new Map(series.time.map((time, index) => [time, series.values[value][index]]));
				return times.map((time) => at.get(time) ?? null);
			}),
		];
	}

	// ------------------------------------------------------------ events

	async follow() {
		this.stream?.close();
		const after = this.events.at(-1)?.sequence ?? 0;
		this.stream = new api.Stream("/v1/events", after, {
			open: () => {
				this.streamLost = false;
				this.changed();
			},
			lost: () => {
				this.streamLost = true;
				this.changed();
			},
			refused: (error) => {
				if (error.http === 401) this.refused(error);
			},
			event: (fields) => this.takeEvent(fields),
		});
	}

	takeEvent(fields) {
		if (fields.event === "lost") {
			this.eventsLost = this.events.length > 0;
		} else {
			try {
				this.events.push(JSON.parse(fields.data));
			} catch {
				return;
			}
			if (this.events.length > EVENTS_MAX) this.events.shift();
		}
		clearTimeout(this.eventTimer);
		this.eventTimer = setTimeout(() => {
			if (!this.running) return;
			this.slowSoon = true;
			this.changed();
			this.look();
		}, EVENT_REFRESH_MS);
	}
}

function mergeBuckets(lists) {
	const sums = new Map();
	for (const list of lists) for (const { from_ns, count } of list) sums.set(from_ns, (sums.get(from_ns) ?? 0) + count);
	return [...sums].sort((a, b) => a[0] - b[0]).map(([from_ns, count]) => ({ from_ns, count }));
}
