/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "net.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST_VECTORS 1024

static int transfer_all(int fd, struct iovec *vector, size_t count, int sending)
{
	while (count && !vector->iov_len) {
		vector++;
		count--;
	}
	while (count) {
		struct msghdr message = {.msg_iov = vector, .msg_iovlen = count < MOST_VECTORS ? count : MOST_VECTORS};
		ssize_t done = sending ? sendmsg(fd, &message, MSG_NOSIGNAL) : recvmsg(fd, &message, MSG_WAITALL);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			if (done == 0)
				errno = 0;
			return -1;
		}
		size_t left = (size_t)done;
		while (count && left >= vector->iov_len) {
			left -= vector->iov_len;
			vector++;
			count--;
		}
		if (count) {
			vector->iov_base = (char *)vector->iov_base + left;
			vector->iov_len -= left;
		}
	}
	return 0;
}

int fm_sendv_all(int fd, struct iovec *vector, size_t count)
{
	return transfer_all(fd, vector, count, 1);
}

int fm_recvv_all(int fd, struct iovec *vector, size_t count)
{
	return transfer_all(fd, vector, count, 0);
}

int fm_send_all(int fd, const void *data, size_t length)
{
	struct iovec one = {.iov_base = (void *)data, .iov_len = length};
	return fm_sendv_all(fd, &one, 1);
}

int fm_recv_all(int fd, void *data, size_t length)
{
	struct iovec one = {.iov_base = data, .iov_len = length};
	return fm_recvv_all(fd, &one, 1);
}

/* Buffer sizes are left to the kernel: setting them would end its tuning and cap them at net.core.wmem_max. */
void fm_socket_tune(int fd)
{
	int on = 1, idle = 5, interval = 2, probes = 2;
	unsigned int timeout_ms = 10000;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	/* A peer that vanished without a FIN must not leave a thread waiting for its page for ever. */
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
}

int fm_connect(const char *host, uint32_t port)
{
	char service[16];
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found, *at;
	snprintf(service, sizeof(service), "%u", port);
	if (getaddrinfo(host, service, &hints, &found) != 0)
		return -1;
	int fd = -1;
	for (at = found; at; at = at->ai_next) {
		fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
		if (fd < 0)
			continue;
		fm_socket_tune(fd);
		if (connect(fd, at->ai_addr, at->ai_addrlen) == 0)
			break;
		close(fd);
		fd = -1;
	}
	freeaddrinfo(found);
	return fd;
}
