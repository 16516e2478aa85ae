/* See messages.h. The actor protocol: the design's wire-protocol.md, "Framing". */
#define _GNU_SOURCE
#include "messages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has(const uint8_t *message, size_t size, const char *text)
{
	return memmem(message, size, text, strlen(text)) != NULL;
}

/* ---------------------------------------------------------------- json */

static size_t json_request(uint8_t *out, uint32_t id, const char *action, size_t size)
{
	char *text = (char *)out;
	text += sprintf(text, "{\"body\":{\"tag\":\"ActionRequest\",\"val\":{\"id\":[\"$BigInt\",\"%u\"],"
		"\"name\":\"%s\",\"args\":[", id, action);
	if (size) {
		*text++ = '"';
		memset(text, 'x', size);
		text += size;
		*text++ = '"';
	} else {
		*text++ = '1';
	}
	text += sprintf(text, "]}}}");
	return (size_t)(text - (char *)out);
}

static size_t json_subscribe(uint8_t *out, const char *event)
{
	return (size_t)sprintf((char *)out, "{\"body\":{\"tag\":\"SubscriptionRequest\",\"val\":"
		"{\"eventName\":\"%s\",\"subscribe\":true}}}", event);
}

static enum kind json_kind(const uint8_t *message, size_t size, uint32_t id)
{
	/* Tag and id stand at the head, whatever follows. */
	size_t head = size < 120 ? size : 120;
	char quoted[16];
	snprintf(quoted, sizeof quoted, "\"%u\"", id);
	if (has(message, head, "\"ActionResponse\""))
		return has(message, head, quoted) ? RESPONSE : OTHER;
	if (has(message, head, "\"Event\""))
		return EVENT;
	return has(message, head, "\"Init\"") ? INIT : OTHER;
}

/* ---------------------------------------------------------------- bare */

static size_t put_uint(uint8_t *out, uint64_t value)
{
	size_t size = 0;
	for (; value > 127; value >>= 7)
		out[size++] = (uint8_t)(value | 128);
	out[size++] = (uint8_t)value;
	return size;
}

static size_t put_text(uint8_t *out, const char *text)
{
	size_t size = strlen(text), head = put_uint(out, size);
	memcpy(out + head, text, size);
	return head + size;
}

static size_t bare_request(uint8_t *out, uint32_t id, const char *action, size_t size)
{
	static const uint8_t head[] = {4, 0, 0};
	size_t at = sizeof head;
	memcpy(out, head, at);
	at += put_uint(out + at, id);
	at += put_text(out + at, action);
	if (!size) { /* CBOR [1] */
		memcpy(out + at, "\x02\x81\x01", 3);
		return at + 3;
	}
	at += put_uint(out + at, size + 6); /* CBOR: an array of one text with 4 bytes of length */
	out[at++] = 0x81;
	out[at++] = 0x7a;
	for (int shift = 24; shift >= 0; shift -= 8)
		out[at++] = (uint8_t)(size >> shift);
	memset(out + at, 'x', size);
	return at + size;
}

static size_t bare_subscribe(uint8_t *out, const char *event)
{
	static const uint8_t head[] = {4, 0, 1};
	memcpy(out, head, sizeof head);
	size_t at = sizeof head + put_text(out + sizeof head, event);
	out[at] = 1;
	return at + 1;
}

static enum kind bare_kind(const uint8_t *message, size_t size, uint32_t id)
{
	uint8_t expected[10];
	size_t digits = put_uint(expected, id);
	if (size < 3)
		return OTHER;
	if (message[2] == 2 && size > 3 + digits && !memcmp(message + 3, expected, digits))
		return RESPONSE;
	return message[2] == 3 ? EVENT : message[2] == 0 ? INIT : OTHER;
}

/* ---------------------------------------------------------------- socketio */

static size_t socketio_request(uint8_t *out, uint32_t id, const char *action, size_t size)
{
	char *text = (char *)out;
	text += sprintf(text, "42%u[\"%s\",", id, action);
	if (size) {
		*text++ = '"';
		memset(text, 'x', size);
		text += size;
		*text++ = '"';
	} else {
		*text++ = '1';
	}
	*text++ = ']';
	return (size_t)(text - (char *)out);
}

static size_t socketio_subscribe(uint8_t *out, const char *event)
{
	return (size_t)sprintf((char *)out, "42[\"subscribe\",\"%s\"]", event);
}

static enum kind socketio_kind(const uint8_t *message, size_t size, uint32_t id)
{
	char expected[16];
	size_t length = (size_t)snprintf(expected, sizeof expected, "43%u[", id);
	if (size >= length && !memcmp(message, expected, length))
		return RESPONSE;
	if (size > 2 && !memcmp(message, "42", 2))
		return EVENT;
	if (size == 1 && *message == '2')
		return PING_TEXT;
	return size && (*message == '0' || !memcmp(message, "40", 2)) ? INIT : OTHER;
}

/* ---------------------------------------------------------------- all */

static const struct dialect dialects[] = {
	{"json", "rivet, rivet_encoding.json", false, 1, "", json_request, json_subscribe, json_kind},
	{"bare", "rivet, rivet_encoding.bare", true, 1, "", bare_request, bare_subscribe, bare_kind},
	{"socketio", "", false, 2, "40", socketio_request, socketio_subscribe, socketio_kind},
};

const struct dialect *dialect_named(const char *name)
{
	for (size_t i = 0; i < sizeof dialects / sizeof *dialects; i++)
		if (!strcmp(dialects[i].name, name))
			return &dialects[i];
	return NULL;
}
