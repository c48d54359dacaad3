/* SPDX-License-Identifier: Apache-2.0
 * What this machine lets us do, found out by doing it: sandboxes, seccomp and security modules refuse calls
 * without telling anywhere else. Nothing stays behind: descriptors are closed, a child that is needed is killed. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faasmem.h"
#include "hotness/tracker.h"
#include "uapi.h"

#define USER_MODE_ONLY 1 /* faults of system calls are not handled: Linux 5.11, without privileges */

static int open_device(void)
{
	int device = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
	if (device < 0)
		return -1;
	int fd = ioctl(device, FM_USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK), error = errno;
	close(device);
	errno = error;
	return fd;
}

/* The handshake with these features; *value becomes those that the kernel has. Closes `fd`. */
static int handshake(int fd, uint64_t features, uint64_t *value)
{
	if (fd < 0)
		return -errno;
	struct uffdio_api api = {.api = UFFD_API, .features = features};
	int status = ioctl(fd, UFFDIO_API, &api) == 0 ? 0 : -errno;
	*value = api.features;
	close(fd);
	return status;
}

static int userfaultfd(int flags)
{
	return (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | flags);
}

static void *page(void)
{
	void *at = mmap(NULL, FM_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		return NULL;
	*(volatile char *)at = 1;
	return at;
}

static int pagemap_scan(void)
{
	char *at = page();
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	struct fm_page_region region;
	struct fm_pm_scan scan = {
		.size = sizeof(scan),
		.start = (uint64_t)(uintptr_t)at,
		.end = (uint64_t)(uintptr_t)at + FM_PAGE_SIZE,
		.vec = (uint64_t)(uintptr_t)&region,
		.vec_len = 1,
		.category_mask = FM_PAGE_IS_PRESENT,
		.return_mask = FM_PAGE_IS_PRESENT,
	};
	int status = at && fd >= 0 && ioctl(fd, FM_PAGEMAP_SCAN, &scan) >= 0 ? 0 : -errno;
	if (fd >= 0)
		close(fd);
	if (at)
		munmap(at, FM_PAGE_SIZE);
	return status;
}

/* A child that does nothing, as a sandbox is a child of its worker. */
static pid_t idle_child(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, __WALL);
}

static int process_madvise_child(void)
{
	char *at = page();
	pid_t pid = at ? idle_child() : -1;
	if (pid < 0)
		return -errno;
	struct iovec range = {at, FM_PAGE_SIZE};
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	int status = fd >= 0 && syscall(SYS_process_madvise, fd, &range, 1, MADV_PAGEOUT, 0) >= 0 ? 0 : -errno;
	if (fd >= 0)
		close(fd);
	end_child(pid);
	munmap(at, FM_PAGE_SIZE);
	return status;
}

static int ptrace_child(void)
{
	pid_t pid = idle_child();
	if (pid < 0)
		return -errno;
	int status = ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0 ? 0 : -errno;
	end_child(pid);
	return status;
}

static int bpf_map(void)
{
	union bpf_attr attribute;
	memset(&attribute, 0, sizeof(attribute));
	attribute.map_type = BPF_MAP_TYPE_ARRAY;
	attribute.key_size = attribute.value_size = sizeof(uint32_t);
	attribute.max_entries = 1;
	int fd = (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attribute, sizeof(attribute));
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int tracker(enum fm_tracker_kind kind)
{
	int status = FM_OK;
	struct fm_tracker *opened = fm_tracker_open(kind, &status);
	if (!opened)
		return status == FM_ERR_PERMISSION ? -EPERM : -ENOSYS;
	opened->close(opened);
	return 0;
}

int32_t fm_trial(uint32_t kind, uint64_t *value)
{
	uint64_t ignored;
	*value = 0;
	switch ((enum fm_trial_kind)kind) {
	case FM_TRIAL_USERFAULTFD:
		return handshake(userfaultfd(0), 0, value);
	case FM_TRIAL_USERFAULTFD_DEVICE:
		return handshake(open_device(), 0, value);
	case FM_TRIAL_USERFAULTFD_USER:
		return handshake(userfaultfd(USER_MODE_ONLY), 0, value);
	case FM_TRIAL_USERFAULTFD_FORK:
		return handshake(userfaultfd(0), UFFD_FEATURE_EVENT_FORK, &ignored);
	case FM_TRIAL_PAGEMAP_SCAN:
		return pagemap_scan();
	case FM_TRIAL_PROCESS_MADVISE:
		return process_madvise_child();
	case FM_TRIAL_PTRACE:
		return ptrace_child();
	case FM_TRIAL_BPF:
		return bpf_map();
	case FM_TRIAL_TRACKER_EBPF:
		return tracker(FM_TRACKER_EBPF);
	case FM_TRIAL_TRACKER_IDLE:
		return tracker(FM_TRACKER_IDLE);
	case FM_TRIAL_PAGE_SIZE:
		*value = (uint64_t)sysconf(_SC_PAGESIZE);
		return *value == FM_PAGE_SIZE ? 0 : -EINVAL;
	}
	return -EINVAL;
}
