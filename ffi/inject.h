/* SPDX-License-Identifier: Apache-2.0
 * Puts the agent into a process that runs already: static programs, programs after an exec, anything that did
 * not preload it. One thread is stopped for about a millisecond; ptrace(2). x86-64 only, for now. */
#ifndef FM_INJECT_H
#define FM_INJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Starts the agent (position-independent code that is entered at its first byte) in process `pid`. Returns our end
 * of its socket, or a negative fm_status; then the process goes on as before. */
int fm_inject(pid_t pid, const void *agent, size_t length);
/* Does the process run a program without a dynamic loader, which preloads nothing? */
bool fm_is_static(pid_t pid);

#endif
