/* SPDX-License-Identifier: Apache-2.0
 * Inside of the engine. Six threads:
 *   pager    owns every space, page map and slot; reads userfaultfd events, serves demand faults, gives
 *            orders to the agents. It never blocks on a target or on bulk traffic.
 *   reader   copies staged pages out of the target, checks for zeros, makes checksums.
 *   evictor  sends them to the memory server and takes its acknowledgements; with a store of this process, where nothing
 *            is sent, it is a second reader instead.
 *   fetcher  reads pages in bulk for prefetches.
 *   injector starts agents in processes that did not preload them.
 *   scanner  reads /proc for snapshots and for the mappings of an eviction.
 * Others talk to the pager through its inbox; the pager talks to them through their queues.
 * An engine of the swap plane has two: scanner, and swapper (swap.c) in the pager's place. */
#ifndef FM_ENGINE_H
#define FM_ENGINE_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>
#include <linux/userfaultfd.h>

#include "agent.h"
#include "clock.h"
#include "hotness/mglru.h"
#include "hotness/tracker.h"
#include "local_store.h"
#include "page_map.h"
#include "queue.h"
#include "ranges.h"
#include "set.h"
#include "slots.h"
#include "sum.h"
#include "wire.h"

/* Pages brought back around a demand fault, as one aligned block. 64: most of the gain of 512 at an eighth
 * of the read (docs/concepts/fault-around.md). */
#define FM_FAULT_AROUND 64u
/* Sequential walks that a space is watched for, and most pages that are fetched ahead of one. */
#define FM_STREAMS 4u
#define FM_READ_AHEAD 256u
_Static_assert(FM_READ_AHEAD <= FM_BATCH_PAGES, "a fetch has no more places");
/* Pages of zeros put around a first touch inside a managed mapping. */
#define FM_ZERO_AROUND 16u
/* Holes are cut only out of mappings of this many pages (1 GiB): reservations of an allocator. At most so many are
 * known of a space; the smallest hole worth a cut. (The stress tests build with smaller ones.) */
#ifndef FM_RESERVATION
#define FM_RESERVATION (1u << 18)
#define FM_RESERVATIONS 4u
#define FM_HOLE_PAGES 32u
#endif
/* Most cuts between two evictions, and how far a hole is looked for to both sides, in chunks of the page map. */
#define FM_HOLES 1024u
#define FM_HOLE_CHUNKS 32u
/* Local copies of batches in transit, over all spaces: 8 MiB. */
#define FM_BATCH_BUFFERS 8u
/* Bulk reads of one prefetch on their way at once. */
#define FM_BULK_IN_FLIGHT 4u
/* A memory server that leaves a demand read unanswered for this long counts as lost. */
#define FM_DEMAND_TIMEOUT_NS 10000000000ull

/* Events that an attached space sends without being asked: attached, lost, ended, attached again after an exec. */
#define FM_SPACE_EVENTS 4u

/* A space's number: its place in the table, and a generation above it so that numbers do not come back. */
#define FM_TABLE_MASK 0xffffu

struct fm_space;

enum fm_message_kind {
	/* to the pager */
	FM_MSG_ATTACH, FM_MSG_EVICT, FM_MSG_PREFETCH, FM_MSG_TAKE, FM_MSG_CANCEL, FM_MSG_CLOSE,
	FM_MSG_EVICT_GENERATIONS, FM_MSG_BATCH_READ, FM_MSG_BATCH_STORED, FM_MSG_FETCHED, FM_MSG_TOUCHED, FM_MSG_FILES, FM_MSG_INJECTED,
	FM_MSG_WARM,
	/* to the scanner */
	FM_MSG_SCAN_SNAPSHOT, FM_MSG_SCAN_TOUCHED, FM_MSG_SCAN_EVICT, FM_MSG_SCAN_AGE, FM_MSG_SCAN_COUNT,
	FM_MSG_SCAN_FILES,
	/* to reader, evictor, fetcher and injector */
	FM_MSG_BATCH, FM_MSG_FREE_SLOTS, FM_MSG_FETCH, FM_MSG_INJECT,
	/* to any of them */
	FM_MSG_STOP,
};

