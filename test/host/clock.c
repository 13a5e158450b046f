//go:build ignore

/*
 * A clock that can be set for this process alone. Go's runtime asks the kernel's
 * vDSO for the time, a library in memory that it finds by the auxiliary vector,
 * so that nothing preloaded comes in between. Here the vector is made to point
 * to a vDSO of our own, with that one function.
 */
#define _GNU_SOURCE
#include "host.h"
#include "stream.h"

#include <elf.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *ahead; /* seconds, of the real-time clock */

static int get_time(clockid_t clock, struct timespec *t)
{
	int error = clock_gettime(clock, t);

	if (!error && clock == CLOCK_REALTIME) {
		t->tv_sec += *ahead;
	}
	return error;
}

/* As little of a shared library as it takes to find one function in it. */
static struct vdso {
	Elf64_Ehdr header;
	Elf64_Phdr segments[2];
	Elf64_Dyn dynamic[5];
	Elf64_Sym symbols[2];
	char names[32];
	Elf64_Verdef version;
	struct { uint32_t buckets, chains, bucket[1], chain[2]; } hash;
} vdso = {
	.header = {.e_phoff = offsetof(struct vdso, segments), .e_phnum = 2},
	.segments = {{.p_type = PT_LOAD}, {.p_type = PT_DYNAMIC, .p_offset = offsetof(struct vdso, dynamic)}},
	.dynamic = {
		{DT_STRTAB, {offsetof(struct vdso, names)}},
		{DT_SYMTAB, {offsetof(struct vdso, symbols)}},
		{DT_HASH, {offsetof(struct vdso, hash)}},
		{DT_VERDEF, {offsetof(struct vdso, version)}},
	},
	.symbols = {{0}, {.st_name = 1, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), .st_shndx = SHN_ABS}},
	.names = "\0__vdso_clock_gettime",
	.version = {.vd_flags = VER_FLG_BASE}, /* there is no other */
	.hash = {1, 2, {1}, {0, 0}},
};

void set_clock_by(const char *file)
{
	char **end = environ;
	int f = open(file, O_RDONLY);
	void *mapped = f < 0 ? MAP_FAILED : mmap(NULL, sizeof(*ahead), PROT_READ, MAP_SHARED, f, 0);

	if (mapped == MAP_FAILED) {
		die(misused, "--clock: %s cannot be mapped", file);
	}
	ahead = mapped;
	vdso.symbols[1].st_value = (uintptr_t) get_time - (uintptr_t) &vdso;
	while (*end++) {
	}
	for (Elf64_auxv_t *a = (void *) end; a->a_type != AT_NULL; a++) {
		if (a->a_type == AT_SYSINFO_EHDR) {
			a->a_un.a_val = (uintptr_t) &vdso;
		}
	}
}
