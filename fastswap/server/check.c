/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fastswap-check: talks to a running memory server as the swap module does, and checks what it answers: pages written by one
 * connection read back by another, fresh regions empty, regions closed to other clients, wrong requests refused.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <getopt.h>
#include <rdma/rdma_cma.h>
#include <rdma/rdma_verbs.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../wire.h"

static struct {
	const char *server, *port, *from;
	uint64_t pages;
} options = {.port = "50000", .pages = 256};

static unsigned passed, failed;

static void check(bool good, const char *what)
{
	printf("%s %s\n", good ? "ok   " : "FAIL ", what);
	fflush(stdout);
	good ? passed++ : failed++;
}

struct connection {
	struct rdma_cm_id *id;
	struct ibv_mr *mr;
	uint8_t page[FASTSWAP_PAGE] __attribute__((aligned(FASTSWAP_PAGE)));
};

/* Connects. The answer of the server, accepted or not; false: no answer of it (errno). */
static bool connect_with(struct connection *c, const struct fastswap_hello *hello, struct fastswap_answer *answer)
{
	struct rdma_addrinfo hints = {.ai_port_space = RDMA_PS_TCP}, *found = NULL, *source = NULL;
	struct ibv_qp_init_attr qp = {
		.cap = {.max_send_wr = 4, .max_recv_wr = 1, .max_send_sge = 1, .max_recv_sge = 1}, .qp_type = IBV_QPT_RC, .sq_sig_all = 1};
	struct rdma_conn_param param = {
		.private_data = hello, .private_data_len = sizeof(*hello), .initiator_depth = 1, .retry_count = 7, .rnr_retry_count = 7};
	bool answered = false;
	memset(answer, 0, sizeof(*answer));
	c->id = NULL;
	c->mr = NULL;
	if (options.from) {
		struct rdma_addrinfo passive = {.ai_flags = RAI_PASSIVE, .ai_port_space = RDMA_PS_TCP};
		if (rdma_getaddrinfo(options.from, NULL, &passive, &source) != 0)
			return false;
		hints.ai_src_addr = source->ai_src_addr;
		hints.ai_src_len = source->ai_src_len;
	}
	if (rdma_getaddrinfo(options.server, options.port, &hints, &found) != 0 ||
	    rdma_create_ep(&c->id, found, NULL, &qp) != 0)
		goto out;
	c->mr = rdma_reg_msgs(c->id, c->page, sizeof(c->page));
	if (!c->mr)
		goto out;
	int error = rdma_connect(c->id, &param) == 0 ? 0 : errno;
	const struct rdma_cm_event *event = c->id->event;
	if (event && event->param.conn.private_data && event->param.conn.private_data_len >= sizeof(*answer)) {
		memcpy(answer, event->param.conn.private_data, sizeof(*answer));
		answered = le32toh(answer->magic) == FASTSWAP_MAGIC;
	}
	errno = error;
out:
	if (found)
		rdma_freeaddrinfo(found);
	if (source)
		rdma_freeaddrinfo(source);
	return answered;
}

static void hang_up(struct connection *c)
{
	if (!c->id)
		return;
	rdma_disconnect(c->id);
	if (c->mr)
		rdma_dereg_mr(c->mr);
	rdma_destroy_ep(c->id);
	c->id = NULL;
}

static struct fastswap_hello hello_open(uint64_t pages, uint32_t connections)
{
	return (struct fastswap_hello){.magic = htole32(FASTSWAP_MAGIC), .version = htole16(FASTSWAP_VERSION),
				       .kind = htole16(FASTSWAP_OPEN), .pages = htole64(pages), .connections = htole32(connections)};
}

static struct fastswap_hello hello_join(uint64_t generation, uint32_t index)
{
	return (struct fastswap_hello){.magic = htole32(FASTSWAP_MAGIC), .version = htole16(FASTSWAP_VERSION),
				       .kind = htole16(FASTSWAP_JOIN), .generation = generation, .index = htole32(index)};
}

static int transfer(struct connection *c, bool write, uint64_t address, uint32_t rkey)
{
	struct ibv_wc wc;
	int error = write ? rdma_post_write(c->id, NULL, c->page, sizeof(c->page), c->mr, 0, address, rkey)
			  : rdma_post_read(c->id, NULL, c->page, sizeof(c->page), c->mr, 0, address, rkey);
	if (error || rdma_get_send_comp(c->id, &wc) < 0)
		return -1;
	return wc.status;
}

static void fill(uint8_t *page, uint64_t number, uint64_t salt)
{
	uint64_t *words = (uint64_t *)page, x = number * 0x9e3779b97f4a7c15ull + salt;
	for (unsigned i = 0; i < FASTSWAP_PAGE / 8; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		words[i] = x;
	}
}

static bool refused_as(const struct fastswap_hello *hello, enum fastswap_status status, uint64_t *detail)
{
	static struct connection c;
	struct fastswap_answer answer;
	bool answered = connect_with(&c, hello, &answer);
	hang_up(&c);
	if (detail)
		*detail = le64toh(answer.detail);
	return answered && le16toh(answer.status) == status;
}

