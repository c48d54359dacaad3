/* SPDX-License-Identifier: Apache-2.0
 * A store in the engine's own process instead of a memory server: what the engine can do when no network is in its
 * way. Slots are the same as a server's. */
#ifndef FM_LOCAL_STORE_H
#define FM_LOCAL_STORE_H

#include <stdint.h>

struct fm_local_store;

/* NULL: out of memory, or a capacity out of range. */
struct fm_local_store *fm_local_open(uint64_t capacity_bytes);
void fm_local_close(struct fm_local_store *store);
/* Marks slots as taken; -1: there is no room for them, and nothing has changed. */
int fm_local_take(struct fm_local_store *store, const uint32_t *slot, uint32_t count);
/* Gives slots up, before they are used anew; those that never were written count for nothing. Their memory stays for the next. */
void fm_local_give(struct fm_local_store *store, const uint32_t *slot, uint32_t count);
/* A slot's page. Who reads it holds a reference to the slot (slots.h); who writes it has taken the slot anew: the two
 * never meet, and the queues between their threads order them. */
uint8_t *fm_local_page(struct fm_local_store *store, uint32_t slot);
/* Copies the pages of slots, one after the other. */
void fm_local_read(struct fm_local_store *store, const uint32_t *slot, uint32_t count, uint8_t *out);

#endif
