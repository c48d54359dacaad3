/* SPDX-License-Identifier: Apache-2.0 */
#include "local_store.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "faasmem.h"

/* As the server: slots that were given up, but not told of yet, are not used again. */
#define SPARE_SLOTS 65536u

struct fm_local_store {
	pthread_mutex_t lock; /* used_pages, taken */
	uint64_t capacity_pages, used_pages, slots;
	uint8_t *data, *taken; /* taken: one byte a slot */
};

struct fm_local_store *fm_local_open(uint64_t capacity_bytes)
{
	uint64_t capacity = capacity_bytes / FM_PAGE_SIZE;
	if (!capacity || capacity > (UINT32_MAX - SPARE_SLOTS) / 2)
		return NULL;
	struct fm_local_store *store = calloc(1, sizeof(*store));
	if (!store)
		return NULL;
	store->capacity_pages = capacity;
	store->slots = capacity * 2 + SPARE_SLOTS;
	store->data = mmap(NULL, store->slots * FM_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	store->taken = mmap(NULL, store->slots, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (store->data == MAP_FAILED || store->taken == MAP_FAILED) {
		if (store->data != MAP_FAILED)
			munmap(store->data, store->slots * FM_PAGE_SIZE);
		if (store->taken != MAP_FAILED)
			munmap(store->taken, store->slots);
		free(store);
		return NULL;
	}
	madvise(store->data, store->slots * FM_PAGE_SIZE, MADV_DONTDUMP);
	madvise(store->data, store->slots * FM_PAGE_SIZE, MADV_HUGEPAGE); /* it saves no memory anyway */
	pthread_mutex_init(&store->lock, NULL);
	return store;
}

void fm_local_close(struct fm_local_store *store)
{
	munmap(store->data, store->slots * FM_PAGE_SIZE);
	munmap(store->taken, store->slots);
	pthread_mutex_destroy(&store->lock);
	free(store);
}

int fm_local_take(struct fm_local_store *store, const uint32_t *slot, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (slot[i] >= store->slots)
			return -1;
	pthread_mutex_lock(&store->lock);
	bool fits = store->used_pages + count <= store->capacity_pages;
	for (uint32_t i = 0; fits && i < count; i++)
		store->taken[slot[i]] = 1;
	store->used_pages += fits ? count : 0;
	pthread_mutex_unlock(&store->lock);
	return fits ? 0 : -1;
}

void fm_local_give(struct fm_local_store *store, const uint32_t *slot, uint32_t count)
{
	pthread_mutex_lock(&store->lock);
	for (uint32_t i = 0; i < count; i++) {
		store->used_pages -= store->taken[slot[i]];
		store->taken[slot[i]] = 0;
	}
	pthread_mutex_unlock(&store->lock);
}

uint8_t *fm_local_page(struct fm_local_store *store, uint32_t slot)
{
	return store->data + (uint64_t)slot * FM_PAGE_SIZE;
}

void fm_local_read(struct fm_local_store *store, const uint32_t *slot, uint32_t count, uint8_t *out)
{
	for (uint32_t i = 0; i < count; i++)
		memcpy(out + (size_t)i * FM_PAGE_SIZE, fm_local_page(store, slot[i]), FM_PAGE_SIZE);
}
