// Five official clients talk while their host is killed or restarted, again and again.
//
// Prints one JSON object: how long it took each time until everybody was connected again and had
// heard everybody else. After `seconds` it gives up and says who is where.

import { setTimeout as pause } from "node:timers/promises";
import { createClient } from "rivetkit/client";

import { until } from "./harness.mjs";

const { url, times, how, parent, life, seconds } = JSON.parse(process.argv[2]);
const ENCODINGS = ["json", "cbor", "bare", "json", "bare"];

class Speaker {
	connections = 0;
	heard = new Set();
	calls = { answered: 0, lost: 0 };

	constructor(number) {
		this.name = `speaker ${number}`;
		const client = createClient({ endpoint: url, encoding: ENCODINGS[number] });
		this.conn = client.lobby.getOrCreate("conversation", { params: { name: this.name } }).connect();
		this.conn.onOpen(() => (this.connections += 1));
		this.conn.on("said", (text) => this.heard.add(text));
	}

	/** Talk without a pause. What is lost with a connection is said anew. */
	async talk() {
		for (;;) {
			await this.conn.say(`${this.name} in round ${round}`).then(
				() => (this.calls.answered += 1),
				() => (this.calls.lost += 1),
			);
			await pause(5);
		}
	}

	/** Whether it is connected once more than `before`, and heard everybody in this round. */
	isBack(before) {
		return (
			this.conn.connStatus === "connected" &&
			this.connections > before &&
			speakers.every(({ name }) => this.heard.has(`${name} in round ${round}`))
		);
	}
}

async function strike(speaker) {
	if (how === "kill") {
		process.kill(await speaker.conn.pid(), "SIGKILL");
	} else {
		process.kill(parent, "SIGHUP");
	}
}

let round = 0;
const speakers = ENCODINGS.map((_, number) => new Speaker(number));
for (const speaker of speakers) {
	speaker.talk();
}
setTimeout(() => {
	const state = speakers.map(({ name, conn }) => `${name}: ${conn.connStatus}`);
	console.error(`round ${round} of ${times}: ${state.join(", ")}`);
	process.exit(1);
}, seconds * 1000);
await until(() => speakers.every((speaker) => speaker.isBack(0)));

const milliseconds = [];
while (round < times) {
	await pause(life); // a server that dies younger has to wait before it is replaced
	const before = speakers.map(({ connections }) => connections);
	const began = performance.now();
	await strike(speakers[round % speakers.length]);
	await until(() => speakers.every(({ connections }, index) => connections > before[index]));
	round += 1;
	await until(() => speakers.every((speaker, index) => speaker.isBack(before[index])));
	milliseconds.push(Math.round(performance.now() - began));
}
const status = speakers.map(({ conn }) => conn.connStatus);
const calls = speakers.map((speaker) => speaker.calls);
process.stdout.write(JSON.stringify({ milliseconds, status, calls }));
process.exit(0);
