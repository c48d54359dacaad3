/* SPDX-License-Identifier: Apache-2.0
 * The memory server's data plane: a thread per connection, a sparse private mapping per session. A slot is
 * a page of that mapping, so a page travels from the socket to its place in one copy. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "net.h"
#include "prompt.h"
#include "spin.h"
#include "wire.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14; headers of 2022 */
#endif

#define MOST_CONNECTIONS 4096u
#define STACK_BYTES (256u << 10)
/* How often memory that stayed free for as long goes back to the kernel. */
#define TRIM_MS 1000
#define SPARE_SLOTS 65536u
/* A read of at most this many pages is taken for a fault's: the next one is polled for. */
#define FAULT_PAGES 64u
/* Fewer new pages than this are not worth a system call of their own. */
#define FEW_PAGES 4u

/* Life of a slot. Its memory outlives its page for a moment: the next page of a busy client goes there, and
 * giving pages to the kernel and taking new ones costs more than receiving them. */
enum slot_state {
	SLOT_ABSENT = 0, /* no page, no memory */
	SLOT_KEPT,	 /* no page; memory is still here */
	SLOT_WRITING,	 /* a page is being received */
	SLOT_TAKEN,	 /* holds a page */
	SLOT_DROPPING,	 /* its memory is on the way to the kernel */
};

struct session {
	struct session *next;
	uint8_t token[FM_WIRE_TOKEN];
	unsigned connections;
	uint8_t *data;
	uint8_t *state; /* enum slot_state, one byte a slot; atomic: several threads change it */
	uint64_t slots, used_pages;
	uint64_t kept_pages; /* at most; atomic */
	uint32_t first_kept, end_kept; /* slots that may be KEPT are in here; lock held */
	bool busy;	     /* atomic: something was written since the last trim */
	/* Raised after a read's answer went out, looked at before a slot is given up: the client frees a slot only
	 * after it has the answer, and this is how the two connections' threads know of it. */
	uint64_t answered;
};

struct connection {
	struct connection *next;
	struct fm_server *server;
	struct session *session;
	int fd;
	bool last_was_fault;
	uint64_t crowded_ns; /* until then it does not poll */
	struct fm_prompt prompt;
	uint32_t slot[FM_WIRE_MAX_PAGES];
	struct iovec vector[FM_WIRE_MAX_PAGES + 1];
};

struct fm_server {
	int listener, stop;
	pthread_t acceptor;
	pthread_mutex_t lock; /* sessions, connections, counters below */
	pthread_cond_t ended;
	struct session *sessions;
	struct connection *connections;
	unsigned session_count, connection_count;
	uint64_t capacity_pages, used_pages, pages_written, pages_read;
};

/* ---- sessions (server->lock held) ---- */

