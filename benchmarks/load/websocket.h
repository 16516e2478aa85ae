/* Websocket clients on one epoll loop: connect, handshake, frames with masks.
 *
 * Knows bytes and frames. What a message says is for messages.h, what is measured for load.c.
 */
#ifndef WEBSOCKET_H
#define WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum stage { CLOSED, CONNECTING, HANDSHAKING, OPEN, CLOSING };

struct connection {
	int fd;
	int index; /* its place among the connections of this run */
	enum stage stage;
	uint8_t *held; /* the beginning of a frame whose end has not arrived */
	size_t held_size, held_room;
	/* for load.c */
	uint32_t id;      /* of the action that it waits for */
	uint64_t sent_at; /* ns */
	int setting_up;   /* messages that the set-up still waits for */
	bool busy;
};

/* Where all connections of a run go. */
struct target {
	int port;
	const char *path;         /* may hold one %d, which becomes the index of the connection */
	const char *subprotocols; /* "" for none */
	void (*opened)(struct connection *);
	void (*received)(struct connection *, const uint8_t *message, size_t size);
	void (*closed)(struct connection *); /* its closing handshake is over, TCP included */
};

void ws_begin(const struct target *target);
void ws_connect(struct connection *connection);
void ws_send(struct connection *connection, const void *message, size_t size, bool binary);
void ws_close(struct connection *connection);

/* Handle what happens within a time; at most wait_ms milliseconds pass, -1 for no limit. */
void ws_turn(int wait_ms);

/* Say what is wrong and end with status 1. */
__attribute__((noreturn, format(printf, 1, 2))) void fail(const char *format, ...);

#endif
