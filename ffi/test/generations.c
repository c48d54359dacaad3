/* SPDX-License-Identifier: Apache-2.0
 * Time barriers by the kernel's generations, for real: needs MGLRU, swap that is on, cgroup version 2, and root. A child in a
 * cgroup of its own fills two areas with a barrier between, then touches parts of them; what was not touched must leave by
 * generation, what was must stay, and every byte must be what it was. Prints one line of key=value; exit code 0 or 1. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../hotness/mglru.h"
#include "../swap.h"

#define GROUP "/sys/fs/cgroup/generations"
#define PAGES 4096u /* of each of the two areas: 16 MiB */

static int orders[2], answers[2];

static uint64_t word_of(unsigned area, unsigned page, unsigned i)
{
	return (area * PAGES + page + 1) * 0x9e3779b97f4a7c15ull + i;
}

static void fill(uint64_t *memory, unsigned area)
{
	for (unsigned page = 0; page < PAGES; page++)
		for (unsigned i = 0; i < 512; i++)
			memory[page * 512 + i] = word_of(area, page, i);
}

/* Every byte of the first `pages` pages; the wrong ones. */
static unsigned check(const uint64_t *memory, unsigned area, unsigned pages)
{
	unsigned wrong = 0;
	for (unsigned page = 0; page < pages; page++)
		for (unsigned i = 0; i < 512; i++)
			if (memory[page * 512 + i] != word_of(area, page, i)) {
				wrong++;
				break;
			}
	return wrong;
}

/* 'r' and 'i' fill the areas, 't' uses a quarter of each, 'a' all; each is answered with the number of wrong pages. */
static void child(void)
{
	FILE *procs = fopen(GROUP "/cgroup.procs", "w");
	if (!procs || fprintf(procs, "0") < 0 || fclose(procs) != 0)
		_exit(2);
	uint64_t *area[2];
	for (int i = 0; i < 2; i++) {
		area[i] = mmap(NULL, PAGES * 4096ul, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		madvise(area[i], PAGES * 4096ul, MADV_NOHUGEPAGE);
	}
	char order;
	while (read(orders[0], &order, 1) == 1) {
		unsigned wrong = 0;
		if (order == 'r' || order == 'i')
			fill(area[order == 'i'], order == 'i');
		else
			for (unsigned i = 0; i < 2; i++)
				wrong += check(area[i], i, order == 't' ? PAGES / 4 : PAGES);
		if (write(answers[1], &wrong, sizeof(wrong)) != sizeof(wrong))
			_exit(2);
	}
	_exit(0);
}

static unsigned ask(char order)
{
	unsigned wrong = 1000000;
	if (write(orders[1], &order, 1) != 1 || read(answers[0], &wrong, sizeof(wrong)) != sizeof(wrong))
		return 1000000;
	return wrong;
}

int main(void)
{
	struct fm_barrier runtime, init, requests;
	uint64_t until, after, swapped[3];
	unsigned wrong = 0;
	mkdir(GROUP, 0755);
	int status = fm_mglru_check();
	if (status != 0 || pipe(orders) < 0 || pipe(answers) < 0) {
		printf("status=%d no generations here\n", status);
		return 1;
	}
	pid_t pid = fork();
	if (pid == 0) {
		close(orders[1]);
		child();
	}
	int shared = fm_mglru_age(getpid(), &runtime); /* a process in our own cgroup: refused */
	wrong += ask('r');
	status |= fm_mglru_age(pid, &runtime);
	wrong += ask('i');
	status |= fm_mglru_age(pid, &init);
	wrong += ask('t');
	status |= fm_mglru_age(pid, &requests);
	status |= fm_mglru_count(pid, &runtime, &until, &after);
	status |= fm_mglru_evict(pid, &runtime, 100000);
	swapped[0] = fm_swap_bytes(pid) / 4096;
	status |= fm_mglru_age(pid, &requests);
	status |= fm_mglru_evict(pid, &init, 100000);
	swapped[1] = fm_swap_bytes(pid) / 4096;
	uint64_t majors = fm_swap_majors(pid);
	wrong += ask('t');
	majors = fm_swap_majors(pid) - majors;
	wrong += ask('a');
	swapped[2] = fm_swap_bytes(pid) / 4096;
	close(orders[1]);
	waitpid(pid, NULL, 0);
	rmdir(GROUP);
	printf("status=%d shared=%d nodes=%u until=%" PRIu64 " after=%" PRIu64 " out=%" PRIu64 " out_both=%" PRIu64 " left=%" PRIu64
	       " touched_faults=%" PRIu64 " wrong=%u\n",
	       status, shared, runtime.nodes, until, after, swapped[0], swapped[1], swapped[2], majors, wrong);
	/* Three quarters of each area are cold. The kernel may keep or take a little more: readahead, batches of its lists. */
	bool right = status == 0 && shared < 0 && wrong == 0 && until > PAGES * 6 / 10 && after > PAGES && swapped[0] > PAGES * 6 / 10 &&
		     swapped[0] < PAGES * 9 / 10 && swapped[1] > PAGES * 12 / 10 && swapped[1] < PAGES * 18 / 10 && majors < PAGES / 10;
	return !right;
}
