// Connections: parameters, state, who is seen when, rejection, disconnection and what follows.

import assert from "node:assert/strict";

import { check, failsWith, failure, record, seen, until } from "../harness.mjs";

check("connect: calls, ids and status", async (t) => {
	const conn = t.handle("lobby", { params: { name: "ann" } }).connect();
	const status = [conn.connStatus];
	conn.onStatusChange((each) => status.push(each));
	const opened = record(conn, "onOpen");
	const closed = record(conn, "onClose");
	await conn.ready;
	const [id, name] = await conn.me();
	assert.equal(id, conn.connId);
	assert.equal(name, "ann");
	assert.equal(conn.actorId, await t.handle("lobby").resolve());
	assert.equal(opened.length, 1);
	await conn.dispose();
	assert.deepEqual(status, ["connecting", "connected", "idle"]);
	assert.equal(closed.length, 1);
});

check("calls before the connection is open wait for it", async (t) => {
	const conn = t.handle("counter").connect();
	assert.deepEqual(await Promise.all([conn.add(1), conn.add(2), conn.add(3)]), [1, 3, 6]);
});

check("params: the handle's, those of connect, none", async (t) => {
	const lobby = t.handle("lobby", { params: { name: "ann", secret: "é%20 &=,;\"" } });
	assert.deepEqual((await lobby.me()).slice(1), ["ann", "é%20 &=,;\""]);
	assert.deepEqual((await lobby.connect().me()).slice(1), ["ann", "é%20 &=,;\""]);
	assert.deepEqual((await lobby.connect({ name: "bob" }).me()).slice(1), ["bob", ""]);
	assert.deepEqual((await t.handle("lobby").connect().me()).slice(1), ["nobody", ""]);
});

check("params that do not fit are refused", async (t) => {
	const params = { name: 3 };
	await failsWith("connection.invalid_params", t.handle("lobby", { params }).me());
	await failsWith("connection.invalid_params", t.handle("lobby", { params }).connect().me());
	const unknown = { name: "ann", colour: "red" };
	await failsWith("connection.invalid_params", t.handle("lobby", { params: unknown }).connect().me());
});

check("getParams is asked for every connection", async (t) => {
	const proxy = await t.proxy();
	const client = t.client({ endpoint: proxy.url });
	let asked = 0;
	const getParams = async () => ({ name: `ann ${++asked}` });
	const lobby = client.lobby.getOrCreate(t.key(), { getParams });
	const conn = lobby.connect();
	assert.equal((await conn.me())[1], "ann 1");
	proxy.cut();
	await until(() => asked === 2 && conn.connStatus === "connected");
	assert.equal((await conn.me())[1], "ann 2");
	assert.equal((await lobby.connect().me())[1], "ann 3");
});

check("each connection has a state of its own", async (t) => {
	const ann = await t.connected("lobby", { name: "ann" });
	const bob = await t.connected("lobby", { name: "bob" });
	assert.deepEqual([await ann.visit(), await ann.visit(), await bob.visit()], [1, 2, 1]);
	assert.equal((await ann.me())[1], "ann");
	assert.equal((await bob.me())[1], "bob");
	assert.notEqual(ann.connId, bob.connId);
	const lobby = t.handle("lobby");
	assert.deepEqual([await lobby.visit(), await lobby.visit()], [1, 1], "so has each call (C14)");
});

check("a connection is seen while on_connect runs, and opens after it", async (t) => {
	const ann = await t.connected("lobby", { name: "ann" });
	const bob = t.handle("lobby", { params: { name: "bob", waits: true } }).connect();
	const welcomes = record(bob, "on", "welcome");
	const call = bob.visit();
	await until(async () => (await ann.pending()).length === 1);
	assert.deepEqual(await ann.names(), ["bob"], "in conns while on_connect runs (C3)");
	await ann.whisper("bob", "before Init");
	assert.deepEqual(await welcomes.first(1), ["bob"], "conn.send before Init arrives (C13)");
	assert.equal(bob.connStatus, "connecting");
	await ann.release();
	assert.equal(await call, 1);
	assert.equal(bob.connStatus, "connected");
});

check("a connection that failed in on_before_connect is never seen", async (t) => {
	const gate = await t.connected("gate", { where: "nowhere", how: "" });
	const params = { where: "on_before_connect", how: "user" };
	await failsWith("user.no_entry", t.handle("gate", { params }).connect().count());
	assert.equal(await gate.count(), 1);
});

const INTERNAL = {
	group: "core",
	code: "internal_error",
	message: "An internal error occurred",
	metadata: null,
};

for (const where of ["on_before_connect", "create_conn_state", "on_connect"]) {
	const expected = {
		user: {
			group: "user",
			code: "no_entry",
			message: `no entry at ${where}`,
			metadata: { where },
		},
		plain: INTERNAL,
	};
	for (const how of ["user", "plain"]) {
		const what = how === "user" ? "a UserError" : "a plain error";
		check(`rejected in ${where} by ${what}`, async (t) => {
			const gate = t.handle("gate", { params: { where, how } });
			assert.deepEqual(await failure(gate.count()), expected[how], "over HTTP");
			const conn = gate.connect();
			const errors = record(conn, "onError");
			const status = record(conn, "onStatusChange");
			assert.deepEqual(await failure(conn.count()), expected[how], "the pending call");
			assert.deepEqual(seen(errors[0]), expected[how], "the error callback");
			// It has given up at "idle"; what follows is the close frame.
			assert.deepEqual(await status.first(2), ["idle", "disconnected"]);
			assert.equal(conn.connId, undefined);
		});
	}
}

