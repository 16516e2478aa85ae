// Opens page.mjs in Chromium, served from origins other than the host's, and prints what it saw.

import { once } from "node:events";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { chromium } from "playwright-core";

const { executablePath, userDataDir, visits } = JSON.parse(process.argv[2]);

const bundle = await build({
	entryPoints: [fileURLToPath(new URL("page.mjs", import.meta.url))],
	bundle: true,
	format: "iife",
	logLevel: "error",
	platform: "browser",
	write: false,
});
const script = bundle.outputFiles[0].contents;

const server = createServer(({ url }, response) => {
	if (url === "/page.js") {
		response.writeHead(200, { "content-type": "text/javascript" }).end(script);
	} else {
		response
			.writeHead(200, { "content-type": "text/html" })
			.end('<!doctype html><meta charset="utf-8"><script src="/page.js"></script>');
	}
});
server.listen(0, "127.0.0.1");
await once(server, "listening");

// The origins are names that only this browser resolves, to this server.
const rules = visits.map(
	({ origin }) => `MAP ${new URL(origin).host} 127.0.0.1:${server.address().port}`,
);
const browser = await chromium.launchPersistentContext(userDataDir, {
	executablePath,
	headless: true,
	args: [
		"--no-sandbox",
		"--disable-gpu",
		"--ignore-certificate-errors",
		"--disable-quic",
		"--no-first-run",
		"--disable-background-networking",
		"--disable-component-update",
		"--disable-sync",
		`--host-resolver-rules=${[...new Set(rules)].join(",")}`,
	],
});
const results = [];
for (const { origin, does, setting } of visits) {
	const page = await browser.newPage();
	page.on("console", (message) => console.error(`${origin}: ${message.text()}`));
	await page.goto(`${origin}/`);
	results.push(await page.evaluate(([name, given]) => window[name](given), [does, setting]));
	await page.close();
}
await browser.close();
server.close();
process.stdout.write(JSON.stringify(results));
process.exit(0);
