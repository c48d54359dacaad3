/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "uapi.h"

int fm_proc_open(pid_t pid, const char *name, int flags)
{
	char path[128];
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return open(path, flags | O_CLOEXEC);
}

static int status_of_errno(void)
{
	return errno == ENOENT || errno == ESRCH ? FM_ERR_NO_SPACE : errno == ENOMEM ? FM_ERR_NOMEM : FM_ERR_SYSTEM;
}

/* As maps tells them, which is not what stat(2) tells on every file system. */
struct file {
	unsigned major, minor;
	uint64_t inode;
};

/* "start-end perms offset dev inode  name" (proc_pid_maps(5)). */
static int is_manageable(const char *line, const struct file *any, struct fm_range *range)
{
	(void)any;
	uint64_t start, end, inode;
	char perms[5];
	int name_at = 0;
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*x %*x:%*x %" SCNu64 " %n", &start, &end, perms, &inode, &name_at) < 4)
		return 0;
	if (memcmp(perms, "rw-p", 4) != 0 || inode != 0)
		return 0;
	const char *name = name_at ? line + name_at : "";
	if (*name && *name != '\n' && strncmp(name, "[heap]", 6) != 0 && strncmp(name, "[anon:", 6) != 0)
		return 0;
	*range = (struct fm_range){start / FM_PAGE_SIZE, end / FM_PAGE_SIZE};
	return 1;
}

static int is_read_only_file(const char *line, struct file *file, struct fm_range *range)
{
	uint64_t start, end;
	char perms[5];
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*x %x:%x %" SCNu64, &start, &end, perms, &file->major, &file->minor, &file->inode) < 6)
		return 0;
	*range = (struct fm_range){start / FM_PAGE_SIZE, end / FM_PAGE_SIZE};
	return perms[0] == 'r' && perms[1] == '-' && perms[3] == 'p' && file->inode != 0;
}

static int is_of(const char *line, const struct file *wanted, struct fm_range *range)
{
	struct file file;
	return is_read_only_file(line, &file, range) && file.major == wanted->major && file.minor == wanted->minor && file.inode == wanted->inode;
}

static int is_of_others(const char *line, const struct file *file, struct fm_range *range)
{
	struct file any;
	return is_read_only_file(line, &any, range) && !is_of(line, file, range);
}

static int scan_maps(pid_t pid, int (*is_wanted)(const char *, const struct file *, struct fm_range *), const struct file *file,
		     uint64_t skip_start, uint64_t skip_end, struct fm_range **out, size_t *count)
{
	int fd = fm_proc_open(pid, "maps", O_RDONLY);
	if (fd < 0)
		return status_of_errno();
	FILE *maps = fdopen(fd, "r");
	if (!maps) {
		close(fd);
		return FM_ERR_NOMEM;
	}
	struct fm_range *found = NULL;
	size_t used = 0, capacity = 0, line_size = 0;
	char *line = NULL;
	int status = FM_OK;
	while (getline(&line, &line_size, maps) > 0) {
		struct fm_range range;
		if (!is_wanted(line, file, &range))
			continue;
		if (range.start * FM_PAGE_SIZE < skip_end && range.end * FM_PAGE_SIZE > skip_start)
			continue;
		if (used == capacity) {
			capacity = capacity ? capacity * 2 : 64;
			struct fm_range *grown = realloc(found, capacity * sizeof(*grown));
			if (!grown) {
				status = FM_ERR_NOMEM;
				break;
			}
			found = grown;
		}
		found[used++] = range;
	}
	free(line);
	fclose(maps);
	if (status == FM_OK) {
		*out = found;
		*count = used;
	} else {
		free(found);
	}
	return status;
}

int fm_scan_mappings(pid_t pid, uint64_t skip_start, uint64_t skip_end, struct fm_range **out, size_t *count)
{
	return scan_maps(pid, is_manageable, NULL, skip_start, skip_end, out, count);
}

static struct file own_executable(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	uint64_t start, end, entry = getauxval(AT_ENTRY);
	struct file file = {0};
	char *line = NULL;
	size_t line_size = 0;
	bool found = false;
	while (maps && !found && getline(&line, &line_size, maps) > 0)
		found = sscanf(line, "%" SCNx64 "-%" SCNx64 " %*4s %*x %x:%x %" SCNu64, &start, &end, &file.major, &file.minor, &file.inode) == 5 &&
			start <= entry && entry < end;
	free(line);
	if (maps)
		fclose(maps);
	return found ? file : (struct file){0};
}

int fm_scan_files(pid_t pid, bool own, struct fm_range **out, size_t *count)
{
	struct file executable = own_executable();
	return scan_maps(pid, own ? is_of : is_of_others, &executable, 0, 0, out, count);
}

