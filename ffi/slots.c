/* SPDX-License-Identifier: Apache-2.0 */
#include "slots.h"

#include <stdlib.h>
#include <string.h>

void fm_slots_init(struct fm_slots *s)
{
	memset(s, 0, sizeof(*s));
}

void fm_slots_clear(struct fm_slots *s)
{
	free(s->free_list);
	free(s->sum);
	free(s->refs);
	free(s->released);
	fm_slots_init(s);
}

static int resize(void *array, size_t count, size_t size)
{
	void **place = array;
	void *grown = realloc(*place, count * size);
	if (!grown)
		return -1;
	*place = grown;
	return 0;
}

/* All arrays grow together, so that giving a slot back never needs memory. */
static int grow(struct fm_slots *s)
{
	uint32_t capacity = s->capacity ? s->capacity * 2 : 4096;
	if (capacity <= s->capacity)
		return -1;
	if (resize(&s->free_list, capacity, sizeof(uint32_t)) < 0 || resize(&s->sum, capacity, sizeof(struct fm_sum)) < 0 ||
	    resize(&s->refs, capacity, sizeof(uint16_t)) < 0 || resize(&s->released, capacity, sizeof(uint32_t)) < 0)
		return -1;
	s->capacity = capacity;
	return 0;
}

uint32_t fm_slots_take(struct fm_slots *s)
{
	uint32_t slot;
	if (s->free_count) {
		slot = s->free_list[--s->free_count];
	} else {
		if (s->used == s->capacity && grow(s) < 0)
			return FM_NO_SLOT;
		slot = s->used++;
	}
	s->refs[slot] = 1;
	return slot;
}

int fm_slots_ref(struct fm_slots *s, uint32_t slot)
{
	if (s->refs[slot] == UINT16_MAX)
		return -1;
	s->refs[slot]++;
	return 0;
}

void fm_slots_unref(struct fm_slots *s, uint32_t slot)
{
	if (--s->refs[slot] == 0)
		s->released[s->released_count++] = slot;
}

uint32_t fm_slots_flush(struct fm_slots *s, uint32_t *out, uint32_t most)
{
	uint32_t count = s->released_count < most ? s->released_count : most;
	s->released_count -= count;
	memcpy(out, s->released + s->released_count, count * sizeof(*out));
	memcpy(s->free_list + s->free_count, out, count * sizeof(*out));
	s->free_count += count;
	return count;
}
