/* SPDX-License-Identifier: Apache-2.0
 * The agent: a few kilobytes inside every sandbox process, preloaded or injected. It creates the userfaultfd, hands it to
 * the engine, and moves pages into staging on order. UFFDIO_MOVE works only from inside the process, and it
 * is what makes eviction exact: the kernel takes a page away atomically, and refuses (EAGAIN) while an
 * unmap, remap, fork or discard is still unread by the engine.
 *
 * No libc: the agent must not use the program's heap, its thread-local storage or its stack, because all of
 * those may be in far memory while it works. It has no data of its own either; everything lives in one
 * arena that it maps and that the engine never touches.
 */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "uapi.h"

#define PAGE 4096ul
#define STACK_BYTES (32ul << 10)
/* Of the process that touches pages: room for a signal's frame. */
#define TOUCH_STACK_BYTES (16ul << 10)
#define STAGING_BYTES ((unsigned long)FM_STAGING_BUFFERS * FM_BATCH_PAGES * PAGE)
#define FLUSH_BYTES ((unsigned long)FM_FLUSH_PAGES * PAGE)
#define BUFFER_BYTES ((unsigned long)FM_BATCH_PAGES * PAGE)

#ifndef MADV_NOHUGEPAGE
#define MADV_NOHUGEPAGE 15
#endif

/* ---- system calls ---- */

#if defined(__x86_64__)
static inline long call6(long n, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;
	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}
#elif defined(__aarch64__)
static inline long call6(long n, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = n;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
	return x0;
}
#else
#error "the agent knows x86-64 and arm64"
#endif

/* struct kernel_sigaction (arch/.../signal.h) */
struct action {
	void (*handler)(int);
	unsigned long flags;
	void (*restorer)(void);
	unsigned long mask;
};
#ifndef SA_RESTORER
#define SA_RESTORER 0x04000000
#endif

#define call(n, a, b, c, d, e) call6((n), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)

#define FM_CALL call
#include "kin.h"

struct arena {
	struct fm_agent_hello hello; /* first: kin.h looks for it */
	int socket, userfault;
	int held[FM_AGENT_HELD];
	int has_forked; /* it was ever given a descriptor to hold */
	unsigned long staging;
	struct fm_agent_order order;
	struct fm_agent_answer answer;
	unsigned char stack[STACK_BYTES] __attribute__((aligned(64)));
	int toucher;	       /* the process that touches pages; 0: none that has not been waited for */
	volatile int touching; /* the kernel clears it when that ends, however it does */
	int gathers;	       /* the runs that come are of an order that is obeyed */
	unsigned touches;
	struct fm_agent_run touch[FM_TOUCH_RUNS];
	unsigned char touch_stack[TOUCH_STACK_BYTES] __attribute__((aligned(64)));
};

#define ARENA_BYTES ((sizeof(struct arena) + PAGE - 1) & ~(PAGE - 1))
/* arena, staging, flush pages */
#define ALL_BYTES (ARENA_BYTES + STAGING_BYTES + FLUSH_BYTES)

/* The compiler may call these two for copies and clears. */
void *memset(void *to, int value, unsigned long length)
{
	unsigned char *at = to;
	while (length--) {
		*at++ = (unsigned char)value;
		__asm__ volatile("" ::: "memory"); /* keeps it from becoming a call of itself */
	}
	return to;
}

void *memcpy(void *to, const void *from, unsigned long length)
{
	unsigned char *at = to;
	const unsigned char *source = from;
	while (length--) {
		*at++ = *source++;
		__asm__ volatile("" ::: "memory");
	}
	return to;
}

/* ---- orders ---- */

