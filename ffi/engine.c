/* SPDX-License-Identifier: Apache-2.0
 * The public side of the engine: start, stop, and orders handed to its threads. */
#define _GNU_SOURCE
#include "engine.h"
#include "inject.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "uapi.h"

#define EVENT_PIPE_BYTES (1 << 20)

/* ---- start and stop ---- */

static int check_kernel(void)
{
	if (sysconf(_SC_PAGESIZE) != FM_PAGE_SIZE)
		return FM_ERR_PAGE_SIZE;
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return FM_ERR_USERFAULTFD;
	struct uffdio_api api = {.api = UFFD_API, .features = FM_UFFD_FEATURE_MOVE | UFFD_FEATURE_EVENT_FORK};
	int status = ioctl(fd, UFFDIO_API, &api) == 0 ? FM_OK : errno == EPERM ? FM_ERR_USERFAULTFD : FM_ERR_KERNEL;
	close(fd);
	return status;
}

static int watch_engine(struct fm_engine *engine)
{
	struct epoll_event inbox = {.events = EPOLLIN, .data.u64 = 0}, demand = {.events = EPOLLIN, .data.u64 = 1};
	return epoll_ctl(engine->epoll, EPOLL_CTL_ADD, engine->inbox.ready, &inbox) == 0 &&
		       (engine->local || epoll_ctl(engine->epoll, EPOLL_CTL_ADD, engine->demand_socket, &demand) == 0)
		       ? FM_OK
		       : FM_ERR_SYSTEM;
}

struct thread_plan {
	void *(*main)(void *);
	struct fm_queue *queue;
	const char *name;
};

/* The last one is the owner of all state: it ends first. */
static int start_threads(struct fm_engine *engine, const struct thread_plan *plan, unsigned count)
{
	sigset_t every, before;
	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &before); /* signals are the caller's */
	for (unsigned i = 0; i < count; i++) {
		struct fm_thread *thread = &engine->thread[i];
		thread->queue = plan[i].queue;
		if (pthread_create(&thread->id, NULL, plan[i].main, engine) != 0)
			break;
		pthread_setname_np(thread->id, plan[i].name);
		engine->threads++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return engine->threads == count ? FM_OK : FM_ERR_NOMEM;
}

/* All are told before one is waited for: threads that share a queue may take each other's message. */
static void stop_threads(struct fm_thread *thread, unsigned count)
{
	struct fm_message stop[FM_THREADS];
	for (unsigned i = 0; i < count; i++) {
		stop[i] = (struct fm_message){.kind = FM_MSG_STOP};
		fm_queue_push(thread[i].queue, &stop[i]);
	}
	for (unsigned i = 0; i < count; i++)
		pthread_join(thread[i].id, NULL);
}

static void destroy(struct fm_engine *engine)
{
	int fds[] = {engine->epoll, engine->event_pipe[0], engine->event_pipe[1], engine->demand_socket, engine->evict_socket, engine->fetch_socket};
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	fm_queue_destroy(&engine->inbox);
	fm_queue_destroy(&engine->read_queue);
	fm_queue_destroy(&engine->evict_queue);
	fm_queue_destroy(&engine->fetch_queue);
	fm_queue_destroy(&engine->scan_queue);
	fm_queue_destroy(&engine->inject_queue);
	pthread_mutex_destroy(&engine->event_lock);
	pthread_mutex_destroy(&engine->table_lock);
	pthread_mutex_destroy(&engine->tracker_lock);
	if (engine->tracker)
		engine->tracker->close(engine->tracker);
	fm_fetch_trim(engine);
	while (engine->spare_fetch) {
		struct fm_fetch *fetch = engine->spare_fetch;
		engine->spare_fetch = fetch->next;
		free(fetch->data);
		free(fetch);
	}
	fm_slots_clear(&engine->slots);
	if (engine->local)
		fm_local_close(engine->local);
	free(engine->agent_code);
	free(engine->overflow);
	free(engine->table);
	free(engine);
}

