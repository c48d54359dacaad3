/* SPDX-License-Identifier: Apache-2.0
 * Polling between two faults, of engine and memory server alike. */
#ifndef FM_SPIN_H
#define FM_SPIN_H

#include <sched.h>

#include "clock.h"

/* How long both ends poll for the next fault after one, before it sleeps. Longer than a round trip on a machine where waking
 * a processor costs most (a virtual one: 130 us): else who once slept would sleep before every fault. */
#define FM_SPIN_NS 200000ull
/* Not where others want the processor: who polls there is at the end of the queue when the next fault comes, and who sleeps is
 * woken before them. Known from a sched_yield(2) that took longer than polling does; for so many times what it took. */
#define FM_CROWDED_TIMES 50u

/* Gives the processor up for a moment. 0, or when polling may be tried again. */
static inline uint64_t fm_yield(void)
{
	uint64_t before = fm_now_ns();
	sched_yield();
	uint64_t after = fm_now_ns();
	return after - before > FM_SPIN_NS ? after + FM_CROWDED_TIMES * (after - before) : 0;
}

#endif
