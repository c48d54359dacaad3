// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a session: connecting -> ready -> lost -> freed. There is at most one that stores and loads see.
 *
 * A session is lost once, for the first reason that comes: a request failed, the server disconnected, the adapter
 * went away, something took too long, or somebody asked. Losing it is a change of its state and a work item, so it can be
 * done in any context. The work item ends it: what is in flight comes back with an error, callers leave, memory goes. Nothing
 * of it survives; the next session starts empty.
 */
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "fsr.h"

struct srcu_struct fsr_srcu;
DEFINE_PER_CPU(struct fsr_counters, fsr_counters);

static DEFINE_MUTEX(fsr_control);
static struct fsr_session __rcu *current_session; /* changed under fsr_control, read under fsr_srcu */
static enum { NEVER, CONNECTED, DISCONNECTED, LOST } history; /* fsr_control */
static bool stopping;					       /* fsr_control */
static struct workqueue_struct *workers; /* has a rescuer: a session must end even when memory is short */
static struct workqueue_struct *burials; /* of ids: nothing waits for them but the module's end */

static void reconnect(struct work_struct *work);
static DECLARE_DELAYED_WORK(reconnect_work, reconnect);

struct fsr_session *fsr_session_get(int *token)
{
	*token = srcu_read_lock(&fsr_srcu);
	return srcu_dereference(current_session, &fsr_srcu);
}

void fsr_session_put(int token)
{
	srcu_read_unlock(&fsr_srcu, token);
}

void fsr_session_lose(struct fsr_session *session, const char *why)
{
	if (atomic_xchg(&session->state, FSR_LOST) != FSR_READY)
		return;
	pr_err(FSR_NAME ": the connection to %s is lost (%s): its pages are lost; new pages go to the swap device\n",
	       session->peer, why);
	fsr_count(FSR_SESSIONS_LOST);
	queue_work(workers, &session->end);
}

/* About once a second: the beat that tells the server of us, completions that nobody asked for, and the time limit. */
static void watch(struct work_struct *work)
{
	struct fsr_session *session = container_of(to_delayed_work(work), struct fsr_session, watch);
	unsigned int i;

	for (i = 0; i < 2 * session->pairs && fsr_session_ready(session); i++) {
		struct fsr_queue *queue = &session->queues[i];

		fsr_reap(queue, false);
		if (fsr_queue_stuck(queue))
			fsr_session_lose(session, "no answer within timeout_ms");
		else if (queue->writes && (i == 0 || READ_ONCE(queue->unsignaled)))
			fsr_beat(queue);
	}
	if (fsr_session_ready(session))
		queue_delayed_work(workers, &session->watch, HZ);
}

/* ---- ending (fsr_control held) ---- */

static void session_free(struct fsr_session *session)
{
	unsigned int i;

	for (i = 0; session->queues && i < 2 * session->pairs; i++)
		fsr_queue_free(&session->queues[i]);
	if (session->beat_mapped)
		ib_dma_unmap_page(session->device, session->beat_dma, PAGE_SIZE, DMA_TO_DEVICE);
	if (session->beat_page)
		__free_page(session->beat_page);
	if (session->pd)
		ib_dealloc_pd(session->pd);
	vfree(session->stored);
	vfree(session->writing);
	/* Not here: an id waits for messages that the adapter has, and one that never gives them back (seen with soft-RoCE) would
	 * hold everybody who wants to connect. */
	queue_work(burials, &session->bury);
}

/* Last: a device that is being removed stays until its ids are gone. */
static void bury(struct work_struct *work)
{
	struct fsr_session *session = container_of(work, struct fsr_session, bury);
	unsigned int i;

	for (i = 0; session->queues && i < 2 * session->pairs; i++)
		if (session->queues[i].id)
			rdma_destroy_id(session->queues[i].id);
	kvfree(session->queues);
	kfree(session);
}

static void session_shut(struct fsr_session *session)
{
	unsigned int i;

	atomic_set(&session->state, FSR_LOST);
	if (rcu_access_pointer(current_session) == session)
		RCU_INIT_POINTER(current_session, NULL);
	cancel_delayed_work_sync(&session->watch);
	for (i = 0; session->queues && i < 2 * session->pairs; i++)
		fsr_queue_stop(&session->queues[i]);
	for (i = 0; session->queues && i < 2 * session->pairs; i++)
		fsr_queue_silence(&session->queues[i]);
	/* Callers in the middle of a store or load, then completion handlers that a driver may still be leaving. */
	synchronize_srcu(&fsr_srcu);
	synchronize_rcu();
	session_free(session);
}

static void end_work(struct work_struct *work)
{
	struct fsr_session *session = container_of(work, struct fsr_session, end);
	uint again = READ_ONCE(fsr_reconnect_s);

	mutex_lock(&fsr_control);
	session_shut(session);
	history = LOST;
	if (again && !stopping)
		queue_delayed_work(workers, &reconnect_work, again * HZ);
	mutex_unlock(&fsr_control);
}

