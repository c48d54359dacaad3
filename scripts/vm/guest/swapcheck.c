/*
 * Checks that swapped memory comes back as it was, and measures how fast.
 *
 *   swapcheck check MIB OPS [order=random|sequential] [kind=anon|huge|shared|forked] [threads=N] [seed=N]
 *       Every page holds words made of its number and version. OPS times: a page is read and compared in full, and every
 *       second time written in its next version. 'shared' is memory of tmpfs, 'huge' asks for huge pages, 'forked' has a
 *       child read everything again meanwhile. Prints ops=, mismatches=, faults= (major), seconds=.
 *   swapcheck touch MIB ROUNDS [order=...]
 *       Reads one word of every page, ROUNDS times over, in that order. Prints touches=, faults=, seconds=, system= (seconds
 *       in the kernel). below=BYTES: every 4 MiB it waits, 10 s at most, until its cgroup has no more than that.
 *   swapcheck recall MIB ROUNDS [order=...]
 *       ROUNDS times: all pages out by MADV_PAGEOUT (not timed), then one word of each read. Prints the same.
 *   swapcheck hold MIB
 *       Fills, gives all of it back by MADV_PAGEOUT, prints 'ready', waits for a line, touches every page, checks it.
 *   swapcheck stay MIB
 *       The same without giving anything back: somebody else does.
 *
 * Exit code: 0, 1 if a word was wrong, 2 for wrong usage or no memory. A SIGBUS ends it as it would end any program.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096u
#define WORDS (PAGE / 8)
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

static uint8_t *memory;
static uint32_t *versions; /* of each page; locked in memory */
static size_t pages;
static long operations;
static int sequential;
static unsigned threads = 1, seed = 1;
static atomic_long mismatches;

static void die(const char *what) {
  fprintf(stderr, "swapcheck: %s: %s\n", what, strerror(errno));
  exit(2);
}

static uint64_t mix(uint64_t x) { /* splitmix64's finisher */
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9ull;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebull;
  return x ^ x >> 31;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void usage_of(long *faults, double *system_seconds) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  *faults = u.ru_majflt;
  *system_seconds = u.ru_stime.tv_sec + u.ru_stime.tv_usec / 1e6;
}

static uint64_t *page_at(size_t n) { return (uint64_t *)(memory + n * PAGE); }

static void fill(size_t n, uint32_t version) {
  uint64_t word = mix((uint64_t)n << 32 | version), *to = page_at(n);
  for (unsigned i = 0; i < WORDS; i++) to[i] = word + i;
  versions[n] = version;
}

static void compare(size_t n, const char *who) {
  uint64_t word = mix((uint64_t)n << 32 | versions[n]), *from = page_at(n);
  for (unsigned i = 0; i < WORDS; i++)
    if (from[i] != word + i) {
      if (atomic_fetch_add(&mismatches, 1) < 5)
        fprintf(stderr, "swapcheck: %s: page %zu version %u word %u is %016llx instead of %016llx\n", who, n, versions[n], i,
                (unsigned long long)from[i], (unsigned long long)(word + i));
      return;
    }
}

/* Thread t has pages t, t + threads, ... for itself. */
static void *work(void *argument) {
  size_t t = (size_t)argument, own = (pages - t + threads - 1) / threads, next = 0;
  uint64_t random = mix(seed * 1000003ull + t + 1);
  for (long i = 0; i < operations / threads; i++) {
    random = mix(random + 0x9e3779b97f4a7c15ull);
    size_t k = sequential ? next++ % own : random % own, n = t + k * threads;
    compare(n, "check");
    if (sequential ? (i / own) % 2 == 0 : random >> 63) fill(n, versions[n] + 1);
  }
  return NULL;
}

static void *map(size_t bytes, int flags) {
  void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) die("mmap");
  return at;
}

