/* SPDX-License-Identifier: GPL-2.0 */
/* A client's region and its connections. */
#ifndef FASTSWAP_SESSION_H
#define FASTSWAP_SESSION_H

#include <rdma/rdma_cma.h>
#include <stdbool.h>
#include <time.h>

#include "admit.h"

struct session {
	struct tenant tenant; /* first: a tenant of the server is a session */
	struct ibv_context *verbs;
	struct ibv_pd *pd;
	struct ibv_cq *cq; /* queue pairs need one; nothing is ever posted here */
	struct ibv_mr *mr;
	void *memory;
	size_t bytes;
	struct rdma_cm_id *id[FASTSWAP_MOST_CONNECTIONS]; /* by index; NULL: not there */
	uint64_t last_beat;
	unsigned silent; /* looks, a second apart, since it changed */
	time_t began;	 /* monotonic seconds */
	char name[64]; /* client's address, for messages */
};

/* Memory, registration and header page for a tenant that has entered the house. NULL: `problem` says why. */
struct session *session_make(struct house *house, const struct sockaddr *peer, const struct fastswap_hello *hello,
			     struct ibv_context *verbs, char *problem, size_t room);
/* A queue pair for this connection request, and the accept. False: errno; the id is still the caller's to reject. */
bool session_accept(struct session *session, struct rdma_cm_id *id, uint32_t index, const struct rdma_conn_param *wanted);
/* Disconnects and frees everything. No event of its ids may be unacknowledged. */
void session_end(struct house *house, struct session *session);
/* Called once a second. False: no sign of life in so many calls. A pause of this machine is one call, not the client's fault. */
bool session_lives(struct session *session, unsigned timeout);
time_t now_seconds(void);

#endif
