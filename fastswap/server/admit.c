/* SPDX-License-Identifier: GPL-2.0 */
#include "admit.h"

#include <endian.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "allow.h"

void house_init(struct house *house, const struct options *options)
{
	*house = (struct house){.options = options, .free_pages = options->capacity / FASTSWAP_PAGE};
}

static struct tenant *find(const struct house *house, uint64_t generation)
{
	struct tenant *tenant = house->tenants;
	while (tenant && tenant->generation != generation)
		tenant = tenant->next;
	return tenant;
}

static enum fastswap_status admit_open(const struct house *house, const struct fastswap_hello *hello, uint64_t *detail)
{
	uint64_t pages = le64toh(hello->pages);
	uint32_t connections = le32toh(hello->connections);
	if (le32toh(hello->index) != 0 || hello->generation || !pages || pages > FASTSWAP_MOST_PAGES || !connections)
		return FASTSWAP_BAD_HELLO;
	if (connections > house->options->connections) {
		*detail = house->options->connections;
		return FASTSWAP_MANY_QUEUES;
	}
	if (house->count >= house->options->clients) {
		*detail = house->options->clients;
		return FASTSWAP_MANY_CLIENTS;
	}
	if (pages + 1 > house->free_pages) {
		*detail = house->free_pages ? house->free_pages - 1 : 0;
		return FASTSWAP_FULL;
	}
	return FASTSWAP_OK;
}

static enum fastswap_status admit_join(const struct house *house, const struct sockaddr *peer,
				       const struct fastswap_hello *hello, struct tenant **found)
{
	uint32_t index = le32toh(hello->index);
	struct tenant *tenant = find(house, le64toh(hello->generation));
	/* A guessed number from another machine is no number. */
	if (!tenant || !allow_same_host(peer, (const struct sockaddr *)&tenant->peer))
		return FASTSWAP_NO_SESSION;
	if (index >= tenant->connections || tenant->seen[index] || hello->pages)
		return FASTSWAP_BAD_HELLO;
	*found = tenant;
	return FASTSWAP_OK;
}

enum fastswap_status admit(const struct house *house, const struct sockaddr *peer, const void *data, size_t length,
			   struct tenant **tenant, uint64_t *detail)
{
	struct fastswap_hello hello;
	*tenant = NULL;
	*detail = 0;
	if (!allow_matches(&house->options->allow, peer))
		return FASTSWAP_NOT_ALLOWED;
	if (!data || length < sizeof(hello))
		return FASTSWAP_BAD_HELLO;
	memcpy(&hello, data, sizeof(hello));
	if (le32toh(hello.magic) != FASTSWAP_MAGIC)
		return FASTSWAP_BAD_HELLO;
	if (le16toh(hello.version) != FASTSWAP_VERSION) {
		*detail = FASTSWAP_VERSION;
		return FASTSWAP_BAD_VERSION;
	}
	switch (le16toh(hello.kind)) {
	case FASTSWAP_OPEN:
		return admit_open(house, &hello, detail);
	case FASTSWAP_JOIN:
		return admit_join(house, peer, &hello, tenant);
	default:
		return FASTSWAP_BAD_HELLO;
	}
}

static uint64_t fresh_generation(const struct house *house)
{
	uint64_t generation;
	do {
		/* The kernel's pool is ready long before a server runs, and 8 bytes are never cut short. */
		if (getrandom(&generation, sizeof(generation), 0) != sizeof(generation))
			abort();
	} while (!generation || find(house, generation));
	return generation;
}

void house_enter(struct house *house, struct tenant *tenant, const struct sockaddr *peer, const struct fastswap_hello *hello)
{
	tenant->generation = fresh_generation(house);
	tenant->pages = le64toh(hello->pages);
	tenant->connections = le32toh(hello->connections);
	memcpy(&tenant->peer, peer, peer->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
	memset(tenant->seen, 0, sizeof(tenant->seen));
	tenant->next = house->tenants;
	house->tenants = tenant;
	house->count++;
	house->free_pages -= tenant->pages + 1;
}

void house_leave(struct house *house, struct tenant *tenant)
{
	struct tenant **at = &house->tenants;
	while (*at != tenant)
		at = &(*at)->next;
	*at = tenant->next;
	house->count--;
	house->free_pages += tenant->pages + 1;
}
