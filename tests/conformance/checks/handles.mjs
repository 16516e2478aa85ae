// Handles: which actor they name, and when it comes to be.

import assert from "node:assert/strict";

import { check, failsWith } from "../harness.mjs";

check("getOrCreate makes an actor once", async (t) => {
	const client = t.client();
	assert.equal(await client.counter.getOrCreate(t.key()).add(2), 2);
	assert.equal(await client.getOrCreate("counter", t.key()).add(3), 5);
});

check("get finds an actor that exists", async (t) => {
	const client = t.client();
	await client.counter.getOrCreate(t.key()).add(4);
	assert.equal(await client.counter.get(t.key()).add(1), 5);
});

check("get of no actor fails: resolve, then an action after its retries", async (t) => {
	const client = t.client();
	await failsWith("actor.not_found", client.counter.get(t.key()).resolve());
	await failsWith("actor.not_found", client.counter.get(t.key()).add(1));
});

check("create makes an actor, and refuses to make it twice", async (t) => {
	const client = t.client();
	const made = await client.counter.create(t.key());
	assert.equal(await made.add(7), 7);
	assert.equal(await client.counter.get(t.key()).add(1), 8);
	await failsWith("actor.duplicate_key", client.counter.create(t.key()));
});

check("getForId names one actor", async (t) => {
	const client = t.client();
	const made = await client.counter.create(t.key());
	const id = await made.resolve();
	const byId = client.counter.getForId(id);
	assert.equal(await byId.resolve(), id);
	assert.deepEqual(await byId.whoami(), [id, "counter", ...t.key()]);
	const conn = byId.connect();
	assert.equal(await conn.add(1), 1);
	assert.equal(conn.actorId, id);
	await failsWith("actor.not_found", client.counter.getForId("none").add(1));
});

check("resolve gives the same id by every way", async (t) => {
	const client = t.client();
	const id = await client.counter.getOrCreate(t.key()).resolve();
	assert.equal(await client.counter.getOrCreate(t.key()).resolve(), id);
	assert.equal(await client.counter.get(t.key()).resolve(), id);
	assert.equal((await client.counter.get(t.key()).whoami())[0], id);
});

check("a key is a string, or any parts", async (t) => {
	const client = t.client();
	const alone = `${t.encoding} alone`;
	assert.deepEqual((await client.counter.getOrCreate(alone).whoami()).slice(2), [alone]);
	for (const key of [t.key("a/b", "c\\d", "ü 😀", "e&f=g?#%41"), t.key("x", "", "y")]) {
		const handle = client.counter.getOrCreate(key);
		const [id, , ...parts] = await handle.whoami();
		assert.deepEqual(parts, key);
		assert.equal(await handle.resolve(), id, "control API and gateway name the same actor");
		assert.equal(await client.counter.get(key).resolve(), id);
	}
});

check("input reaches create_state, from getOrCreate and from create", async (t) => {
	const client = t.client();
	const planted = { value: 3, note: "ü?&/" };
	const input = { first: 3, note: "ü?&/" };
	const viaGateway = client.plant.getOrCreate(t.key("gateway"), { createWithInput: input });
	assert.deepEqual(await viaGateway.read(), planted);
	const viaControl = client.plant.getOrCreate(t.key("control"), { createWithInput: input });
	await viaControl.resolve();
	assert.deepEqual(await viaControl.read(), planted);
	const made = await client.plant.create(t.key("create"), { input });
	assert.deepEqual(await made.read(), planted);
	const conn = client.plant.getOrCreate(t.key("connect"), { createWithInput: input }).connect();
	assert.deepEqual(await conn.read(), planted);
});

check("input that does not fit is refused", async (t) => {
	const client = t.client();
	const wrong = client.plant.getOrCreate(t.key(), { createWithInput: { first: "three" } });
	await failsWith("actor.invalid_input", wrong.read());
	await failsWith("actor.invalid_input", client.plant.create(t.key(), { input: { second: 1 } }));
	await failsWith("actor.invalid_input", client.plant.getOrCreate(t.key()).read());
});

check("an actor that nobody registered is refused at once", async (t) => {
	const client = t.client();
	await failsWith("actor.not_registered", client.nobody.getOrCreate(t.key()).add(1));
	await failsWith("actor.not_registered", client.nobody.getOrCreate(t.key()).resolve());
	await failsWith("actor.not_registered", client.nobody.create(t.key()));
	await failsWith("actor.not_registered", client.nobody.getOrCreate(t.key()).connect().add(1));
});

check("region and pool are accepted", async (t) => {
	const options = { createInRegion: "somewhere", poolName: "other" };
	assert.equal(await t.client().counter.getOrCreate(t.key(), options).add(1), 1);
	assert.equal(typeof (await t.client().counter.getOrCreate(t.key("2"), options).resolve()), "string");
});

check("getGatewayUrl leads to the actor without a client", async (t) => {
	const url = new URL(await t.handle("counter").getGatewayUrl());
	url.pathname += "/action/add";
	const answer = await fetch(url, { method: "POST", body: JSON.stringify({ args: [5] }) });
	assert.equal(answer.status, 200);
	assert.deepEqual(await answer.json(), { output: 5 });
});

check("destroy: the actor is gone, and its key may be made anew", async (t) => {
	const client = t.client();
	const made = await client.counter.create(t.key());
	await made.add(7);
	const id = await made.resolve();
	const conn = client.counter.getOrCreate(t.key()).connect();
	assert.equal(await conn.add(0), 7);
	const answer = await fetch(`${t.url}/actors/${id}?namespace=default`, { method: "DELETE" });
	assert.equal(answer.status, 200);
	await failsWith("actor.not_found", made.add(1));
	await failsWith("actor.not_found", client.counter.getForId(id).connect().add(1));
	assert.equal(await conn.add(1), 1, "the connection came back to a new actor");
	assert.notEqual(conn.actorId, id);
	assert.equal(await client.counter.get(t.key()).resolve(), conn.actorId);
});
