/* SPDX-License-Identifier: Apache-2.0
 * Pages of files: the kernel has them on disk, so that they need no pool. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine.h"
#include "files.h"
#include "swap.h"

/* MADV_PAGEOUT leaves alone what another process maps too (madvise(2)). What the program has of its own in such a mapping
 * (relocated data, written before it was protected) is no page of the file, and is not asked for. */
int fm_files_release(pid_t pid, uint64_t *released)
{
	struct fm_range *mapping = NULL;
	size_t count = 0;
	*released = 0;
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return FM_ERR_NO_SPACE;
	int status = fm_scan_files(pid, false, &mapping, &count);
	struct fm_set *before = status == FM_OK ? fm_scan_ranges(pid, mapping, count, FM_PAGES_FILE, &status) : NULL;
	for (size_t at = 0; before && status == FM_OK && at < before->count; at += FM_SWAP_SLICE) {
		size_t runs = before->count - at < FM_SWAP_SLICE ? before->count - at : FM_SWAP_SLICE;
		status = fm_swap_advise(pidfd, before->range + at, runs, MADV_PAGEOUT);
	}
	struct fm_set *after = status == FM_OK ? fm_scan_ranges(pid, mapping, count, FM_PAGES_FILE, &status) : NULL;
	if (after && after->pages < before->pages)
		*released = before->pages - after->pages;
	fm_set_free(after);
	fm_set_free(before);
	free(mapping);
	close(pidfd);
	return status;
}

struct fm_set *fm_files_own(pid_t pid, int *status)
{
	struct fm_range *mapping = NULL;
	size_t count = 0;
	*status = fm_scan_files(pid, true, &mapping, &count);
	struct fm_set *own = *status == FM_OK ? fm_scan_ranges(pid, mapping, count, FM_PAGES_FILE, status) : NULL;
	free(mapping);
	return own;
}

void fm_files_answer(struct fm_engine *engine, struct fm_command *command)
{
	fm_emit(engine, &(struct fm_event){
		.type = FM_EVENT_FILES_RELEASED,
		.space = command->space,
		.op = command->op,
		.status = command->status,
		.a = command->released,
	});
	fm_set_free(command->set);
	free(command);
}
