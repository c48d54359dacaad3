/* SPDX-License-Identifier: Apache-2.0
 * A program that does to its memory whatever programs do, at random and in several threads, and knows at all
 * times what every page must read as: each page carries its address tag and version.
 *   stress SECONDS [SEED [THREADS [unmoved]]]      unmoved: nothing is moved with mremap
 * Exit code 1 and a line that tells page, operation and values at the first wrong byte. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096ul
#define HUGE (2ul << 20)
#define AREAS 24
#define MOST_PAGES 600

/* What a page must hold. Kept in shared memory: that is never managed, so the judge cannot be fooled. */
struct area {
	uint64_t *memory;
	unsigned pages;
	uint64_t version[MOST_PAGES]; /* 0: must read as zeros */
};

struct worker {
	unsigned number;
	uint64_t random;
	uint64_t operations;
	struct area area[AREAS];
};

static volatile int stop;
static int unmoved;
static const char *last_operation[64];

/* A system call that must not fail did. */
static void unexpected(int line)
{
	char text[128];
	int n = snprintf(text, sizeof(text), "stress: line %d: %s\n", line, strerror(errno));
	if (write(2, text, (size_t)n) < 0)
		_exit(3);
	_exit(2);
}

static uint64_t next_random(struct worker *w)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return w->random;
}

static unsigned below(struct worker *w, unsigned limit)
{
	return (unsigned)(next_random(w) % limit);
}

static uint64_t word_of(uint64_t version, unsigned index)
{
	return version ? version * 0x9e3779b97f4a7c15ull + index : 0;
}

static void wrong(struct worker *w, unsigned a, unsigned page, unsigned index, uint64_t found)
{
	char line[400];
	struct area *area = &w->area[a];
	unsigned last = index, count = 0;
	for (unsigned i = 0; i < 512; i++) {
		if (area->memory[page * 512ul + i] == word_of(area->version[page], i))
			continue;
		last = i;
		count++;
	}
	int n = snprintf(line, sizeof(line), "stress: thread %u area %u (%u pages) page %u (%p) word %u: %lx, should be %lx (version %lx) after %s, operation %lu; %u words, last %u\n",
			 w->number, a, area->pages, page, (void *)(area->memory + page * 512), index, (unsigned long)found,
			 (unsigned long)word_of(area->version[page], index), (unsigned long)area->version[page], last_operation[w->number],
			 (unsigned long)w->operations, count, last);
	if (write(2, line, (size_t)n) < 0)
		_exit(3);
	_exit(1);
}

static void check_page(struct worker *w, unsigned a, unsigned page)
{
	struct area *area = &w->area[a];
	volatile uint64_t *at = area->memory + page * 512ul;
	/* A few words are enough to tell pages apart; the whole page now and then. */
	unsigned step = below(w, 16) ? 73 : 1;
	for (unsigned i = 0; i < 512; i += step) {
		uint64_t found = at[i];
		if (found != word_of(area->version[page], i))
			wrong(w, a, page, i, found);
	}
}

static void write_page(struct worker *w, unsigned a, unsigned page)
{
	struct area *area = &w->area[a];
	uint64_t version = next_random(w) | 1, *at = area->memory + page * 512ul;
	for (unsigned i = 0; i < 512; i++)
		at[i] = word_of(version, i);
	area->version[page] = version;
}

static void *map(unsigned long bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		unexpected(__LINE__);
	return memory;
}

/* MOST_PAGES at the start of a huge page, which the kernel may use here. */
static void *map_huge(void)
{
	char *memory = map(2 * HUGE + MOST_PAGES * PAGE);
	char *start = (char *)(((unsigned long)memory + HUGE - 1) & ~(HUGE - 1)), *end = start + MOST_PAGES * PAGE;
	if (start > memory)
		munmap(memory, (unsigned long)(start - memory));
	munmap(end, (unsigned long)(memory + 2 * HUGE + MOST_PAGES * PAGE - end));
	madvise(start, MOST_PAGES * PAGE, MADV_HUGEPAGE);
	return start;
}

