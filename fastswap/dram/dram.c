// SPDX-License-Identifier: GPL-2.0
/*
 * fastswap_dram: a frontswap backend that keeps swapped pages in this machine's
 * own memory. It is for tests: the far-memory path of the kernel (kernel/README.md)
 * without a network.
 *
 * All memory is taken when the module is loaded. A stored page is a slot of it,
 * found by swap type and offset in one xarray per type. With delay_us=0 an
 * asynchronous load is a copy; with more it is queued for that long, like a
 * read over a network: whoever polls after that time ends it, else a timer.
 */
#include <linux/debugfs.h>
#include <linux/frontswap.h>
#include <linux/highmem.h>
#include <linux/hrtimer.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/swap.h>
#include <linux/vmalloc.h>
#include <linux/xarray.h>

#ifndef FRONTSWAP_ASYNC_API
#error "this kernel lacks the far-memory patch: see kernel/README.md"
#endif

static unsigned int size_mb = 256;
module_param(size_mb, uint, 0444);
MODULE_PARM_DESC(size_mb, "capacity in MiB, taken from this machine's memory (default 256)");

static unsigned int delay_us;
module_param(delay_us, uint, 0644);
MODULE_PARM_DESC(delay_us, "how long an asynchronous load takes, microseconds (default 0: a copy)");

static unsigned int queue_depth = 64;
module_param(queue_depth, uint, 0444);
MODULE_PARM_DESC(queue_depth, "asynchronous loads under way on one CPU (default 64)");

/* One asynchronous load under way. */
struct pending {
	struct page *page;
	u32 slot;
	ktime_t due;
};

/* A ring per CPU; all loads take equally long, so they end in their order. */
struct queue {
	spinlock_t lock;
	struct hrtimer timer;
	unsigned int head; /* oldest */
	unsigned int count;
	struct pending *ring;
};

struct counters {
	u64 stores, refused_huge, refused_full;
	u64 loads, async_loads, async_full, polled, misses, invalidates;
};

static DEFINE_PER_CPU(struct counters, counters);
static struct queue __percpu *queues;
static struct xarray slots[MAX_SWAPFILES];
static u8 *memory; /* size_mb MiB */
static u32 *free_slots; /* a stack */
static u32 nr_free;
static DEFINE_SPINLOCK(free_lock);
/* An entry of an array is a slot and, above it, the generation it was stored in. */
static unsigned int generation;
static struct dentry *debugfs;

#define count(what) this_cpu_inc(counters.what)

static void *slot_address(u32 slot)
{
	return memory + (size_t)slot * PAGE_SIZE;
}

static void *make_entry(u32 slot)
{
	return xa_mk_value(slot | (unsigned long)READ_ONCE(generation) << 32);
}

static u32 slot_of(void *entry)
{
	return (u32)xa_to_value(entry);
}

/* Whole pages: copy_page() is made for these. */
static void copy_to_slot(u32 slot, struct page *page)
{
	void *from = kmap_local_page(page);

	copy_page(slot_address(slot), from);
	kunmap_local(from);
}

static void copy_from_slot(struct page *page, u32 slot)
{
	void *to = kmap_local_page(page);

	copy_page(to, slot_address(slot));
	flush_dcache_page(page);
	kunmap_local(to);
}

/* Returns a slot number, or a negative errno. */
static s64 take_slot(void)
{
	s64 slot = -ENOSPC;

	spin_lock(&free_lock);
	if (nr_free)
		slot = free_slots[--nr_free];
	spin_unlock(&free_lock);
	return slot;
}

static void give_slot(u32 slot)
{
	spin_lock(&free_lock);
	free_slots[nr_free++] = slot;
	spin_unlock(&free_lock);
}

static void dram_init(unsigned type)
{
	/* the arrays exist from the beginning */
}

