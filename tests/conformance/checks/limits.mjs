// Both size limits, and those of parameters: 64 KiB in, 1 MiB out, 4 KiB.

import assert from "node:assert/strict";

import { check, failsWith, record, seen, until } from "../harness.mjs";

const INCOMING = 64 * 1024;
const OUTGOING = 1024 * 1024;
const MARGIN = 200; // bytes for what surrounds a value in any encoding

check("incoming: a call just below the limit passes, over both ways", async (t) => {
	const text = "x".repeat(INCOMING - MARGIN);
	const values = t.handle("values");
	assert.equal(await values.measure(text), text.length);
	assert.equal(await values.connect().measure(text), text.length);
});

check("incoming: too long over HTTP fails that call", async (t) => {
	const values = t.handle("values");
	await failsWith("message.incoming_too_long", values.measure("x".repeat(INCOMING)));
	assert.equal(await values.measure("x"), 1);
});

check("incoming: too long over a connection closes it, and the client comes back", async (t) => {
	const conn = await t.connected("values");
	const id = conn.connId;
	const errors = record(conn, "onError");
	await failsWith("message.incoming_too_long", conn.measure("x".repeat(INCOMING)));
	await until(() => conn.connStatus === "connected" && conn.connId !== id);
	assert.equal(seen(errors[0]).code, "incoming_too_long");
	assert.equal(await conn.measure("x"), 1);
});

check("outgoing: an answer just below the limit passes, over both ways", async (t) => {
	const values = t.handle("values");
	const size = OUTGOING - MARGIN;
	assert.equal((await values.grow(size)).length, size);
	assert.equal((await values.connect().grow(size)).length, size);
});

check("outgoing: too long fails that call and nothing else", async (t) => {
	const values = t.handle("values");
	await failsWith("message.outgoing_too_long", values.grow(OUTGOING));
	const conn = await t.connected("values");
	const id = conn.connId;
	await failsWith("message.outgoing_too_long", conn.grow(OUTGOING));
	assert.equal(await conn.measure("xy"), 2);
	assert.equal(conn.connId, id);
});

check("parameters: 4 KiB pass, more are refused", async (t) => {
	const params = (size) => ({ secret: "x".repeat(size) });
	const some = t.handle("lobby", { params: params(4000) });
	assert.equal((await some.me())[2].length, 4000);
	assert.equal((await some.connect().me())[2].length, 4000);
	const much = t.handle("lobby", { params: params(4097) });
	await failsWith("connection.invalid_params", much.me());
	await failsWith("connection.invalid_params", much.connect().me());
});
