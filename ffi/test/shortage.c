/* SPDX-License-Identifier: Apache-2.0
 * Linked into the driver with --wrap: the library's calls that ask for memory, descriptors or threads are counted, and some of
 * them fail as the kernel would have them fail.
 *   FAASMEM_FAIL_FROM=N   the N-th such call fails (1 = the first) ...
 *   FAASMEM_FAIL_CALLS=M  ... and the M-1 after it (default 1)
 *   FAASMEM_FAIL_ONE_IN=K ... but only one in K of them, by chance (default 1)
 *   FAASMEM_REFUSE_READS     another process' memory may not be read (as Yama's ptrace_scope 3 has it)
 * N = 0: none fails, and how many there were is printed at the end. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_ulong calls;
static unsigned long first, last, one_in;

static unsigned long number(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);
	return text ? strtoul(text, NULL, 10) : otherwise;
}

static void __attribute__((constructor)) read_plan(void)
{
	first = number("FAASMEM_FAIL_FROM", 0);
	last = first + number("FAASMEM_FAIL_CALLS", 1) - 1;
	one_in = number("FAASMEM_FAIL_ONE_IN", 1);
}

static void __attribute__((destructor)) say_calls(void)
{
	if (!first)
		fprintf(stderr, "calls: %lu\n", atomic_load(&calls));
}

static bool short_of(int error)
{
	unsigned long call = atomic_fetch_add(&calls, 1) + 1;
	if (!first || call < first || call > last || (call * 0x9e3779b97f4a7c15ul >> 32) % one_in != 0)
		return false;
	errno = error;
	return true;
}

#define WRAP(type, name, error, failure, parameters, arguments) \
	type __real_##name parameters;                          \
	type __wrap_##name parameters;                          \
	type __wrap_##name parameters                           \
	{                                                       \
		return short_of(error) ? failure : __real_##name arguments; \
	}

ssize_t __real_process_vm_readv(pid_t pid, const struct iovec *to, unsigned long tos, const struct iovec *from, unsigned long froms, unsigned long flags);
ssize_t __wrap_process_vm_readv(pid_t pid, const struct iovec *to, unsigned long tos, const struct iovec *from, unsigned long froms, unsigned long flags);
ssize_t __wrap_process_vm_readv(pid_t pid, const struct iovec *to, unsigned long tos, const struct iovec *from, unsigned long froms, unsigned long flags)
{
	if (!getenv("FAASMEM_REFUSE_READS"))
		return __real_process_vm_readv(pid, to, tos, from, froms, flags);
	errno = EPERM;
	return -1;
}

WRAP(void *, malloc, ENOMEM, NULL, (size_t size), (size))
WRAP(void *, calloc, ENOMEM, NULL, (size_t count, size_t size), (count, size))
WRAP(void *, realloc, ENOMEM, NULL, (void *old, size_t size), (old, size))
WRAP(void *, mmap, ENOMEM, MAP_FAILED, (void *at, size_t length, int protection, int flags, int fd, off_t offset),
     (at, length, protection, flags, fd, offset))
WRAP(int, epoll_create1, EMFILE, -1, (int flags), (flags))
WRAP(int, pipe2, EMFILE, -1, (int *ends, int flags), (ends, flags))
WRAP(int, eventfd, EMFILE, -1, (unsigned int start, int flags), (start, flags))
WRAP(int, socket, EMFILE, -1, (int family, int type, int protocol), (family, type, protocol))
WRAP(int, socketpair, EMFILE, -1, (int family, int type, int protocol, int *ends), (family, type, protocol, ends))
WRAP(int, accept4, EMFILE, -1, (int fd, struct sockaddr *from, socklen_t *length, int flags), (fd, from, length, flags))

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
	return short_of(EAGAIN) ? EAGAIN : __real_pthread_create(thread, attributes, start, argument);
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	return short_of(EMFILE) ? -1 : __real_open(path, flags); /* the library creates no files */
}

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...)
{
	va_list rest;
	va_start(rest, command);
	long argument = va_arg(rest, long);
	va_end(rest);
	return command == F_DUPFD_CLOEXEC && short_of(EMFILE) ? -1 : __real_fcntl(fd, command, argument);
}

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
/* Reads six arguments, however many there are. */
__attribute__((no_sanitize("address"))) long __wrap_syscall(long number, ...)
{
	va_list rest;
	va_start(rest, number);
	long a[6];
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(rest, long);
	va_end(rest);
	if ((number == SYS_pidfd_open || number == SYS_pidfd_getfd || number == SYS_bpf) && short_of(EMFILE))
		return -1;
	return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
