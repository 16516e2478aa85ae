/* See websocket.h. Frames: RFC 6455 section 5; a client masks what it sends (5.3). */
#define _GNU_SOURCE
#include "websocket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };
enum { CHUNK = 256 * 1024, EVENTS = 512, SOURCES = 200 };

static const struct target *to;
static int loop;
static uint8_t chunk[CHUNK];
static uint32_t mask = 0x9e3779b9;

void fail(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fputs("load: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	exit(1);
}

static void watch(struct connection *c, int operation, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = c};
	if (epoll_ctl(loop, operation, c->fd, &event) < 0)
		fail("epoll_ctl: %s", strerror(errno));
}

void ws_begin(const struct target *target)
{
	to = target;
	loop = epoll_create1(EPOLL_CLOEXEC);
}

void ws_connect(struct connection *c)
{
	static unsigned connects;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		fail("no socket: %s (ulimit -n?)", strerror(errno));
	int on = 1;
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	/* Many source addresses, so that churn does not run out of ports in TIME_WAIT. */
	setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	struct sockaddr_in from = {.sin_family = AF_INET};
	from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + connects++ % SOURCES);
	if (bind(c->fd, (struct sockaddr *)&from, sizeof from) < 0)
		fail("bind: %s", strerror(errno));
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)to->port)};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)
		fail("connect: %s", strerror(errno));
	c->stage = CONNECTING;
	c->held_size = 0;
	watch(c, EPOLL_CTL_ADD, EPOLLOUT);
}

static void send_all(struct connection *c, const uint8_t *data, size_t size)
{
	while (size) {
		ssize_t sent = send(c->fd, data, size, MSG_NOSIGNAL);
		if (sent > 0) {
			data += sent;
			size -= (size_t)sent;
		} else if (errno == EAGAIN) { /* a long message; no server waits for us to read */
			struct pollfd writable = {.fd = c->fd, .events = POLLOUT};
			poll(&writable, 1, -1);
		} else if (c->stage == CLOSING) {
			return; /* the server was quicker to close */
		} else {
			fail("connection %d: send: %s", c->index, strerror(errno));
		}
	}
}

static void send_frame(struct connection *c, int opcode, const uint8_t *payload, size_t size)
{
	static uint8_t *frame;
	static size_t room;
	if (size + 14 > room && !(frame = realloc(frame, room = 2 * size + 4096)))
		fail("no memory");
	size_t head = 2;
	frame[0] = (uint8_t)(0x80 | opcode);
	if (size < 126) {
		frame[1] = (uint8_t)(0x80 | size);
	} else if (size < 65536) {
		frame[1] = 0x80 | 126;
		frame[2] = (uint8_t)(size >> 8);
		frame[3] = (uint8_t)size;
		head = 4;
	} else {
		frame[1] = 0x80 | 127;
		for (int i = 0; i < 8; i++)
			frame[2 + i] = (uint8_t)((uint64_t)size >> (56 - 8 * i));
		head = 10;
	}
	mask = mask * 1664525 + 1013904223;
	memcpy(frame + head, &mask, 4);
	const uint8_t *key = frame + head;
	uint8_t *out = frame + head + 4;
	for (size_t i = 0; i < size; i++)
		out[i] = payload[i] ^ key[i & 3];
	send_all(c, frame, head + 4 + size);
}

void ws_send(struct connection *c, const void *message, size_t size, bool binary)
{
	send_frame(c, binary ? BINARY : TEXT, message, size);
}

void ws_close(struct connection *c)
{
	static const uint8_t normal[2] = {1000 >> 8, 1000 & 255};
	c->stage = CLOSING;
	send_frame(c, CLOSE, normal, sizeof normal);
}

static void ended(struct connection *c)
{
	if (c->stage != CLOSING)
		fail("connection %d: the server closed it", c->index);
	close(c->fd);
	c->stage = CLOSED;
	to->closed(c);
}

