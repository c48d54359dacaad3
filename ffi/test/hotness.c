/* SPDX-License-Identifier: Apache-2.0
 * Page table walks over made-up tables of every format, generations as kernels show them, and both damaged. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../faasmem.h"
#include "../hotness/btf.h"
#include "../hotness/mglru.h"
#include "../hotness/page_table.h"

#define BASE 0xffff888000000000ull
#define TABLES 64
#define ENTRIES 512

static uint64_t table[TABLES][ENTRIES];
static unsigned used;

/* As the kernel reader does it: what is not there reads as zeros. */
static const uint64_t *read_tables(void *context, const uint64_t *address, uint32_t count)
{
	uint64_t *out = context;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t number = (address[i] - BASE) / 4096 - 1;
		if (address[i] > BASE && number < TABLES)
			memcpy(out + (size_t)i * ENTRIES, table[number], 4096);
		else
			memset(out + (size_t)i * ENTRIES, 0, 4096);
	}
	return out;
}

/* Physical address of a new table: the first one is at frame 1. */
static uint64_t new_table(void)
{
	return used < TABLES ? (uint64_t)(++used) * 4096 : 0;
}

/* Entries beside the address: bits that must not be mistaken for it, among them "no execute". */
static uint64_t leads_to(const struct fm_table_format *f, uint64_t physical)
{
	return physical | f->present | (f->leaf == 1 ? 2 : 0) | 1ull << 63;
}

static uint64_t *entry_of(const struct fm_table_format *f, uint64_t page, unsigned stop)
{
	uint64_t physical = 4096;
	for (unsigned depth = 0;; depth++) {
		uint64_t span = 1ull << ((f->levels - 1 - depth) * 9);
		uint64_t *entry = &table[physical / 4096 - 1][page / span % ENTRIES];
		if (depth == stop)
			return entry;
		if (!*entry) {
			uint64_t made = new_table();
			if (!made)
				return NULL;
			*entry = leads_to(f, made);
		}
		physical = *entry & f->address;
	}
}

static int check_format(const struct fm_table_format *f, unsigned seed)
{
	static uint64_t out[ENTRIES * 4];
	uint64_t page[600];
	size_t pages = 0;
	struct fm_set_builder want;
	memset(table, 0, sizeof(table));
	used = 0;
	srand(seed);
	fm_builder_init(&want);
	new_table();
	/* Small pages in three places, ascending; one large page between the second and the third. */
	const uint64_t start[] = {0x400, 0x7f00 << 9, 0x7f80 << 9}, large = 0x7f40 << 9;
	struct fm_range range[] = {{start[0], start[0] + 512}, {start[1] + 10, start[1] + 700}, {large + 100, large + 200}, {start[2], start[2] + 40}};
	for (int place = 0; place < 3; place++) {
		if (place == 2) {
			uint64_t *entry = entry_of(f, large, f->levels - 2);
			*entry = 0x40000000 | f->leaf | f->present | f->accessed;
			fm_builder_add(&want, large + 100, large + 200);
		}
		for (uint64_t i = 0; i < 800; i += 1 + (uint64_t)rand() % 5) {
			uint64_t *entry = entry_of(f, start[place] + i, f->levels - 1);
			if (!entry)
				return -1;
			int present = rand() % 4 != 0, accessed = rand() % 2;
			*entry = ((uint64_t)(rand() % 0xffffff + 100) << 12) | (present ? f->present | 2 : 0) | (accessed ? f->accessed : 0);
			uint64_t at = start[place] + i;
			for (size_t r = 0; present && accessed && r < 4; r++)
				if (at >= range[r].start && at < range[r].end)
					fm_builder_add(&want, at, at + 1);
			if (present && pages < 600)
				page[pages++] = at;
		}
	}
	int status;
	for (uint32_t most = 1; most <= 4; most++) {
		struct fm_table_walk walk = {f, BASE, BASE + 4096, read_tables, out, most};
		struct fm_set *found = fm_table_touched(&walk, range, 4, &status);
		if (!found || found->pages != want.set->pages || found->count != want.set->count ||
		    memcmp(found->range, want.set->range, found->count * sizeof(struct fm_range)) != 0) {
			fprintf(stderr, "%s: %llu pages found, %llu wanted\n", f->name, found ? (unsigned long long)found->pages : 0,
				(unsigned long long)want.set->pages);
			return -1;
		}
		fm_set_free(found);
		for (size_t i = 0; i < pages; i++) {
			uint64_t frame;
			if (!fm_table_physical(&walk, page[i], &frame) || frame != (*entry_of(f, page[i], f->levels - 1) & f->address) / 4096)
				return -1;
		}
		uint64_t frame;
		if (!fm_table_physical(&walk, large + 7, &frame) || frame != 0x40000000 / 4096 + 7)
			return -1;
	}
	free(want.set);
	return 0;
}

