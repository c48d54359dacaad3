// SPDX-License-Identifier: GPL-2.0
/*
 * Pages over a session's queues. A page's place in the region is its offset in the swap area.
 *
 * A store copies the page into a registered buffer and returns: what it costs is the copy and the posting, and the page may go at
 * once. The bit `writing` is set from before the posting until the server's adapter has acknowledged the data; a load or a
 * second store of the same offset waits for that, because requests of different queue pairs overtake each other.
 *
 * A load reads straight into the page.
 */
#include <linux/highmem.h>
#include <linux/mm.h>

#include "fsr.h"

static struct fsr_queue *write_queue(struct fsr_session *session)
{
	return &session->queues[raw_smp_processor_id() % session->pairs];
}

static struct fsr_queue *read_queue(struct fsr_session *session)
{
	return &session->queues[session->pairs + raw_smp_processor_id() % session->pairs];
}

/* The header page comes first. */
static u64 place(const struct fsr_session *session, pgoff_t offset)
{
	return session->address + FASTSWAP_PAGE + ((u64)offset << PAGE_SHIFT);
}

int fsr_store(struct fsr_session *session, pgoff_t offset, struct page *page)
{
	struct fsr_queue *queue = write_queue(session);
	struct fsr_request *request;
	int error;

	request = fsr_request_get(queue, true);
	if (!request)
		return -ENOTCONN;
	copy_highpage(request->page, page);
	ib_dma_sync_single_for_device(session->device, request->dma, PAGE_SIZE, DMA_TO_DEVICE);
	while (test_and_set_bit_lock(offset, session->writing)) {
		error = fsr_wait_written(session, offset);
		if (error)
			goto put;
	}
	request->kind = FSR_WRITE;
	request->offset = offset;
	error = fsr_post(queue, request, place(session, offset));
	if (error) {
		clear_bit_unlock(offset, session->writing);
		goto put;
	}
	set_bit(offset, session->stored);
	return 0;
put:
	fsr_request_put(queue, request);
	return error;
}

/* Maps the page and posts the read of it. */
static int start(struct fsr_queue *queue, struct fsr_request *request, enum fsr_kind kind, struct page *page, u64 address)
{
	struct ib_device *device = queue->session->device;
	int error;

	request->kind = kind;
	request->page = page;
	request->done = false;
	request->dma = ib_dma_map_page(device, page, 0, PAGE_SIZE, DMA_FROM_DEVICE);
	if (ib_dma_mapping_error(device, request->dma))
		return -ENOMEM;
	error = fsr_post(queue, request, address);
	if (error)
		ib_dma_unmap_page(device, request->dma, PAGE_SIZE, DMA_FROM_DEVICE);
	return error;
}

static int read_page(struct fsr_session *session, struct page *page, u64 address)
{
	struct fsr_queue *queue = read_queue(session);
	struct fsr_request *request = fsr_request_get(queue, true);
	int error;

	if (!request)
		return -EIO;
	error = start(queue, request, FSR_READ, page, address);
	if (!error) {
		fsr_wait_done(queue, request);
		error = request->error;
	}
	fsr_request_put(queue, request);
	return error ? -EIO : 0;
}

/* A page that this session does not hold was stored under an earlier one, and is lost. */
static int readable(struct fsr_session *session, pgoff_t offset)
{
	if (offset >= session->pages || !test_bit(offset, session->stored))
		return -EIO;
	return fsr_wait_written(session, offset);
}

int fsr_load(struct fsr_session *session, pgoff_t offset, struct page *page)
{
	int error = readable(session, offset);

	return error ? error : read_page(session, page, place(session, offset));
}

int fsr_load_start(struct fsr_session *session, pgoff_t offset, struct page *page)
{
	struct fsr_queue *queue = read_queue(session);
	struct fsr_request *request;
	int error = readable(session, offset);

	if (error)
		return error;
	request = fsr_request_get(queue, false);
	if (!request)
		return -EAGAIN;
	error = start(queue, request, FSR_ASYNC, page, place(session, offset));
	if (error) {
		fsr_request_put(queue, request);
		return error;
	}
	return queue->index;
}

int fsr_verify(struct fsr_session *session)
{
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	const struct fastswap_header *header;
	int error;

	if (!page)
		return -ENOMEM;
	header = page_address(page);
	error = read_page(session, page, session->address);
	if (!error && le64_to_cpu(header->generation) != session->generation)
		error = -EPROTO;
	__free_page(page);
	return error;
}
