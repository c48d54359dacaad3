// SPDX-License-Identifier: GPL-2.0
/*
 * Connecting a session (fsr_control held): one connection after the other, then a look at the server's header page. The
 * connection manager calls on_cm_event on a thread of its own; the connecting task waits for it, each step for a bounded time.
 */
#include <linux/mm.h>

#include "fsr.h"

static int on_cm_event(struct rdma_cm_id *id, struct rdma_cm_event *event)
{
	struct fsr_queue *queue = id->context;
	const void *data = event->param.conn.private_data;
	u8 length = event->param.conn.private_data_len;
	int status;

	switch (event->event) {
	case RDMA_CM_EVENT_ADDR_RESOLVED:
	case RDMA_CM_EVENT_ROUTE_RESOLVED:
		status = 0;
		break;
	case RDMA_CM_EVENT_ESTABLISHED:
		status = length < sizeof(queue->answer) ? -EPROTO : 0;
		if (!status)
			memcpy(&queue->answer, data, sizeof(queue->answer));
		break;
	case RDMA_CM_EVENT_REJECTED:
		status = -ECONNREFUSED;
		data = rdma_consumer_reject_data(id, event, &length);
		if (data && length >= sizeof(queue->answer))
			memcpy(&queue->answer, data, sizeof(queue->answer));
		break;
	case RDMA_CM_EVENT_ADDR_ERROR:
	case RDMA_CM_EVENT_ROUTE_ERROR:
	case RDMA_CM_EVENT_UNREACHABLE:
		status = -EHOSTUNREACH;
		break;
	case RDMA_CM_EVENT_CONNECT_ERROR:
		status = -ECONNABORTED;
		break;
	case RDMA_CM_EVENT_DISCONNECTED:
	case RDMA_CM_EVENT_DEVICE_REMOVAL:
	case RDMA_CM_EVENT_ADDR_CHANGE:
		/* Not destroyed here: the id would wait for this handler. A device that is being removed waits for the worker. */
		fsr_session_lose(queue->session, rdma_event_msg(event->event));
		status = -ECONNRESET;
		break;
	default:
		return 0;
	}
	queue->cm_status = status;
	complete(&queue->cm_done);
	return 0;
}

static int await(struct fsr_queue *queue, unsigned int seconds)
{
	return wait_for_completion_timeout(&queue->cm_done, seconds * HZ) ? queue->cm_status : -ETIMEDOUT;
}

/* One line for whoever reads the kernel log: what is wrong and what to do. */
static void explain(struct fsr_session *session, struct fsr_queue *queue, int error)
{
	const struct fastswap_answer *answer = &queue->answer;
	u64 detail = le64_to_cpu(answer->detail);

	if (le32_to_cpu(answer->magic) != FASTSWAP_MAGIC) {
		if (error == -ECONNREFUSED)
			pr_err(FSR_NAME ": no memory server at %s: start fastswap-server there\n", session->peer);
		else if (error == -EHOSTUNREACH || error == -ETIMEDOUT)
			pr_err(FSR_NAME ": %s does not answer: check address, link (ibv_devinfo) and firewall\n", session->peer);
		else if (error == -ENODEV)
			pr_err(FSR_NAME ": no RDMA device leads to %s: set one up (rdma link show) or correct `client`\n", session->peer);
		else
			pr_err(FSR_NAME ": connecting to %s failed (%d)\n", session->peer, error);
		return;
	}
	switch (le16_to_cpu(answer->status)) {
	case FASTSWAP_BAD_VERSION:
		pr_err(FSR_NAME ": %s speaks version %llu, this module %u: install the same release on both\n",
		       session->peer, detail, FASTSWAP_VERSION);
		break;
	case FASTSWAP_NOT_ALLOWED:
		pr_err(FSR_NAME ": %s does not take this client: start it with --allow and this machine's address\n", session->peer);
		break;
	case FASTSWAP_FULL:
		pr_err(FSR_NAME ": %s has %llu MiB left: ask for less (capacity) or give it more (--capacity)\n",
		       session->peer, detail >> 8);
		break;
	case FASTSWAP_MANY_CLIENTS:
		pr_err(FSR_NAME ": %s takes %llu clients and has them: start it with more (--clients)\n", session->peer, detail);
		break;
	case FASTSWAP_MANY_QUEUES:
		pr_err(FSR_NAME ": %s takes %llu connections of a client, and two a queue are wanted: set `queues` or --connections\n",
		       session->peer, detail);
		break;
	case FASTSWAP_NO_MEMORY:
		pr_err(FSR_NAME ": %s could not get or register the memory: see its log\n", session->peer);
		break;
	default:
		pr_err(FSR_NAME ": %s refused (status %u)\n", session->peer, le16_to_cpu(answer->status));
	}
}

