// Actions over HTTP and over connections: arguments, answers, errors, order.

import assert from "node:assert/strict";

import { check, failsWith, failure, until } from "../harness.mjs";

const INTERNAL = {
	group: "core",
	code: "internal_error",
	message: "An internal error occurred",
	metadata: null,
};

/** Run `body` with a handle, which calls over HTTP, and with a connection. */
async function bothWays(t, name, body) {
	await body(t.handle(name, {}, "http"));
	await body(await t.connected(name, undefined, "websocket"));
}

check("arguments: given, left out, by keyword", async (t) => {
	await bothWays(t, "counter", async (counter) => {
		assert.equal(await counter.add(5), 5);
		assert.equal(await counter.add(), 6);
		assert.equal(await counter.add(2, { twice: true }), 10);
		assert.equal(await counter.action({ name: "add", args: [1] }), 11);
	});
});

check("arguments: undefined stands for the default; the client's json sends null", async (t) => {
	await bothWays(t, "counter", async (counter) => {
		const call = counter.add(undefined, { twice: true });
		if (t.encoding === "json") {
			await failsWith("action.invalid_arguments", call);
		} else {
			assert.equal(await call, 2);
		}
	});
});

check("None is null", async (t) => {
	await bothWays(t, "counter", async (counter) => {
		assert.equal(await counter.nothing(), null);
	});
});

check("arguments that do not fit are refused by name", async (t) => {
	await bothWays(t, "counter", async (counter) => {
		const { message } = await failsWith("action.invalid_arguments", counter.add("2"));
		assert.match(message, /'amount'.*int.*str/);
		await failsWith("action.invalid_arguments", counter.add(1, { thrice: true }));
		await failsWith("action.invalid_arguments", counter.add(1, {}, 3));
		assert.equal(await counter.add(1), 1, "the actor is untouched");
	});
});

check("an unknown action is not mistaken for an unknown actor", async (t) => {
	await bothWays(t, "counter", async (counter) => {
		await failsWith("action.not_found", counter.subtract(1));
		await failsWith("action.not_found", counter.whoami.really());
		await failsWith("action.not_found", counter.action({ name: "on_connect", args: [] }));
	});
});

check("nested actions have dotted names", async (t) => {
	await bothWays(t, "counter", async (counter) => {
		assert.equal(await counter.users.add("bob"), "added bob");
		assert.deepEqual(await counter.users.admins.list(), ["ann"]);
		assert.equal(await counter.action({ name: "users.add", args: ["eve"] }), "added eve");
	});
});

check("errors: group, code, message and metadata are the actor's own", async (t) => {
	await bothWays(t, "faulty", async (faulty) => {
		assert.deepEqual(await failure(faulty.declared()), {
			group: "user",
			code: "broke",
			message: "no money left",
			metadata: { missing: 5, of: ["ann", null] },
		});
		assert.deepEqual(await failure(faulty.user()), {
			group: "user",
			code: "user_error",
			message: "not today",
			metadata: null,
		});
		assert.deepEqual(await failure(faulty.coded("on_the_spot")), {
			group: "user",
			code: "on_the_spot",
			message: "see the code",
			metadata: "on_the_spot",
		});
	});
});

check("errors: what is not public says nothing", async (t) => {
	await bothWays(t, "faulty", async (faulty) => {
		assert.deepEqual(await failure(faulty.plain()), INTERNAL);
		assert.deepEqual(await failure(faulty.mistyped()), INTERNAL);
	});
});

check("errors say which actor", async (t) => {
	const { ActorError } = await import("rivetkit/client");
	await bothWays(t, "faulty", async (faulty) => {
		const error = await faulty.user().catch((thrown) => thrown);
		assert.ok(error instanceof ActorError);
		assert.equal(typeof error.actor.actorId, "string");
		assert.equal(typeof error.actor.generation, "number");
		assert.ok(error.actor.key.includes(t.encoding), error.actor.key);
	});
});

check("an action that takes too long times out", async (t) => {
	await bothWays(t, "faulty", async (faulty) => {
		await failsWith("action.timed_out", faulty.endless());
		await failsWith("user.user_error", faulty.user());
	});
});

check("concurrent calls each get their own answer", async (t) => {
	const turns = Array.from({ length: 60 }, (_, index) => 60 - index);
	const conn = await t.connected("pace");
	assert.deepEqual(await Promise.all(turns.map((each) => conn.later(each))), turns);
	assert.deepEqual(await conn.order(), turns, "they start in the order they were sent (C6)");
	const pace = t.handle("pace", {}, "http");
	assert.deepEqual(await Promise.all(turns.map((each) => pace.later(each))), turns);
});

check("a call that waits holds up no other", async (t) => {
	const conn = await t.connected("pace");
	const handle = t.handle("pace");
	const waiting = [conn.wait_for("a"), conn.wait_for("b"), handle.wait_for("a")];
	await conn.open("b");
	assert.equal(await waiting[1], "b");
	await handle.open("a");
	assert.deepEqual(await Promise.all(waiting), ["a", "b", "a"]);
});

check("a call that the caller gives up is given up", async (t) => {
	const pace = t.handle("pace");
	const abort = new AbortController();
	const call = pace.action({ name: "wait_for", args: ["x"], signal: abort.signal });
	abort.abort();
	await assert.rejects(call);
	assert.equal(await pace.later(1), 1);
	await pace.open("x"); // an action outlives its caller (C6)
});

check("wire_case: camel outside, Python inside", async (t) => {
	const room = t.handle("room", { params: { userName: "ann" } });
	assert.deepEqual(await room.postMessage({ fromUser: "ann" }), {
		bodyText: "hi",
		fromUser: "ann",
	});
	const conn = room.connect();
	const events = [];
	conn.on("messagePosted", (message) => events.push(message));
	assert.deepEqual(await conn.postMessage({ fromUser: "bob", bodyText: "x_y" }), {
		bodyText: "x_y",
		fromUser: "bob",
	});
	await until(() => events.length === 1);
	assert.deepEqual(events, [{ bodyText: "x_y", fromUser: "bob" }]);
	assert.equal(await conn.userName(), "ann");
	// The keys of a dict are the user's own.
	const last = { bodyText: "bye", fromUser: "ann" };
	assert.deepEqual(await conn.lastWords(last, { some_key: 1, otherKey: 2 }), {
		text: "bye",
		some_key: 1,
		otherKey: 2,
	});
	await failsWith("action.not_found", conn.post_message({ fromUser: "ann" }));
	await failsWith("action.invalid_arguments", conn.postMessage({ from_user: "ann" }));
});
