// Raw HTTP and raw websockets: what an actor serves that is no call.

import assert from "node:assert/strict";

import { check, until } from "../harness.mjs";

const site = (t, name = "ann") => t.handle("site", { params: { name } });

check("fetch: method, path, query, headers and params arrive", async (t) => {
	const answer = await site(t).fetch("/describe?a=1&b=%20x&b=y", { headers: { "x-test": "yes" } });
	assert.equal(answer.status, 200);
	assert.equal(answer.headers.get("x-made-by"), "pyactor");
	assert.match(answer.headers.get("content-type"), /^application\/json/);
	assert.deepEqual(await answer.json(), {
		method: "GET",
		path: "/describe",
		query: "a=1&b=%20x&b=y",
		test: "yes",
		who: "ann",
	});
	for (const method of ["PUT", "DELETE", "PATCH"]) {
		const other = await site(t).fetch(new Request("http://any/describe", { method }));
		assert.equal((await other.json()).method, method);
	}
	const head = await site(t).fetch("describe", { method: "HEAD" });
	assert.deepEqual([head.status, await head.text()], [200, ""]);
});

check("fetch: bodies both ways, text and binary", async (t) => {
	const post = async (body) => {
		const answer = await site(t).fetch("echo", { method: "POST", body });
		return new Uint8Array(await answer.arrayBuffer());
	};
	assert.deepEqual(await post("zażółć"), new TextEncoder().encode("zażółć"));
	assert.deepEqual(await post(""), new Uint8Array());
	const large = new Uint8Array(3_000_000).map((_, index) => index % 251);
	assert.deepEqual(await post(large), large);
});

check("fetch: status and repeated headers are the actor's own", async (t) => {
	const answer = await site(t).fetch("status");
	assert.equal(answer.status, 410);
	assert.deepEqual(answer.headers.getSetCookie(), ["a=1", "b=2"]);
	assert.match(answer.headers.get("content-type"), /^text\/plain/);
	assert.equal(await answer.text(), "gone");
	assert.equal((await site(t).fetch("nowhere")).status, 404);
});

check("fetch: an answer streams while it is made", async (t) => {
	const { body } = await site(t).fetch("stream");
	const reader = body.getReader();
	const read = async () => new TextDecoder().decode((await reader.read()).value);
	assert.equal(await read(), "first");
	assert.deepEqual(await site(t, "eve").departed(), [], "its connection lives as long");
	await site(t, "eve").release();
	assert.equal(await read(), "second");
	assert.equal((await reader.read()).done, true);
	await until(async () => (await site(t, "eve").departed()).includes("ann"));
});

check("fetch: a body streams while it is sent", async (t) => {
	const handle = t.client().site.getForId(await site(t).resolve(), { params: { name: "ann" } });
	let controller;
	const body = new ReadableStream({ start: (given) => (controller = given) });
	controller.enqueue(new Uint8Array(10));
	// By id: with a key the client reads the whole body first, to be able to try again.
	const answer = handle.fetch("upload", { method: "POST", body, duplex: "half" });
	await until(async () => (await handle.log_of()).includes("10 bytes"));
	controller.enqueue(new Uint8Array(5));
	await until(async () => (await handle.log_of()).includes("15 bytes"));
	controller.close();
	assert.equal(await (await answer).text(), "15 bytes");
});

check("fetch: a client that leaves ends the stream", async (t) => {
	const { body } = await site(t).fetch("endless");
	const reader = body.getReader();
	await reader.read();
	// Not by an AbortSignal: once the client's own Request is collected, Node's fetch hears of none.
	await reader.cancel();
	await until(async () => (await site(t, "eve").departed()).includes("ann"));
});

check("fetch: a failing hook is told as JSON", async (t) => {
	const user = await site(t).fetch("user");
	assert.equal(user.status, 400);
	const { actor, ...error } = await user.json();
	assert.deepEqual(error, {
		group: "user",
		code: "closed",
		message: "not today",
		metadata: { until: "noon" },
	});
	const plain = await site(t).fetch("plain");
	assert.equal(plain.status, 500);
	assert.equal((await plain.json()).code, "internal_error");
	const banned = await site(t, "banned").fetch("describe");
	assert.equal(banned.status, 400);
	assert.equal((await banned.json()).code, "banned");
});

