/* SPDX-License-Identifier: Apache-2.0
 * Reads pages of kernel memory: two small BPF programs, run on demand. Needs root (CAP_BPF, CAP_PERFMON), BTF,
 * and a kernel that is not locked down (Linux 6.2 for bpf_task_from_pid). */
#ifndef FM_KERNEL_READER_H
#define FM_KERNEL_READER_H

#include <stdint.h>
#include <sys/types.h>

/* Pages of one call: 2 MiB, below the 4 MiB that a map's value may have. */
#define FM_KREAD_PAGES 512u

struct fm_kread {
	int map, pages_program, root_program;
	uint8_t *shared; /* the map: what goes in and comes out */
};

/* 0, or a negative fm_status; then nothing is open. */
int fm_kread_open(struct fm_kread *reader);
void fm_kread_close(struct fm_kread *reader);
/* Kernel address of a process's top-level page table; 0: no such process, or it has no memory any more. */
uint64_t fm_kread_root(struct fm_kread *reader, pid_t pid);
/* Reads the pages at these kernel addresses (at most FM_KREAD_PAGES). What cannot be read is zero. The result is
 * valid until the next call; NULL: the program could not run. */
const uint64_t *fm_kread_pages(struct fm_kread *reader, const uint64_t *address, uint32_t count);

#endif