/* An engine without threads and connections. NULL with *status. */
static struct fm_engine *make(int32_t *status)
{
	struct fm_engine *engine = calloc(1, sizeof(*engine));
	*status = FM_ERR_NOMEM;
	if (!engine)
		return NULL;
	engine->epoll = engine->event_pipe[0] = engine->event_pipe[1] = -1;
	engine->demand_socket = engine->evict_socket = engine->fetch_socket = -1;
	engine->inbox.ready = engine->read_queue.ready = engine->evict_queue.ready = engine->fetch_queue.ready = engine->scan_queue.ready = engine->inject_queue.ready = -1;
	engine->sequence = 1;
	engine->fault_around = FM_FAULT_AROUND;
	pthread_mutex_init(&engine->event_lock, NULL);
	pthread_mutex_init(&engine->table_lock, NULL);
	pthread_mutex_init(&engine->tracker_lock, NULL);
	fm_slots_init(&engine->slots);
	fm_fetch_list_init(&engine->demand);
	*status = FM_ERR_SYSTEM;
	engine->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (engine->epoll < 0 || pipe2(engine->event_pipe, O_CLOEXEC | O_NONBLOCK) < 0 || fm_queue_init(&engine->inbox) < 0 || fm_queue_init(&engine->read_queue) < 0 ||
	    fm_queue_init(&engine->evict_queue) < 0 || fm_queue_init(&engine->fetch_queue) < 0 || fm_queue_init(&engine->scan_queue) < 0 ||
	    fm_queue_init(&engine->inject_queue) < 0) {
		destroy(engine);
		return NULL;
	}
	fcntl(engine->event_pipe[1], F_SETPIPE_SZ, EVENT_PIPE_BYTES);
	return engine;
}

/* Without `host`: with a store of its own. */
static struct fm_engine *open_engine(const char *host, uint32_t port, uint64_t local_bytes, int32_t *status)
{
	*status = check_kernel();
	struct fm_engine *engine = *status == FM_OK ? make(status) : NULL;
	if (!engine)
		return NULL;
	if (host) {
		*status = fm_pool_connect(engine, host, port);
	} else {
		engine->local = fm_local_open(local_bytes);
		*status = engine->local ? FM_OK : FM_ERR_ARGUMENT;
	}
	if (*status == FM_OK)
		*status = watch_engine(engine);
	if (*status != FM_OK) {
		destroy(engine);
		return NULL;
	}
	const struct thread_plan plan[] = {
		{fm_reader_main, &engine->read_queue, "fm-reader"},
		/* A store of this process needs nothing sent, but its eviction ends with the copy: two make it. */
		host ? (struct thread_plan){fm_evictor_main, &engine->evict_queue, "fm-evictor"}
		     : (struct thread_plan){fm_reader_main, &engine->read_queue, "fm-reader-2"},
		{fm_fetcher_main, &engine->fetch_queue, "fm-fetcher"},
		{fm_scanner_main, &engine->scan_queue, "fm-scanner"},
		{fm_injector_main, &engine->inject_queue, "fm-injector"},
		{fm_pager_main, &engine->inbox, "fm-pager"},
	};
	*status = start_threads(engine, plan, sizeof(plan) / sizeof(plan[0]));
	if (*status != FM_OK) {
		fm_engine_close(engine);
		return NULL;
	}
	return engine;
}

struct fm_engine *fm_engine_open_swap(int32_t *status)
{
	*status = fm_swap_check();
	struct fm_engine *engine = *status == FM_OK ? make(status) : NULL;
	if (!engine)
		return NULL;
	engine->swap = true;
	const struct thread_plan plan[] = {
		{fm_scanner_main, &engine->scan_queue, "fm-scanner"},
		{fm_swapper_main, &engine->inbox, "fm-swapper"},
	};
	struct epoll_event inbox = {.events = EPOLLIN};
	*status = epoll_ctl(engine->epoll, EPOLL_CTL_ADD, engine->inbox.ready, &inbox) == 0 ? FM_OK : FM_ERR_SYSTEM;
	if (*status == FM_OK)
		*status = start_threads(engine, plan, sizeof(plan) / sizeof(plan[0]));
	if (*status != FM_OK) {
		fm_engine_close(engine);
		return NULL;
	}
	return engine;
}

