// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "genl.h"
#include "must.h"

#define HEAD	(NLMSG_HDRLEN + GENL_HDRLEN)

static struct nlmsghdr *header_of(struct genl_message *message)
{
	return (struct nlmsghdr *)message->bytes;
}

static void begin(struct genl *genl, struct genl_message *message, uint16_t family,
		  uint8_t command, uint16_t flags)
{
	struct genlmsghdr *genl_header = (struct genlmsghdr *)(message->bytes + NLMSG_HDRLEN);

	memset(message->bytes, 0, HEAD);
	*header_of(message) = (struct nlmsghdr) {
		.nlmsg_type	= family,
		.nlmsg_flags	= NLM_F_REQUEST | flags,
		.nlmsg_seq	= ++genl->seq,
	};
	*genl_header = (struct genlmsghdr) {
		.cmd		= command,
		.version	= MDEVSIM_FAMILY_VERSION,
	};
	message->length = HEAD;
}

void genl_begin(struct genl *genl, struct genl_message *message, uint8_t command, uint16_t flags)
{
	begin(genl, message, genl->family, command, flags);
}

void genl_put(struct genl_message *message, uint16_t type, const void *data, size_t length)
{
	struct nlattr attr = { .nla_len = NLA_HDRLEN + length, .nla_type = type };

	must(message->length + NLA_HDRLEN + NLA_ALIGN(length) <= GENL_ROOM, "seen %zu",
	     message->length);
	memset(message->bytes + message->length, 0, NLA_HDRLEN + NLA_ALIGN(length));
	memcpy(message->bytes + message->length, &attr, sizeof(attr));
	memcpy(message->bytes + message->length + NLA_HDRLEN, data, length);
	message->length += NLA_HDRLEN + NLA_ALIGN(length);
}

void genl_put_u8(struct genl_message *message, uint16_t type, uint8_t value)
{
	genl_put(message, type, &value, sizeof(value));
}

void genl_put_u32(struct genl_message *message, uint16_t type, uint32_t value)
{
	genl_put(message, type, &value, sizeof(value));
}

void genl_put_u64(struct genl_message *message, uint16_t type, uint64_t value)
{
	genl_put(message, type, &value, sizeof(value));
}

void genl_put_string(struct genl_message *message, uint16_t type, const char *text)
{
	genl_put(message, type, text, strlen(text) + 1);
}

static const struct nlattr *find(const uint8_t *at, const uint8_t *end, uint16_t type)
{
	const struct nlattr *attr;

	for (; at + NLA_HDRLEN <= end; at += NLA_ALIGN(attr->nla_len)) {
		attr = (const struct nlattr *)at;
		if (attr->nla_len < NLA_HDRLEN || at + attr->nla_len > end)
			break;
		if ((attr->nla_type & NLA_TYPE_MASK) == type)
			return attr;
	}
	return NULL;
}

const struct nlattr *genl_attr(const struct genl *genl, uint16_t type)
{
	const uint8_t *bytes = genl->reply.bytes;

	return find(bytes + HEAD, bytes + genl->reply.length, type);
}

static void value_of(const struct nlattr *attr, void *value, size_t size)
{
	memset(value, 0, size);
	if (attr && attr->nla_len >= NLA_HDRLEN + size)
		memcpy(value, (const uint8_t *)attr + NLA_HDRLEN, size);
}

uint32_t genl_u32(const struct genl *genl, uint16_t type)
{
	uint32_t value;

	value_of(genl_attr(genl, type), &value, sizeof(value));
	return value;
}

uint64_t genl_u64(const struct genl *genl, uint16_t type)
{
	uint64_t value;

	value_of(genl_attr(genl, type), &value, sizeof(value));
	return value;
}

const char *genl_string(const struct genl *genl, uint16_t type)
{
	const struct nlattr *attr = genl_attr(genl, type);

	return attr ? (const char *)attr + NLA_HDRLEN : NULL;
}

