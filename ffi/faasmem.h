/* SPDX-License-Identifier: Apache-2.0
 *
 * faasmem.h - the one public header of the C library: memory engine, page sets, memory server.
 *
 * Rules that hold for every function:
 *   - 0 or a positive value is success, a negative value is one of enum fm_status; nothing aborts or exits;
 *   - no call blocks on a target process or on the network, except *_open and *_close;
 *   - work that takes time is an operation: the call returns at once, and a struct fm_event with the caller's
 *     `op` number is written to the engine's event descriptor when it ended, exactly once;
 *   - a page is 4096 bytes; page numbers are addresses divided by 4096.
 */
#ifndef FAASMEM_H
#define FAASMEM_H

#include <stddef.h>
#include <stdint.h>

#define FM_API __attribute__((visibility("default")))
#define FM_PAGE_SIZE 4096u

enum fm_status {
	FM_OK = 0,
	FM_ERR_NOMEM = -1,      /* out of memory in this process */
	FM_ERR_USERFAULTFD = -2, /* userfaultfd is absent or not permitted */
	FM_ERR_KERNEL = -3,     /* the kernel lacks a feature that this needs (UFFDIO_MOVE: Linux 6.8) */
	FM_ERR_CONNECT = -4,    /* the memory server does not answer at this address */
	FM_ERR_POOL_LOST = -5,  /* the connection to the memory server broke */
	FM_ERR_POOL_FULL = -6,  /* the memory server has no room left */
	FM_ERR_NO_SPACE = -7,   /* no such space, or its process has ended */
	FM_ERR_BUSY = -8,       /* an operation of this kind is running on the space */
	FM_ERR_ARGUMENT = -9,   /* an argument is out of range */
	FM_ERR_SYSTEM = -10,    /* another system call failed */
	FM_ERR_ADDRESS = -11,   /* the address to listen on is in use or not ours */
	FM_ERR_PROTOCOL = -12,  /* the peer does not speak this protocol version */
	FM_ERR_NO_AGENT = -14,  /* the process did not load the preload agent */
	FM_ERR_PAGE_SIZE = -13, /* the machine's pages are not 4096 bytes */
	FM_ERR_PERMISSION = -15, /* this needs a privilege that the process lacks */
	FM_ERR_NO_SWAP = -20,   /* the swap plane, and no swap is on */
	FM_ERR_PLANE = -21,     /* the plane of this engine has no such thing */
	FM_ERR_NO_GROUP = -22,  /* the process is in no memory cgroup of its own */
};

/* What an event tells. */
enum fm_event_type {
	FM_EVENT_ATTACHED = 1,  /* status; space is managed from now on */
	FM_EVENT_SNAPSHOT = 2,  /* op, status, set */
	FM_EVENT_EVICTED = 3,   /* op, status, a: pages that left, b: of them all-zero, c: 1 when cancelled */
	FM_EVENT_PREFETCHED = 4, /* op, status, a: pages that came back */
	FM_EVENT_RECALLED = 5,  /* op, status, set: pages that came back since the last call */
	FM_EVENT_LOST = 6,      /* status: why the pages of this space are gone; its process has been killed */
	FM_EVENT_POOL_LOST = 7, /* status: the engine has no memory server any more */
	FM_EVENT_ENDED = 8,     /* the process of this space has ended */
	FM_EVENT_TOUCHED = 9,   /* op, status, set: pages that the program touched since they were last cleared */
	FM_EVENT_AGED = 10,     /* op, status, a: number of the barrier, b: how long it took, us */
	FM_EVENT_COUNTED = 11,  /* op, status, a: anonymous pages up to the barrier, b: after it */
	FM_EVENT_FILES_RELEASED = 12, /* op, status, a: pages */
};

struct fm_event {
	uint32_t type;
	uint32_t space;
	uint64_t op;
	int64_t status;
	uint64_t a, b, c;
	uint64_t set; /* address of a struct fm_set that the reader now owns, or 0 */
	uint64_t reserved;
};

/* Hotness trackers: how touched pages are found. */
enum fm_tracker_kind {
	FM_TRACKER_AUTO = 0, /* the best that this machine has */
	FM_TRACKER_NONE = 1, /* none: what came back from the pool is all that is known ("refault") */
	FM_TRACKER_EBPF = 2, /* accessed bits of the page tables, read by a BPF program: exact */
	FM_TRACKER_IDLE = 3, /* the kernel's idle page bitmap */
	FM_TRACKER_MGLRU = 4, /* the kernel's generations: numbers of pages only (fm_age and what follows it) */
};
/* What fm_touched does. */
enum fm_touched_flag {
	FM_TOUCHED_READ = 1,
	FM_TOUCHED_CLEAR = 2, /* after reading, when both are asked for */
};

/* ---- page sets: immutable, sorted, any thread ---- */

struct fm_set;

