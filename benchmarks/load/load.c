/* The load generator: one work on one server, then one line of JSON.
 *
 *     load WORK name=value ...        (see `options`; works: actions, broadcast, churn, idle)
 *
 * Once everything is connected and warm it prints "ready", and waits for a line. Nothing is under
 * way then, nor when it is done, so that whoever starts it can read what the server has used.
 * Every answer is checked; the first wrong one ends it with status 1.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "messages.h"
#include "websocket.h"

enum { MAX_SAMPLES = 1 << 23, WAIT_S = 60, SET_UP_AT_ONCE = 64 };

static struct {
	int port, connections, size;
	double seconds, warm_up;
	const char *path, *action, *event;
} options = {.connections = 1, .seconds = 1, .warm_up = .2, .path = "/", .action = "add", .event = "changed"};

static const struct dialect *dialect;
static struct target target;
static struct connection *connections;
static uint8_t *request;
static uint32_t *samples; /* microseconds x 10 */
static size_t sample_count;
static long done;         /* units of work */
static int ready, under_way;
static bool is_churn, is_broadcast, running;
static uint64_t published_at;

static uint64_t now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void sample(uint64_t since)
{
	if (sample_count < MAX_SAMPLES)
		samples[sample_count++] = (uint32_t)((now() - since) / 100);
}

/* ---------------------------------------------------------------- one connection */

static void act(struct connection *c, const char *action)
{
	c->busy = true;
	c->sent_at = now();
	under_way++;
	size_t size = dialect->request(request, ++c->id, action, (size_t)options.size);
	ws_send(c, request, size, dialect->binary);
}

static void connect_one(struct connection *c)
{
	c->setting_up = dialect->set_up_messages;
	c->sent_at = now();
	under_way++;
	ws_connect(c);
}

static void set_up(struct connection *c)
{
	if (is_churn) {
		ws_close(c);
		return;
	}
	ready++;
	under_way--;
	if (is_broadcast) {
		size_t size = dialect->subscribe(request, options.event);
		ws_send(c, request, size, dialect->binary);
		act(c, "add"); /* once it is answered the server has seen the subscription too */
	}
}

static void opened(struct connection *c)
{
	(void)c; /* it is of use after the server's first message */
}

static void received(struct connection *c, const uint8_t *message, size_t size)
{
	enum kind kind = dialect->kind_of(message, size, c->id);
	if (kind == INIT && c->setting_up) {
		if (--c->setting_up)
			ws_send(c, dialect->greeting, strlen(dialect->greeting), false);
		else
			set_up(c);
	} else if (kind == RESPONSE && c->busy && size >= (size_t)options.size) {
		c->busy = false;
		under_way--;
		if (is_broadcast)
			return;
		sample(c->sent_at);
		done++;
		if (running)
			act(c, options.action);
	} else if (kind == EVENT && is_broadcast) {
		done++;
		if (--under_way == 0 || (under_way == 1 && connections[0].busy))
			sample(published_at);
	} else if (kind == PING_TEXT) {
		ws_send(c, "3", 1, false);
	} else if (c->stage != CLOSING) {
		fail("connection %d: an answer that was not expected to %s %u: %.*s", c->index,
			options.action, c->id, size > 300 ? 300 : (int)size, message);
	}
}

static void closed(struct connection *c)
{
	under_way--;
	if (!is_churn) {
		ready--;
		return;
	}
	sample(c->sent_at);
	done++;
	if (running)
		connect_one(c);
}

/* ---------------------------------------------------------------- turns */

static void until_quiet(const char *what)
{
	uint64_t deadline = now() + WAIT_S * 1000000000ull;
	while (under_way) {
		ws_turn(100);
		if (now() > deadline)
			fail("%s: %d still under way after %d s", what, under_way, WAIT_S);
	}
}

static void publish(void)
{
	published_at = now();
	under_way += options.connections;
	act(&connections[0], options.action);
	until_quiet("a broadcast");
}

