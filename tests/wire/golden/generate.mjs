// Golden bytes of the wire codecs, made by the official client's own code and never by ours.
//
//   cd FOLDER && npm init -y && npm install rivetkit@2.3.19     (any folder outside this repository)
//   python tests/wire/golden/cases.py                           (writes our frames: ours.json)
//   node tests/wire/golden/generate.mjs FOLDER                  (writes theirs.json, completes ours.json)
//
// theirs.json  case -> {kind, js, frames: {form -> hex}}: what rivetkit encodes. A form is "json",
//              "cbor" or "bare.1" to "bare.4"; js is the message as JavaScript shows it.
// ours.json    case -> {form -> {hex, js}}: what we encode, and what rivetkit decodes it to.

import { createRequire } from "node:module";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { inspect } from "node:util";

const here = path.dirname(fileURLToPath(import.meta.url));
const folder = path.resolve(process.argv[2]);
const rivetkit = path.join(folder, "node_modules", "rivetkit");
const { buildSync } = createRequire(path.join(folder, "package.json"))("esbuild");

// The package exports none of its codecs, but it ships the sources that hold them.
const bundle = path.join(tmpdir(), `rivetkit-codecs-${process.pid}.mjs`);
buildSync({
	stdin: {
		contents: `
			export * from "@/serde";
			export * from "@/common/encoding";
			export * from "@/common/client-protocol-versioned";
			export * from "@/common/client-protocol-zod";
			export * as cbor from "cbor-x";
		`,
		resolveDir: rivetkit,
	},
	alias: { "@": path.join(rivetkit, "src") },
	banner: {
		js: 'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);',
	},
	bundle: true,
	format: "esm",
	outfile: bundle,
	platform: "node",
});
const kit = await import(pathToFileURL(bundle).href);
rmSync(bundle);

// ------------------------------------------------------------------ the cases

const values = {
	null: null,
	true: true,
	false: false,
	zero: 0,
	minus_one: -1,
	half: 1.5,
	int_31: 2 ** 31,
	int_32_last: 2 ** 32 - 1,
	int_32: 2 ** 32,
	int_minus_32: -(2 ** 32),
	int_below_minus_32: -(2 ** 32) - 1,
	int_safe: Number.MAX_SAFE_INTEGER,
	int_minus_safe: Number.MIN_SAFE_INTEGER,
	bigint_54: 2n ** 53n,
	bigint_63: 2n ** 63n - 1n,
	bigint_minus_63: -(2n ** 63n),
	bigint_64: 2n ** 64n,
	bigint_minus_70: -(2n ** 70n),
	bigint_small: 5n,
	large_float: 1e300,
	text: "hello",
	text_empty: "",
	text_wide: "zażółć 😀\u2028",
	text_dollar: "$BigInt",
	bytes: new Uint8Array([0, 1, 254, 255]),
	bytes_empty: new Uint8Array([]),
	buffer: new Uint8Array([1, 2, 3]).buffer,
	set: new Set([1, 2]),
	set_empty: new Set(),
	set_of_lists: new Set([["a", 1]]),
	map: new Map([["a", 1]]),
	object: { a: { b: [1, { c: null }] }, d: "" },
	object_empty: {},
	list_empty: [],
	date_second: new Date("2024-02-29T12:00:00Z"),
	date_milli: new Date("2024-02-29T12:00:00.125Z"),
	date_old: new Date("1960-01-01T00:00:00Z"),
	undefined_item: [1, undefined, 2],
	undefined_property: { a: undefined, b: 1 },
	dollar_pair: ["$x", 1],
	dollar_pair_of_tag: ["$BigInt", "5"],
	dollar_pair_of_two: ["$$x", 1],
	dollar_pair_nested: ["$x", ["$y", ["$Set", []]]],
	dollar_three: ["$x", 1, 2],
	dollar_one: ["$x"],
	infinity: -Infinity,
	uint16_array: new Uint16Array([1, 65535]),
	int64_array: new BigInt64Array([-1n]),
	float64_array: new Float64Array([0.5]),
	clamped_array: new Uint8ClampedArray([1, 2]),
};

const message = (tag, val) => ({ body: { tag, val } });
const actor = { actorId: "a1", generation: 3, key: "general" };
const failure = { group: "user", code: "bad_token", message: "No ✗" };

