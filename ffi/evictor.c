/* SPDX-License-Identifier: Apache-2.0
 * The two threads that carry evicted pages: the reader copies them out of the target's staging area, looks for
 * zeros and makes checksums; the evictor sends them and takes the server's acknowledgements. Two, because
 * either is a whole core's work at full speed. A store of this process has two readers and no evictor. */
#define _GNU_SOURCE
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "net.h"

/* What is copied at once: still in the processor's cache when it is looked at. */
#define READ_PAGES 64u

/* Adds a page to a vector, joining neighbours. */
static size_t aim(struct iovec *vector, size_t used, void *page)
{
	if (used && (char *)vector[used - 1].iov_base + vector[used - 1].iov_len == (char *)page)
		vector[used - 1].iov_len += FM_PAGE_SIZE;
	else
		vector[used++] = (struct iovec){page, FM_PAGE_SIZE};
	return used;
}

/* Copies pages [from, to) of a batch out. */
static int read_staging(struct fm_batch *batch, uint32_t from, uint32_t to)
{
	struct iovec remote[READ_PAGES], local[READ_PAGES];
	size_t remotes = 0, locals = 0;
	for (uint32_t i = from; i < to; i++) {
		remotes = aim(remote, remotes, (char *)(uintptr_t)(batch->staging + (uint64_t)batch->index[i] * FM_PAGE_SIZE));
		locals = aim(local, locals, fm_batch_data(batch, i));
	}
	return process_vm_readv(batch->pid, local, locals, remote, remotes, 0) == (ssize_t)(to - from) * FM_PAGE_SIZE ? 0 : -1;
}

static bool is_zero(const uint8_t *page)
{
	static const uint8_t zeros[64];
	return memcmp(page, zeros, sizeof(zeros)) == 0 && memcmp(page, page + sizeof(zeros), FM_PAGE_SIZE - sizeof(zeros)) == 0;
}

static int send_batch(struct fm_engine *engine, struct fm_batch *batch)
{
	struct fm_wire_header header = {.magic = FM_WIRE_MAGIC, .op = FM_WIRE_WRITE, .id = batch->number};
	uint32_t slot[FM_BATCH_PAGES];
	struct iovec vector[FM_BATCH_PAGES + 2] = {{&header, sizeof(header)}};
	size_t vectors = 0;
	for (uint32_t i = 0; i < batch->pages; i++) {
		if (batch->zero[i] || batch->unchanged[i])
			continue;
		slot[header.count++] = batch->slot[i];
		vectors = aim(vector + 2, vectors, fm_batch_data(batch, i));
	}
	batch->sent = header.count;
	if (!header.count)
		return 0;
	vector[1] = (struct iovec){slot, header.count * sizeof(slot[0])};
	return fm_sendv_all(engine->evict_socket, vector, vectors + 2);
}

static void send_free(struct fm_engine *engine, struct fm_free_slots *list)
{
	struct fm_wire_header header = {.magic = FM_WIRE_MAGIC, .op = FM_WIRE_FREE, .count = list->count};
	struct iovec vector[2] = {{&header, sizeof(header)}, {list->slot, list->count * sizeof(list->slot[0])}};
	/* A failure is met again, and reported, by the next batch. */
	fm_sendv_all(engine->evict_socket, vector, 2);
	free(list);
}

static void answer_batch(struct fm_engine *engine, struct fm_batch *batch, int status)
{
	if (batch->status == FM_OK)
		batch->status = status;
	batch->stored.kind = FM_MSG_BATCH_STORED;
	fm_queue_push(&engine->inbox, &batch->stored);
}

/* What is there to know of pages [from, to) of a batch. */
static void look_at(struct fm_batch *batch, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		const uint8_t *page = fm_batch_data(batch, i);
		batch->zero[i] = is_zero(page);
		batch->sum[i] = batch->zero[i] ? (struct fm_sum){0} : fm_page_sum(page);
		batch->unchanged[i] = !batch->zero[i] && batch->clean_slot[i] != FM_NO_SLOT && fm_sum_equals(batch->sum[i], batch->clean_sum[i]);
	}
}

