/* SPDX-License-Identifier: Apache-2.0
 * What the python3 + numpy program of the rerun measurement does, for machines without numpy: an array of
 * 200 MiB of doubles that is summed, and a table of 300,000 small heap objects that is walked and looked up. */
#define _GNU_SOURCE
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBERS ((200ul << 20) / sizeof(double))
#define ENTRIES 300000u
#define BUCKETS (1u << 19)

struct entry {
	struct entry *next;
	uint64_t key;
	char *text;
};

static uint32_t bucket_of(uint64_t key)
{
	return (uint32_t)(key * 0x9e3779b97f4a7c15ull >> 45) & (BUCKETS - 1);
}

static int build(double *number, struct entry **table)
{
	for (size_t i = 0; i < NUMBERS; i++)
		number[i] = (double)i * 0.5;
	for (uint64_t key = 0; key < ENTRIES; key++) {
		struct entry *entry = malloc(sizeof(*entry));
		if (!entry || asprintf(&entry->text, "value of key %llu", (unsigned long long)key) < 0)
			return -1;
		*entry = (struct entry){.next = table[bucket_of(key)], .key = key, .text = entry->text};
		table[bucket_of(key)] = entry;
	}
	return 0;
}

static uint64_t run(const double *number, struct entry **table)
{
	double sum = 0;
	for (size_t i = 0; i < NUMBERS; i++)
		sum += number[i] * 1.0000001;
	uint64_t hash = (uint64_t)sum;
	for (uint64_t key = 0; key < ENTRIES; key++) {
		const struct entry *entry = table[bucket_of(key * 7919 % ENTRIES)];
		while (entry && entry->key != key * 7919 % ENTRIES)
			entry = entry->next;
		for (const char *at = entry ? entry->text : ""; *at; at++)
			hash = (hash ^ (unsigned char)*at) * 1099511628211ull;
	}
	return hash;
}

int bench_rerun(void)
{
	double *number = malloc(NUMBERS * sizeof(*number));
	struct entry **table = calloc(BUCKETS, sizeof(struct entry *));
	if (!number || !table || build(number, table) < 0) {
		fprintf(stderr, "no memory for the rerun program\n");
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("{\"ready\":true}\n");
	char line[16];
	while (fgets(line, sizeof(line), stdin)) {
		uint64_t started = bench_ns();
		uint64_t answer = run(number, table);
		printf("{\"ms\":%.3f,\"answer\":\"%llx\"}\n", (double)(bench_ns() - started) / 1e6, (unsigned long long)answer);
	}
	return 0;
}