static void make_area(struct worker *w, unsigned a)
{
	struct area *area = &w->area[a];
	int huge = below(w, 8) == 0;
	area->pages = huge ? MOST_PAGES : 1 + below(w, MOST_PAGES);
	void *memory = huge ? map_huge() : map(area->pages * PAGE);
	area->memory = memory;
	memset(area->version, 0, sizeof(area->version));
	for (unsigned i = 0; i < area->pages; i++)
		if (below(w, 4))
			write_page(w, a, i);
}

static void drop_area(struct worker *w, unsigned a)
{
	if (munmap(w->area[a].memory, w->area[a].pages * PAGE) < 0)
		unexpected(__LINE__);
	w->area[a].memory = NULL;
}

/* A random stretch of an area. */
static void stretch(struct worker *w, struct area *area, unsigned *first, unsigned *count)
{
	*first = below(w, area->pages);
	*count = 1 + below(w, area->pages - *first);
}

static void discard(struct worker *w, unsigned a)
{
	struct area *area = &w->area[a];
	unsigned first, count;
	stretch(w, area, &first, &count);
	if (madvise(area->memory + first * 512ul, count * PAGE, MADV_DONTNEED) < 0)
		unexpected(__LINE__);
	for (unsigned i = first; i < first + count; i++)
		area->version[i] = 0;
}

/* MADV_FREE: each page reads as before or as zeros until it is written again; so write it at once. */
static void free_and_write(struct worker *w, unsigned a)
{
	struct area *area = &w->area[a];
	unsigned first, count;
	stretch(w, area, &first, &count);
	if (madvise(area->memory + first * 512ul, count * PAGE, MADV_FREE) < 0)
		unexpected(__LINE__);
	for (unsigned i = first; i < first + count; i++)
		write_page(w, a, i);
}

static void move(struct worker *w, unsigned a)
{
	struct area *area = &w->area[a];
	unsigned pages = 1 + below(w, MOST_PAGES);
	if (unmoved)
		return;
	void *memory = mremap(area->memory, area->pages * PAGE, pages * PAGE, MREMAP_MAYMOVE);
	if (memory == MAP_FAILED) {
		if (errno == EFAULT || errno == ENOMEM)
			return; /* the area was split by mprotect: not one mapping any more */
		unexpected(__LINE__);
	}
	area->memory = memory;
	for (unsigned i = area->pages; i < pages; i++)
		area->version[i] = 0;
	area->pages = pages;
}

/* To a fixed place, over another area of the same thread. */
static void move_onto(struct worker *w, unsigned a)
{
	unsigned b = below(w, AREAS);
	struct area *from = &w->area[a], *to = &w->area[b];
	if (unmoved || a == b || !to->memory || to->pages < from->pages)
		return;
	void *target = to->memory;
	if (to->pages > from->pages)
		munmap(to->memory + from->pages * 512ul, (to->pages - from->pages) * PAGE);
	void *memory = mremap(from->memory, from->pages * PAGE, from->pages * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target);
	if (memory == MAP_FAILED) {
		/* Linux unmaps the target before it finds out that the source is not one mapping, and may have moved a part. */
		munmap(target, from->pages * PAGE);
		munmap(from->memory, from->pages * PAGE);
		to->memory = from->memory = NULL;
		return;
	}
	*to = *from;
	to->memory = memory;
	from->memory = NULL;
}

