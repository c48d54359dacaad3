/* SPDX-License-Identifier: Apache-2.0
 * The exact tracker: /proc/PID/clear_refs clears the accessed bits of a process's page tables, and a BPF program
 * reads the tables themselves. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "kernel_reader.h"
#include "page_table.h"
#include "tracker.h"

#define GIB (1ull << 30)
/* Physical memory that the search for the direct map reaches over: 4 TiB. */
#define MOST_GIB 4096u

struct ebpf {
	struct fm_tracker tracker;
	struct fm_kread reader;
	struct fm_table_walk walk;
};

static const uint64_t *read_tables(void *context, const uint64_t *address, uint32_t count)
{
	return fm_kread_pages(context, address, count);
}

/* The frame that /proc/self/pagemap gives for an address (bits 0 to 54); 0: not told. */
static uint64_t frame_of(const void *address)
{
	uint64_t word = 0;
	int fd = fm_proc_open(getpid(), "pagemap", O_RDONLY);
	if (fd < 0)
		return 0;
	if (pread(fd, &word, sizeof(word), (off_t)((uintptr_t)address / FM_PAGE_SIZE * sizeof(word))) != sizeof(word))
		word = 0;
	close(fd);
	return word >> 63 ? word & ((1ull << 55) - 1) : 0;
}

static bool finds(const struct fm_table_walk *walk, const void *address, uint64_t frame)
{
	uint64_t found;
	return fm_table_physical(walk, (uintptr_t)address / FM_PAGE_SIZE, &found) && found == frame;
}

/* Where the direct map begins differs from boot to boot. The top-level table of this very process lies in it, and
 * two of its pages have known frames: the right beginning, a multiple of 1 GiB below the table, is the one from
 * which a walk arrives at both. It also tells whether our process numbers are the kernel's (they are not in a
 * container's own namespace), and how many levels the tables have. */
static bool calibrate(struct ebpf *ebpf)
{
	static const struct fm_table_format *const formats[] = {
#if defined(__x86_64__)
		&fm_x86_64, &fm_x86_64_la57,
#else
		&fm_arm64_48, &fm_arm64_39,
#endif
	};
	volatile char here = 1;
	static volatile char there;
	there = here;
	uint64_t frame[2] = {frame_of((const void *)&here), frame_of((const void *)&there)};
	uint64_t root = fm_kread_root(&ebpf->reader, getpid());
	if (!root || !frame[0] || !frame[1])
		return false;
	for (size_t f = 0; f < sizeof(formats) / sizeof(formats[0]); f++) {
		for (uint64_t i = 0; i < MOST_GIB; i++) {
			ebpf->walk = (struct fm_table_walk){
				.format = formats[f],
				.base = (root & ~(GIB - 1)) - i * GIB,
				.root = root,
				.read = read_tables,
				.context = &ebpf->reader,
				.most = FM_KREAD_PAGES,
			};
			if (finds(&ebpf->walk, (const void *)&here, frame[0]) && finds(&ebpf->walk, (const void *)&there, frame[1]))
				return true;
		}
	}
	return false;
}

static int clear(struct fm_tracker *tracker, pid_t pid)
{
	(void)tracker;
	int fd = fm_proc_open(pid, "clear_refs", O_WRONLY);
	if (fd < 0)
		return errno == ENOENT || errno == ESRCH ? FM_ERR_NO_SPACE : FM_ERR_PERMISSION;
	/* "2": of pages that no file is mapped to (proc_pid_clear_refs(5)). Others are never asked for (scan.c, is_manageable), and
	 * each that is cleared costs the program when it touches it next. */
	ssize_t wrote = write(fd, "2", 1);
	int error = errno;
	close(fd);
	return wrote == 1 ? FM_OK : error == ESRCH ? FM_ERR_NO_SPACE : FM_ERR_SYSTEM;
}

static struct fm_set *touched(struct fm_tracker *tracker, pid_t pid, const struct fm_range *range, size_t ranges, int *status)
{
	struct ebpf *ebpf = (struct ebpf *)tracker;
	struct fm_table_walk walk = ebpf->walk;
	walk.root = fm_kread_root(&ebpf->reader, pid);
	*status = FM_ERR_NO_SPACE;
	return walk.root ? fm_table_touched(&walk, range, ranges, status) : NULL;
}

static void close_tracker(struct fm_tracker *tracker)
{
	struct ebpf *ebpf = (struct ebpf *)tracker;
	fm_kread_close(&ebpf->reader);
	free(ebpf);
}

struct fm_tracker *fm_tracker_ebpf(int *status)
{
	struct ebpf *ebpf = calloc(1, sizeof(*ebpf));
	*status = FM_ERR_NOMEM;
	if (!ebpf)
		return NULL;
	*status = fm_kread_open(&ebpf->reader);
	if (*status != FM_OK) {
		free(ebpf);
		return NULL;
	}
	ebpf->tracker = (struct fm_tracker){FM_TRACKER_EBPF, clear, touched, close_tracker};
	if (calibrate(ebpf))
		return &ebpf->tracker;
	*status = FM_ERR_KERNEL;
	close_tracker(&ebpf->tracker);
	return NULL;
}
