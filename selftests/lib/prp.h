/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Buffers for NVMe commands whose pages and lists lie as a test wants them.
 */
#ifndef LIB_PRP_H
#define LIB_PRP_H

#include <stdbool.h>
#include "nvme.h"

#define PRP_MAX_PAGES	160

/**
 * struct prp_shape - how a buffer lies in memory
 * @offset: of the first byte in its page
 * @list_offset: of the first entry in the first page of the PRP list
 * @scattered: pages in falling order with a page between them
 */
struct prp_shape {
	uint32_t offset;
	uint32_t list_offset;
	bool scattered;
};

/**
 * struct prp - a buffer
 * @arena: where it is
 * @shape: how it lies
 * @length: bytes
 * @pages: number of pages
 * @page: its pages, in order
 * @list: pages of the PRP list, as far as there is one
 * @lists: number of them
 */
struct prp {
	struct arena *arena;
	struct prp_shape shape;
	size_t length;
	unsigned int pages;
	uint8_t *page[PRP_MAX_PAGES];
	uint64_t *list[PRP_MAX_PAGES];
	unsigned int lists;
};

/** prp_make - take a buffer from an arena */
void prp_make(struct prp *prp, struct arena *arena, size_t length, struct prp_shape shape);

/** prp_point - make PRP1 and PRP2 of a command name the buffer, building the list it needs */
void prp_point(struct prp *prp, struct nvme_sqe *sqe);

/** prp_put - copy @length bytes into the buffer */
void prp_put(struct prp *prp, const void *bytes);

/** prp_get - copy @length bytes out of the buffer */
void prp_get(const struct prp *prp, void *bytes);

/** prp_outside - bytes of the pages that do not belong to the buffer all have this value */
bool prp_outside(const struct prp *prp, uint8_t value);

/** prp_paint - give all bytes of the pages a value */
void prp_paint(struct prp *prp, uint8_t value);

#endif /* LIB_PRP_H */