FM_API struct fm_set *fm_set_empty(void);
FM_API struct fm_set *fm_set_union(const struct fm_set *a, const struct fm_set *b);
FM_API struct fm_set *fm_set_subtract(const struct fm_set *a, const struct fm_set *b);
FM_API struct fm_set *fm_set_intersect(const struct fm_set *a, const struct fm_set *b);
/* The pages [start, start + pages). */
FM_API struct fm_set *fm_set_range(uint64_t start, uint64_t pages);
/* The first `pages` pages by address. */
FM_API struct fm_set *fm_set_first(const struct fm_set *set, uint64_t pages);
/* `count` ranges as pairs of start and end, ascending; touching and overlapping ones are joined. */
FM_API struct fm_set *fm_set_of_ranges(const uint64_t *pairs, uint64_t count);
/* All of these return NULL when out of memory. */
FM_API uint64_t fm_set_pages(const struct fm_set *set);
FM_API uint64_t fm_set_range_count(const struct fm_set *set);
/* Writes all ranges to `pairs`, as above. */
FM_API void fm_set_ranges(const struct fm_set *set, uint64_t *pairs);
FM_API void fm_set_free(struct fm_set *set);

/* ---- engine ---- */

struct fm_engine;

struct fm_space_stats {
	uint64_t remote_pages;   /* level: held by the pool now */
	uint64_t copy_bytes;     /* level: page copies in this process (in transit) */
	uint64_t recall_faults;  /* faults served from the pool or from a page in transit */
	uint64_t recalled_pages; /* pages that came back */
	uint64_t evicted_pages;  /* pages that left, all-zero ones included */
	uint64_t zero_fills;     /* faults on never-stored pages */
	uint64_t unsent_pages;   /* of the pages that left: came back unchanged and so did not need to be sent */
	uint64_t stall_us;       /* time from reading a fault to waking its thread, summed */
};

/* Connects to the memory server and starts the engine's threads. On failure NULL, and *status says why. */
FM_API struct fm_engine *fm_engine_open(const char *host, uint32_t port, int32_t *status);
/* The same with a store in this process instead of a memory server: shows what the engine does without a network, and
 * saves no memory. FM_ERR_ARGUMENT: a capacity out of range. */
FM_API struct fm_engine *fm_engine_open_local(uint64_t capacity_bytes, int32_t *status);
/* An engine of the swap plane: pages go to the swap of this machine, whatever it is, and the kernel serves the faults. No
 * memory server, no agent: fm_attach takes any process, `socket` is -1. All other calls are the same. Needs root and
 * Linux 5.10. */
FM_API struct fm_engine *fm_engine_open_swap(int32_t *status);
/* The descriptor that struct fm_event records are read from (non-blocking pipe). Owned by the engine. */
FM_API int32_t fm_engine_event_fd(struct fm_engine *engine);
/* Is there somewhere to send pages to? (On the swap plane: is any swap on?) */
FM_API int32_t fm_engine_pool_alive(struct fm_engine *engine);
/* Pages brought back around a demand fault, as one aligned block: a power of two, 1 to 256. Default 64. On the swap plane
 * the kernel decides (vm.page-cluster): FM_ERR_PLANE. */
FM_API int32_t fm_engine_set_fault_around(struct fm_engine *engine, uint32_t pages);
/* Chooses the hotness tracker; returns the one that is in use now (enum fm_tracker_kind), or a negative status and
 * then nothing changes. Looks into the kernel's type information: some 50 ms. */
FM_API int32_t fm_engine_use_tracker(struct fm_engine *engine, uint32_t kind);
/* What clearing an accessed bit costs the next access to the page on this machine, in nanoseconds: median of a few tries
 * with a child process of 4 MiB, some 20 ms. FM_ERR_SYSTEM, FM_ERR_PERMISSION. */
FM_API int32_t fm_look_cost(uint64_t *ns_per_page);
/* Ends the threads and closes everything. Processes with remote pages are killed first. */
FM_API void fm_engine_close(struct fm_engine *engine);

/* Makes the socket pair for one agent: fds[0] stays here (fm_attach takes it), fds[1] goes to the child. */
FM_API int32_t fm_agent_pair(int32_t *fds);

/* The agent that is injected where it was not preloaded (agent.blob), copied. Before the first fm_attach. */
FM_API int32_t fm_engine_set_agent(struct fm_engine *engine, const void *code, uint64_t length);
/* Takes over `socket` and waits for the preloaded agent in process `pid` to say hello; then FM_EVENT_ATTACHED. A
 * process that says nothing for a second, or with `socket` -1 any process at once, has the agent injected. When the
 * process executes another program, that is attached to likewise: its space keeps its number, and empty sets
 * and failing operations are all that is seen of the moment between. Returns the space's number (> 0). */
FM_API int32_t fm_attach(struct fm_engine *engine, int32_t socket, int32_t pid);
/* Resident pages of the private anonymous memory that the engine manages. */
FM_API int32_t fm_snapshot(struct fm_engine *engine, uint32_t space, uint64_t op);
/* Moves the pages of `set` (copied) to the pool; bytes_per_second 0 = unlimited. */
FM_API int32_t fm_evict(struct fm_engine *engine, uint32_t space, const struct fm_set *set,
			uint64_t bytes_per_second, uint64_t op);