static void send_handshake(struct connection *c)
{
	int error = 0;
	socklen_t size = sizeof error;
	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error)
		fail("connection %d: %s", c->index, strerror(error));
	char path[1024], request[2048];
	const char *number = strstr(to->path, "%d");
	if (number)
		snprintf(path, sizeof path, "%.*s%d%s", (int)(number - to->path), to->path, c->index, number + 2);
	else
		snprintf(path, sizeof path, "%s", to->path);
	int length = snprintf(request, sizeof request,
		"GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s%s%s\r\n",
		path, to->port, *to->subprotocols ? "Sec-WebSocket-Protocol: " : "", to->subprotocols,
		*to->subprotocols ? "\r\n" : "");
	c->stage = HANDSHAKING;
	watch(c, EPOLL_CTL_MOD, EPOLLIN);
	send_all(c, (const uint8_t *)request, (size_t)length);
}

/* The bytes of the head of the server's answer; 0 if its end has not arrived. */
static size_t handshake_size(struct connection *c, const uint8_t *data, size_t size)
{
	/* Of the key above, which is that of RFC 6455 1.3. */
	static const char accept[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
	const uint8_t *end = memmem(data, size, "\r\n\r\n", 4);
	if (!end)
		return 0;
	if (memcmp(data, "HTTP/1.1 101", 12) || !memmem(data, (size_t)(end - data), accept, sizeof accept - 1))
		fail("connection %d: no websocket: %.*s", c->index, size > 300 ? 300 : (int)size, data);
	return (size_t)(end - data) + 4;
}

/* The bytes of the frame at the head of data, once it is handled; 0 if its end has not arrived. */
static size_t receive_frame(struct connection *c, const uint8_t *data, size_t available)
{
	if (available < 2)
		return 0;
	size_t head = 2, size = data[1] & 127;
	if (data[1] & 128)
		fail("connection %d: the server masks", c->index);
	if (size >= 126) {
		size_t digits = size == 126 ? 2 : 8;
		head += digits;
		if (available < head)
			return 0;
		size = 0;
		for (size_t i = 2; i < head; i++)
			size = size << 8 | data[i];
	}
	if (available < head + size)
		return 0;
	if (data[0] == (0x80 | TEXT) || data[0] == (0x80 | BINARY)) {
		to->received(c, data + head, size);
	} else if (data[0] == (0x80 | PING)) {
		send_frame(c, PONG, data + head, size);
	} else if (data[0] == (0x80 | CLOSE)) {
		if (c->stage != CLOSING)
			fail("connection %d: closed by the server: %.*s", c->index,
				size > 2 ? (int)size - 2 : 0, data + head + 2);
	} else if (data[0] != (0x80 | PONG)) {
		fail("connection %d: a frame begins with 0x%02x", c->index, data[0]);
	}
	return head + size;
}

static void receive(struct connection *c, const uint8_t *data, size_t size)
{
	size_t used;
	while (size && c->stage != CLOSED) {
		if (c->stage == HANDSHAKING) {
			used = handshake_size(c, data, size);
			if (used) {
				c->stage = OPEN;
				to->opened(c);
			}
		} else {
			used = receive_frame(c, data, size);
		}
		if (!used)
			break;
		data += used;
		size -= used;
	}
	if (size > c->held_room && !(c->held = realloc(c->held, c->held_room = 2 * size)))
		fail("no memory");
	if (size)
		memmove(c->held, data, size);
	c->held_size = size;
}

static void read_from(struct connection *c)
{
	size_t held = c->held_size;
	if (held + 4096 > CHUNK)
		fail("connection %d: a message of more than %d bytes", c->index, CHUNK);
	if (held)
		memcpy(chunk, c->held, held);
	ssize_t size = recv(c->fd, chunk + held, CHUNK - held, 0);
	if (size > 0)
		receive(c, chunk, held + (size_t)size);
	else if (size == 0 || errno != EAGAIN)
		ended(c);
}

void ws_turn(int wait_ms)
{
	struct epoll_event events[EVENTS];
	int count = epoll_wait(loop, events, EVENTS, wait_ms);
	for (int i = 0; i < count; i++) {
		struct connection *c = events[i].data.ptr;
		if (c->stage == CONNECTING)
			send_handshake(c);
		else if (c->stage != CLOSED)
			read_from(c);
	}
}
