// SPDX-License-Identifier: GPL-2.0
/*
 * verify: would a device take this state, and does the schema in it tell the
 * truth? The first is asked of the driver's own code, see model.h.
 */
#include <linux/kernel.h>
#include <linux/string.h>
#include <errno.h>
#include "command.h"
#include "model.h"
#include "out.h"
#include "stream.h"
#include "units.h"

/**
 * struct verify - a stream being judged
 * @stream: stream
 * @model: who loads it meanwhile
 * @problems: things that are wrong, but for what @model says
 * @error: errno of the first of them
 * @first: its sentence
 * @known: layouts in the schema that this program knows, too
 * @undescribed: records that the schema says nothing of
 */
struct verify {
	struct stream stream;
	struct model *model;
	u64 problems;
	int error;
	struct mdevsim_reason first;
	unsigned int known;
	u64 undescribed;
};

static void load(void *context, const void *bytes, size_t length)
{
	struct verify *verify = context;

	model_write(verify->model, bytes, length);
}

static void note_problem(struct verify *verify, int error, const struct mdevsim_reason *why)
{
	out_string(NULL, why->text, "%sBROKEN%s: %s\n", out_paint(PAINT_BAD),
		   out_paint(PAINT_PLAIN), why->text);
	if (verify->problems++)
		return;
	verify->error = -error;
	verify->first = *why;
}

static __printf(2, 3)
void note_schema(struct verify *verify, const char *fmt, ...)
{
	struct mdevsim_reason why;
	va_list args;

	va_start(args, fmt);
	vsnprintf(why.text, sizeof(why.text), fmt, args);
	va_end(args);
	note_problem(verify, -EINVAL, &why);
}

/* ---- The schema -------------------------------------------------------- */

static void compare_layout(struct verify *verify, const struct mdevsim_state_table *theirs,
			   const struct mdevsim_state_table *ours)
{
	const char *field = schema_compare(theirs, ours);

	verify->known++;
	if (field)
		note_schema(verify, "schema: %s version %u: field %s is not as it is known here",
			    ours->name, ours->version, field);
}

static void check_framing(struct verify *verify, const struct schema *builtin, const char *name)
{
	const struct mdevsim_state_table *theirs = schema_framing(&verify->stream.schema, name);

	if (theirs)
		compare_layout(verify, theirs, schema_framing(builtin, name));
	else
		note_schema(verify, "schema: it does not describe the %s", name);
}

/* A layout goes by its type and version: who knows both knows the layout. */
static void check_schema(struct verify *verify)
{
	const struct schema *schema = &verify->stream.schema;
	const struct mdevsim_state_table *ours;
	struct schema builtin;
	unsigned int i;

	if (!verify->stream.own_schema)
		return;
	schema_builtin(&builtin);
	check_framing(verify, &builtin, "stream-header");
	check_framing(verify, &builtin, "record-header");
	check_framing(verify, &builtin, "record-trailer");
	for (i = 0; i < schema->nr_tables; i++) {
		ours = schema_find(&builtin, schema->tables[i].type, schema->tables[i].version);
		if (ours)
			compare_layout(verify, &schema->tables[i], ours);
	}
	schema_free(&builtin);
}

static void check_described(struct verify *verify, struct stream_record *record)
{
	const struct mdevsim_state_table *table = stream_table(&verify->stream, record);
	u64 explained;

	if (!table) {
		verify->undescribed++;
		if (verify->stream.own_schema)
			stream_problem(&record->problems, -EINVAL,
				       "version %u: the schema does not describe it",
				       record->head.version);
		return;
	}
	if (record->held < table->size) {
		stream_problem(&record->problems, -EMSGSIZE, "%llu bytes where %u are described",
			       record->head.length, table->size);
		return;
	}
	explained = schema_explained(table, record->body, record->held);
	if (explained > record->held)
		stream_problem(&record->problems, -EINVAL, "counts more elements than it holds");
	else if (explained < record->head.length)
		stream_problem(&record->problems, -EINVAL, "%llu bytes that nothing describes",
			       record->head.length - explained);
}

/* ---- The stream -------------------------------------------------------- */

static void check_record(struct verify *verify, struct stream_record *record)
{
	struct mdevsim_reason why;
	unsigned int i;

	check_described(verify, record);
	for (i = 0; i < record->problems.nr; i++) {
		why = stream_why(&verify->stream, record, &record->problems.problem[i]);
		note_problem(verify, record->problems.problem[i].error, &why);
	}
}

