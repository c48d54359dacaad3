/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Swap over RDMA: what the files of this module share.
 *
 *   main.c     the frontswap operations and the module's life
 *   session.c  losing and ending a session, and which one is current
 *   connect.c  the way from addresses to a session that is ready
 *   parameters.c
 *   queue.c    one queue pair: its life, posting
 *   completion.c  completions, waiting for them
 *   io.c       pages: store and load over a session's queues
 *   control.c  /sys/kernel/fastswap_rdma
 *
 * Contexts. store and load run in process context and may sleep for a bounded time; store runs in reclaim, so nothing in
 * it allocates. Completions come in any context, hard interrupts included. invalidate_page runs under a spinlock.
 *
 * Locks.
 *   fsr_control (mutex)  which session is current; held over connecting and ending one. Never taken by store or load.
 *   fsr_srcu             readers: everybody who uses the current session. Ending a session waits for them, and they are
 *                        bounded: whatever they wait for ends when the session is lost.
 *   queue->lock          free and posted requests, `dead`, and the order "on the list = on the send queue". Taken with
 *                        interrupts off, because completions come in interrupts. Nothing is taken under it but the driver's own.
 */
#ifndef FSR_H
#define FSR_H

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <rdma/ib_verbs.h>
#include <rdma/rdma_cm.h>

#include "../wire.h"

#define FSR_NAME "fastswap_rdma"
/* One send queue entry more than requests: the beat. */
#define FSR_SPARE_WR 1

enum fsr_kind {
	FSR_WRITE, /* of a copy; nobody waits */
	FSR_READ,  /* somebody waits in fsr_load and gives the request back */
	FSR_ASYNC, /* ends with frontswap_load_done */
	FSR_BEAT,  /* the queue's own; ends the writes before it */
};

struct fsr_request {
	struct list_head link; /* in queue->free or queue->posted */
	enum fsr_kind kind;
	bool done; /* READ: released after `error` */
	int error;
	pgoff_t offset;
	struct page *page; /* WRITE: the registered copy; READ and ASYNC: the page to fill */
	dma_addr_t dma;
	u64 number; /* of the posting on this queue */
};

struct fsr_queue {
	struct fsr_session *session;
	unsigned int index;
	bool writes; /* else reads */
	struct rdma_cm_id *id;
	struct ib_cq *cq;
	spinlock_t lock;
	struct list_head free, posted; /* posted: oldest first */
	unsigned int unsignaled;       /* writes at the tail of `posted` that no completion will tell of */
	unsigned int unpolled;	       /* async reads in flight: the completion interrupt stays armed */
	bool beating, dead;
	u64 posted_count;
	/* The watch's own: the oldest request at its last look, and for how many looks it has been that. */
	struct fsr_request *watched;
	u64 watched_number;
	unsigned int looks;
	struct fsr_request beat;
	struct fsr_request *requests;
	wait_queue_head_t wait;
	atomic_t waiters; /* sleeping in fsr_wait: the completion interrupt stays armed */
	/* The connection manager's handler tells the connecting task. */
	struct completion cm_done;
	int cm_status;
	struct fastswap_answer answer;
};

enum fsr_state { FSR_CONNECTING, FSR_READY, FSR_LOST };

struct fsr_session {
	atomic_t state; /* enum fsr_state; LOST is final */
	u64 generation, address;
	u32 rkey;
	unsigned long pages;
	unsigned int depth, batch; /* requests of a queue; one write in `batch` asks for a completion */
	unsigned int pairs;	   /* queues for writes, and as many for reads */
	/* One bit a page. stored: this session holds it, so a page of an earlier session never reads as one of this.
	 * writing: a write is under way; nothing else may be sent for this page until it has landed, because different
	 * queue pairs are not ordered. */
	unsigned long *stored, *writing;
	struct ib_device *device;
	struct ib_pd *pd;
	struct page *beat_page;
	dma_addr_t beat_dma;
	bool beat_mapped;
	struct fsr_queue *queues; /* pairs for writes, then pairs for reads */
	struct work_struct end;
	struct work_struct bury;
	struct delayed_work watch;
	char peer[64]; /* for messages */
};

enum fsr_stat {
	FSR_STORES,
	FSR_STORES_HUGE,
	FSR_STORES_FULL,
	FSR_STORES_LOST,
	FSR_LOADS,
	FSR_LOADS_ASYNC,
	FSR_LOADS_FAILED,
	FSR_INVALIDATES,
	FSR_WRITE_COMPLETIONS,
	FSR_WRITES_COMPLETED,
	FSR_LOADS_POLLED,
	FSR_LOADS_SLEPT,
	FSR_SESSIONS,
	FSR_SESSIONS_LOST,
	FSR_STAT_COUNT,
};

