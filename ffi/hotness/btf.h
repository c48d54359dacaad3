/* SPDX-License-Identifier: Apache-2.0
 * Just enough of the kernel's type information (Documentation/bpf/btf.rst): where a member lies in a struct,
 * and the number of a kernel function. */
#ifndef FM_BTF_H
#define FM_BTF_H

#include <stddef.h>
#include <stdint.h>

struct fm_btf {
	uint8_t *data;
	size_t length;
	const uint8_t *types, *types_end;
	const char *strings;
	uint32_t strings_length;
	const uint8_t **type; /* by number; 0 is void */
	uint32_t count;
};

/* Checks and indexes `data` (malloc'ed; owned by `btf` from now on, also on failure). 0, or -1: not BTF. */
int fm_btf_parse(struct fm_btf *btf, uint8_t *data, size_t length);
/* That of the running kernel. -1: the kernel shows none. */
int fm_btf_load(struct fm_btf *btf);
void fm_btf_free(struct fm_btf *btf);
/* Offset in bytes of a member, also inside anonymous members. -1: no such struct or member. */
long fm_btf_member(const struct fm_btf *btf, const char *structure, const char *member);
/* Number of a kernel function. -1: no such function. */
long fm_btf_function(const struct fm_btf *btf, const char *name);

#endif