static int dram_store(unsigned type, pgoff_t offset, struct page *page)
{
	s64 slot;
	void *old;

	if (PageTransHuge(page)) {
		count(refused_huge);
		return -EINVAL;
	}
	slot = take_slot();
	if (slot < 0) {
		count(refused_full);
		return slot;
	}
	copy_to_slot(slot, page);
	/* in reclaim: no waiting, and no reserves for a node of the array */
	old = xa_store(&slots[type], offset, make_entry(slot),
		       GFP_NOWAIT | __GFP_NOWARN | __GFP_NOMEMALLOC);
	if (xa_is_err(old)) {
		give_slot(slot);
		return xa_err(old);
	}
	/* the core invalidates before it stores again */
	if (WARN_ON_ONCE(old))
		give_slot(slot_of(old));
	count(stores);
	return 0;
}

/* Returns the slot of a stored page, or a negative errno. */
static s64 find_slot(unsigned type, pgoff_t offset)
{
	void *entry = xa_load(&slots[type], offset);

	if (!entry || xa_to_value(entry) >> 32 != READ_ONCE(generation)) {
		count(misses);
		return -EIO;
	}
	return slot_of(entry);
}

static int dram_load(unsigned type, pgoff_t offset, struct page *page)
{
	s64 slot = find_slot(type, offset);

	if (slot < 0)
		return slot;
	copy_from_slot(page, slot);
	count(loads);
	return 0;
}

/* Ends what is due; queue locked, interrupts off. Returns how many that were. */
static int finish_due(struct queue *queue)
{
	ktime_t now = ktime_get();
	int done = 0;

	while (queue->count) {
		struct pending *next = &queue->ring[queue->head];

		if (ktime_after(next->due, now))
			break;
		copy_from_slot(next->page, next->slot);
		frontswap_load_done(next->page, 0);
		queue->head = (queue->head + 1) % queue_depth;
		queue->count--;
		done++;
	}
	return done;
}

static enum hrtimer_restart timer_fired(struct hrtimer *timer)
{
	struct queue *queue = container_of(timer, struct queue, timer);
	enum hrtimer_restart again = HRTIMER_NORESTART;
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	finish_due(queue);
	/* a load on another CPU may have started it again while we waited for the lock */
	if (queue->count && !hrtimer_is_queued(timer)) {
		hrtimer_set_expires(timer, queue->ring[queue->head].due);
		again = HRTIMER_RESTART;
	}
	spin_unlock_irqrestore(&queue->lock, flags);
	return again;
}

static int dram_load_async(unsigned type, pgoff_t offset, struct page *page)
{
	s64 slot = find_slot(type, offset);
	unsigned int delay = READ_ONCE(delay_us);
	int cpu = raw_smp_processor_id();
	struct queue *queue = per_cpu_ptr(queues, cpu);
	struct pending *entry;
	unsigned long flags;

	if (slot < 0)
		return slot;
	if (!delay) {
		copy_from_slot(page, slot);
		frontswap_load_done(page, 0);
		count(async_loads);
		return cpu;
	}

	spin_lock_irqsave(&queue->lock, flags);
	if (queue->count == queue_depth) {
		spin_unlock_irqrestore(&queue->lock, flags);
		count(async_full);
		return -EAGAIN;
	}
	entry = &queue->ring[(queue->head + queue->count) % queue_depth];
	entry->page = page;
	entry->slot = slot;
	entry->due = ktime_add_us(ktime_get(), delay);
	if (!queue->count++)
		hrtimer_start(&queue->timer, entry->due, HRTIMER_MODE_ABS);
	spin_unlock_irqrestore(&queue->lock, flags);
	count(async_loads);
	return cpu;
}

static int dram_poll_load(int cpu)
{
	struct queue *queue = per_cpu_ptr(queues, cpu);
	unsigned long flags;
	int done;

	/* somebody else is at it */
	if (!spin_trylock_irqsave(&queue->lock, flags))
		return 0;
	done = finish_due(queue);
	spin_unlock_irqrestore(&queue->lock, flags);
	if (done)
		this_cpu_add(counters.polled, done);
	return done;
}

static void dram_invalidate_page(unsigned type, pgoff_t offset)
{
	void *entry = xa_erase(&slots[type], offset);

	if (!entry)
		return;
	give_slot(slot_of(entry));
	count(invalidates);
}

static void dram_invalidate_area(unsigned type)
{
	unsigned long offset;
	void *entry;

	xa_for_each(&slots[type], offset, entry)
		give_slot(slot_of(entry));
	xa_destroy(&slots[type]);
}

