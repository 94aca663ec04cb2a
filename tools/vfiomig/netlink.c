// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netlink/errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/handlers.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "netlink.h"
#include "out.h"

/* For a burst of events of many devices; more than an ordinary user may have */
#define EVENT_ROOM	(8 << 20)

static int fail_connect(int error)
{
	return fail(&(struct fault){
			.status = STATUS_UNSUPPORTED,
			.reason = nl_geterror(error),
			.hint = "load the module: modprobe mdevsim",
		    }, "there is no netlink family mdevsim");
}

/* Sentences of the kernel, which libnl leaves alone; it gets them on request. */
static void want_reasons(struct netlink *netlink)
{
	int one = 1, fd = nl_socket_get_fd(netlink->sock);

	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
}

int netlink_open(struct netlink *netlink)
{
	int error;

	*netlink = (struct netlink){ .sock = nl_socket_alloc() };
	if (!netlink->sock)
		abort();
	error = genl_connect(netlink->sock);
	if (error)
		return fail_connect(error);
	want_reasons(netlink);
	netlink->family = genl_ctrl_resolve(netlink->sock, MDEVSIM_FAMILY_NAME);
	return netlink->family < 0 ? fail_connect(netlink->family) : STATUS_DONE;
}

void netlink_close(struct netlink *netlink)
{
	nl_socket_free(netlink->sock);
}

struct nl_msg *netlink_message(struct netlink *netlink, int command, int flags)
{
	struct nl_msg *message = nlmsg_alloc();

	if (!message ||
	    !genlmsg_put(message, NL_AUTO_PORT, NL_AUTO_SEQ, netlink->family, 0, flags, command,
			 MDEVSIM_FAMILY_VERSION))
		abort();
	return message;
}

/**
 * struct answer - of the kernel, as it comes in
 * @netlink: on which connection
 * @visit: gets each message
 * @context: for @visit
 * @error: negative errno
 * @over: the last message has come
 */
struct answer {
	struct netlink *netlink;
	netlink_visit visit;
	void *context;
	int error;
	bool over;
};

static int on_message(struct nl_msg *message, void *context)
{
	struct genlmsghdr *header = nlmsg_data(nlmsg_hdr(message));
	struct nlattr *attrs[NETLINK_ATTRS + 1];
	struct answer *answer = context;

	if (nlmsg_hdr(message)->nlmsg_type != answer->netlink->family)
		return NL_SKIP;
	if (genlmsg_parse(nlmsg_hdr(message), 0, attrs, NETLINK_ATTRS, NULL) < 0)
		return NL_SKIP;
	if (answer->visit)
		answer->visit(header->cmd, attrs, answer->context);
	return NL_OK;
}

static int on_end(struct nl_msg *message, void *context)
{
	struct answer *answer = context;

	(void)message;
	answer->over = true;
	return NL_STOP;
}

/* Behind the error stand attributes, one of which is a sentence. */
static void read_reason(struct netlink *netlink, const struct nlmsgerr *error)
{
	struct nlmsghdr *header = (struct nlmsghdr *)error - 1;
	struct nlattr *attrs[NLMSGERR_ATTR_MAX + 1];
	size_t skip = sizeof(*error);

	if (!(header->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(header->nlmsg_flags & NLM_F_CAPPED))
		skip += NLMSG_ALIGN(error->msg.nlmsg_len) - sizeof(error->msg);
	if (nlmsg_parse(header, skip, attrs, NLMSGERR_ATTR_MAX, NULL) < 0)
		return;
	if (attrs[NLMSGERR_ATTR_MSG])
		snprintf(netlink->reason, sizeof(netlink->reason), "%s",
			 nla_get_string(attrs[NLMSGERR_ATTR_MSG]));
}

/* A dump ends in an error or in 0. */
static int on_finish(struct nl_msg *message, void *context)
{
	struct answer *answer = context;
	int error = 0;

	if (nlmsg_datalen(nlmsg_hdr(message)) >= (int)sizeof(error))
		memcpy(&error, nlmsg_data(nlmsg_hdr(message)), sizeof(error));
	if (error < 0)
		answer->error = error;
	return on_end(message, context);
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *context)
{
	struct answer *answer = context;

	(void)from;
	answer->error = error->error;
	answer->over = true;
	read_reason(answer->netlink, error);
	return NL_STOP;
}

/* Events answer nothing. */
static int no_check(struct nl_msg *message, void *context)
{
	(void)message;
	(void)context;
	return NL_OK;
}

static struct nl_cb *callbacks(struct answer *answer)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);

	if (!cb)
		abort();
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_message, answer);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, answer);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_end, answer);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, answer);
	return cb;
}

