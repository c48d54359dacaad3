/* SPDX-License-Identifier: Apache-2.0
 * A program that closes its descriptors, and whose children leave its process group, and one of them its parent: all check memory
 * that they were forked with, page by page and slowly, so that most of it stays far away. Runs until it is killed, or for as
 * many seconds as it is told; the first process ends at once when the third argument is 0. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PAGES 4096u
#define WORDS 512u

static uint64_t *memory;

static uint64_t expected(size_t word)
{
	return word * 0x9e3779b97f4a7c15ull + 1;
}

/* 1: a word is wrong. */
static int look(const char *who, int seconds)
{
	time_t end = time(NULL) + seconds;
	for (size_t page = 0; time(NULL) < end; page = (page + 1) % PAGES) {
		for (size_t i = page * WORDS; i < (page + 1) * WORDS; i++) {
			if (memory[i] == expected(i))
				continue;
			/* without a buffer of malloc's, which may be as wrong */
			dprintf(1, "%s: word %zu is %lx, should be %lx\n", who, i, (unsigned long)memory[i], (unsigned long)expected(i));
			return 1;
		}
		usleep(1000);
	}
	return 0;
}

int main(int argc, char **argv)
{
	int seconds = argc > 1 ? atoi(argv[1]) : 5;
	memory = mmap(NULL, (size_t)PAGES * WORDS * 8, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return 2;
	for (size_t i = 0; i < (size_t)PAGES * WORDS; i++)
		memory[i] = expected(i);
	usleep(200000); /* time to be evicted */
	syscall(SYS_close_range, 3, ~0u, 0); /* as daemons do: nothing of the agent's may be among them */
	pid_t child = fork();
	if (child == 0) {
		setsid();
		if (fork() == 0) {
			setsid();
			_exit(look("daemon", seconds));
		}
		if (fork() == 0) {
			setsid();
			if (fork() == 0)
				_exit(look("orphan", seconds));
			_exit(0);
		}
		_exit(look("child", seconds));
	}
	return argc > 3 && atoi(argv[3]) == 0 ? 0 : look("parent", seconds);
}
