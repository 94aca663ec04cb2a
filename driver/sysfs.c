// SPDX-License-Identifier: GPL-2.0
/*
 * What sysfs says of a device and, before there is one, of a type: what it is,
 * which streams it writes and reads, and what it can become. One plain value in
 * each file, so that management software can tell whether a migration would be
 * refused without moving a byte.
 */
#include <linux/kobject.h>
#include <linux/sysfs.h>
#include "mdevsim.h"
#include "records.h"
#include "state_stream.h"
#include "sysfs.h"

/**
 * struct description - what there is to say of a device or type
 * @limits: what it is, and can become
 * @namespace_size: bytes of namespace: of a type, what a new device has
 * @stream_minor: minor version of the streams it writes
 */
struct description {
	struct mdevsim_identity_limits limits;
	u64 namespace_size;
	u16 stream_minor;
};

static void describe_type(const struct mdevsim_type *type, struct description *what)
{
	mdevsim_records_limits(type, &what->limits);
	what->namespace_size = type->capacity;
	what->stream_minor = MDEVSIM_STREAM_MINOR;
}

/* What is given can be read whatever the device is doing; its size waits for an arc to end. */
static u64 namespace_size(struct mdevsim_device *device)
{
	struct mdevsim_state_identity id;

	guard(mutex)(&device->lifecycle);
	device->fn->ops->identity(device->fn, &id);
	return le64_to_cpu(id.namespace_size);
}

/* The one list of values: name of the file, format, what follows it. These are given. */
#define FIXED_VALUES(V)								\
	V(function, "%s\n", what.limits.function)				\
	V(version, "%u.%u\n", what.limits.version_major, what.limits.version_minor)	\
	V(stream_version_min, "%u.%u\n", mdevsim_state_stream_known.major_min,	\
	  mdevsim_state_stream_known.minor_min)					\
	V(stream_version_max, "%u.%u\n", mdevsim_state_stream_known.major_max,	\
	  mdevsim_state_stream_known.minor_max)					\
	V(features_required, "%#llx\n", (u64)MDEVSIM_STATE_REQUIRED)		\
	V(features_supported, "%#llx\n", mdevsim_state_stream_known.features)	\
	V(namespace_capacity, "%llu\n", what.limits.namespace_capacity)		\
	V(lba_shift, "%u\n", what.limits.lba_shift)				\
	V(vectors, "%u\n", what.limits.vectors)					\
	V(io_queues, "%u\n", what.limits.io_queues)				\
	V(queue_entries, "%u\n", what.limits.queue_entries)

/* These can be changed, but not of a type. */
#define WRITABLE_VALUES(V)							\
	V(stream_version, "%u.%u\n", MDEVSIM_STREAM_MAJOR, what.stream_minor)	\
	V(namespace_size, "%llu\n", what.namespace_size)

/* Declared first, so that what this makes ends in a function */
#define DEVICE_FIXED(name, ...)							\
static ssize_t name##_show(struct device *dev, struct device_attribute *attr, char *buf); \
static DEVICE_ATTR_RO(name);							\
static ssize_t name##_show(struct device *dev, struct device_attribute *attr, char *buf) \
{										\
	struct mdevsim_device *device = dev_get_drvdata(dev);			\
	struct description what;						\
										\
	describe_type(device->type, &what);					\
	return sysfs_emit(buf, __VA_ARGS__);					\
}

FIXED_VALUES(DEVICE_FIXED)

static const struct mdevsim_type *kobject_to_type(struct kobject *kobj)
{
	return mdev_to_mdevsim_type(container_of(kobj->parent, struct mdev_type, kobj));
}

#define TYPE_VALUE(name, ...)							\
static ssize_t type_##name##_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf); \
static struct kobj_attribute type_attr_##name = __ATTR(name, 0444, type_##name##_show, NULL); \
static ssize_t type_##name##_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf) \
{										\
	struct description what;						\
										\
	describe_type(kobject_to_type(kobj), &what);				\
	return sysfs_emit(buf, __VA_ARGS__);					\
}

FIXED_VALUES(TYPE_VALUE)
WRITABLE_VALUES(TYPE_VALUE)

static ssize_t namespace_size_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", namespace_size(dev_get_drvdata(dev)));
}

static ssize_t namespace_size_store(struct device *dev, struct device_attribute *attr,
				    const char *buf, size_t count)
{
	u64 size;
	int ret;

	ret = kstrtou64(buf, 0, &size);
	if (ret)
		return ret;
	ret = mdevsim_device_resize(dev_get_drvdata(dev), size);
	return ret ? ret : count;
}

static ssize_t stream_version_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct mdevsim_device *device = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%u.%u\n", MDEVSIM_STREAM_MAJOR,
			  READ_ONCE(device->migration.stream_minor));
}

static ssize_t stream_version_store(struct device *dev, struct device_attribute *attr,
				    const char *buf, size_t count)
{
	char text[sizeof("65535.65535")];
	unsigned int major, minor;
	int ret;

	if (sscanf(buf, "%5u.%5u", &major, &minor) != 2)
		return -EINVAL;
	/* Written in one way only, and with nothing behind it */
	snprintf(text, sizeof(text), "%u.%u", major, minor);
	if (!sysfs_streq(buf, text) || major > U16_MAX || minor > U16_MAX)
		return -EINVAL;
	ret = mdevsim_migration_write_version(dev_get_drvdata(dev), major, minor);
	return ret ? ret : count;
}

static ssize_t refusal_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct mdevsim_reason why;

	mdevsim_migration_refusal(dev_get_drvdata(dev), &why);
	return sysfs_emit(buf, "%s\n", why.text);
}

static DEVICE_ATTR_RO(refusal);
static DEVICE_ATTR_RW(namespace_size);
static DEVICE_ATTR_RW(stream_version);

/* What belongs to the device rather than to its migration */
static struct attribute *device_attrs[] = {
	&dev_attr_namespace_size.attr,
	NULL
};

static const struct attribute_group device_group = {
	.attrs	= device_attrs,
};

static struct attribute *migration_attrs[] = {
	&dev_attr_refusal.attr,
#define DEVICE_POINTER(name, ...)	&dev_attr_##name.attr,
	FIXED_VALUES(DEVICE_POINTER)
	WRITABLE_VALUES(DEVICE_POINTER)
	NULL
};

static const struct attribute_group migration_group = {
	.name	= "migration",
	.attrs	= migration_attrs,
};

const struct attribute_group *mdevsim_sysfs_device_groups[] = {
	&device_group,
	&migration_group,
	NULL
};

static struct attribute *type_attrs[] = {
#define TYPE_POINTER(name, ...)		&type_attr_##name.attr,
	FIXED_VALUES(TYPE_POINTER)
	WRITABLE_VALUES(TYPE_POINTER)
	NULL
};

static const struct attribute_group type_group = {
	.attrs	= type_attrs,
};

/*
 * The core's files in a type's directory are all there can be; a directory
 * within it is ours.
 */
struct kobject *mdevsim_sysfs_add_type(struct mdev_type *type)
{
	struct kobject *kobj = kobject_create_and_add("migration", &type->kobj);
	int ret;

	if (!kobj)
		return ERR_PTR(-ENOMEM);
	ret = sysfs_create_group(kobj, &type_group);
	if (!ret)
		return kobj;
	mdevsim_sysfs_remove_type(kobj);
	return ERR_PTR(ret);
}

/* On return nobody reads the files, whoever still holds the object. */
void mdevsim_sysfs_remove_type(struct kobject *kobj)
{
	kobject_del(kobj);
	kobject_put(kobj);
}
