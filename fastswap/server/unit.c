/* SPDX-License-Identifier: GPL-2.0 */
/* Tests of what needs no RDMA device: sizes, options, the allow list, and who may come in. */
#include <arpa/inet.h>
#include <endian.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "admit.h"

static unsigned passed, failed;

#define CHECK(condition)                                                            \
	do {                                                                        \
		if (condition) {                                                    \
			passed++;                                                   \
		} else {                                                            \
			failed++;                                                   \
			printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #condition); \
		}                                                                   \
	} while (0)

static struct sockaddr_storage address(const char *text)
{
	struct sockaddr_storage out;
	memset(&out, 0, sizeof(out));
	if (inet_pton(AF_INET, text, &((struct sockaddr_in *)&out)->sin_addr) == 1)
		out.ss_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)&out)->sin6_addr) == 1)
		out.ss_family = AF_INET6;
	return out;
}

static void test_sizes(void)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {{"4096", 4096}, {"1k", 1024},	{"512M", 512ull << 20},	 {"512MiB", 512ull << 20},
		    {"32GiB", 32ull << 30}, {"1.5G", 3ull << 29}, {"2T", 2ull << 40}, {"7B", 7}};
	static const char *const bad[] = {"", "G", "-1G", "1X", "1GG", "1Gi B", "1e40", "inf", "nan", "0x10", "9999999T"};
	uint64_t bytes;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CHECK(parse_size(good[i].text, &bytes) && bytes == good[i].bytes);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse_size(bad[i], &bytes)) {
			printf("FAIL '%s' was taken for a size\n", bad[i]);
			failed++;
		} else {
			passed++;
		}
}

static bool parse(struct options *options, char *problem, const char *line)
{
	static char copy[512];
	char *arguments[32], *word;
	int count = 0;
	snprintf(copy, sizeof(copy), "fastswap-server %s", line);
	for (word = strtok(copy, " "); word && count < 31; word = strtok(NULL, " "))
		arguments[count++] = word;
	arguments[count] = NULL;
	problem[0] = 0;
	return options_parse(options, count, arguments, problem, 256);
}

static void test_options(void)
{
	struct options options;
	char problem[256];
	CHECK(parse(&options, problem, "--capacity 1GiB"));
	CHECK(options.capacity == 1ull << 30 && options.port == 50000 && options.clients == 16 && options.allow.count == 0);
	CHECK(parse(&options, problem, "--capacity=10000 --port 7 --clients 2 --connections 8 --listen ::1 --allow 10.0.0.0/8 --allow fd00::1 "
				       "--client-timeout 0"));
	CHECK(options.capacity == 8192 && options.port == 7 && options.clients == 2 && options.connections == 8);
	CHECK(options.allow.count == 2 && options.client_timeout == 0 && !strcmp(options.listen, "::1"));
	CHECK(parse(&options, problem, "--help") && options.help);
	static const char *const bad[] = {
		"", "--capacity", "--capacity 1", "--capacity x", "--capacity 1G extra", "--capacity 1G --port 0", "--capacity 1G --port 65536",
		"--capacity 1G --clients 0", "--capacity 1G --clients 1x", "--capacity 1G --connections 1", "--capacity 1G --connections 1025",
		"--capacity 1G --listen host", "--capacity 1G --allow 10.0.0.0/33", "--capacity 1G --allow 10.0.0", "--capacity 1G --unknown",
		"--capacity 1G --client-timeout 1", "--capacity 17000T"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		bool taken = parse(&options, problem, bad[i]);
		CHECK(!taken);
		CHECK(problem[0] && !strchr(problem, '\n'));
	}
}

static bool allowed(const struct allow_list *list, const char *text)
{
	struct sockaddr_storage peer = address(text);
	return allow_matches(list, (struct sockaddr *)&peer);
}

static void test_allow(void)
{
	struct allow_list list = {.count = 0};
	CHECK(allowed(&list, "127.0.0.1") && allowed(&list, "127.9.9.9") && allowed(&list, "::1") && allowed(&list, "::ffff:127.0.0.1"));
	CHECK(!allowed(&list, "10.0.0.1") && !allowed(&list, "128.0.0.1") && !allowed(&list, "::2") && !allowed(&list, "::"));
	CHECK(allow_add(&list, "10.0.0.1") && allow_add(&list, "192.168.8.0/21") && allow_add(&list, "fd00:1::/33"));
	CHECK(allowed(&list, "10.0.0.1") && !allowed(&list, "10.0.0.2") && allowed(&list, "::ffff:10.0.0.1"));
	CHECK(allowed(&list, "192.168.8.0") && allowed(&list, "192.168.15.255") && !allowed(&list, "192.168.16.0") && !allowed(&list, "192.168.7.255"));
	CHECK(allowed(&list, "fd00:1:7fff::1") && !allowed(&list, "fd00:1:8000::1") && !allowed(&list, "fd00:2::1"));
	CHECK(!allow_add(&list, "10.0.0.1/") && !allow_add(&list, "10.0.0.1/-1") && !allow_add(&list, "fd00::/129") && !allow_add(&list, "x"));
	CHECK(!allow_add(&list, "10.0.0.1/1x") && !allow_add(&list, "") && !allow_add(&list, "/8"));
	struct sockaddr_storage unknown = {.ss_family = AF_UNIX};
	CHECK(allow_add(&list, "0.0.0.0/0") && allowed(&list, "8.8.8.8") && !allowed(&list, "2000::1"));
	CHECK(!allow_matches(&list, (struct sockaddr *)&unknown));
	while (list.count < ALLOW_MOST)
		allow_add(&list, "10.0.0.1");
	CHECK(!allow_add(&list, "10.0.0.1"));
}

