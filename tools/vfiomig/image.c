// SPDX-License-Identifier: GPL-2.0
#include <linux/kernel.h>
#include <linux/string.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "image.h"
#include "out.h"

#define PAGE_BYTES	MDEVSIM_EXTENT_ALIGN
#define BLOCK_BYTES	(1U << MDEVSIM_LBA_SHIFT)
#define BLOCKS		(PAGE_BYTES / BLOCK_BYTES)	/* in a page */
#define FIRST_ROOM	1024

/**
 * struct image_page - where the contents of a page are
 * @number: which page
 * @offset: in the stream; 0 for a page of zeroes
 * @used: this entry is a page
 */
struct image_page {
	u64 number;
	u64 offset;
	bool used;
};

static void spool_write(void *context, const void *bytes, size_t length)
{
	struct image *image = context;

	if (!image->error && fwrite(bytes, 1, length, image->spool) != length)
		image->error = errno;
}

/* A file that nobody else sees and that is gone with this program */
static FILE *spool_open(void)
{
	const char *directory = getenv("TMPDIR");
	FILE *spool = NULL;
	char *path;
	int fd;

	if (asprintf(&path, "%s/vfiomig.XXXXXX", directory ? directory : "/tmp") < 0)
		abort();
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0) {
		unlink(path);
		spool = fdopen(fd, "w+");
	}
	free(path);
	return spool;
}

/* A file whose first byte is the stream's */
static bool is_stream(const struct stream *stream)
{
	int fd = stream->file.fd;
	struct stat info;

	return !stream->qemu && !fstat(fd, &info) && S_ISREG(info.st_mode) &&
	       lseek(fd, 0, SEEK_CUR) == (off_t)stream->file.bytes;
}

int image_init(struct image *image, struct stream *stream)
{
	*image = (struct image){ .fd = stream->file.fd };
	if (is_stream(stream))
		return STATUS_DONE;
	image->spool = spool_open();
	if (!image->spool)
		return file_fail(&stream->file, "cannot create a temporary file to hold it");
	image->fd = fileno(image->spool);
	stream->tap = spool_write;
	stream->tap_context = image;
	return STATUS_DONE;
}

void image_release(struct image *image)
{
	if (image->spool)
		fclose(image->spool);
	free(image->page);
	*image = (struct image){ .fd = -1 };
}

void image_clear(struct image *image)
{
	free(image->page);
	image->page = NULL;
	image->room = 0;
	image->nr = 0;
}

/* The entry of a page, or the free one where it would be. */
static struct image_page *find(const struct image *image, u64 number)
{
	size_t i = number * 0x9e3779b97f4a7c15ULL >> 20;

	while (image->page[i & (image->room - 1)].used &&
	       image->page[i & (image->room - 1)].number != number)
		i++;
	return &image->page[i & (image->room - 1)];
}

static u64 offset_of(const struct image *image, u64 number)
{
	struct image_page *page = image->room ? find(image, number) : NULL;

	return page && page->used ? page->offset : 0;
}

static bool grow(struct image *image)
{
	size_t room = image->room ? 2 * image->room : FIRST_ROOM, i;
	struct image_page *page = calloc(room, sizeof(*page));
	struct image old = *image;

	if (!page)
		return false;
	image->page = page;
	image->room = room;
	for (i = 0; i < old.room; i++)
		if (old.page[i].used)
			*find(image, old.page[i].number) = old.page[i];
	free(old.page);
	return true;
}

static bool set(struct image *image, u64 number, u64 offset)
{
	struct image_page *page;

	if (2 * image->nr >= image->room && !grow(image)) {
		image->error = ENOMEM;
		return false;
	}
	page = find(image, number);
	image->nr += !page->used;
	*page = (struct image_page){ number, offset, true };
	return true;
}

/* Pages that nobody wrote are zero as they are: a large extent is told by what is there. */
static void set_zero(struct image *image, u64 first, u64 nr)
{
	struct image_page *page;
	u64 i;

	for (i = 0; i < nr && nr <= image->room; i++) {
		page = find(image, first + i);
		if (page->used)
			page->offset = 0;
	}
	for (i = 0; i < image->room && nr > image->room; i++)
		if (image->page[i].number - first < nr)
			image->page[i].offset = 0;
}

bool image_extent(struct image *image, u64 slba, u64 nlb, u64 offset)
{
	u64 first = slba / BLOCKS, nr = nlb / BLOCKS, i;

	if (slba % BLOCKS || nlb % BLOCKS || nlb > U64_MAX / BLOCK_BYTES - slba)
		return false;
	if (!offset)
		set_zero(image, first, nr);
	for (i = 0; offset && i < nr; i++)
		if (!set(image, first + i, offset + i * PAGE_BYTES))
			return false;
	return true;
}

/* ---- Comparing --------------------------------------------------------- */

/**
 * struct run - blocks that differ, as far as they are known to
 * @slba: first
 * @nlb: number
 * @differ: who is told
 * @context: for @differ
 */
struct run {
	u64 slba;
	u64 nlb;
	image_differ differ;
	void *context;
};

static void run_end(struct run *run)
{
	if (run->nlb)
		run->differ(run->context, run->slba, run->nlb);
	run->nlb = 0;
}

static void run_add(struct run *run, u64 block)
{
	if (run->slba + run->nlb != block)
		run_end(run);
	if (!run->nlb)
		run->slba = block;
	run->nlb++;
}

static bool read_page(struct image *image, u64 number, u8 *bytes)
{
	u64 offset = offset_of(image, number);
	ssize_t got;

	memset(bytes, 0, PAGE_BYTES);
	if (!offset)
		return true;
	got = pread(image->fd, bytes, PAGE_BYTES, offset);
	if (got != PAGE_BYTES)
		image->error = got < 0 ? errno : ENODATA;
	return got == PAGE_BYTES;
}

static bool compare_page(struct image *a, struct image *b, u64 number, struct run *run)
{
	u8 in_a[PAGE_BYTES], in_b[PAGE_BYTES];
	unsigned int i;

	if (!read_page(a, number, in_a) || !read_page(b, number, in_b))
		return false;
	for (i = 0; i < BLOCKS; i++)
		if (memcmp(in_a + i * BLOCK_BYTES, in_b + i * BLOCK_BYTES, BLOCK_BYTES))
			run_add(run, number * BLOCKS + i);
	return true;
}

static int by_number(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static size_t list_pages(const struct image *image, u64 *list)
{
	size_t nr = 0, i;

	for (i = 0; i < image->room; i++)
		if (image->page[i].used)
			list[nr++] = image->page[i].number;
	return nr;
}

static bool ready(struct image *image)
{
	if (image->spool && fflush(image->spool) && !image->error)
		image->error = errno;
	return !image->error;
}

bool image_compare(struct image *a, struct image *b, image_differ differ, void *context)
{
	u64 *list = calloc(a->nr + b->nr + 1, sizeof(*list));
	struct run run = { .differ = differ, .context = context };
	bool fine = ready(a) && ready(b);
	size_t nr, i;

	if (!list) {
		a->error = ENOMEM;
		return false;
	}
	nr = list_pages(a, list);
	nr += list_pages(b, list + nr);
	qsort(list, nr, sizeof(*list), by_number);
	for (i = 0; fine && i < nr; i++)
		if (!i || list[i] != list[i - 1])
			fine = compare_page(a, b, list[i], &run);
	run_end(&run);
	free(list);
	return fine;
}
