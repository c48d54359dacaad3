// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/fastswap_rdma: `state`, `generation`, `capacity` (bytes), `control` (write "connect" or "disconnect"), and a file
 * for each counter in statistics/. Counters count from the loading of the module.
 */
#include <linux/kobject.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "fsr.h"

static struct kobject *directory;

static ssize_t state_show(struct kobject *object, struct kobj_attribute *attribute, char *buffer)
{
	return sysfs_emit(buffer, "%s\n", fsr_session_state());
}

static ssize_t generation_show(struct kobject *object, struct kobj_attribute *attribute, char *buffer)
{
	struct fsr_session *session;
	u64 generation;
	int token;

	session = fsr_session_get(&token);
	generation = session ? session->generation : 0;
	fsr_session_put(token);
	return sysfs_emit(buffer, "%016llx\n", generation);
}

static ssize_t capacity_show(struct kobject *object, struct kobj_attribute *attribute, char *buffer)
{
	struct fsr_session *session;
	u64 pages;
	int token;

	session = fsr_session_get(&token);
	pages = session ? session->pages : 0;
	fsr_session_put(token);
	return sysfs_emit(buffer, "%llu\n", pages << PAGE_SHIFT);
}

static ssize_t control_store(struct kobject *object, struct kobj_attribute *attribute, const char *text, size_t length)
{
	int error = 0;

	if (sysfs_streq(text, "connect"))
		error = fsr_connect();
	else if (sysfs_streq(text, "disconnect"))
		fsr_disconnect();
	else
		error = -EINVAL;
	return error ? error : length;
}

static struct kobj_attribute state_file = __ATTR_RO(state);
static struct kobj_attribute generation_file = __ATTR_RO(generation);
static struct kobj_attribute capacity_file = __ATTR_RO(capacity);
static struct kobj_attribute control_file = __ATTR_WO(control);

static const struct attribute *files[] = {
	&state_file.attr, &generation_file.attr, &capacity_file.attr, &control_file.attr, NULL,
};

struct counter_file {
	struct kobj_attribute attribute;
	enum fsr_stat which;
};

static ssize_t counter_show(struct kobject *object, struct kobj_attribute *attribute, char *buffer)
{
	struct counter_file *file = container_of(attribute, struct counter_file, attribute);
	u64 total = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		total += READ_ONCE(per_cpu_ptr(&fsr_counters, cpu)->value[file->which]);
	return sysfs_emit(buffer, "%llu\n", total);
}

#define COUNTER(number, text) \
	{ .attribute = { .attr = { .name = text, .mode = 0444 }, .show = counter_show }, .which = number }

static struct counter_file counters[] = {
	COUNTER(FSR_STORES, "stores"),
	COUNTER(FSR_STORES_HUGE, "stores_refused_huge"),
	COUNTER(FSR_STORES_FULL, "stores_refused_full"),
	COUNTER(FSR_STORES_LOST, "stores_refused_lost"),
	COUNTER(FSR_LOADS, "loads"),
	COUNTER(FSR_LOADS_ASYNC, "loads_async"),
	COUNTER(FSR_LOADS_FAILED, "loads_failed"),
	COUNTER(FSR_LOADS_POLLED, "loads_polled"),
	COUNTER(FSR_LOADS_SLEPT, "loads_slept"),
	COUNTER(FSR_INVALIDATES, "invalidates"),
	COUNTER(FSR_WRITES_COMPLETED, "writes_completed"),
	COUNTER(FSR_WRITE_COMPLETIONS, "write_completions"),
	COUNTER(FSR_SESSIONS, "sessions"),
	COUNTER(FSR_SESSIONS_LOST, "sessions_lost"),
};

static struct attribute *counter_list[ARRAY_SIZE(counters) + 1];
static const struct attribute_group statistics = { .name = "statistics", .attrs = counter_list };

int fsr_control_start(void)
{
	unsigned int i;
	int error;

	for (i = 0; i < ARRAY_SIZE(counters); i++) {
		sysfs_attr_init(&counters[i].attribute.attr);
		counter_list[i] = &counters[i].attribute.attr;
	}
	directory = kobject_create_and_add(FSR_NAME, kernel_kobj);
	if (!directory)
		return -ENOMEM;
	error = sysfs_create_files(directory, files);
	if (!error)
		error = sysfs_create_group(directory, &statistics);
	if (error)
		kobject_put(directory);
	return error;
}

void fsr_control_stop(void)
{
	kobject_put(directory);
}
