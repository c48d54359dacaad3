/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FM_FILES_H
#define FM_FILES_H

#include <stdint.h>
#include <sys/types.h>

#include "set.h"

/* Has the kernel drop the clean pages of files that only this process maps, of mappings it may not write; they are read from the
 * file when they are touched again. `except` (or NULL) stays. *released: pages. FM_OK, FM_ERR_NO_SPACE, FM_ERR_PERMISSION, FM_ERR_SYSTEM, FM_ERR_NOMEM. */
int fm_files_release(pid_t pid, const struct fm_set *except, uint64_t *released);
/* Pages of the engine's own executable in a process that runs it, too. Or NULL with *status. */
struct fm_set *fm_files_own(pid_t pid, int *status);

#endif
