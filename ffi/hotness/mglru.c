/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "mglru.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tracker.h"

#define INTERFACE "/sys/kernel/debug/lru_gen"
#define SWITCH "/sys/kernel/mm/lru_gen/enabled"
/* Anonymous pages before all file pages; 0 would leave them alone. */
#define SWAPPINESS 200
#define PATH_BYTES 4096

/* ---- text ---- */

static const char *line_after(const char *line)
{
	const char *end = strchr(line, '\n');
	return end ? end + 1 : line + strlen(line);
}

/* "memcg     5 /a/path" */
static bool is_group(const char *line, const char *path, unsigned *memcg)
{
	int at = 0;
	unsigned number;
	size_t length = strlen(path);
	if (sscanf(line, "memcg %u %n", &number, &at) != 1 || !at || strncmp(line + at, path, length) != 0 ||
	    (line[at + length] != '\n' && line[at + length]))
		return false;
	*memcg = number;
	return true;
}

int fm_mglru_parse(const char *text, const char *path, struct fm_mglru_group *out)
{
	struct fm_mglru_node *node = NULL;
	bool inside = false;
	out->nodes = 0;
	for (const char *line = text; *line; line = line_after(line)) {
		struct fm_mglru_generation g;
		unsigned number;
		if (strncmp(line, "memcg", 5) == 0) {
			/* The last one of this path: one that was removed is listed for as long as pages of it are in swap. */
			inside = is_group(line, path, &out->memcg);
			if (inside)
				out->nodes = 0;
			node = NULL;
		} else if (!inside) {
			continue;
		} else if (sscanf(line, " node %u", &number) == 1) {
			if (out->nodes == FM_MGLRU_NODES)
				return -1;
			node = &out->node[out->nodes++];
			*node = (struct fm_mglru_node){.node = number};
		} else if (node && sscanf(line, " %" SCNu64 " %" SCNu64 " %" SCNu64 "%*1[ x] %" SCNu64, &g.sequence, &g.age_ms, &g.anonymous, &g.file) == 4 &&
			   node->generations < FM_MGLRU_GENERATIONS) {
			node->generation[node->generations++] = g;
		} else {
			return -1;
		}
	}
	for (unsigned i = 0; i < out->nodes; i++)
		if (!out->node[i].generations)
			return -1;
	return out->nodes ? 0 : -1;
}

int fm_mglru_path(const char *text, char *path, size_t size)
{
	int found = -1;
	for (const char *line = text; *line; line = line_after(line)) {
		const char *controllers = strchr(line, ':'), *at = controllers ? strchr(controllers + 1, ':') : NULL;
		if (!at)
			return -1;
		size_t named = (size_t)(at - controllers - 1), length = strcspn(at + 1, "\n");
		bool unified = !named && strncmp(line, "0:", 2) == 0;
		bool memory = named == 6 && strncmp(controllers + 1, "memory", 6) == 0;
		/* "memory" among others, all of version 1 */
		for (const char *word = controllers + 1; !memory && word < at; word += strcspn(word, ",:") + 1)
			memory = strcspn(word, ",:") == 6 && strncmp(word, "memory", 6) == 0;
		if ((!memory && !unified) || length >= size)
			continue;
		memcpy(path, at + 1, length);
		path[length] = 0;
		found = 0;
		if (memory)
			break;
	}
	return found;
}

/* ---- files ---- */

/* A file of /proc or debugfs as text, malloc'ed. NULL with errno. */
static char *read_all(int fd)
{
	size_t size = 1 << 16, used = 0;
	char *text = fd < 0 ? NULL : malloc(size);
	while (text) {
		ssize_t got = read(fd, text + used, size - used - 1);
		if (got < 0) {
			free(text);
			text = NULL;
		} else if (got == 0) {
			text[used] = 0;
			break;
		} else if ((used += (size_t)got) + 1 == size) {
			char *grown = realloc(text, size *= 2);
			if (!grown)
				free(text);
			text = grown;
		}
	}
	int error = errno;
	if (fd >= 0)
		close(fd);
	errno = error;
	return text;
}

static int path_of(pid_t pid, char *path)
{
	char *text = read_all(fm_proc_open(pid, "cgroup", O_RDONLY));
	if (!text)
		return errno == ENOMEM ? FM_ERR_NOMEM : FM_ERR_NO_SPACE;
	int status = fm_mglru_path(text, path, PATH_BYTES) == 0 ? FM_OK : FM_ERR_NO_GROUP;
	free(text);
	return status;
}

static int group_of(pid_t pid, struct fm_mglru_group *out)
{
	char path[PATH_BYTES], own[PATH_BYTES];
	int status = path_of(pid, path);
	if (status != FM_OK)
		return status;
	if (path_of(getpid(), own) != FM_OK || strcmp(own, path) == 0 || strcmp(path, "/") == 0)
		return FM_ERR_NO_GROUP;
	char *text = read_all(open(INTERFACE, O_RDONLY | O_CLOEXEC));
	if (!text)
		return errno == ENOMEM ? FM_ERR_NOMEM : FM_ERR_KERNEL;
	status = fm_mglru_parse(text, path, out) == 0 ? FM_OK : FM_ERR_NO_GROUP;
	free(text);
	return status;
}

