/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "inject.h"

#include "faasmem.h"

#if defined(__x86_64__)

#include <errno.h>
#include <elf.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "scan.h"

/* A thread in an uninterruptible wait (a dead network disk) does not stop; nobody waits for it for ever. */
#define PATIENCE_NS 2000000000ull
#define ENDING_MS 100
#define MOST_SIGNALS 16
#define STACK_BYTES 8192ul

struct victim {
	pid_t pid;
	int pidfd;
	bool child;		      /* of this very process */
	struct user_regs_struct regs; /* of the stopped thread, to be given back */
	uint64_t syscall_at;	      /* a syscall instruction in the process */
	int held[MOST_SIGNALS];	      /* signals that came meanwhile */
	unsigned holds;
	bool gone;
};

static int status_of(int error)
{
	return error == ESRCH || error == ENOENT ? FM_ERR_NO_SPACE : error == EPERM || error == EACCES ? FM_ERR_PERMISSION
	       : error == ENOMEM ? FM_ERR_NOMEM : FM_ERR_SYSTEM;
}

static bool has_ended(const struct victim *v)
{
	struct pollfd ended = {.fd = v->pidfd, .events = POLLIN};
	return poll(&ended, 1, 0) == 1;
}

/* Waits until the thread stops. The stop's signal, with the ptrace event above it; -1: it ended, or did not stop in
 * time. Its end is left to its parent to see, which may be this very process. */
static int await_stop(struct victim *v)
{
	uint64_t until = fm_now_ns() + PATIENCE_NS;
	while (fm_now_ns() < until) {
		siginfo_t info = {0};
		if (waitid(P_PID, (id_t)v->pid, &info, WSTOPPED | WNOHANG | __WALL) == 0 && info.si_pid == v->pid)
			return info.si_status;
		if (has_ended(v)) {
			v->gone = true;
			return -1;
		}
		usleep(20);
	}
	return -1;
}

/* Lets the thread run (PTRACE_SINGLESTEP or PTRACE_CONT) until its own trap; signals for the program wait. */
static int run_to_trap(struct victim *v, int how)
{
	for (;;) {
		if (ptrace(how, v->pid, 0, 0) < 0)
			return -1;
		int stop = await_stop(v);
		if (stop < 0)
			return -1;
		if (stop == SIGTRAP)
			return 0;
		int number = stop & 0xff;
		if (stop >> 8) /* a group-stop or another event: nothing to deliver */
			continue;
		if (number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGFPE)
			return -1; /* what we had it do failed */
		if (v->holds < MOST_SIGNALS)
			v->held[v->holds++] = number;
	}
}

/* One system call in the stopped thread. Its result; -EFAULT also when it could not be made. */
static long call_in(struct victim *v, long number, const uint64_t argument[6])
{
	struct user_regs_struct regs = v->regs;
	regs.rip = v->syscall_at;
	regs.rax = (uint64_t)number;
	regs.orig_rax = (uint64_t)-1; /* no restart of what it was in */
	regs.rdi = argument[0];
	regs.rsi = argument[1];
	regs.rdx = argument[2];
	regs.r10 = argument[3];
	regs.r8 = argument[4];
	regs.r9 = argument[5];
	if (ptrace(PTRACE_SETREGS, v->pid, 0, &regs) < 0 || run_to_trap(v, PTRACE_SINGLESTEP) < 0 ||
	    ptrace(PTRACE_GETREGS, v->pid, 0, &regs) < 0)
		return -EFAULT;
	return (long)regs.rax;
}

#define CALL_IN(v, number, ...) call_in((v), (number), (const uint64_t[6]){__VA_ARGS__})

static bool copy_in(struct victim *v, uint64_t to, const void *from, size_t length)
{
	struct iovec local = {(void *)from, length}, remote = {(void *)(uintptr_t)to, length};
	return process_vm_writev(v->pid, &local, 1, &remote, 1, 0) == (ssize_t)length;
}

static bool copy_out(struct victim *v, uint64_t from, void *to, size_t length)
{
	struct iovec local = {to, length}, remote = {(void *)(uintptr_t)from, length};
	return process_vm_readv(v->pid, &local, 1, &remote, 1, 0) == (ssize_t)length;
}

/* The kernel maps a little code of its own into every process, with a syscall instruction (0f 05) in it. */
static bool find_syscall(struct victim *v)
{
	char line[256];
	uint64_t start = 0, end = 0;
	int fd = fm_proc_open(v->pid, "maps", O_RDONLY);
	FILE *maps = fd < 0 ? NULL : fdopen(fd, "r");
	if (!maps)
		return false;
	while (fgets(line, sizeof(line), maps)) {
		if (strstr(line, "[vdso]") && sscanf(line, "%lx-%lx", &start, &end) == 2)
			break;
		start = end = 0;
	}
	fclose(maps);
	uint8_t code[16384];
	size_t length = end - start < sizeof(code) ? end - start : sizeof(code);
	if (!start || !copy_out(v, start, code, length))
		return false;
	for (size_t i = 0; i + 1 < length; i++) {
		if (code[i] == 0x0f && code[i + 1] == 0x05) {
			v->syscall_at = start + i;
			return true;
		}
	}
	return false;
}

/* A socket pair made inside the process: `theirs` stays there, ours is brought here. */
static int make_pair(struct victim *v, uint64_t scratch, int *theirs)
{
	int32_t pair[2];
	long result = CALL_IN(v, SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, scratch);
	if (result < 0 || !copy_out(v, scratch, pair, sizeof(pair)))
		return result == -EMFILE || result == -ENFILE ? FM_ERR_SYSTEM : status_of((int)-result);
	int ours = (int)syscall(SYS_pidfd_getfd, v->pidfd, pair[0], 0);
	int error = errno;
	CALL_IN(v, SYS_close, (uint64_t)pair[0]);
	*theirs = pair[1];
	if (ours >= 0)
		return ours;
	CALL_IN(v, SYS_close, (uint64_t)pair[1]);
	return status_of(error);
}