const cases = {
	init: ["to_client", message("Init", { actorId: "a1", connectionId: "c1" })],
	error: ["to_client", message("Error", { ...failure, actionId: null })],
	error_of_action: [
		"to_client",
		message("Error", { ...failure, metadata: { tries: 2 }, actionId: 0n }),
	],
	error_of_actor: ["to_client", message("Error", { ...failure, actionId: 2n ** 64n - 1n, actor })],
	error_of_keyless_actor: [
		"to_client",
		message("Error", { ...failure, actionId: null, actor: { actorId: "a1", generation: 128 } }),
	],
	response: ["to_client", message("ActionResponse", { id: 5n, output: "done" })],
	response_of_nothing: ["to_client", message("ActionResponse", { id: 127n, output: null })],
	response_of_undefined: ["to_client", message("ActionResponse", { id: 128n, output: undefined })],
	event: ["to_client", message("Event", { name: "posted", args: ["hello"] })],
	event_of_nothing: ["to_client", message("Event", { name: "closed", args: [] })],

	request: ["to_server", message("ActionRequest", { id: 1n, name: "post", args: ["hi", 2] })],
	request_of_nothing: ["to_server", message("ActionRequest", { id: 300n, name: "f", args: [] })],
	request_of_large_id: [
		"to_server",
		message("ActionRequest", { id: 2n ** 64n - 1n, name: "f", args: [null] }),
	],
	request_of_dollar_pair: [
		"to_server",
		message("ActionRequest", { id: 1n, name: "f", args: ["$x", 1] }),
	],
	subscribe: ["to_server", message("SubscriptionRequest", { eventName: "posted", subscribe: true })],
	unsubscribe: ["to_server", message("SubscriptionRequest", { eventName: "ü", subscribe: false })],

	action_request: ["action_request", { args: ["hi", 2] }],
	action_request_of_dollar_pair: ["action_request", { args: ["$x", 1] }],
	action_response: ["action_response", { output: [1, "$", null] }],
	action_response_of_undefined: ["action_response", { output: undefined }],
	queue_request: ["queue_request", { body: "job", name: "jobs", wait: true, timeout: 1500 }],
	queue_request_plain: ["queue_request", { body: null, name: "jobs", wait: false, timeout: undefined }],
	queue_response: ["queue_response", { status: "completed", response: "ok" }],
	queue_response_of_none: ["queue_response", { status: "timedOut" }],
	http_error: ["http_error", failure],
	http_error_of_actor: ["http_error", { ...failure, metadata: [1], actor }],
};
for (const [name, value] of Object.entries(values)) {
	cases[`value.${name}`] = ["to_server", message("ActionRequest", { id: 1n, name: "f", args: [value] })];
	cases[`value_to_client.${name}`] = ["to_client", message("Event", { name: "e", args: [value] })];
}

// ------------------------------------------------------------------ rivetkit's codecs, by kind

// A plain Uint8Array, as a websocket gives it: the slices of a Buffer share memory.
const bytesOf = (hex) => new Uint8Array(Buffer.from(hex, "hex"));
const toArrayBuffer = (bytes) =>
	bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
const packed = (value) => toArrayBuffer(kit.encodeCborCompat(value));
const packedIfAny = (value) => (value === undefined ? null : packed(value));
const unpacked = (buffer) => kit.decodeCborCompat(new Uint8Array(buffer));
const unpackedIfAny = (buffer) => (buffer === null ? undefined : unpacked(buffer));
const bareActor = (a) => (a ? { ...a, generation: BigInt(a.generation), key: a.key ?? null } : null);
const jsActor = (a) =>
	a ? { actorId: a.actorId, generation: Number(a.generation), key: a.key ?? undefined } : undefined;
const onVal = (change) => (msg) => message(msg.body.tag, change(msg.body.val));
const same = (value) => value;

