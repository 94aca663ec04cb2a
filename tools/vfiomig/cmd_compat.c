// SPDX-License-Identifier: GPL-2.0
/*
 * compat: whether one device could take over the state of another. The rules
 * are the driver's own; only what they are applied to comes from elsewhere.
 */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "command.h"
#include "description.h"
#include "file.h"
#include "model.h"
#include "out.h"
#include "qemu_file.h"

/**
 * struct source - whose state is to be taken over: what its stream says, or would say
 * @header: of the stream
 * @id: identity
 * @has_id: there is one; not in a stream of a version that cannot be read here
 * @error: negative errno: what comes behind header and identity is refused, or 0
 * @why: reason for that
 */
struct source {
	struct mdevsim_stream_header header;
	struct mdevsim_state_identity id;
	bool has_id;
	int error;
	struct mdevsim_reason why;
};

/**
 * struct destination - what is to take it over
 * @limits: what it is, and can become
 * @known: streams that it reads
 * @function: its name, when it is not @description's
 * @description: as published, when it is
 */
struct destination {
	struct mdevsim_identity_limits limits;
	struct mdevsim_state_known known;
	char function[sizeof_field(struct mdevsim_state_identity, function) + 1];
	struct description description;
};

/* ---- A saved stream ---------------------------------------------------- */

/**
 * struct walk - a stream being read, by the driver's reader
 * @file: where it comes from
 * @reader: checks framing
 * @source: what it says
 * @against: who is to take it over, or NULL
 * @model: loads it as that one would, or NULL when it is not known how that is
 * @refused: its identity is not one for @against
 * @scratch: for bodies that nobody looks at
 */
struct walk {
	struct file *file;
	struct mdevsim_state_reader reader;
	struct source *source;
	const struct destination *against;
	struct model *model;
	bool refused;
	u8 scratch[65536];
};

static int walk_begin(void *context, const struct mdevsim_record *record,
		      struct mdevsim_reason *why)
{
	(void)context;
	if (record->type != MDEVSIM_RECORD_IDENTITY ||
	    record->length == sizeof(struct mdevsim_state_identity))
		return 0;
	return mdevsim_refuse(why, -EMSGSIZE, "a body of %llu bytes", record->length);
}

static void *walk_body(void *context, const struct mdevsim_record *record, u64 offset, u64 *length,
		       struct mdevsim_reason *why)
{
	struct walk *walk = context;

	(void)why;
	if (record->type == MDEVSIM_RECORD_IDENTITY)
		return (u8 *)&walk->source->id + offset;
	*length = *length < sizeof(walk->scratch) ? *length : sizeof(walk->scratch);
	return walk->scratch;
}

/* A stream may hold several, and each is one that the device has to take over. */
static int walk_end(void *context, const struct mdevsim_record *record, struct mdevsim_reason *why)
{
	struct walk *walk = context;
	struct mdevsim_reason reason = {};

	(void)why;
	if (record->type != MDEVSIM_RECORD_IDENTITY)
		return 0;
	walk->source->has_id = true;
	if (walk->against)
		walk->refused = mdevsim_identity_check(&walk->source->id, &walk->against->limits,
						       &reason);
	return 0;
}

static const struct mdevsim_state_sink walk_sink = {
	.begin = walk_begin,
	.body = walk_body,
	.end = walk_end,
};

static int walk_have(struct walk *walk, const void *place, size_t length)
{
	if (walk->model)
		model_write(walk->model, place, length);
	return mdevsim_state_reader_have(&walk->reader, length);
}

/* Negative at the end, or where the stream is broken; then the reader says which. */
static int walk_piece(struct walk *walk)
{
	u64 length;
	ssize_t got;
	void *place;

	place = mdevsim_state_reader_want(&walk->reader, &length);
	if (IS_ERR(place))
		return PTR_ERR(place);
	got = file_read(walk->file, place, length < SIZE_MAX ? length : SIZE_MAX);
	if (got < 0)
		return mdevsim_state_reader_fail(&walk->reader, -errno, "the file cannot be read");
	if (!got)
		return mdevsim_state_reader_finish(&walk->reader) ?: -ENOMSG;
	return walk_have(walk, place, got);
}

static bool header_refused(const struct walk *walk)
{
	struct mdevsim_reason why = {};

	if (!walk->against || walk->reader.offset < sizeof(walk->reader.header))
		return false;
	return mdevsim_state_stream_version(&walk->reader.header, &walk->against->known, &why) ||
	       mdevsim_state_stream_features(&walk->reader.header, &walk->against->known, &why);
}

static int fail_stream(const struct walk *walk)
{
	const struct mdevsim_state_reader *reader = &walk->reader;
	int error = -reader->error;

	return fail(&(struct fault){
			.status = error == EOPNOTSUPP ? STATUS_UNSUPPORTED : STATUS_FAILED,
			.error = error,
			.where = walk->file->name,
			.reason = reader->why.text,
			.hint = error == ENODATA ? "save it again, the file is incomplete" : NULL,
		    }, error == EOPNOTSUPP ? "the stream is not one that can be read here" :
		    "the stream is broken at byte %llu", reader->offset);
}

