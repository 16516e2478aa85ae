// Runs checks with the official client and prints one JSON line for each.
//
//   node runner.mjs                                        lists the names of all checks
//   node runner.mjs '{"encoding": …, "hosts": …, "names": [ … ]}'   runs them in this order

import { readdirSync } from "node:fs";

import { checks, perform } from "./harness.mjs";

const folder = new URL("./checks/", import.meta.url);
for (const file of readdirSync(folder).sort()) {
	await import(new URL(file, folder).href);
}

const print = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

if (process.argv[2] === undefined) {
	print(checks.map(({ name }) => name));
} else {
	const { createClient } = await import("rivetkit/client");
	const { encoding, hosts, names } = JSON.parse(process.argv[2]);
	// What the client does behind a check's back must not end the run: the check itself notices.
	process.on("unhandledRejection", (error) => console.error("unhandled rejection:", error));
	for (const name of names) {
		const found = checks.find((each) => each.name === name);
		print(await perform(found, { createClient, encoding, hosts }));
	}
	process.exit(0);
}
