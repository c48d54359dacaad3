/* SPDX-License-Identifier: Apache-2.0
 * Slots: which 4 KiB places in the memory server this engine uses, how many page-map entries and fetches
 * refer to each, and the checksum of what was written there. Pager thread only. */
#ifndef FM_SLOTS_H
#define FM_SLOTS_H

#include <stddef.h>
#include <stdint.h>

#include "sum.h"

#define FM_NO_SLOT UINT32_MAX

struct fm_slots {
	uint32_t *free_list;
	uint32_t free_count;
	uint32_t used, capacity; /* `used`: first never-used slot */
	struct fm_sum *sum;
	uint16_t *refs;
	/* Slots whose last reference went: to be told to the server, then free again. */
	uint32_t *released;
	uint32_t released_count;
};

void fm_slots_init(struct fm_slots *s);
void fm_slots_clear(struct fm_slots *s);
/* A slot with one reference, or FM_NO_SLOT when memory lacks. */
uint32_t fm_slots_take(struct fm_slots *s);
/* One more reference; -1 when the counter is full. */
int fm_slots_ref(struct fm_slots *s, uint32_t slot);
void fm_slots_unref(struct fm_slots *s, uint32_t slot);
/* Moves up to `most` released slots to `out` and makes them free for reuse: the caller sends them to the
 * server before any later write on the same connection. */
uint32_t fm_slots_flush(struct fm_slots *s, uint32_t *out, uint32_t most);

#endif