static struct model *model_of(const struct destination *destination)
{
	struct model *model = destination ? model_create() : NULL;

	if (!model || model_stands_for(model, &destination->limits, &destination->known))
		return model;
	model_destroy(model);
	return NULL;
}

static bool model_refuses(const struct walk *walk)
{
	return walk->model && model_reader(walk->model)->error;
}

/*
 * What is broken is nobody's to take over, and no answer; what is too new is one for those
 * who know no more than the model.
 */
static int conclude(struct walk *walk)
{
	int error = walk->reader.error;

	walk->source->header = walk->reader.header;
	if (walk->refused || header_refused(walk))
		return STATUS_DONE;
	if (error && (error != -EOPNOTSUPP || !walk->model))
		return fail_stream(walk);
	if (walk->model) {
		walk->source->error = model_finish(walk->model);
		walk->source->why = model_reader(walk->model)->why;
	}
	return STATUS_DONE;
}

/*
 * The whole stream is read, as a later identity counts too and a broken stream is no
 * state to take over; but no further than @against would.
 */
static int read_stream(struct file *file, const void *begin, size_t size, struct source *source,
		       const struct destination *against)
{
	struct walk *walk = calloc(1, sizeof(*walk));
	u64 room;
	int status;

	if (!walk)
		abort();
	*walk = (struct walk){ .file = file, .source = source, .against = against };
	walk->model = model_of(against);
	mdevsim_state_reader_init(&walk->reader, &walk_sink, walk);
	memcpy(mdevsim_state_reader_want(&walk->reader, &room), begin, size);
	walk_have(walk, begin, size);
	while (!walk->refused && !model_refuses(walk) && !walk_piece(walk))
		;
	status = conclude(walk);
	if (walk->model)
		model_destroy(walk->model);
	free(walk);
	return status;
}

/* A device that could take over what wrote the stream, and no more than that. */
static void take_stream(const struct source *source, struct destination *destination)
{
	const struct mdevsim_state_identity *id = &source->id;

	memcpy(destination->function, id->function, sizeof(id->function));
	destination->limits = (struct mdevsim_identity_limits){
		.function = destination->function,
		.version_major = le16_to_cpu(id->version_major),
		.version_minor = le16_to_cpu(id->version_minor),
		.namespace_capacity = le64_to_cpu(id->namespace_size),
		.lba_shift = le16_to_cpu(id->lba_shift),
		.vectors = le16_to_cpu(id->vectors),
		.io_queues = le16_to_cpu(id->io_queues),
		.queue_entries = le16_to_cpu(id->queue_entries),
	};
	destination->known = (struct mdevsim_state_known){
		.major_min = le16_to_cpu(source->header.version_major),
		.major_max = le16_to_cpu(source->header.version_major),
		.minor_max = le16_to_cpu(source->header.version_minor),
		.features = le64_to_cpu(source->header.required),
	};
}

/* ---- What was named ---------------------------------------------------- */

/* What is there under that name, unless it is a device: FILE or TYPE is for the user to tell. */
static bool is_file(const char *argument)
{
	struct stat info;

	if (!strcmp(argument, "-"))
		return true;
	return !sysfs_is_device_name(argument) && !stat(argument, &info) && !S_ISDIR(info.st_mode);
}

static bool is_stream(const char *begin, size_t size)
{
	return size == MDEVSIM_STREAM_MAGIC_LEN && !memcmp(begin, MDEVSIM_STREAM_MAGIC, size);
}

/**
 * struct opened - a file, and what tells what is in it
 * @file: open
 * @begin: its first bytes
 * @size: number of them
 */
struct opened {
	struct file file;
	char begin[MDEVSIM_STREAM_MAGIC_LEN];
	size_t size;
};

static int fail_qemu(const struct file *file)
{
	return fail(&(struct fault){
			.status = STATUS_FAILED,
			.where = file->name,
			.hint = "vfiomig extract FILE | vfiomig compat - B",
		    }, "it is a migration file of QEMU, with a device's state somewhere in it");
}

static int open_file(const char *argument, struct opened *opened)
{
	ssize_t got;
	int status;

	status = file_open_input(&opened->file, argument);
	if (status)
		return status;
	got = file_read(&opened->file, opened->begin, sizeof(opened->begin));
	if (got < 0)
		return file_fail(&opened->file, "cannot read it");
	opened->size = got;
	if (got >= QEMU_FILE_MAGIC_SIZE &&
	    !memcmp(opened->begin, QEMU_FILE_MAGIC, QEMU_FILE_MAGIC_SIZE))
		return fail_qemu(&opened->file);
	return STATUS_DONE;
}

static void use_description(struct destination *destination)
{
	description_limits(&destination->description, &destination->limits);
	description_known(&destination->description, &destination->known);
}

