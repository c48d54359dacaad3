/* SPDX-License-Identifier: Apache-2.0
 * Page sets, page map and slots against simple models of themselves, with random operations; and events that are told though no
 * memory is left. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../engine.h"
#include "../page_map.h"
#include "../set.h"
#include "../slots.h"

static int failures;
static const char *current;

#define CHECK(what)                                                                          \
	do {                                                                                 \
		if (!(what)) {                                                               \
			fprintf(stderr, "%s: line %d: %s\n", current, __LINE__, #what);      \
			failures++;                                                          \
			return;                                                              \
		}                                                                            \
	} while (0)

#define UNIVERSE 500

static struct fm_set *random_set(unsigned char *model)
{
	struct fm_set_builder b;
	fm_builder_init(&b);
	memset(model, 0, UNIVERSE);
	for (int at = rand() % 20; at < UNIVERSE;) {
		int length = 1 + rand() % 30;
		for (int i = at; i < at + length && i < UNIVERSE; i++)
			model[i] = 1;
		fm_builder_add(&b, (uint64_t)at, (uint64_t)(at + length < UNIVERSE ? at + length : UNIVERSE));
		at += length + rand() % 25;
	}
	return fm_builder_finish(&b);
}

static int equals(const struct fm_set *set, const unsigned char *model)
{
	unsigned char seen[UNIVERSE] = {0};
	uint64_t pages = 0;
	for (size_t i = 0; i < set->count; i++) {
		if (set->range[i].start >= set->range[i].end || (i && set->range[i - 1].end >= set->range[i].start))
			return 0; /* not sorted, disjoint and joined */
		for (uint64_t page = set->range[i].start; page < set->range[i].end; page++, pages++)
			seen[page] = 1;
	}
	return pages == fm_set_pages(set) && memcmp(seen, model, UNIVERSE) == 0;
}

static void test_sets(void)
{
	for (int round = 0; round < 2000; round++) {
		unsigned char a[UNIVERSE], b[UNIVERSE], want[UNIVERSE];
		struct fm_set *x = random_set(a), *y = random_set(b), *z;
		z = fm_set_union(x, y);
		for (int i = 0; i < UNIVERSE; i++)
			want[i] = a[i] | b[i];
		CHECK(equals(z, want));
		fm_set_free(z);
		z = fm_set_subtract(x, y);
		for (int i = 0; i < UNIVERSE; i++)
			want[i] = a[i] & !b[i];
		CHECK(equals(z, want));
		fm_set_free(z);
		z = fm_set_intersect(x, y);
		for (int i = 0; i < UNIVERSE; i++)
			want[i] = a[i] & b[i];
		CHECK(equals(z, want));
		fm_set_free(z);
		uint64_t first = (uint64_t)(rand() % UNIVERSE), left = first;
		z = fm_set_first(x, first);
		for (int i = 0; i < UNIVERSE; i++)
			want[i] = a[i] && left ? (left--, 1) : 0;
		CHECK(equals(z, want));
		fm_set_free(z);
		uint64_t pairs[2 * UNIVERSE];
		fm_set_ranges(x, pairs);
		z = fm_set_of_ranges(pairs, fm_set_range_count(x));
		CHECK(z && equals(z, a));
		fm_set_free(z);
		fm_set_free(x);
		fm_set_free(y);
	}
}

static void test_set_of_pages(void)
{
	uint64_t pages[] = {9, 3, 4, 3, 100, 5, 8};
	struct fm_set *set = fm_set_of_pages(pages, sizeof(pages) / sizeof(pages[0]));
	CHECK(fm_set_pages(set) == 6 && set->count == 3);
	CHECK(set->range[0].start == 3 && set->range[0].end == 6);
	CHECK(set->range[1].start == 8 && set->range[1].end == 10);
	fm_set_free(set);
	set = fm_set_empty();
	CHECK(set && set->count == 0 && fm_set_pages(set) == 0);
	fm_set_free(set);
}

#define MAP_PAGES 20000

static uint64_t visited;

static void count_visit(void *context, uint64_t page, uint64_t entry)
{
	uint64_t *model = context;
	visited += model[page] == entry ? 1 : 1000000;
}

