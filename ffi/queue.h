/* SPDX-License-Identifier: Apache-2.0
 * Messages between the engine's threads: first in, first out, waited for with poll. */
#ifndef FM_QUEUE_H
#define FM_QUEUE_H

#include <pthread.h>

/* First member of everything that travels in a queue. */
struct fm_message {
	struct fm_message *next;
	int kind;
};

struct fm_queue {
	pthread_mutex_t lock;
	struct fm_message *head, **tail;
	int ready; /* eventfd: readable while the queue may hold something */
};

int fm_queue_init(struct fm_queue *q);
void fm_queue_destroy(struct fm_queue *q);
void fm_queue_push(struct fm_queue *q, struct fm_message *message);
/* The next message or NULL; never waits. */
struct fm_message *fm_queue_pop(struct fm_queue *q);
/* Waits until the queue may hold something or `fd` (-1: none) is readable; `timeout_ms` as in poll. */
void fm_queue_wait(struct fm_queue *q, int fd, int timeout_ms);

#endif