static void check_pages(struct connection *writer, struct connection *reader, const struct fastswap_answer *region)
{
	uint64_t data = le64toh(region->address) + FASTSWAP_PAGE, wrong = 0, empty = 0;
	uint32_t rkey = le32toh(region->rkey);
	uint8_t expected[FASTSWAP_PAGE];
	memset(expected, 0, sizeof(expected));
	for (uint64_t i = 0; i < options.pages; i++)
		empty += transfer(reader, false, data + i * FASTSWAP_PAGE, rkey) == 0 && !memcmp(reader->page, expected, FASTSWAP_PAGE);
	check(empty == options.pages, "a fresh region is empty");
	for (uint64_t i = 0; i < options.pages; i++) {
		fill(writer->page, i, 7);
		wrong += transfer(writer, true, data + i * FASTSWAP_PAGE, rkey) != 0;
	}
	for (uint64_t i = 0; i < options.pages; i++) {
		fill(expected, i, 7);
		wrong += transfer(reader, false, data + i * FASTSWAP_PAGE, rkey) != 0 || memcmp(reader->page, expected, FASTSWAP_PAGE);
	}
	printf("      %llu pages, %llu wrong\n", (unsigned long long)options.pages, (unsigned long long)wrong);
	check(wrong == 0, "pages written by one connection read back by another");
}

static void check_refusals(uint64_t generation)
{
	struct fastswap_hello hello;
	uint64_t detail;
	hello = hello_open(1, 1);
	hello.version = htole16(FASTSWAP_VERSION + 1);
	check(refused_as(&hello, FASTSWAP_BAD_VERSION, &detail) && detail == FASTSWAP_VERSION, "another version is refused and told ours");
	hello = hello_open(1, 1);
	hello.magic = 0;
	check(refused_as(&hello, FASTSWAP_BAD_HELLO, NULL), "a request that is none is refused");
	hello = hello_open(FASTSWAP_MOST_PAGES, 1);
	check(refused_as(&hello, FASTSWAP_FULL, &detail) && detail > 0, "more than the capacity is refused");
	hello = hello_open(1, FASTSWAP_MOST_CONNECTIONS);
	check(refused_as(&hello, FASTSWAP_MANY_QUEUES, NULL), "too many connections are refused");
	hello = hello_join(generation + 1, 0);
	check(refused_as(&hello, FASTSWAP_NO_SESSION, NULL), "joining an unknown session is refused");
	hello = hello_join(generation, 1);
	check(refused_as(&hello, FASTSWAP_BAD_HELLO, NULL), "the same connection twice is refused");
	hello = hello_join(generation, 2);
	check(refused_as(&hello, FASTSWAP_BAD_HELLO, NULL), "a connection beyond those announced is refused");
}

static void check_all(void)
{
	static struct connection writer, reader, stranger;
	struct fastswap_answer region, answer, other;
	struct fastswap_hello hello = hello_open(options.pages, 2);
	check(connect_with(&writer, &hello, &region) && le16toh(region.status) == FASTSWAP_OK, "a session opens");
	if (le16toh(region.status) != FASTSWAP_OK || !region.magic)
		return;
	hello = hello_join(region.generation, 1);
	check(connect_with(&reader, &hello, &answer) && le16toh(answer.status) == FASTSWAP_OK, "a second connection joins it");
	check(transfer(&reader, false, le64toh(region.address), le32toh(region.rkey)) == 0 &&
		      ((struct fastswap_header *)reader.page)->generation == region.generation,
	      "the header page has the generation");
	check_pages(&writer, &reader, &region);
	check_refusals(le64toh(region.generation));
	hello = hello_open(options.pages, 1);
	check(connect_with(&stranger, &hello, &other) && le16toh(other.status) == FASTSWAP_OK && other.generation != region.generation,
	      "a second session has a generation of its own");
	check(transfer(&stranger, false, le64toh(region.address) + FASTSWAP_PAGE, le32toh(region.rkey)) > 0,
	      "one client cannot read another's region");
	hang_up(&stranger);
	check(transfer(&reader, false, le64toh(region.address), le32toh(region.rkey)) == 0, "the first session goes on");
	hang_up(&writer);
	hang_up(&reader);
	/* The server frees it when it sees the first disconnect; a moment is enough. */
	sleep(1);
	hello = hello_join(region.generation, 1);
	check(refused_as(&hello, FASTSWAP_NO_SESSION, NULL), "a session ends with its connections");
}

static int usage(int code)
{
	fprintf(code ? stderr : stdout,
		"fastswap-check --server ADDR [--port PORT] [--from ADDR] [--pages N] [--expect-refused]\n"
		"Checks a running fastswap-server. --expect-refused: this machine's address must be refused.\n");
	return code;
}

int main(int count, char **arguments)
{
	static const struct option names[] = {{"server", 1, NULL, 's'}, {"port", 1, NULL, 'p'}, {"from", 1, NULL, 'f'},
					      {"pages", 1, NULL, 'n'},	{"expect-refused", 0, NULL, 'r'}, {"help", 0, NULL, 'h'},
					      {NULL, 0, NULL, 0}};
	bool expect_refused = false;
	int name;
	while ((name = getopt_long(count, arguments, "", names, NULL)) != -1) {
		if (name == 's')
			options.server = optarg;
		else if (name == 'p')
			options.port = optarg;
		else if (name == 'f')
			options.from = optarg;
		else if (name == 'n')
			options.pages = strtoull(optarg, NULL, 10);
		else if (name == 'r')
			expect_refused = true;
		else
			return usage(name == 'h' ? 0 : 2);
	}
	if (!options.server || !options.pages || optind < count)
		return usage(2);
	if (expect_refused) {
		struct fastswap_hello hello = hello_open(1, 1);
		check(refused_as(&hello, FASTSWAP_NOT_ALLOWED, NULL), "this address is refused");
	} else {
		check_all();
	}
	printf("%u passed, %u failed\n", passed, failed);
	return failed ? 1 : 0;
}
