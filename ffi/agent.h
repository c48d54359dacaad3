/* SPDX-License-Identifier: Apache-2.0
 * What the preload agent and the engine say to each other over their SOCK_SEQPACKET pair. */
#ifndef FM_AGENT_H
#define FM_AGENT_H

#include <stdint.h>

#define FM_AGENT_VERSION 5u
#define FM_AGENT_ENV "FAASMEM_AGENT_FD"

/* Pages of one order: one staging buffer. */
#define FM_BATCH_PAGES 256u
#define FM_STAGING_BUFFERS 4u
/* Runs that can be touched at once. */
#define FM_TOUCH_RUNS 2048u
/* Two resident pages this far apart: changing the protection of both in one call makes the kernel flush every
 * translation of the process (x86: from 33 pages on; arm64: from 512). */
#if defined(__x86_64__)
#define FM_FLUSH_PAGES 64u
#else
#define FM_FLUSH_PAGES 1024u
#endif
/* Descriptors of forked children that the agent can hold. */
#define FM_AGENT_HELD 256u

/* First message, from the agent, with the userfaultfd as ancillary data (none when `error` is set). */
struct fm_agent_hello {
	uint32_t version;
	int32_t error; /* errno of userfaultfd(2), 0 = fine */
	int32_t pid;
	uint32_t reserved;
	uint64_t arena_start, arena_end; /* the agent's own memory: never managed */
	uint64_t staging;		 /* FM_STAGING_BUFFERS * FM_BATCH_PAGES pages, inside the arena */
	uint64_t flush;			 /* FM_FLUSH_PAGES pages, inside the arena; the first and the last are resident */
};

enum fm_agent_op {
	FM_AGENT_MOVE = 1, /* move the runs' pages into staging buffer `buffer`, one after the other */
	FM_AGENT_DROP = 2, /* forget the pages of staging buffer `buffer` */
	FM_AGENT_HOLD = 3, /* keep the descriptor that comes with this message open as number `buffer`; no answer */
	FM_AGENT_RELEASE = 4, /* close the held descriptor `buffer`; no answer */
	FM_AGENT_LEAVE = 5, /* end the agent's thread and leave the process alone; no answer */
	FM_AGENT_UNMAP = 6, /* take the runs, pages of a file that nobody writes, out of the page table; no answer */
	FM_AGENT_TOUCH = 7, /* read a byte of each page of the runs, `buffer` (enum fm_agent_part) of those to be touched at once; no answer */
};

enum fm_agent_part {
	FM_AGENT_FIRST = 1,
	FM_AGENT_LAST = 2,
};

struct fm_agent_run {
	uint64_t page; /* first page number */
	uint64_t pages;
};

struct fm_agent_order {
	uint32_t op;
	uint32_t buffer;
	uint32_t runs;
	uint32_t reserved;
	struct fm_agent_run run[FM_BATCH_PAGES];
};

struct fm_agent_answer {
	uint32_t op;
	uint32_t buffer;
	int32_t error; /* EAGAIN: memory is changing, read the events and order the rest again */
	uint32_t unsure; /* there may be more of them: look at the staging buffer's pages */
	uint64_t moved_map[FM_BATCH_PAGES / 64]; /* which pages of the order are in staging now */
};

#endif
