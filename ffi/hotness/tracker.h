/* SPDX-License-Identifier: Apache-2.0
 * Hotness: which pages of a process were touched between two instants. */
#ifndef FM_TRACKER_H
#define FM_TRACKER_H

#include <sys/types.h>

#include "../scan.h"

struct fm_tracker {
	enum fm_tracker_kind kind;
	/* Forgets what was touched so far. 0, or a negative fm_status. */
	int (*clear)(struct fm_tracker *tracker, pid_t pid);
	/* Pages of the ranges (sorted, disjoint) that were touched since the last clear. NULL: *status says why. */
	struct fm_set *(*touched)(struct fm_tracker *tracker, pid_t pid, const struct fm_range *range, size_t ranges, int *status);
	void (*close)(struct fm_tracker *tracker);
};

/* A tracker of this kind, or with FM_TRACKER_AUTO the best that this machine has. NULL: *status says why (for
 * FM_TRACKER_AUTO: none can be had, refaults are all there is). May take some 50 ms. */
struct fm_tracker *fm_tracker_open(enum fm_tracker_kind kind, int *status);

/* The kinds; each NULL with *status when the machine does not have it. */
struct fm_tracker *fm_tracker_ebpf(int *status);
struct fm_tracker *fm_tracker_idle(int *status);
struct fm_tracker *fm_tracker_mglru(int *status);

#endif