// What a client does between its own messages and the fields of bare (client/*.ts).
const kinds = {
	to_client: {
		versioned: kit.CLIENT_PROTOCOL_TO_CLIENT,
		schema: kit.ToClientSchema,
		toBare: onVal((v) => ({
			...v,
			...("output" in v && { output: packed(v.output) }),
			...("args" in v && { args: packed(v.args) }),
			...("group" in v && { metadata: packedIfAny(v.metadata), actor: bareActor(v.actor) }),
		})),
		fromBare: onVal((v) => ({
			...v,
			...("output" in v && { output: unpacked(v.output) }),
			...("args" in v && { args: unpacked(v.args) }),
			...("group" in v && { metadata: unpackedIfAny(v.metadata), actor: jsActor(v.actor) }),
		})),
	},
	to_server: {
		versioned: kit.CLIENT_PROTOCOL_TO_SERVER,
		schema: kit.ToServerSchema,
		toBare: onVal((v) => ("args" in v ? { ...v, args: packed(v.args) } : v)),
		fromBare: onVal((v) => ("args" in v ? { ...v, args: unpacked(v.args) } : v)),
	},
	action_request: {
		versioned: kit.HTTP_ACTION_REQUEST_VERSIONED,
		schema: kit.HttpActionRequestSchema,
		toBare: (v) => ({ args: packed(v.args) }),
		fromBare: (v) => ({ args: unpacked(v.args) }),
	},
	action_response: {
		versioned: kit.HTTP_ACTION_RESPONSE_VERSIONED,
		schema: kit.HttpActionResponseSchema,
		toBare: (v) => ({ output: packed(v.output) }),
		fromBare: (v) => ({ output: unpacked(v.output) }),
	},
	queue_request: {
		versioned: kit.HTTP_QUEUE_SEND_REQUEST_VERSIONED,
		schema: kit.HttpQueueSendRequestSchema,
		toBare: (v) => ({
			...v,
			body: packed(v.body),
			timeout: v.timeout === undefined ? null : BigInt(v.timeout),
		}),
		fromBare: (v) => ({
			...v,
			body: unpacked(v.body),
			timeout: v.timeout === null ? undefined : Number(v.timeout),
		}),
		firstVersion: 3,
	},
	queue_response: {
		versioned: kit.HTTP_QUEUE_SEND_RESPONSE_VERSIONED,
		schema: kit.HttpQueueSendResponseSchema,
		toBare: (v) => ({ ...v, response: packedIfAny(v.response) }),
		fromBare: (v) => ({ ...v, response: unpackedIfAny(v.response) }),
		firstVersion: 3,
	},
	http_error: {
		versioned: kit.HTTP_RESPONSE_ERROR_VERSIONED,
		schema: kit.HttpResponseErrorSchema,
		toBare: (v) => ({ ...v, metadata: packedIfAny(v.metadata), actor: bareActor(v.actor) }),
		fromBare: (v) => ({ ...v, metadata: unpackedIfAny(v.metadata), actor: jsActor(v.actor) }),
	},
};
const fromClient = new Set(["to_server", "action_request", "queue_request"]);

function encode(kind, value, form) {
	const [encoding, version] = form.split(".");
	const { versioned, schema, toBare } = kinds[kind];
	if (encoding === "bare") {
		return versioned.serializeWithEmbeddedVersion(toBare(value), Number(version));
	}
	if (fromClient.has(kind)) {
		return kit.serializeWithEncoding(encoding, value, versioned, 4, schema, same, toBare);
	}
	// The client never encodes these; a host escapes them in both encodings.
	return encoding === "cbor" ? kit.encodeCborCompat(value) : JSON.stringify(kit.encodeJsonCompatValue(value));
}

function decode(kind, data, form) {
	const [encoding] = form.split(".");
	const { versioned, schema, fromBare } = kinds[kind];
	if (encoding === "cbor" && fromClient.has(kind)) {
		return kit.cbor.decode(data); // nothing is escaped in this direction
	}
	const input = encoding === "json" ? Buffer.from(data).toString() : data;
	return kit.deserializeWithEncoding(encoding, input, versioned, schema, same, fromBare);
}

// ------------------------------------------------------------------ the files

// A property that is undefined is as good as absent, and bare makes some where json has none.
function withoutUndefined(value) {
	if (Array.isArray(value)) {
		return value.map(withoutUndefined);
	}
	if (value === null || value === undefined || Object.getPrototypeOf(value) !== Object.prototype) {
		return value;
	}
	const defined = Object.entries(value).filter(([, property]) => property !== undefined);
	return Object.fromEntries(defined.map(([key, property]) => [key, withoutUndefined(property)]));
}
const show = (value) =>
	inspect(withoutUndefined(value), { depth: 50, breakLength: Infinity, compact: 50, sorted: true });
const write = (name, content) =>
	writeFileSync(path.join(here, name), `${JSON.stringify(content, null, "\t")}\n`);

function formsOf(name, kind) {
	// Values are the same in every version; messages are not.
	const first = name.startsWith("value") ? 4 : (kinds[kind].firstVersion ?? 1);
	const versions = [1, 2, 3, 4].filter((version) => version >= first);
	return ["json", "cbor", ...versions.map((version) => `bare.${version}`)];
}

// JSON has no NaN, and its client writes a typed array as an object: not worth a promise.
const binaryOnly = /\.(infinity|.*_array)$/;

const theirs = {};
for (const [name, [kind, value]] of Object.entries(cases)) {
	const frames = {};
	for (const form of formsOf(name, kind)) {
		if (form !== "json" || !binaryOnly.test(name)) {
			frames[form] = Buffer.from(encode(kind, value, form)).toString("hex");
		}
	}
	theirs[name] = { kind, js: show(decode(kind, bytesOf(frames["bare.4"]), "bare.4")), frames };
}
write("theirs.json", theirs);

const ours = JSON.parse(readFileSync(path.join(here, "ours.json"), "utf8"));
for (const [name, frames] of Object.entries(ours)) {
	for (const [form, frame] of Object.entries(frames)) {
		frame.js = show(decode(cases[name][0], bytesOf(frame.hex), form));
	}
}
write("ours.json", ours);
console.log(`${Object.keys(theirs).length} cases by rivetkit, ${Object.keys(ours).length} by pyactor`);
