/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the swap module and the memory server say to each other, by the private data of the RDMA connection manager:
 * everything after that is one-sided reads and writes.
 *
 * A client opens a session with its first connection (FASTSWAP_OPEN) and is told the session's generation, a random
 * number, and where its region is. Each further connection names that generation (FASTSWAP_JOIN). When one
 * connection of a session ends, the session ends: the region is given up, and the number is never used again. So a
 * restarted server, or a region that was given to somebody else, cannot be taken for the old one.
 *
 * The region starts with one header page, then come the data pages. The client writes its beat into the header
 * page about once a second; a server that sees no change for long enough gives the region up.
 *
 * All numbers are little-endian. Request data is at most 56 bytes, an accept's 196, a reject's 148 (InfiniBand).
 */
#ifndef FASTSWAP_WIRE_H
#define FASTSWAP_WIRE_H

#include <linux/types.h>

#define FASTSWAP_MAGIC 0x50415753u /* "SWAP" */
#define FASTSWAP_VERSION 1
#define FASTSWAP_DEFAULT_PORT 50000
#define FASTSWAP_PAGE 4096u
/* Bounds that both sides check: connections of a session, pages of a region (16 TiB). */
#define FASTSWAP_MOST_CONNECTIONS 1024u
#define FASTSWAP_MOST_PAGES (1ull << 32)

enum fastswap_kind {
	FASTSWAP_OPEN = 1,
	FASTSWAP_JOIN = 2,
};

/* Why a server refuses a connection. */
enum fastswap_status {
	FASTSWAP_OK = 0,
	FASTSWAP_BAD_HELLO = 1,	   /* not a hello of this protocol, or numbers out of bounds */
	FASTSWAP_BAD_VERSION = 2,  /* detail: the server's version */
	FASTSWAP_NOT_ALLOWED = 3,  /* the client's address is not in the server's list */
	FASTSWAP_FULL = 4,	   /* detail: pages that are free */
	FASTSWAP_MANY_CLIENTS = 5, /* detail: how many clients the server takes */
	FASTSWAP_MANY_QUEUES = 6,  /* detail: how many connections a client may have */
	FASTSWAP_NO_SESSION = 7,   /* JOIN of a session that is not here (any more) */
	FASTSWAP_NO_MEMORY = 8,	   /* the server could not get or register the memory */
};

/* Client to server, with every connection request. 40 bytes. */
struct fastswap_hello {
	__le32 magic;
	__le16 version;
	__le16 kind;
	__le64 generation; /* JOIN: of the session; OPEN: 0 */
	__le64 pages;	   /* OPEN: data pages wanted; JOIN: 0 */
	__le32 connections; /* how many this session will have in all */
	__le32 index;	    /* which of them this is, from 0 */
	__le64 reserved;    /* 0 */
};

/* Server to client, with an accept or a reject. 48 bytes. */
struct fastswap_answer {
	__le32 magic;
	__le16 version;
	__le16 status;	   /* enum fastswap_status */
	__le64 detail;	   /* see the status */
	__le64 generation; /* from here on: accept of OPEN only */
	__le64 address;	   /* of the header page */
	__le64 pages;	   /* data pages after it */
	__le32 rkey;
	__le32 reserved; /* 0 */
};

/* The first page of a region. */
struct fastswap_header {
	__le64 generation; /* written by the server before it accepts; the client reads and compares it */
	__le64 beat;	   /* written by the client: any change is a sign of life */
};

#endif