struct fsr_counters {
	u64 value[FSR_STAT_COUNT];
};
DECLARE_PER_CPU(struct fsr_counters, fsr_counters);
#define fsr_count(which) this_cpu_inc(fsr_counters.value[which])
#define fsr_count_many(which, n) this_cpu_add(fsr_counters.value[which], n)

/* parameters.c */
extern uint fsr_poll_us, fsr_ack_timeout, fsr_timeout_ms, fsr_reconnect_s; /* read where they are used */
/* What the parameters say of a session to be, taken once. */
struct fsr_wish {
	struct sockaddr_storage to, from;
	bool has_from;
	u64 pages;
	unsigned int pairs, depth, batch;
	char peer[64];
};
/* 0, or -EINVAL with the parameter that is wrong logged. */
int fsr_parse(struct fsr_wish *wish);

/* session.c */
extern struct srcu_struct fsr_srcu;
int fsr_sessions_start(void);
void fsr_sessions_stop(void);
/* Connects to the server that the parameters name. 0, -EISCONN when there is a session, or -errno with the reason logged. */
int fsr_connect(void);
void fsr_disconnect(void);
/* The current session, which stays valid until fsr_session_put(token). NULL: none. It may be lost at any moment. */
struct fsr_session *fsr_session_get(int *token);
void fsr_session_put(int token);
/* Any context. The session ends soon in a worker; the first reason is logged. */
void fsr_session_lose(struct fsr_session *session, const char *why);
static inline bool fsr_session_ready(const struct fsr_session *session)
{
	return atomic_read_acquire(&session->state) == FSR_READY;
}
/* "connected", "lost", "disconnected" */
const char *fsr_session_state(void);

/* connect.c: 0 and the session is READY, or -errno with the reason logged. */
int fsr_session_connect(struct fsr_session *session, struct sockaddr *from, struct sockaddr *to);

/* queue.c */
int fsr_queue_make(struct fsr_queue *queue);	/* after the address is resolved: completion queue and queue pair */
int fsr_queue_buffers(struct fsr_queue *queue); /* the requests, and the registered copies of a queue for writes */
void fsr_queue_stop(struct fsr_queue *queue);	/* nothing is posted any more, what was posted is on its way back */
void fsr_queue_silence(struct fsr_queue *queue); /* everything posted has ended; the device touches no page any more */
void fsr_queue_free(struct fsr_queue *queue);
/* Sends it. 0, or -errno: it was not sent, and is still the caller's. */
int fsr_post(struct fsr_queue *queue, struct fsr_request *request, u64 address);
/* Writes the sign of life; its completion ends the writes before it. */
void fsr_beat(struct fsr_queue *queue);
/* Looked at once a second: the oldest request has been the same for longer than timeout_ms. */
bool fsr_queue_stuck(struct fsr_queue *queue);

/* completion.c */
void fsr_completion(struct ib_cq *cq, void *queue); /* the completion interrupt: any context */
/* Handles the completions that are there, how many. With `try`, gives up when somebody else is at it. */
int fsr_reap(struct fsr_queue *queue, bool try);
int fsr_reap_locked(struct fsr_queue *queue);
/* Ends a request that is off the posted list (queue->lock held). */
void fsr_finish(struct fsr_queue *queue, struct fsr_request *request, int error);
/* A free request, waited for if need be; NULL when the session is lost. With may_wait false: NULL also when none is free. */
struct fsr_request *fsr_request_get(struct fsr_queue *queue, bool may_wait);
void fsr_request_put(struct fsr_queue *queue, struct fsr_request *request);
/* Waits until the request is done. */
void fsr_wait_done(struct fsr_queue *queue, struct fsr_request *request);
/* Waits until no write of this page is under way. -EIO: the session was lost instead. */
int fsr_wait_written(struct fsr_session *session, pgoff_t offset);

/* io.c */
int fsr_store(struct fsr_session *session, pgoff_t offset, struct page *page);
int fsr_load(struct fsr_session *session, pgoff_t offset, struct page *page);
int fsr_load_start(struct fsr_session *session, pgoff_t offset, struct page *page);
/* Reads the header page and compares the generation. */
int fsr_verify(struct fsr_session *session);

/* control.c */
int fsr_control_start(void);
void fsr_control_stop(void);

#endif
