// SPDX-License-Identifier: GPL-2.0
/*
 * Swap to the memory of another machine over RDMA: a backend of the patched frontswap (kernel/ in this repository).
 */
#include <linux/frontswap.h>
#include <linux/mm.h>
#include <linux/module.h>

#include "fsr.h"

#ifndef FRONTSWAP_ASYNC_API
#error "this kernel's frontswap has no asynchronous loads: apply the patches of kernel/ first"
#endif

/* The swap area that is kept over there; the others stay on their devices. The first that stores is it: the kernel
 * starts with the area of the highest priority. Swapoff ends it. */
static atomic_t area = ATOMIC_INIT(-1);

static bool is_ours(unsigned int type)
{
	int owner = atomic_read(&area);

	if (owner < 0)
		owner = atomic_cmpxchg(&area, -1, type);
	return owner < 0 || owner == type;
}

static void on_init(unsigned int type)
{
}

static int on_store(unsigned int type, pgoff_t offset, struct page *page)
{
	struct fsr_session *session;
	int token, error;

	/* Taking the first page of 512 for the whole would lose the others. */
	if (PageTransHuge(page)) {
		fsr_count(FSR_STORES_HUGE);
		return -EINVAL;
	}
	session = fsr_session_get(&token);
	if (!session || !fsr_session_ready(session)) {
		fsr_count(FSR_STORES_LOST);
		error = -ENOTCONN;
	} else if (offset >= session->pages || !is_ours(type)) {
		fsr_count(FSR_STORES_FULL);
		error = -ENOSPC;
	} else {
		error = fsr_store(session, offset, page);
		fsr_count(error ? FSR_STORES_LOST : FSR_STORES);
	}
	fsr_session_put(token);
	return error;
}

static int on_load(unsigned int type, pgoff_t offset, struct page *page)
{
	struct fsr_session *session;
	int token, error;

	session = fsr_session_get(&token);
	error = session && atomic_read(&area) == type ? fsr_load(session, offset, page) : -EIO;
	fsr_session_put(token);
	fsr_count(error ? FSR_LOADS_FAILED : FSR_LOADS);
	return error;
}

static int on_load_async(unsigned int type, pgoff_t offset, struct page *page)
{
	struct fsr_session *session;
	int token, queue;

	session = fsr_session_get(&token);
	queue = session && atomic_read(&area) == type ? fsr_load_start(session, offset, page) : -EIO;
	fsr_session_put(token);
	if (queue >= 0)
		fsr_count(FSR_LOADS_ASYNC);
	return queue;
}

static int on_poll_load(int index)
{
	struct fsr_session *session;
	int token, done = -ENOTCONN;

	session = fsr_session_get(&token);
	/* The session may be another one by now, with fewer queues. */
	if (session && index < 2 * session->pairs)
		done = fsr_reap(&session->queues[index], true);
	fsr_session_put(token);
	return done;
}

/* Under a spinlock. A write of this page may be on its way: the next store of the offset waits for it. */
static void on_invalidate_page(unsigned int type, pgoff_t offset)
{
	struct fsr_session *session;
	int token;

	session = fsr_session_get(&token);
	if (session && atomic_read(&area) == type && offset < session->pages)
		clear_bit(offset, session->stored);
	fsr_session_put(token);
	fsr_count(FSR_INVALIDATES);
}

static void on_invalidate_area(unsigned int type)
{
	struct fsr_session *session;
	int token;

	if (atomic_read(&area) != type)
		return;
	session = fsr_session_get(&token);
	if (session)
		bitmap_zero(session->stored, session->pages);
	fsr_session_put(token);
	atomic_set(&area, -1);
}

static const struct frontswap_ops operations = {
	.init = on_init,
	.store = on_store,
	.load = on_load,
	.load_async = on_load_async,
	.poll_load = on_poll_load,
	.invalidate_page = on_invalidate_page,
	.invalidate_area = on_invalidate_area,
	.owner = THIS_MODULE,
};

static int __init fsr_start(void)
{
	int error;

	if (PAGE_SIZE != FASTSWAP_PAGE) {
		pr_err(FSR_NAME ": pages of this kernel are not 4 KiB: not supported\n");
		return -EINVAL;
	}
	error = fsr_sessions_start();
	if (error)
		return error;
	error = fsr_connect();
	if (error)
		goto stop_sessions;
	error = fsr_control_start();
	if (error)
		goto stop_sessions;
	error = frontswap_register_ops(&operations);
	if (error) {
		pr_err(FSR_NAME ": frontswap has another backend already (%d): see /sys/module/frontswap/parameters/backend\n", error);
		goto stop_control;
	}
	return 0;
stop_control:
	fsr_control_stop();
stop_sessions:
	fsr_sessions_stop();
	return error;
}

/* The kernel lets the module go only when no swap area is on: no page is here any more. */
static void __exit fsr_stop(void)
{
	frontswap_unregister_ops(&operations);
	fsr_control_stop();
	fsr_sessions_stop();
}

module_init(fsr_start);
module_exit(fsr_stop);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Swap to the memory of another machine over RDMA");
