// SPDX-License-Identifier: GPL-2.0
/*
 * What QEMU 7.2 to 11 write, of devices with either migration protocol:
 *
 *   file:     magic, version, [configuration], sections and commands
 *   section:  type, id, START and FULL: name, instance, version; body; footer
 *
 * START, PART and END belong to memory and to VFIO devices; what is in their
 * bodies says where they end. FULL sections are everything else. They come when
 * all device state is through, so the walk ends there, but for the few that
 * QEMU sends before: of those the end of the file says how long they are.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "array_size.h"
#include "out.h"
#include "qemu_file.h"
#include "qemu_input.h"
#include "qemu_vmdesc.h"

#define VERSION			3

enum section_type {
	SECTION_EOF,
	SECTION_START,
	SECTION_PART,
	SECTION_END,
	SECTION_FULL,
	SECTION_SUBSECTION,
	SECTION_CONFIGURATION = 0x07,
	SECTION_COMMAND = 0x08,
	SECTION_FOOTER = 0x7e,
};

/* Commands that a migration without post-copy may have; those between belong to post-copy. */
enum command {
	COMMAND_OPEN_RETURN_PATH = 1,
	COMMAND_PING = 2,
	COMMAND_SWITCHOVER_START = 11,
};

/* In the low bits of the address of a page; an address is a multiple of the page size. */
enum ram_flag {
	RAM_ZERO = 0x02,
	RAM_MEM_SIZE = 0x04,
	RAM_PAGE = 0x08,
	RAM_EOS = 0x10,
	RAM_CONTINUE = 0x20,
	RAM_XBZRLE = 0x40,
	RAM_HOOK = 0x80,
	RAM_COMPRESSED = 0x100,
	RAM_MULTIFD_FLUSH = 0x200,
};

#define RAM_VERSION		4
#define PAGE_BITS		12
#define PAGE_BITS_MIN		10	/* room for the flags */
#define PAGE_BITS_MAX		16

#define VFIO_VERSION		1
#define VFIO_END_OF_STATE	0xffffffffef100001
#define VFIO_CONFIG_STATE	0xffffffffef100002
#define VFIO_SETUP_STATE	0xffffffffef100003
#define VFIO_DATA_STATE		0xffffffffef100004
#define VFIO_INIT_DATA_SENT	0xffffffffef100005
#define VFIO_LOAD_READY		0xffffffffef100006

#define BARE_NAME		"vfio"	/* of a device without a path */
#define SUFFIX			"/" BARE_NAME
#define MAX_SECTIONS		256

/**
 * struct section - something that sends its state in parts
 * @id: its number in this file
 * @is_vfio: a VFIO device; memory otherwise
 * @ended: its last part has been seen
 * @device: what is known of the VFIO device
 */
struct section {
	uint32_t id;
	bool is_vfio;
	bool ended;
	struct qemu_device device;
};

/**
 * struct qemu_file - a walk
 * @input: the file
 * @page_size: of the guest
 * @ignore_shared: memory blocks come with an address
 * @section: those seen
 * @nr_sections: number of them
 * @inside: the VFIO section that the walk is in, or NULL
 * @type: of section @inside: START, PART or END
 * @payload: bytes of device state that come next
 * @selected: whose state is wanted
 * @only: nobody said so, there was no other
 * @done: all device state is through
 */
struct qemu_file {
	struct qemu_input input;
	unsigned int page_size;
	bool ignore_shared;
	struct section section[MAX_SECTIONS];
	unsigned int nr_sections;
	struct section *inside;
	enum section_type type;
	uint64_t payload;
	struct qemu_device *selected;
	bool only;
	bool done;
};

/* What is in a file that was not written the simplest way, and how to have it written so. */
static const struct obstacle {
	const char *what;
	const char *hint;
} obstacles[] = {
	{ "mapped-ram", "migrate with the capability mapped-ram off" },
	{ "dirty-bitmap", "migrate with the capability dirty-bitmaps off" },
	{ "block", "migrate with the capability block off" },
	{ "spapr/htab", "take the state with vfiomig save" },
};

