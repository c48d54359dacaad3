/* SPDX-License-Identifier: Apache-2.0
 * The fetcher thread: reads pages in bulk for prefetches. */
#include "engine.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include "net.h"
#include "prompt.h"

static int request(struct fm_engine *engine, struct fm_fetch *fetch)
{
	if (engine->local)
		return 0;
	struct fm_wire_header header = {.magic = FM_WIRE_MAGIC, .op = FM_WIRE_READ, .count = fetch->pages};
	struct iovec vector[2] = {{&header, sizeof(header)}, {fetch->slot, fetch->pages * sizeof(fetch->slot[0])}};
	return fm_sendv_all(engine->fetch_socket, vector, 2);
}

static int receive(struct fm_engine *engine, struct fm_fetch *fetch)
{
	if (engine->local) {
		fm_local_read(engine->local, fetch->slot, fetch->pages, fetch->data);
		return 0;
	}
	struct fm_wire_header header;
	if (fm_recv_all(engine->fetch_socket, &header, sizeof(header)) < 0 || header.magic != FM_WIRE_MAGIC ||
	    header.op != FM_WIRE_READ || header.status != FM_WIRE_OK || header.count != fetch->pages)
		return -1;
	return fm_recv_all(engine->fetch_socket, fetch->data, (size_t)fetch->pages * FM_PAGE_SIZE);
}

/* Here, because the pager has enough to do with putting pages in place. */
static void compare(struct fm_fetch *fetch)
{
	for (uint32_t i = 0; i < fetch->pages; i++)
		fetch->damaged[i] = !fm_sum_equals(fm_page_sum(fetch->data + (size_t)i * FM_PAGE_SIZE), fetch->sum[i]);
	fetch->compared = true;
}

void *fm_fetcher_main(void *argument)
{
	struct fm_engine *engine = argument;
	struct fm_prompt prompt = {0};
	fm_be_prompt(&prompt, true);
	/* Requests go out ahead of their answers: the server is never idle between two. At most
	 * FM_BULK_IN_FLIGHT of 1 KiB are unanswered per space, so sending cannot block on receiving. */
	struct fm_fetch *sent = NULL, **tail = &sent;
	for (;;) {
		struct fm_message *message = fm_queue_pop(&engine->fetch_queue);
		if (message && message->kind == FM_MSG_STOP)
			break;
		if (message) {
			struct fm_fetch *fetch = (struct fm_fetch *)message;
			fetch->next = NULL;
			*tail = fetch;
			tail = &fetch->next;
			if (request(engine, fetch) < 0)
				shutdown(engine->fetch_socket, SHUT_RDWR);
			continue;
		}
		if (!sent) {
			fm_queue_wait(&engine->fetch_queue, -1, -1);
			continue;
		}
		struct fm_fetch *fetch = sent;
		sent = fetch->next;
		if (!sent)
			tail = &sent;
		if (receive(engine, fetch) < 0) {
			fetch->status = FM_ERR_POOL_LOST;
			shutdown(engine->fetch_socket, SHUT_RDWR);
		} else {
			compare(fetch);
		}
		fetch->message.kind = FM_MSG_FETCHED;
		fm_queue_push(&engine->inbox, &fetch->message);
	}
	return NULL;
}
