/* SPDX-License-Identifier: Apache-2.0
 * Checksum of a page: XXH3, in the widest instructions that this processor has. */
#include "sum.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

static struct fm_sum sum_portable(const uint8_t *page)
{
	XXH128_hash_t hash = XXH3_128bits(page, 4096);
	return (struct fm_sum){hash.low64, hash.high64};
}

#if defined(__x86_64__)
struct fm_sum fm_page_sum(const uint8_t *page)
{
	static int wide = -1; /* the same answer whoever finds it first */
	int known = __atomic_load_n(&wide, __ATOMIC_RELAXED);
	if (known < 0) {
		known = __builtin_cpu_supports("avx2") != 0;
		__atomic_store_n(&wide, known, __ATOMIC_RELAXED);
	}
	return known ? fm_page_sum_avx2(page) : sum_portable(page);
}
#else
struct fm_sum fm_page_sum(const uint8_t *page)
{
	return sum_portable(page);
}
#endif
