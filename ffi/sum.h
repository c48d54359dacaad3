/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FM_SUM_H
#define FM_SUM_H

#include <stdint.h>

/* Checksum of the 4096 bytes of a page; the same on every processor. */
uint32_t fm_page_sum(const uint8_t *page);
/* The same in AVX2; only where the processor has it. */
uint32_t fm_page_sum_avx2(const uint8_t *page);

#endif