static const char hint_postcopy[] = "migrate with the capability postcopy-ram off";
static const char hint_multifd[] =
	"migrate with multifd off, or the device with x-migration-multifd-transfer=off";
static const char hint_save[] = "take the state with vfiomig save, without QEMU";

static const char *hint_for(const char *what)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(obstacles); i++)
		if (!strcmp(obstacles[i].what, what))
			return obstacles[i].hint;
	return hint_save;
}

static void expect(struct qemu_input *input, const char *what, unsigned int width, uint64_t wanted)
{
	uint64_t seen = qemu_input_number(input, width);

	if (seen != wanted)
		qemu_input_refuse(input, EPROTO, NULL, "%s is %#" PRIx64 ", not %#" PRIx64, what,
				  seen, wanted);
}

/* configuration: machine, and what deviates from the usual */

static void set_page_bits(struct qemu_file *qemu)
{
	uint64_t bits = qemu_input_number(&qemu->input, 4);

	if (bits < PAGE_BITS_MIN || bits > PAGE_BITS_MAX)
		qemu_input_refuse(&qemu->input, EOPNOTSUPP, hint_save,
				  "pages of 2^%" PRIu64 " bytes", bits);
	else
		qemu->page_size = 1U << bits;
}

static void walk_capabilities(struct qemu_file *qemu)
{
	uint64_t count = qemu_input_number(&qemu->input, 4);
	char name[QEMU_INPUT_NAME];

	for (; count && !qemu->input.error; count--) {
		qemu_input_name(&qemu->input, name);
		if (!strcmp(name, "x-ignore-shared"))
			qemu->ignore_shared = true;
		else if (!qemu->input.error)
			qemu_input_refuse(&qemu->input, EOPNOTSUPP, hint_for(name),
					  "the capability '%s' changes how the file is laid out",
					  name);
	}
}

static void walk_subsection(struct qemu_file *qemu)
{
	struct qemu_input *input = &qemu->input;
	char name[QEMU_INPUT_NAME];

	expect(input, "the mark of a subsection", 1, SECTION_SUBSECTION);
	qemu_input_name(input, name);
	expect(input, "the version of a subsection", 4, 1);
	if (!strcmp(name, "configuration/target-page-bits"))
		set_page_bits(qemu);
	else if (!strcmp(name, "configuration/capabilities"))
		walk_capabilities(qemu);
	else if (!strcmp(name, "configuration/uuid"))
		qemu_input_skip(input, 16);
	else
		qemu_input_refuse(input, EOPNOTSUPP, hint_save, "an unknown subsection '%s'",
				  name);
}

static void walk_configuration(struct qemu_file *qemu)
{
	qemu_input_skip(&qemu->input, qemu_input_number(&qemu->input, 4));
	while (qemu_input_peek(&qemu->input) == SECTION_SUBSECTION)
		walk_subsection(qemu);
}

static void walk_command(struct qemu_file *qemu)
{
	uint64_t command = qemu_input_number(&qemu->input, 2);

	switch (command) {
	case COMMAND_OPEN_RETURN_PATH:
	case COMMAND_PING:
	case COMMAND_SWITCHOVER_START:
		qemu_input_skip(&qemu->input, qemu_input_number(&qemu->input, 2));
		return;
	default:
		qemu_input_refuse(&qemu->input, EOPNOTSUPP, hint_postcopy,
				  "command %" PRIu64 ", which belongs to post-copy or COLO",
				  command);
	}
}

/* memory */

static void walk_ram_blocks(struct qemu_file *qemu, uint64_t total)
{
	struct qemu_input *input = &qemu->input;
	char name[QEMU_INPUT_NAME];
	uint64_t size;

	while (total && !input->error) {
		qemu_input_name(input, name);
		size = qemu_input_number(input, 8);
		if (size > total)
			qemu_input_refuse(input, EPROTO, hint_save,
					  "memory block '%s' is larger than all memory", name);
		if (qemu->ignore_shared)
			qemu_input_skip(input, 8);
		total -= size;
	}
}

