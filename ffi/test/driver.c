/* SPDX-License-Identifier: Apache-2.0
 * Runs a program under the engine and evicts everything it has, again and again, while it runs.
 *   driver [--pause MS] [--prefetch] [--kill-server-after MS] [--stats] [--local] AGENT -- PROGRAM [ARGUMENT...]
 *   driver [--pause MS] [--prefetch] [--stats] --swap -- PROGRAM [ARGUMENT...]      to the swap that is on
 * The program's output and exit code are the driver's own. A memory server runs in the same process. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../faasmem.h"

static struct fm_engine *engine;
static uint32_t space;
static bool lost;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void die(const char *what, int status)
{
	fprintf(stderr, "driver: %s: status %d\n", what, status);
	exit(3);
}

/* The next event, if there is one. */
static bool take_event(struct fm_event *event)
{
	if (read(fm_engine_event_fd(engine), event, sizeof(*event)) != sizeof(*event))
		return false;
	if (event->type == FM_EVENT_LOST && !lost) {
		fprintf(stderr, "driver: the engine ended the program: status %d\n", (int)event->status);
		lost = true;
	}
	return true;
}

/* Waits for the event of `op` (or of `type` when op is 0). False: the program ended first. */
static bool await(uint32_t type, uint64_t op, struct fm_event *event)
{
	for (;;) {
		if (take_event(event)) {
			if (event->type == FM_EVENT_ENDED && type != FM_EVENT_ENDED && !op)
				return false;
			if (event->type == type && event->op == op)
				return true;
			continue;
		}
		struct pollfd wait = {.fd = fm_engine_event_fd(engine), .events = POLLIN};
		if (poll(&wait, 1, 20000) == 0)
			die("an operation did not end within 20 s", (int)type);
	}
}

