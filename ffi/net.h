/* SPDX-License-Identifier: Apache-2.0
 * Blocking socket helpers shared by client and server. */
#ifndef FM_NET_H
#define FM_NET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* All bytes, or -1 (errno; 0 bytes at the start of fm_recv_all sets errno to 0: the peer closed). */
int fm_send_all(int fd, const void *data, size_t length);
int fm_recv_all(int fd, void *data, size_t length);
/* As above over a vector, which is changed on the way. */
int fm_sendv_all(int fd, struct iovec *vector, size_t count);
int fm_recvv_all(int fd, struct iovec *vector, size_t count);

/* Options of every pool connection: no delay, a dead peer noticed within 10 s. */
void fm_socket_tune(int fd);

/* Connects to a numeric or named host. The descriptor, or -1. */
int fm_connect(const char *host, uint32_t port);

#endif