/* An order of the caller, on its way to the pager (some by way of the scanner). */
struct fm_command {
	struct fm_message message;
	uint32_t space;
	uint64_t op, sequence; /* sequence: evictions and cancels of all callers in their order */
	struct fm_set *set;
	uint64_t bytes_per_second; /* FM_MSG_SCAN_TOUCHED: enum fm_touched_flag; FM_MSG_WARM: enum fm_warm_flag */
	uint32_t barrier;
	struct fm_range *mapping; /* FM_MSG_EVICT: manageable mappings when it was ordered */
	size_t mappings;
	uint64_t discards; /* FM_MSG_EVICT: of the space, ... */
	bool quiet;	   /* ... and since then each thread was seen outside of madvise */
	uint64_t released; /* FM_MSG_FILES: pages */
	int status;
	int socket;
	pid_t pid;
};

struct fm_free_slots {
	struct fm_message message;
	uint32_t count;
	uint32_t slot[FM_WIRE_MAX_PAGES];
};

/* A child that was forked while a batch was in transit waits for the batch: (space, page) pairs. */
struct fm_sharer {
	struct fm_sharer *next;
	struct fm_space *space;
	uint64_t page;
	uint32_t index;
};

/* Pages between "taken from the program" and "held by the pool". */
struct fm_batch {
	struct fm_message read;   /* pager -> reader as FM_MSG_BATCH, back as FM_MSG_BATCH_READ */
	struct fm_message send;   /* reader -> evictor as FM_MSG_BATCH */
	struct fm_message stored; /* evictor (or reader) -> pager as FM_MSG_BATCH_STORED */
	struct fm_batch *next_unacked;
	struct fm_space *space;
	struct fm_sharer *sharers;
	pid_t pid;
	uint64_t staging; /* address of the staging buffer in the target */
	uint32_t number, buffer, pages, sent;
	uint64_t room; /* engine's, when it was made */
	int status;
	bool data_ready;
	bool failed_read;
	uint64_t page[FM_BATCH_PAGES]; /* where the page belongs; 0 = nowhere any more */
	uint32_t slot[FM_BATCH_PAGES];
	struct fm_sum sum[FM_BATCH_PAGES];
	uint32_t clean_slot[FM_BATCH_PAGES]; /* holds what the page was when it came back last, or FM_NO_SLOT */
	struct fm_sum clean_sum[FM_BATCH_PAGES];
	bool unchanged[FM_BATCH_PAGES]; /* it is that still: not sent */
	uint16_t index[FM_BATCH_PAGES]; /* place in the staging buffer */
	bool zero[FM_BATCH_PAGES];
	bool wanted[FM_BATCH_PAGES]; /* a thread waits for it */
	bool in_store; /* the slots of the local store hold the pages; otherwise `data` does */
	uint8_t *data;
};

/* Pages on their way back: a demand fault's window or a piece of a prefetch. */
struct fm_fetch {
	struct fm_message message;
	struct fm_fetch *next; /* queue of the pager */
	struct fm_space *space;
	bool bulk;
	bool ahead; /* nobody waits for it */
	bool local; /* its data never was in the pool */
	uint32_t capacity; /* pages that `data` has room for */
	int status;
	uint32_t pages, at; /* at: first page not yet put in place */
	uint64_t started_ns, fault_page;
	uint64_t page[FM_BATCH_PAGES];
	uint32_t slot[FM_BATCH_PAGES];
	struct fm_sum sum[FM_BATCH_PAGES]; /* what the slot was given */
	bool compared; /* with the sums, by the fetcher; `damaged` says how that ended */
	bool damaged[FM_BATCH_PAGES];
	uint8_t *data;
};

struct fm_evict_job {
	bool active, cancelled;
	uint64_t op;
	struct fm_set *set;
	struct fm_range *mapping; /* to be registered before the first page leaves */
	size_t mappings, at_mapping; /* at_mapping: cursor of the swapper */
	size_t range;	    /* cursor: next page to look at is */
	uint64_t next_page; /* max(next_page, set->range[range].start) */
	uint64_t bytes_per_second, next_ns;
	uint32_t in_flight;
	uint64_t evicted, zeros;
	struct fm_set_builder left; /* swap plane: pages that went to swap */
	struct fm_barrier *barrier; /* instead of a set: generations up to this one */
	int status;
};

