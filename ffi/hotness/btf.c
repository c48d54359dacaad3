/* SPDX-License-Identifier: Apache-2.0 */
#include "btf.h"

#include <fcntl.h>
#include <linux/btf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_DEPTH 16

/* Bytes that follow a type's common part; -1 for a kind this version does not know. */
static long extra_bytes(const struct btf_type *type)
{
	uint32_t count = BTF_INFO_VLEN(type->info);
	switch (BTF_INFO_KIND(type->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return 4;
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return count * (long)sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return count * (long)sizeof(struct btf_enum);
	case BTF_KIND_FUNC_PROTO:
		return count * (long)sizeof(struct btf_param);
	case BTF_KIND_DATASEC:
		return count * (long)sizeof(struct btf_var_secinfo);
	case 19: /* BTF_KIND_ENUM64 */
		return count * 12l;
	case BTF_KIND_PTR:
	case BTF_KIND_FWD:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_FUNC:
	case BTF_KIND_FLOAT:
	case 18: /* BTF_KIND_TYPE_TAG */
		return 0;
	default:
		return -1;
	}
}

static const struct btf_type *type_of(const struct fm_btf *btf, uint32_t number)
{
	return number && number < btf->count ? (const struct btf_type *)btf->type[number] : NULL;
}

static const char *name_at(const struct fm_btf *btf, uint32_t offset)
{
	return offset < btf->strings_length ? btf->strings + offset : "";
}

/* Walks all types; with `index` set, notes where each one is. Returns their number, or -1. */
static long walk(struct fm_btf *btf, const uint8_t **index)
{
	long count = 1;
	const uint8_t *at = btf->types;
	while (at < btf->types_end) {
		if ((size_t)(btf->types_end - at) < sizeof(struct btf_type))
			return -1;
		long extra = extra_bytes((const struct btf_type *)at);
		if (extra < 0 || (size_t)(btf->types_end - at) < sizeof(struct btf_type) + (size_t)extra)
			return -1;
		if (index)
			index[count] = at;
		count++;
		at += sizeof(struct btf_type) + (size_t)extra;
	}
	return count;
}

int fm_btf_parse(struct fm_btf *btf, uint8_t *data, size_t length)
{
	*btf = (struct fm_btf){.data = data, .length = length};
	const struct btf_header *header = (const struct btf_header *)data;
	if (length < sizeof(*header) || header->magic != BTF_MAGIC || header->hdr_len > length)
		return -1;
	size_t room = length - header->hdr_len;
	if (header->type_off > room || header->type_len > room - header->type_off || header->type_off % 4 || header->hdr_len % 4 ||
	    header->str_off > room || header->str_len > room - header->str_off || !header->str_len)
		return -1;
	btf->types = data + header->hdr_len + header->type_off;
	btf->types_end = btf->types + header->type_len;
	btf->strings = (const char *)data + header->hdr_len + header->str_off;
	btf->strings_length = header->str_len;
	if (btf->strings[header->str_len - 1] != 0)
		return -1;
	long count = walk(btf, NULL);
	if (count < 0)
		return -1;
	btf->type = calloc((size_t)count, sizeof(*btf->type));
	if (!btf->type)
		return -1;
	btf->count = (uint32_t)count;
	walk(btf, btf->type);
	return 0;
}

int fm_btf_load(struct fm_btf *btf)
{
	*btf = (struct fm_btf){0};
	int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC);
	struct stat about;
	if (fd < 0)
		return -1;
	uint8_t *data = fstat(fd, &about) == 0 && about.st_size > 0 ? malloc((size_t)about.st_size) : NULL;
	size_t done = 0;
	while (data && done < (size_t)about.st_size) {
		ssize_t got = read(fd, data + done, (size_t)about.st_size - done);
		if (got <= 0)
			break;
		done += (size_t)got;
	}
	close(fd);
	if (!data)
		return -1;
	int result = fm_btf_parse(btf, data, done);
	if (result < 0)
		fm_btf_free(btf);
	return result;
}

void fm_btf_free(struct fm_btf *btf)
{
	free(btf->data);
	free(btf->type);
	*btf = (struct fm_btf){0};
}

/* Bit offset of a member, -1 when it is not there. */
static long find_member(const struct fm_btf *btf, const struct btf_type *type, const char *wanted, int depth)
{
	uint32_t kind = type ? BTF_INFO_KIND(type->info) : 0;
	if ((kind != BTF_KIND_STRUCT && kind != BTF_KIND_UNION) || depth > MOST_DEPTH)
		return -1;
	const struct btf_member *member = (const struct btf_member *)(type + 1);
	for (uint32_t i = 0; i < BTF_INFO_VLEN(type->info); i++) {
		long offset = (long)(BTF_INFO_KFLAG(type->info) ? BTF_MEMBER_BIT_OFFSET(member[i].offset) : member[i].offset);
		const char *name = name_at(btf, member[i].name_off);
		if (*name) {
			if (strcmp(name, wanted) == 0)
				return offset;
			continue;
		}
		long inner = find_member(btf, type_of(btf, member[i].type), wanted, depth + 1);
		if (inner >= 0)
			return offset + inner;
	}
	return -1;
}

long fm_btf_member(const struct fm_btf *btf, const char *structure, const char *member)
{
	for (uint32_t i = 1; i < btf->count; i++) {
		const struct btf_type *type = type_of(btf, i);
		if (BTF_INFO_KIND(type->info) != BTF_KIND_STRUCT || strcmp(name_at(btf, type->name_off), structure) != 0)
			continue;
		long bits = find_member(btf, type, member, 0);
		if (bits >= 0 && bits % 8 == 0)
			return bits / 8;
	}
	return -1;
}

long fm_btf_function(const struct fm_btf *btf, const char *name)
{
	for (uint32_t i = 1; i < btf->count; i++) {
		const struct btf_type *type = type_of(btf, i);
		if (BTF_INFO_KIND(type->info) == BTF_KIND_FUNC && strcmp(name_at(btf, type->name_off), name) == 0)
			return (long)i;
	}
	return -1;
}
