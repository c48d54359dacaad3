/* SPDX-License-Identifier: Apache-2.0
 * The process whose memory is moved. Lines of its input:
 *   touch ORDER THREADS PAGES   reads one word in each of PAGES pages, in ORDER (sequential | random), shared
 *                               among THREADS; prints how long each first access took
 *   choose COUNT SEED          reads one word in each of COUNT pages that it chooses, and prints their numbers
 *   change COUNT                gives COUNT pages other contents, which `check` knows
 *   dirty                       writes to every page without changing it
 *   check                       compares every byte */
#define _GNU_SOURCE
#include "bench.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_THREADS 16

struct toucher {
	pthread_t thread;
	const uint8_t *memory;
	const uint32_t *page;
	uint64_t *ns;
	size_t pages;
	uint64_t sum;
};

static void *touch(void *argument)
{
	struct toucher *t = argument;
	for (size_t i = 0; i < t->pages; i++) {
		const volatile uint64_t *word = (const volatile uint64_t *)(t->memory + t->page[i] * BENCH_PAGE);
		uint64_t started = bench_ns();
		t->sum += *word;
		t->ns[i] = bench_ns() - started;
	}
	return NULL;
}

static void shuffle(uint32_t *page, size_t count, uint64_t seed)
{
	uint64_t state = 88172645463325252ull * (2 * seed + 1);
	for (size_t i = count; i > 1; i--) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		size_t other = state % i;
		uint32_t kept = page[i - 1];
		page[i - 1] = page[other];
		page[other] = kept;
	}
}

static int run_touch(const uint8_t *memory, size_t pages, uint32_t *order, uint64_t *ns, const char *how, size_t threads, size_t wanted)
{
	struct toucher all[MAX_THREADS];
	if (!threads || threads > MAX_THREADS || !wanted || wanted > pages)
		return -1;
	for (size_t i = 0; i < pages; i++)
		order[i] = (uint32_t)i;
	if (strcmp(how, "random") == 0)
		shuffle(order, pages, 0);
	size_t share = wanted / threads;
	uint64_t started = bench_ns();
	for (size_t i = 0; i < threads; i++) {
		all[i] = (struct toucher){.memory = memory, .page = order + i * share, .ns = ns + i * share, .pages = share};
		if (pthread_create(&all[i].thread, NULL, touch, &all[i]) != 0)
			return -1;
	}
	uint64_t sum = 0;
	for (size_t i = 0; i < threads; i++) {
		pthread_join(all[i].thread, NULL);
		sum += all[i].sum;
	}
	uint64_t took = bench_ns() - started;
	size_t count = share * threads;
	printf("{\"ms\":%.3f,\"pages\":%zu,\"p50Us\":%.2f,\"p99Us\":%.2f,\"sum\":\"%llx\"}\n", (double)took / 1e6, count,
	       bench_quantile_us(ns, count, 0.5), bench_quantile_us(ns, count, 0.99), (unsigned long long)sum);
	return 0;
}

static int run_choose(const uint8_t *memory, size_t pages, uint32_t *order, size_t count, uint64_t seed)
{
	if (count > pages)
		return -1;
	for (size_t i = 0; i < pages; i++)
		order[i] = (uint32_t)i;
	shuffle(order, pages, seed);
	uint64_t sum = 0;
	for (size_t i = 0; i < count; i++)
		sum += *(const volatile uint64_t *)(memory + order[i] * BENCH_PAGE);
	printf("{\"sum\":\"%llx\",\"list\":[", (unsigned long long)sum);
	for (size_t i = 0; i < count; i++)
		printf("%s%llu", i ? "," : "", (unsigned long long)((uintptr_t)memory / BENCH_PAGE + order[i]));
	printf("]}\n");
	return 0;
}

int bench_target(size_t mebibytes)
{
	size_t pages = mebibytes << 8;
	uint8_t *memory = bench_map(pages * BENCH_PAGE);
	uint32_t *order = calloc(pages, sizeof(*order));
	uint64_t *ns = calloc(pages, sizeof(*ns));
	uint64_t *seed = calloc(pages, sizeof(*seed)), changes = 0;
	if (!memory || !order || !ns || !seed) {
		fprintf(stderr, "no memory for a target of %zu MiB\n", mebibytes);
		return 1;
	}
	for (size_t i = 0; i < pages; i++)
		bench_fill(memory + i * BENCH_PAGE, seed[i] = i);
	memset(ns, 1, pages * sizeof(*ns));
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("{\"ready\":true,\"pages\":%zu,\"start\":%llu}\n", pages, (unsigned long long)(uintptr_t)memory / BENCH_PAGE);
	char line[128], how[16];
	while (fgets(line, sizeof(line), stdin)) {
		size_t threads, wanted; /* `choose`: seed and count */
		if (sscanf(line, "touch %15s %zu %zu", how, &threads, &wanted) == 3) {
			if (run_touch(memory, pages, order, ns, how, threads, wanted) < 0)
				return 1;
		} else if (sscanf(line, "choose %zu %zu", &wanted, &threads) == 2) {
			if (run_choose(memory, pages, order, wanted, threads) < 0)
				return 1;
		} else if (sscanf(line, "change %zu", &wanted) == 1 && wanted <= pages) {
			changes++;
			for (size_t i = 0; i < wanted; i++)
				bench_fill(memory + i * 7 % pages * BENCH_PAGE, seed[i * 7 % pages] = changes << 32 | i);
			printf("{\"changed\":%zu}\n", wanted);
		} else if (strncmp(line, "dirty", 5) == 0) {
			for (size_t i = 0; i < pages; i++) {
				volatile uint64_t *word = (volatile uint64_t *)(memory + i * BENCH_PAGE);
				*word = *word;
			}
			printf("{\"dirty\":%zu}\n", pages);
		} else if (strncmp(line, "check", 5) == 0) {
			size_t wrong = 0;
			for (size_t i = 0; i < pages; i++)
				wrong += !bench_is_intact(memory + i * BENCH_PAGE, seed[i]);
			printf("{\"wrong\":%zu}\n", wrong);
		} else {
			fprintf(stderr, "target: not understood: %s", line);
			return 2;
		}
	}
	return 0;
}