/* Moves one run into staging from page `index` of the order on. Returns 0, or EAGAIN to stop. */
static int move_run(struct arena *a, unsigned long page, unsigned long pages, unsigned index)
{
	unsigned long base = a->staging + a->order.buffer * BUFFER_BYTES;
	unsigned long done = 0, step = pages;
	int cut = 0; /* the last call moved fewer than it was asked to */
	while (done < pages) {
		struct fm_uffdio_move move = {
			.dst = base + (index + done) * PAGE,
			.src = (page + done) * PAGE,
			.len = (step < pages - done ? step : pages - done) * PAGE,
		};
		long result = call(SYS_ioctl, a->userfault, FM_UFFDIO_MOVE, &move, 0, 0);
		unsigned long moved = result == 0 ? move.len / PAGE : move.move > 0 ? (unsigned long)move.move / PAGE : 0;
		for (unsigned long i = 0; i < moved; i++) {
			unsigned at = (unsigned)(index + done + i);
			a->answer.moved_map[at / 64] |= 1ull << (at % 64);
		}
		done += moved;
		if (result == 0 || moved) {
			cut = result != 0;
			continue;
		}
		/* Linux 6.18 forgets what it moved when it had to wait for a page that was migrating: it does the same piece again
		 * (mm/userfaultfd.c, move_pages: err stays -EAGAIN), and ends on finding the pages' places taken or their page table
		 * gone. It says so here or, had it moved others before, to the next call, unless that is refused for another reason.
		 * EBUSY is about a page that is there. */
		if (result == -EEXIST || result == -ENOENT || (cut && result != -EBUSY))
			a->answer.unsure = 1;
		cut = 0;
		if (result == -EAGAIN || result == -ESRCH)
			return (int)-result;
		if (result == -EINVAL && step > 1) {
			step = 1; /* the run crosses mappings, or one of them cannot be moved: page by page */
			continue;
		}
		done++; /* this page stays: absent, pinned, shared after a fork, locked or read-only */
	}
	return 0;
}

static void obey_move(struct arena *a)
{
	unsigned index = 0;
	for (unsigned i = 0; i < a->order.runs && !a->answer.error; i++) {
		struct fm_agent_run *run = &a->order.run[i];
		a->answer.error = move_run(a, run->page, run->pages, index);
		index += (unsigned)run->pages;
	}
}

/* Forgets a staging buffer. It leaves userfaultfd for that moment: a discard inside it would wait for the
 * engine to read the event, while the engine may be waiting for this thread. */