/* Pages move, the mapping stays behind and reads as zeros (what collectors do). */
static void move_leaving(struct worker *w, unsigned a)
{
#ifdef MREMAP_DONTUNMAP
	struct area *area = &w->area[a];
	unsigned b = below(w, AREAS);
	if (unmoved || w->area[b].memory)
		return;
	void *memory = mremap(area->memory, area->pages * PAGE, area->pages * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	if (memory == MAP_FAILED)
		return;
	w->area[b] = *area;
	w->area[b].memory = memory;
	memset(area->version, 0, sizeof(area->version));
#endif
}

static void protect(struct worker *w, unsigned a)
{
	struct area *area = &w->area[a];
	unsigned first, count;
	stretch(w, area, &first, &count);
	if (mprotect(area->memory + first * 512ul, count * PAGE, PROT_READ) < 0)
		return;
	for (unsigned i = 0; i < 8; i++)
		check_page(w, a, first + below(w, count));
	if (mprotect(area->memory + first * 512ul, count * PAGE, PROT_READ | PROT_WRITE) < 0)
		unexpected(__LINE__);
}

static void lock(struct worker *w, unsigned a)
{
	struct area *area = &w->area[a];
	unsigned first = below(w, area->pages), count = area->pages - first < 8 ? area->pages - first : 8;
	if (mlock(area->memory + first * 512ul, count * PAGE) < 0)
		return;
	check_page(w, a, first);
	write_page(w, a, first);
	munlock(area->memory + first * 512ul, count * PAGE);
}

/* The child sees exactly what the parent had at this moment, and its own writes only. */
static void fork_and_check(struct worker *w)
{
	/* The child's judge is its own, and shared memory again. */
	struct worker *own = mmap(NULL, sizeof(*own), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (own == MAP_FAILED)
		unexpected(__LINE__);
	*own = *w;
	pid_t pid = fork();
	if (pid == 0) {
		w = own;
		last_operation[w->number] = "fork (child)";
		for (unsigned i = 0; i < 200; i++) {
			unsigned a = below(w, AREAS);
			if (!w->area[a].memory)
				continue;
			unsigned page = below(w, w->area[a].pages);
			check_page(w, a, page);
			if (below(w, 3) == 0) {
				write_page(w, a, page);
				check_page(w, a, page);
			}
			if (below(w, 40) == 0) {
				last_operation[w->number] = "MADV_DONTNEED (child)";
				discard(w, a);
			}
			if (below(w, 40) == 0) {
				last_operation[w->number] = "mremap (child)";
				move(w, a);
			}
			if (below(w, 20) == 0)
				usleep(2000);
		}
		_exit(0);
	}
	munmap(own, sizeof(*own));
	if (pid < 0)
		return;
	for (unsigned i = 0; i < 20; i++) {
		unsigned a = below(w, AREAS);
		if (w->area[a].memory)
			write_page(w, a, below(w, w->area[a].pages));
	}
	int status;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		fprintf(stderr, "stress: a forked child ended with status %x\n", status);
		_exit(1);
	}
}

static void vfork_and_exec(void)
{
	pid_t pid = vfork();
	if (pid == 0) {
		execl("/bin/true", "true", (char *)NULL);
		_exit(127);
	}
	int status;
	if (pid > 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
}

static void fill_heap(struct worker *w, uint64_t *heap, uint64_t version, unsigned pages, int write)
{
	for (unsigned i = 0; i < pages * 512; i++) {
		if (write)
			heap[i] = word_of(version, i);
		else if (heap[i] != word_of(version, i)) {
			fprintf(stderr, "stress: heap word %u: %lx, should be %lx (brk)\n", i, (unsigned long)heap[i], (unsigned long)word_of(version, i));
			_exit(1);
		}
	}
	(void)w;
}

/* Grows the heap, gives half of it back and takes it again: that half must read as zeros. The heap is everybody's,
 * so only one thread does it. */
static void grow_and_shrink(struct worker *w)
{
	unsigned pages = 2 * (1 + below(w, 60));
	uint64_t version = next_random(w) | 1, *heap = sbrk(0);
	if (w->number != 0 || (unsigned long)heap % PAGE || sbrk((long)(pages * PAGE)) != (void *)heap)
		return;
	fill_heap(w, heap, version, pages, 1);
	usleep(below(w, 8000));
	fill_heap(w, heap, version, pages, 0);
	sbrk(-(long)(pages / 2 * PAGE));
	fill_heap(w, heap, version, pages / 2, 0);
	sbrk((long)(pages / 2 * PAGE));
	fill_heap(w, heap + pages / 2 * 512ul, 0, pages / 2, 0);
	usleep(below(w, 4000));
	fill_heap(w, heap, version, pages / 2, 0);
	sbrk(-(long)(pages * PAGE));
}

/* The kernel itself reads and writes the pages: system calls meet absent pages too. */
static void through_kernel(struct worker *w, unsigned a)
{
	struct area *area = &w->area[a];
	unsigned page = below(w, area->pages);
	int ends[2];
	if (pipe(ends) < 0)
		return;
	uint64_t copy[512];
	if (write(ends[1], area->memory + page * 512ul, PAGE) != PAGE || read(ends[0], copy, PAGE) != PAGE)
		unexpected(__LINE__);
	for (unsigned i = 0; i < 512; i++)
		if (copy[i] != word_of(area->version[page], i))
			wrong(w, a, page, i, copy[i]);
	uint64_t version = next_random(w) | 1;
	for (unsigned i = 0; i < 512; i++)
		copy[i] = word_of(version, i);
	unsigned target = below(w, area->pages);
	if (write(ends[1], copy, PAGE) != PAGE || read(ends[0], area->memory + target * 512ul, PAGE) != PAGE)
		unexpected(__LINE__);
	area->version[target] = version;
	check_page(w, a, target);
	close(ends[0]);
	close(ends[1]);
}

static void step(struct worker *w)
{
	unsigned a = below(w, AREAS), what = below(w, 1000);
	const char **last = &last_operation[w->number];
	w->operations++;
	if (!w->area[a].memory) {
		*last = "mmap";
		make_area(w, a);
		return;
	}
	unsigned page = below(w, w->area[a].pages);
	if (what < 450) {
		check_page(w, a, page);
	} else if (what < 750) {
		*last = "write";
		write_page(w, a, page);
	} else if (what < 800) {
		*last = "kernel copy";
		through_kernel(w, a);
	} else if (what < 840) {
		*last = "MADV_DONTNEED";
		discard(w, a);
	} else if (what < 860) {
		*last = "MADV_FREE";
		free_and_write(w, a);
	} else if (what < 890) {
		*last = "mremap";
		move(w, a);
	} else if (what < 905) {
		*last = "mremap fixed";
		move_onto(w, a);
	} else if (what < 915) {
		*last = "mremap dontunmap";
		move_leaving(w, a);
	} else if (what < 935) {
		*last = "mprotect";
		protect(w, a);
	} else if (what < 945) {
		*last = "mlock";
		lock(w, a);
	} else if (what < 970) {
		*last = "munmap";
		drop_area(w, a);
	} else if (what < 974) {
		*last = "fork";
		fork_and_check(w);
	} else if (what < 976) {
		*last = "vfork";
		vfork_and_exec();
	} else if (what < 980) {
		*last = "brk";
		grow_and_shrink(w);
	} else if (what < 982) {
		usleep(below(w, 20000));
	}
}

static void *work(void *argument)
{
	struct worker *w = argument;
	while (!stop)
		step(w);
	for (unsigned a = 0; a < AREAS; a++)
		for (unsigned page = 0; w->area[a].memory && page < w->area[a].pages; page++)
			check_page(w, a, page);
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned seconds = argc > 1 ? (unsigned)atoi(argv[1]) : 5;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL);
	unsigned threads = argc > 3 ? (unsigned)atoi(argv[3]) : 3;
	pthread_t thread[64];
	unmoved = argc > 4;
	struct worker *workers = mmap(NULL, threads * sizeof(*workers), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (workers == MAP_FAILED || threads > 64)
		return 2;
	for (unsigned i = 0; i < threads; i++) {
		workers[i].number = i;
		workers[i].random = (seed + i + 1) * 0x9e3779b97f4a7c15ull;
		last_operation[i] = "start";
		pthread_create(&thread[i], NULL, work, &workers[i]);
	}
	struct timespec end;
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += seconds;
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL);
	stop = 1;
	uint64_t operations = 0;
	for (unsigned i = 0; i < threads; i++) {
		pthread_join(thread[i], NULL);
		operations += workers[i].operations;
	}
	printf("equal after %lu operations (seed %lu)\n", (unsigned long)operations, (unsigned long)seed);
	return 0;
}
