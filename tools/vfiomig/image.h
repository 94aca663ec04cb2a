/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a namespace holds at the end of a stream, however extents were split and
 * repeated on the way: for each page where in the stream its contents are.
 * Contents themselves stay in the file; what is no file goes to one first.
 */
#ifndef VFIOMIG_IMAGE_H
#define VFIOMIG_IMAGE_H

#include <linux/types.h>
#include <stdio.h>
#include "stream.h"

struct image_page;

/**
 * struct image - contents of a namespace
 * @fd: where contents are, at their offset in the stream
 * @spool: what @fd belongs to when the stream is no file, or NULL
 * @error: errno of a failure to write or read there, or ENOMEM
 * @page: hash table of the pages that were seen
 * @room: entries in @page, a power of two
 * @nr: entries used
 */
struct image {
	int fd;
	FILE *spool;
	int error;
	struct image_page *page;
	size_t room;
	size_t nr;
};

/** image_init - before the stream begins; sees to it that contents can be read again */
int image_init(struct image *image, struct stream *stream);
void image_release(struct image *image);

/** image_clear - what came so far is void */
void image_clear(struct image *image);

/**
 * image_extent - blocks as an extent says
 * @image: image
 * @slba: first block
 * @nlb: blocks
 * @offset: of their contents in the stream; 0 when they are zero
 *
 * Return: false when the blocks are no whole pages, or no device has them; and without memory
 * to note where they are, when @image->error is ENOMEM.
 */
bool image_extent(struct image *image, u64 slba, u64 nlb, u64 offset);

/** typedef image_differ - called with each run of blocks that differ */
typedef void (*image_differ)(void *context, u64 slba, u64 nlb);

/** image_compare - call @differ for each run of blocks that differ; false when reading failed */
bool image_compare(struct image *a, struct image *b, image_differ differ, void *context);

#endif /* VFIOMIG_IMAGE_H */
