/* SPDX-License-Identifier: Apache-2.0 */
#if defined(__x86_64__)
#pragma GCC target("avx2")
#define XXH_VECTOR 2 /* XXH_AVX2 */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "sum.h"

uint32_t fm_page_sum_avx2(const uint8_t *page)
{
	return (uint32_t)XXH3_64bits(page, 4096);
}
#endif
