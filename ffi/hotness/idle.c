/* SPDX-License-Identifier: Apache-2.0
 * The tracker for kernels with CONFIG_IDLE_PAGE_TRACKING: a bitmap by page frame
 * (Documentation/admin-guide/mm/idle_page_tracking.rst). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "tracker.h"

#define BITMAP "/sys/kernel/mm/page_idle/bitmap"
#define WORDS 4096u

struct idle {
	struct fm_tracker tracker;
	int bitmap;
};

/* Does `each` for every resident page of the ranges, with its frame. */
static int each_page(pid_t pid, const struct fm_range *range, size_t ranges,
		     int (*each)(void *context, uint64_t page, uint64_t frame), void *context)
{
	static _Thread_local uint64_t word[WORDS];
	int pagemap = fm_proc_open(pid, "pagemap", O_RDONLY), status = FM_OK;
	if (pagemap < 0)
		return FM_ERR_NO_SPACE;
	for (size_t i = 0; i < ranges && status == FM_OK; i++) {
		for (uint64_t at = range[i].start; at < range[i].end && status == FM_OK;) {
			uint64_t want = range[i].end - at < WORDS ? range[i].end - at : WORDS;
			ssize_t got = pread(pagemap, word, want * sizeof(word[0]), (off_t)(at * sizeof(word[0])));
			if (got < (ssize_t)sizeof(word[0]))
				break;
			for (uint64_t k = 0; k < (uint64_t)got / sizeof(word[0]) && status == FM_OK; k++) {
				uint64_t frame = word[k] & ((1ull << 55) - 1);
				if (word[k] >> 63 && frame)
					status = each(context, at + k, frame);
			}
			at += (uint64_t)got / sizeof(word[0]);
		}
	}
	close(pagemap);
	return status;
}

/* Set bits mark pages as idle; clear ones are left as they are. */
static int mark(void *context, uint64_t page, uint64_t frame)
{
	(void)page;
	uint64_t word = 1ull << frame % 64;
	ssize_t wrote = pwrite(((struct idle *)context)->bitmap, &word, sizeof(word), (off_t)(frame / 64 * 8));
	return wrote == sizeof(word) ? FM_OK : FM_ERR_SYSTEM;
}

static int clear(struct fm_tracker *tracker, pid_t pid)
{
	struct fm_range *mapping;
	size_t count;
	int status = fm_scan_mappings(pid, 0, 0, &mapping, &count);
	if (status != FM_OK)
		return status;
	status = each_page(pid, mapping, count, mark, tracker);
	free(mapping);
	return status;
}

struct reading {
	struct idle *idle;
	struct fm_set_builder touched;
};

static int ask(void *context, uint64_t page, uint64_t frame)
{
	struct reading *reading = context;
	uint64_t word;
	if (pread(reading->idle->bitmap, &word, sizeof(word), (off_t)(frame / 64 * 8)) != sizeof(word))
		return FM_ERR_SYSTEM;
	if (!(word >> frame % 64 & 1))
		fm_builder_add(&reading->touched, page, page + 1);
	return FM_OK;
}

static struct fm_set *touched(struct fm_tracker *tracker, pid_t pid, const struct fm_range *range, size_t ranges, int *status)
{
	struct reading reading = {.idle = (struct idle *)tracker};
	fm_builder_init(&reading.touched);
	*status = each_page(pid, range, ranges, ask, &reading);
	struct fm_set *set = fm_builder_finish(&reading.touched);
	if (!set && *status == FM_OK)
		*status = FM_ERR_NOMEM;
	if (*status == FM_OK)
		return set;
	fm_set_free(set);
	return NULL;
}

static void close_tracker(struct fm_tracker *tracker)
{
	close(((struct idle *)tracker)->bitmap);
	free(tracker);
}

struct fm_tracker *fm_tracker_idle(int *status)
{
	int bitmap = open(BITMAP, O_RDWR | O_CLOEXEC);
	*status = errno == EACCES || errno == EPERM ? FM_ERR_PERMISSION : FM_ERR_KERNEL;
	if (bitmap < 0)
		return NULL;
	struct idle *idle = calloc(1, sizeof(*idle));
	if (!idle) {
		*status = FM_ERR_NOMEM;
		close(bitmap);
		return NULL;
	}
	*idle = (struct idle){{FM_TRACKER_IDLE, clear, touched, close_tracker}, bitmap};
	return &idle->tracker;
}