struct fm_prefetch_job {
	bool active;
	uint64_t op;
	struct fm_set *set;
	size_t range;
	uint64_t next_page;
	uint32_t in_flight;
	uint64_t restored;
};

struct fm_fetch_list {
	struct fm_fetch *head, **tail;
};

/* A walk through memory in the order of addresses: it faults at the end of what was fetched for it. */
struct fm_stream {
	uint64_t end;	/* page after the last one that was fetched */
	uint32_t ahead; /* pages fetched ahead last time */
};

struct fm_space {
	struct fm_space *next, *grave;
	struct fm_engine *engine;
	struct fm_space *root; /* the attached process; forked children count there */
	uint32_t id;	       /* 0 for forked children */
	uint64_t since;	       /* sequence when it was made: earlier commands may have seen another program in its process */
	unsigned refs;	       /* batches, fetches, sharers, children; and one while it is in the list */
	pid_t pid;
	int pidfd, userfault, agent;
	bool closed;
	bool injecting;
	bool replaced;	     /* its process executed another program: another space has its number now */
	bool known;	     /* the caller was told that it is attached */
	uint64_t patience_ns; /* until then, the preloaded agent may say hello */
	bool dead, attached; /* read by the scanner too: set with fm_flag */
	bool agent_gone;     /* nothing can be evicted any more */
	uint64_t gone_ns;    /* since then */
	bool abandoned;	     /* fm_space_abandon */
	bool starved;	     /* there was no memory to read its events into: again soon */
	uint64_t unsettled_ns; /* since then a change that it was told of has not happened yet; 0: none */
	bool gated;	     /* a MOVE order is out: events stay unread until its answer */
	uint64_t gated_ns;   /* since then */
	uint32_t held;	     /* forked child: number under which the agent holds its descriptor */
	bool holds[FM_AGENT_HELD]; /* root: numbers in use */
	unsigned waiting_for; /* forked child: batches that it still shares; its events stay unread meanwhile */
	struct fm_page_map map;
	uint64_t away; /* entries that are STORED or TRANSIT */
	struct fm_ranges regions; /* registered with userfaultfd */
	/* A discard is told before it happens, and nobody tells when it has: these pages must not leave meanwhile, or they
	 * would come back with what was to be discarded. Out of here by a fault, which shows that they were gone. */
	struct fm_ranges discarded;
	uint64_t discards;	/* that were told; atomic */
	/* Forked child: of `looked_at`, `birth` was registered when it was made. */
	struct fm_ranges looked_at, birth;
	/* Forked child: stored pages of these may have been its parent's or not. */
	struct fm_ranges doubtful;
	struct fm_range reservation[FM_RESERVATIONS]; /* as of the last eviction */
	uint32_t reservations, holes;
	struct fm_agent_hello hello; /* where the agent's own memory is; flush 0: the kernel cannot do that */
	bool staging_busy[FM_STAGING_BUFFERS];
	struct fm_batch *ordered; /* the batch of the MOVE order that is out */
	uint64_t ordered_page[FM_BATCH_PAGES];
	uint32_t ordered_pages;
	struct fm_evict_job evict;
	uint64_t cancelled_until; /* sequence of the last cancel */
	struct fm_prefetch_job prefetch;
	struct fm_set *files; /* pages of the executable that requests had used when they were last given back */
	bool files_released;
	struct fm_stream stream[FM_STREAMS];
	uint32_t next_stream; /* to be replaced by the next new walk */
	struct fm_fetch_list ready; /* fetched, not yet (wholly) put in place */
	struct uffd_msg *group; /* changes that were read and not yet applied (space.c) */
	size_t group_count, group_capacity;
	uint64_t *deferred;	    /* pages of faults to look at again after the events were read */
	size_t deferred_count, deferred_capacity;
	uint64_t *recalled;
	size_t recalled_count, recalled_capacity;
	/* Swap plane. What was in swap when it was looked at last; and major faults of the process before its first eviction
	 * (UINT64_MAX: there was none; atomic). */
	struct fm_set *swapped;
	struct fm_barrier *barrier; /* under table_lock */
	uint32_t barriers;
	uint64_t majors_before;
	struct fm_space_stats stats; /* of the root; written by the pager, read by anyone (atomic words) */
};

/* Of an engine at most. */
#define FM_THREADS 6

