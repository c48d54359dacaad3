/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FM_SUM_H
#define FM_SUM_H

#include <stdbool.h>
#include <stdint.h>

/* Checksum of the 4096 bytes of a page (XXH3, 128 bits): pages with equal sums are taken to be equal. */
struct fm_sum {
	uint64_t low, high;
};

static inline bool fm_sum_equals(struct fm_sum a, struct fm_sum b)
{
	return a.low == b.low && a.high == b.high;
}

/* The same on every processor. */
struct fm_sum fm_page_sum(const uint8_t *page);
/* The same in AVX2; only where the processor has it. */
struct fm_sum fm_page_sum_avx2(const uint8_t *page);

#endif
