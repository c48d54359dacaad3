/* SPDX-License-Identifier: GPL-2.0 */
#include "options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../wire.h"

const char options_help[] =
	"fastswap-server: lends this machine's memory to machines that swap over RDMA.\n"
	"\n"
	"  fastswap-server --capacity SIZE --allow ADDR [options]\n"
	"\n"
	"  --capacity SIZE         memory to lend in all, such as 32GiB; it is pinned while a client holds it (needed)\n"
	"  --allow ADDR[/BITS]     address or network of clients; may be given again. Loopback is always allowed, nothing else is\n"
	"  --clients N             how many clients at the same time, each with a region of its own (16)\n"
	"  --connections N         queue pairs of one client; a client uses two a queue (256)\n"
	"  --listen ADDR           address to listen on (0.0.0.0: all)\n"
	"  --port PORT             (50000)\n"
	"  --client-timeout SECS   a client that shows no life for so long loses its region; 0: never (60)\n"
	"  --help                  this text\n"
	"\n"
	"Examples:\n"
	"  fastswap-server --capacity 32GiB --allow 10.0.0.1\n"
	"  fastswap-server --capacity 512MiB --allow 10.0.0.0/24 --clients 4 --port 50001\n"
	"\n"
	"It runs in the foreground and stops on SIGTERM or Ctrl-C. Clients that are connected then lose their pages.\n";

bool parse_size(const char *text, uint64_t *bytes)
{
	static const char units[] = "KMGT";
	char *end;
	/* Plain decimal: strtod would take 0x10, inf and nan too. */
	if (*text < '0' || *text > '9' || text[strspn(text, "0123456789.")] == 'x')
		return false;
	double value = strtod(text, &end);
	if (*end && *end != 'B' && *end != 'b') {
		const char upper = (char)(*end & ~0x20);
		const char *unit = upper ? strchr(units, upper) : NULL;
		if (!unit)
			return false;
		for (const char *each = units; each <= unit; each++)
			value *= 1024;
		end++;
		if (*end == 'i')
			end++;
	}
	if (*end == 'B' || *end == 'b')
		end++;
	if (*end || !(value < 9.2e18))
		return false;
	*bytes = (uint64_t)value;
	return true;
}

static bool parse_number(const char *text, unsigned long least, unsigned long most, unsigned long *value)
{
	char *end;
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*value = strtoul(text, &end, 10);
	return !errno && !*end && *value >= least && *value <= most;
}

enum { CAPACITY = 256, ALLOW, CLIENTS, CONNECTIONS, LISTEN, PORT, CLIENT_TIMEOUT, HELP };

static const struct option names[] = {
	{"capacity", required_argument, NULL, CAPACITY},
	{"allow", required_argument, NULL, ALLOW},
	{"clients", required_argument, NULL, CLIENTS},
	{"connections", required_argument, NULL, CONNECTIONS},
	{"listen", required_argument, NULL, LISTEN},
	{"port", required_argument, NULL, PORT},
	{"client-timeout", required_argument, NULL, CLIENT_TIMEOUT},
	{"help", no_argument, NULL, HELP},
	{NULL, 0, NULL, 0},
};

static bool is_address(const char *text)
{
	unsigned char bytes[16];
	return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

static bool take(struct options *options, int name, const char *value, char *problem, size_t room)
{
	unsigned long number = 0;
	bool good = true;
	const char *expected = "";
	switch (name) {
	case CAPACITY:
		good = parse_size(value, &options->capacity) && options->capacity >= 2 * FASTSWAP_PAGE &&
		       options->capacity / FASTSWAP_PAGE <= FASTSWAP_MOST_PAGES;
		options->capacity -= options->capacity % FASTSWAP_PAGE;
		expected = "--capacity takes a size such as 32GiB";
		break;
	case ALLOW:
		good = allow_add(&options->allow, value);
		expected = "--allow takes an address or a network such as 10.0.0.0/24, 256 times at most";
		break;
	case CLIENTS:
		good = parse_number(value, 1, 4096, &number);
		options->clients = (unsigned)number;
		expected = "--clients takes 1 to 4096";
		break;
	case CONNECTIONS:
		good = parse_number(value, 2, FASTSWAP_MOST_CONNECTIONS, &number);
		options->connections = (unsigned)number;
		expected = "--connections takes 2 to 1024";
		break;
	case LISTEN:
		good = is_address(value);
		options->listen = value;
		expected = "--listen takes an address of this machine, such as 10.0.0.2";
		break;
	case PORT:
		good = parse_number(value, 1, 65535, &number);
		options->port = (uint16_t)number;
		expected = "--port takes 1 to 65535";
		break;
	case CLIENT_TIMEOUT:
		good = parse_number(value, 0, 86400, &number) && (number == 0 || number >= 5);
		options->client_timeout = (unsigned)number;
		expected = "--client-timeout takes 5 to 86400 seconds, or 0 for never";
		break;
	default:
		options->help = true;
	}
	if (!good)
		snprintf(problem, room, "%s, not '%s'", expected, value);
	return good;
}

bool options_parse(struct options *options, int count, char **arguments, char *problem, size_t room)
{
	*options = (struct options){
		.listen = "0.0.0.0", .port = FASTSWAP_DEFAULT_PORT, .clients = 16, .connections = 256, .client_timeout = 60};
	optind = 0; /* a fresh start: the tests parse more than once */
	opterr = 0;
	for (;;) {
		int name = getopt_long(count, arguments, "", names, NULL);
		if (name == -1)
			break;
		if (name == '?') {
			snprintf(problem, room, "'%s' is no option of mine or lacks its value: see --help", arguments[optind - 1]);
			return false;
		}
		if (!take(options, name, optarg, problem, room))
			return false;
	}
	if (options->help)
		return true;
	if (optind < count) {
		snprintf(problem, room, "'%s' is not an option: see --help", arguments[optind]);
		return false;
	}
	if (!options->capacity) {
		snprintf(problem, room, "--capacity is missing: how much memory to lend, such as --capacity 32GiB");
		return false;
	}
	return true;
}