FM_API int32_t fm_prefetch(struct fm_engine *engine, uint32_t space, const struct fm_set *set, uint64_t op);
enum fm_warm_flag {
	FM_WARM_FIRST = 1, /* what came before and was not begun is forgotten */
	FM_WARM_LAST = 2,  /* begins */
};
/* Has the program's process touch those pages of the sets (copied) of one or more calls that are not far away, one set after the other,
 * and before them those of the executable that fm_release_files found in use when it was last called (but for the first call, which
 * finds what the start wanted), beside the program and without waiting for it:
 * where a hypervisor keeps the processor's page tables the first touch of a page that came back takes microseconds. At most
 * 2048 stretches, and not while it still does so for an earlier call. Nothing on the swap plane. */
FM_API int32_t fm_warm(struct fm_engine *engine, uint32_t space, const struct fm_set *set, uint32_t flags);
/* Which pages were touched since the last clear: accessed bits, in the pages that the engine manages. A page that was
 * just brought back counts as touched. FM_ERR_KERNEL when there is no tracker. */
FM_API int32_t fm_touched(struct fm_engine *engine, uint32_t space, uint32_t flags, uint64_t op);
/* Has the kernel drop clean pages of files that only this process maps; it reads them from the file when they are touched again. Pages of
 * an executable that the engine's process runs, too, stay in the kernel's cache, for the next process that starts. On the uffd plane they
 * leave the process's page table, soon, whoever else maps them.
 * Nothing where the kernel has no process_madvise(2) (Linux 5.10). FM_ERR_PERMISSION without CAP_SYS_NICE. */
FM_API int32_t fm_release_files(struct fm_engine *engine, uint32_t space, uint64_t op);
/* Generations (tracker FM_TRACKER_MGLRU), on the swap plane, for a process in a memory cgroup of its own: FM_ERR_NO_GROUP otherwise.
 * A barrier: one aging step on every memory node. Pages that are touched after it belong to later generations, as of the
 * next barrier. Barriers of a space are numbered from 0. */
FM_API int32_t fm_age(struct fm_engine *engine, uint32_t space, uint64_t op);
/* How many pages there are in the generations up to a barrier, and after it. */
FM_API int32_t fm_count(struct fm_engine *engine, uint32_t space, uint32_t barrier, uint64_t op);
/* Has the kernel evict the generations up to a barrier. The kernel refuses while there are not two
 * barriers after it. Answered and cancelled as fm_evict; it may be off by a page where the program faults meanwhile. */
FM_API int32_t fm_evict_generations(struct fm_engine *engine, uint32_t space, uint32_t barrier, uint64_t bytes_per_second,
				    uint64_t op);
FM_API int32_t fm_take_recalled(struct fm_engine *engine, uint32_t space, uint64_t op);
/* Ends a running eviction; its event comes when the pages in transit have settled. */
FM_API int32_t fm_cancel(struct fm_engine *engine, uint32_t space);
FM_API int32_t fm_space_stats(struct fm_engine *engine, uint32_t space, struct fm_space_stats *out);
/* Forgets the space. A process that still lives and has remote pages is killed. */
FM_API int32_t fm_space_close(struct fm_engine *engine, uint32_t space);

/* ---- memory server ---- */

struct fm_server;

struct fm_server_stats {
	uint64_t capacity_bytes, used_bytes, sessions, connections, pages_written, pages_read;
};

/* Listens on a numeric address; port 0 = any. At most capacity_bytes of pages over all clients. */
FM_API struct fm_server *fm_server_open(const char *host, uint32_t port, uint64_t capacity_bytes,
					int32_t *status);
FM_API int32_t fm_server_port(struct fm_server *server);
FM_API int32_t fm_server_stats(struct fm_server *server, struct fm_server_stats *out);
FM_API void fm_server_close(struct fm_server *server);

/* ---- what this machine allows ---- */

enum fm_trial_kind {
	FM_TRIAL_USERFAULTFD = 0,        /* userfaultfd(2) with faults of system calls; value: features of the kernel */
	FM_TRIAL_USERFAULTFD_DEVICE = 1, /* the same by /dev/userfaultfd */
	FM_TRIAL_USERFAULTFD_USER = 2,   /* userfaultfd(2) without them: what users without privileges have */
	FM_TRIAL_USERFAULTFD_FORK = 3,   /* with fork events, as the engine needs it */
	FM_TRIAL_PAGEMAP_SCAN = 4,
	FM_TRIAL_PROCESS_MADVISE = 5,    /* MADV_PAGEOUT of a page of a child */
	FM_TRIAL_PTRACE = 6,             /* PTRACE_SEIZE of a child */
	FM_TRIAL_BPF = 7,                /* creating a BPF map */
	FM_TRIAL_TRACKER_EBPF = 8,
	FM_TRIAL_TRACKER_IDLE = 9,
	FM_TRIAL_PAGE_SIZE = 10,         /* value: bytes of a page */
};

/* Tries one of them and leaves nothing behind. 0: it works; else a negative errno. Call it in a process of its own:
 * a seccomp filter may end the caller. At most some 100 ms. */
FM_API int32_t fm_trial(uint32_t kind, uint64_t *value);

#endif
