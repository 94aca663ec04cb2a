// SPDX-License-Identifier: GPL-2.0
/*
 * seeds DIRECTORY [STREAM...]: inputs for the fuzz targets to begin with, in a
 * directory for each of them; from what devices wrote, and made up.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <linux/array_size.h>
#include "../../driver/identity.h"
#include "../../driver/irq_state.h"
#include "../../driver/pci_config.h"
#include "../../driver/state_schema.h"
#include "../../driver/state_stream.h"
#include "../unit/nvme_host.h"
#include "../unit/stream_image.h"
#include "fuzz.h"
#include "nvme_state.h"

static const char *directory;

static void write_seed(const char *target, const char *name, const void *head, size_t head_length,
		       const void *bytes, size_t length)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, target);
	MUST(!mkdir(path, 0777) || errno == EEXIST);
	snprintf(path, sizeof(path), "%s/%s/%s", directory, target, name);
	file = fopen(path, "w");
	MUST(file);
	fwrite(head, 1, head_length, file);
	fwrite(bytes, 1, length, file);
	MUST(!fclose(file));
}

static void write_bytes(const char *name, const u8 *bytes, size_t length)
{
	static const u8 as_is[] = { 0, 6 }, sealed[] = { 1, 255 };
	char other[64];

	write_seed("state_stream_fuzz", name, sealed, 2, bytes, length);
	write_seed("nvme_load_fuzz", name, sealed, 1, bytes, length);
	snprintf(other, sizeof(other), "%s-as-is", name);
	write_seed("state_stream_fuzz", other, as_is, 2, bytes, length);
}

static void write_stream(const char *name, const struct image *image)
{
	write_bytes(name, image->bytes, image->length);
}

/* The schema is the second record. */
static void write_schema_of(const char *name, const u8 *bytes, size_t length)
{
	const struct mdevsim_stream_header *header = (void *)bytes;
	const struct mdevsim_record_header *record;
	u64 at = le32_to_cpu(header->header_size), size;
	unsigned int i;

	for (i = 0; i < 2 && at + sizeof(*record) < length; i++) {
		record = (void *)bytes + at;
		size = le64_to_cpu(record->length);
		at += mdevsim_state_stream_size(size);
		if (le16_to_cpu(record->type) == MDEVSIM_RECORD_SCHEMA && at < length)
			write_seed("schema_fuzz", name, "\0", 1, record + 1, size);
	}
}

static void write_file(const char *path)
{
	static u8 bytes[65536 - 2];
	const char *name = strrchr(path, '/');
	FILE *file = fopen(path, "r");
	size_t length;

	MUST(file);
	length = fread(bytes, 1, sizeof(bytes), file);
	MUST(!ferror(file) && length > sizeof(struct mdevsim_stream_header));
	name = name ? name + 1 : path;
	if (feof(file))
		write_bytes(name, bytes, length);
	else
		printf("%s is too long for the corpus\n", path);
	write_schema_of(name, bytes, length);
	fclose(file);
}

static void write_schema(void)
{
	static u8 body[MDEVSIM_MAX_SCHEMA];

	write_seed("schema_fuzz", "own", "\0", 1, body, mdevsim_state_schema_encode(body));
}

/* A stream with the state of a controller in use. */
static void image_save(struct image *image, struct host *host)
{
	const struct mdevsim_state_ops *ops = host->fn->ops->state;
	struct mdevsim_state_pci_config config_state;
	struct mdevsim_state_identity id = {};
	struct mdevsim_pci_config config;
	static u8 body[MDEVSIM_MAX_SCHEMA];
	unsigned int i;

	image_begin(image);
	mdevsim_identity_fill(&id, &host->fn->ops->limits);
	host->fn->ops->identity(host->fn, &id);
	image_add(image, MDEVSIM_RECORD_IDENTITY, &id, sizeof(id));
	image_add(image, MDEVSIM_RECORD_SCHEMA, body, mdevsim_state_schema_encode(body));
	mdevsim_pci_config_reset(&config);
	mdevsim_pci_config_save(&config, &config_state);
	image_add(image, MDEVSIM_RECORD_PCI_CONFIG, &config_state, sizeof(config_state));
	memset(body, 0, MDEVSIM_IRQ_STATE_LENGTH);
	image_add(image, MDEVSIM_RECORD_IRQ, body, MDEVSIM_IRQ_STATE_LENGTH);
	host->fn->ops->quiesce(host->fn);
	for (i = 0; i < host->fn->ops->nr_state; i++)
		image_add(image, ops[i].type, body, ops[i].save(host->fn, body));
	host->fn->ops->resume(host->fn);
	image_add_end(image);
}

static void write_streams(void)
{
	static struct image image;
	struct host *host = host_create();
	u64 page = host_pages(host, 1);

	image_begin(&image);
	write_stream("header", &image);
	image_fill(&image);
	write_stream("every-record", &image);
	image_save(&image, host);
	write_stream("reset", &image);
	host_enable(host, 16);
	image_save(&image, host);
	write_stream("enabled", &image);
	host_create_queue(host, 1, 8);
	host_create_queue(host, 5, 64);
	host_do(host, 0, host_set_feature(NVME_FEAT_TEMP_THRESH, 0x111));
	host_do(host, 0, host_identify(0xfe, 0, page));
	host_push(host, 0, host_simple(nvme_admin_async_event));
	host_ring(host, 0);
	host_run();
	image_save(&image, host);
	write_stream("in-use", &image);
	host_destroy(host);
}

/* Steps of nvme_fuzz: submit, work, take the completion. */
static void write_command(const char *name, u8 qid, struct nvme_command cmd)
{
	u8 head[] = { 0, qid, 7 }, tail[64 + 10] = {};

	memcpy(tail, &cmd, 64);
	memcpy(tail + 64, (u8[]){ 1, 0, 2, qid, 7, 1, 0, 6, qid, 8 }, 10);
	write_seed("nvme_fuzz", name, head, sizeof(head), tail, sizeof(tail));
}

static void write_commands(void)
{
	char name[32];
	unsigned int opcode;

	for (opcode = 0; opcode <= nvme_admin_async_event; opcode++) {
		snprintf(name, sizeof(name), "admin-%02x", opcode);
		write_command(name, 0, host_simple(opcode));
	}
	for (opcode = 0; opcode <= nvme_cmd_verify; opcode++) {
		snprintf(name, sizeof(name), "io-%02x", opcode);
		write_command(name, 1, host_rw(opcode, 8, 9, 0x200, 0x1000));
	}
	write_command("identify", 0, host_identify(1, 0, 0));
	write_command("log", 0, host_log(2, 512, 0, 0));
	write_command("get-feature", 0, host_get_feature(7, 0));
	write_command("set-feature", 0, host_set_feature(11, 0x100));
	write_command("create-cq", 0, host_create_cq(3, 8, 0, 3));
	write_command("create-sq", 0, host_create_sq(3, 8, 0, 1));
	write_command("delete-sq", 0, host_delete(nvme_admin_delete_sq, 1));
}

int main(int argc, char **argv)
{
	int i;

	MUST(argc >= 2);
	directory = argv[1];
	write_streams();
	write_schema();
	for (i = 2; i < argc; i++)
		write_file(argv[i]);
	write_commands();
	return 0;
}
