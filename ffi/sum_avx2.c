/* SPDX-License-Identifier: Apache-2.0 */
#if defined(__x86_64__)
#pragma GCC target("avx2")
#define XXH_VECTOR 2 /* XXH_AVX2 */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "sum.h"

struct fm_sum fm_page_sum_avx2(const uint8_t *page)
{
	XXH128_hash_t hash = XXH3_128bits(page, 4096);
	return (struct fm_sum){hash.low64, hash.high64};
}
#endif