static int drop(struct arena *a)
{
	struct uffdio_register range = {
		.range = {a->staging + a->order.buffer * BUFFER_BYTES, BUFFER_BYTES},
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	long result = call(SYS_ioctl, a->userfault, UFFDIO_UNREGISTER, &range.range, 0, 0);
	if (!result)
		result = call(SYS_madvise, range.range.start, BUFFER_BYTES, MADV_DONTNEED, 0, 0);
	if (!result)
		result = call(SYS_ioctl, a->userfault, UFFDIO_REGISTER, &range, 0, 0);
	return (int)-result;
}

/* Reading them again finds them in the kernel's cache of files, or on disk. */
static void unmap_files(const struct arena *a)
{
	for (unsigned i = 0; i < a->order.runs && i < FM_BATCH_PAGES; i++)
		call(SYS_madvise, a->order.run[i].page * PAGE, a->order.run[i].pages * PAGE, MADV_DONTNEED, 0, 0);
}

static long start_on(struct arena *a, long flags, void *top, void *main);

__attribute__((noreturn)) static void touch_end(int signal)
{
	(void)signal;
	for (;;)
		call(SYS_exit, 0, 0, 0, 0, 0);
}

/* Touches from the program's side of the page tables: a page that was put in place may still be unknown to the processor, or to the
 * hypervisor that keeps its tables. The program may have unmapped it: that ends this process, and nothing else. */
__attribute__((noreturn)) static void touch_main(struct arena *a)
{
	struct action end = {.handler = touch_end, .flags = SA_RESTORER, .restorer = (void (*)(void))touch_end};
	unsigned long faults = 1ul << (SIGSEGV - 1) | 1ul << (SIGBUS - 1);
	call(SYS_rt_sigaction, SIGSEGV, &end, 0, sizeof(end.mask), 0);
	call(SYS_rt_sigaction, SIGBUS, &end, 0, sizeof(end.mask), 0);
	call(SYS_rt_sigprocmask, SIG_UNBLOCK, &faults, 0, sizeof(faults), 0);
	call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* or it would keep the memory of a program that has ended */
	call(SYS_setpriority, PRIO_PROCESS, 0, 19, 0, 0);   /* requests, and pages that others wait for, go first */
	for (unsigned i = 0; i < a->touches; i++)
		for (unsigned long page = 0; page < a->touch[i].pages; page++)
			(void)*(volatile const char *)((a->touch[i].page + page) * PAGE);
	touch_end(0);
}

/* A process of its own beside the program, with the program's memory and the agent's descriptors: a thread's fault would be the
 * program's death, and the program's handlers for it are not ours to replace. Its end signals nobody; it stays until it is waited for. */
static void touch(struct arena *a)
{
	if (a->order.buffer & FM_AGENT_FIRST) {
		a->gathers = !a->touching && !a->toucher;
		if (a->gathers)
			a->touches = 0;
	}
	if (!a->gathers)
		return;
	for (unsigned i = 0; i < a->order.runs && i < FM_BATCH_PAGES && a->touches < FM_TOUCH_RUNS; i++)
		a->touch[a->touches++] = a->order.run[i];
	if (!(a->order.buffer & FM_AGENT_LAST))
		return;
	a->gathers = 0;
	if (!a->touches)
		return;
	a->touching = 1;
	long pid = start_on(a, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID, a->touch_stack + TOUCH_STACK_BYTES,
			    touch_main);
	if (pid > 0)
		a->toucher = (int)pid;
	else
		a->touching = 0;
}

/* @options: of wait4(2) */
static void reap_toucher(struct arena *a, int options)
{
	if (a->toucher && call(SYS_wait4, a->toucher, 0, options | __WALL, 0, 0) != 0)
		a->toucher = 0;
}

/* Receives one order, and a descriptor when one came (else -1). Its length, or <= 0: the engine is gone. */
static long receive(struct arena *a, int *descriptor)
{
	struct iovec data = {&a->order, sizeof(a->order)};
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	long length = call(SYS_recvmsg, a->socket, &message, MSG_CMSG_CLOEXEC, 0, 0);
	*descriptor = length > 0 && message.msg_controllen >= CMSG_LEN(sizeof(int)) ? *(int *)CMSG_DATA(&control.header) : -1;
	return length;
}

/* Holding the userfaultfd of a forked child keeps the child from reading zeros should the engine die. */
static void hold(struct arena *a, int descriptor)
{
	unsigned number = a->order.buffer;
	a->has_forked = 1;
	if (number >= FM_AGENT_HELD)
		return;
	if (a->held[number] > 0)
		call(SYS_close, a->held[number], 0, 0, 0, 0);
	a->held[number] = descriptor;
}

/* The engine is gone and with it this process's far memory: it must not go on, and neither must the children that it
 * forked. Those in its process group and those that left it get the signal before the descriptors that hold them back are
 * closed. */
static void end_process(const struct arena *a)
{
	if (a->has_forked)
		fm_kin_kill(&a->hello, a->hello.pid);
	long self = call(SYS_getpid, 0, 0, 0, 0, 0);
	call(SYS_kill, call(SYS_getpgid, 0, 0, 0, 0, 0) == self ? -self : self, SIGKILL, 0, 0, 0);
}

/* The thread's table of descriptors is a copy of the program's: only the agent's own stay in it, or the other ends of the
 * program's pipes and sockets would never see them closed. */
static void close_others(const struct arena *a)
{
	unsigned low = (unsigned)(a->socket < a->userfault ? a->socket : a->userfault);
	unsigned high = (unsigned)(a->socket < a->userfault ? a->userfault : a->socket);
	if (low > 0)
		call(SYS_close_range, 0, low - 1, 0, 0, 0);
	if (high - low > 1)
		call(SYS_close_range, low + 1, high - 1, 0, 0, 0);
	call(SYS_close_range, high + 1, ~0u, 0, 0, 0);
}

__attribute__((noreturn)) static void agent_main(struct arena *a)
{
	close_others(a);
	for (;;) {
		int descriptor;
		long length = receive(a, &descriptor);
		if (length == -EINTR)
			continue;
		if (length <= 0)
			end_process(a);
		reap_toucher(a, WNOHANG);
		if (a->order.op == FM_AGENT_LEAVE)
			break;
		if (a->order.op == FM_AGENT_HOLD || a->order.op == FM_AGENT_RELEASE) {
			hold(a, descriptor);
			continue;
		}
		if (a->order.op == FM_AGENT_UNMAP) {
			unmap_files(a);
			continue;
		}
		if (a->order.op == FM_AGENT_TOUCH) {
			touch(a);
			continue;
		}
		a->answer = (struct fm_agent_answer){.op = a->order.op, .buffer = a->order.buffer};
		if (a->order.buffer >= FM_STAGING_BUFFERS || a->order.runs > FM_BATCH_PAGES)
			a->answer.error = EINVAL;
		else if (a->order.op == FM_AGENT_MOVE)
			obey_move(a);
		else if (a->order.op == FM_AGENT_DROP)
			a->answer.error = drop(a);
		else
			a->answer.error = ENOSYS;
		call6(SYS_sendto, a->socket, (long)&a->answer, sizeof(a->answer), MSG_NOSIGNAL, 0, 0);
	}
	if (a->toucher)
		call(SYS_kill, a->toucher, SIGKILL, 0, 0, 0);
	reap_toucher(a, 0);
	for (;;)
		call(SYS_exit, 0, 0, 0, 0, 0);
}

/* ---- start ---- */

/* Clones with no thread-local storage and no libc: the child runs `main` on the arena's memory below `top` at once. */
static long start_on(struct arena *a, long flags, void *top, void *main)
{
	long ret;
#if defined(__x86_64__)
	register long r10 __asm__("r10") = (long)&a->touching; /* for CLONE_CHILD_CLEARTID */
	register long r8 __asm__("r8") = 0;
	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "mov %[arena], %%rdi\n\t"
			 "mov %[main], %%rax\n\t"
			 "xor %%ebp, %%ebp\n\t" /* last: either may have been in it */
			 "call *%%rax\n\t"
			 "ud2\n"
			 "1:"
			 : "=&a"(ret)
			 : "0"((long)SYS_clone), "D"(flags), "S"(top), "d"(0), "r"(r10), "r"(r8), [arena] "r"(a),
			   [main] "r"(main)
			 : "rcx", "r11", "memory");
#else
	register long x8 __asm__("x8") = SYS_clone;
	register long x0 __asm__("x0") = flags;
	register long x1 __asm__("x1") = (long)top;
	register long x2 __asm__("x2") = 0;
	register long x3 __asm__("x3") = 0;
	register long x4 __asm__("x4") = (long)&a->touching; /* for CLONE_CHILD_CLEARTID */
	register long x9 __asm__("x9") = (long)a;
	register long x10 __asm__("x10") = (long)main;
	__asm__ volatile("svc 0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x29, xzr\n\t"
			 "mov x0, x9\n\t"
			 "blr x10\n\t"
			 "brk #0\n"
			 "1:"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x9), "r"(x10)
			 : "memory", "x30");
	ret = x0;
