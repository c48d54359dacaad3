// SPDX-License-Identifier: GPL-2.0
/*
 * One queue pair with its own completion queue, used only for writes or only for reads, so that a demanded page never
 * waits behind writes.
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
#include <linux/slab.h>

#include "fsr.h"

/* Completions taken at once. Each is 64 bytes of stack, and reclaim's stack is deep already. */
#define POLL_BATCH 4
/* Sleepers look again by themselves after this long, should a device forget an interrupt. */
#define LOOK_AGAIN HZ
/* How long a queue pair in error state may take to hand back what was posted, before it is destroyed anyway. */
#define FLUSH_MS 2000

/* ---- completions (queue->lock held, interrupts off) ---- */

/* The request is off the posted list. A lost session was marked lost before any of its requests ends with an error. */
static void finish(struct fsr_queue *queue, struct fsr_request *request, int error)
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
		finish(queue, request, error);
	} while (request != last);
}

static int reap_locked(struct fsr_queue *queue)
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
	int total = reap_locked(queue);

	while (queue->cq && ib_req_notify_cq(queue->cq, IB_CQ_NEXT_COMP | IB_CQ_REPORT_MISSED_EVENTS) > 0) {
		int more = reap_locked(queue);

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
	reaped = reap_locked(queue);
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
		reaped = reap_locked(queue);
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
		reaped = list_empty(&queue->free) ? reap_locked(queue) : 0;
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

/* ---- posting ---- */

int fsr_post(struct fsr_queue *queue, struct fsr_request *request, u64 address)
{
	struct fsr_session *session = queue->session;
	struct ib_sge sge = {
		.addr = request->dma,
		.length = request->kind == FSR_BEAT ? sizeof(__le64) : PAGE_SIZE,
		.lkey = session->pd->local_dma_lkey,
	};
	struct ib_rdma_wr wr = {
		.wr = {
			.wr_id = (uintptr_t)request,
			.sg_list = &sge,
			.num_sge = 1,
			.opcode = queue->writes ? IB_WR_RDMA_WRITE : IB_WR_RDMA_READ,
			.send_flags = IB_SEND_SIGNALED,
		},
		.remote_addr = address,
		.rkey = session->rkey,
	};
	unsigned int unsignaled = 0;
	unsigned long flags;
	int error = -ENOTCONN;

	spin_lock_irqsave(&queue->lock, flags);
	if (queue->dead)
		goto out;
	if (request->kind == FSR_WRITE && queue->unsignaled + 1 < session->batch) {
		wr.wr.send_flags = 0;
		unsignaled = queue->unsignaled + 1;
	}
	if (request->kind == FSR_ASYNC) {
		queue->unpolled++;
		ib_req_notify_cq(queue->cq, IB_CQ_NEXT_COMP);
	}
	request->since = jiffies;
	list_add_tail(&request->link, &queue->posted);
	error = ib_post_send(queue->id->qp, &wr.wr, NULL);
	if (error) {
		list_del_init(&request->link);
		queue->unpolled -= request->kind == FSR_ASYNC;
	} else {
		queue->unsignaled = unsignaled;
	}
out:
	spin_unlock_irqrestore(&queue->lock, flags);
	if (error && error != -ENOTCONN)
		fsr_session_lose(session, "the device refused a request");
	return error;
}

void fsr_beat(struct fsr_queue *queue)
{
	struct fsr_session *session = queue->session;
	unsigned long flags;
	bool busy;

	spin_lock_irqsave(&queue->lock, flags);
	busy = queue->beating || queue->dead;
	queue->beating = true;
	spin_unlock_irqrestore(&queue->lock, flags);
	if (busy)
		return;
	/* Several queues may send the same page at once: any value that changes will do. */
	WRITE_ONCE(*(__le64 *)page_address(session->beat_page), cpu_to_le64(get_jiffies_64()));
	ib_dma_sync_single_for_device(session->device, session->beat_dma, sizeof(__le64), DMA_TO_DEVICE);
	queue->beat.kind = FSR_BEAT;
	queue->beat.dma = session->beat_dma;
	if (fsr_post(queue, &queue->beat, session->address + offsetof(struct fastswap_header, beat)) == 0)
		return;
	spin_lock_irqsave(&queue->lock, flags);
	queue->beating = false;
	spin_unlock_irqrestore(&queue->lock, flags);
}

bool fsr_queue_stuck(struct fsr_queue *queue)
{
	unsigned long flags, limit = msecs_to_jiffies(READ_ONCE(fsr_timeout_ms));
	struct fsr_request *oldest;
	bool stuck;

	spin_lock_irqsave(&queue->lock, flags);
	oldest = list_first_entry_or_null(&queue->posted, struct fsr_request, link);
	stuck = oldest && time_after(jiffies, oldest->since + limit);
	spin_unlock_irqrestore(&queue->lock, flags);
	return stuck;
}

/* ---- life (fsr_control held) ---- */

static void on_queue_event(struct ib_event *event, void *context)
{
	struct fsr_queue *queue = context;

	switch (event->event) {
	case IB_EVENT_QP_FATAL:
	case IB_EVENT_QP_REQ_ERR:
	case IB_EVENT_QP_ACCESS_ERR:
	case IB_EVENT_CQ_ERR:
		fsr_session_lose(queue->session, ib_event_msg(event->event));
		break;
	default:
		break;
	}
}

int fsr_queue_make(struct fsr_queue *queue)
{
	struct fsr_session *session = queue->session;
	struct ib_cq_init_attr cq_attr = {
		.cqe = session->depth + FSR_SPARE_WR + 1,
		.comp_vector = queue->index % session->device->num_comp_vectors,
	};
	struct ib_qp_init_attr qp_attr = {
		.event_handler = on_queue_event,
		.qp_context = queue,
		.cap = {
			.max_send_wr = session->depth + FSR_SPARE_WR,
			.max_recv_wr = 1,
			.max_send_sge = 1,
			.max_recv_sge = 1,
		},
		.sq_sig_type = IB_SIGNAL_REQ_WR,
		.qp_type = IB_QPT_RC,
	};
	struct ib_cq *cq;

	cq = ib_create_cq(session->device, fsr_completion, on_queue_event, queue, &cq_attr);
	if (IS_ERR(cq))
		return PTR_ERR(cq);
	queue->cq = cq;
	qp_attr.send_cq = cq;
	qp_attr.recv_cq = cq;
	return rdma_create_qp(queue->id, session->pd, &qp_attr);
}

int fsr_queue_buffers(struct fsr_queue *queue)
{
	struct fsr_session *session = queue->session;
	unsigned int i;

	queue->requests = kvcalloc(session->depth, sizeof(*queue->requests), GFP_KERNEL);
	if (!queue->requests)
		return -ENOMEM;
	for (i = 0; i < session->depth; i++) {
		struct fsr_request *request = &queue->requests[i];

		if (queue->writes) {
			request->page = alloc_page(GFP_KERNEL);
			if (!request->page)
				return -ENOMEM;
			request->dma = ib_dma_map_page(session->device, request->page, 0, PAGE_SIZE, DMA_TO_DEVICE);
			if (ib_dma_mapping_error(session->device, request->dma)) {
				__free_page(request->page);
				request->page = NULL;
				return -ENOMEM;
			}
		}
		list_add_tail(&request->link, &queue->free);
	}
	return 0;
}

void fsr_queue_stop(struct fsr_queue *queue)
{
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	queue->dead = true;
	spin_unlock_irqrestore(&queue->lock, flags);
	/* Puts the queue pair into error state, which hands back what was posted; a queue that never connected has none. */
	if (queue->id && queue->id->qp)
		rdma_disconnect(queue->id);
	wake_up_all(&queue->wait);
}

void fsr_queue_silence(struct fsr_queue *queue)
{
	unsigned long flags, until = jiffies + msecs_to_jiffies(FLUSH_MS);
	struct fsr_request *request, *next;
	struct ib_cq *cq;

	while (!list_empty_careful(&queue->posted) && time_before(jiffies, until)) {
		fsr_reap(queue, false);
		usleep_range(100, 500);
	}
	/* From here on the device touches none of our pages, whether it handed them back or not. */
	if (queue->id && queue->id->qp)
		rdma_destroy_qp(queue->id);
	spin_lock_irqsave(&queue->lock, flags);
	reap_locked(queue);
	list_for_each_entry_safe(request, next, &queue->posted, link) {
		list_del(&request->link);
		finish(queue, request, -EIO);
	}
	cq = queue->cq;
	queue->cq = NULL;
	spin_unlock_irqrestore(&queue->lock, flags);
	wake_up_all(&queue->wait);
	/* Waits for a completion interrupt that is running. */
	if (cq)
		ib_destroy_cq(cq);
}

void fsr_queue_free(struct fsr_queue *queue)
{
	struct fsr_session *session = queue->session;
	unsigned int i;

	if (queue->id)
		rdma_destroy_id(queue->id);
	for (i = 0; queue->writes && queue->requests && i < session->depth; i++) {
		struct fsr_request *request = &queue->requests[i];

		if (!request->page)
			break;
		ib_dma_unmap_page(session->device, request->dma, PAGE_SIZE, DMA_TO_DEVICE);
		__free_page(request->page);
	}
	kvfree(queue->requests);
}