/* How a page is sent: a few bytes, bytes that say how many follow, and those. */
static const struct page_layout {
	enum ram_flag flag;
	unsigned int head;
	unsigned int width;
} page_layouts[] = {
	{ RAM_ZERO, 1, 0 },
	{ RAM_PAGE, 0, 0 },
	{ RAM_XBZRLE, 1, 2 },
	{ RAM_COMPRESSED, 0, 4 },
};

static const struct page_layout *page_layout(unsigned int flag)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(page_layouts); i++)
		if (page_layouts[i].flag == flag)
			return &page_layouts[i];
	return NULL;
}

static void walk_ram_page(struct qemu_file *qemu, unsigned int flags)
{
	const struct page_layout *layout = page_layout(flags & ~RAM_CONTINUE);
	struct qemu_input *input = &qemu->input;
	char name[QEMU_INPUT_NAME];

	if (!layout) {
		qemu_input_refuse(input, EPROTO, hint_save, "unknown flags %#x of a page", flags);
		return;
	}
	if (!(flags & RAM_CONTINUE))
		qemu_input_name(input, name);
	qemu_input_skip(input, layout->head);
	qemu_input_skip(input, layout->width ? qemu_input_number(input, layout->width) :
			       layout->flag == RAM_PAGE ? qemu->page_size : 0);
}

static void walk_ram(struct qemu_file *qemu)
{
	struct qemu_input *input = &qemu->input;
	uint64_t word;
	unsigned int flags;

	while (!input->error) {
		word = qemu_input_number(input, 8);
		flags = word & (qemu->page_size - 1);
		switch (flags) {
		case RAM_EOS:
			return;
		case RAM_MEM_SIZE:
			walk_ram_blocks(qemu, word - flags);
			break;
		case RAM_MULTIFD_FLUSH:
			break;
		case RAM_HOOK:
			qemu_input_refuse(input, EOPNOTSUPP, "migrate to a file",
					  "memory was transferred by RDMA");
			break;
		default:
			walk_ram_page(qemu, flags);
		}
	}
}

/* sections */

static struct section *find_section(struct qemu_file *qemu, uint32_t id)
{
	unsigned int i;

	for (i = 0; i < qemu->nr_sections; i++)
		if (qemu->section[i].id == id)
			return &qemu->section[i];
	return NULL;
}

static bool is_vfio_name(const char *name)
{
	size_t length = strlen(name), suffix = strlen(SUFFIX);

	return !strcmp(name, BARE_NAME) ||
	       (length > suffix && !strcmp(name + length - suffix, SUFFIX));
}

static void walk_footer(struct qemu_file *qemu, uint32_t id)
{
	expect(&qemu->input, "the mark of a section's end", 1, SECTION_FOOTER);
	expect(&qemu->input, "the number of the section that ends", 4, id);
}

static void walk_body(struct qemu_file *qemu, struct section *section, enum section_type type)
{
	if (section->is_vfio) {
		qemu->inside = section;
		qemu->type = type;
		return;
	}
	walk_ram(qemu);
	section->ended = type == SECTION_END;
	walk_footer(qemu, section->id);
}

static struct section *add_section(struct qemu_file *qemu, uint32_t id, const char *name,
				   uint32_t instance)
{
	struct section *section = &qemu->section[qemu->nr_sections];

	if (find_section(qemu, id) || qemu->nr_sections == MAX_SECTIONS) {
		qemu_input_refuse(&qemu->input, EPROTO, NULL,
				  "section %" PRIu32 " (%s) starts twice, or is one too many", id,
				  name);
		return NULL;
	}
	section->id = id;
	section->is_vfio = is_vfio_name(name);
	snprintf(section->device.name, sizeof(section->device.name),
		 instance ? "%s#%" PRIu32 : "%s", name, instance);
	qemu->nr_sections++;
	return section;
}

