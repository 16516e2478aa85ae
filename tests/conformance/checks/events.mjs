// Events: who hears what, and until when.

import assert from "node:assert/strict";

import { check, record, seen, until } from "../harness.mjs";

check("on: every event, in order, with its payload", async (t) => {
	const conn = await t.connected("counter");
	const changes = record(conn, "on", "changed");
	const more = record(conn, "on", "changed");
	await conn.add(1);
	await t.handle("counter").add(2);
	await conn.add(3);
	assert.deepEqual(await changes.first(3), [1, 3, 6]);
	assert.deepEqual([...more], [1, 3, 6]);
});

check("an event without a payload has no arguments", async (t) => {
	const conn = await t.connected("counter");
	const closed = record(conn, "on", "closed");
	await conn.close();
	assert.deepEqual(await closed.first(1), [[]]);
});

check("an event comes before the answer of the call that sent it", async (t) => {
	const conn = await t.connected("counter");
	const changes = record(conn, "on", "changed");
	await conn.add(1);
	const before = changes.length;
	await conn.add(1);
	assert.deepEqual([before, changes.length], [1, 2]);
});

check("once: the first event only", async (t) => {
	const conn = await t.connected("counter");
	const first = record(conn, "once", "changed");
	const all = record(conn, "on", "changed");
	await conn.add(1);
	await conn.add(1);
	await all.first(2);
	assert.deepEqual([...first], [1]);
});

check("unsubscribed: nothing more is heard, and on hears it again", async (t) => {
	const conn = await t.connected("counter");
	const changes = record(conn, "on", "changed");
	await conn.add(1);
	changes.stop();
	await conn.add(1);
	const again = record(conn, "on", "changed");
	await conn.add(1);
	assert.deepEqual(await again.first(1), [3]);
	assert.deepEqual([...changes], [1]);
});

check("a broadcast reaches subscribers, conn.send its one connection", async (t) => {
	const ann = await t.connected("lobby", { name: "ann" });
	const bob = await t.connected("lobby", { name: "bob" });
	const eve = await t.connected("lobby", { name: "eve" });
	const [forAnn, forBob] = [record(ann, "on", "said"), record(bob, "on", "said")];
	await Promise.all([ann.visit(), bob.visit()]);
	await eve.say("to all");
	await eve.whisper("bob", "to bob");
	await eve.say("the end");
	assert.deepEqual(await forBob.first(3), ["to all", "to bob", "the end"]);
	assert.deepEqual(await forAnn.first(2), ["to all", "the end"]);
});

check("a broadcast reaches clients of every encoding", async (t) => {
	const heard = [];
	for (const encoding of ["json", "cbor", "bare"]) {
		const client = t.client({ encoding });
		const conn = client.lobby.getOrCreate(t.key(), { params: { name: encoding } }).connect();
		heard.push(record(conn, "on", "said"));
		await conn.visit();
	}
	await t.handle("lobby").say("zażółć");
	for (const said of heard) {
		assert.deepEqual(await said.first(1), ["zażółć"]);
	}
});

check("a large event arrives whole", async (t) => {
	const conn = await t.connected("values");
	const said = record(conn, "on", "said");
	await conn.shout(700_000);
	const [[text]] = await said.first(1);
	assert.equal(text.length, 700_000);
});

check("subscriptions are made again after a lost connection", async (t) => {
	const proxy = await t.proxy();
	const client = t.client({ endpoint: proxy.url });
	const conn = client.counter.getOrCreate(t.key()).connect();
	const changes = record(conn, "on", "changed");
	const stopped = record(conn, "on", "closed");
	const first = record(conn, "once", "changed");
	await conn.add(1);
	stopped.stop();
	const id = conn.connId;
	proxy.cut();
	await until(() => conn.connStatus === "connected" && conn.connId !== id);
	await conn.add(1);
	await conn.close();
	await conn.add(1);
	assert.deepEqual(await changes.first(3), [1, 2, 3]);
	assert.deepEqual([...first], [1]);
	assert.deepEqual([...stopped], []);
});

check("an event that the actor does not declare: an error, and the socket stays", async (t) => {
	const conn = await t.connected("counter");
	const id = conn.connId;
	const errors = record(conn, "onError");
	record(conn, "on", "unheard_of");
	const [error] = await errors.first(1);
	assert.equal(`${error.group}.${error.code}`, "event.not_found");
	assert.equal(await conn.add(1), 1);
	assert.deepEqual([conn.connId, conn.connStatus, errors.length], [id, "connected", 1]);
	assert.match(seen(error).message, /unheard_of/);
});
