/* SPDX-License-Identifier: Apache-2.0
 * Kernel interfaces newer than the headers of the oldest supported distribution (Debian 12: Linux 6.1).
 * Layouts and numbers: include/uapi/linux/userfaultfd.h and include/uapi/linux/fs.h of Linux 6.8. */
#ifndef FM_UAPI_H
#define FM_UAPI_H

#include <linux/userfaultfd.h>
#include <stdint.h>
#include <sys/ioctl.h>

struct fm_uffdio_move {
	uint64_t dst, src, len, mode;
	int64_t move;
};
#define FM_UFFDIO_MOVE _IOWR(0xAA, 0x05, struct fm_uffdio_move)
#define FM_UFFD_FEATURE_MOVE (1ull << 16)

struct fm_uffdio_range_op { /* uffdio_continue and uffdio_poison */
	struct uffdio_range range;
	uint64_t mode;
	int64_t done;
};
#define FM_UFFDIO_CONTINUE _IOWR(0xAA, 0x07, struct fm_uffdio_range_op)
#define FM_UFFDIO_POISON _IOWR(0xAA, 0x08, struct fm_uffdio_range_op)

struct fm_page_region {
	uint64_t start, end, categories;
};
struct fm_pm_scan {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
#define FM_PAGEMAP_SCAN _IOWR('f', 16, struct fm_pm_scan)
#define FM_PAGE_IS_FILE (1ull << 2)
#define FM_PAGE_IS_PRESENT (1ull << 3)
#define FM_PAGE_IS_SWAPPED (1ull << 4)
#define FM_PAGE_IS_PFNZERO (1ull << 5)

/* /dev/userfaultfd: a descriptor by file permission instead of by sysctl or capability */
#define FM_USERFAULTFD_IOC_NEW _IO(0xAA, 0x00)

#endif
