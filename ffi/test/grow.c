/* SPDX-License-Identifier: Apache-2.0
 * One thread unmaps memory that is far away, and has hardly time to run; another grows what lies before it over that
 * place as soon as it is free, and forks. The kernel tells the unmapping late, and the growth not at all: what grew
 * must read as zeros in the child and in the parent.
 *   grow SECONDS */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096ul
#define PAGES 16u
#define PLACE (4 * PAGES * PAGE)
#define TRIES 1000u

static char *kept; /* PAGES pages that stay; as many after them are unmapped */
static pthread_barrier_t begin, end;
static volatile int stop;
static volatile pid_t unmapping;
static int pagemap;

static void schedule(int policy)
{
	struct sched_param none = {0};
	if (sched_setscheduler(unmapping, policy, &none))
		exit(2);
}

static void *unmap(void *argument)
{
	unmapping = (pid_t)syscall(SYS_gettid);
	for (;;) {
		pthread_barrier_wait(&begin);
		if (stop)
			return argument;
		schedule(SCHED_IDLE);
		munmap(kept + PAGES * PAGE, PAGES * PAGE);
		pthread_barrier_wait(&end);
	}
}

static int is_away(void)
{
	uint64_t word[PAGES];
	if (pread(pagemap, word, sizeof(word), (off_t)((uintptr_t)(kept + PAGES * PAGE) / PAGE * 8)) != sizeof(word))
		exit(2);
	for (unsigned i = 0; i < PAGES; i++)
		if (word[i] >> 63)
			return 0;
	return 1;
}

static int is_right(const char *who, unsigned more)
{
	for (unsigned i = 0; i < PAGES + more; i++) {
		char expected = i < PAGES ? (char)(1 + i) : 0;
		if (kept[i * PAGE] == expected)
			continue;
		fprintf(stderr, "grow: %s: page %u of %u is %d, should be %d\n", who, i, PAGES + more, kept[i * PAGE], expected);
		return 0;
	}
	return 1;
}

static int round_of(unsigned *seed, unsigned *away)
{
	unsigned more = rand_r(seed) % 3 ? 1 + rand_r(seed) % PAGES : PAGES;
	char *place = mmap(NULL, PLACE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	kept = mmap(place, 2 * PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (place == MAP_FAILED || kept == MAP_FAILED)
		exit(2);
	for (unsigned i = 0; i < 2 * PAGES; i++)
		memset(kept + i * PAGE, 1 + (int)i, PAGE);
	for (unsigned i = 0; i < 60 && !is_away(); i++)
		usleep(1000);
	*away += is_away();
	pthread_barrier_wait(&begin);
	struct timespec wait = {0};
	unsigned tries = 0;
	do {
		wait.tv_nsec = rand_r(seed) % 20000;
		nanosleep(&wait, NULL);
		/* Its stack leaves again every few milliseconds: where others want the processor, that is each time before it ran. */
		if (++tries % TRIES == 0)
			schedule(SCHED_OTHER);
	} while (mremap(kept, PAGES * PAGE, (PAGES + more) * PAGE, 0) != kept);
	pid_t child = fork();
	if (child == 0)
		_exit(is_right("child", more) ? 0 : 1);
	int status = 0;
	waitpid(child, &status, 0);
	schedule(SCHED_OTHER);
	pthread_barrier_wait(&end);
	/* A signal: the engine would not guess. */
	int right = is_right("parent", more) && (WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
	munmap(place, PLACE);
	return right;
}

int main(int argc, char **argv)
{
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
	prctl(PR_SET_TIMERSLACK, 1);
	pagemap = open("/proc/self/pagemap", O_RDONLY);
	pthread_barrier_init(&begin, NULL, 2);
	pthread_barrier_init(&end, NULL, 2);
	pthread_t thread;
	pthread_create(&thread, NULL, unmap, NULL);
	unsigned seed = 1, rounds = 0, away = 0;
	/* On a busy machine it may take longer until memory has once left in time. */
	time_t last = time(NULL) + (argc > 1 ? atoi(argv[1]) : 5);
	for (; time(NULL) < last || (!away && time(NULL) < last + 20); rounds++)
		if (!round_of(&seed, &away))
			return 1;
	stop = 1;
	pthread_barrier_wait(&begin);
	pthread_join(thread, NULL);
	printf("equal after %u rounds, memory away in %u\n", rounds, away);
	return away ? 0 : 1;
}
