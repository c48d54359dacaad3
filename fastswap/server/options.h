/* SPDX-License-Identifier: GPL-2.0 */
#ifndef FASTSWAP_OPTIONS_H
#define FASTSWAP_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "allow.h"

struct options {
	const char *listen; /* numeric address */
	uint16_t port;
	uint64_t capacity; /* bytes, whole pages */
	unsigned clients;
	unsigned connections;	  /* of one client */
	unsigned client_timeout; /* seconds without a sign of life; 0: never */
	struct allow_list allow;
	bool help;
};

/* 4096, 512M, 32GiB, 1.5G ...: bytes in units of 1024. False: not a size, or more than 2^63. */
bool parse_size(const char *text, uint64_t *bytes);
/* False: `problem` says in one line what is wrong and how to write it. */
bool options_parse(struct options *options, int count, char **arguments, char *problem, size_t room);
extern const char options_help[];

#endif
