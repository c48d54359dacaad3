/* SPDX-License-Identifier: Apache-2.0
 * What this machine can do at best: every figure of `faasmem bench` stands beside one of these. */
#define _GNU_SOURCE
#include "bench.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define BYTES (256ul << 20)
#define CHUNK (1ul << 20)
#define ROUNDS 5

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

static double gibps(uint64_t bytes, uint64_t ns)
{
	return (double)bytes / (double)(1 << 30) / ((double)ns / 1e9);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

/* Each limit is the median of its rounds, as the engine's own figures are. */
static double median(double round[ROUNDS])
{
	qsort(round, ROUNDS, sizeof(*round), ascending);
	return round[ROUNDS / 2];
}

static double rate_memcpy(uint8_t *from, uint8_t *to)
{
	double rate[ROUNDS];
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t started = bench_ns();
		for (size_t at = 0; at < BYTES; at += CHUNK)
			memcpy(to + at, from + at, CHUNK);
		__asm__ volatile("" ::"r"(to) : "memory");
		rate[round] = gibps(BYTES, bench_ns() - started);
	}
	return median(rate);
}

/* Reads a child's memory in batches of one eviction batch, as the evictor does. */
static double rate_readv(uint8_t *memory, uint8_t *to)
{
	pid_t child = fork();
	if (child == 0) {
		memset(memory, 3, BYTES); /* its own pages, not shared ones */
		raise(SIGSTOP);
		_exit(0);
	}
	int status;
	if (child < 0 || waitpid(child, &status, WUNTRACED) < 0)
		return -1;
	double rate[ROUNDS];
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t started = bench_ns();
		size_t at;
		for (at = 0; at < BYTES; at += CHUNK) {
			struct iovec local = {to, CHUNK}, remote = {memory + at, CHUNK};
			if (process_vm_readv(child, &local, 1, &remote, 1, 0) != (ssize_t)CHUNK)
				break;
		}
		rate[round] = at == BYTES ? gibps(at, bench_ns() - started) : -1;
	}
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return median(rate);
}

static int listen_loopback(struct sockaddr_in *address)
{
	socklen_t length = sizeof(*address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	*address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (fd < 0 || bind(fd, (struct sockaddr *)address, sizeof(*address)) < 0 || listen(fd, 1) < 0 ||
	    getsockname(fd, (struct sockaddr *)address, &length) < 0)
		return -1;
	return fd;
}

static ssize_t move_all(int fd, uint8_t *data, size_t length, int out)
{
	size_t done = 0;
	while (done < length) {
		ssize_t got = out ? write(fd, data + done, length - done) : read(fd, data + done, length - done);
		if (got <= 0)
			return -1;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

/* One stream between two processes, and a round trip of one small message. */
static int loopback(uint8_t *memory, double *stream, double *round_trip_us)
{
	struct sockaddr_in address;
	int listener = listen_loopback(&address);
	pid_t child = listener < 0 ? -1 : fork();
	if (child < 0)
		return -1;
	if (child == 0) {
		int fd = accept(listener, NULL, NULL);
		for (int round = 0; round < ROUNDS; round++)
			for (size_t at = 0; at < BYTES; at += CHUNK)
				if (move_all(fd, memory + at, CHUNK, 0) < 0)
					_exit(1);
		while (move_all(fd, memory, 64, 0) > 0 && move_all(fd, memory, 64, 1) > 0)
			;
		_exit(0);
	}
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	double rate[ROUNDS];
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t started = bench_ns();
		for (size_t at = 0; at < BYTES; at += CHUNK)
			if (move_all(fd, memory + at, CHUNK, 1) < 0)
				return -1;
		rate[round] = gibps(BYTES, bench_ns() - started);
	}
	*stream = median(rate);
	static uint64_t trip[4000];
	for (size_t i = 0; i < sizeof(trip) / sizeof(trip[0]); i++) {
		uint64_t started = bench_ns();
		if (move_all(fd, memory, 64, 1) < 0 || move_all(fd, memory, 64, 0) < 0)
			return -1;
		trip[i] = bench_ns() - started;
	}
	*round_trip_us = bench_quantile_us(trip, sizeof(trip) / sizeof(trip[0]), 0.5);
	close(fd);
	close(listener);
	waitpid(child, NULL, 0);
	return 0;
}

/* Touches every page once; microseconds a page. */
static void touch_all(uint8_t *memory, size_t pages, uint64_t *ns)
{
	for (size_t i = 0; i < pages; i++) {
		uint64_t started = bench_ns();
		((volatile uint8_t *)memory)[i * BENCH_PAGE] += 1;
		ns[i] = bench_ns() - started;
	}
}

int bench_limits(void)
{
	uint8_t *from = bench_map(BYTES), *to = bench_map(BYTES), *fresh = bench_map(64ul << 20);
	static uint64_t ns[(64ul << 20) / BENCH_PAGE];
	if (!from || !to || !fresh) {
		fprintf(stderr, "no memory to measure this machine's limits\n");
		return 1;
	}
	touch_all(fresh, sizeof(ns) / sizeof(ns[0]), ns);
	double fault50 = bench_quantile_us(ns, sizeof(ns) / sizeof(ns[0]), 0.5), stream = 0, trip = 0;
	memset(from, 1, BYTES);
	memset(to, 2, BYTES);
	double copy = rate_memcpy(from, to), readv = rate_readv(from, to);
	if (loopback(from, &stream, &trip) < 0)
		stream = trip = -1;
	printf("{\"memcpyGiBps\":%.3f,\"readvGiBps\":%.3f,\"loopbackGiBps\":%.3f,\"loopbackRoundTripUs\":%.2f,\"plainFaultUs\":%.3f}\n",
	       copy, readv, stream, trip, fault50);
	return 0;
}

static size_t resident_pages(uint8_t *memory, size_t pages)
{
	unsigned char resident[1024];
	size_t found = 0;
	for (size_t i = 0; i < pages; i += sizeof(resident)) {
		size_t some = pages - i < sizeof(resident) ? pages - i : sizeof(resident);
		if (mincore(memory + i * BENCH_PAGE, some * BENCH_PAGE, resident) == 0)
			for (size_t j = 0; j < some; j++)
				found += resident[j] & 1;
	}
	return found;
}

int bench_swap(size_t mebibytes)
{
	size_t pages = mebibytes << 8;
	uint8_t *memory = bench_map(pages * BENCH_PAGE);
	uint64_t *ns = calloc(pages, sizeof(*ns));
	char line[64];
	if (!memory || !ns)
		return 1;
	for (uint64_t round = 0; fgets(line, sizeof(line), stdin); round++) {
		for (size_t i = 0; i < pages; i++)
			bench_fill(memory + i * BENCH_PAGE, i + round * pages);
		uint64_t started = bench_ns();
		if (madvise(memory, pages * BENCH_PAGE, MADV_PAGEOUT) < 0)
			return 1;
		uint64_t out = bench_ns() - started;
		size_t left = resident_pages(memory, pages);
		started = bench_ns();
		touch_all(memory, pages, ns);
		uint64_t in = bench_ns() - started;
		printf("{\"outGiBps\":%.3f,\"inUsPerPage\":%.3f,\"stayed\":%zu,\"pages\":%zu}\n", gibps(pages * BENCH_PAGE, out),
		       (double)in / 1000 / (double)pages, left, pages);
		fflush(stdout);
	}
	return 0;
}
