// Peer: RivetKit, with its engine beside it. State is durable, connections have their lifecycle.
import { actor, event, setup } from "rivetkit";

const counter = actor({
	state: { count: 0 },
	events: { changed: event() },
	actions: {
		add: (c, amount) => (c.state.count += amount),
		echo: (_c, text) => text,
		publish: (c, amount) => {
			c.state.count += amount;
			c.broadcast("changed", c.state.count);
			return c.state.count;
		},
	},
});

setup({ use: { counter } }).start();