static int check_btf(void)
{
	struct fm_btf btf;
	if (fm_btf_load(&btf) < 0) {
		fprintf(stderr, "this kernel shows no type information: not verified\n");
		return 0;
	}
	if (fm_btf_member(&btf, "task_struct", "mm") <= 0 || fm_btf_member(&btf, "mm_struct", "pgd") <= 0 ||
	    fm_btf_member(&btf, "mm_struct", "no such member") != -1 || fm_btf_member(&btf, "no_such_struct", "pgd") != -1 ||
	    fm_btf_function(&btf, "bpf_task_from_pid") <= 0 || fm_btf_function(&btf, "no such function") != -1)
		return -1;
	/* Damaged in any way it is refused or gives some answer, and reads nothing outside of itself. */
	for (int round = 0; round < 60; round++) {
		size_t length = round % 2 ? btf.length : (size_t)rand() % btf.length;
		uint8_t *copy = malloc(length ? length : 1);
		struct fm_btf damaged;
		if (!copy)
			return -1;
		memcpy(copy, btf.data, length);
		for (int i = 0; i < 200 && length; i++)
			copy[i < 12 && round % 3 == 0 ? (size_t)rand() % (length < 24 ? length : 24) : (size_t)rand() % length] = (uint8_t)rand();
		if (round % 5 && length > 2)
			copy[0] = btf.data[0], copy[1] = btf.data[1];
		if (fm_btf_parse(&damaged, copy, length) == 0) {
			fm_btf_member(&damaged, "task_struct", "mm");
			fm_btf_member(&damaged, "mm_struct", "pgd");
		}
		fm_btf_free(&damaged);
	}
	fm_btf_free(&btf);
	return 0;
}

/* As Debian's Linux 6.1 shows it; the first group of this path has been removed, and a machine has two memory nodes. */
static const char generations[] =
	"memcg     1 /\n"
	" node     0\n"
	"          0       3608          0           0 \n"
	"          1       3608          0           1 \n"
	"          2       3608        470           0 \n"
	"          3       3608        568           0 \n"
	"memcg     3 /faasmem-7/web-1\n"
	" node     0\n"
	"          9         88          0           0 \n"
	"         10         80          0           0 \n"
	"memcg    12 /faasmem-7/web-1\n"
	" node     0\n"
	"          4       2756       3061x          0 \n"
	"          5        188       5119           7 \n"
	" node     3\n"
	"          0       2756         11           0 \n"
	"          1        188         22           0 \n"
	"          2         18         33           0 \n"
	"memcg    13 /faasmem-7/web-10\n"
	" node     0\n"
	"          0         18          1           1 \n";

static int check_generations(void)
{
	struct fm_mglru_group group;
	char path[64];
	if (fm_mglru_parse(generations, "/faasmem-7/web-1", &group) != 0 || group.memcg != 12 || group.nodes != 2)
		return -1;
	const struct fm_mglru_node *first = &group.node[0], *second = &group.node[1];
	if (first->node != 0 || first->generations != 2 || first->generation[0].sequence != 4 || first->generation[0].anonymous != 3061 ||
	    first->generation[1].age_ms != 188 || first->generation[1].file != 7)
		return -1;
	if (second->node != 3 || second->generations != 3 || second->generation[2].sequence != 2 || second->generation[2].anonymous != 33)
		return -1;
	if (fm_mglru_parse(generations, "/faasmem-7/web", &group) == 0 || fm_mglru_parse("", "/", &group) == 0 ||
	    fm_mglru_parse("memcg 1 /\n node 0\n", "/", &group) == 0 || fm_mglru_parse("memcg 1 /\n node 0\n what?\n", "/", &group) == 0)
		return -1;
	/* Damaged text is refused or read, and nothing outside of it. */
	srand(7);
	for (int round = 0; round < 20000; round++) {
		char *copy = strdup(generations);
		for (int i = 0; copy && i < 3; i++)
			copy[(size_t)rand() % sizeof(generations)] = (char)(rand() % 3 ? rand() % 96 + 32 : '\n');
		if (!copy)
			return -1;
		copy[sizeof(generations) - 1] = 0;
		fm_mglru_parse(copy, "/faasmem-7/web-1", &group);
		free(copy);
	}
	static const struct {
		const char *text, *path;
	} groups[] = {
		{"0::/user.slice/a\n", "/user.slice/a"},
		{"5:pids:/p\n4:memory:/faasmem-7/web-1\n0::/\n", "/faasmem-7/web-1"},
		{"4:cpu,memory:/both\n1:name=systemd:/s\n", "/both"},
		{"2:name=systemd,x:/s\n0::/unified\n", "/unified"},
	};
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (fm_mglru_path(groups[i].text, path, sizeof(path)) != 0 || strcmp(path, groups[i].path) != 0)
			return -1;
	return fm_mglru_path("1:name=systemd:/s\n", path, sizeof(path)) == -1 && fm_mglru_path("0::/long\n", path, 3) == -1 ? 0 : -1;
}

/* What a look costs: less than reading a page from a disk, and its child is gone. */
static int check_look_cost(void)
{
	uint64_t ns = UINT64_MAX;
	int32_t status = fm_look_cost(&ns);
	if (status != FM_OK && !(status == FM_ERR_PERMISSION && geteuid() != 0))
		return -1;
	return ns < 1000000 && waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD ? 0 : -1;
}

int main(void)
{
	const struct fm_table_format *formats[] = {&fm_x86_64, &fm_x86_64_la57, &fm_arm64_48, &fm_arm64_39};
	int bad = 0;
	for (size_t f = 0; f < 4; f++)
		for (unsigned seed = 1; seed <= 20; seed++)
			bad += check_format(formats[f], seed) != 0;
	bad += check_btf() != 0;
	bad += check_generations() != 0;
	bad += check_look_cost() != 0;
	printf("%d failed\n", bad);
	return bad != 0;
}
