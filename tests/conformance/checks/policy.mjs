// can_subscribe, can_publish, on_before_action_response, and queues that are not there yet.

import assert from "node:assert/strict";

import { check, failsWith, record } from "../harness.mjs";

check("send to a queue that is not defined is completed", async (t) => {
	const handle = t.handle("policy", { params: { name: "ann" } });
	assert.equal(await handle.send("jobs", { a: 1 }), undefined);
	assert.deepEqual(await handle.send("jobs", { a: 1n }, { wait: true, timeout: 1000 }), {
		status: "completed",
	});
	assert.deepEqual(await handle.connect().send("jobs", null, { wait: true }), {
		status: "completed",
	});
});

check("can_publish decides by queue and by caller", async (t) => {
	const ann = t.handle("policy", { params: { name: "ann" } });
	await failsWith("auth.forbidden", ann.send("payroll", {}));
	await failsWith("auth.forbidden", ann.connect().send("payroll", {}, { wait: true }));
	const admin = t.handle("policy", { params: { name: "admin" } });
	assert.deepEqual(await admin.send("payroll", {}, { wait: true }), { status: "completed" });
});

check("a subscription that can_subscribe refuses: an error, and the socket stays", async (t) => {
	const ann = await t.connected("policy", { name: "ann" });
	const id = ann.connId;
	const errors = record(ann, "onError");
	const status = record(ann, "onStatusChange");
	const secrets = record(ann, "on", "secrets");
	const news = record(ann, "on", "news");
	const [error] = await errors.first(1);
	assert.equal(`${error.group}.${error.code}`, "auth.forbidden");
	assert.match(error.message, /secrets/);
	const admin = await t.connected("policy", { name: "admin" });
	const heard = record(admin, "on", "secrets");
	await admin.tell("one");
	assert.deepEqual(await heard.first(1), ["one"], "one who may hears it");
	assert.deepEqual(await news.first(1), ["one"], "what it may hear arrives");
	assert.equal(await ann.whoami(), "ann");
	assert.deepEqual([...secrets], []);
	assert.deepEqual([ann.connId, [...status], errors.length], [id, [], 1], "no loop");
});

check("a refused subscription takes the calls in flight along: the client's doing", async (t) => {
	const ann = await t.connected("policy", { name: "ann" });
	record(ann, "on", "secrets");
	await failsWith("auth.forbidden", ann.whoami());
	assert.equal(await ann.whoami(), "ann");
});

check("a refused subscription is asked for again by each new connection, and no more", async (t) => {
	const proxy = await t.proxy();
	const client = t.client({ endpoint: proxy.url });
	const ann = client.policy.getOrCreate(t.key(), { params: { name: "ann" } }).connect();
	await ann.ready;
	const errors = record(ann, "onError");
	record(ann, "on", "secrets");
	await errors.first(1);
	const before = proxy.accepted;
	proxy.cut();
	await errors.first(2);
	assert.equal(await ann.whoami(), "ann");
	assert.equal(errors.length, 2);
	assert.ok(proxy.accepted <= before + 2, "one connection, and perhaps one request");
});

check("on_before_action_response changes what the caller gets", async (t) => {
	const handle = t.handle("policy", { params: { name: "ann" } });
	assert.equal(await handle.tell("a"), "told a (signed for ann)");
	assert.equal(await handle.connect().tell("b"), "told b (signed for ann)");
	assert.equal(await handle.whoami(), "ann");
});
