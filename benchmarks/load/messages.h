/* What is said over a websocket, in each dialect: requests are written, answers recognised.
 *
 * json and bare are the actor protocol of RivetKit; socketio is Engine.IO 4 with Socket.IO 5.
 */
#ifndef MESSAGES_H
#define MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kind { INIT, RESPONSE, EVENT, PING_TEXT, OTHER };

struct dialect {
	const char *name;
	const char *subprotocols;
	bool binary;
	/* Messages of the server before the connection is of use, and what the client says first. */
	int set_up_messages;
	const char *greeting;
	/* Both return the size; request's argument is a text of `size` bytes, or the number 1 if 0. */
	size_t (*request)(uint8_t *out, uint32_t id, const char *action, size_t size);
	size_t (*subscribe)(uint8_t *out, const char *event);
	/* What a message is; of a RESPONSE, whether it is the one to `id`, else OTHER. */
	enum kind (*kind_of)(const uint8_t *message, size_t size, uint32_t id);
};

/* NULL if there is none of the name. */
const struct dialect *dialect_named(const char *name);

#endif
