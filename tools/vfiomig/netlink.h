/* SPDX-License-Identifier: GPL-2.0 */
/* The generic netlink family of mdevsim. Functions that return &enum status report their errors. */
#ifndef VFIOMIG_NETLINK_H
#define VFIOMIG_NETLINK_H

#include <linux/mdevsim.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdbool.h>
#include <stdint.h>

/** define NETLINK_ATTRS - attributes that any message of the family has, at most */
#define NETLINK_ATTRS	64

/**
 * struct netlink - a connection
 * @sock: the socket
 * @family: number of the family
 * @reason: what the kernel said of the last error, or empty
 */
struct netlink {
	struct nl_sock *sock;
	int family;
	char reason[256];
};

/** netlink_open - connect; STATUS_UNSUPPORTED where there is no such family */
int netlink_open(struct netlink *netlink);
void netlink_close(struct netlink *netlink);

/** netlink_message - begin a request; freed by netlink_request() */
struct nl_msg *netlink_message(struct netlink *netlink, int command, int flags);

/**
 * typedef netlink_visit - called for each message of an answer
 * @command: of the message
 * @attrs: its attributes, by type; NULL where it has none of a type
 * @context: as given with it
 */
typedef void (*netlink_visit)(int command, struct nlattr **attrs, void *context);

/**
 * netlink_request - send a request and take the answer
 * @netlink: connection
 * @message: request
 * @where: the device it is about, for an error, or NULL
 * @visit: gets each message of the answer; or NULL
 * @context: for @visit
 */
int netlink_request(struct netlink *netlink, struct nl_msg *message, const char *where,
		    netlink_visit visit, void *context);

/** netlink_subscribe - join the group "migration": nothing but events comes in from now on */
int netlink_subscribe(struct netlink *netlink);

/**
 * netlink_receive - take in the events that have come
 *
 * Return: 0; -ENOBUFS when some were lost; another negative errno
 */
int netlink_receive(struct netlink *netlink, netlink_visit visit, void *context);

/** netlink_nested - attributes of a nest by type, as in &netlink_visit */
void netlink_nested(struct nlattr *nest, struct nlattr **attrs);

/* The value of an attribute, 0 when there is none */
uint32_t netlink_u32(const struct nlattr *attr);
uint64_t netlink_u64(const struct nlattr *attr);

#endif /* VFIOMIG_NETLINK_H */
