/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The generic netlink family of mdevsim, by the socket itself: no library stands
 * between a test and what the kernel says, or what a test wants to say to it.
 */
#ifndef LIB_GENL_H
#define LIB_GENL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/genetlink.h>
#include <linux/mdevsim.h>
#include <linux/netlink.h>

/** define GENL_ROOM - bytes of a message, at most */
#define GENL_ROOM	65536

/** struct genl_message - one message, as it is sent or was received */
struct genl_message {
	uint8_t bytes[GENL_ROOM] __attribute__((aligned(8)));
	size_t length;
};

/**
 * struct genl - a connection
 * @fd: the socket
 * @family: number of the family
 * @group: number of its multicast group
 * @seq: of the last request
 * @reason: what the kernel said of the last error, or empty
 * @reply: the last message of an answer, or the last event
 * @batch: what has been received and not been looked at yet
 * @at: how far it has
 */
struct genl {
	int fd;
	uint16_t family;
	uint32_t group;
	uint32_t seq;
	char reason[256];
	struct genl_message reply;
	struct genl_message batch;
	size_t at;
};

/** genl_open - connect; the test fails when that does not work */
struct genl *genl_open(void);
void genl_close(struct genl *genl);

/** genl_begin - begin a request */
void genl_begin(struct genl *genl, struct genl_message *message, uint8_t command, uint16_t flags);

/* Attributes; the test fails when there is no room. */
void genl_put(struct genl_message *message, uint16_t type, const void *data, size_t length);
void genl_put_u8(struct genl_message *message, uint16_t type, uint8_t value);
void genl_put_u32(struct genl_message *message, uint16_t type, uint32_t value);
void genl_put_u64(struct genl_message *message, uint16_t type, uint64_t value);
void genl_put_string(struct genl_message *message, uint16_t type, const char *text);

/** genl_do - send a request and wait for its end; 0 or -errno. @genl->reply is its answer. */
int genl_do(struct genl *genl, struct genl_message *message);

/** genl_dump - likewise, and @visit each message; how many there were, or -errno */
int genl_dump(struct genl *genl, struct genl_message *message,
	      void (*visit)(struct genl *genl, void *context), void *context);

/** genl_attr - an attribute of the last message; NULL without. Its bytes stand behind it. */
const struct nlattr *genl_attr(const struct genl *genl, uint16_t type);

/* The value of an attribute; 0 or NULL without */
uint32_t genl_u32(const struct genl *genl, uint16_t type);
uint64_t genl_u64(const struct genl *genl, uint16_t type);
const char *genl_string(const struct genl *genl, uint16_t type);

/** genl_subscribe - join the group; @room: bytes for events to be received, 0 for many */
void genl_subscribe(struct genl *genl, int room);

/** genl_event - the next event, within @ms: 1; 0 without one; -ENOBUFS when some were lost */
int genl_event(struct genl *genl, int ms);

/** genl_event_of - the next event of a device and a kind, within %MUST_TIMEOUT_MS */
bool genl_event_of(struct genl *genl, const char *device, uint32_t kind);

/** genl_device - look at a device; 0 or -errno */
int genl_device(struct genl *genl, const char *device);

/** genl_fault - begin a request for a fault */
void genl_fault(struct genl *genl, struct genl_message *message, const char *device, uint32_t kind);

/** genl_fault_add - add the fault; its id. The test fails when it is refused. */
uint32_t genl_fault_add(struct genl *genl, struct genl_message *message);

/** genl_fault_clear - remove one fault, all for 0; 0 or -errno */
int genl_fault_clear(struct genl *genl, const char *device, uint32_t id);

/** genl_fault_hits - how often a fault was hit; the test fails when there is none such */
uint32_t genl_fault_hits(struct genl *genl, const char *device, uint32_t id);

#endif /* LIB_GENL_H */