/* The first queue finds the device; all others must lead to the same. */
static int use_device(struct fsr_session *session, struct ib_device *device)
{
	if (session->device)
		return session->device == device ? 0 : -ENODEV;
	session->device = device;
	session->pd = ib_alloc_pd(device, 0);
	if (IS_ERR(session->pd)) {
		int error = PTR_ERR(session->pd);

		session->pd = NULL;
		return error;
	}
	session->beat_dma = ib_dma_map_page(device, session->beat_page, 0, PAGE_SIZE, DMA_TO_DEVICE);
	session->beat_mapped = !ib_dma_mapping_error(device, session->beat_dma);
	return session->beat_mapped ? 0 : -ENOMEM;
}

static int shake_hands(struct fsr_session *session, struct fsr_queue *queue)
{
	struct fastswap_hello hello = {
		.magic = cpu_to_le32(FASTSWAP_MAGIC),
		.version = cpu_to_le16(FASTSWAP_VERSION),
		.kind = cpu_to_le16(queue->index ? FASTSWAP_JOIN : FASTSWAP_OPEN),
		.generation = cpu_to_le64(session->generation),
		.pages = cpu_to_le64(queue->index ? 0 : session->pages),
		.connections = cpu_to_le32(2 * session->pairs),
		.index = cpu_to_le32(queue->index),
	};
	struct rdma_conn_param param = {
		.private_data = &hello,
		.private_data_len = sizeof(hello),
		.initiator_depth = min_t(int, session->device->attrs.max_qp_init_rd_atom, U8_MAX),
		.retry_count = 7,
		.rnr_retry_count = 7,
	};
	const struct fastswap_answer *answer = &queue->answer;
	int error;

	reinit_completion(&queue->cm_done);
	error = rdma_connect(queue->id, &param);
	/* The server gets and registers the memory before it answers the first. */
	if (!error)
		error = await(queue, queue->index ? 10 : 60);
	if (error)
		return error;
	if (le32_to_cpu(answer->magic) != FASTSWAP_MAGIC || le16_to_cpu(answer->status) != FASTSWAP_OK)
		return -EPROTO;
	if (queue->index)
		return 0;
	session->generation = le64_to_cpu(answer->generation);
	session->address = le64_to_cpu(answer->address);
	session->rkey = le32_to_cpu(answer->rkey);
	return le64_to_cpu(answer->pages) == session->pages ? 0 : -EPROTO;
}

static int queue_connect(struct fsr_queue *queue, struct sockaddr *from, struct sockaddr *to)
{
	struct fsr_session *session = queue->session;
	struct rdma_cm_id *id;
	int error;

	id = rdma_create_id(&init_net, on_cm_event, queue, RDMA_PS_TCP, IB_QPT_RC);
	if (IS_ERR(id))
		return PTR_ERR(id);
	queue->id = id;
	reinit_completion(&queue->cm_done);
	error = rdma_resolve_addr(id, from, to, 2000);
	if (!error)
		error = await(queue, 5);
	if (error)
		return error;
	reinit_completion(&queue->cm_done);
	error = rdma_resolve_route(id, 2000);
	if (!error)
		error = await(queue, 5);
	if (!error)
		error = use_device(session, id->device);
	if (!error)
		error = fsr_queue_make(queue);
	if (!error)
		error = fsr_queue_buffers(queue);
	if (!error)
		error = rdma_set_ack_timeout(id, clamp(READ_ONCE(fsr_ack_timeout), 8u, 22u));
	return error ? error : shake_hands(session, queue);
}

int fsr_session_connect(struct fsr_session *session, struct sockaddr *from, struct sockaddr *to)
{
	unsigned int i;
	int error;

	for (i = 0; i < 2 * session->pairs; i++) {
		error = queue_connect(&session->queues[i], from, to);
		if (error) {
			explain(session, &session->queues[i], error);
			return error;
		}
	}
	error = fsr_verify(session);
	if (error) {
		pr_err(FSR_NAME ": %s answers, but its memory cannot be read (%d): RDMA reads must be allowed there\n",
		       session->peer, error);
		return error;
	}
	/* Something may have ended it since. */
	return atomic_cmpxchg(&session->state, FSR_CONNECTING, FSR_READY) == FSR_CONNECTING ? 0 : -ECONNRESET;
}
