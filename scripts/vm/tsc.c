/* Prints how many thousand times a second this processor's counter of cycles counts (the rate in /proc/cpuinfo may be another one, of the moment). */
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

static unsigned long long now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ull + t.tv_nsec;
}

int main(void) {
  unsigned long long start = now_ns(), counted = __rdtsc(), ns;
  do ns = now_ns() - start;
  while (ns < 200000000);
  counted = __rdtsc() - counted;
  printf("%llu\n", counted * 1000000 / ns);
}