static pid_t spawn(char **argv, const char *agent, int child_socket)
{
	pid_t pid = fork();
	if (pid)
		return pid;
	setpgid(0, 0); /* as sandboxes are */
	if (!agent) {
		execvp(argv[0], argv);
		_exit(127);
	}
	char number[16], preload[4200];
	int fd = fcntl(child_socket, F_DUPFD, 20);
	snprintf(number, sizeof(number), "%d", fd);
	snprintf(preload, sizeof(preload), "%s", agent);
	setenv("FAASMEM_AGENT_FD", number, 1);
	setenv("LD_PRELOAD", preload, 1);
	execvp(argv[0], argv);
	fprintf(stderr, "driver: cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* A program that could not be attached to is as it would be without the engine, or was killed. */
static void unmanaged(pid_t pid, int status)
{
	int code = 0;
	for (int i = 0; waitpid(pid, &code, WNOHANG) == 0; i++, usleep(10000))
		if (i == 2000) {
			kill(pid, SIGKILL);
			die("a program that was not attached to does not go on", status);
		}
	if (code != 0 && code != SIGKILL) /* the whole of a wait status, wait(2) */
		die("a program that was not attached to went wrong", code);
	fprintf(stderr, "driver: attach: status %d\n", status);
	exit(4);
}

int main(int argc, char **argv)
{
	int at = 1, pause_ms = 20, server_ms = 0;
	bool prefetch = false, stats = false, local = false, swap = false;
	for (; at < argc && argv[at][0] == '-'; at++) {
		if (!strcmp(argv[at], "--pause"))
			pause_ms = atoi(argv[++at]);
		else if (!strcmp(argv[at], "--kill-server-after"))
			server_ms = atoi(argv[++at]);
		else if (!strcmp(argv[at], "--prefetch"))
			prefetch = true;
		else if (!strcmp(argv[at], "--stats"))
			stats = true;
		else if (!strcmp(argv[at], "--local"))
			local = true;
		else if (!strcmp(argv[at], "--swap"))
			swap = true;
	}
	if (swap ? at >= argc : at + 2 >= argc)
		die("usage", 0);
	const char *agent = swap ? NULL : argv[at];
	int32_t status, fds[2] = {-1, -1};
	struct fm_server *server = swap ? NULL : fm_server_open("127.0.0.1", 0, 4ull << 30, &status);
	if (!swap && !server)
		die("server", status);
	engine = swap	 ? fm_engine_open_swap(&status)
		 : local ? fm_engine_open_local(4ull << 30, &status)
			 : fm_engine_open("127.0.0.1", (uint32_t)fm_server_port(server), &status);
	if (!engine)
		die("engine", status);
	status = swap ? 0 : fm_agent_pair(fds);
	if (status < 0)
		die("pair", status);
	pid_t pid = spawn(argv + at + (swap ? 0 : 2), agent, fds[1]);
	if (!swap)
		close(fds[1]);
	int32_t attached = fm_attach(engine, fds[0], pid);
	struct fm_event event = {.status = attached};
	space = (uint32_t)attached;
	if (attached > 0)
		await(FM_EVENT_ATTACHED, 0, &event);
	if (event.status < 0)
		unmanaged(pid, (int)event.status);

	double started = now(), evict_s = 0;
	uint64_t op = 1, cycles = 0, evicted = 0, zeros = 0;
	int code = 0;
	while (waitpid(pid, &code, WNOHANG) == 0) {
		if (server && server_ms && (now() - started) * 1000 > server_ms) {
			fm_server_close(server);
			server = NULL;
		}
		struct fm_set *set = NULL;
		if (fm_snapshot(engine, space, ++op) == FM_OK && await(FM_EVENT_SNAPSHOT, op, &event))
			set = (struct fm_set *)(uintptr_t)event.set;
		if (set) {
			double from = now();
			if (fm_evict(engine, space, set, 0, ++op) == FM_OK && await(FM_EVENT_EVICTED, op, &event)) {
				evict_s += now() - from;
				evicted += event.a;
				zeros += event.b;
				cycles++;
			}
			if (prefetch && cycles % 2 && fm_prefetch(engine, space, set, ++op) == FM_OK)
				await(FM_EVENT_PREFETCHED, op, &event);
			if (prefetch && cycles % 4 == 1)
				fm_warm(engine, space, set, FM_WARM_FIRST | FM_WARM_LAST); /* which the program unmaps, writes and forks meanwhile */
			fm_set_free(set);
		}
		usleep((useconds_t)pause_ms * 1000);
	}
	struct fm_space_stats s = {0};
	fm_space_stats(engine, space, &s);
	if (stats)
		fprintf(stderr,
			"driver: %" PRIu64 " cycles, %" PRIu64 " pages out (%" PRIu64 " zero) at %.2f GiB/s, %" PRIu64 " back in %" PRIu64
			" faults, %" PRIu64 " zero fills, stall %" PRIu64 " us\n",
			cycles, evicted, zeros, evict_s > 0 ? (double)evicted * 4096 / evict_s / (1 << 30) : 0, s.recalled_pages,
			s.recall_faults, s.zero_fills, s.stall_us);
	/* Let the engine see the end, so that a leak of slots shows below. */
	usleep(50000);
	while (take_event(&event))
		;
	for (int i = 0; i < 20 && fm_space_close(engine, space) == FM_ERR_NOMEM; i++)
		usleep(1000);
	usleep(50000);
	struct fm_server_stats left = {0};
	for (int i = 0; server && i < 40; i++) {
		fm_server_stats(server, &left);
		if (!left.used_bytes)
			break;
		usleep(100000);
	}
	if (left.used_bytes)
		die("pages left in the server after the program's end", (int)(left.used_bytes / 4096));
	fm_engine_close(engine);
	if (server)
		fm_server_close(server);
	if (server_ms)
		return lost && WIFSIGNALED(code) && (WTERMSIG(code) == SIGKILL || WTERMSIG(code) == SIGBUS) ? 0 : WIFEXITED(code) ? 4 : 5;
	return WIFEXITED(code) ? WEXITSTATUS(code) : 128 + WTERMSIG(code);
}