/* ---- connecting ---- */

static struct fsr_session *session_make(const struct fsr_wish *wish)
{
	struct fsr_session *session = kzalloc(sizeof(*session), GFP_KERNEL);
	unsigned int i;

	if (!session)
		return NULL;
	atomic_set(&session->state, FSR_CONNECTING);
	INIT_WORK(&session->end, end_work);
	INIT_WORK(&session->bury, bury);
	INIT_DELAYED_WORK(&session->watch, watch);
	session->pages = wish->pages;
	session->pairs = wish->pairs;
	session->depth = wish->depth;
	session->batch = wish->batch;
	strscpy(session->peer, wish->peer, sizeof(session->peer));
	session->stored = vzalloc(BITS_TO_LONGS(session->pages) * sizeof(long));
	session->writing = vzalloc(BITS_TO_LONGS(session->pages) * sizeof(long));
	session->beat_page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	session->queues = kvcalloc(2 * session->pairs, sizeof(*session->queues), GFP_KERNEL);
	for (i = 0; session->queues && i < 2 * session->pairs; i++) {
		struct fsr_queue *queue = &session->queues[i];

		queue->session = session;
		queue->index = i;
		queue->writes = i < session->pairs;
		spin_lock_init(&queue->lock);
		INIT_LIST_HEAD(&queue->free);
		INIT_LIST_HEAD(&queue->posted);
		init_waitqueue_head(&queue->wait);
		init_completion(&queue->cm_done);
	}
	if (session->stored && session->writing && session->beat_page && session->queues)
		return session;
	session_free(session);
	return NULL;
}

static int connect_locked(void)
{
	struct fsr_session *session;
	struct fsr_wish wish;
	int error;

	if (rcu_access_pointer(current_session))
		return -EISCONN;
	error = fsr_parse(&wish);
	if (error)
		return error;
	session = session_make(&wish);
	if (!session)
		return -ENOMEM;
	error = fsr_session_connect(session, wish.has_from ? (struct sockaddr *)&wish.from : NULL, (struct sockaddr *)&wish.to);
	if (error) {
		session_shut(session);
		return error;
	}
	history = CONNECTED;
	fsr_count(FSR_SESSIONS);
	pr_info(FSR_NAME ": %lu MiB at %s, %u + %u queue pairs, generation %016llx\n", session->pages >> 8, session->peer,
		session->pairs, session->pairs, session->generation);
	rcu_assign_pointer(current_session, session);
	queue_delayed_work(workers, &session->watch, HZ);
	return 0;
}

int fsr_connect(void)
{
	int error;

	mutex_lock(&fsr_control);
	error = stopping ? -ESHUTDOWN : connect_locked();
	mutex_unlock(&fsr_control);
	return error;
}

static void reconnect(struct work_struct *work)
{
	uint again = READ_ONCE(fsr_reconnect_s);

	mutex_lock(&fsr_control);
	if (again && !stopping && history == LOST && connect_locked())
		queue_delayed_work(workers, &reconnect_work, again * HZ);
	mutex_unlock(&fsr_control);
}

/* A lost session is left to its work item; a ready one ends here. */
static void disconnect_locked(void)
{
	struct fsr_session *session = rcu_access_pointer(current_session);

	if (session && atomic_cmpxchg(&session->state, FSR_READY, FSR_LOST) == FSR_READY)
		session_shut(session);
}

void fsr_disconnect(void)
{
	mutex_lock(&fsr_control);
	disconnect_locked();
	history = DISCONNECTED;
	mutex_unlock(&fsr_control);
}

const char *fsr_session_state(void)
{
	struct fsr_session *session;
	const char *state;
	int token;

	session = fsr_session_get(&token);
	if (session)
		state = fsr_session_ready(session) ? "connected" : "lost";
	else
		state = READ_ONCE(history) == DISCONNECTED ? "disconnected" : "lost";
	fsr_session_put(token);
	return state;
}

int fsr_sessions_start(void)
{
	int error = init_srcu_struct(&fsr_srcu);

	if (error)
		return error;
	workers = alloc_workqueue(FSR_NAME, WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	burials = alloc_workqueue(FSR_NAME "_ids", WQ_UNBOUND, 0);
	if (workers && burials)
		return 0;
	if (workers)
		destroy_workqueue(workers);
	if (burials)
		destroy_workqueue(burials);
	cleanup_srcu_struct(&fsr_srcu);
	return -ENOMEM;
}

void fsr_sessions_stop(void)
{
	mutex_lock(&fsr_control);
	stopping = true;
	disconnect_locked();
	mutex_unlock(&fsr_control);
	cancel_delayed_work_sync(&reconnect_work);
	destroy_workqueue(workers);
	destroy_workqueue(burials);
	cleanup_srcu_struct(&fsr_srcu);
}