static void check_stream(struct verify *verify)
{
	const struct stream_problems *problems = &verify->stream.problems;
	struct stream_record *record;
	unsigned int i;

	out_array("problems");
	for (i = 0; i < problems->nr; i++)
		note_problem(verify, problems->problem[i].error, &problems->problem[i].why);
	check_schema(verify);
	while ((record = stream_next(&verify->stream)))
		check_record(verify, record);
	if (verify->stream.error && !verify->stream.unread)
		note_problem(verify, verify->stream.error, &verify->stream.why);
	out_close();
}

static void print_stream(const struct verify *verify)
{
	const struct stream *stream = &verify->stream;
	const struct mdevsim_stream_header *header = &stream->header.known;

	out_object("stream");
	out_uint("version_major", le16_to_cpu(header->version_major), "%-10s version %u.",
		 "stream", le16_to_cpu(header->version_major));
	out_uint("version_minor", le16_to_cpu(header->version_minor), "%u",
		 le16_to_cpu(header->version_minor));
	out_uint("records", stream->records, ", %u records", stream->records);
	out_uint("bytes", stream->offset, ", %llu bytes\n", stream->offset);
	out_close();
}

static void print_schema(const struct verify *verify)
{
	const struct schema *schema = &verify->stream.schema;

	out_object("schema");
	out_bool("in_stream", verify->stream.own_schema, "%-10s %s", "schema",
		 verify->stream.own_schema ? "" : "none, this program's own: ");
	out_uint("tables", schema->nr_tables, "%u tables", schema->nr_tables);
	out_uint("fields", schema->nr_fields, ", %u fields", schema->nr_fields);
	out_uint("known_layouts", verify->known, verify->stream.own_schema ?
		 ", %u layouts compared with those known here" : "", verify->known);
	out_uint("undescribed_records", verify->undescribed, ", %llu records undescribed\n",
		 verify->undescribed);
	out_close();
}

static void print_loading(int error, const struct mdevsim_state_reader *reader)
{
	out_object("loading");
	out_bool("loads", !error, "%-10s %s%s%s", "device",
		 out_paint(error ? PAINT_BAD : PAINT_GOOD),
		 error ? "would refuse it" : "would load it", out_paint(PAINT_PLAIN));
	if (error) {
		out_string("errno_name", strerrorname_np(-error), " with %s",
			   strerrorname_np(-error));
		out_string("reason", reader->why.text, ": %s", reader->why.text);
	}
	out_close();
	out_text("\n");
}

/* ---- The verdict ------------------------------------------------------- */

/* Sound as far as this program can tell, but of a kind it does not know */
static bool is_foreign(int error)
{
	return error == -EOPNOTSUPP || error == -EXDEV;
}

static int fail_broken(const struct verify *verify, int error)
{
	const struct mdevsim_state_reader *reader = model_reader(verify->model);
	bool refused = error && !is_foreign(error);

	return fail(&(struct fault){
			.status = STATUS_FAILED,
			.error = refused ? -error : verify->error,
			.where = verify->stream.file.name,
			.reason = refused ? reader->why.text : verify->first.text,
			.hint = "vfiomig dump, which shows everything that can be read",
		    }, "the state is broken");
}

static int fail_foreign(const struct verify *verify, int error)
{
	return fail(&(struct fault){
			.status = STATUS_DIFFERS,
			.error = -error,
			.where = verify->stream.file.name,
			.reason = model_reader(verify->model)->why.text,
			.hint = "load it into a device of the driver that wrote it, or a newer one",
		    }, "the stream is sound, but no device known here takes it");
}

static int judge(struct verify *verify)
{
	int error = model_finish(verify->model);

	print_stream(verify);
	print_schema(verify);
	print_loading(error, model_reader(verify->model));
	if (verify->problems || (error && !is_foreign(error)))
		return fail_broken(verify, error);
	return error ? fail_foreign(verify, error) : STATUS_DONE;
}

static int verify_stream(struct verify *verify)
{
	verify->stream.tap = load;
	verify->stream.tap_context = verify;
	if (!stream_begin(&verify->stream))
		return stream_fail(&verify->stream);
	check_stream(verify);
	if (verify->stream.unread)
		return stream_fail(&verify->stream);
	return judge(verify);
}

int cmd_verify(const struct arguments *arguments)
{
	struct verify verify = { .model = model_create() };
	int status;

	status = stream_open(&verify.stream, arguments->word[0], arguments->value[OPTION_DEVICE]);
	if (!status)
		status = verify_stream(&verify);
	stream_close(&verify.stream);
	model_destroy(verify.model);
	return status;
}
