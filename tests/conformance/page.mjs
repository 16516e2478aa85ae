// The page of browser.mjs: the official client as a bundler makes it, in a browser.
//
// `window.visit(setting)` does what a page does and says what came of it.

import { createClient } from "rivetkit/client";

const first = (subscribe) => new Promise((resolve) => subscribe(resolve));
const told = (error) => (error.group ? `${error.group}.${error.code}` : `${error.name}: ${error.message}`);
const outcome = (promise) => promise.then((value) => value, told);

window.visit = async ({ url, encoding, token, namespace, key }) => {
	const client = createClient({ endpoint: url, encoding, token, namespace });
	const counter = client.counter.getOrCreate(key);
	const conn = counter.connect();
	const event = first((resolve) => conn.on("changed", resolve));
	await conn.ready;
	const site = client.site.getOrCreate(key, { params: { name: "ann" } });
	const ws = await site.webSocket("describe");
	const result = {
		status: conn.connStatus,
		call: await conn.add(5),
		event: await event,
		id: (await counter.resolve()) === conn.actorId,
		error: await outcome(conn.subtract(1)),
		raw: JSON.parse(await first((resolve) => ws.addEventListener("message", ({ data }) => resolve(data)))).who,
		fetched: await (await site.fetch("describe")).json().then(({ who }) => who),
		overHttp: await outcome(counter.add(1)),
	};
	await client.dispose();
	return result;
};

/** What a page of an origin that may not use the host sees. */
window.intrude = async ({ url, encoding, token, namespace, key }) => {
	// With the look-up of /metadata the client would wait for it for ever, without a word.
	const options = { endpoint: url, encoding, token, namespace, disableMetadataLookup: true };
	const counter = createClient(options).counter.getOrCreate(key);
	const conn = counter.connect();
	return {
		call: await outcome(conn.add(1)),
		control: await outcome(counter.resolve()),
		metadata: await outcome(fetch(`${url}/metadata`).then(({ status }) => status)),
	};
};
