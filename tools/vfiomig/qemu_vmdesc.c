// SPDX-License-Identifier: GPL-2.0
#include <json-c/json.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "qemu_vmdesc.h"

#define VMDESCRIPTION	0x06
#define HEAD		5		/* the byte above and a length */
#define MOST		(4 << 20)
#define DEPTH		64		/* structures within structures */

static bool read_tail(const struct file *file, uint64_t end, uint8_t *bytes, size_t length)
{
	size_t done = 0;
	ssize_t got;

	while (done < length) {
		got = pread(file->fd, bytes + done, length - done, end - length + done);
		if (got <= 0)
			return false;
		done += got;
	}
	return true;
}

static uint32_t length_at(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
}

/* The last byte of its kind before a text of that length; JSON has no such byte. */
static struct json_object *parse_tail(const uint8_t *bytes, size_t length)
{
	struct json_object *root = NULL;
	struct json_tokener *tokener;
	size_t at = length, text;

	do {
		if (!at--)
			return NULL;
		text = length - at;
	} while (bytes[at] != VMDESCRIPTION || text < HEAD ||
		 length_at(bytes + at + 1) != text - HEAD);
	tokener = json_tokener_new_ex(DEPTH);
	if (!tokener)
		abort();
	root = json_tokener_parse_ex(tokener, (const char *)bytes + at + HEAD, text - HEAD);
	json_tokener_free(tokener);
	return root;
}

static struct json_object *read_description(const struct file *file)
{
	uint64_t end = file_size(file);
	size_t length = end < MOST ? end : MOST;
	struct json_object *root = NULL;
	uint8_t *bytes = malloc(length);

	if (!bytes)
		abort();
	if (read_tail(file, end, bytes, length))
		root = parse_tail(bytes, length);
	free(bytes);
	return root;
}

static struct json_object *member(struct json_object *object, const char *key,
				  enum json_type type)
{
	struct json_object *value;

	if (!json_object_is_type(object, json_type_object) ||
	    !json_object_object_get_ex(object, key, &value) || !json_object_is_type(value, type))
		return NULL;
	return value;
}

static bool add_number(struct json_object *object, const char *key, uint64_t times,
		       uint64_t *size)
{
	struct json_object *value = member(object, key, json_type_int);
	uint64_t product;

	return value && json_object_get_int64(value) >= 0 &&
	       !__builtin_mul_overflow((uint64_t)json_object_get_int64(value), times, &product) &&
	       !__builtin_add_overflow(*size, product, size);
}

/* What is inside a structure counts in the structure's own size. */
static bool add_fields(struct json_object *object, uint64_t *size)
{
	struct json_object *fields = member(object, "fields", json_type_array), *field;
	uint64_t times;
	size_t i;

	if (!fields)
		return false;
	for (i = 0; i < json_object_array_length(fields); i++) {
		field = json_object_array_get_idx(fields, i);
		times = 0;
		if (!add_number(field, "array_len", 1, &times))
			times = 1;
		if (!add_number(field, "size", times, size))
			return false;
	}
	return true;
}

static bool add_object(struct json_object *object, uint64_t *size);

/* Each begins with a byte, its name with a length of one byte, and a version of four. */
static bool add_subsections(struct json_object *object, uint64_t *size)
{
	struct json_object *list = member(object, "subsections", json_type_array), *one, *name;
	size_t i;

	for (i = 0; list && i < json_object_array_length(list); i++) {
		one = json_object_array_get_idx(list, i);
		name = member(one, "vmsd_name", json_type_string);
		if (!name)
			return false;
		*size += 1 + 1 + json_object_get_string_len(name) + 4;
		if (!add_object(one, size))
			return false;
	}
	return true;
}

/* As deep as the JSON is, which DEPTH bounds. */
static bool add_object(struct json_object *object, uint64_t *size)
{
	return add_fields(object, size) && add_subsections(object, size);
}

static bool is_device(struct json_object *device, const char *name, uint32_t instance)
{
	struct json_object *its_name = member(device, "name", json_type_string);
	struct json_object *its_instance = member(device, "instance_id", json_type_int);

	return its_name && its_instance && !strcmp(json_object_get_string(its_name), name) &&
	       (uint32_t)json_object_get_int64(its_instance) == instance;
}

static const char *find_size(struct json_object *root, const char *name, uint32_t instance,
			     uint64_t *size)
{
	struct json_object *devices = member(root, "devices", json_type_array), *device;
	size_t i;

	if (!devices)
		return "the file has no description of devices at its end";
	for (i = 0; i < json_object_array_length(devices); i++) {
		device = json_object_array_get_idx(devices, i);
		if (!is_device(device, name, instance))
			continue;
		*size = 0;
		return add_object(device, size) ? NULL : "its description does not add up";
	}
	return "it is missing from the description of devices at the end of the file";
}

const char *qemu_vmdesc_size(const struct file *file, const char *name, uint32_t instance,
			     uint64_t *size)
{
	struct json_object *root;
	const char *why;

	if (!file_size(file))
		return "its length is at the end of the file, and this is not a regular file";
	root = read_description(file);
	why = find_size(root, name, instance, size);
	json_object_put(root);
	return why;
}