static void walk_start(struct qemu_file *qemu)
{
	struct qemu_input *input = &qemu->input;
	uint32_t id = qemu_input_number(input, 4), instance, version, wanted;
	char name[QEMU_INPUT_NAME];
	struct section *section;

	qemu_input_name(input, name);
	instance = qemu_input_number(input, 4);
	version = qemu_input_number(input, 4);
	wanted = is_vfio_name(name) ? VFIO_VERSION : RAM_VERSION;
	if (!is_vfio_name(name) && strcmp(name, "ram"))
		qemu_input_refuse(input, EOPNOTSUPP, hint_for(name),
				  "section '%s' does not say how long it is", name);
	if (version != wanted)
		qemu_input_refuse(input, EOPNOTSUPP, hint_save,
				  "section '%s' has version %" PRIu32 ", not %" PRIu32, name,
				  version, wanted);
	if (input->error)
		return;
	section = add_section(qemu, id, name, instance);
	if (section && section->is_vfio && qemu->only)
		qemu_input_refuse(input, EPROTO, "--device NAME",
				  "another VFIO device, %s, comes after state of %s", name,
				  qemu->selected->name);
	if (!input->error)
		walk_body(qemu, section, SECTION_START);
}

static void walk_part(struct qemu_file *qemu, enum section_type type)
{
	uint32_t id = qemu_input_number(&qemu->input, 4);
	struct section *section = find_section(qemu, id);

	if (section && !section->ended)
		walk_body(qemu, section, type);
	else
		qemu_input_refuse(&qemu->input, EPROTO, NULL,
				  "a part of section %" PRIu32 ", which has %s", id,
				  section ? "ended" : "not started");
}

static bool all_ended(const struct qemu_file *qemu)
{
	unsigned int i;

	for (i = 0; i < qemu->nr_sections; i++)
		if (!qemu->section[i].ended)
			return false;
	return qemu->nr_sections;
}

/* When nothing is under way any more, neither is device state. */
static void walk_full(struct qemu_file *qemu)
{
	struct qemu_input *input = &qemu->input;
	char name[QEMU_INPUT_NAME];
	uint32_t id, instance;
	const char *why;
	uint64_t size;

	if (all_ended(qemu)) {
		qemu->done = true;
		return;
	}
	id = qemu_input_number(input, 4);
	qemu_input_name(input, name);
	instance = qemu_input_number(input, 4);
	qemu_input_skip(input, 4);
	if (input->error)
		return;
	why = qemu_vmdesc_size(input->file, name, instance, &size);
	if (why) {
		qemu_input_refuse(input, EOPNOTSUPP, "name the file, as it was written",
				  "section '%s' does not say how long it is: %s", name, why);
		return;
	}
	qemu_input_skip(input, size);
	walk_footer(qemu, id);
}

static void walk_end(struct qemu_file *qemu)
{
	if (qemu->nr_sections && !all_ended(qemu))
		qemu_input_refuse(&qemu->input, EPROTO, NULL,
				  "the end is marked while device state is under way");
	qemu->done = true;
}

static void walk_section(struct qemu_file *qemu)
{
	unsigned int type = qemu_input_number(&qemu->input, 1);

	if (qemu->input.error)
		return;
	switch (type) {
	case SECTION_EOF:
		return walk_end(qemu);
	case SECTION_START:
		return walk_start(qemu);
	case SECTION_PART:
	case SECTION_END:
		return walk_part(qemu, type);
	case SECTION_FULL:
		return walk_full(qemu);
	case SECTION_CONFIGURATION:
		return walk_configuration(qemu);
	case SECTION_COMMAND:
		return walk_command(qemu);
	}
	qemu_input_refuse(&qemu->input, EPROTO, hint_save, "unknown section type %#x", type);
}

/* VFIO devices */

static void leave_section(struct qemu_file *qemu)
{
	struct section *section = qemu->inside;

	section->ended = qemu->type == SECTION_END;
	section->device.ended = section->ended;
	qemu->inside = NULL;
	walk_footer(qemu, section->id);
}

static void begin_payload(struct qemu_file *qemu)
{
	struct qemu_device *device = &qemu->inside->device;
	uint64_t length = qemu_input_number(&qemu->input, 8);
	uint64_t *bytes = qemu->type == SECTION_END ? &device->stopped_bytes :
						      &device->precopy_bytes;

	if (__builtin_add_overflow(*bytes, length, bytes))
		qemu_input_refuse(&qemu->input, EPROTO, NULL,
				  "%s has more than 2^64 bytes of state", device->name);
	qemu->payload = length;
}

