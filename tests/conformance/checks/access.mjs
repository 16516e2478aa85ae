// Tokens, namespaces, origins and skipReadyWait; the guarded host has a token and a namespace.

import assert from "node:assert/strict";

import { check, failsWith, record, until } from "../harness.mjs";

/** A client of the guarded host. */
function guardedClient(t, { token, namespace } = t.guarded) {
	return t.client({ endpoint: t.guarded.url, token, namespace });
}

/** Everything that one can do, which must all work. */
async function useAll(client, key) {
	const made = await client.counter.create(key);
	assert.equal(await made.add(1), 1, "by id");
	const byKey = client.counter.getOrCreate(key);
	assert.equal(await byKey.add(1), 2, "by key");
	assert.equal(await byKey.resolve(), await made.resolve(), "control API");
	assert.equal(await byKey.connect().add(1), 3, "websocket by key");
	assert.equal(await made.connect().add(1), 4, "websocket by id");
	const site = client.site.getOrCreate(key);
	assert.equal((await site.fetch("describe")).status, 200, "raw request");
	const ws = await site.webSocket("describe");
	await new Promise((resolve) => ws.addEventListener("message", resolve));
	await byKey.send("jobs", 1);
}

/** Everything must fail with one error. */
async function refusesAll(name, client, key) {
	await failsWith(name, client.counter.create(key));
	await failsWith(name, client.counter.getOrCreate(key).resolve());
	await failsWith(name, client.counter.get(key).resolve());
	await failsWith(name, client.counter.getOrCreate(key).add(1));
	await failsWith(name, client.counter.getOrCreate(key).connect().add(1));
	await failsWith(name, client.counter.getOrCreate(key).send("jobs", 1));
	const answer = await client.site.getOrCreate(key).fetch("describe");
	const { group, code } = await answer.json();
	assert.equal(`${group}.${code}`, name);
	const ws = await client.site.getOrCreate(key).webSocket("describe");
	const { reason } = await new Promise((resolve) => ws.addEventListener("close", resolve));
	assert.equal(reason, name);
}

check("the right token opens everything", (t) => useAll(guardedClient(t), t.key()));

check("token and namespace may stand in the URL", (t) => {
	const { host, pathname } = new URL(t.guarded.url);
	const [namespace, token] = [t.guarded.namespace, t.guarded.token].map(encodeURIComponent);
	return useAll(t.client({ endpoint: `http://${namespace}:${token}@${host}${pathname}` }), t.key());
});

check("a wrong token opens nothing", async (t) => {
	const { namespace, token } = t.guarded;
	await refusesAll("auth.unauthorized", guardedClient(t, { namespace, token: "guess" }), t.key());
	await refusesAll("auth.unauthorized", guardedClient(t, { namespace, token: `${token}x` }), t.key());
	const made = await guardedClient(t).counter.create(t.key());
	const id = await made.resolve();
	const stranger = guardedClient(t, { namespace, token: "guess" });
	await failsWith("auth.unauthorized", stranger.counter.getForId(id).add(1));
	await failsWith("auth.unauthorized", stranger.counter.getForId(id).connect().add(1));
});

check("no token opens nothing", (t) =>
	refusesAll("auth.unauthorized", guardedClient(t, { namespace: t.guarded.namespace }), t.key()),
);

check("another namespace is not found", async (t) => {
	const elsewhere = guardedClient(t, { token: t.guarded.token, namespace: "elsewhere" });
	await refusesAll("namespace.not_found", elsewhere, t.key());
	await refusesAll("namespace.not_found", t.client({ namespace: "elsewhere" }), t.key());
});

check("a refused client has given up", async (t) => {
	const { namespace } = t.guarded;
	const conn = guardedClient(t, { namespace, token: "guess" }).counter.getOrCreate(t.key()).connect();
	const status = record(conn, "onStatusChange");
	assert.deepEqual(await status.first(2), ["idle", "disconnected"]);
});

check("an open host takes any token", (t) => useAll(t.client({ token: "whatever" }), t.key()));

check("skipReadyWait leads to the same actors, by key and by id", async (t) => {
	const gateway = { skipReadyWait: true };
	await useAll(t.client({ gateway }), t.key());
	const client = t.client({
		endpoint: t.guarded.url,
		token: t.guarded.token,
		namespace: t.guarded.namespace,
		gateway,
	});
	await useAll(client, t.key());
	const id = await client.site.getOrCreate(t.key()).resolve();
	const byId = client.site.getForId(id, { params: { name: "ann" } });
	const answer = await byId.fetch("/describe?a=1");
	assert.deepEqual(await answer.json(), {
		method: "GET",
		path: "/describe",
		query: "a=1",
		test: "",
		who: "ann",
	});
	const received = [];
	const ws = await byId.webSocket("/describe?a=1");
	ws.addEventListener("message", ({ data }) => received.push(JSON.parse(data)));
	await until(() => received.length === 1);
	assert.equal(received[0].query, "a=1");
	const stranger = t.client({ endpoint: t.guarded.url, token: "guess", gateway });
	await failsWith("auth.unauthorized", stranger.site.getForId(id).connect().release());
	assert.equal((await stranger.site.getForId(id).fetch("describe")).status, 401);
});

check("origins: those on the list are echoed, others are refused", async (t) => {
	const { token, namespace, origin } = t.guarded;
	const from = (each) =>
		t.client({ endpoint: t.guarded.url, token, namespace, headers: { origin: each } });
	assert.equal(await from(origin).counter.getOrCreate(t.key()).add(1), 1);
	const echoed = await from(origin).site.getOrCreate(t.key()).fetch("describe");
	assert.equal(echoed.headers.get("access-control-allow-origin"), origin);
	assert.equal(echoed.headers.get("access-control-allow-credentials"), "true");
	const evil = from("http://evil.example");
	await failsWith("auth.forbidden", evil.counter.getOrCreate(t.key()).add(1));
	await failsWith("auth.forbidden", evil.counter.getOrCreate(t.key()).resolve());
	const refused = await evil.site.getOrCreate(t.key()).fetch("describe");
	assert.equal(refused.status, 403);
	assert.equal(refused.headers.get("access-control-allow-origin"), null);
});
