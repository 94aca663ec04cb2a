/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory that the device can reach: one block of anonymous memory at one range
 * of bus addresses, from which tests take pieces. Around it nothing is mapped.
 */
#ifndef LIB_ARENA_H
#define LIB_ARENA_H

#include <stddef.h>
#include <stdint.h>

/** define ARENA_IOVA - bus address of an arena; does not fit 32 bits */
#define ARENA_IOVA	(UINT64_C(1) << 32)
#define ARENA_PAGE	4096

/**
 * struct arena - memory that the device can reach
 * @memory: as the test sees it
 * @iova: as the device sees it
 * @size: bytes
 * @used: bytes handed out
 */
struct arena {
	uint8_t *memory;
	uint64_t iova;
	size_t size;
	size_t used;
};

void arena_init(struct arena *arena, uint64_t iova, size_t size);
void arena_free(struct arena *arena);

/** arena_alloc - zeroed bytes at a multiple of @align; the test fails when there are none left */
void *arena_alloc(struct arena *arena, size_t size, size_t align);

/** arena_page - one zeroed page */
void *arena_page(struct arena *arena);

/** arena_iova - bus address of something in the arena */
uint64_t arena_iova(const struct arena *arena, const void *pointer);

/** arena_end - first bus address behind the arena: nothing is mapped there */
uint64_t arena_end(const struct arena *arena);

#endif /* LIB_ARENA_H */