/* The sentence behind an error */
static void take_reason(struct genl *genl, const struct nlmsghdr *header)
{
	const struct nlmsgerr *error = NLMSG_DATA(header);
	size_t skip = NLMSG_HDRLEN + sizeof(*error);
	const struct nlattr *attr;

	genl->reason[0] = '\0';
	if (!(header->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(header->nlmsg_flags & NLM_F_CAPPED))
		skip += NLMSG_ALIGN(error->msg.nlmsg_len) - sizeof(error->msg);
	attr = find((const uint8_t *)header + skip, (const uint8_t *)header + header->nlmsg_len,
		    NLMSGERR_ATTR_MSG);
	if (attr)
		snprintf(genl->reason, sizeof(genl->reason), "%s",
			 (const char *)attr + NLA_HDRLEN);
}

/* The next message that was received, NULL when another batch is needed */
static const struct nlmsghdr *next_message(struct genl *genl)
{
	const struct nlmsghdr *header;

	if (genl->at + NLMSG_HDRLEN > genl->batch.length)
		return NULL;
	header = (const struct nlmsghdr *)(genl->batch.bytes + genl->at);
	must(header->nlmsg_len >= NLMSG_HDRLEN &&
	     genl->at + header->nlmsg_len <= genl->batch.length, "seen %u", header->nlmsg_len);
	genl->at += NLMSG_ALIGN(header->nlmsg_len);
	return header;
}

static int receive(struct genl *genl)
{
	ssize_t got = recv(genl->fd, genl->batch.bytes, GENL_ROOM, 0);

	if (got < 0)
		return -errno;
	genl->batch.length = got;
	genl->at = 0;
	return 0;
}

static void keep(struct genl *genl, const struct nlmsghdr *header)
{
	memcpy(genl->reply.bytes, header, header->nlmsg_len);
	genl->reply.length = header->nlmsg_len;
}

static int end_of(struct genl *genl, const struct nlmsghdr *header)
{
	const struct nlmsgerr *error = NLMSG_DATA(header);

	take_reason(genl, header);
	return error->error;
}

/* A dump that fails ends with an error all the same, and its sentence. */
static int end_of_dump(struct genl *genl, const struct nlmsghdr *header)
{
	const uint8_t *at = (const uint8_t *)NLMSG_DATA(header) + sizeof(int);
	const struct nlattr *attr;
	int error;

	attr = find(at, (const uint8_t *)header + header->nlmsg_len, NLMSGERR_ATTR_MSG);
	snprintf(genl->reason, sizeof(genl->reason), "%s",
		 attr ? (const char *)attr + NLA_HDRLEN : "");
	must(header->nlmsg_len >= NLMSG_LENGTH(sizeof(error)), "seen %u", header->nlmsg_len);
	memcpy(&error, NLMSG_DATA(header), sizeof(error));
	return error < 0 ? error : 0;
}

int genl_dump(struct genl *genl, struct genl_message *message,
	      void (*visit)(struct genl *genl, void *context), void *context)
{
	const struct nlmsghdr *header;
	int nr = 0, error;

	header_of(message)->nlmsg_len = message->length;
	must(send(genl->fd, message->bytes, message->length, 0) == (ssize_t)message->length,
	     "seen errno %d", errno);
	for (;;) {
		while (!(header = next_message(genl))) {
			error = receive(genl);
			must(!error, "an answer, seen %d", error);
		}
		if (header->nlmsg_seq != genl->seq)
			continue;
		if (header->nlmsg_type == NLMSG_ERROR)
			return end_of(genl, header) ?: nr;
		if (header->nlmsg_type == NLMSG_DONE)
			return end_of_dump(genl, header) ?: nr;
		keep(genl, header);
		nr++;
		if (visit)
			visit(genl, context);
	}
}

int genl_do(struct genl *genl, struct genl_message *message)
{
	int ret;

	header_of(message)->nlmsg_flags |= NLM_F_ACK;
	genl->reply.length = 0;
	ret = genl_dump(genl, message, NULL, NULL);
	return ret < 0 ? ret : 0;
}

/* The group's number is in a nest in a nest. */
static uint32_t group_of(const struct genl *genl)
{
	const struct nlattr *groups = genl_attr(genl, CTRL_ATTR_MCAST_GROUPS), *group;
	uint32_t id;

	must(groups, "the family has no groups");
	group = (const struct nlattr *)((const uint8_t *)groups + NLA_HDRLEN);
	value_of(find((const uint8_t *)group + NLA_HDRLEN, (const uint8_t *)group + group->nla_len,
		      CTRL_ATTR_MCAST_GRP_ID), &id, sizeof(id));
	return id;
}

static void resolve(struct genl *genl)
{
	struct genl_message *message = malloc(sizeof(*message));
	uint16_t family;
	int ret;

	begin(genl, message, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	genl_put_string(message, CTRL_ATTR_FAMILY_NAME, MDEVSIM_FAMILY_NAME);
	ret = genl_do(genl, message);
	must(!ret, "the family %s, seen %d", MDEVSIM_FAMILY_NAME, ret);
	value_of(genl_attr(genl, CTRL_ATTR_FAMILY_ID), &family, sizeof(family));
	genl->family = family;
	genl->group = group_of(genl);
	free(message);
}

struct genl *genl_open(void)
{
	struct genl *genl = calloc(1, sizeof(*genl));
	int one = 1;

	must(genl, "no memory");
	genl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	must(genl->fd >= 0, "seen errno %d", errno);
	must(!setsockopt(genl->fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one)),
	     "seen errno %d", errno);
	resolve(genl);
	return genl;
}

void genl_close(struct genl *genl)
{
	close(genl->fd);
	free(genl);
}

void genl_subscribe(struct genl *genl, int room)
{
	int most = 64 << 20;

	must(!setsockopt(genl->fd, SOL_SOCKET, SO_RCVBUFFORCE, room ? &room : &most, sizeof(room)),
	     "seen errno %d", errno);
	must(!setsockopt(genl->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &genl->group,
			 sizeof(genl->group)), "seen errno %d", errno);
}

int genl_event(struct genl *genl, int ms)
{
	struct pollfd ready = { .fd = genl->fd, .events = POLLIN };
	const struct nlmsghdr *header;
	int ret;

	while (!(header = next_message(genl))) {
		if (poll(&ready, 1, ms) <= 0)
			return 0;
		ret = receive(genl);
		if (ret)
			return ret;
	}
	must(header->nlmsg_type == genl->family, "an event, seen %u", header->nlmsg_type);
	keep(genl, header);
	return 1;
}

bool genl_event_of(struct genl *genl, const char *device, uint32_t kind)
{
	while (genl_event(genl, MUST_TIMEOUT_MS) == 1)
		if (!strcmp(genl_string(genl, MDEVSIM_A_EVENT_DEV), device) &&
		    genl_u32(genl, MDEVSIM_A_EVENT_KIND) == kind)
			return true;
	return false;
}

int genl_device(struct genl *genl, const char *device)
{
	struct genl_message *message = malloc(sizeof(*message));
	int ret;

	genl_begin(genl, message, MDEVSIM_CMD_DEV_GET, 0);
	genl_put_string(message, MDEVSIM_A_DEV_NAME, device);
	ret = genl_do(genl, message);
	free(message);
	return ret;
}

void genl_fault(struct genl *genl, struct genl_message *message, const char *device, uint32_t kind)
{
	genl_begin(genl, message, MDEVSIM_CMD_FAULT_ADD, 0);
	genl_put_string(message, MDEVSIM_A_FAULT_DEV, device);
	genl_put_u32(message, MDEVSIM_A_FAULT_KIND, kind);
}

uint32_t genl_fault_add(struct genl *genl, struct genl_message *message)
{
	int ret = genl_do(genl, message);

	must(!ret, "adding a fault, seen %d: %s", ret, genl->reason);
	return genl_u32(genl, MDEVSIM_A_FAULT_ID);
}

static int fault_request(struct genl *genl, const char *device, uint32_t id, uint8_t command)
{
	struct genl_message *message = malloc(sizeof(*message));
	int ret;

	genl_begin(genl, message, command, 0);
	genl_put_string(message, MDEVSIM_A_FAULT_DEV, device);
	if (id)
		genl_put_u32(message, MDEVSIM_A_FAULT_ID, id);
	else
		genl_put(message, MDEVSIM_A_FAULT_ALL, NULL, 0);
	ret = genl_do(genl, message);
	free(message);
	return ret;
}

int genl_fault_clear(struct genl *genl, const char *device, uint32_t id)
{
	return fault_request(genl, device, id, MDEVSIM_CMD_FAULT_DEL);
}

uint32_t genl_fault_hits(struct genl *genl, const char *device, uint32_t id)
{
	int ret = fault_request(genl, device, id, MDEVSIM_CMD_FAULT_GET);

	must(!ret, "fault %u, seen %d: %s", id, ret, genl->reason);
	return genl_u32(genl, MDEVSIM_A_FAULT_HITS);
}
