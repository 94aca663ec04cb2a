// SPDX-License-Identifier: GPL-2.0
/*
 * The rules that decide whether a device can become another one: what each of
 * them refuses, in which words, and which of them is heard first.
 */
#include <string.h>
#include <linux/array_size.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/stddef.h>
#include "../../driver/identity.h"
#include "../../driver/function.h"
#include "ktap.h"
#include "random.h"

static const struct mdevsim_identity_limits limits = {
	.function		= "nvme",
	.version_major		= 3,
	.version_minor		= 5,
	.namespace_capacity	= 1ULL << 30,
	.lba_shift		= 9,
	.vectors		= 64,
	.io_queues		= 63,
	.queue_entries		= 1024,
};

/* What these limits describe, with half the namespace that there is room for */
static struct mdevsim_state_identity sound(void)
{
	struct mdevsim_state_identity id;

	mdevsim_identity_fill(&id, &limits);
	id.namespace_size = cpu_to_le64(limits.namespace_capacity / 2);
	return id;
}

/**
 * struct wrong - a field, or two, that one rule refuses
 * @rule: the rule, from 0
 * @offset: of the field
 * @width: bytes of @value that are written there
 * @value: what is written there, in the stream's byte order
 * @err: what comes of it
 * @why: the whole sentence
 */
struct wrong {
	unsigned int rule;
	size_t offset;
	size_t width;
	const char *value;
	int err;
	const char *why;
};

#define AT(member, bytes)							\
	.offset = offsetof(struct mdevsim_state_identity, member),		\
	.width = sizeof(bytes) - 1, .value = (bytes)

/* A few for each rule; the first of each rule is what order_of_rules() uses. */
static const struct wrong wrongs[] = {
	{ 0, AT(function, "x"), -EXDEV, "function: \"xvme\" there, \"nvme\" here" },
	{ 0, AT(function, "\0"), -EXDEV, "function: \"\" there, \"nvme\" here" },
	{ 0, AT(function, "nvme2"), -EXDEV, "function: \"nvme2\" there, \"nvme\" here" },
	{ 0, AT(function[15], "x"), -EXDEV, "function: \"nvme\" there, \"nvme\" here" },
	{ 0, AT(function, "0123456789abcdef"), -EXDEV,
	  "function: \"0123456789abcdef\" there, \"nvme\" here" },
	{ 0, AT(function, "a\x01\n\x7f\x80\xff~ !"), -EXDEV,
	  "function: \"a?????~?!\" there, \"nvme\" here" },
	{ 1, AT(version_major, "\x04\x00"), -EXDEV, "version: 4.5 there, 3.5 here" },
	{ 1, AT(version_major, "\x02\x00"), -EXDEV, "version: 2.5 there, 3.5 here" },
	{ 1, AT(version_major, "\x03\x01"), -EXDEV, "version: 259.5 there, 3.5 here" },
	{ 1, AT(version_minor, "\x06\x00"), -EXDEV, "version: 3.6 there, 3.5 here" },
	{ 1, AT(version_minor, "\xff\xff"), -EXDEV, "version: 3.65535 there, 3.5 here" },
	{ 2, AT(reserved0, "\x01"), -EINVAL, "a reserved field is not zero" },
	{ 2, AT(reserved0, "\x00\x00\x00\x80"), -EINVAL, "a reserved field is not zero" },
	{ 2, AT(reserved1, "\x01"), -EINVAL, "a reserved field is not zero" },
	{ 2, AT(reserved1[3], "\x80"), -EINVAL, "a reserved field is not zero" },
	{ 3, AT(namespace_size, "\x00\x02\x00\x00\x00\x00\x00\x00"), -EINVAL,
	  "namespace_size: 512 bytes, which is impossible" },
	{ 3, AT(namespace_size, "\0\0\0\0\0\0\0\0"), -EINVAL,
	  "namespace_size: 0 bytes, which is impossible" },
	{ 4, AT(namespace_size, "\x00\x10\x00\x40\x00\x00\x00\x00"), -EXDEV,
	  "namespace_size: 1073745920 bytes there, room for 1073741824 here" },
	{ 4, AT(namespace_size, "\x00\xf0\xff\xff\xff\xff\xff\xff"), -EXDEV,
	  "namespace_size: 18446744073709547520 bytes there, room for 1073741824 here" },
	{ 5, AT(lba_shift, "\x0c\x00"), -EXDEV, "lba_shift: 12 there, 9 here" },
	{ 5, AT(lba_shift, "\x09\x01"), -EXDEV, "lba_shift: 265 there, 9 here" },
	{ 6, AT(vectors, "\x3f\x00"), -EXDEV, "vectors: 63 there, 64 here" },
	{ 6, AT(vectors, "\x41\x00"), -EXDEV, "vectors: 65 there, 64 here" },
	{ 7, AT(io_queues, "\x3e\x00"), -EXDEV, "io_queues: 62 there, 63 here" },
	{ 7, AT(io_queues, "\xff\xff"), -EXDEV, "io_queues: 65535 there, 63 here" },
	{ 8, AT(queue_entries, "\xff\x03"), -EXDEV, "queue_entries: 1023 there, 1024 here" },
	{ 8, AT(queue_entries, "\x00\x08"), -EXDEV, "queue_entries: 2048 there, 1024 here" },
};

