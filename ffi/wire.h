/* SPDX-License-Identifier: Apache-2.0
 * The protocol between an engine (client) and a memory server, over TCP, little-endian.
 *
 * A client has one session with several connections: one that writes, one that reads in bulk, one for
 * demand faults. A page's place is a slot number of the session, chosen by the client. Replies on a
 * connection come in the order of its requests.
 *
 *   HELLO  -> count = version; body: 16-byte session token (zeros: new session)
 *          <- body: 16-byte session token
 *   WRITE  -> count slots (u32 each), then count pages      <- status
 *   READ   -> count slots                                   <- status; when 0 count pages
 *   FREE   -> count slots, no reply
 */
#ifndef FM_WIRE_H
#define FM_WIRE_H

#include <stdint.h>

#include "faasmem.h"

#define FM_WIRE_MAGIC 0x4d534146u /* "FASM" */
#define FM_WIRE_VERSION 1u
#define FM_WIRE_MAX_PAGES 512u
#define FM_WIRE_TOKEN 16u

enum fm_wire_op { FM_WIRE_HELLO = 1, FM_WIRE_WRITE = 2, FM_WIRE_READ = 3, FM_WIRE_FREE = 4 };

enum fm_wire_status {
	FM_WIRE_OK = 0,
	FM_WIRE_FULL = 1,    /* no room: nothing of this request was kept */
	FM_WIRE_ABSENT = 2,  /* a slot holds no page */
	FM_WIRE_TAKEN = 3,   /* a slot already holds a page */
	FM_WIRE_REFUSED = 4, /* bad version or unknown session */
};

struct fm_wire_header {
	uint32_t magic;
	uint8_t op, status;
	uint16_t reserved;
	uint32_t count;
	uint32_t id; /* repeated in the reply */
};

_Static_assert(sizeof(struct fm_wire_header) == 16, "wire header");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the wire format is that of the machine");

#endif
