/* SPDX-License-Identifier: Apache-2.0
 * Inside of the measuring program of `faasmem bench`: a process whose memory is moved away and comes back,
 * and the machine's own limits. It prints one line of JSON for each thing it was asked. */
#ifndef FM_BENCH_H
#define FM_BENCH_H

#include <stddef.h>
#include <stdint.h>

#define BENCH_PAGE 4096ul

uint64_t bench_ns(void);
/* Sorts in place and gives the quantile (0..1), nanoseconds as microseconds. */
double bench_quantile_us(uint64_t *ns, size_t count, double quantile);
/* Anonymous memory without huge pages, untouched. NULL: none left. */
uint8_t *bench_map(size_t bytes);
/* A page's content: half random words, half repeated, so that a compressing swap device has real work. */
void bench_fill(uint8_t *page, uint64_t seed);
/* Does the page hold what bench_fill wrote? */
int bench_is_intact(const uint8_t *page, uint64_t seed);

/* A process of this many MiB that does what its standard input says (see target.c). */
int bench_target(size_t mebibytes);
/* memcpy, process_vm_readv, loopback TCP, plain page faults. */
int bench_limits(void);
/* On every line of input: MADV_PAGEOUT of this many MiB to the swap that is on, and touching them again. */
int bench_swap(size_t mebibytes);
/* A program with a large array and a large table of small objects, run on every line of input. */
int bench_rerun(void);

#endif