#define RULES	9

static void spoil(struct mdevsim_state_identity *id, const struct wrong *wrong)
{
	memcpy((u8 *)id + wrong->offset, wrong->value, wrong->width);
}

static void each_rule_refuses_what_it_is_about(void)
{
	struct mdevsim_state_identity id;
	struct mdevsim_reason why;
	unsigned int i, rule;

	for (i = 0; i < ARRAY_SIZE(wrongs); i++) {
		id = sound();
		spoil(&id, &wrongs[i]);
		for (rule = 0; rule < RULES; rule++) {
			int expected = rule == wrongs[i].rule ? wrongs[i].err : 0;

			why.text[0] = '\0';
			EXPECT_MSG(mdevsim_identity_rule(rule, &id, &limits, &why) == expected,
				   "\"%s\": rule %u", wrongs[i].why, rule);
			EXPECT_MSG(!strcmp(why.text, expected ? wrongs[i].why : ""),
				   "rule %u: \"%s\", not \"%s\"", rule, why.text, wrongs[i].why);
		}
		why.text[0] = '\0';
		EXPECT_EQ(mdevsim_identity_check(&id, &limits, &why), wrongs[i].err);
		EXPECT_MSG(!strcmp(why.text, wrongs[i].why), "\"%s\", not \"%s\"", why.text,
			   wrongs[i].why);
	}
}

static void each_rule_is_tried(void)
{
	bool tried[RULES] = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(wrongs); i++)
		tried[wrongs[i].rule] = true;
	for (i = 0; i < RULES; i++)
		EXPECT_MSG(tried[i], "nothing here breaks rule %u", i);
}

static void there_are_no_other_rules(void)
{
	static const unsigned int rules[] = { RULES, RULES + 1, INT_MAX, UINT_MAX };
	struct mdevsim_state_identity id = sound();
	struct mdevsim_reason why = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rules); i++)
		EXPECT_EQ(mdevsim_identity_rule(rules[i], &id, &limits, &why), -ENOENT);
	EXPECT(!why.text[0]);
}

/* First of the cases that break a rule */
static const struct wrong *wrong_for(unsigned int rule)
{
	const struct wrong *wrong = wrongs;

	while (wrong->rule != rule)
		wrong++;
	return wrong;
}