/* Runs the agent's entry on a stack of its own; it comes back at an int3. */
static bool enter(struct victim *v, uint64_t code, uint64_t trap, uint64_t stack_top, int socket)
{
	struct user_regs_struct regs = v->regs;
	uint64_t top = (stack_top & ~15ull) - 8;
	if (!copy_in(v, top, &trap, sizeof(trap)))
		return false;
	regs.rip = code;
	regs.rsp = top;
	regs.rdi = (uint64_t)socket;
	regs.rax = 0;
	regs.orig_rax = (uint64_t)-1;
	regs.eflags &= ~(1ull << 10); /* direction flag: the ABI wants it clear */
	return ptrace(PTRACE_SETREGS, v->pid, 0, &regs) == 0 && run_to_trap(v, PTRACE_CONT) == 0;
}

static int start_agent(struct victim *v, const void *agent, size_t length)
{
	/* code, an int3 after it, and below both the stack for its start */
	size_t code_bytes = (length + 1 + FM_PAGE_SIZE - 1) & ~(size_t)(FM_PAGE_SIZE - 1);
	long memory = CALL_IN(v, SYS_mmap, 0, STACK_BYTES + code_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1, 0);
	if (memory < 0)
		return status_of((int)-memory);
	uint64_t stack = (uint64_t)memory, code = stack + STACK_BYTES;
	const uint8_t int3 = 0xcc;
	int theirs = -1, ours = FM_ERR_SYSTEM;
	if (copy_in(v, code, agent, length) && copy_in(v, code + length, &int3, 1) &&
	    CALL_IN(v, SYS_mprotect, code, code_bytes, PROT_READ | PROT_EXEC) == 0)
		ours = make_pair(v, stack, &theirs);
	if (ours >= 0 && !enter(v, code, code + length, stack + STACK_BYTES, theirs)) {
		close(ours);
		ours = v->gone ? FM_ERR_NO_SPACE : FM_ERR_SYSTEM;
		/* It may run in there or not: neither code nor socket can be taken away. */
		return ours;
	}
	CALL_IN(v, SYS_munmap, stack, ours < 0 ? STACK_BYTES + code_bytes : STACK_BYTES);
	return ours;
}

static pid_t parent_of(pid_t pid)
{
	char text[512];
	int fd = fm_proc_open(pid, "stat", O_RDONLY), parent = 0;
	ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	text[got > 0 ? got : 0] = 0;
	char *name_end = strrchr(text, ')');
	return name_end && sscanf(name_end + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

int fm_inject(pid_t pid, const void *agent, size_t length)
{
	struct victim v = {.pid = pid};
	v.pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (v.pidfd < 0)
		return status_of(errno);
	v.child = parent_of(pid) == getpid();
	int result = FM_ERR_SYSTEM;
	if (ptrace(PTRACE_SEIZE, pid, 0, 0) < 0) {
		/* A process that is ending cannot be traced either. */
		struct pollfd ended = {.fd = v.pidfd, .events = POLLIN};
		result = errno == EPERM && poll(&ended, 1, ENDING_MS) == 1 ? FM_ERR_NO_SPACE : status_of(errno);
		close(v.pidfd);
		return result;
	}
	if (ptrace(PTRACE_INTERRUPT, pid, 0, 0) == 0) {
		int stop = await_stop(&v);
		if (stop >= 0 && stop >> 8 == 0) /* a signal for the program was first */
			v.held[v.holds++] = stop & 0xff;
		if (stop >= 0 && ptrace(PTRACE_GETREGS, pid, 0, &v.regs) == 0) {
			result = find_syscall(&v) ? start_agent(&v, agent, length) : FM_ERR_KERNEL;
			if (!v.gone)
				ptrace(PTRACE_SETREGS, pid, 0, &v.regs);
		}
	}
	if (v.gone && result < 0)
		result = FM_ERR_NO_SPACE;
	if (ptrace(PTRACE_DETACH, pid, 0, 0) < 0 && !v.child)
		waitpid(pid, NULL, WNOHANG | __WALL); /* ended while it was traced: its parent is told only now */
	for (unsigned i = 0; i < v.holds && !v.gone; i++)
		syscall(SYS_tgkill, pid, pid, v.held[i]);
	close(v.pidfd);
	return result;
}

bool fm_is_static(pid_t pid)
{
	uint8_t head[4096];
	int fd = fm_proc_open(pid, "exe", O_RDONLY);
	ssize_t got = fd < 0 ? -1 : read(fd, head, sizeof(head));
	if (fd >= 0)
		close(fd);
	const Elf64_Ehdr *elf = (const Elf64_Ehdr *)head;
	if (got < (ssize_t)sizeof(*elf) || memcmp(elf->e_ident, ELFMAG, SELFMAG) != 0 || elf->e_phentsize != sizeof(Elf64_Phdr) ||
	    elf->e_phoff % 8 || elf->e_phoff > (size_t)got || elf->e_phnum > ((size_t)got - elf->e_phoff) / sizeof(Elf64_Phdr))
		return false;
	const Elf64_Phdr *part = (const Elf64_Phdr *)(head + elf->e_phoff);
	for (size_t i = 0; i < elf->e_phnum; i++)
		if (part[i].p_type == PT_INTERP)
			return false;
	return true;
}

#else

bool fm_is_static(pid_t pid)
{
	(void)pid;
	return false;
}

int fm_inject(pid_t pid, const void *agent, size_t length)
{
	(void)pid, (void)agent, (void)length;
	return FM_ERR_KERNEL;
}

#endif