static void walk_tag(struct qemu_file *qemu)
{
	uint64_t tag = qemu_input_number(&qemu->input, 8);

	if (qemu->input.error)
		return;
	switch (tag) {
	case VFIO_DATA_STATE:
		return begin_payload(qemu);
	case VFIO_SETUP_STATE:
		expect(&qemu->input, "what follows a device's setup", 8, VFIO_END_OF_STATE);
		return leave_section(qemu);
	case VFIO_END_OF_STATE:
	case VFIO_INIT_DATA_SENT:	/* in place of the other */
		return leave_section(qemu);
	case VFIO_LOAD_READY:
		qemu_input_refuse(&qemu->input, EOPNOTSUPP, hint_multifd,
				  "the state of %s was sent over multifd channels",
				  qemu->inside->device.name);
		return;
	case VFIO_CONFIG_STATE:
		qemu_input_refuse(&qemu->input, EOPNOTSUPP, "migrate with QEMU 6.0 or newer",
				  "configuration amid the state of %s, as old QEMUs write it",
				  qemu->inside->device.name);
		return;
	}
	qemu_input_refuse(&qemu->input, EPROTO, NULL, "unknown tag %#" PRIx64 " in the state of %s",
			  tag, qemu->inside->device.name);
}

/* the walk */

/* Go on to the next bytes of device state: false when there are none. */
static bool advance(struct qemu_file *qemu)
{
	while (!qemu->payload && !qemu->done && !qemu->input.error) {
		if (qemu->inside)
			walk_tag(qemu);
		else
			walk_section(qemu);
	}
	if (qemu->done)
		qemu_input_drain(&qemu->input);
	return qemu->payload && !qemu->input.error;
}

static void keep_head(struct qemu_device *device, const uint8_t *bytes, size_t length)
{
	size_t room = sizeof(device->head) - device->head_length;

	if (length > room)
		length = room;
	memcpy(device->head + device->head_length, bytes, length);
	device->head_length += length;
}

/* Bytes of device state: into @data, or nowhere when that is NULL. Returns how many, at least 1. */
static size_t consume(struct qemu_file *qemu, void *data, uint64_t most)
{
	uint64_t wanted = most < qemu->payload ? most : qemu->payload;
	const uint8_t *piece;
	size_t length;

	piece = qemu_input_piece(&qemu->input, wanted, &length);
	if (!piece)
		return 0;
	keep_head(&qemu->inside->device, piece, length);
	if (data)
		memcpy(data, piece, length);
	qemu->payload -= length;
	return length;
}

struct qemu_file *qemu_file_open(struct file *file, const void *head, size_t length)
{
	struct qemu_file *qemu = calloc(1, sizeof(*qemu));
	char magic[QEMU_FILE_MAGIC_SIZE];
	unsigned int i;

	if (!qemu)
		abort();
	qemu->page_size = 1U << PAGE_BITS;
	qemu_input_init(&qemu->input, file, head, length);
	for (i = 0; i < sizeof(magic); i++)
		magic[i] = qemu_input_number(&qemu->input, 1);
	if (memcmp(magic, QEMU_FILE_MAGIC, sizeof(magic)))
		qemu_input_refuse(&qemu->input, EILSEQ, "name a file that QEMU migrated to",
				  "it does not begin with " QEMU_FILE_MAGIC);
	expect(&qemu->input, "the version of the file", 4, VERSION);
	return qemu;
}

void qemu_file_close(struct qemu_file *qemu)
{
	free(qemu);
}

const struct qemu_device *qemu_file_device(const struct qemu_file *qemu, unsigned int index)
{
	unsigned int i;

	for (i = 0; i < qemu->nr_sections; i++)
		if (qemu->section[i].is_vfio && !index--)
			return &qemu->section[i].device;
	return NULL;
}

const struct qemu_device *qemu_file_selected(const struct qemu_file *qemu)
{
	return qemu->selected;
}

static struct section *find_called(struct qemu_file *qemu, const char *name, const char *suffix)
{
	size_t length = strlen(name);
	unsigned int i;