struct fm_engine *fm_engine_open(const char *host, uint32_t port, int32_t *status)
{
	return open_engine(host, port, 0, status);
}

struct fm_engine *fm_engine_open_local(uint64_t capacity_bytes, int32_t *status)
{
	return open_engine(NULL, 0, capacity_bytes, status);
}

void fm_engine_close(struct fm_engine *engine)
{
	/* A thread that waits for the server must come back; so the connections go first. */
	unsigned last = engine->swap ? 1 : 5;
	if (engine->threads > last)
		stop_threads(&engine->thread[last], 1);
	shutdown(engine->evict_socket, SHUT_RDWR);
	shutdown(engine->fetch_socket, SHUT_RDWR);
	stop_threads(engine->thread, engine->threads < last ? engine->threads : last);
	struct fm_space *space = engine->spaces;
	while (space) {
		struct fm_space *next = space->next;
		int fds[] = {space->userfault, space->agent, space->pidfd};
		for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
			if (fds[i] >= 0)
				close(fds[i]);
		fm_map_clear(&space->map);
		fm_ranges_free(&space->regions);
		fm_ranges_free(&space->discarded);
		fm_ranges_free(&space->looked_at);
		fm_ranges_free(&space->birth);
		fm_ranges_free(&space->doubtful);
		free(space->deferred);
		free(space->recalled);
		free(space->group);
		free(space->swapped);
		free(space->barrier);
		free(space->evict.set);
		free(space->evict.left.set);
		free(space->evict.barrier);
		free(space->evict.mapping);
		free(space->prefetch.set);
		free(space);
		space = next;
	}
	fm_batches_free(engine);
	destroy(engine);
}

int32_t fm_engine_event_fd(struct fm_engine *engine)
{
	return engine->event_pipe[0];
}

int32_t fm_engine_pool_alive(struct fm_engine *engine)
{
	return engine->swap ? fm_swap_is_on() : !__atomic_load_n(&engine->pool_lost, __ATOMIC_SEQ_CST);
}

int32_t fm_engine_set_agent(struct fm_engine *engine, const void *code, uint64_t length)
{
	void *copy = malloc(length ? length : 1);
	if (!copy)
		return FM_ERR_NOMEM;
	memcpy(copy, code, length);
	free(engine->agent_code);
	engine->agent_code = copy;
	engine->agent_length = length;
	return FM_OK;
}

int32_t fm_engine_set_fault_around(struct fm_engine *engine, uint32_t pages)
{
	if (engine->swap)
		return FM_ERR_PLANE;
	if (!pages || pages > FM_BATCH_PAGES || (pages & (pages - 1)))
		return FM_ERR_ARGUMENT;
	__atomic_store_n(&engine->fault_around, pages, __ATOMIC_RELAXED);
	return FM_OK;
}

/* ---- descriptors for a child ---- */

int32_t fm_agent_pair(int32_t *fds)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return FM_ERR_SYSTEM;
	fds[0] = pair[0];
	fds[1] = pair[1];
	return FM_OK;
}

/* ---- orders ---- */

static int32_t enqueue(struct fm_engine *engine, struct fm_queue *queue, int kind, uint32_t space, uint64_t op, const struct fm_set *set, uint64_t rate)
{
	struct fm_command *command = calloc(1, sizeof(*command));
	if (command && ((set && !(command->set = fm_set_copy(set))) || (op && !fm_emit_promise(engine, 1)))) {
		fm_set_free(command->set);
		free(command);
		command = NULL;
	}
	if (!command)
		return FM_ERR_NOMEM;
	command->message.kind = kind;
	command->space = space;
	command->op = op;
	command->bytes_per_second = rate;
	command->sequence = __atomic_fetch_add(&engine->sequence, 1, __ATOMIC_RELAXED);
	fm_queue_push(queue ? queue : &engine->inbox, &command->message);
	return FM_OK;
}