static struct session *session_make(struct fm_server *server)
{
	struct session *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	/* Numbers of slots that a client has given up, but not told of yet, are not used again: it needs more numbers than
	 * it may have pages. */
	s->slots = server->capacity_pages * 2 + SPARE_SLOTS;
	s->data = mmap(NULL, s->slots * FM_PAGE_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	s->state = mmap(NULL, s->slots, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (s->data == MAP_FAILED || s->state == MAP_FAILED ||
	    getrandom(s->token, sizeof(s->token), 0) != sizeof(s->token)) {
		if (s->data != MAP_FAILED)
			munmap(s->data, s->slots * FM_PAGE_SIZE);
		if (s->state != MAP_FAILED)
			munmap(s->state, s->slots);
		free(s);
		return NULL;
	}
	/* Single pages come and go: a huge page would hold 512 for one, and none of it should reach a core file. */
	madvise(s->data, s->slots * FM_PAGE_SIZE, MADV_NOHUGEPAGE);
	madvise(s->data, s->slots * FM_PAGE_SIZE, MADV_DONTDUMP);
	s->next = server->sessions;
	server->sessions = s;
	server->session_count++;
	return s;
}

static struct session *session_find(struct fm_server *server, const uint8_t *token)
{
	for (struct session *s = server->sessions; s; s = s->next) {
		uint8_t difference = 0;
		for (size_t i = 0; i < FM_WIRE_TOKEN; i++)
			difference |= s->token[i] ^ token[i];
		if (!difference)
			return s;
	}
	return NULL;
}

/* The last connection of a session is gone: its pages belong to nobody. */
static void session_drop(struct fm_server *server, struct session *s)
{
	struct session **at = &server->sessions;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	server->session_count--;
	server->used_pages -= s->used_pages;
	munmap(s->data, s->slots * FM_PAGE_SIZE);
	munmap(s->state, s->slots);
	free(s);
}

/* ---- requests ---- */

static int reply(struct connection *c, const struct fm_wire_header *request, uint8_t status, size_t vectors)
{
	struct fm_wire_header header = *request;
	header.status = status;
	c->vector[0] = (struct iovec){&header, sizeof(header)};
	return fm_sendv_all(c->fd, c->vector, 1 + vectors);
}

/* Points the vector at the slots' pages, joining neighbours; the number of vectors used after the first. */
static size_t aim(struct connection *c, uint32_t count)
{
	size_t used = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint8_t *page = c->session->data + (uint64_t)c->slot[i] * FM_PAGE_SIZE;
		struct iovec *last = &c->vector[used];
		if (used && (uint8_t *)last->iov_base + last->iov_len == page)
			last->iov_len += FM_PAGE_SIZE;
		else
			c->vector[++used] = (struct iovec){page, FM_PAGE_SIZE};
	}
	return used;
}

static int skip(int fd, uint64_t bytes)
{
	char scratch[4096];
	while (bytes) {
		size_t part = bytes < sizeof(scratch) ? (size_t)bytes : sizeof(scratch);
		if (fm_recv_all(fd, scratch, part) < 0)
			return -1;
		bytes -= part;
	}
	return 0;
}

static int slots_valid(const struct connection *c, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (c->slot[i] >= c->session->slots)
			return 0;
	return 1;
}

static void give_back_room(struct connection *c, uint32_t pages)
{
	pthread_mutex_lock(&c->server->lock);
	c->server->used_pages -= pages;
	c->session->used_pages -= pages;
	pthread_mutex_unlock(&c->server->lock);
}

static uint8_t *state_of(const struct connection *c, uint32_t index)
{
	return &c->session->state[c->slot[index]];
}

static int is_taken(const struct connection *c, uint32_t index)
{
	return __atomic_load_n(state_of(c, index), __ATOMIC_ACQUIRE) == SLOT_TAKEN;
}

static int change_state(uint8_t *state, uint8_t from, uint8_t to)
{
	return __atomic_compare_exchange_n(state, &from, to, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/* Makes a free slot one that is being written. False: it holds a page, or is named twice. *absent: it has no memory. */
static int begin_write(struct connection *c, uint32_t index, bool *absent)
{
	uint8_t *state = state_of(c, index);
	for (;;) {
		*absent = false;
		if (change_state(state, SLOT_KEPT, SLOT_WRITING)) {
			__atomic_fetch_sub(&c->session->kept_pages, 1, __ATOMIC_RELAXED);
			return 1;
		}
		*absent = change_state(state, SLOT_ABSENT, SLOT_WRITING);
		if (*absent)
			return 1;
		uint8_t now = __atomic_load_n(state, __ATOMIC_ACQUIRE);
		if (now == SLOT_WRITING || now == SLOT_TAKEN)
			return 0;
		sched_yield(); /* DROPPING: over in a moment */
	}
}

/* Slots that are being written get this state. */
static void end_write(struct connection *c, uint32_t count, uint8_t to)
{
	for (uint32_t i = 0; i < count; i++)
		__atomic_store_n(state_of(c, i), to, __ATOMIC_RELEASE);
}

static int take_room(struct connection *c, uint32_t pages)
{
	struct fm_server *server = c->server;
	pthread_mutex_lock(&server->lock);
	int fits = server->used_pages + pages <= server->capacity_pages;
	if (fits) {
		server->used_pages += pages;
		c->session->used_pages += pages;
		server->pages_written += pages;
	}
	pthread_mutex_unlock(&server->lock);
	return fits;
}

/* Gives slots that have no memory theirs, neighbours at once: a fault for each page while it is received costs up to twice
 * as much. What fails here is met there again. */
static void populate(struct connection *c, const bool *absent, uint32_t count)
{
	for (uint32_t i = 0; i < count;) {
		uint32_t first = i++;
		if (!absent[first])
			continue;
		while (i < count && absent[i] && c->slot[i] == c->slot[i - 1] + 1)
			i++;
		if (i - first >= FEW_PAGES)
			madvise(c->session->data + (uint64_t)c->slot[first] * FM_PAGE_SIZE, (uint64_t)(i - first) * FM_PAGE_SIZE, MADV_POPULATE_WRITE);
	}
}

static int serve_write(struct connection *c, const struct fm_wire_header *request)
{
	uint32_t count = request->count, begun = 0;
	bool absent[FM_WIRE_MAX_PAGES];
	uint8_t status = FM_WIRE_OK;
	__atomic_store_n(&c->session->busy, true, __ATOMIC_RELAXED);
	while (begun < count && begin_write(c, begun, &absent[begun]))
		begun++;
	if (begun < count)
		status = FM_WIRE_TAKEN;
	else if (!take_room(c, count))
		status = FM_WIRE_FULL;
	if (status != FM_WIRE_OK) {
		end_write(c, begun, SLOT_ABSENT);
		return skip(c->fd, (uint64_t)count * FM_PAGE_SIZE) < 0 ? -1 : reply(c, request, status, 0);
	}
	populate(c, absent, count);
	size_t vectors = aim(c, count);
	if (fm_recvv_all(c->fd, c->vector + 1, vectors) < 0) {
		end_write(c, count, SLOT_ABSENT);
		give_back_room(c, count); /* the slots were never marked: the pages count as not written */
		return -1;
	}
	end_write(c, count, SLOT_TAKEN);
	return reply(c, request, FM_WIRE_OK, 0);
}

static int serve_read(struct connection *c, const struct fm_wire_header *request)
{
	for (uint32_t i = 0; i < request->count; i++)
		if (!is_taken(c, i))
			return reply(c, request, FM_WIRE_ABSENT, 0);
	c->last_was_fault = request->count <= FAULT_PAGES;
	size_t vectors = aim(c, request->count);
	__atomic_fetch_add(&c->server->pages_read, request->count, __ATOMIC_RELAXED);
	int result = reply(c, request, FM_WIRE_OK, vectors);
	__atomic_fetch_add(&c->session->answered, 1, __ATOMIC_RELEASE);
	return result;
}

static int serve_free(struct connection *c, const struct fm_wire_header *request)
{
	struct session *session = c->session;
	uint32_t freed = 0;
	__atomic_load_n(&session->answered, __ATOMIC_ACQUIRE);
	for (uint32_t i = 0; i < request->count; i++)
		freed += (uint32_t)change_state(state_of(c, i), SLOT_TAKEN, SLOT_KEPT);
	__atomic_fetch_add(&session->kept_pages, freed, __ATOMIC_RELAXED);
	pthread_mutex_lock(&c->server->lock);
	for (uint32_t i = 0; i < request->count; i++) {
		if (c->slot[i] < session->first_kept || session->first_kept == session->end_kept)
			session->first_kept = c->slot[i];
		if (c->slot[i] >= session->end_kept)
			session->end_kept = c->slot[i] + 1;
	}
	pthread_mutex_unlock(&c->server->lock);
	give_back_room(c, freed);
	return 0;
}

/* Gives the memory of free slots back to the kernel (server->lock held). */
static void trim_session(struct session *s)
{
	for (uint32_t at = s->first_kept; at < s->end_kept;) {
		uint32_t end = at;
		while (end < s->end_kept && change_state(&s->state[end], SLOT_KEPT, SLOT_DROPPING))
			end++;
		if (end == at) {
			at++;
			continue;
		}
		madvise(s->data + (uint64_t)at * FM_PAGE_SIZE, (uint64_t)(end - at) * FM_PAGE_SIZE, MADV_DONTNEED);
		__atomic_fetch_sub(&s->kept_pages, end - at, __ATOMIC_RELAXED);
		for (; at < end; at++)
			__atomic_store_n(&s->state[at], SLOT_ABSENT, __ATOMIC_RELEASE);
	}
	s->first_kept = s->end_kept = 0;
}

static void trim(struct fm_server *server)
{
	pthread_mutex_lock(&server->lock);
	uint64_t held = server->used_pages;
	for (struct session *s = server->sessions; s; s = s->next)
		held += __atomic_load_n(&s->kept_pages, __ATOMIC_RELAXED);
	for (struct session *s = server->sessions; s; s = s->next) {
		bool busy = __atomic_exchange_n(&s->busy, false, __ATOMIC_RELAXED);
		if ((!busy || held > server->capacity_pages) && __atomic_load_n(&s->kept_pages, __ATOMIC_RELAXED))
			trim_session(s);
	}
	pthread_mutex_unlock(&server->lock);
}

static int serve_hello(struct connection *c, const struct fm_wire_header *request)
{
	static const uint8_t none[FM_WIRE_TOKEN];
	struct fm_server *server = c->server;
	uint8_t token[FM_WIRE_TOKEN];
	if (c->session || fm_recv_all(c->fd, token, sizeof(token)) < 0)
		return -1;
	pthread_mutex_lock(&server->lock);
	struct session *s = NULL;
	if (request->count == FM_WIRE_VERSION)
		s = memcmp(token, none, sizeof(none)) ? session_find(server, token) : session_make(server);
	if (s)
		s->connections++;
	c->session = s;
	pthread_mutex_unlock(&server->lock);
	if (!s) {
		reply(c, request, FM_WIRE_REFUSED, 0);
		return -1;
	}
	c->vector[1] = (struct iovec){s->token, sizeof(s->token)};
	return reply(c, request, FM_WIRE_OK, 1);
}

/* The next fault of a burst comes within microseconds, and waking up costs as much: polls for a moment after a
 * read that was one fault's. */
static void await_next_fault(struct connection *c)
{
	char byte;
	bool polls = c->last_was_fault && fm_now_ns() >= c->crowded_ns;
	fm_be_prompt(&c->prompt, !polls);
	if (!polls)
		return;
	c->last_was_fault = false;
	for (uint64_t until = fm_now_ns() + FM_SPIN_NS; fm_now_ns() < until; c->crowded_ns = fm_yield())
		if (recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN)
			return;
	fm_be_prompt(&c->prompt, true);
}

static int serve(struct connection *c)
{
	struct fm_wire_header request;
	await_next_fault(c);
	if (fm_recv_all(c->fd, &request, sizeof(request)) < 0 || request.magic != FM_WIRE_MAGIC)
		return -1;
	if (request.op == FM_WIRE_HELLO)
		return serve_hello(c, &request);
	if (!c->session || !request.count || request.count > FM_WIRE_MAX_PAGES)
		return -1;
	if (fm_recv_all(c->fd, c->slot, request.count * sizeof(c->slot[0])) < 0 || !slots_valid(c, request.count))
		return -1;
	switch (request.op) {
	case FM_WIRE_WRITE:
		return serve_write(c, &request);
	case FM_WIRE_READ:
		return serve_read(c, &request);
	case FM_WIRE_FREE:
		return serve_free(c, &request);
	default:
		return -1;
	}
}

static void *connection_main(void *argument)
{
	struct connection *c = argument;
	struct fm_server *server = c->server;
	while (serve(c) == 0)
		;
	pthread_mutex_lock(&server->lock);
	if (c->session && --c->session->connections == 0)
		session_drop(server, c->session);
	struct connection **at = &server->connections;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	server->connection_count--;
	close(c->fd);
	free(c);
	pthread_cond_signal(&server->ended);
	pthread_mutex_unlock(&server->lock);
	return NULL;
}

static void accept_one(struct fm_server *server, int fd)
{
	struct connection *c = calloc(1, sizeof(*c));
	pthread_attr_t attributes;
	pthread_t thread;
	if (!c) {
		close(fd);
		return;
	}
	fm_socket_tune(fd);
	c->server = server;
	c->fd = fd;
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	pthread_mutex_lock(&server->lock);
	if (server->connection_count < MOST_CONNECTIONS &&
	    pthread_create(&thread, &attributes, connection_main, c) == 0) {
		c->next = server->connections;
		server->connections = c;
		server->connection_count++;
	} else {
		close(fd);
		free(c);
	}
	pthread_mutex_unlock(&server->lock);
	pthread_attr_destroy(&attributes);
}

static void *acceptor_main(void *argument)
{
	struct fm_server *server = argument;
	struct pollfd wait[2] = {{.fd = server->listener, .events = POLLIN}, {.fd = server->stop, .events = POLLIN}};
	for (;;) {
		int ready = poll(wait, 2, TRIM_MS);
		if ((ready < 0 && errno != EINTR) || wait[1].revents)
			return NULL;
		if (ready == 0)
			trim(server);
		if (!wait[0].revents)
			continue;
		int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			accept_one(server, fd);
		else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			usleep(10000); /* wait for room instead of spinning on the same refusal */
	}
}

/* ---- public ---- */

static int listen_on(const char *host, uint32_t port)
{
	char service[16];
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICHOST}, *found;
	int on = 1;
	snprintf(service, sizeof(service), "%u", port);
	if (getaddrinfo(host, service, &hints, &found) != 0)
		return -1;
	int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		if (bind(fd, found->ai_addr, found->ai_addrlen) < 0 || listen(fd, 128) < 0) {
			close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(found);
	return fd;
}

struct fm_server *fm_server_open(const char *host, uint32_t port, uint64_t capacity_bytes, int32_t *status)
{
	struct fm_server *server = calloc(1, sizeof(*server));
	*status = FM_ERR_NOMEM;
	if (!server)
		return NULL;
	*status = FM_ERR_ARGUMENT;
	server->capacity_pages = capacity_bytes / FM_PAGE_SIZE;
	server->stop = -1;
	server->listener = -1;
	pthread_mutex_init(&server->lock, NULL);
	pthread_cond_init(&server->ended, NULL);
	if (!server->capacity_pages || server->capacity_pages > (UINT32_MAX - SPARE_SLOTS) / 2)
		goto failed;
	*status = FM_ERR_ADDRESS;
	server->listener = listen_on(host, port);
	if (server->listener < 0)
		goto failed;
	*status = FM_ERR_SYSTEM;
	server->stop = eventfd(0, EFD_CLOEXEC);
	if (server->stop < 0 || pthread_create(&server->acceptor, NULL, acceptor_main, server) != 0)
		goto failed;
	*status = FM_OK;
	return server;
failed:
	if (server->listener >= 0)
		close(server->listener);
	if (server->stop >= 0)
		close(server->stop);
	free(server);
	return NULL;
}

int32_t fm_server_port(struct fm_server *server)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	if (getsockname(server->listener, (struct sockaddr *)&address, &length) < 0)
		return FM_ERR_SYSTEM;
	return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
						   : ((struct sockaddr_in *)&address)->sin_port);
}

int32_t fm_server_stats(struct fm_server *server, struct fm_server_stats *out)
{
	pthread_mutex_lock(&server->lock);
	*out = (struct fm_server_stats){
		.capacity_bytes = server->capacity_pages * FM_PAGE_SIZE,
		.used_bytes = server->used_pages * FM_PAGE_SIZE,
		.sessions = server->session_count,
		.connections = server->connection_count,
		.pages_written = server->pages_written,
		.pages_read = __atomic_load_n(&server->pages_read, __ATOMIC_RELAXED),
	};
	pthread_mutex_unlock(&server->lock);
	return FM_OK;
}

void fm_server_close(struct fm_server *server)
{
	uint64_t one = 1;
	if (write(server->stop, &one, sizeof(one)) < 0)
		shutdown(server->listener, SHUT_RDWR);
	pthread_join(server->acceptor, NULL);
	close(server->listener);
	pthread_mutex_lock(&server->lock);
	for (struct connection *c = server->connections; c; c = c->next)
		shutdown(c->fd, SHUT_RDWR);
	while (server->connection_count)
		pthread_cond_wait(&server->ended, &server->lock);
	pthread_mutex_unlock(&server->lock);
	close(server->stop);
	pthread_mutex_destroy(&server->lock);
	pthread_cond_destroy(&server->ended);
	free(server);
}