struct fm_thread {
	pthread_t id;
	struct fm_queue *queue; /* that it is told to stop by */
};

struct fm_engine {
	bool swap; /* plane: swap instead of userfaultfd */
	struct fm_thread thread[FM_THREADS];
	unsigned threads;
	struct fm_queue inbox, read_queue, evict_queue, fetch_queue, scan_queue, inject_queue;
	void *agent_code; /* to be injected */
	size_t agent_length;
	int epoll, event_pipe[2];
	int demand_socket, evict_socket, fetch_socket;
	struct fm_local_store *local; /* instead of a memory server and the three sockets, or NULL */
	int pool_lost; /* atomic */
	uint32_t fault_around; /* atomic; pages */
	bool stopping;

	pthread_mutex_t event_lock; /* event pipe and its overflow */
	struct fm_event *overflow;
	size_t overflow_count, overflow_capacity;
	size_t promised; /* events that there must be room for, whatever happens */

	pthread_mutex_t table_lock; /* table: id -> space, for callers' threads and the scanner */
	struct fm_space **table;
	uint32_t table_size, generation;
	uint64_t sequence; /* atomic */

	pthread_mutex_t tracker_lock;
	struct fm_tracker *tracker;

	/* pager only from here */
	struct fm_space *spaces, *graveyard; /* graveyard: freed at the end of the round */
	struct fm_slots slots;
	struct fm_batch **batch; /* by number */
	uint32_t batches;
	uint64_t room; /* how often a full pool was made room in */
	uint8_t *buffer[FM_BATCH_BUFFERS];
	bool buffers_used; /* since the last tick */
	struct fm_fetch_list demand; /* sent, in order of their answers */
	struct fm_wire_header demand_header;
	size_t demand_received; /* bytes of the answer at the head of `demand` */
	uint32_t demand_id;
	struct fm_fetch *spare_fetch, *spare_bulk;
	unsigned spare_fetches, spare_bulks;
	uint64_t last_fault_ns, last_tick_ns, crowded_ns; /* crowded: until then it does not poll */
};

/* ---- events.c: telling the caller ---- */
void fm_emit(struct fm_engine *engine, const struct fm_event *event);
/* Keeps room for `events` that will be emitted. False: no memory. An event with an operation's number takes one up. */
bool fm_emit_promise(struct fm_engine *engine, size_t events);
void fm_emit_release(struct fm_engine *engine, size_t events);
void fm_emit_flush(struct fm_engine *engine);

/* ---- space.c: one address space ---- */
struct fm_space *fm_space_make(struct fm_engine *engine);
void fm_space_ref(struct fm_space *space);
void fm_space_unref(struct fm_space *space);
/* The process has ended or must: gives everything back; batches and fetches that are out find it dead. */
void fm_space_end(struct fm_space *space);
/* Kills the attached process and all that it forked, in its process group or not. */
void fm_space_signal(struct fm_space *space);
/* The same, and tells of it. */
void fm_space_kill(struct fm_space *space, int status);
/* Kills it, and until it has ended serves none of its faults: what its pages hold is not known any more. */
void fm_space_abandon(struct fm_space *space, int status);
int fm_space_handshake(struct fm_space *space);
/* ---- regions.c ---- */
/* Is a change of this address space happened but unread? */
bool fm_space_is_changing(struct fm_space *space);
/* Is the page in a mapping that is registered? */
bool fm_space_is_registered(struct fm_space *space, uint64_t page);
/* Is all of this one mapping that is registered? */
bool fm_space_is_one_mapping(struct fm_space *space, uint64_t start, uint64_t end);
/* Adds to a new child's `birth` what of these regions is registered in it. False: no memory. */
bool fm_region_birth(struct fm_space *child, const struct fm_ranges *regions);
void fm_region_remove(struct fm_space *space, uint64_t start, uint64_t end);
/* Adds what is registered at and after `page` though it was not known. */
void fm_region_learn(struct fm_space *space, uint64_t page);
/* Registers one mapping and makes sure that all of it really is. */
void fm_space_register(struct fm_space *space, uint64_t start, uint64_t end);
/* Notes the reservations among the mappings of an eviction. */
void fm_region_reservations(struct fm_space *space, const struct fm_range *mapping, size_t mappings);
/* Unregisters what is empty around a page of a reservation that is touched for the first time: the next first touches
 * there run at native speed. True when it did, and so the page's fault needs no answer. */