#endif
	return ret;
}

/* The agent's thread has a table of descriptors of its own, which a program that closes all of its descriptors does not reach. */
static long start_thread(struct arena *a)
{
	return start_on(a, CLONE_VM | CLONE_FS | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM, a->stack + STACK_BYTES, agent_main);
}

static int send_hello(struct arena *a)
{
	struct iovec data = {&a->hello, sizeof(a->hello)};
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
	if (!a->hello.error) {
		control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
		*(int *)CMSG_DATA(&control.header) = a->userfault;
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
	}
	return call(SYS_sendmsg, a->socket, &message, MSG_NOSIGNAL, 0, 0) == sizeof(a->hello) ? 0 : -1;
}

static int open_userfault(void)
{
	long fd = call(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK, 0, 0, 0, 0);
	if (fd >= 0)
		return (int)fd;
	long device = call6(SYS_openat, AT_FDCWD, (long)"/dev/userfaultfd", O_RDWR | O_CLOEXEC, 0, 0, 0);
	if (device < 0)
		return (int)fd;
	fd = call(SYS_ioctl, device, FM_USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK, 0, 0);
	call(SYS_close, device, 0, 0, 0, 0);
	return (int)fd;
}

static long map(unsigned long bytes)
{
	return call6(SYS_mmap, 0, (long)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static void start(int socket)
{
	unsigned long all = ~0ul, before;
	long memory = map(ALL_BYTES);
	if (memory < 0 && memory > -4096)
		return;
	struct arena *a = (struct arena *)memory;
	a->socket = socket;
	a->staging = (unsigned long)memory + ARENA_BYTES;
	unsigned long flush = a->staging + STAGING_BYTES;
	/* Not part of core files, and so never one mapping with a neighbour of the program's. */
	call(SYS_madvise, memory, ALL_BYTES, MADV_DONTDUMP, 0, 0);
	call(SYS_madvise, a->staging, STAGING_BYTES, MADV_DONTFORK, 0, 0);
	call(SYS_madvise, memory, ALL_BYTES, MADV_NOHUGEPAGE, 0, 0);
	*(volatile char *)flush = 1;
	*(volatile char *)(flush + FLUSH_BYTES - PAGE) = 1;
	call(SYS_fcntl, socket, F_SETFD, FD_CLOEXEC, 0, 0);
	a->userfault = open_userfault();
	a->hello = (struct fm_agent_hello){
		.version = FM_AGENT_VERSION,
		.error = a->userfault < 0 ? -a->userfault : 0,
		.pid = (int)call(SYS_getpid, 0, 0, 0, 0, 0),
		.arena_start = (unsigned long)memory,
		.arena_end = (unsigned long)memory + ALL_BYTES,
		.staging = a->staging,
		.flush = flush,
	};
	if (send_hello(a) == 0 && !a->hello.error) {
		/* The agent's thread takes no signal: handlers would run on its small stack with the program's data. */
		call(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof(all), 0);
		start_thread(a);
		call(SYS_rt_sigprocmask, SIG_SETMASK, &before, 0, sizeof(before), 0);
	}
	/* The program has no use for them. Without a thread that has them too, this tells the engine so. */
	call(SYS_close, a->socket, 0, 0, 0, 0);
	if (a->userfault >= 0)
		call(SYS_close, a->userfault, 0, 0, 0, 0);
}

#ifdef FM_AGENT_INJECTED

/* Where a thread that was stopped for this begins (inject.c); agent.ld puts it first. */
__attribute__((section(".entry"), used)) void agent_entry(long socket)
{
	start((int)socket);
}

#else

extern char **environ __attribute__((weak));

/* Takes NAME=value out of the environment, so that programs started by this one are left alone. */
static const char *take_variable(char **environment, const char *name)
{
	for (char **at = environment; *at; at++) {
		unsigned long i = 0;
		while (name[i] && (*at)[i] == name[i])
			i++;
		if (name[i] || (*at)[i] != '=')
			continue;
		const char *value = *at + i + 1;
		for (char **move = at; *move; move++)
			move[0] = move[1];
		return value;
	}
	return 0;
}

__attribute__((constructor)) static void agent_start(void)
{
	if (!&environ || !environ)
		return;
	const char *fd = take_variable(environ, FM_AGENT_ENV);
	if (!fd)
		return;
	take_variable(environ, "LD_PRELOAD");
	int socket = 0;
	for (; *fd >= '0' && *fd <= '9'; fd++)
		socket = socket * 10 + (*fd - '0');
	/* Sandboxes die with their worker: by end_process, which must come before any death of this process alone (no
	 * parent-death signal: it would let go of the children first). */
	start(socket);
}

#endif
