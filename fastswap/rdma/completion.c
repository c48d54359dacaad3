// SPDX-License-Identifier: GPL-2.0
/*
 * Completions of a queue, and waiting for them.
 *
 * A reliable queue pair ends its requests in the order in which they were posted. So only one write in `batch` asks for a
 * completion, and it ends all that were posted before it. What is left at the tail when nothing follows is ended by a beat.
 *
 * Nobody has to be there for a completion: as long as somebody sleeps, or an async read is in flight, the completion
 * interrupt is armed and does the same work as a poller. A device that never answers is noticed by the session's watch.
 */
#include <linux/frontswap.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "fsr.h"

/* Completions taken at once. Each is 64 bytes of stack, and reclaim's stack is deep already. */
#define POLL_BATCH 4
/* Sleepers look again by themselves after this long, should a device forget an interrupt. */
#define LOOK_AGAIN HZ

/* ---- completions (queue->lock held, interrupts off) ---- */

/* The request is off the posted list. A lost session was marked lost before any of its requests ends with an error. */
void fsr_finish(struct fsr_queue *queue, struct fsr_request *request, int error)
{
	struct fsr_session *session = queue->session;

	switch (request->kind) {
	case FSR_WRITE:
		clear_bit_unlock(request->offset, session->writing);
		list_add(&request->link, &queue->free);
		fsr_count(FSR_WRITES_COMPLETED);
		break;
	case FSR_READ:
		ib_dma_unmap_page(session->device, request->dma, PAGE_SIZE, DMA_FROM_DEVICE);
		request->error = error;
		smp_store_release(&request->done, true);
		break;
	case FSR_ASYNC:
		ib_dma_unmap_page(session->device, request->dma, PAGE_SIZE, DMA_FROM_DEVICE);
		queue->unpolled--;
		if (error)
			fsr_count(FSR_LOADS_FAILED);
		frontswap_load_done(request->page, error);
		list_add(&request->link, &queue->free);
		break;
	case FSR_BEAT:
		queue->beating = false;
		break;
	}
}

/* Ends the requests up to this one, which is posted. */
static void finish_through(struct fsr_queue *queue, struct fsr_request *last, int error)
{
	struct fsr_request *request;

	do {
		/* A device that tells of a request twice is broken, but no reason to take the machine down. */
		if (WARN_ON_ONCE(list_empty(&queue->posted)))
			return;
		request = list_first_entry(&queue->posted, struct fsr_request, link);
		list_del(&request->link);
		fsr_finish(queue, request, error);
	} while (request != last);
}

int fsr_reap_locked(struct fsr_queue *queue)
{
	struct ib_wc wc[POLL_BATCH];
	int total = 0, count, i;

	if (!queue->cq)
		return 0;
	while ((count = ib_poll_cq(queue->cq, POLL_BATCH, wc)) > 0) {
		for (i = 0; i < count; i++) {
			struct fsr_request *request = (struct fsr_request *)(uintptr_t)wc[i].wr_id;

			if (wc[i].status != IB_WC_SUCCESS)
				fsr_session_lose(queue->session, ib_wc_status_msg(wc[i].status));
			finish_through(queue, request, wc[i].status == IB_WC_SUCCESS ? 0 : -EIO);
		}
		if (queue->writes)
			fsr_count_many(FSR_WRITE_COMPLETIONS, count);
		total += count;
	}
	return total;
}

/* Handles what is there, and leaves the interrupt armed for what is not. */
static int reap_and_arm_locked(struct fsr_queue *queue)
{
	int total = fsr_reap_locked(queue);

	while (queue->cq && ib_req_notify_cq(queue->cq, IB_CQ_NEXT_COMP | IB_CQ_REPORT_MISSED_EVENTS) > 0) {
		int more = fsr_reap_locked(queue);

		if (!more)
			break;
		total += more;
	}
	return total;
}

static void wake(struct fsr_queue *queue, int reaped)
{
	if (reaped)
		wake_up_all(&queue->wait);
}

