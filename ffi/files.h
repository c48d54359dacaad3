/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FM_FILES_H
#define FM_FILES_H

#include <stdint.h>
#include <sys/types.h>

#include "set.h"

/* Has the kernel drop the clean pages of files that only this process maps, of mappings it may not write, but for the executable that
 * the engine's process runs, too; they are read from the file when they are touched again. *released: pages. FM_OK, FM_ERR_NO_SPACE, FM_ERR_PERMISSION, FM_ERR_SYSTEM, FM_ERR_NOMEM. */
int fm_files_release(pid_t pid, uint64_t *released);
/* What the process has of that executable. Or NULL with *status. */
struct fm_set *fm_files_own(pid_t pid, int *status);

#endif
