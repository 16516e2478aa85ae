// What every check works with: a name, a client of one encoding, and cleaning up after itself.

import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";

/** All checks, in the order of their files. */
export const checks = [];

/** Declare a check; `run` gets a `Stage`. It passes unless it throws. */
export function check(name, run) {
	checks.push({ name, run });
}

const PATIENCE = 12_000; // milliseconds for one check; the slowest waits 3 s for the client's retries
const MOST_HUNG = 4; // with so many a host is no use, and the rest is not tried

/** One run of one check in one encoding. */
export class Stage {
	#createClient;
	#name;
	#hosts;
	#cleanups = [];

	constructor({ createClient, encoding, hosts, name }) {
		this.#createClient = createClient;
		this.#name = name;
		this.#hosts = hosts;
		this.encoding = encoding;
		this.url = hosts.open.url;
		this.guarded = hosts.guarded;
	}

	/** A client of the official package; `options` are its own. */
	client(options = {}) {
		const client = this.#createClient({
			endpoint: this.url,
			encoding: this.encoding,
			...options,
		});
		this.onEnd(() => client.dispose());
		return client;
	}

	/** A key that no other check uses. The client itself splits a part at each comma. */
	key(...parts) {
		return [this.encoding, this.#name.replaceAll(",", ";"), ...parts];
	}

	/** A handle to this check's own actor of that name. */
	handle(name, options = {}, ...parts) {
		return this.client().getOrCreate(name, this.key(...parts), options);
	}

	/** A connection to this check's own actor of that name, once it is open. */
	async connected(name, params, ...parts) {
		const conn = this.handle(name, { params }, ...parts).connect();
		await conn.ready;
		return conn;
	}

	/** A proxy in front of the host whose connections can be cut. */
	async proxy() {
		const { hostname, port, pathname } = new URL(this.#hosts.open.url);
		const proxy = await TcpProxy.listen(hostname, Number(port), pathname);
		this.onEnd(() => proxy.close());
		return proxy;
	}

	/** Do something at the end of the check, the last first. */
	onEnd(cleanup) {
		this.#cleanups.push(cleanup);
	}

	async end() {
		for (const cleanup of this.#cleanups.reverse()) {
			await cleanup();
		}
	}
}

class TcpProxy {
	#server;
	#pairs = new Set();
	accepted = 0;

	static async listen(host, port, path) {
		const proxy = new TcpProxy();
		proxy.#server = net.createServer((near) => {
			proxy.accepted += 1;
			const far = net.connect(port, host);
			const pair = [near, far];
			proxy.#pairs.add(pair);
			for (const socket of pair) {
				const other = socket === near ? far : near;
				socket.setNoDelay();
				socket.pipe(other);
				socket.on("error", () => {});
				socket.on("close", () => {
					other.destroy();
					proxy.#pairs.delete(pair);
				});
			}
		});
		proxy.#server.listen(0, "127.0.0.1");
		await once(proxy.#server, "listening");
		proxy.url = `http://127.0.0.1:${proxy.#server.address().port}${path}`;
		return proxy;
	}

	/** Cut every connection without a word, as a network does. */
	cut() {
		for (const pair of this.#pairs) {
			for (const socket of pair) {
				socket.resetAndDestroy();
			}
		}
	}

	close() {
		this.cut();
		this.#server.close();
	}
}

let hung = 0;

/** Run one check; what came of it. */
export async function perform({ name, run }, setting) {
	const stage = new Stage({ ...setting, name });
	const began = performance.now();
	let error = null;
	if (hung >= MOST_HUNG) {
		error = `not run: ${hung} checks before it took too long`;
		return { check: name, encoding: setting.encoding, error, ms: 0 };
	}
	try {
		await within(PATIENCE, `the check "${name}"`, async () => {
			await run(stage);
			await stage.end();
		});
	} catch (thrown) {
		error = thrown instanceof Error ? thrown.stack : String(thrown);
	}
	return { check: name, encoding: setting.encoding, error, ms: Math.round(performance.now() - began) };
}

async function within(milliseconds, what, run) {
	let timer;
	const late = new Promise((_, reject) => {
		timer = setTimeout(() => {
			hung += 1;
			reject(new Error(`${what} took over ${milliseconds} ms`));
		}, milliseconds);
	});
	try {
		return await Promise.race([run(), late]);
	} finally {
		clearTimeout(timer);
	}
}

// ------------------------------------------------------------------ what checks say

/** What a client sees of an error: the fields that a program reads. */
export function seen(error) {
	const { group, code, message, metadata } = error;
	if (group === undefined) {
		throw error;
	}
	return { group, code, message, metadata: metadata ?? null };
}

/** The error of a promise that must fail, as a client sees it. */
export async function failure(promise) {
	const error = await promise.then(
		(value) => assert.fail(`must fail, not answer ${String(value)}`),
		(thrown) => thrown,
	);
	return seen(error);
}

/** Assert that a promise fails with `group.code`; its error as the client sees it. */
export async function failsWith(name, promise) {
	const error = await failure(promise);
	assert.equal(`${error.group}.${error.code}`, name, error.message);
	return error;
}

/** Let the event loop turn until `condition` gives something. The check's own patience bounds it. */
export async function until(condition) {
	for (;;) {
		const found = await condition();
		if (found) {
			return found;
		}
		await new Promise((resolve) => setTimeout(resolve, 5));
	}
}

/** What a callback was called with, in order: `record(conn, "on", "changed")`. */
export function record(conn, how, ...args) {
	const calls = [];
	const stop = conn[how](...args, (...given) => {
		calls.push(given.length === 1 ? given[0] : given);
	});
	calls.stop = stop;
	/** Resolves with the first `count` of them. */
	calls.first = async (count) => {
		await until(() => calls.length >= count);
		return calls.slice(0, count);
	};
	return calls;
}
