/* SPDX-License-Identifier: GPL-2.0 */
/* Which addresses may be clients: loopback, and what the user named. */
#ifndef FASTSWAP_ALLOW_H
#define FASTSWAP_ALLOW_H

#include <stdbool.h>
#include <sys/socket.h>

#define ALLOW_MOST 256

struct allow_rule {
	unsigned char address[16]; /* IPv4 as ::ffff:a.b.c.d */
	unsigned bits;		   /* of the 128 that count */
};

struct allow_list {
	struct allow_rule rule[ALLOW_MOST];
	unsigned count;
};

/* ADDR or ADDR/BITS, IPv4 or IPv6. False: it is not one, or the list is full. */
bool allow_add(struct allow_list *list, const char *text);
bool allow_matches(const struct allow_list *list, const struct sockaddr *address);
/* Same host, whatever the port. */
bool allow_same_host(const struct sockaddr *a, const struct sockaddr *b);

#endif
