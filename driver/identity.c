// SPDX-License-Identifier: GPL-2.0
#include <linux/array_size.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include "function.h"
#include "identity.h"

void mdevsim_identity_fill(struct mdevsim_state_identity *id,
			   const struct mdevsim_identity_limits *limits)
{
	memset(id, 0, sizeof(*id));
	strscpy(id->function, limits->function, sizeof(id->function));
	id->version_major = cpu_to_le16(limits->version_major);
	id->version_minor = cpu_to_le16(limits->version_minor);
	id->lba_shift = cpu_to_le16(limits->lba_shift);
	id->vectors = cpu_to_le16(limits->vectors);
	id->io_queues = cpu_to_le16(limits->io_queues);
	id->queue_entries = cpu_to_le16(limits->queue_entries);
}

/* A name of theirs may be anything; what cannot be printed is a question mark. */
static void printable(char *text, const u8 *name, size_t size)
{
	size_t i;

	for (i = 0; i < size && name[i]; i++)
		text[i] = name[i] > ' ' && name[i] < 0x7f ? name[i] : '?';
	text[i] = '\0';
}

#define RULE(name)							\
	static int name(const struct mdevsim_state_identity *theirs,	\
			const struct mdevsim_identity_limits *ours,	\
			struct mdevsim_reason *why)

/* A guest cannot be told another number than the one it knows. */
static int same_number(const char *what, u16 theirs, u16 ours, struct mdevsim_reason *why)
{
	if (theirs == ours)
		return 0;
	return mdevsim_refuse(why, -EXDEV, "%s: %u there, %u here", what, theirs, ours);
}

RULE(same_function)
{
	struct mdevsim_state_identity own;
	char name[sizeof(own.function) + 1];

	mdevsim_identity_fill(&own, ours);
	if (!memcmp(theirs->function, own.function, sizeof(own.function)))
		return 0;
	printable(name, theirs->function, sizeof(theirs->function));
	return mdevsim_refuse(why, -EXDEV, "function: \"%s\" there, \"%s\" here", name,
			      ours->function);
}

RULE(known_version)
{
	u16 major = le16_to_cpu(theirs->version_major);
	u16 minor = le16_to_cpu(theirs->version_minor);

	if (major == ours->version_major && minor <= ours->version_minor)
		return 0;
	return mdevsim_refuse(why, -EXDEV, "version: %u.%u there, %u.%u here", major, minor,
			      ours->version_major, ours->version_minor);
}

RULE(reserved_is_zero)
{
	if (!theirs->reserved0 && !memchr_inv(theirs->reserved1, 0, sizeof(theirs->reserved1)))
		return 0;
	return mdevsim_refuse(why, -EINVAL, "a reserved field is not zero");
}

RULE(possible_namespace)
{
	u64 size = le64_to_cpu(theirs->namespace_size);

	if (size && size % MDEVSIM_EXTENT_ALIGN == 0)
		return 0;
	return mdevsim_refuse(why, -EINVAL, "namespace_size: %llu bytes, which is impossible",
			      size);
}

RULE(namespace_fits)
{
	u64 size = le64_to_cpu(theirs->namespace_size);

	if (size <= ours->namespace_capacity)
		return 0;
	return mdevsim_refuse(why, -EXDEV, "namespace_size: %llu bytes there, room for %llu here",
			      size, ours->namespace_capacity);
}

RULE(same_lba_shift)
{
	return same_number("lba_shift", le16_to_cpu(theirs->lba_shift), ours->lba_shift, why);
}

RULE(same_vectors)
{
	return same_number("vectors", le16_to_cpu(theirs->vectors), ours->vectors, why);
}

RULE(same_io_queues)
{
	return same_number("io_queues", le16_to_cpu(theirs->io_queues), ours->io_queues, why);
}

RULE(same_queue_entries)
{
	return same_number("queue_entries", le16_to_cpu(theirs->queue_entries),
			   ours->queue_entries, why);
}

/* What comes first is what a person wants to hear first. */
static int (*const rules[])(const struct mdevsim_state_identity *theirs,
			    const struct mdevsim_identity_limits *ours,
			    struct mdevsim_reason *why) = {
	same_function,
	known_version,
	reserved_is_zero,
	possible_namespace,
	namespace_fits,
	same_lba_shift,
	same_vectors,
	same_io_queues,
	same_queue_entries,
};

int mdevsim_identity_rule(unsigned int rule, const struct mdevsim_state_identity *theirs,
			  const struct mdevsim_identity_limits *ours, struct mdevsim_reason *why)
{
	return rule < ARRAY_SIZE(rules) ? rules[rule](theirs, ours, why) : -ENOENT;
}

int mdevsim_identity_check(const struct mdevsim_state_identity *theirs,
			   const struct mdevsim_identity_limits *ours, struct mdevsim_reason *why)
{
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(rules); i++) {
		ret = mdevsim_identity_rule(i, theirs, ours, why);
		if (ret)
			return ret;
	}
	return 0;
}