int fsr_reap(struct fsr_queue *queue, bool try)
{
	unsigned long flags;
	int reaped;

	if (!try)
		spin_lock_irqsave(&queue->lock, flags);
	else if (!spin_trylock_irqsave(&queue->lock, flags))
		return 0;
	reaped = fsr_reap_locked(queue);
	spin_unlock_irqrestore(&queue->lock, flags);
	wake(queue, reaped);
	return reaped;
}

/* The completion interrupt: any context. */
void fsr_completion(struct ib_cq *cq, void *context)
{
	struct fsr_queue *queue = context;
	unsigned long flags;
	int reaped;

	spin_lock_irqsave(&queue->lock, flags);
	if (queue->unpolled || atomic_read(&queue->waiters))
		reaped = reap_and_arm_locked(queue);
	else
		reaped = fsr_reap_locked(queue);
	spin_unlock_irqrestore(&queue->lock, flags);
	wake(queue, reaped);
}

/* ---- waiting ---- */

typedef bool (*fsr_test)(struct fsr_queue *queue, struct fsr_request *request);

/* Polls for a moment, then sleeps. Both end because every request ends, at the latest with its session. True: no sleep. */
static bool wait_until(struct fsr_queue *queue, fsr_test test, struct fsr_request *request)
{
	u64 until = ktime_get_ns() + READ_ONCE(fsr_poll_us) * (u64)NSEC_PER_USEC;
	unsigned long flags;
	int reaped;

	while (!test(queue, request)) {
		if (!fsr_reap(queue, true) && (need_resched() || ktime_get_ns() >= until))
			goto sleep;
		cpu_relax();
	}
	return true;
sleep:
	atomic_inc(&queue->waiters);
	while (!test(queue, request)) {
		spin_lock_irqsave(&queue->lock, flags);
		reaped = reap_and_arm_locked(queue);
		spin_unlock_irqrestore(&queue->lock, flags);
		wake(queue, reaped);
		wait_event_timeout(queue->wait, test(queue, request), LOOK_AGAIN);
	}
	atomic_dec(&queue->waiters);
	return false;
}

static bool is_done(struct fsr_queue *queue, struct fsr_request *request)
{
	return smp_load_acquire(&request->done);
}

void fsr_wait_done(struct fsr_queue *queue, struct fsr_request *request)
{
	fsr_count(wait_until(queue, is_done, request) ? FSR_LOADS_POLLED : FSR_LOADS_SLEPT);
}

static bool has_free_or_dead(struct fsr_queue *queue, struct fsr_request *request)
{
	return !list_empty_careful(&queue->free) || READ_ONCE(queue->dead);
}

struct fsr_request *fsr_request_get(struct fsr_queue *queue, bool may_wait)
{
	struct fsr_request *request;
	unsigned long flags;
	bool dead;
	int reaped;

	for (;;) {
		spin_lock_irqsave(&queue->lock, flags);
		reaped = list_empty(&queue->free) ? fsr_reap_locked(queue) : 0;
		request = list_first_entry_or_null(&queue->free, struct fsr_request, link);
		dead = queue->dead;
		if (request && !dead)
			list_del_init(&request->link);
		spin_unlock_irqrestore(&queue->lock, flags);
		wake(queue, reaped);
		if (dead)
			return NULL;
		if (request || !may_wait)
			return request;
		wait_until(queue, has_free_or_dead, NULL);
	}
}

void fsr_request_put(struct fsr_queue *queue, struct fsr_request *request)
{
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	list_add(&request->link, &queue->free);
	spin_unlock_irqrestore(&queue->lock, flags);
	wake_up(&queue->wait);
}

/* A write holds its page's bit until a completion tells of it, and the tail of a queue has none coming: beats
 * ask for one. Which queue it is, nobody knows; two stores of one offset in such a short time are rare. */
int fsr_wait_written(struct fsr_session *session, pgoff_t offset)
{
	unsigned int i;

	while (test_bit_acquire(offset, session->writing)) {
		if (!fsr_session_ready(session))
			return -EIO;
		for (i = 0; i < session->pairs; i++) {
			fsr_beat(&session->queues[i]);
			fsr_reap(&session->queues[i], false);
		}
		usleep_range(5, 20);
	}
	/* A write that failed lost the session before it let go of the bit. */
	return fsr_session_ready(session) ? 0 : -EIO;
}