static void work(double seconds)
{
	uint64_t end = now() + (uint64_t)(seconds * 1e9);
	running = !is_broadcast;
	if (is_broadcast)
		do
			publish();
		while (now() < end);
	for (int i = 0; running && i < options.connections; i++)
		is_churn ? connect_one(&connections[i]) : act(&connections[i], options.action);
	while (running && now() < end)
		ws_turn(10);
	running = false;
	until_quiet("the last ones");
}

static void connect_all(void)
{
	for (int i = 0; i < options.connections; i++) {
		connect_one(&connections[i]);
		while (under_way >= SET_UP_AT_ONCE)
			ws_turn(100);
	}
	until_quiet("connecting");
}

static void await_line(void)
{
	puts("ready");
	fflush(stdout);
	for (int byte = getchar(); byte != '\n'; byte = getchar())
		if (byte == EOF)
			exit(1);
}

/* ---------------------------------------------------------------- the result */

static double cpu_seconds(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static int ascending(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
	return (left > right) - (left < right);
}

static double quantile(double part)
{
	return sample_count ? samples[(size_t)(part * (double)(sample_count - 1))] / 10. : 0;
}

static void measure(void)
{
	sample_count = 0;
	done = 0;
	double cpu = cpu_seconds();
	uint64_t begin = now();
	work(options.seconds);
	double seconds = (double)(now() - begin) / 1e9;
	cpu = cpu_seconds() - cpu;
	qsort(samples, sample_count, sizeof *samples, ascending);
	printf("{\"messages\": %ld, \"seconds\": %.6f, \"utilisation\": %.4f, \"p50\": %.1f, \"p99\": %.1f}\n",
		done, seconds, cpu / seconds, quantile(.5), quantile(.99));
}

static void read_option(const char *argument)
{
	const char *value = strchr(argument, '=');
	if (!value++)
		fail("%s: options are name=value", argument);
	size_t length = (size_t)(value - argument) - 1;
#define IS(name) (length == strlen(name) && !memcmp(argument, name, length))
	if (IS("port"))
		options.port = atoi(value);
	else if (IS("connections"))
		options.connections = atoi(value);
	else if (IS("size"))
		options.size = atoi(value);
	else if (IS("seconds"))
		options.seconds = atof(value);
	else if (IS("warm_up"))
		options.warm_up = atof(value);
	else if (IS("path"))
		options.path = value;
	else if (IS("action"))
		options.action = value;
	else if (IS("event"))
		options.event = value;
	else if (!IS("dialect") || !(dialect = dialect_named(value)))
		fail("%s: no such option", argument);
#undef IS
}

int main(int count, char **arguments)
{
	const char *name = count > 1 ? arguments[1] : "";
	dialect = dialect_named("json");
	for (int i = 2; i < count; i++)
		read_option(arguments[i]);
	is_churn = !strcmp(name, "churn");
	is_broadcast = !strcmp(name, "broadcast");
	bool is_idle = !strcmp(name, "idle");
	if (!is_churn && !is_broadcast && !is_idle && strcmp(name, "actions"))
		fail("the works are actions, broadcast, churn and idle, not '%s'", name);
	connections = calloc((size_t)options.connections, sizeof *connections);
	samples = malloc(MAX_SAMPLES * sizeof *samples);
	request = malloc((size_t)options.size + 4096);
	if (!connections || !samples || !request)
		fail("no memory");
	for (int i = 0; i < options.connections; i++)
		connections[i].index = i;

	target = (struct target){options.port, options.path, dialect->subprotocols, opened, received, closed};
	ws_begin(&target);
	if (!is_churn)
		connect_all();
	if (!is_idle)
		work(options.warm_up);
	await_line();
	if (is_idle)
		printf("{\"connections\": %d}\n", ready);
	else
		measure();
	if (!is_churn) {
		for (int i = 0; i < options.connections; i++) {
			under_way++;
			ws_close(&connections[i]);
			while (under_way >= SET_UP_AT_ONCE)
				ws_turn(100);
		}
		until_quiet("closing");
	}
	return 0;
}
