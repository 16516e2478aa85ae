// Values: what JavaScript has and JSON has not.

import assert from "node:assert/strict";

import { check, failsWith, record } from "../harness.mjs";

/** What comes back is what went, over HTTP, a connection, and in an event. */
async function roundTrip(t, values, { encodings } = {}) {
	if (encodings && !encodings.includes(t.encoding)) {
		return;
	}
	const handle = t.handle("values");
	const conn = await t.connected("values");
	const said = record(conn, "on", "said");
	let count = 0;
	for (const value of values) {
		const [sent, expected] = value instanceof Expect ? [value.sent, value.back] : [value, value];
		assert.deepStrictEqual(await handle.echo(sent), expected, "over HTTP");
		assert.deepStrictEqual(await conn.echo(sent), expected, "over a connection");
		await conn.say(sent);
		count += 1;
		assert.deepStrictEqual((await said.first(count)).at(-1), [expected], "in an event");
	}
}

class Expect {
	constructor(sent, back) {
		Object.assign(this, { sent, back });
	}
}

check("plain values come back as they went", (t) =>
	roundTrip(t, [
		null,
		true,
		false,
		"",
		"zażółć 😀 \u2028\0",
		"$BigInt",
		0,
		-1,
		1.5,
		-0.1,
		1e300,
		[],
		{},
		[[], [{}], [null]],
		{ a: { b: [1, { c: null }] }, "": "empty", "a b": 1, $set: 2 },
	]),
);

check("numbers keep their value and their type up to 2^53", (t) =>
	roundTrip(t, [2 ** 31, 2 ** 32 - 1, 2 ** 32, -(2 ** 32) - 1, 2 ** 53 - 1, -(2 ** 53) + 1]),
);

check("BigInt beyond 2^53 stays BigInt", (t) =>
	roundTrip(t, [2n ** 53n, -(2n ** 53n), 2n ** 63n, 2n ** 64n, -(2n ** 70n), { a: [2n ** 80n] }]),
);

check("a small BigInt is an int, and so a number", (t) =>
	roundTrip(t, [new Expect(5n, 5), new Expect([-1n, 0n], [-1, 0])]),
);

check("Uint8Array and ArrayBuffer are bytes, and come back as Uint8Array", (t) =>
	roundTrip(t, [
		new Uint8Array([0, 1, 254, 255]),
		new Uint8Array([]),
		new Expect(new Uint8Array([1, 2, 3]).buffer, new Uint8Array([1, 2, 3])),
		{ a: [new Uint8Array(1000).fill(7)] },
	]),
);

check("Set stays Set; the client's json sends an empty object for it", (t) =>
	roundTrip(
		t,
		[new Set(), new Set([1]), new Set(["x"]), new Set([null])].map((set) =>
			t.encoding === "json" ? new Expect(set, {}) : set,
		),
	),
);

check("a set of Python is a Set in every encoding", async (t) => {
	for (const values of [t.handle("values"), await t.connected("values")]) {
		assert.deepStrictEqual(await values.members(["a", "b", "a"]), new Set(["a", "b"]));
	}
});

check("Map comes back as an object; the client's json sends an empty one", (t) =>
	roundTrip(t, [
		new Expect(new Map([["a", 1]]), t.encoding === "json" ? {} : { a: 1 }),
		new Expect(new Map(), {}),
	]),
);

check("undefined comes back where it was; the client's json sends null", (t) =>
	roundTrip(
		t,
		t.encoding === "json"
			? [
					new Expect([undefined], [null]),
					new Expect([1, undefined, 2], [1, null, 2]),
					new Expect({ a: undefined, b: [undefined] }, { b: [null] }),
				]
			: [
					[undefined],
					[1, undefined, 2],
					// A property that is undefined is as good as absent.
					new Expect({ a: undefined, b: [undefined] }, { b: [undefined] }),
				],
	),
);

check("arrays that look like tags are the user's own", (t) =>
	roundTrip(t, [
		["$x", 1],
		["$BigInt", "5"],
		["$Undefined", 0],
		["$$x", 1],
		["$x", ["$y", ["$Set", []]]],
		["$x", 1, 2],
		["$x"],
		[["$a", { b: ["$c", 2n ** 60n] }]],
	]),
);

check("a Date is a datetime, and comes back as a string", async (t) => {
	const conn = await t.connected("values");
	const date = new Date("2024-02-29T12:00:00.125Z");
	const value = { integer: 1, number: 1, data: new Uint8Array(), when: date };
	const { when } = await conn.typed(value);
	assert.equal(new Date(when).getTime(), date.getTime());
	assert.equal((await conn.typed({ ...value, when: date.toISOString() })).when, when);
});

check("declared types: JavaScript's values are taken as them", async (t) => {
	const value = {
		integer: 2 ** 40,
		number: 3,
		data: new Uint8Array([1]),
		when: "2024-02-29T12:00:00Z",
	};
	for (const values of [t.handle("values"), await t.connected("values")]) {
		assert.deepStrictEqual(await values.typed({ ...value, maybe: undefined }), {
			...value,
			maybe: null,
		});
		assert.equal((await values.typed({ ...value, integer: 2n ** 70n })).integer, 2n ** 70n);
		const { message } = await failsWith(
			"action.invalid_arguments",
			values.typed({ ...value, integer: 1.5 }),
		);
		assert.match(message, /int.*1\.5.*integer/);
		await failsWith("action.invalid_arguments", values.typed({ ...value, when: "yesterday" }));
	}
});

check("NaN and infinities: null in json, themselves in cbor and bare", (t) =>
	roundTrip(
		t,
		[Number.NaN, Number.POSITIVE_INFINITY, [Number.NEGATIVE_INFINITY]].map((value) =>
			t.encoding === "json" ? new Expect(value, Array.isArray(value) ? [null] : null) : value,
		),
	),
);

check("large and deep values", async (t) => {
	const deep = Array.from({ length: 60 }).reduce((inner) => ({ a: [inner] }), "bottom");
	const long = Array.from({ length: 5000 }, (_, index) => index);
	const wide = Object.fromEntries(long.slice(0, 2000).map((each) => [`key ${each}`, each]));
	await roundTrip(t, [deep.a[0].a[0].a[0].a[0].a[0].a[0].a[0].a[0].a[0].a[0].a[0].a[0].a[0], long, wide]);
	assert.equal(await t.handle("values").measure("é".repeat(20_000)), 20_000);
});

check("what Python sees", async (t) => {
	const values = await t.connected("values");
	for (const [value, shown] of [
		[5, "int 5"],
		[1.5, "float 1.5"],
		[2n ** 64n, "int 18446744073709551616"],
		[new Uint8Array([1, 255]), "bytes b'\\x01\\xff'"],
		[new Uint8Array([1]).buffer, "bytes b'\\x01'"],
		[["$x", 1], "list ['$x', 1]"],
		[{ a: null }, "dict {'a': None}"],
		[[undefined], t.encoding === "json" ? "list [None]" : "list [<Undefined.UNDEFINED: 'undefined'>]"],
	]) {
		assert.equal(await values.show(value), shown);
	}
});
