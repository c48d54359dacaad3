// SPDX-License-Identifier: GPL-2.0
/*
 * One queue pair with its own completion queue, used only for writes or only for reads, so that a demanded page never
 * waits behind writes.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "fsr.h"

/* How long a queue pair in error state may take to hand back what was posted, before it is destroyed anyway. */
#define FLUSH_MS 2000

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
	request->number = queue->posted_count++;
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

/* Counts looks, not time: after a pause of the whole machine nothing is late. */
bool fsr_queue_stuck(struct fsr_queue *queue)
{
	struct fsr_request *oldest;
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	oldest = list_first_entry_or_null(&queue->posted, struct fsr_request, link);
	if (!oldest || oldest != queue->watched || oldest->number != queue->watched_number)
		queue->looks = 0;
	queue->watched = oldest;
	queue->watched_number = oldest ? oldest->number : 0;
	queue->looks += oldest != NULL;
	spin_unlock_irqrestore(&queue->lock, flags);
	/* The first look may come right after the posting. */
	return queue->looks > 1 + DIV_ROUND_UP(READ_ONCE(fsr_timeout_ms), 1000);
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
	fsr_reap_locked(queue);
	list_for_each_entry_safe(request, next, &queue->posted, link) {
		list_del(&request->link);
		fsr_finish(queue, request, -EIO);
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

	for (i = 0; queue->writes && queue->requests && i < session->depth; i++) {
		struct fsr_request *request = &queue->requests[i];

		if (!request->page)
			break;
		ib_dma_unmap_page(session->device, request->dma, PAGE_SIZE, DMA_TO_DEVICE);
		__free_page(request->page);
	}
	kvfree(queue->requests);
}
