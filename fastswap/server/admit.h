/* SPDX-License-Identifier: GPL-2.0 */
/* Who holds how much, and who may come in: decisions only, no RDMA. */
#ifndef FASTSWAP_ADMIT_H
#define FASTSWAP_ADMIT_H

#include <stdint.h>
#include <sys/socket.h>

#include "../wire.h"
#include "options.h"

/* What the decisions need to know of a session. The server's own session begins with it. */
struct tenant {
	struct tenant *next;
	uint64_t generation;
	uint64_t pages;	       /* data pages */
	uint32_t connections; /* how many it said it will have */
	struct sockaddr_storage peer;
	uint8_t seen[FASTSWAP_MOST_CONNECTIONS]; /* index -> 1: that connection has come */
};

struct house {
	const struct options *options;
	struct tenant *tenants;
	unsigned count;
	uint64_t free_pages; /* header pages count too */
};

void house_init(struct house *house, const struct options *options);
/* May this connection come in? FASTSWAP_OK, or why not with its detail. A JOIN's tenant is put into *tenant. Changes nothing. */
enum fastswap_status admit(const struct house *house, const struct sockaddr *peer, const void *hello, size_t length,
			   struct tenant **tenant, uint64_t *detail);
/* Room for an OPEN that was admitted: fills the tenant (generation: random, of no other tenant, never 0) and adds it. */
void house_enter(struct house *house, struct tenant *tenant, const struct sockaddr *peer,
		 const struct fastswap_hello *hello);
void house_leave(struct house *house, struct tenant *tenant);

#endif