bool fm_region_cut(struct fm_space *space, uint64_t page);
/* Unregisters everything when no page is away: first touches run at native speed again. */
void fm_space_release_regions(struct fm_space *space);
/* ---- space.c ---- */
/* Forgets an entry and what it stands for (a visitor of fm_map_each; context: the space). */
void fm_space_forget(void *space, uint64_t page, uint64_t entry);
/* Sets, changes or forgets (0) an entry; keeps the remote count. False: out of memory. */
bool fm_space_set(struct fm_space *space, uint64_t page, uint64_t entry);
/* Puts `pages` pages at `page`. With `keep`, their slots stay taken, so that pages that are not changed need not be sent
 * again (CLEAN). Returns how many were dealt with; fewer means: read events, try the rest again. */
uint32_t fm_space_fill(struct fm_space *space, uint64_t page, const uint8_t *data, uint32_t pages, bool keep);
/* Zeros likewise; `window` pages around it as far as they hold nothing. False: try again after events. */
bool fm_space_zero(struct fm_space *space, uint64_t page);
void fm_space_wake(struct fm_space *space, uint64_t page, uint64_t pages);
/* An access to this page from now on is a SIGBUS: loud, not wrong. False: the page is as it was. */
bool fm_space_poison(struct fm_space *space, uint64_t page);
void fm_space_note_recalled(struct fm_space *space, uint64_t page);
/* Makes the processor look at the page tables again: what it remembers of them sets no accessed bit. */
void fm_space_flush(struct fm_space *space);
/* SIGKILL to this process alone: it is ending already, as a rule; and if not, some of its pages are neither there nor here. */
void fm_space_end_process(struct fm_space *space);
/* Tells the agent what to do. False with errno: it was not told. */
bool fm_space_order(struct fm_space *space, const struct fm_agent_order *order);
/* Notes what was given back of the executable; takes the set when it keeps it. */
void fm_space_keep_files(struct fm_space *space, struct fm_set **set);
/* Has it touch the set's pages that are not away, and those files. */
void fm_space_warm(struct fm_space *space, const struct fm_set *set, uint32_t flags);
/* Takes pages of files out of the process's page table, by its agent, soon. How many. */
uint64_t fm_space_unmap_files(struct fm_space *space, const struct fm_set *set);
/* Has the attached process hold a forked child's descriptor. */
void fm_space_hold_child(struct fm_space *child);
bool fm_space_is_gone(struct fm_space *space);

/* ---- files.c ---- */
/* The event of FM_MSG_SCAN_FILES; frees the command. */
void fm_files_answer(struct fm_engine *engine, struct fm_command *command);

/* ---- injector.c ---- */
/* Has the agent started in the space's process; FM_MSG_INJECTED comes of it. */
void fm_injector_order(struct fm_space *space);
void *fm_injector_main(void *engine);

/* ---- changes.c ---- */
/* Reads and applies everything that the kernel has to say. */
void fm_space_read_events(struct fm_space *space);
/* Starts to listen to a forked child. */
void fm_space_child_events(struct fm_space *child);
/* A space ends with changes that wait for others: children whose fork is among them must not go on, because nobody can tell any more what
 * they got. Their descriptors stay open until they have ended. Is there any? */
bool fm_space_orphans(struct fm_space *space);

/* ---- evict.c ---- */
void fm_evict_start(struct fm_space *space, struct fm_command *command);
void fm_evict_pump(struct fm_space *space);
/* False: the agent is gone. */
bool fm_evict_answer(struct fm_space *space);
/* Nothing more can leave this space. */
void fm_evict_stop(struct fm_space *space);
/* Its agent is gone and the process is not: kills it if a move's answer was lost. */
void fm_evict_lost(struct fm_space *space);
/* Has the agent forget a staging buffer that was read. */
void fm_evict_empty(struct fm_space *space, uint32_t buffer);

