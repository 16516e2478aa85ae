// Peer: Node's `ws`, without compression. The messages are those of room.py.
import { WebSocketServer } from "ws";

const subscribers = new Set();
let count = 0;
const said = (tag, val) => JSON.stringify({ body: { tag, val } });

const server = new WebSocketServer({
	host: "127.0.0.1",
	port: Number(process.argv[2]),
	backlog: 1024,
	perMessageDeflate: false,
});
server.on("connection", (socket) => {
	socket.send(said("Init", { actorId: "bare", connectionId: "bare" }));
	socket.on("message", (data) => {
		const { tag, val } = JSON.parse(data.toString()).body;
		if (tag === "SubscriptionRequest") {
			subscribers.add(socket);
			return;
		}
		const output = val.name === "echo" ? val.args[0] : (count += val.args[0]);
		if (val.name === "publish") {
			const event = said("Event", { name: "changed", args: [output] });
			for (const subscriber of subscribers) subscriber.send(event);
		}
		socket.send(said("ActionResponse", { id: val.id, output }));
	});
	socket.on("close", () => subscribers.delete(socket));
});
