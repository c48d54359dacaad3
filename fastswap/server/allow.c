/* SPDX-License-Identifier: GPL-2.0 */
#include "allow.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
static const struct allow_rule loopback[] = {
	{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127}, 96 + 8},
	{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128},
};

static bool to_bytes(const struct sockaddr *address, unsigned char out[16])
{
	if (address->sa_family == AF_INET) {
		memcpy(out, mapped, sizeof(mapped));
		memcpy(out + sizeof(mapped), &((const struct sockaddr_in *)address)->sin_addr, 4);
		return true;
	}
	if (address->sa_family == AF_INET6) {
		memcpy(out, &((const struct sockaddr_in6 *)address)->sin6_addr, 16);
		return true;
	}
	return false;
}

static bool rule_matches(const struct allow_rule *rule, const unsigned char address[16])
{
	unsigned whole = rule->bits / 8, rest = rule->bits % 8;
	if (memcmp(rule->address, address, whole) != 0)
		return false;
	return !rest || ((rule->address[whole] ^ address[whole]) & (0xff00u >> rest) & 0xff) == 0;
}

bool allow_add(struct allow_list *list, const char *text)
{
	char address[INET6_ADDRSTRLEN], *end;
	const char *slash = strchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : strlen(text);
	struct allow_rule rule = {.bits = 128};
	unsigned first;
	if (list->count == ALLOW_MOST || length >= sizeof(address))
		return false;
	memcpy(address, text, length);
	address[length] = 0;
	if (inet_pton(AF_INET, address, rule.address + 12) == 1) {
		memcpy(rule.address, mapped, sizeof(mapped));
		first = 96;
	} else if (inet_pton(AF_INET6, address, rule.address) == 1) {
		first = 0;
	} else {
		return false;
	}
	if (slash) {
		if (slash[1] < '0' || slash[1] > '9')
			return false;
		unsigned long bits = strtoul(slash + 1, &end, 10);
		if (*end || bits > 128 - first)
			return false;
		rule.bits = first + (unsigned)bits;
	}
	list->rule[list->count++] = rule;
	return true;
}

bool allow_matches(const struct allow_list *list, const struct sockaddr *address)
{
	unsigned char bytes[16];
	if (!to_bytes(address, bytes))
		return false;
	for (size_t i = 0; i < sizeof(loopback) / sizeof(loopback[0]); i++)
		if (rule_matches(&loopback[i], bytes))
			return true;
	for (unsigned i = 0; i < list->count; i++)
		if (rule_matches(&list->rule[i], bytes))
			return true;
	return false;
}

bool allow_same_host(const struct sockaddr *a, const struct sockaddr *b)
{
	unsigned char x[16], y[16];
	return to_bytes(a, x) && to_bytes(b, y) && memcmp(x, y, sizeof(x)) == 0;
}