check("rejected in on_connect by its timeout", async (t) => {
	const gate = t.handle("gate", { params: { where: "on_connect", how: "hang" } });
	await failsWith("actor.callback_timed_out", gate.count());
	await failsWith("actor.callback_timed_out", gate.connect().count());
});

check("dispose: the others are told once", async (t) => {
	const ann = await t.connected("lobby", { name: "ann" });
	const left = record(ann, "on", "left");
	const bob = await t.connected("lobby", { name: "bob" });
	await ann.visit(); // its subscription came before this call
	await bob.dispose();
	assert.deepEqual(await left.first(1), ["bob"]);
	assert.deepEqual(await ann.names(), []);
	assert.deepEqual(await ann.departed(), ["bob"]);
});

for (const awaited of [true, false]) {
	check(`conn.disconnect of the caller, ${awaited ? "awaited" : "not awaited"}`, async (t) => {
		const conn = await t.connected("lobby", { name: "ann" });
		const first = conn.connId;
		const closed = record(conn, "onClose");
		await assert.rejects(conn.leave("Bye bye", { awaited }), /code: 1000, reason: Bye bye/);
		await closed.first(1);
		// After Init every close leads to a new connection.
		await until(() => conn.connStatus === "connected");
		assert.notEqual(conn.connId, first);
		assert.equal(await conn.visit(), 1, "a new connection has a new state");
		assert.deepEqual(await conn.departed(), ["ann"]);
	});

	const name = `conn.disconnect over HTTP, ${awaited ? "awaited" : "not awaited"}`;
	check(name, async (t) => {
		const lobby = t.handle("lobby", { params: { name: "ann" } });
		assert.equal(await lobby.leave("Bye", { awaited }), null, "the answer still comes (C14)");
		assert.deepEqual((await lobby.departed()).slice(0, 1), ["ann"]);
	});
}

check("kicked: the client comes back, unless on_before_connect refuses it", async (t) => {
	const ann = await t.connected("lobby", { name: "ann" });
	const bob = await t.connected("lobby", { name: "bob" });
	const first = bob.connId;
	assert.equal(await ann.kick("bob", "Too loud"), 1);
	await until(() => bob.connStatus === "connected" && bob.connId !== first);
	assert.deepEqual(await ann.names(), ["bob"]);
	const errors = record(bob, "onError");
	const status = record(bob, "onStatusChange");
	assert.equal(await ann.kick("bob", "Too loud", { ban: true }), 1);
	assert.deepEqual(await status.first(3), ["disconnected", "connecting", "idle"]);
	assert.equal(seen(errors[0]).code, "banned");
	assert.deepEqual(await ann.names(), []);
});

check("a reason like group.code is what the client gets as its error", async (t) => {
	const conn = await t.connected("lobby", { name: "ann" });
	const errors = record(conn, "onError");
	await failsWith("lobby.closed", conn.leave("lobby.closed", { awaited: false }));
	assert.equal(errors[0].code, "closed");
});

check("a dropped TCP connection: calls fail, and the client connects anew", async (t) => {
	const proxy = await t.proxy();
	const client = t.client({ endpoint: proxy.url });
	const ann = await t.connected("lobby", { name: "ann" });
	const left = record(ann, "on", "left");
	await ann.visit();
	const bob = client.lobby.getOrCreate(t.key(), { params: { name: "bob", waits: true } }).connect();
	await until(async () => (await ann.pending()).length === 1);
	await ann.release();
	await bob.ready;
	const first = bob.connId;
	const pace = client.pace.getOrCreate(t.key()).connect();
	const lost = pace.wait_for("ever");
	await pace.later(0);
	const status = record(bob, "onStatusChange");
	proxy.cut();
	await assert.rejects(lost, /Connection (lost|closed)/);
	await until(() => bob.connStatus === "connected" && bob.connId !== first);
	assert.deepEqual([...status], ["disconnected", "connecting", "connected"]);
	assert.deepEqual(await left.first(1), ["bob"], "on_disconnect ran for the lost one");
	assert.deepEqual(await ann.names(), ["bob"]);
	assert.equal(await bob.visit(), 1);
	assert.equal(await pace.later(2), 2);
	await pace.open("ever"); // an action outlives its caller (C6)
});

check("calls while disconnected wait for the new connection", async (t) => {
	const proxy = await t.proxy();
	const conn = t.client({ endpoint: proxy.url }).counter.getOrCreate(t.key()).connect();
	assert.equal(await conn.add(1), 1);
	const calls = [];
	// Not in onClose: what is asked for there is rejected with the connection that ended.
	conn.onStatusChange((status) => {
		if (status === "connecting") {
			calls.push(conn.add(2), conn.add(3));
		}
	});
	proxy.cut();
	await until(() => calls.length === 2);
	assert.deepEqual(await Promise.all(calls), [3, 6]);
});
