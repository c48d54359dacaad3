/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

uint64_t bench_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

double bench_quantile_us(uint64_t *ns, size_t count, double quantile)
{
	if (!count)
		return 0;
	qsort(ns, count, sizeof(*ns), ascending);
	size_t at = (size_t)(quantile * (double)count);
	return (double)ns[at < count ? at : count - 1] / 1000;
}

uint8_t *bench_map(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return NULL;
	madvise(memory, bytes, MADV_NOHUGEPAGE);
	return memory;
}

static uint64_t word_of(uint64_t seed, size_t index)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15ull + (index & 1 ? index : 7) * 0xd1342543de82ef95ull;
	x ^= x >> 29;
	return (x * 0xbf58476d1ce4e5b9ull) | 1;
}

void bench_fill(uint8_t *page, uint64_t seed)
{
	uint64_t *words = (uint64_t *)page;
	for (size_t i = 0; i < BENCH_PAGE / sizeof(*words); i++)
		words[i] = word_of(seed, i);
}

int bench_is_intact(const uint8_t *page, uint64_t seed)
{
	const uint64_t *words = (const uint64_t *)page;
	for (size_t i = 0; i < BENCH_PAGE / sizeof(*words); i++)
		if (words[i] != word_of(seed, i))
			return 0;
	return 1;
}

int main(int count, char **words)
{
	const char *what = count > 1 ? words[1] : "";
	long mebibytes = count > 2 ? atol(words[2]) : 0;
	if (strcmp(what, "limits") == 0)
		return bench_limits();
	if (strcmp(what, "rerun") == 0)
		return bench_rerun();
	if (mebibytes > 0 && mebibytes <= 1 << 20) {
		if (strcmp(what, "target") == 0)
			return bench_target((size_t)mebibytes);
		if (strcmp(what, "swap") == 0)
			return bench_swap((size_t)mebibytes);
	}
	fprintf(stderr, "use: %s limits | rerun | target MIB | swap MIB\n", words[0]);
	return 2;
}
