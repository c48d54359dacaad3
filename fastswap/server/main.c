/* SPDX-License-Identifier: GPL-2.0 */
/* The memory server: connection requests in, regions out. One thread; the data itself moves without it. */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "session.h"

/* How often signs of life are looked at. */
#define TICK_MS 1000

static struct options options;
static struct house house;

static void say(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fputs("fastswap-server: ", stdout);
	vprintf(format, arguments);
	putchar('\n');
	fflush(stdout);
	va_end(arguments);
}

static int fail(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fputs("fastswap-server: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	return 1;
}

static void address_text(const struct sockaddr *address, char *out, size_t room)
{
	if (getnameinfo(address, sizeof(struct sockaddr_storage), out, (socklen_t)room, NULL, 0, NI_NUMERICHOST) != 0)
		snprintf(out, room, "?");
}

static void end_session(struct session *session, const char *why)
{
	say("%s: %s after %ld s, %llu MiB given back", session->name, why, (long)(now_seconds() - session->began),
	    (unsigned long long)(session->tenant.pages * FASTSWAP_PAGE >> 20));
	session_end(&house, session);
}

static void refuse(struct rdma_cm_id *id, const char *name, enum fastswap_status status, uint64_t detail)
{
	static const char *const reasons[] = {
		[FASTSWAP_OK] = "accept failed",
		[FASTSWAP_BAD_HELLO] = "not a valid request",
		[FASTSWAP_BAD_VERSION] = "speaks another version: install the same release on both sides",
		[FASTSWAP_NOT_ALLOWED] = "address not allowed: add it with --allow",
		[FASTSWAP_FULL] = "wants more memory than is left: --capacity",
		[FASTSWAP_MANY_CLIENTS] = "one client too many: --clients",
		[FASTSWAP_MANY_QUEUES] = "wants too many connections: --connections",
		[FASTSWAP_NO_SESSION] = "joins a session that is not here",
		[FASTSWAP_NO_MEMORY] = "memory could not be had or registered",
	};
	struct fastswap_answer answer = {
		.magic = htole32(FASTSWAP_MAGIC),
		.version = htole16(FASTSWAP_VERSION),
		.status = htole16((uint16_t)status),
		.detail = htole64(detail),
	};
	say("%s refused: %s", name, reasons[status]);
	rdma_reject(id, &answer, sizeof(answer));
}

/* True: accepted, the id belongs to a session now. */
static bool on_request(struct rdma_cm_id *id, const struct rdma_conn_param *wanted)
{
	const struct sockaddr *peer = rdma_get_peer_addr(id);
	struct tenant *tenant;
	struct session *session;
	struct fastswap_hello hello;
	uint64_t detail;
	char name[64], problem[256];
	address_text(peer, name, sizeof(name));
	enum fastswap_status status = admit(&house, peer, wanted->private_data, wanted->private_data_len, &tenant, &detail);
	if (status != FASTSWAP_OK) {
		refuse(id, name, status, detail);
		return false;
	}
	memcpy(&hello, wanted->private_data, sizeof(hello));
	session = (struct session *)tenant;
	if (!tenant) {
		session = session_make(&house, peer, &hello, id->verbs, problem, sizeof(problem));
		if (!session) {
			say("%s: %s", name, problem);
			refuse(id, name, FASTSWAP_NO_MEMORY, 0);
			return false;
		}
	}
	if (session_accept(session, id, le32toh(hello.index), wanted)) {
		if (!tenant)
			say("%s: %llu MiB, %u connections, generation %016llx", name,
			    (unsigned long long)(session->tenant.pages * FASTSWAP_PAGE >> 20), session->tenant.connections,
			    (unsigned long long)session->tenant.generation);
		return true;
	}
	say("%s: cannot accept: %s", name, strerror(errno));
	refuse(id, name, FASTSWAP_NO_MEMORY, 0);
	if (!tenant)
		end_session(session, "never connected");
	return false;
}

/* What an event means is copied out first: an id can only be destroyed when its events are acknowledged. */
static void on_event(struct rdma_cm_event *event)
{
	struct rdma_cm_id *id = event->id;
	enum rdma_cm_event_type type = event->event;
	struct rdma_conn_param wanted = event->param.conn;
	unsigned char data[256];
	/* One of a session that has ended meanwhile cannot come: its ids are gone, and their events with them. */
	struct session *session = type == RDMA_CM_EVENT_CONNECT_REQUEST ? NULL : id->context;
	if (type == RDMA_CM_EVENT_CONNECT_REQUEST) {
		if (wanted.private_data)
			memcpy(data, wanted.private_data, wanted.private_data_len);
		wanted.private_data = wanted.private_data ? data : NULL;
	}
	rdma_ack_cm_event(event);
	switch (type) {
	case RDMA_CM_EVENT_CONNECT_REQUEST:
		if (!on_request(id, &wanted))
			rdma_destroy_id(id);
		break;
	case RDMA_CM_EVENT_DISCONNECTED:
	case RDMA_CM_EVENT_CONNECT_ERROR:
	case RDMA_CM_EVENT_UNREACHABLE:
	case RDMA_CM_EVENT_REJECTED:
	case RDMA_CM_EVENT_DEVICE_REMOVAL:
		if (session)
			end_session(session, type == RDMA_CM_EVENT_DISCONNECTED ? "left" : rdma_event_str(type));
		break;
	default:
		break;
	}
}

static void look_for_life(void)
{
	struct tenant *next;
	for (struct tenant *tenant = house.tenants; tenant; tenant = next) {
		next = tenant->next;
		if (!session_lives((struct session *)tenant, options.client_timeout))
			end_session((struct session *)tenant, "no sign of life");
	}
}

static int serve(struct rdma_event_channel *channel, int signals)
{
	struct pollfd wait[2] = {{.fd = channel->fd, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
	time_t looked = now_seconds();
	for (;;) {
		if (poll(wait, 2, TICK_MS) < 0 && errno != EINTR)
			return fail("waiting failed: %s", strerror(errno));
		if (wait[1].revents)
			return 0;
		if (wait[0].revents) {
			struct rdma_cm_event *event;
			if (rdma_get_cm_event(channel, &event) != 0)
				return fail("the RDMA connection manager failed: %s", strerror(errno));
			on_event(event);
		}
		if (now_seconds() != looked) {
			looked = now_seconds();
			look_for_life();
		}
	}
}

static int start_listening(struct rdma_event_channel *channel, struct rdma_cm_id **listener)
{
	struct rdma_addrinfo hints = {.ai_flags = RAI_PASSIVE | RAI_NUMERICHOST, .ai_port_space = RDMA_PS_TCP}, *found;
	char port[8];
	int error;
	snprintf(port, sizeof(port), "%u", options.port);
	if (rdma_getaddrinfo(options.listen, port, &hints, &found) != 0)
		return fail("cannot use the address %s: give one of this machine with --listen", options.listen);
	if (rdma_create_id(channel, listener, NULL, RDMA_PS_TCP) != 0) {
		error = errno;
		rdma_freeaddrinfo(found);
		return fail("no RDMA connection manager (%s): modprobe rdma_ucm", strerror(error));
	}
	if (rdma_bind_addr(*listener, found->ai_src_addr) != 0 || rdma_listen(*listener, 64) != 0) {
		error = errno;
		rdma_freeaddrinfo(found);
		rdma_destroy_id(*listener);
		return fail("cannot listen on %s port %s: %s%s", options.listen, port, strerror(error),
			    error == EADDRINUSE ? ": is another server running? --port"
			    : error == ENODEV || error == EADDRNOTAVAIL
				    ? ": no RDMA device has this address: see `rdma link show` and `ip address`"
				    : "");
	}
	rdma_freeaddrinfo(found);
	return 0;
}

static int run(void)
{
	struct rdma_event_channel *channel;
	struct rdma_cm_id *listener;
	struct ibv_device **devices;
	int count = 0, signals, result;
	sigset_t stops;
	sigemptyset(&stops);
	sigaddset(&stops, SIGTERM);
	sigaddset(&stops, SIGINT);
	sigprocmask(SIG_BLOCK, &stops, NULL);
	signals = signalfd(-1, &stops, SFD_CLOEXEC);
	if (signals < 0)
		return fail("no signal descriptor: %s", strerror(errno));
	uint64_t here = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	if (options.capacity > here)
		return fail("--capacity is %llu MiB, but this machine has %llu MiB in all: lend less",
			    (unsigned long long)options.capacity >> 20, (unsigned long long)here >> 20);
	devices = ibv_get_device_list(&count);
	if (devices)
		ibv_free_device_list(devices);
	if (!count)
		return fail("no RDMA device: load the adapter's driver, or soft-RoCE: modprobe rdma_rxe; rdma link add rxe0 type rxe netdev IFACE");
	channel = rdma_create_event_channel();
	if (!channel)
		return fail("no RDMA connection manager (%s): modprobe rdma_ucm", strerror(errno));
	result = start_listening(channel, &listener);
	if (result == 0) {
		say("listening on %s port %u, lending %llu MiB to %u clients", options.listen, options.port,
		    (unsigned long long)(options.capacity >> 20), options.clients);
		if (!options.allow.count)
			say("nobody but this machine may connect: name the clients with --allow");
		result = serve(channel, signals);
		while (house.tenants)
			end_session((struct session *)house.tenants, "put out, the server stops,");
		rdma_destroy_id(listener);
		say("stopped");
	}
	rdma_destroy_event_channel(channel);
	close(signals);
	return result;
}

int main(int count, char **arguments)
{
	char problem[256];
	if (!options_parse(&options, count, arguments, problem, sizeof(problem))) {
		fail("%s", problem);
		return 2;
	}
	if (options.help) {
		fputs(options_help, stdout);
		return 0;
	}
	house_init(&house, &options);
	return run();
}