/* ---- batch.c ---- */
#define FM_BATCH_BYTES ((size_t)FM_BATCH_PAGES * FM_PAGE_SIZE)
/* NULL: no memory, or all of the engine's are in use. */
struct fm_batch *fm_batch_make(struct fm_space *space);
void fm_batch_free(struct fm_batch *batch);
/* The page map's entry of a batch's page. */
uint64_t fm_batch_entry(const struct fm_batch *batch, uint32_t index);
/* Its pages were copied out of the process. */
void fm_batch_read(struct fm_batch *batch);
/* The pool has them, or has not (`status`): ends the batch. */
void fm_batch_stored(struct fm_batch *batch);
/* A page in transit is wanted by its program. False: try again after events. */
bool fm_batch_give_back(struct fm_space *space, uint64_t page, uint64_t entry);
void fm_batch_forget(struct fm_space *space, uint64_t page, uint64_t entry);
void fm_batch_moved(struct fm_engine *engine, uint64_t entry, uint64_t to_page);
void fm_batch_share(struct fm_space *child, uint64_t page, uint64_t entry);
/* Where the batch's page is in this process. */
uint8_t *fm_batch_data(const struct fm_batch *batch, uint32_t index);
/* Once a second: gives the memory of batches back that ended before. */
void fm_batches_trim(struct fm_engine *engine);
struct fm_batch *fm_batch_of(struct fm_engine *engine, uint64_t entry);
void fm_batches_free(struct fm_engine *engine);

/* ---- evictor.c ---- */
void *fm_reader_main(void *engine);
void *fm_evictor_main(void *engine);

/* ---- fetch.c ---- */
void fm_fault(struct fm_space *space, uint64_t page);
void fm_demand_readable(struct fm_engine *engine);
void fm_prefetch_start(struct fm_space *space, struct fm_command *command);
void fm_prefetch_pump(struct fm_space *space);
void fm_fetched(struct fm_fetch *fetch);
/* A page whose content is here already, to be put in place like a fetched one. False: out of memory. */
bool fm_fetch_local(struct fm_space *space, uint64_t page, uint32_t slot, const uint8_t *data);
/* The program moved a page that a fetch is bringing. */
void fm_fetch_moved(struct fm_space *space, uint64_t from, uint64_t to);
/* A fault to be looked at when all changes were applied; and looking at them. */
void fm_fault_defer(struct fm_space *space, uint64_t page);
void fm_fault_all(struct fm_space *space);
/* Puts fetched pages in place, a slice at a time; true while there is more to do. */
bool fm_fetch_place(struct fm_space *space);
void fm_fetch_list_init(struct fm_fetch_list *list);
/* Gives the memory of ended prefetches back. */
void fm_fetch_trim(struct fm_engine *engine);
void fm_fetch_drop_all(struct fm_engine *engine);

/* ---- fetcher.c ---- */
void *fm_fetcher_main(void *engine);

/* ---- swap.c: the swap plane ---- */
void *fm_swapper_main(void *engine);
/* Can this process page out another's memory, and is there swap? FM_OK or why not. */
int fm_swap_check(void);
bool fm_swap_is_on(void);
/* Fills in what the kernel counts for the process. */
void fm_swap_stats(pid_t pid, uint64_t majors_before, struct fm_space_stats *stats);
/* Forgets accessed bits, also those that the processor would set no more because it remembers them. 0 or a status. */
int fm_swap_cool(pid_t pid);

/* ---- pool.c: connections ---- */
int fm_pool_connect(struct fm_engine *engine, const char *host, uint32_t port);
void fm_pool_lost(struct fm_engine *engine);
void fm_slots_send(struct fm_engine *engine);

/* ---- pager.c, scanner.c ---- */
/* The space with this number, or NULL. Call with table_lock held. */
struct fm_space *fm_table_find(struct fm_engine *engine, uint32_t id);
void *fm_pager_main(void *engine);
void *fm_scanner_main(void *engine);
/* Starts or stops listening for the events of a space. */
int fm_pager_watch(struct fm_engine *engine, int fd, struct fm_space *space, unsigned what);
enum { FM_WATCH_USERFAULT = 1, FM_WATCH_AGENT = 2, FM_WATCH_PROCESS = 3 };

#define fm_flag(flag) __atomic_store_n(&(flag), true, __ATOMIC_RELEASE)
#define fm_stat_add(space, field, n) __atomic_fetch_add(&(space)->root->stats.field, (uint64_t)(n), __ATOMIC_RELAXED)

#endif