/* Copies a batch out; it goes on to the evictor, or back when that failed. */
static void read_batch(struct fm_engine *engine, struct fm_batch *batch)
{
	/* The store of this process has its pages without another copy. Full: nothing of the batch is kept. */
	batch->in_store = engine->local && fm_local_take(engine->local, batch->slot, batch->pages) == 0;
	if (engine->local && !batch->in_store && batch->status == FM_OK)
		batch->status = FM_ERR_POOL_FULL;
	for (uint32_t from = 0, to; from < batch->pages; from = to) {
		to = batch->pages - from < READ_PAGES ? batch->pages : from + READ_PAGES;
		if (read_staging(batch, from, to) < 0) {
			batch->failed_read = errno != ESRCH; /* ESRCH: it has ended, and nobody needs its pages */
			answer_batch(engine, batch, FM_ERR_NO_SPACE);
			return;
		}
		look_at(batch, from, to);
	}
	batch->read.kind = FM_MSG_BATCH_READ;
	fm_queue_push(&engine->inbox, &batch->read);
	if (batch->in_store || batch->status != FM_OK) { /* nothing to send: the evictor need not wake for it */
		answer_batch(engine, batch, FM_OK);
		return;
	}
	batch->send.kind = FM_MSG_BATCH;
	fm_queue_push(&engine->evict_queue, &batch->send);
}

void *fm_reader_main(void *argument)
{
	struct fm_engine *engine = argument;
	for (;;) {
		struct fm_message *message = fm_queue_pop(&engine->read_queue);
		if (!message)
			fm_queue_wait(&engine->read_queue, -1, -1);
		else if (message->kind == FM_MSG_STOP)
			return NULL;
		else
			read_batch(engine, (struct fm_batch *)message);
	}
}

/* Sends a batch. True when an acknowledgement will come. */
static bool start_batch(struct fm_engine *engine, struct fm_batch *batch)
{
	if (__atomic_load_n(&engine->pool_lost, __ATOMIC_SEQ_CST) || send_batch(engine, batch) < 0) {
		answer_batch(engine, batch, FM_ERR_POOL_LOST);
		return false;
	}
	if (batch->sent)
		return true;
	answer_batch(engine, batch, FM_OK);
	return false;
}

/* Takes one acknowledgement for the batch at the head. */
static int take_answer(struct fm_engine *engine, struct fm_batch *batch)
{
	struct fm_wire_header header;
	if (fm_recv_all(engine->evict_socket, &header, sizeof(header)) < 0 || header.magic != FM_WIRE_MAGIC ||
	    header.op != FM_WIRE_WRITE || header.id != batch->number)
		return FM_ERR_POOL_LOST;
	return header.status == FM_WIRE_OK ? FM_OK : header.status == FM_WIRE_FULL ? FM_ERR_POOL_FULL : FM_ERR_POOL_LOST;
}

static bool readable(int fd)
{
	char byte;
	ssize_t got = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	return got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

void *fm_evictor_main(void *argument)
{
	struct fm_engine *engine = argument;
	struct fm_batch *unacked = NULL, **tail = &unacked;
	for (;;) {
		struct fm_message *message = fm_queue_pop(&engine->evict_queue);
		if (message && message->kind == FM_MSG_FREE_SLOTS) {
			send_free(engine, (struct fm_free_slots *)message);
		} else if (message && message->kind == FM_MSG_BATCH) {
			struct fm_batch *batch = (struct fm_batch *)((char *)message - offsetof(struct fm_batch, send));
			if (start_batch(engine, batch)) {
				batch->next_unacked = NULL;
				*tail = batch;
				tail = &batch->next_unacked;
			}
		} else if (message) { /* FM_MSG_STOP */
			break;
		} else {
			fm_queue_wait(&engine->evict_queue, unacked ? engine->evict_socket : -1, -1);
		}
		while (unacked && readable(engine->evict_socket)) {
			struct fm_batch *batch = unacked;
			unacked = batch->next_unacked;
			if (!unacked)
				tail = &unacked;
			answer_batch(engine, batch, take_answer(engine, batch));
		}
	}
	return NULL;
}
