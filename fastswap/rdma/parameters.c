// SPDX-License-Identifier: GPL-2.0
/*
 * The module's parameters. They may be changed at any time in /sys/module/fastswap_rdma/parameters, and what a session needs is
 * taken when it begins.
 */
#include <linux/inet.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <net/net_namespace.h>

#include "fsr.h"

static char *fsr_server = "", *fsr_client = "", *fsr_capacity = "";
static ushort fsr_port = FASTSWAP_DEFAULT_PORT;
static uint fsr_queues, fsr_depth = 64, fsr_batch = 16;
uint fsr_poll_us = 50, fsr_ack_timeout = 17, fsr_timeout_ms = 20000, fsr_reconnect_s;

module_param_named(server, fsr_server, charp, 0644);
MODULE_PARM_DESC(server, "address of the memory server (needed)");
module_param_named(port, fsr_port, ushort, 0644);
MODULE_PARM_DESC(port, "port of the memory server (50000)");
module_param_named(client, fsr_client, charp, 0644);
MODULE_PARM_DESC(client, "address of this machine to connect from (as the route says)");
module_param_named(capacity, fsr_capacity, charp, 0644);
MODULE_PARM_DESC(capacity, "memory to ask for, with K, M, G or T (needed); as large as the swap area");
module_param_named(queues, fsr_queues, uint, 0644);
MODULE_PARM_DESC(queues, "queue pairs for writes, and as many for reads (0: one of each per CPU)");
module_param_named(depth, fsr_depth, uint, 0644);
MODULE_PARM_DESC(depth, "requests in flight on a queue pair, 4 to 4096 (64); a queue for writes has as many registered pages");
module_param_named(batch, fsr_batch, uint, 0644);
MODULE_PARM_DESC(batch, "writes that share a completion, at most half of depth (16)");
module_param_named(poll_us, fsr_poll_us, uint, 0644);
MODULE_PARM_DESC(poll_us, "microseconds to poll for a page before sleeping (50)");
module_param_named(ack_timeout, fsr_ack_timeout, uint, 0644);
MODULE_PARM_DESC(ack_timeout, "an answer is missing after 4.096 us x 2^N, and the link given up after 8 of these (17: 0.5 s, 4.3 s); 8 to 22");
module_param_named(timeout_ms, fsr_timeout_ms, uint, 0644);
MODULE_PARM_DESC(timeout_ms, "a request that takes longer ends the session, whatever the adapter says (20000)");
module_param_named(reconnect_s, fsr_reconnect_s, uint, 0644);
MODULE_PARM_DESC(reconnect_s, "seconds between tries to connect again after a loss (0: only on request)");

int fsr_parse(struct fsr_wish *wish)
{
	char port[8], *end;
	u64 bytes;
	int error = -EINVAL;

	memset(wish, 0, sizeof(*wish));
	kernel_param_lock(THIS_MODULE);
	snprintf(port, sizeof(port), "%u", fsr_port);
	snprintf(wish->peer, sizeof(wish->peer), "%s:%u", strim(fsr_server), fsr_port);
	bytes = memparse(fsr_capacity, &end);
	wish->pages = bytes >> PAGE_SHIFT;
	wish->pairs = fsr_queues ? fsr_queues : num_online_cpus();
	wish->depth = fsr_depth;
	wish->batch = fsr_batch;
	wish->has_from = *strim(fsr_client);
	if (!fsr_port || inet_pton_with_scope(&init_net, AF_UNSPEC, strim(fsr_server), port, &wish->to))
		pr_err(FSR_NAME ": server=%s port=%u: give the memory server's address and port\n", fsr_server, fsr_port);
	else if (wish->has_from && inet_pton_with_scope(&init_net, AF_UNSPEC, strim(fsr_client), NULL, &wish->from))
		pr_err(FSR_NAME ": client=%s: give an address of this machine, or leave it out\n", fsr_client);
	else if (!wish->pages || (*end && *end != '\n') || wish->pages > FASTSWAP_MOST_PAGES)
		pr_err(FSR_NAME ": capacity=%s: give how much memory to ask for, such as 32G\n", fsr_capacity);
	else if (wish->pairs > FASTSWAP_MOST_CONNECTIONS / 2)
		pr_err(FSR_NAME ": queues=%u: at most %u\n", wish->pairs, FASTSWAP_MOST_CONNECTIONS / 2);
	else if (wish->depth < 4 || wish->depth > 4096)
		pr_err(FSR_NAME ": depth=%u: 4 to 4096\n", wish->depth);
	else if (!wish->batch || wish->batch > wish->depth / 2)
		pr_err(FSR_NAME ": batch=%u: 1 to half of depth (%u)\n", wish->batch, wish->depth / 2);
	else
		error = 0;
	kernel_param_unlock(THIS_MODULE);
	return error;
}
