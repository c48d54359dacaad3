/* SPDX-License-Identifier: Apache-2.0
 * What a look at accessed bits costs the program that is looked at. From 0.2 us a page where the processor sets the bit
 * to 5 us where a hypervisor does (shadow page tables): a policy has to know. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../clock.h"
#include "../faasmem.h"

#define PAGES 1024u
/* More pages than the kernel flushes one by one: it flushes the whole address space (x86: 33). */
#define FLUSH_PAGES 64u
#define ROUNDS 7u

static uint64_t touch(volatile uint8_t *memory)
{
	uint64_t started = fm_now_ns();
	for (uint32_t i = 0; i < PAGES; i++)
		memory[(size_t)i * FM_PAGE_SIZE]++;
	return fm_now_ns() - started;
}

/* Makes the processor look at the page tables again. */
static void flush(void *pages)
{
	mprotect(pages, FLUSH_PAGES * FM_PAGE_SIZE, PROT_READ);
	mprotect(pages, FLUSH_PAGES * FM_PAGE_SIZE, PROT_READ | PROT_WRITE);
	memset(pages, 1, FLUSH_PAGES * FM_PAGE_SIZE);
}

/* The child: with each byte from the parent, touches its memory once more and tells how long that took. */
static void answer(int socket)
{
	size_t length = (size_t)(PAGES + FLUSH_PAGES) * FM_PAGE_SIZE;
	uint8_t *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t byte;
	if (memory == MAP_FAILED)
		return;
	madvise(memory, length, MADV_NOHUGEPAGE);
	touch(memory);
	do {
		flush(memory + (size_t)PAGES * FM_PAGE_SIZE);
		uint64_t took = touch(memory);
		if (write(socket, &took, sizeof(took)) != sizeof(took))
			return;
	} while (read(socket, &byte, 1) == 1);
}

static bool ask(int socket, uint64_t *took)
{
	return write(socket, "", 1) == 1 && read(socket, took, sizeof(*took)) == sizeof(*took);
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* Median of what a touch takes longer after accessed bits were cleared. */
static int measure(int socket, int clear_refs, uint64_t *ns_per_page)
{
	int64_t more[ROUNDS];
	uint64_t after, undisturbed;
	if (read(socket, &undisturbed, sizeof(undisturbed)) != sizeof(undisturbed))
		return FM_ERR_SYSTEM;
	for (uint32_t i = 0; i < ROUNDS; i++) {
		if (write(clear_refs, "1", 1) != 1)
			return FM_ERR_PERMISSION;
		if (!ask(socket, &after) || !ask(socket, &undisturbed))
			return FM_ERR_SYSTEM;
		more[i] = (int64_t)(after - undisturbed);
	}
	qsort(more, ROUNDS, sizeof(more[0]), compare);
	*ns_per_page = more[ROUNDS / 2] > 0 ? (uint64_t)more[ROUNDS / 2] / PAGES : 0;
	return FM_OK;
}

int32_t fm_look_cost(uint64_t *ns_per_page)
{
	int pair[2];
	char path[64];
	*ns_per_page = 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return FM_ERR_SYSTEM;
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(pair[0]);
		answer(pair[1]);
		_exit(0);
	}
	close(pair[1]);
	int status = FM_ERR_SYSTEM;
	if (pid > 0) {
		snprintf(path, sizeof(path), "/proc/%d/clear_refs", (int)pid);
		int clear_refs = open(path, O_WRONLY | O_CLOEXEC);
		status = clear_refs < 0 ? FM_ERR_PERMISSION : measure(pair[0], clear_refs, ns_per_page);
		if (clear_refs >= 0)
			close(clear_refs);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, __WALL);
	}
	close(pair[0]);
	return status;
}
