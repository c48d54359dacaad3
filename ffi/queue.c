/* SPDX-License-Identifier: Apache-2.0 */
#include "queue.h"

#include <poll.h>
#include <stdint.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <unistd.h>

int fm_queue_init(struct fm_queue *q)
{
	q->head = NULL;
	q->tail = &q->head;
	q->ready = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->ready < 0)
		return -1;
	pthread_mutex_init(&q->lock, NULL);
	return 0;
}

void fm_queue_destroy(struct fm_queue *q)
{
	if (q->ready < 0)
		return;
	close(q->ready);
	q->ready = -1;
	pthread_mutex_destroy(&q->lock);
}

void fm_queue_push(struct fm_queue *q, struct fm_message *message)
{
	uint64_t one = 1;
	message->next = NULL;
	pthread_mutex_lock(&q->lock);
	int was_empty = q->head == NULL;
	*q->tail = message;
	q->tail = &message->next;
	pthread_mutex_unlock(&q->lock);
	/* A counter at its limit would refuse, and is readable all the same. */
	if (was_empty && write(q->ready, &one, sizeof(one)) < 0)
		return;
}

struct fm_message *fm_queue_pop(struct fm_queue *q)
{
	uint64_t count;
	pthread_mutex_lock(&q->lock);
	struct fm_message *message = q->head;
	if (message) {
		q->head = message->next;
		if (!q->head)
			q->tail = &q->head;
	}
	if (!q->head && read(q->ready, &count, sizeof(count)) < 0)
		count = 0; /* nothing was announced: as it should be */
	pthread_mutex_unlock(&q->lock);
	return message;
}

void fm_queue_wait(struct fm_queue *q, int fd, int timeout_ms)
{
	struct pollfd wait[2] = {{.fd = q->ready, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
	poll(wait, fd < 0 ? 1 : 2, timeout_ms);
}