/* One command. What the kernel refuses because the generation is too young or gone meanwhile (EINVAL) is no failure. */
static int command(const char *text)
{
	int fd = open(INTERFACE, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == EACCES || errno == EPERM ? FM_ERR_PERMISSION : FM_ERR_KERNEL;
	ssize_t wrote;
	do
		wrote = write(fd, text, strlen(text));
	while (wrote < 0 && errno == EINTR);
	int status = wrote >= 0 || errno == EINVAL ? FM_OK : errno == ENOMEM ? FM_ERR_NOMEM : FM_ERR_SYSTEM;
	close(fd);
	return status;
}

/* ---- orders ---- */

int fm_mglru_check(void)
{
	char *text = read_all(open(SWITCH, O_RDONLY | O_CLOEXEC));
	if (!text)
		return FM_ERR_KERNEL;
	/* Bit 0: the lists themselves. */
	bool on = strtoul(text, NULL, 0) & 1;
	free(text);
	int fd = on ? open(INTERFACE, O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0)
		return on && (errno == EACCES || errno == EPERM) ? FM_ERR_PERMISSION : FM_ERR_KERNEL;
	close(fd);
	return FM_OK;
}

int fm_mglru_age(pid_t pid, struct fm_barrier *closed)
{
	struct fm_mglru_group group;
	char text[128];
	int status = group_of(pid, &group);
	closed->nodes = 0;
	for (unsigned i = 0; status == FM_OK && i < group.nodes; i++) {
		const struct fm_mglru_node *node = &group.node[i];
		uint64_t youngest = node->generation[node->generations - 1].sequence;
		/* can_swap and force_scan: anonymous pages too, and wholly. */
		snprintf(text, sizeof(text), "+ %u %u %" PRIu64 " 1 1", group.memcg, node->node, youngest);
		status = command(text);
		closed->at[closed->nodes].node = node->node;
		closed->at[closed->nodes++].sequence = youngest;
	}
	return status;
}

static bool closed_at(const struct fm_barrier *barrier, unsigned node, uint64_t *sequence)
{
	for (unsigned i = 0; i < barrier->nodes; i++) {
		if (barrier->at[i].node == node) {
			*sequence = barrier->at[i].sequence;
			return true;
		}
	}
	return false;
}

int fm_mglru_count(pid_t pid, const struct fm_barrier *barrier, uint64_t *until, uint64_t *after)
{
	struct fm_mglru_group group;
	int status = group_of(pid, &group);
	*until = *after = 0;
	for (unsigned i = 0; status == FM_OK && i < group.nodes; i++) {
		uint64_t last;
		bool known = closed_at(barrier, group.node[i].node, &last);
		for (unsigned g = 0; g < group.node[i].generations; g++)
			*(known && group.node[i].generation[g].sequence <= last ? until : after) += group.node[i].generation[g].anonymous;
	}
	return status;
}

int fm_mglru_evict(pid_t pid, const struct fm_barrier *barrier, uint64_t pages)
{
	struct fm_mglru_group group;
	char text[128];
	int status = group_of(pid, &group);
	for (unsigned i = 0; status == FM_OK && i < group.nodes; i++) {
		uint64_t last;
		if (!closed_at(barrier, group.node[i].node, &last))
			continue;
		/* Only four generations are kept: what the barrier closed may be part of the oldest one by now. */
		snprintf(text, sizeof(text), "- %u %u %" PRIu64 " %d %" PRIu64, group.memcg, group.node[i].node, last, SWAPPINESS, pages);
		status = command(text);
	}
	return status;
}

/* ---- as a tracker: aging is all that it can do for page sets ---- */

static int clear(struct fm_tracker *tracker, pid_t pid)
{
	struct fm_barrier closed;
	(void)tracker;
	return fm_mglru_age(pid, &closed);
}

static struct fm_set *touched(struct fm_tracker *tracker, pid_t pid, const struct fm_range *range, size_t ranges, int *status)
{
	(void)tracker, (void)pid, (void)range, (void)ranges;
	*status = FM_ERR_KERNEL; /* it counts pages, and does not say which */
	return NULL;
}

static void close_tracker(struct fm_tracker *tracker)
{
	free(tracker);
}

struct fm_tracker *fm_tracker_mglru(int *status)
{
	*status = fm_mglru_check();
	struct fm_tracker *tracker = *status == FM_OK ? malloc(sizeof(*tracker)) : NULL;
	if (!tracker && *status == FM_OK)
		*status = FM_ERR_NOMEM;
	if (tracker)
		*tracker = (struct fm_tracker){FM_TRACKER_MGLRU, clear, touched, close_tracker};
	return tracker;
}
