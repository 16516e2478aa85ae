// Peer: a partyserver in workerd, with durable state. The messages are those of room.py.
import { routePartykitRequest, Server } from "partyserver";

const said = (tag, val) => JSON.stringify({ body: { tag, val } });

export class Counter extends Server {
	static options = { hibernate: false };
	count = 0;
	subscribers = new Set();
	saving = undefined;

	async onStart() {
		this.count = (await this.ctx.storage.get("count")) ?? 0;
	}

	onConnect(connection) {
		connection.send(said("Init", { actorId: this.name, connectionId: connection.id }));
	}

	onMessage(connection, message) {
		const { tag, val } = JSON.parse(message).body;
		if (tag === "SubscriptionRequest") {
			this.subscribers.add(connection);
			return;
		}
		let output = val.args[0];
		if (val.name !== "echo") {
			output = this.count += output;
			this.saveSoon();
		}
		if (val.name === "publish") {
			const event = said("Event", { name: "changed", args: [output] });
			for (const subscriber of this.subscribers) subscriber.send(event);
		}
		connection.send(said("ActionResponse", { id: val.id, output }));
	}

	// Within a second, as pyactor does: a put holds back every answer until it is on the disk.
	saveSoon() {
		this.saving ??= setTimeout(() => {
			this.saving = undefined;
			this.ctx.storage.put("count", this.count);
		}, 1000);
	}

	onClose(connection) {
		this.subscribers.delete(connection);
	}
}

export default {
	async fetch(request, env) {
		return (await routePartykitRequest(request, env)) ?? new Response("no", { status: 404 });
	},
};