static void test_page_map(void)
{
	static uint64_t model[MAP_PAGES];
	struct fm_page_map map;
	fm_map_init(&map);
	memset(model, 0, sizeof(model));
	for (int i = 0; i < 300000; i++) {
		uint64_t page = (uint64_t)(rand() % MAP_PAGES);
		/* The same pages, but far apart: many chunks. */
		uint64_t value = rand() % 3 ? fm_entry_make(FM_STORED, (uint32_t)rand()) : 0;
		model[page] = value;
		CHECK(fm_map_set(&map, page, value) == 0);
		uint64_t other = (uint64_t)(rand() % MAP_PAGES);
		CHECK(fm_map_get(&map, other) == model[other]);
		if (i % 50000 == 0)
			fm_map_trim(&map);
	}
	for (int i = 0; i < 200; i++) {
		uint64_t first = (uint64_t)(rand() % MAP_PAGES), end = first + (uint64_t)(rand() % MAP_PAGES), want = 0;
		for (uint64_t page = first; page < end && page < MAP_PAGES; page++)
			want += model[page] != 0;
		visited = 0;
		fm_map_each(&map, first, end, count_visit, model);
		CHECK(visited == want);
	}
	visited = 0;
	fm_map_each(&map, 0, UINT64_MAX, count_visit, model);
	uint64_t all = 0;
	for (int i = 0; i < MAP_PAGES; i++)
		all += model[i] != 0;
	CHECK(visited == all);
	for (int i = 0; i < 2000; i++) {
		/* Emptier and emptier, with CLEAN entries, which belong to holes. */
		uint64_t from = (uint64_t)(rand() % MAP_PAGES), page = (uint64_t)(rand() % MAP_PAGES), first, end;
		for (uint64_t at = from; at < from + (uint64_t)(rand() % 300) && at < MAP_PAGES; at++) {
			model[at] = rand() % 4 ? 0 : fm_entry_make(FM_CLEAN, 7);
			fm_map_set(&map, at, model[at]);
		}
		if (model[page] && fm_entry_state(model[page]) != FM_CLEAN)
			continue;
		uint64_t low = page, high = page + 1;
		while (low && (!model[low - 1] || fm_entry_state(model[low - 1]) == FM_CLEAN))
			low--;
		while (high < MAP_PAGES && (!model[high] || fm_entry_state(model[high]) == FM_CLEAN))
			high++;
		fm_map_hole(&map, page, 1u << 20, &first, &end);
		CHECK(first == low && (end == high || (high == MAP_PAGES && end >= high)));
	}
	for (uint64_t page = 0; page < MAP_PAGES; page++)
		fm_map_set(&map, page, 0);
	fm_map_trim(&map);
	CHECK(map.chunks == 0);
	fm_map_clear(&map);
}

static void test_slots(void)
{
	static uint32_t held[50000];
	uint32_t count = 0, out[64];
	struct fm_slots slots;
	fm_slots_init(&slots);
	for (int i = 0; i < 200000; i++) {
		if (count < 50000 && rand() % 2) {
			uint32_t slot = fm_slots_take(&slots);
			CHECK(slot != FM_NO_SLOT && slots.refs[slot] == 1);
			held[count++] = slot;
		} else if (count) {
			uint32_t pick = (uint32_t)rand() % count;
			CHECK(fm_slots_ref(&slots, held[pick]) == 0);
			fm_slots_unref(&slots, held[pick]);
			CHECK(slots.refs[held[pick]] == 1);
			fm_slots_unref(&slots, held[pick]);
			held[pick] = held[--count];
		}
		if (i % 100 == 0)
			while (fm_slots_flush(&slots, out, 64))
				;
	}
	while (count)
		fm_slots_unref(&slots, held[--count]);
	while (fm_slots_flush(&slots, out, 64))
		;
	CHECK(slots.free_count == slots.used);
	fm_slots_clear(&slots);
}

static int no_memory;
void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size)
{
	return no_memory ? NULL : __real_realloc(old, size);
}

/* Nobody reads: what the pipe does not take must have its place already. */
static void test_events(void)
{
	enum { OPERATIONS = 500 };
	static struct fm_engine engine;
	struct fm_event event;
	CHECK(pipe2(engine.event_pipe, O_NONBLOCK) == 0 && fcntl(engine.event_pipe[1], F_SETPIPE_SZ, 4096) == 4096);
	uint64_t told = 0, promised = 0;
	for (int i = 0; i < OPERATIONS; i++)
		promised += fm_emit_promise(&engine, 1);
	CHECK(promised == OPERATIONS);
	no_memory = 1;
	while (fm_emit_promise(&engine, 1)) /* what was allocated beyond that */
		promised++;
	for (uint64_t op = 1; op <= promised; op++)
		fm_emit(&engine, &(struct fm_event){.op = op});
	for (; read(engine.event_pipe[0], &event, sizeof(event)) == sizeof(event); fm_emit_flush(&engine))
		CHECK(event.op == ++told);
	no_memory = 0;
	CHECK(told == promised && engine.promised == 0);
	free(engine.overflow);
	close(engine.event_pipe[0]);
	close(engine.event_pipe[1]);
}

int main(void)
{
	struct {
		const char *name;
		void (*run)(void);
	} tests[] = {{"page sets", test_sets}, {"page set of pages", test_set_of_pages}, {"page map", test_page_map}, {"slots", test_slots}, {"events", test_events}};
	int bad = 0, total = sizeof(tests) / sizeof(tests[0]);
	srand(1);
	for (int i = 0; i < total; i++) {
		int before = failures;
		current = tests[i].name;
		tests[i].run();
		printf("%s %s\n", failures == before ? "ok  " : "FAIL", current);
		bad += failures != before;
	}
	return bad;
}
