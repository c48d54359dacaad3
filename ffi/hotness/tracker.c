/* SPDX-License-Identifier: Apache-2.0 */
#include "tracker.h"

struct fm_tracker *fm_tracker_open(enum fm_tracker_kind kind, int *status)
{
	struct fm_tracker *tracker = NULL;
	*status = FM_ERR_ARGUMENT;
	if (kind == FM_TRACKER_EBPF || kind == FM_TRACKER_AUTO)
		tracker = fm_tracker_ebpf(status);
	if (!tracker && (kind == FM_TRACKER_IDLE || kind == FM_TRACKER_AUTO))
		tracker = fm_tracker_idle(status);
	if (kind == FM_TRACKER_MGLRU) /* never by itself: it needs sandboxes in cgroups of their own, and knows no pages */
		tracker = fm_tracker_mglru(status);
	return tracker;
}
