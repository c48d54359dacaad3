/* SPDX-License-Identifier: Apache-2.0
 * Kills the forked descendants of a sandbox process that left its process group (daemons). They are found by the agent's arena, which
 * a fork copies: it begins with what the agent said first, and no other process has that. Included by the agent, which has no
 * libc, and by the engine: each defines FM_CALL(number, five arguments), which is negative on failure.
 * Reading another process's memory wants the rights of ptrace(2); whom one may not read stays. */
#ifndef FM_KIN_H
#define FM_KIN_H

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "agent.h"

/* An entry of getdents64(2). */
struct fm_entry {
	uint64_t inode, offset;
	uint16_t length;
	uint8_t type;
	char name[];
};

static inline int fm_kin_number(const char *name)
{
	int number = 0;
	for (; *name >= '0' && *name <= '9' && number < 100000000; name++)
		number = number * 10 + (*name - '0');
	return *name ? 0 : number;
}

/* Reads through /proc: where the page is far away, and its userfaultfd perhaps this very thread's, that fails at once (mm/memory.c's
 * __access_remote_vm gives the fault no leave to wait), while process_vm_readv(2) would wait for it. */
static inline int fm_kin_is(long proc, const char *number, const struct fm_agent_hello *hello)
{
	static const char file[] = "/mem";
	struct fm_agent_hello theirs;
	char path[24];
	unsigned length = 0, i = 0;
	while (number[length] && length < sizeof(path) - sizeof(file)) {
		path[length] = number[length];
		length++;
	}
	for (; i < sizeof(file); i++)
		path[length + i] = file[i];
	long fd = FM_CALL(SYS_openat, proc, path, O_RDONLY | O_CLOEXEC, 0, 0);
	if (fd < 0)
		return 0;
	long got = FM_CALL(SYS_pread64, fd, &theirs, sizeof(theirs), hello->arena_start, 0);
	FM_CALL(SYS_close, fd, 0, 0, 0, 0);
	return got == (long)sizeof(theirs) && theirs.version == hello->version && theirs.pid == hello->pid &&
	       theirs.arena_start == hello->arena_start && theirs.arena_end == hello->arena_end && theirs.staging == hello->staging;
}

/* All but one process, by its number in this process's namespace (0: all). Allocates nothing and waits for nothing. */
static inline void fm_kin_kill(const struct fm_agent_hello *hello, int except)
{
	_Alignas(struct fm_entry) char buffer[4096];
	long proc = FM_CALL(SYS_openat, AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0), length;
	if (proc < 0)
		return;
	while ((length = FM_CALL(SYS_getdents64, proc, buffer, sizeof(buffer), 0, 0)) > 0) {
		for (long at = 0; at < length;) {
			const struct fm_entry *entry = (const struct fm_entry *)(buffer + at);
			int pid = fm_kin_number(entry->name);
			at += entry->length;
			if (pid && pid != except && fm_kin_is(proc, entry->name, hello))
				FM_CALL(SYS_kill, pid, SIGKILL, 0, 0, 0);
		}
	}
	FM_CALL(SYS_close, proc, 0, 0, 0, 0);
}

#endif
