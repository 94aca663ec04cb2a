// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include "must.h"
#include "prp.h"

#define ENTRIES_PER_PAGE	(ARENA_PAGE / sizeof(uint64_t))

/* Pages are taken in pairs, and the second of a pair is left out, when they are to be scattered. */
static void take_pages(struct prp *prp)
{
	for (unsigned int i = 0; i < prp->pages; i++) {
		unsigned int slot = prp->shape.scattered ? prp->pages - 1 - i : i;

		prp->page[slot] = arena_page(prp->arena);
		if (prp->shape.scattered)
			arena_page(prp->arena);
	}
}

void prp_make(struct prp *prp, struct arena *arena, size_t length, struct prp_shape shape)
{
	*prp = (struct prp) { .arena = arena, .shape = shape, .length = length };
	prp->pages = (unsigned int)((shape.offset + length + ARENA_PAGE - 1) / ARENA_PAGE);
	must(prp->pages <= PRP_MAX_PAGES, "seen %u", prp->pages);
	take_pages(prp);
}

static uint64_t page_iova(const struct prp *prp, unsigned int page)
{
	return arena_iova(prp->arena, prp->page[page]);
}

static uint64_t *new_list(struct prp *prp)
{
	return prp->list[prp->lists++] = arena_page(prp->arena);
}

/* The last entry of a page points to the next page of the list, if more than one entry is left. */
static uint64_t build_list(struct prp *prp)
{
	size_t slot = prp->shape.list_offset / sizeof(uint64_t);
	uint64_t *list = new_list(prp);
	uint64_t head = arena_iova(prp->arena, list + slot);

	for (unsigned int i = 1; i < prp->pages; i++) {
		if (slot == ENTRIES_PER_PAGE - 1 && i + 1 < prp->pages) {
			uint64_t *next = new_list(prp);

			list[slot] = arena_iova(prp->arena, next);
			list = next;
			slot = 0;
		}
		list[slot++] = page_iova(prp, i);
	}
	return head;
}

void prp_point(struct prp *prp, struct nvme_sqe *sqe)
{
	prp->lists = 0;
	sqe->prp1 = page_iova(prp, 0) + prp->shape.offset;
	sqe->prp2 = 0;
	if (prp->pages == 2)
		sqe->prp2 = page_iova(prp, 1);
	else if (prp->pages > 2)
		sqe->prp2 = build_list(prp);
}

/* The part of page @i that belongs to the buffer, and where it is in the whole. */
static size_t part_of(const struct prp *prp, unsigned int i, uint8_t **start, size_t *position)
{
	size_t offset = i ? 0 : prp->shape.offset;
	size_t length = ARENA_PAGE - offset;

	*position = i ? (size_t)i * ARENA_PAGE - prp->shape.offset : 0;
	*start = prp->page[i] + offset;
	return length < prp->length - *position ? length : prp->length - *position;
}

void prp_put(struct prp *prp, const void *bytes)
{
	uint8_t *start;
	size_t position;

	for (unsigned int i = 0; i < prp->pages; i++) {
		size_t length = part_of(prp, i, &start, &position);

		memcpy(start, (const uint8_t *)bytes + position, length);
	}
}

void prp_get(const struct prp *prp, void *bytes)
{
	uint8_t *start;
	size_t position;

	for (unsigned int i = 0; i < prp->pages; i++) {
		size_t length = part_of(prp, i, &start, &position);

		memcpy((uint8_t *)bytes + position, start, length);
	}
}

bool prp_outside(const struct prp *prp, uint8_t value)
{
	uint8_t *start;
	size_t position;

	for (unsigned int i = 0; i < prp->pages; i++) {
		size_t length = part_of(prp, i, &start, &position);

		for (uint8_t *byte = prp->page[i]; byte < prp->page[i] + ARENA_PAGE; byte++) {
			if ((byte < start || byte >= start + length) && *byte != value)
				return false;
		}
	}
	return true;
}

void prp_paint(struct prp *prp, uint8_t value)
{
	for (unsigned int i = 0; i < prp->pages; i++)
		memset(prp->page[i], value, ARENA_PAGE);
}
