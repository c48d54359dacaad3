/* SPDX-License-Identifier: Apache-2.0
 * The engine's side of the memory server: its three connections, and giving slots back. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine.h"
#include "net.h"

static int hello(int fd, uint8_t token[FM_WIRE_TOKEN])
{
	struct fm_wire_header header = {.magic = FM_WIRE_MAGIC, .op = FM_WIRE_HELLO, .count = FM_WIRE_VERSION};
	struct timeval patience = {.tv_sec = 5}, forever = {0};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (fm_send_all(fd, &header, sizeof(header)) < 0 || fm_send_all(fd, token, FM_WIRE_TOKEN) < 0 ||
	    fm_recv_all(fd, &header, sizeof(header)) < 0)
		return FM_ERR_PROTOCOL;
	if (header.magic != FM_WIRE_MAGIC || header.op != FM_WIRE_HELLO || header.status != FM_WIRE_OK)
		return FM_ERR_PROTOCOL;
	if (fm_recv_all(fd, token, FM_WIRE_TOKEN) < 0)
		return FM_ERR_PROTOCOL;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &forever, sizeof(forever));
	return FM_OK;
}

int fm_pool_connect(struct fm_engine *engine, const char *host, uint32_t port)
{
	uint8_t token[FM_WIRE_TOKEN] = {0};
	int *sockets[] = {&engine->evict_socket, &engine->fetch_socket, &engine->demand_socket};
	for (size_t i = 0; i < sizeof(sockets) / sizeof(sockets[0]); i++) {
		*sockets[i] = fm_connect(host, port);
		if (*sockets[i] < 0)
			return FM_ERR_CONNECT;
		int status = hello(*sockets[i], token);
		if (status != FM_OK)
			return status;
	}
	return FM_OK;
}

void fm_slots_send(struct fm_engine *engine)
{
	uint32_t slot[FM_WIRE_MAX_PAGES];
	while (engine->local && engine->slots.released_count)
		fm_local_give(engine->local, slot, fm_slots_flush(&engine->slots, slot, FM_WIRE_MAX_PAGES));
	while (engine->slots.released_count && !engine->pool_lost) {
		struct fm_free_slots *list = malloc(sizeof(*list));
		if (!list)
			return; /* they stay released and are sent next time */
		list->message.kind = FM_MSG_FREE_SLOTS;
		list->count = fm_slots_flush(&engine->slots, list->slot, FM_WIRE_MAX_PAGES);
		fm_queue_push(&engine->evict_queue, &list->message);
	}
}

/* Nothing can be brought back any more. A process with pages away must not go on; the others may. */
void fm_pool_lost(struct fm_engine *engine)
{
	if (__atomic_exchange_n(&engine->pool_lost, 1, __ATOMIC_SEQ_CST))
		return;
	shutdown(engine->demand_socket, SHUT_RDWR);
	shutdown(engine->evict_socket, SHUT_RDWR);
	shutdown(engine->fetch_socket, SHUT_RDWR);
	fm_emit(engine, &(struct fm_event){.type = FM_EVENT_POOL_LOST, .status = FM_ERR_POOL_LOST});
	fm_fetch_drop_all(engine);
	for (struct fm_space *space = engine->spaces; space; space = space->next)
		if (!space->dead && space->root->stats.remote_pages)
			fm_space_kill(space->root, FM_ERR_POOL_LOST);
}
