/* SPDX-License-Identifier: GPL-2.0 */
#define _GNU_SOURCE
#include "session.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

time_t now_seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static void write_name(const struct sockaddr *peer, char *out, size_t room)
{
	const void *address = peer->sa_family == AF_INET6 ? (const void *)&((const struct sockaddr_in6 *)peer)->sin6_addr
							  : (const void *)&((const struct sockaddr_in *)peer)->sin_addr;
	if (!inet_ntop(peer->sa_family, address, out, (socklen_t)room))
		snprintf(out, room, "?");
}

struct session *session_make(struct house *house, const struct sockaddr *peer, const struct fastswap_hello *hello,
			     struct ibv_context *verbs, char *problem, size_t room)
{
	struct session *session = calloc(1, sizeof(*session));
	if (!session) {
		snprintf(problem, room, "no memory");
		return NULL;
	}
	house_enter(house, &session->tenant, peer, hello);
	write_name(peer, session->name, sizeof(session->name));
	session->verbs = verbs;
	session->began = now_seconds();
	session->bytes = (size_t)(session->tenant.pages + 1) * FASTSWAP_PAGE;
	/* A mapping of its own each time: no client reads what another left. */
	session->memory = mmap(NULL, session->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (session->memory == MAP_FAILED) {
		session->memory = NULL;
		snprintf(problem, room, "no %zu MiB of memory: %s", session->bytes >> 20, strerror(errno));
		goto failed;
	}
	/* What is in there are other programs' secrets. */
	madvise(session->memory, session->bytes, MADV_DONTDUMP);
	madvise(session->memory, session->bytes, MADV_HUGEPAGE);
	((struct fastswap_header *)session->memory)->generation = htole64(session->tenant.generation);
	session->pd = ibv_alloc_pd(verbs);
	session->cq = ibv_create_cq(verbs, 1, NULL, NULL, 0);
	if (!session->pd || !session->cq) {
		snprintf(problem, room, "no protection domain or completion queue: %s", strerror(errno));
		goto failed;
	}
	/* Own protection domain: another client's key does not open this region. */
	session->mr = ibv_reg_mr(session->pd, session->memory, session->bytes,
				 IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE);
	if (!session->mr) {
		snprintf(problem, room, "cannot register %zu MiB: %s: raise the limit of locked memory (ulimit -l) or lend less",
			 session->bytes >> 20, strerror(errno));
		goto failed;
	}
	return session;
failed:
	session_end(house, session);
	return NULL;
}

bool session_accept(struct session *session, struct rdma_cm_id *id, uint32_t index, const struct rdma_conn_param *wanted)
{
	struct ibv_device_attr device;
	struct ibv_qp_init_attr qp = {
		.send_cq = session->cq,
		.recv_cq = session->cq,
		.cap = {.max_send_wr = 1, .max_recv_wr = 1, .max_send_sge = 1, .max_recv_sge = 1},
		.qp_type = IBV_QPT_RC,
	};
	struct fastswap_answer answer = {
		.magic = htole32(FASTSWAP_MAGIC),
		.version = htole16(FASTSWAP_VERSION),
		.status = htole16(FASTSWAP_OK),
		.generation = htole64(session->tenant.generation),
		.address = htole64((uint64_t)(uintptr_t)session->memory),
		.pages = htole64(session->tenant.pages),
		.rkey = htole32(session->mr->rkey),
	};
	struct rdma_conn_param param = {
		.private_data = &answer,
		.private_data_len = sizeof(answer),
		.rnr_retry_count = 7,
	};
	if (id->verbs != session->verbs) {
		errno = EXDEV;
		return false;
	}
	if (ibv_query_device(id->verbs, &device) != 0 || rdma_create_qp(id, session->pd, &qp) != 0)
		return false;
	/* How many reads the client may have in flight on this queue pair. */
	param.responder_resources = wanted->responder_resources;
	if (param.responder_resources > device.max_qp_rd_atom)
		param.responder_resources = (uint8_t)device.max_qp_rd_atom;
	if (rdma_accept(id, &param) != 0) {
		int error = errno;
		rdma_destroy_qp(id);
		errno = error;
		return false;
	}
	id->context = session;
	session->id[index] = id;
	session->tenant.seen[index] = 1;
	return true;
}

void session_end(struct house *house, struct session *session)
{
	for (unsigned i = 0; i < FASTSWAP_MOST_CONNECTIONS; i++)
		if (session->id[i])
			rdma_disconnect(session->id[i]);
	for (unsigned i = 0; i < FASTSWAP_MOST_CONNECTIONS; i++) {
		if (!session->id[i])
			continue;
		rdma_destroy_qp(session->id[i]);
		rdma_destroy_id(session->id[i]);
	}
	if (session->mr)
		ibv_dereg_mr(session->mr);
	if (session->cq)
		ibv_destroy_cq(session->cq);
	if (session->pd)
		ibv_dealloc_pd(session->pd);
	if (session->memory)
		munmap(session->memory, session->bytes);
	house_leave(house, &session->tenant);
	free(session);
}

bool session_lives(struct session *session, unsigned timeout)
{
	/* The client's adapter writes it, behind the compiler's back. */
	uint64_t beat = __atomic_load_n(&((struct fastswap_header *)session->memory)->beat, __ATOMIC_RELAXED);
	session->silent = beat == session->last_beat ? session->silent + 1 : 0;
	session->last_beat = beat;
	return !timeout || session->silent <= timeout;
}