static int check(const char *kind) {
  pthread_t thread[64];
  double start, seconds, system_seconds;
  long faults, before;
  pid_t child = 0;
  versions = map(pages * sizeof(*versions), MAP_PRIVATE | MAP_ANONYMOUS);
  memory = map(pages * PAGE + (2 << 20), (strcmp(kind, "shared") ? MAP_PRIVATE : MAP_SHARED) | MAP_ANONYMOUS);
  memory += -(uintptr_t)memory & ((2 << 20) - 1);
  madvise(memory, pages * PAGE, strcmp(kind, "huge") ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
  for (size_t n = 0; n < pages; n++) fill(n, 1);
  if (mlock(versions, pages * sizeof(*versions))) die("mlock");
  if (!strcmp(kind, "forked")) { /* swap entries with two users, and copies made of swapped pages */
    child = fork();
    if (child < 0) die("fork");
    if (!child) {
      for (int round = 0; round < 3; round++)
        for (size_t n = 0; n < pages; n++) compare(n, "child");
      for (size_t n = 0; n < pages; n += 2) fill(n, 7);
      for (size_t n = 0; n < pages; n++) compare(n, "child");
      _exit(mismatches != 0);
    }
  }
  usage_of(&before, &system_seconds);
  start = now();
  for (size_t t = 0; t < threads; t++)
    if (pthread_create(&thread[t], NULL, work, (void *)t)) die("pthread_create");
  for (size_t t = 0; t < threads; t++) pthread_join(thread[t], NULL);
  seconds = now() - start;
  usage_of(&faults, &system_seconds);
  for (size_t n = 0; n < pages; n++) compare(n, "end");
  if (child) {
    int status;
    waitpid(child, &status, 0);
    if (status) mismatches++;
  }
  printf("ops=%ld mismatches=%ld faults=%ld seconds=%.2f\n", operations, (long)mismatches, faults - before, seconds);
  return mismatches != 0;
}

static size_t *shuffled(void) {
  size_t *order = map(pages * sizeof(*order), MAP_PRIVATE | MAP_ANONYMOUS);
  uint64_t random = mix(seed);
  for (size_t n = 0; n < pages; n++) order[n] = n;
  for (size_t n = pages - 1; n > 0 && !sequential; n--) {
    random = mix(random + 0x9e3779b97f4a7c15ull);
    size_t other = random % (n + 1), swap = order[n];
    order[n] = order[other];
    order[other] = swap;
  }
  if (mlock(order, pages * sizeof(*order))) die("mlock");
  return order;
}

static long below; /* bytes, or 0 */
static FILE *current; /* memory.current of the cgroup */

static void let_reclaim(size_t touched) {
  long bytes;
  if (!below || touched % 1024) return;
  for (int i = 0; i < 10000; i++) {
    rewind(current);
    fflush(current); /* what was read before is not what is there now */
    if (fscanf(current, "%ld", &bytes) != 1) die("memory.current");
    if (bytes <= below) return;
    usleep(1000);
  }
}

static void open_current(void) {
  char line[256], path[512];
  FILE *own = fopen("/proc/self/cgroup", "r");
  if (!own) die("/proc/self/cgroup");
  do
    if (!fgets(line, sizeof(line), own)) die("/proc/self/cgroup");
  while (strncmp(line, "0::", 3));
  line[strcspn(line, "\n")] = 0;
  snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.current", line + 3);
  current = fopen(path, "r");
  if (!current) die(path);
  setvbuf(current, NULL, _IONBF, 0);
  fclose(own);
}

static int touch(int page_out) {
  size_t *order = shuffled();
  double start, seconds = 0, before_system, system_seconds, in_system = 0;
  long before, faults, majors = 0, wrong = 0;
  memory = map(pages * PAGE, MAP_PRIVATE | MAP_ANONYMOUS);
  madvise(memory, pages * PAGE, MADV_NOHUGEPAGE);
  if (below) open_current();
  for (size_t n = 0; n < pages; n++) {
    *page_at(n) = n + 1;
    let_reclaim(n);
  }
  for (long round = 0; round < operations; round++) {
    if (page_out && madvise(memory, pages * PAGE, MADV_PAGEOUT)) die("MADV_PAGEOUT");
    usage_of(&before, &before_system);
    start = now();
    for (size_t n = 0; n < pages; n++) {
      wrong += *page_at(order[n]) != order[n] + 1;
      let_reclaim(n);
    }
    seconds += now() - start;
    usage_of(&faults, &system_seconds);
    majors += faults - before;
    in_system += system_seconds - before_system;
  }
  printf("touches=%ld mismatches=%ld faults=%ld seconds=%.3f system=%.3f\n", operations * (long)pages, wrong, majors, seconds,
         in_system);
  return wrong != 0;
}

static int hold(int page_out) {
  char line[16];
  versions = map(pages * sizeof(*versions), MAP_PRIVATE | MAP_ANONYMOUS);
  memory = map(pages * PAGE, MAP_PRIVATE | MAP_ANONYMOUS);
  madvise(memory, pages * PAGE, MADV_NOHUGEPAGE);
  for (size_t n = 0; n < pages; n++) fill(n, 1);
  if (mlock(versions, pages * sizeof(*versions))) die("mlock");
  if (page_out && madvise(memory, pages * PAGE, MADV_PAGEOUT)) die("MADV_PAGEOUT");
  puts("ready");
  fflush(stdout);
  if (!fgets(line, sizeof(line), stdin)) die("stdin");
  for (size_t n = 0; n < pages; n++) compare(n, "hold");
  printf("pages=%zu mismatches=%ld\n", pages, (long)mismatches);
  return mismatches != 0;
}

int main(int count, char **arguments) {
  const char *mode = count > 1 ? arguments[1] : "", *kind = "anon";
  if (count < 3 || (count < 4 && strcmp(mode, "hold") && strcmp(mode, "stay"))) {
    fprintf(stderr, "usage: swapcheck check|touch|recall MIB OPS|ROUNDS [order=] [kind=] [threads=] [seed=] | hold|stay MIB\n");
    return 2;
  }
  pages = (size_t)atol(arguments[2]) << 8;
  operations = count > 3 ? atol(arguments[3]) : 0;
  for (int i = 4; i < count; i++) {
    char *a = arguments[i];
    if (!strncmp(a, "order=", 6)) sequential = !strcmp(a + 6, "sequential");
    else if (!strncmp(a, "kind=", 5)) kind = a + 5;
    else if (!strncmp(a, "threads=", 8)) threads = atoi(a + 8);
    else if (!strncmp(a, "seed=", 5)) seed = atoi(a + 5);
    else if (!strncmp(a, "below=", 6)) below = atol(a + 6);
    else return fprintf(stderr, "swapcheck: unknown argument %s\n", a), 2;
  }
  if (!pages || threads < 1 || threads > 64) return fprintf(stderr, "swapcheck: MIB at least 1, threads 1 to 64\n"), 2;
  if (!strcmp(mode, "check")) return check(kind);
  if (!strcmp(mode, "touch")) return touch(0);
  if (!strcmp(mode, "recall")) return touch(1);
  if (!strcmp(mode, "hold")) return hold(1);
  if (!strcmp(mode, "stay")) return hold(0);
  fprintf(stderr, "swapcheck: unknown mode %s\n", mode);
  return 2;
}