/* Of all rules from some rule on that are broken, the first is the one that is heard. */
static void the_first_rule_is_heard_first(void)
{
	struct mdevsim_state_identity id;
	struct mdevsim_reason why;
	unsigned int first, rule;

	for (first = 0; first < RULES; first++) {
		id = sound();
		/* The rules about the size break one field: of both, the impossible one stays. */
		for (rule = RULES; rule-- > first;)
			spoil(&id, wrong_for(rule));
		why.text[0] = '\0';
		EXPECT_EQ(mdevsim_identity_check(&id, &limits, &why), wrong_for(first)->err);
		EXPECT_MSG(!strcmp(why.text, wrong_for(first)->why), "\"%s\", not \"%s\"",
			   why.text, wrong_for(first)->why);
	}
}

static void expect_accepted(const struct mdevsim_state_identity *id)
{
	struct mdevsim_reason why = {};

	EXPECT_EQ(mdevsim_identity_check(id, &limits, &why), 0);
	EXPECT_MSG(!why.text[0], "\"%s\"", why.text);
}

static void what_fits_is_accepted(void)
{
	struct mdevsim_state_identity id = sound();
	u16 minor;

	expect_accepted(&id);
	for (minor = 0; minor <= limits.version_minor; minor++) {
		id.version_minor = cpu_to_le16(minor);
		expect_accepted(&id);
	}
	id.namespace_size = cpu_to_le64(limits.namespace_capacity);
	expect_accepted(&id);
	id.namespace_size = cpu_to_le64(MDEVSIM_EXTENT_ALIGN);
	expect_accepted(&id);
}

/* Serial number and identifier are taken over, uuid and type are for information. */
static void names_may_be_anything(void)
{
	struct mdevsim_state_identity id = sound();
	u64 seed = 1;
	unsigned int round, i;

	for (round = 0; round < 100; round++) {
		for (i = 0; i < sizeof(id.serial); i++)
			id.serial[i] = random_next(&seed);
		for (i = 0; i < sizeof(id.nguid); i++)
			id.nguid[i] = random_next(&seed);
		for (i = 0; i < sizeof(id.uuid); i++)
			id.uuid[i] = random_next(&seed);
		for (i = 0; i < sizeof(id.mdev_type); i++)
			id.mdev_type[i] = random_next(&seed);
		expect_accepted(&id);
	}
}

/* Whatever the bytes of the name, a sentence can be printed on one line. */
static void sentences_are_printable(void)
{
	struct mdevsim_state_identity id;
	struct mdevsim_reason why;
	unsigned int value, i;
	const char *c;

	for (value = 0; value < 256; value++) {
		id = sound();
		for (i = 0; i < sizeof(id.function); i++)
			id.function[i] = value + i;
		why.text[0] = '\0';
		EXPECT_EQ(mdevsim_identity_check(&id, &limits, &why), -EXDEV);
		EXPECT(why.text[0] && !strchr(why.text, '\n'));
		for (c = why.text; *c; c++)
			EXPECT_MSG(*c >= ' ' && *c < 0x7f, "byte %#x in a sentence", *c & 0xff);
	}
}

static void fill_says_what_the_limits_say(void)
{
	struct mdevsim_state_identity id, expected = {};

	memcpy(expected.function, "nvme", 4);
	expected.version_major = cpu_to_le16(3);
	expected.version_minor = cpu_to_le16(5);
	expected.lba_shift = cpu_to_le16(9);
	expected.vectors = cpu_to_le16(64);
	expected.io_queues = cpu_to_le16(63);
	expected.queue_entries = cpu_to_le16(1024);
	memset(&id, 0xee, sizeof(id));
	mdevsim_identity_fill(&id, &limits);
	EXPECT(!memcmp(&id, &expected, sizeof(id)));
}

static const struct ktap_test tests[] = {
	KTAP_TEST(each_rule_refuses_what_it_is_about),
	KTAP_TEST(each_rule_is_tried),
	KTAP_TEST(there_are_no_other_rules),
	KTAP_TEST(the_first_rule_is_heard_first),
	KTAP_TEST(what_fits_is_accepted),
	KTAP_TEST(names_may_be_anything),
	KTAP_TEST(sentences_are_printable),
	KTAP_TEST(fill_says_what_the_limits_say),
};

int main(void)
{
	return ktap_run(tests, ARRAY_SIZE(tests));
}
