// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include "arena.h"
#include "must.h"

void arena_init(struct arena *arena, uint64_t iova, size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(memory != MAP_FAILED, "seen errno %d", errno);
	*arena = (struct arena) { .memory = memory, .iova = iova, .size = size };
}

void arena_free(struct arena *arena)
{
	munmap(arena->memory, arena->size);
	arena->memory = NULL;
}

void *arena_alloc(struct arena *arena, size_t size, size_t align)
{
	size_t start = (arena->used + align - 1) / align * align;

	must(start + size <= arena->size, "seen an arena of %zu bytes, %zu used, %zu wanted",
	     arena->size, arena->used, size);
	arena->used = start + size;
	return memset(arena->memory + start, 0, size);
}

void *arena_page(struct arena *arena)
{
	return arena_alloc(arena, ARENA_PAGE, ARENA_PAGE);
}

uint64_t arena_iova(const struct arena *arena, const void *pointer)
{
	size_t offset = (size_t)((const uint8_t *)pointer - arena->memory);

	must(offset <= arena->size, "seen a pointer outside the arena");
	return arena->iova + offset;
}

uint64_t arena_end(const struct arena *arena)
{
	return arena->iova + arena->size;
}