check("fetch: conn.disconnect does not take the answer away", async (t) => {
	const answer = await site(t).fetch("leave");
	assert.deepEqual([answer.status, await answer.text()], [200, "still answered"]);
});

check("fetch: an actor that takes no requests", async (t) => {
	const answer = await t.handle("counter").fetch("describe");
	assert.equal(answer.status, 404);
	assert.equal((await answer.json()).code, "request_not_defined");
});

/** A raw websocket with what it received; `closed` resolves with code and reason. */
async function opened(t, path, name = "ann") {
	const ws = await site(t, name).webSocket(path);
	const received = [];
	ws.addEventListener("message", ({ data }) => received.push(data));
	const closed = new Promise((resolve) =>
		ws.addEventListener("close", ({ code, reason }) => resolve([code, reason])),
	);
	await Promise.race([new Promise((resolve) => ws.addEventListener("open", resolve)), closed]);
	t.onEnd(() => ws.close());
	return { ws, received, closed };
}

check("webSocket: text and binary, as they are", async (t) => {
	const { ws, received, closed } = await opened(t, "echo");
	ws.send("zażółć");
	ws.send(new Uint8Array([0, 255]));
	ws.send("");
	ws.send(new Uint8Array(60_000));
	await until(() => received.length === 4);
	assert.equal(received[0], "zażółć");
	assert.deepEqual(new Uint8Array(received[1]), new Uint8Array([0, 255]));
	assert.equal(received[2], "");
	assert.equal(received[3].byteLength, 60_000);
	ws.close(1000, "done");
	assert.deepEqual(await closed, [1000, "done"]);
	await until(async () => (await site(t, "eve").departed()).includes("ann"));
});

check("webSocket: path, query and params arrive; the hook's end closes it", async (t) => {
	const { received, closed } = await opened(t, "/describe?a=1");
	assert.deepEqual(await closed, [1000, ""]);
	assert.deepEqual(JSON.parse(received[0]), {
		method: "GET",
		path: "/describe",
		query: "a=1",
		test: "",
		who: "ann",
	});
});

check("webSocket: events do not reach it", async (t) => {
	const { received, closed } = await opened(t, "quiet");
	assert.deepEqual(await closed, [1000, ""]);
	assert.deepEqual(received, ["only this"]);
});

check("webSocket: close codes of the actor", async (t) => {
	assert.deepEqual(await (await opened(t, "close")).closed, [4001, "enough"]);
	assert.deepEqual(await (await opened(t, "leave")).closed, [1000, "Bye"]);
	assert.deepEqual(await (await opened(t, "user")).closed, [1011, "user.closed"]);
	assert.deepEqual(await (await opened(t, "plain")).closed, [1011, "core.internal_error"]);
});

check("webSocket: close codes of the client", async (t) => {
	const { ws, received } = await opened(t, "listen");
	await until(() => received.length === 1); // one that leaves while connecting is not heard (C7)
	ws.send("hello");
	ws.close(4002, "too late");
	await until(async () => (await site(t).log_of()).length === 2);
	assert.deepEqual(await site(t).log_of(), ["hello", "4002 too late"]);
});

check("webSocket: many large messages arrive in order", async (t) => {
	const { received, closed } = await opened(t, "flood");
	assert.deepEqual(await closed, [1000, ""]);
	assert.equal(received.length, 100);
	received.forEach((message, index) => assert.equal(new Uint8Array(message)[29_999], index));
});

check("webSocket: refused by a hook, or by an actor without one", async (t) => {
	const { received, closed } = await opened(t, "echo", "banned");
	assert.deepEqual(await closed, [1011, "user.banned"]);
	assert.deepEqual(received, []);
	const ws = await t.handle("counter").webSocket("echo");
	const [code, reason] = await new Promise((resolve) =>
		ws.addEventListener("close", (event) => resolve([event.code, event.reason])),
	);
	assert.deepEqual([code, reason], [1011, "handler.websocket_not_defined"]);
});