static int destination_file(const char *argument, struct destination *destination)
{
	struct opened opened = { .file = FILE_CLOSED };
	struct source source = { 0 };
	int status;

	status = open_file(argument, &opened);
	if (!status && is_stream(opened.begin, opened.size)) {
		status = read_stream(&opened.file, opened.begin, opened.size, &source, NULL);
		take_stream(&source, destination);
	} else if (!status) {
		status = description_parse(&opened.file, opened.begin, opened.size,
					   &destination->description);
		use_description(destination);
	}
	file_close(&opened.file);
	return status;
}

static int find_destination(const struct arguments *arguments, const char *argument,
			    struct destination *destination)
{
	int status;

	if (is_file(argument))
		return destination_file(argument, destination);
	status = description_find(argument, arguments->value[OPTION_PARENT],
				  &destination->description);
	if (!status)
		use_description(destination);
	return status;
}

static void describe_source(const struct description *description, struct source *source)
{
	description_header(description, &source->header);
	description_identity(description, &source->id);
	source->has_id = true;
}

static int source_file(const char *argument, const struct destination *destination,
		       struct source *source)
{
	struct opened opened = { .file = FILE_CLOSED };
	struct description description;
	int status;

	status = open_file(argument, &opened);
	if (!status && is_stream(opened.begin, opened.size)) {
		status = read_stream(&opened.file, opened.begin, opened.size, source, destination);
	} else if (!status) {
		status = description_parse(&opened.file, opened.begin, opened.size, &description);
		if (!status)
			describe_source(&description, source);
	}
	file_close(&opened.file);
	return status;
}

static int find_source(const struct arguments *arguments, const char *argument,
		       const struct destination *destination, struct source *source)
{
	struct description description;
	int status;

	if (is_file(argument))
		return source_file(argument, destination, source);
	status = description_find(argument, arguments->value[OPTION_PARENT], &description);
	if (!status)
		describe_source(&description, source);
	return status;
}

/* ---- The answer -------------------------------------------------------- */

/* A reason why not, if there is one. */
static unsigned int print_reason(int ret, const struct mdevsim_reason *why)
{
	if (!ret)
		return 0;
	out_object(NULL);
	out_string("reason", why->text, "%sno%s: %s\n", out_paint(PAINT_BAD),
		   out_paint(PAINT_PLAIN), why->text);
	out_uint("errno", -ret, "");
	out_string("errno_name", strerrorname_np(-ret), "");
	out_close();
	return 1;
}

static unsigned int judge_header(const struct source *source,
				 const struct destination *destination)
{
	struct mdevsim_reason version = {}, features = {};
	int ret;

	ret = mdevsim_state_stream_version(&source->header, &destination->known, &version);
	if (ret)
		return print_reason(ret, &version);
	ret = mdevsim_state_stream_features(&source->header, &destination->known, &features);
	return print_reason(ret, &features);
}

static unsigned int judge_identity(const struct source *source,
				   const struct destination *destination)
{
	unsigned int rule, reasons = 0;
	int ret;

	for (rule = 0; ; rule++) {
		struct mdevsim_reason why = {};

		ret = mdevsim_identity_rule(rule, &source->id, &destination->limits, &why);
		if (ret == -ENOENT)
			return reasons;
		reasons += print_reason(ret, &why);
	}
}

static void note_newer(const struct source *source, const struct destination *destination)
{
	u16 major = le16_to_cpu(source->header.version_major);
	u16 minor = le16_to_cpu(source->header.version_minor);

	if (major == destination->known.major_max && minor > destination->known.minor_max)
		out_note("stream version %u.%u there, up to %u.%u here: what is new is skipped",
			 major, minor, destination->known.major_max,
			 destination->known.minor_max);
}

static int judge(const struct source *source, const struct destination *destination)
{
	unsigned int reasons;

	out_array("reasons");
	reasons = judge_header(source, destination);
	if (source->has_id)
		reasons += judge_identity(source, destination);
	if (!reasons)
		reasons = print_reason(source->error, &source->why);
	out_close();
	if (reasons)
		out_bool("compatible", false, "");
	else
		out_bool("compatible", true, "%syes%s\n", out_paint(PAINT_GOOD),
			 out_paint(PAINT_PLAIN));
	if (!reasons)
		note_newer(source, destination);
	return reasons ? STATUS_DIFFERS : STATUS_DONE;
}

int cmd_compat(const struct arguments *arguments)
{
	const char *a = arguments->word[0], *b = arguments->word[1];
	struct destination destination = { 0 };
	struct source source = { 0 };
	int status;

	if (!strcmp(a, "-") && !strcmp(b, "-"))
		return fail_usage("standard input cannot be both");
	status = find_destination(arguments, b, &destination);
	if (!status)
		status = find_source(arguments, a, &destination, &source);
	if (status)
		return status;
	out_string("source", a, "");
	out_string("destination", b, "");
	return judge(&source, &destination);
}