static const struct frontswap_ops ops = {
	.init = dram_init,
	.store = dram_store,
	.load = dram_load,
	.invalidate_page = dram_invalidate_page,
	.invalidate_area = dram_invalidate_area,
	.load_async = dram_load_async,
	.poll_load = dram_poll_load,
	.owner = THIS_MODULE,
};

/* Every page is forgotten, as if the memory node had died; for tests. */
static int lose_set(const char *val, const struct kernel_param *kp)
{
	WRITE_ONCE(generation, (generation + 1) & S16_MAX);
	return 0;
}
static const struct kernel_param_ops lose_ops = { .set = lose_set };
module_param_cb(lose, &lose_ops, NULL, 0200);
MODULE_PARM_DESC(lose, "write anything: every stored page is lost");

static int stats_show(struct seq_file *file, void *unused)
{
	struct counters sum = {};
	int cpu;

	for_each_possible_cpu(cpu) {
		const u64 *from = (const u64 *)per_cpu_ptr(&counters, cpu);
		u64 *to = (u64 *)&sum;
		size_t i;

		for (i = 0; i < sizeof(sum) / sizeof(u64); i++)
			to[i] += from[i];
	}
	seq_printf(file, "stores %llu\nrefused_huge %llu\nrefused_full %llu\n",
		   sum.stores, sum.refused_huge, sum.refused_full);
	seq_printf(file, "loads %llu\nasync_loads %llu\nasync_full %llu\npolled %llu\n",
		   sum.loads, sum.async_loads, sum.async_full, sum.polled);
	seq_printf(file, "misses %llu\ninvalidates %llu\nfree_pages %u\n",
		   sum.misses, sum.invalidates, READ_ONCE(nr_free));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

static void release(void)
{
	int cpu;

	if (queues)
		for_each_possible_cpu(cpu) {
			struct queue *queue = per_cpu_ptr(queues, cpu);

			if (queue->ring)
				hrtimer_cancel(&queue->timer);
			kfree(queue->ring);
		}
	free_percpu(queues);
	vfree(free_slots);
	vfree(memory);
}

static int __init dram_module_init(void)
{
	u32 nr_slots = size_mb << (20 - PAGE_SHIFT);
	int cpu, ret = -ENOMEM;
	u32 i;

	if (!size_mb || size_mb > 1 << 20 || !queue_depth || queue_depth > 1 << 16) {
		pr_err("size_mb has to be 1 to 1048576, queue_depth 1 to 65536\n");
		return -EINVAL;
	}
	for (i = 0; i < MAX_SWAPFILES; i++)
		xa_init(&slots[i]);
	memory = vmalloc((size_t)nr_slots * PAGE_SIZE);
	free_slots = vmalloc(array_size(nr_slots, sizeof(*free_slots)));
	queues = alloc_percpu(struct queue);
	if (!memory || !free_slots || !queues)
		goto fail;
	for (nr_free = 0; nr_free < nr_slots; nr_free++)
		free_slots[nr_free] = nr_slots - 1 - nr_free;
	for_each_possible_cpu(cpu) {
		struct queue *queue = per_cpu_ptr(queues, cpu);

		spin_lock_init(&queue->lock);
		hrtimer_init(&queue->timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
		queue->timer.function = timer_fired;
		queue->ring = kcalloc(queue_depth, sizeof(*queue->ring), GFP_KERNEL);
		if (!queue->ring)
			goto fail;
	}
	debugfs = debugfs_create_dir("fastswap_dram", NULL);
	debugfs_create_file("stats", 0444, debugfs, NULL, &stats_fops);

	ret = frontswap_register_ops(&ops);
	if (!ret) {
		pr_info("fastswap_dram: %u MiB\n", size_mb);
		return 0;
	}
	pr_err("fastswap_dram: frontswap has a backend already: see /sys/module/frontswap/parameters/backend\n");
	debugfs_remove(debugfs);
fail:
	release();
	return ret;
}

static void __exit dram_module_exit(void)
{
	frontswap_unregister_ops(&ops);
	debugfs_remove(debugfs);
	release();
}

module_init(dram_module_init);
module_exit(dram_module_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Frontswap backend in local memory, for tests of the far-memory path");
