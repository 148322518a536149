// SPDX-License-Identifier: GPL-2.0-only
// The HTTP API (docs/api.md): requests with the user's token, and streams of server-sent events. EventSource cannot send a token, so
// streams are fetched and taken apart here.

const TOKEN = "plenum-token";
const TIMEOUT_MS = 10000;
const SILENCE_MS = 40000; /* of a stream: gmmd sends a comment each 15 s */
const BACKOFF_MS = [500, 1000, 2000, 4000, 8000];

export class ApiError extends Error {
	constructor(http, code, message) {
		super(message);
		this.http = http; /* 0: gmmd was not reached */
		this.code = code;
	}
}

export const token = {
	get: () => sessionStorage.getItem(TOKEN),
	set: (value) => sessionStorage.setItem(TOKEN, value),
	clear: () => sessionStorage.removeItem(TOKEN),
};

function headers(more) {
	const secret = token.get();
	return { ...(secret ? { Authorization: `Bearer ${secret}` } : {}), ...more };
}

async function refusal(response) {
	let error = {};
	try {
		error = (await response.json()).error ?? {};
	} catch {
		/* an answer of something else than gmmd */
	}
	return new ApiError(response.status, error.code ?? "unknown", error.message || `the answer was ${response.status}`);
}

/** What a path answers. Throws ApiError. */
export async function request(method, path, body, more) {
	const options = { method, headers: headers(more), cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) };
	if (body !== undefined) {
		options.body = JSON.stringify(body);
		options.headers["Content-Type"] = "application/json";
	}
	let response;
	try {
		response = await fetch(path, options);
	} catch {
		throw new ApiError(0, "unreachable", "gmmd does not answer");
	}
	if (!response.ok) throw await refusal(response);
	try {
		return await response.json();
	} catch {
		throw new ApiError(0, "unreachable", "gmmd's answer was cut off");
	}
}

export const get = (path) => request("GET", path);

/** A request that begins something: sent once more with the same key when it is not known whether it arrived. */
export async function begin(method, path, body) {
	const key = { "Idempotency-Key": `web-${crypto.getRandomValues(new Uint32Array(4)).join("-")}` };
	try {
		return await request(method, path, body, key);
	} catch (error) {
		if (error.http !== 0) throw error;
		return request(method, path, body, key);
	}
}

/** Takes a stream apart: feed() it text, it calls take({ id, event, data }). */
export class EventParser {
	constructor(take) {
		this.take = take;
		this.rest = "";
		this.fields = {};
	}

	feed(text) {
		const lines = (this.rest + text).split("\n");
		this.rest = lines.pop();
		for (const line of lines) this.line(line.endsWith("\r") ? line.slice(0, -1) : line);
	}

	line(line) {
		if (line === "") {
			if (this.fields.data !== undefined) this.take(this.fields);
			this.fields = {};
			return;
		}
		const colon = line.indexOf(":");
		if (colon === 0) return;
		const name = colon < 0 ? line : line.slice(0, colon);
		const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
		if (name === "data" && this.fields.data !== undefined) this.fields.data += `\n${value}`;
		else this.fields[name] = value;
	}
}

/**
 * Follow a stream until close(): reconnects with longer and longer pauses and the last id. `on`: event(fields), open(), lost(error);
 * an answer that refuses for good (4xx) is told by refused(error) and ends it.
 */
export class Stream {
	constructor(path, lastId, on) {
		this.path = path;
		this.lastId = lastId;
		this.on = on;
		this.closed = false;
		this.run();
	}

	close() {
		this.closed = true;
		this.abort?.abort();
		clearTimeout(this.pause);
		this.resume?.();
	}

	async run() {
		for (let tries = 0; !this.closed; tries++) {
			try {
				await this.once(() => {
					tries = 0;
				});
			} catch (error) {
				if (this.closed) return;
				if (error instanceof ApiError && error.http >= 400 && error.http < 500) {
					this.on.refused?.(error);
					return;
				}
			}
			if (this.closed) return;
			this.on.lost?.();
			await new Promise((resolve) => {
				this.resume = resolve;
				this.pause = setTimeout(resolve, BACKOFF_MS[Math.min(tries, BACKOFF_MS.length - 1)]);
			});
		}
	}

	async once(opened) {
		const more = { Accept: "text/event-stream" };
		if (this.lastId !== null) more["Last-Event-ID"] = String(this.lastId);
		this.abort = new AbortController();
		const response = await fetch(this.path, { headers: headers(more), cache: "no-store", signal: this.abort.signal });
		if (!response.ok) throw await refusal(response);
		opened();
		this.on.open?.();
		await this.read(response.body.getReader());
	}

	async read(reader) {
		const decoder = new TextDecoder();
		const parser = new EventParser((fields) => {
			if (fields.id !== undefined) this.lastId = fields.id;
			this.on.event(fields);
		});
		let silence;
		const heard = () => {
			clearTimeout(silence);
			silence = setTimeout(() => this.abort.abort(), SILENCE_MS);
		};
		try {
			for (;;) {
				heard();
				const { done, value } = await reader.read();
				if (done || this.closed) return;
				parser.feed(decoder.decode(value, { stream: true }));
			}
		} finally {
			clearTimeout(silence);
		}
	}
}