	for (i = 0; i < qemu->nr_sections; i++)
		if (qemu->section[i].is_vfio &&
		    !strncmp(qemu->section[i].device.name, name, length) &&
		    !strcmp(qemu->section[i].device.name + length, suffix))
			return &qemu->section[i];
	return NULL;
}

static struct section *find_device(struct qemu_file *qemu, const char *name)
{
	struct section *section = find_called(qemu, name, "");

	return section ? section : find_called(qemu, name, SUFFIX);
}

static struct section *find_only(struct qemu_file *qemu)
{
	const struct qemu_device *device = qemu_file_device(qemu, 0);

	return device && !qemu_file_device(qemu, 1) ? find_device(qemu, device->name) : NULL;
}

static int fail_select(const struct qemu_file *qemu, const char *name)
{
	struct fault fault = { .where = qemu->input.file->name };
	const struct qemu_device *device;
	char list[1024] = "";
	size_t length = 0;
	unsigned int i;

	for (i = 0; (device = qemu_file_device(qemu, i)) && length < sizeof(list); i++)
		length += snprintf(list + length, sizeof(list) - length, "%s%s", i ? ", " : "",
				   device->name);
	if (!i) {
		fault.status = STATUS_FAILED;
		fault.hint = "migrate a guest that has a VFIO device";
		return fail(&fault, "it has no state of any VFIO device");
	}
	fault.status = STATUS_USAGE;
	fault.reason = list;
	fault.hint = "--device NAME, one of these";
	if (!name)
		return fail(&fault, "it has the state of several devices");
	return fail(&fault, "it has no state of a device '%s'", name);
}

int qemu_file_select(struct qemu_file *qemu, const char *name)
{
	struct section *section;
	bool more;

	/* With QEMU, each device starts before the first has anything to say. */
	do {
		more = advance(qemu);
		section = name ? find_device(qemu, name) : find_only(qemu);
		if (more && name && !section)
			consume(qemu, NULL, qemu->payload);
	} while (more && name && !section);
	if (qemu->input.error)
		return qemu_file_fail(qemu);
	if (!section)
		return fail_select(qemu, name);
	qemu->selected = &section->device;
	qemu->only = !name;
	return STATUS_DONE;
}

static void check_complete(struct qemu_file *qemu, const struct qemu_device *device)
{
	if (qemu->done && !qemu_device_complete(device))
		qemu_input_refuse(&qemu->input, ENODATA, hint_multifd,
				  "what %s sent after the guest stopped is not in the file",
				  device->name);
}

ssize_t qemu_file_read(struct qemu_file *qemu, void *data, size_t size)
{
	size_t done = 0;

	while (done < size && advance(qemu)) {
		if (&qemu->inside->device == qemu->selected)
			done += consume(qemu, (char *)data + done, size - done);
		else
			consume(qemu, NULL, qemu->payload);
	}
	if (done == size)
		return done;
	check_complete(qemu, qemu->selected);
	if (!qemu->input.error)
		return done;
	errno = qemu->input.error;
	return -1;
}

ssize_t qemu_file_next(struct qemu_file *qemu, void *data, size_t size,
		       const struct qemu_device **device)
{
	const struct qemu_device *any;
	size_t length = 0;
	unsigned int i;

	if (advance(qemu)) {
		*device = &qemu->inside->device;
		length = consume(qemu, data, size);
	}
	for (i = 0; !length && (any = qemu_file_device(qemu, i)); i++)
		check_complete(qemu, any);
	if (!qemu->input.error)
		return length;
	errno = qemu->input.error;
	return -1;
}

int qemu_file_walk(struct qemu_file *qemu)
{
	while (advance(qemu))
		consume(qemu, NULL, qemu->payload);
	return qemu->input.error ? qemu_file_fail(qemu) : STATUS_DONE;
}

int qemu_file_fail(const struct qemu_file *qemu)
{
	const struct qemu_input *input = &qemu->input;

	return fail(&(struct fault){
			.status = input->error == EOPNOTSUPP ? STATUS_UNSUPPORTED : STATUS_FAILED,
			.error = input->error,
			.where = input->file->name,
			.reason = input->why,
			.hint = input->hint,
		    }, "the migration file cannot be read past byte %" PRIu64, input->error_offset);
}