static int fail_request(struct netlink *netlink, const char *where, int error)
{
	return fail(&(struct fault){
			.status = STATUS_FAILED,
			.error = -error,
			.where = where,
			.reason = netlink->reason[0] ? netlink->reason : NULL,
			.hint = error == -EPERM ? "become root, or get CAP_NET_ADMIN" : NULL,
		    }, "the driver refuses");
}

static int fail_transport(const char *where, int error)
{
	return fail(&(struct fault){
			.status = STATUS_FAILED,
			.where = where,
			.reason = nl_geterror(error),
		    }, "netlink does not work");
}

int netlink_request(struct netlink *netlink, struct nl_msg *message, const char *where,
		    netlink_visit visit, void *context)
{
	struct answer answer = { .netlink = netlink, .visit = visit, .context = context };
	struct nl_cb *cb = callbacks(&answer);
	int error;

	netlink->reason[0] = '\0';
	error = nl_send_auto(netlink->sock, message);
	while (error >= 0 && !answer.over)
		error = nl_recvmsgs(netlink->sock, cb);
	nl_cb_put(cb);
	nlmsg_free(message);
	if (answer.error)
		return fail_request(netlink, where, answer.error);
	return error < 0 ? fail_transport(where, error) : STATUS_DONE;
}

int netlink_subscribe(struct netlink *netlink)
{
	int fd = nl_socket_get_fd(netlink->sock), room = EVENT_ROOM;
	int group = genl_ctrl_resolve_grp(netlink->sock, MDEVSIM_FAMILY_NAME,
					  MDEVSIM_MCGRP_MIGRATION);
	int error;

	if (group < 0)
		return fail_connect(group);
	nl_socket_disable_seq_check(netlink->sock);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	nl_socket_set_nonblocking(netlink->sock);
	error = nl_socket_add_membership(netlink->sock, group);
	return error ? fail_connect(error) : STATUS_DONE;
}

/* libnl has one error for ENOBUFS and ENOMEM, the first of which is the one that can happen. */
int netlink_receive(struct netlink *netlink, netlink_visit visit, void *context)
{
	struct answer answer = { .netlink = netlink, .visit = visit, .context = context };
	struct nl_cb *cb = callbacks(&answer);
	int error;

	nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, no_check, NULL);
	error = nl_recvmsgs(netlink->sock, cb);
	nl_cb_put(cb);
	switch (error) {
	case -NLE_AGAIN:
	case -NLE_INTR:
		return 0;
	case -NLE_NOMEM:
		return -ENOBUFS;
	}
	return error < 0 ? -EIO : 0;
}

void netlink_nested(struct nlattr *nest, struct nlattr **attrs)
{
	if (nla_parse_nested(attrs, NETLINK_ATTRS, nest, NULL) < 0)
		memset(attrs, 0, (NETLINK_ATTRS + 1) * sizeof(*attrs));
}

uint32_t netlink_u32(const struct nlattr *attr)
{
	return attr ? nla_get_u32(attr) : 0;
}

uint64_t netlink_u64(const struct nlattr *attr)
{
	return attr ? nla_get_u64(attr) : 0;
}
