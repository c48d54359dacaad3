/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "kernel_reader.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../faasmem.h"
#include "btf.h"

/* What programs and library share: one map value. */
struct shared {
	uint64_t count;
	uint64_t pid;
	uint64_t root;
	uint64_t unused;
	uint64_t address[FM_KREAD_PAGES];
	uint8_t unused2[FM_PAGE_SIZE - 32 - FM_KREAD_PAGES * 8 % FM_PAGE_SIZE];
	uint8_t page[FM_KREAD_PAGES][FM_PAGE_SIZE];
};

/* ---- instructions (Documentation/bpf/standardization/instruction-set.rst) ---- */

#define INSN(c, d, s, o, i) ((struct bpf_insn){.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)})
#define MOV(d, s) INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define MOV_IMM(d, i) INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define ADD(d, s) INSN(BPF_ALU64 | BPF_ADD | BPF_X, d, s, 0, 0)
#define ADD_IMM(d, i) INSN(BPF_ALU64 | BPF_ADD | BPF_K, d, 0, 0, i)
#define SHIFT_IMM(d, i) INSN(BPF_ALU64 | BPF_LSH | BPF_K, d, 0, 0, i)
#define LOAD(d, s, o) INSN(BPF_LDX | BPF_MEM | BPF_DW, d, s, o, 0)
#define STORE_IMM(d, o, i) INSN(BPF_ST | BPF_MEM | BPF_DW, d, 0, o, i)
#define CALL(i) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, i)
#define CALL_KERNEL(i) INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL, 0, i)
#define JUMP(o) INSN(BPF_JMP | BPF_JA, 0, 0, o, 0)
#define JUMP_ZERO(d, o) INSN(BPF_JMP | BPF_JEQ | BPF_K, d, 0, o, 0)
#define JUMP_GE(d, s, o) INSN(BPF_JMP | BPF_JGE | BPF_X, d, s, o, 0)
#define JUMP_GE_IMM(d, o, i) INSN(BPF_JMP | BPF_JGE | BPF_K, d, 0, o, i)
#define MAP_VALUE(d, fd) INSN(BPF_LD | BPF_DW | BPF_IMM, d, BPF_PSEUDO_MAP_VALUE, 0, fd), INSN(0, 0, 0, 0, 0)
#define EXIT() INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

static long bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static int load(const struct bpf_insn *instruction, size_t count)
{
	/* The helpers are for programs under the kernel's licence; this one is offered under it too. */
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SYSCALL,
		.insns = (uintptr_t)instruction,
		.insn_cnt = (uint32_t)count,
		.license = (uintptr_t) "Dual BSD/GPL",
		.prog_flags = BPF_F_SLEEPABLE,
	};
	memcpy(attr.prog_name, "faasmem_read", 13);
	return (int)bpf(BPF_PROG_LOAD, &attr);
}

/* for (i = 0; i < count && i < FM_KREAD_PAGES; i++) bpf_probe_read_kernel(page[i], 4096, address[i]); */
static int load_pages(int map)
{
	const struct bpf_insn program[] = {
		MAP_VALUE(BPF_REG_6, map),
		LOAD(BPF_REG_7, BPF_REG_6, offsetof(struct shared, count)),
		MOV_IMM(BPF_REG_8, 0),
		/* 4: */ JUMP_GE(BPF_REG_8, BPF_REG_7, 14),
		JUMP_GE_IMM(BPF_REG_8, 13, FM_KREAD_PAGES),
		MOV(BPF_REG_9, BPF_REG_8),
		SHIFT_IMM(BPF_REG_9, 3),
		MOV(BPF_REG_1, BPF_REG_6),
		ADD(BPF_REG_1, BPF_REG_9),
		LOAD(BPF_REG_3, BPF_REG_1, offsetof(struct shared, address)),
		SHIFT_IMM(BPF_REG_9, 9),
		MOV(BPF_REG_1, BPF_REG_6),
		ADD(BPF_REG_1, BPF_REG_9),
		ADD_IMM(BPF_REG_1, offsetof(struct shared, page)),
		MOV_IMM(BPF_REG_2, FM_PAGE_SIZE),
		CALL(BPF_FUNC_probe_read_kernel),
		ADD_IMM(BPF_REG_8, 1),
		JUMP(-15),
		MOV_IMM(BPF_REG_0, 0),
		EXIT(),
	};
	return load(program, sizeof(program) / sizeof(program[0]));
}