static bool grow_table(struct fm_engine *engine)
{
	uint32_t size = engine->table_size ? engine->table_size * 2 : 256;
	struct fm_space **grown = realloc(engine->table, size * sizeof(*grown));
	if (!grown)
		return false;
	memset(grown + engine->table_size, 0, (size - engine->table_size) * sizeof(*grown));
	engine->table = grown;
	engine->table_size = size;
	return true;
}

struct fm_space *fm_table_find(struct fm_engine *engine, uint32_t id)
{
	uint32_t place = id & FM_TABLE_MASK;
	struct fm_space *space = place < engine->table_size ? engine->table[place] : NULL;
	return space && space->id == id ? space : NULL;
}

int32_t fm_attach(struct fm_engine *engine, int32_t socket, int32_t pid)
{
	struct fm_space *space = fm_space_make(engine);
	struct fm_command *command = calloc(1, sizeof(*command));
	if (!space || !command || !fm_emit_promise(engine, FM_SPACE_EVENTS))
		goto failed;
	pthread_mutex_lock(&engine->table_lock);
	uint32_t place = 1;
	while (place < engine->table_size && engine->table[place])
		place++;
	if (place > FM_TABLE_MASK || (place >= engine->table_size && !grow_table(engine))) {
		pthread_mutex_unlock(&engine->table_lock);
		fm_emit_release(engine, FM_SPACE_EVENTS);
		goto failed;
	}
	engine->generation = (engine->generation + 1) & 0x7fff;
	uint32_t id = space->id = engine->generation << 16 | place;
	space->majors_before = UINT64_MAX;
	space->pid = pid;
	engine->table[place] = space;
	pthread_mutex_unlock(&engine->table_lock);
	command->message.kind = FM_MSG_ATTACH;
	command->space = id;
	if (socket >= 0 && engine->agent_code && fm_is_static(pid)) {
		close(socket);
		socket = -1;
	}
	command->socket = socket;
	command->pid = pid;
	fm_queue_push(&engine->inbox, &command->message);
	return (int32_t)id;
failed:
	free(space);
	free(command);
	if (socket >= 0)
		close(socket);
	return FM_ERR_NOMEM;
}

int32_t fm_snapshot(struct fm_engine *engine, uint32_t space, uint64_t op)
{
	return enqueue(engine, &engine->scan_queue, FM_MSG_SCAN_SNAPSHOT, space, op, NULL, 0);
}

int32_t fm_touched(struct fm_engine *engine, uint32_t space, uint32_t flags, uint64_t op)
{
	if (!flags || flags & ~(uint32_t)(FM_TOUCHED_READ | FM_TOUCHED_CLEAR))
		return FM_ERR_ARGUMENT;
	return enqueue(engine, &engine->scan_queue, FM_MSG_SCAN_TOUCHED, space, op, NULL, flags);
}

int32_t fm_engine_use_tracker(struct fm_engine *engine, uint32_t kind)
{
	int status = FM_OK;
	struct fm_tracker *tracker = NULL;
	if (kind == FM_TRACKER_MGLRU && !engine->swap)
		return FM_ERR_PLANE;
	if (kind != FM_TRACKER_NONE)
		tracker = fm_tracker_open(kind, &status);
	if (!tracker && kind != FM_TRACKER_NONE && kind != FM_TRACKER_AUTO)
		return status;
	pthread_mutex_lock(&engine->tracker_lock);
	struct fm_tracker *before = engine->tracker;
	engine->tracker = tracker;
	pthread_mutex_unlock(&engine->tracker_lock);
	if (before)
		before->close(before);
	return tracker ? (int32_t)tracker->kind : FM_TRACKER_NONE;
}

int32_t fm_evict(struct fm_engine *engine, uint32_t space, const struct fm_set *set, uint64_t bytes_per_second, uint64_t op)
{
	return enqueue(engine, &engine->scan_queue, FM_MSG_SCAN_EVICT, space, op, set, bytes_per_second);
}

