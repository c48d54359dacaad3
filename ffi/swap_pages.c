/* SPDX-License-Identifier: Apache-2.0
 * What the swap plane asks of the kernel for some pages of another process. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "engine.h"
#include "scan.h"
#include "swap.h"

/* Runs that the kernel refuses (unmapped or locked meanwhile) are skipped: their pages stay as they are. One call does 2 GiB
 * at most, whatever it was given. */
int fm_swap_advise(int pidfd, const struct fm_range *run, size_t runs, int advice)
{
	struct iovec vector[FM_SWAP_SLICE];
	for (size_t i = 0; i < runs; i++)
		vector[i] = (struct iovec){(void *)(uintptr_t)(run[i].start * FM_PAGE_SIZE), (run[i].end - run[i].start) * FM_PAGE_SIZE};
	for (size_t at = 0; at < runs;) {
		ssize_t done = syscall(SYS_process_madvise, pidfd, vector + at, runs - at, advice, 0);
		if (done < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (done < 0 && errno == ESRCH)
			return FM_ERR_NO_SPACE;
		if (done < 0 && errno == EPERM)
			return FM_ERR_PERMISSION;
		if (done <= 0)
			at++;
		for (; at < runs && done >= (ssize_t)vector[at].iov_len; at++)
			done -= (ssize_t)vector[at].iov_len;
		if (done > 0 && at < runs) {
			vector[at].iov_base = (char *)vector[at].iov_base + done;
			vector[at].iov_len -= (size_t)done;
		}
	}
	return FM_OK;
}

/* Reads a byte of each page, which puts the page into the process's page table: the program will not fault. */
void fm_swap_map_in(pid_t pid, const struct fm_swap_slice *slice)
{
	struct iovec remote[FM_SWAP_SLICE];
	uint8_t byte[FM_SWAP_SLICE];
	size_t pages = 0;
	for (size_t i = 0; i < slice->runs; i++)
		for (uint64_t page = slice->run[i].start; page < slice->run[i].end; page++)
			remote[pages++] = (struct iovec){(void *)(uintptr_t)(page * FM_PAGE_SIZE), 1};
	for (size_t at = 0; at < pages;) {
		struct iovec local = {byte, pages - at};
		ssize_t done = process_vm_readv(pid, &local, 1, remote + at, pages - at, 0);
		if (done < 0 && errno == ESRCH)
			return;
		at += done > 0 ? (size_t)done : 1; /* one that is not readable any more is left out */
	}
}

uint64_t fm_swap_count(pid_t pid, const struct fm_swap_slice *slice, enum fm_page_place place, struct fm_set_builder *into)
{
	struct fm_set_builder own, *builder = into ? into : &own;
	uint64_t before = into && into->set ? into->set->pages : 0;
	fm_builder_init(&own);
	int pagemap = fm_proc_open(pid, "pagemap", O_RDONLY);
	if (pagemap >= 0) {
		fm_scan_into(pagemap, slice->run, slice->runs, place, builder);
		close(pagemap);
	}
	uint64_t found = builder->set ? builder->set->pages - before : 0;
	free(own.set);
	return found;
}

/* MADV_COLD clears the bits and has the processor forget what it remembers; clear_refs, which follows, does only the
 * former, but for shared pages too. */
int fm_swap_cool(pid_t pid)
{
	struct fm_range *mapping;
	size_t count;
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	int status = pidfd < 0 ? FM_ERR_NO_SPACE : fm_scan_mappings(pid, 0, 0, &mapping, &count);
	for (size_t at = 0; status == FM_OK && at < count; at += FM_SWAP_SLICE)
		status = fm_swap_advise(pidfd, mapping + at, count - at < FM_SWAP_SLICE ? count - at : FM_SWAP_SLICE, MADV_COLD);
	if (pidfd >= 0) {
		close(pidfd);
		if (status == FM_OK)
			free(mapping);
	}
	return status;
}