/* root = task_from_pid(pid)->mm->pgd, or 0 */
static int load_root(int map, const struct fm_btf *btf)
{
	long task_mm = fm_btf_member(btf, "task_struct", "mm"), mm_pgd = fm_btf_member(btf, "mm_struct", "pgd");
	long from_pid = fm_btf_function(btf, "bpf_task_from_pid"), release = fm_btf_function(btf, "bpf_task_release");
	if (task_mm < 0 || mm_pgd < 0 || from_pid < 0 || release < 0) {
		errno = ENOSYS;
		return -1;
	}
	const struct bpf_insn program[] = {
		MAP_VALUE(BPF_REG_7, map),
		STORE_IMM(BPF_REG_7, offsetof(struct shared, root), 0),
		LOAD(BPF_REG_1, BPF_REG_7, offsetof(struct shared, pid)),
		CALL_KERNEL((int)from_pid),
		/* 5: */ JUMP_ZERO(BPF_REG_0, 15),
		MOV(BPF_REG_6, BPF_REG_0),
		MOV(BPF_REG_1, BPF_REG_7),
		ADD_IMM(BPF_REG_1, offsetof(struct shared, root)),
		MOV_IMM(BPF_REG_2, 8),
		MOV(BPF_REG_3, BPF_REG_6),
		ADD_IMM(BPF_REG_3, (int)task_mm),
		CALL(BPF_FUNC_probe_read_kernel),
		/* A process without memory reads 0 here, and nothing at 0 + offset: 0 again. */
		LOAD(BPF_REG_3, BPF_REG_7, offsetof(struct shared, root)),
		ADD_IMM(BPF_REG_3, (int)mm_pgd),
		MOV(BPF_REG_1, BPF_REG_7),
		ADD_IMM(BPF_REG_1, offsetof(struct shared, root)),
		MOV_IMM(BPF_REG_2, 8),
		CALL(BPF_FUNC_probe_read_kernel),
		MOV(BPF_REG_1, BPF_REG_6),
		CALL_KERNEL((int)release),
		MOV_IMM(BPF_REG_0, 0),
		EXIT(),
	};
	return load(program, sizeof(program) / sizeof(program[0]));
}

int fm_kread_open(struct fm_kread *reader)
{
	*reader = (struct fm_kread){.map = -1, .pages_program = -1, .root_program = -1};
	struct fm_btf btf;
	if (fm_btf_load(&btf) < 0)
		return FM_ERR_KERNEL;
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = sizeof(struct shared),
		.max_entries = 1,
		.map_flags = BPF_F_MMAPABLE,
	};
	memcpy(attr.map_name, "faasmem_read", 13);
	reader->map = (int)bpf(BPF_MAP_CREATE, &attr);
	int failed = reader->map < 0;
	if (!failed) {
		void *shared = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED, reader->map, 0);
		reader->shared = shared == MAP_FAILED ? NULL : shared;
		reader->pages_program = load_pages(reader->map);
		reader->root_program = reader->pages_program < 0 ? -1 : load_root(reader->map, &btf);
		failed = !reader->shared || reader->root_program < 0;
	}
	int error = errno;
	fm_btf_free(&btf);
	if (!failed)
		return FM_OK;
	fm_kread_close(reader);
	return error == EPERM || error == EACCES ? FM_ERR_PERMISSION : error == ENOMEM ? FM_ERR_NOMEM : FM_ERR_KERNEL;
}

void fm_kread_close(struct fm_kread *reader)
{
	int fds[] = {reader->pages_program, reader->root_program, reader->map};
	if (reader->shared)
		munmap(reader->shared, sizeof(struct shared));
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	*reader = (struct fm_kread){.map = -1, .pages_program = -1, .root_program = -1};
}

static int run(int program)
{
	union bpf_attr attr = {.test = {.prog_fd = (uint32_t)program}};
	return bpf(BPF_PROG_TEST_RUN, &attr) == 0 ? 0 : -1;
}

uint64_t fm_kread_root(struct fm_kread *reader, pid_t pid)
{
	struct shared *shared = (struct shared *)reader->shared;
	shared->pid = (uint64_t)pid;
	return run(reader->root_program) < 0 ? 0 : shared->root;
}

const uint64_t *fm_kread_pages(struct fm_kread *reader, const uint64_t *address, uint32_t count)
{
	struct shared *shared = (struct shared *)reader->shared;
	if (count > FM_KREAD_PAGES)
		return NULL;
	shared->count = count;
	memcpy(shared->address, address, count * sizeof(*address));
	return run(reader->pages_program) < 0 ? NULL : (const uint64_t *)shared->page;
}