/* PAGEMAP_SCAN: Linux 6.7. */
static int scan_range(int pagemap, struct fm_range range, enum fm_page_place place, struct fm_set_builder *builder)
{
	static const uint64_t wanted[] = {
		[FM_PAGES_RESIDENT] = FM_PAGE_IS_PRESENT | FM_PAGE_IS_PFNZERO,
		[FM_PAGES_SWAPPED] = FM_PAGE_IS_SWAPPED,
		[FM_PAGES_FILE] = FM_PAGE_IS_PRESENT | FM_PAGE_IS_FILE,
		[FM_PAGES_ANYWHERE] = 0,
	};
	struct fm_page_region regions[256];
	struct fm_pm_scan scan = {
		.size = sizeof(scan),
		.start = range.start * FM_PAGE_SIZE,
		.end = range.end * FM_PAGE_SIZE,
		.vec = (uintptr_t)regions,
		.vec_len = sizeof(regions) / sizeof(regions[0]),
		.category_inverted = place == FM_PAGES_RESIDENT ? FM_PAGE_IS_PFNZERO : 0,
		.category_mask = wanted[place],
		.category_anyof_mask = place == FM_PAGES_ANYWHERE ? FM_PAGE_IS_PRESENT | FM_PAGE_IS_SWAPPED : 0,
	};
	while (scan.start < scan.end) {
		int found = ioctl(pagemap, FM_PAGEMAP_SCAN, &scan);
		if (found < 0)
			return -1;
		for (int i = 0; i < found; i++)
			fm_builder_add(builder, regions[i].start / FM_PAGE_SIZE, regions[i].end / FM_PAGE_SIZE);
		if (scan.walk_end <= scan.start)
			return 0;
		scan.start = scan.walk_end;
	}
	return 0;
}

/* Older kernels: one 64-bit word a page, bit 63 = present, bit 62 = swapped, bit 61 = a file's or shared
 * (Documentation/admin-guide/mm/pagemap.rst). */
static int read_range(int pagemap, struct fm_range range, enum fm_page_place place, struct fm_set_builder *builder)
{
	static const uint64_t wanted[] = {
		[FM_PAGES_RESIDENT] = 1ull << 63, [FM_PAGES_SWAPPED] = 1ull << 62, [FM_PAGES_FILE] = 5ull << 61, [FM_PAGES_ANYWHERE] = 0};
	uint64_t words[4096];
	for (uint64_t at = range.start; at < range.end;) {
		uint64_t want = range.end - at < 4096 ? range.end - at : 4096;
		ssize_t got = pread(pagemap, words, want * sizeof(words[0]), (off_t)(at * sizeof(words[0])));
		if (got <= 0)
			return got < 0 ? -1 : 0;
		uint64_t pages = (uint64_t)got / sizeof(words[0]);
		for (uint64_t i = 0; i < pages; i++)
			if ((words[i] & wanted[place]) == wanted[place] && words[i] >> 62)
				fm_builder_add(builder, at + i, at + i + 1);
		at += pages;
	}
	return 0;
}

/* proc_pid_syscall(5): "running", or "-1 ..." outside of a system call, or its number. Workers of an io_uring have
 * none and may be at any work. */
static bool is_thread_quiet(pid_t pid, const char *thread)
{
	char name[64], text[64];
	snprintf(name, sizeof(name), "task/%.20s/syscall", thread);
	int fd = fm_proc_open(pid, name, O_RDONLY);
	if (fd < 0)
		return errno == ENOENT || errno == ESRCH; /* it has ended */
	ssize_t length = read(fd, text, sizeof(text) - 1);
	int error = errno;
	close(fd);
	if (length < 0)
		return error == ESRCH;
	text[length] = 0;
	char *end;
	long number = strtol(text, &end, 10);
	if (end == text || number == SYS_madvise || number == SYS_process_madvise)
		return false;
	if (number >= 0)
		return true;
	snprintf(name, sizeof(name), "task/%.20s/comm", thread);
	fd = fm_proc_open(pid, name, O_RDONLY);
	length = fd < 0 ? 0 : read(fd, text, sizeof(text));
	if (fd >= 0)
		close(fd);
	return length >= 4 && memcmp(text, "iou-", 4) != 0;
}

bool fm_scan_is_quiet(pid_t pid)
{
	int fd = fm_proc_open(pid, "task", O_RDONLY | O_DIRECTORY);
	DIR *threads = fd < 0 ? NULL : fdopendir(fd);
	if (!threads) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	bool quiet = true;
	struct dirent *thread;
	while (quiet && (thread = readdir(threads)))
		quiet = thread->d_name[0] == '.' || is_thread_quiet(pid, thread->d_name);
	closedir(threads);
	return quiet;
}

int fm_scan_into(int pagemap, const struct fm_range *range, size_t count, enum fm_page_place place, struct fm_set_builder *builder)
{
	bool by_scan = true;
	for (size_t i = 0; i < count; i++) {
		if (by_scan && scan_range(pagemap, range[i], place, builder) < 0) {
			by_scan = false;
			if (errno != ENOTTY && errno != EINVAL)
				return -1;
		}
		if (!by_scan && read_range(pagemap, range[i], place, builder) < 0)
			return -1;
	}
	return 0;
}

struct fm_set *fm_scan_ranges(pid_t pid, const struct fm_range *range, size_t count, enum fm_page_place place, int *status)
{
	struct fm_set_builder builder;
	fm_builder_init(&builder);
	int pagemap = fm_proc_open(pid, "pagemap", O_RDONLY);
	*status = pagemap < 0 || fm_scan_into(pagemap, range, count, place, &builder) < 0 ? status_of_errno() : FM_OK;
	if (pagemap >= 0)
		close(pagemap);
	struct fm_set *set = fm_builder_finish(&builder);
	if (!set && *status == FM_OK)
		*status = FM_ERR_NOMEM;
	if (*status == FM_OK)
		return set;
	fm_set_free(set);
	return NULL;
}

struct fm_set *fm_scan_resident(pid_t pid, uint64_t skip_start, uint64_t skip_end, int *status)
{
	struct fm_range *mapping;
	size_t count;
	*status = fm_scan_mappings(pid, skip_start, skip_end, &mapping, &count);
	if (*status != FM_OK)
		return NULL;
	struct fm_set *set = fm_scan_ranges(pid, mapping, count, FM_PAGES_RESIDENT, status);
	free(mapping);
	return set;
}
