/* SPDX-License-Identifier: Apache-2.0
 * The swap plane's figures: what the kernel counts anyway, read when somebody asks. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "engine.h"
#include "scan.h"
#include "swap.h"

/* Reads a small file of /proc as text. False: it is not there. */
static bool read_text(int fd, char *text, size_t size)
{
	ssize_t length = fd < 0 ? -1 : read(fd, text, size - 1);
	if (fd >= 0)
		close(fd);
	if (length <= 0)
		return false;
	text[length] = 0;
	return true;
}

uint64_t fm_swap_majors(pid_t pid)
{
	char text[1024];
	unsigned long long majors = 0;
	if (!read_text(fm_proc_open(pid, "stat", O_RDONLY), text, sizeof(text)))
		return 0;
	/* The name, in brackets, may hold anything; majflt is the tenth field after it (proc_pid_stat(5)). */
	const char *after = strrchr(text, ')');
	if (!after || sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %llu", &majors) != 1)
		return 0;
	return majors;
}

uint64_t fm_swap_bytes(pid_t pid)
{
	char text[4096];
	if (!read_text(fm_proc_open(pid, "status", O_RDONLY), text, sizeof(text)))
		return 0;
	const char *line = strstr(text, "\nVmSwap:");
	return line ? strtoull(line + 8, NULL, 10) * 1024 : 0;
}

bool fm_swap_is_on(void)
{
	char text[1024];
	/* A header, then a line for each swap (proc_swaps(5)). */
	if (!read_text(open("/proc/swaps", O_RDONLY | O_CLOEXEC), text, sizeof(text)))
		return false;
	const char *end = strchr(text, '\n');
	return end && end[1];
}

int fm_swap_check(void)
{
	if (sysconf(_SC_PAGESIZE) != FM_PAGE_SIZE)
		return FM_ERR_PAGE_SIZE;
	void *page = mmap(NULL, FM_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	struct iovec vector = {page, FM_PAGE_SIZE};
	int status = FM_OK;
	if (page == MAP_FAILED)
		status = FM_ERR_NOMEM;
	else if (self < 0 || syscall(SYS_process_madvise, self, &vector, 1, MADV_PAGEOUT, 0) < 0)
		status = errno == EPERM ? FM_ERR_PERMISSION : FM_ERR_KERNEL;
	else if (!fm_swap_is_on())
		status = FM_ERR_NO_SWAP;
	if (self >= 0)
		close(self);
	if (page != MAP_FAILED)
		munmap(page, FM_PAGE_SIZE);
	return status;
}

void fm_swap_stats(pid_t pid, uint64_t majors_before, struct fm_space_stats *stats)
{
	uint64_t majors = fm_swap_majors(pid);
	stats->remote_pages = fm_swap_bytes(pid) / FM_PAGE_SIZE;
	stats->recall_faults = majors > majors_before ? majors - majors_before : 0;
	stats->recalled_pages += stats->recall_faults;
}