int32_t fm_prefetch(struct fm_engine *engine, uint32_t space, const struct fm_set *set, uint64_t op)
{
	return enqueue(engine, NULL, FM_MSG_PREFETCH, space, op, set, 0);
}

int32_t fm_warm(struct fm_engine *engine, uint32_t space, const struct fm_set *set, uint32_t flags)
{
	return engine->swap ? FM_OK : enqueue(engine, NULL, FM_MSG_WARM, space, 0, set, flags);
}

int32_t fm_release_files(struct fm_engine *engine, uint32_t space, uint64_t op)
{
	return enqueue(engine, &engine->scan_queue, FM_MSG_SCAN_FILES, space, op, NULL, 0);
}

int32_t fm_age(struct fm_engine *engine, uint32_t space, uint64_t op)
{
	return engine->swap ? enqueue(engine, &engine->scan_queue, FM_MSG_SCAN_AGE, space, op, NULL, 0) : FM_ERR_PLANE;
}

static int32_t enqueue_barrier(struct fm_engine *engine, struct fm_queue *queue, int kind, uint32_t space, uint32_t barrier, uint64_t rate, uint64_t op)
{
	struct fm_command *command = calloc(1, sizeof(*command));
	if (!command || (op && !fm_emit_promise(engine, 1))) {
		free(command);
		return FM_ERR_NOMEM;
	}
	*command = (struct fm_command){.message.kind = kind, .space = space, .op = op, .bytes_per_second = rate, .barrier = barrier};
	command->sequence = __atomic_fetch_add(&engine->sequence, 1, __ATOMIC_RELAXED);
	fm_queue_push(queue, &command->message);
	return FM_OK;
}

int32_t fm_count(struct fm_engine *engine, uint32_t space, uint32_t barrier, uint64_t op)
{
	return engine->swap ? enqueue_barrier(engine, &engine->scan_queue, FM_MSG_SCAN_COUNT, space, barrier, 0, op) : FM_ERR_PLANE;
}

int32_t fm_evict_generations(struct fm_engine *engine, uint32_t space, uint32_t barrier, uint64_t bytes_per_second, uint64_t op)
{
	return engine->swap ? enqueue_barrier(engine, &engine->inbox, FM_MSG_EVICT_GENERATIONS, space, barrier, bytes_per_second, op) : FM_ERR_PLANE;
}

int32_t fm_take_recalled(struct fm_engine *engine, uint32_t space, uint64_t op)
{
	return enqueue(engine, NULL, FM_MSG_TAKE, space, op, NULL, 0);
}

int32_t fm_cancel(struct fm_engine *engine, uint32_t space)
{
	return enqueue(engine, NULL, FM_MSG_CANCEL, space, 0, NULL, 0);
}

int32_t fm_space_close(struct fm_engine *engine, uint32_t space)
{
	return enqueue(engine, NULL, FM_MSG_CLOSE, space, 0, NULL, 0);
}

int32_t fm_space_stats(struct fm_engine *engine, uint32_t id, struct fm_space_stats *out)
{
	pid_t pid = 0;
	uint64_t majors_before = UINT64_MAX;
	pthread_mutex_lock(&engine->table_lock);
	struct fm_space *space = fm_table_find(engine, id);
	if (space) {
		if (engine->swap && !__atomic_load_n(&space->dead, __ATOMIC_ACQUIRE))
			pid = space->pid;
		majors_before = __atomic_load_n(&space->majors_before, __ATOMIC_RELAXED);
		const uint64_t *from = (const uint64_t *)&space->stats;
		uint64_t *to = (uint64_t *)out;
		for (size_t i = 0; i < sizeof(*out) / sizeof(uint64_t); i++)
			to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&engine->table_lock);
	if (pid)
		fm_swap_stats(pid, majors_before, out);
	return space ? FM_OK : FM_ERR_NO_SPACE;
}
