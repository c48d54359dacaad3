/* SPDX-License-Identifier: Apache-2.0
 * Who answers faults is run as soon as one comes, however many want the processors. */
#ifndef FM_PROMPT_H
#define FM_PROMPT_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The least that the kernel takes (Linux 6.12, sched_attr.sched_runtime of SCHED_OTHER; sched(7)). Answering a fault takes some 20 us. */
#define FM_SLICE_NS 100000ull
/* So much below the process's own nice value: ten times the share of others. One thread puts in place what all programs wait for, where
 * the kernel's own swap would have each of them do that in its own time. */
#define FM_PROMPT_NICE 10

struct fm_sched_attr { /* sched_setattr(2), first version */
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

/* Of one thread, which sets it. */
struct fm_prompt {
	bool known, on, refused;
	int32_t nice; /* without it */
};

static inline int fm_set_share(int32_t nice)
{
	struct fm_sched_attr attr = {.size = sizeof(attr), .policy = SCHED_OTHER, .nice = nice < -20 ? -20 : nice, .runtime = FM_SLICE_NS};
	return (int)syscall(SYS_sched_setattr, 0, &attr, 0);
}

/* Asks for short slices and a larger share for the calling thread: who wants little of the processor at a time gets it before those
 * that would keep it for milliseconds. Off before polling, which is to give way. Without CAP_SYS_NICE there are short slices only. */
static inline void fm_be_prompt(struct fm_prompt *prompt, bool on)
{
	if (prompt->refused || prompt->on == on)
		return;
	if (!prompt->known) {
		struct fm_sched_attr attr = {0};
		prompt->known = true;
		prompt->refused = syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0) < 0 || attr.policy != SCHED_OTHER;
		if (prompt->refused)
			return;
		prompt->nice = attr.nice;
	}
	prompt->refused = fm_set_share(prompt->nice - (on ? FM_PROMPT_NICE : 0)) < 0;
	prompt->on = on && !prompt->refused;
	if (prompt->refused)
		fm_set_share(prompt->nice);
}

#endif
