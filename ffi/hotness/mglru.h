/* SPDX-License-Identifier: Apache-2.0
 * The kernel's multi-generational LRU (Documentation/admin-guide/mm/multigen_lru.rst): the pages of a cgroup by generation, on
 * each memory node. An aging step walks the page tables, puts what was accessed into a new generation, and so closes the
 * ones before: the time barrier of FaaSMem's artifact. What is in a generation is a number of pages, never which. */
#ifndef FM_MGLRU_H
#define FM_MGLRU_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What the kernel keeps at most (MAX_NR_GENS), and memory nodes that a group can have. */
#define FM_MGLRU_GENERATIONS 4u
#define FM_MGLRU_NODES 64u

struct fm_mglru_generation {
	uint64_t sequence, age_ms;
	uint64_t anonymous, file; /* pages */
};

struct fm_mglru_node {
	unsigned node, generations;
	struct fm_mglru_generation generation[FM_MGLRU_GENERATIONS]; /* oldest first */
};

/* A cgroup's generations. */
struct fm_mglru_group {
	unsigned memcg; /* its number in the file */
	unsigned nodes;
	struct fm_mglru_node node[FM_MGLRU_NODES];
};

/* The youngest generation of each node that was closed by an aging step. */
struct fm_barrier {
	unsigned nodes;
	struct {
		unsigned node;
		uint64_t sequence;
	} at[FM_MGLRU_NODES];
};

/* Finds the group with this path in the text of lru_gen. 0, or -1: it is not there, or the text is not understood. */
int fm_mglru_parse(const char *text, const char *path, struct fm_mglru_group *out);
/* The path of a process's memory cgroup from the text of /proc/PID/cgroup: version 1, else version 2. 0 or -1. */
int fm_mglru_path(const char *text, char *path, size_t size);

/* Is the interface there and switched on? 0 or a negative fm_status. */
int fm_mglru_check(void);
/* One aging step on each node of the process's cgroup. 0, or a negative fm_status: FM_ERR_NO_GROUP when the process shares its
 * cgroup with this one. */
int fm_mglru_age(pid_t pid, struct fm_barrier *closed);
/* Anonymous pages in the generations up to the barrier, and after it. */
int fm_mglru_count(pid_t pid, const struct fm_barrier *barrier, uint64_t *until, uint64_t *after);
/* Has the kernel evict about `pages` pages of the generations up to the barrier, on each node. The kernel refuses the
 * two youngest generations: then, or when nothing is left, it returns FM_OK all the same. */
int fm_mglru_evict(pid_t pid, const struct fm_barrier *barrier, uint64_t pages);

#endif