static struct fastswap_hello open_hello(uint64_t pages, uint32_t connections)
{
	return (struct fastswap_hello){.magic = htole32(FASTSWAP_MAGIC), .version = htole16(FASTSWAP_VERSION),
				       .kind = htole16(FASTSWAP_OPEN), .pages = htole64(pages), .connections = htole32(connections)};
}

static void test_admit(void)
{
	struct options options;
	struct house house;
	struct tenant first, second, *tenant;
	struct sockaddr_storage peer = address("10.0.0.1"), other = address("10.0.0.2"), far = address("11.0.0.1");
	const struct sockaddr *from = (struct sockaddr *)&peer, *neighbour = (struct sockaddr *)&other;
	struct fastswap_hello hello = open_hello(10, 4), bad;
	uint64_t detail;
	char problem[256];
	/* 12 pages: one region of 10 with its header page leaves none for another of any size. */
	CHECK(parse(&options, problem, "--capacity 49152 --allow 10.0.0.0/24 --clients 2 --connections 4"));
	house_init(&house, &options);
	CHECK(admit(&house, (struct sockaddr *)&far, &hello, sizeof(hello), &tenant, &detail) == FASTSWAP_NOT_ALLOWED);
	CHECK(admit(&house, from, NULL, 0, &tenant, &detail) == FASTSWAP_BAD_HELLO);
	CHECK(admit(&house, from, &hello, sizeof(hello) - 1, &tenant, &detail) == FASTSWAP_BAD_HELLO);
	CHECK(admit(&house, from, &hello, sizeof(hello), &tenant, &detail) == FASTSWAP_OK && !tenant);
	bad = hello, bad.version = htole16(9);
	CHECK(admit(&house, from, &bad, sizeof(bad), &tenant, &detail) == FASTSWAP_BAD_VERSION && detail == FASTSWAP_VERSION);
	bad = hello, bad.kind = htole16(3);
	CHECK(admit(&house, from, &bad, sizeof(bad), &tenant, &detail) == FASTSWAP_BAD_HELLO);
	bad = open_hello(0, 4);
	CHECK(admit(&house, from, &bad, sizeof(bad), &tenant, &detail) == FASTSWAP_BAD_HELLO);
	bad = open_hello(UINT64_MAX, 4);
	CHECK(admit(&house, from, &bad, sizeof(bad), &tenant, &detail) == FASTSWAP_BAD_HELLO);
	bad = open_hello(12, 4);
	CHECK(admit(&house, from, &bad, sizeof(bad), &tenant, &detail) == FASTSWAP_FULL && detail == 11);
	bad = open_hello(11, 5);
	CHECK(admit(&house, from, &bad, sizeof(bad), &tenant, &detail) == FASTSWAP_MANY_QUEUES && detail == 4);
	bad = open_hello(1, 0);
	CHECK(admit(&house, from, &bad, sizeof(bad), &tenant, &detail) == FASTSWAP_BAD_HELLO);

	house_enter(&house, &first, from, &hello);
	CHECK(house.count == 1 && house.free_pages == 1 && first.generation);
	bad = open_hello(1, 1);
	CHECK(admit(&house, from, &bad, sizeof(bad), &tenant, &detail) == FASTSWAP_FULL && detail == 0);

	struct fastswap_hello join = {.magic = hello.magic, .version = hello.version, .kind = htole16(FASTSWAP_JOIN),
				      .generation = htole64(first.generation), .index = htole32(1)};
	CHECK(admit(&house, from, &join, sizeof(join), &tenant, &detail) == FASTSWAP_OK && tenant == &first);
	CHECK(admit(&house, neighbour, &join, sizeof(join), &tenant, &detail) == FASTSWAP_NO_SESSION && !tenant);
	first.seen[1] = 1;
	CHECK(admit(&house, from, &join, sizeof(join), &tenant, &detail) == FASTSWAP_BAD_HELLO);
	join.index = htole32(4);
	CHECK(admit(&house, from, &join, sizeof(join), &tenant, &detail) == FASTSWAP_BAD_HELLO);
	join.index = htole32(2), join.generation = htole64(first.generation ^ 1);
	CHECK(admit(&house, from, &join, sizeof(join), &tenant, &detail) == FASTSWAP_NO_SESSION);

	house_leave(&house, &first);
	CHECK(house.count == 0 && house.free_pages == 12 && !house.tenants);
	join.generation = htole64(first.generation);
	CHECK(admit(&house, from, &join, sizeof(join), &tenant, &detail) == FASTSWAP_NO_SESSION);

	bad = open_hello(2, 1);
	uint64_t before = first.generation;
	house_enter(&house, &first, from, &bad);
	house_enter(&house, &second, neighbour, &bad);
	CHECK(first.generation != second.generation && first.generation != before && house.free_pages == 6);
	CHECK(admit(&house, from, &bad, sizeof(bad), &tenant, &detail) == FASTSWAP_MANY_CLIENTS && detail == 2);
	house_leave(&house, &first);
	CHECK(house.tenants == &second && !second.next && house.free_pages == 9);
	house_leave(&house, &second);
}

int main(void)
{
	test_sizes();
	test_options();
	test_allow();
	test_admit();
	printf("%u passed, %u failed\n", passed, failed);
	return failed ? 1 : 0;
}
