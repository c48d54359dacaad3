/* SPDX-License-Identifier: Apache-2.0
 * Which memory of a process can be managed, and which of its pages are resident. */
#ifndef FM_SCAN_H
#define FM_SCAN_H

#include <stdbool.h>
#include <sys/types.h>

#include "set.h"

/* Opens /proc/PID/NAME. -1 with errno. */
int fm_proc_open(pid_t pid, const char *name, int flags);

/* The private, writable, anonymous mappings of a process as page ranges, one range a mapping (neighbours are
 * not joined). Left out: the main stack, special mappings, and [skip_start, skip_end) (addresses).
 * 0 and a malloc'ed array, or a negative fm_status. */
int fm_scan_mappings(pid_t pid, uint64_t skip_start, uint64_t skip_end, struct fm_range **out, size_t *count);

/* The private mappings of files that the process may not write: of the executable that the calling process runs, too, or of all
 * others. As fm_scan_mappings. */
int fm_scan_files(pid_t pid, bool own, struct fm_range **out, size_t *count);

/* Was each thread seen waiting for something other than a discard? Whatever discard had begun before is done then. */
bool fm_scan_is_quiet(pid_t pid);
/* Where pages are: in memory (the shared zero page left out), in swap, in memory and the file's own, or anywhere at all (also
 * migrating or of zeros). */
enum fm_page_place { FM_PAGES_RESIDENT, FM_PAGES_SWAPPED, FM_PAGES_FILE, FM_PAGES_ANYWHERE };
/* Adds the pages of these ranges (ascending) that are there to the builder; `pagemap` is /proc/PID/pagemap. -1 with errno. */
int fm_scan_into(int pagemap, const struct fm_range *range, size_t count, enum fm_page_place place, struct fm_set_builder *builder);
/* The same as a set, or NULL with *status. */
struct fm_set *fm_scan_ranges(pid_t pid, const struct fm_range *range, size_t count, enum fm_page_place place, int *status);
/* The resident pages of the manageable mappings. A set, or NULL with *status. */
struct fm_set *fm_scan_resident(pid_t pid, uint64_t skip_start, uint64_t skip_end, int *status);

#endif
