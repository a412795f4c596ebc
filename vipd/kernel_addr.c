/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses put up and taken down in batches. The kernel works off the messages
 * of one sendmsg() in their order before it returns and answers those that fail;
 * only the last asks for an answer in any case, so that its answer says that all
 * are through.
 */
#include "vipd/kernel_internal.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/route/addr.h>
#include <netlink/socket.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/cleanup.h"

#define ADDR_ATTR_PROTO 11 /* IFA_PROTO, linux/if_addr.h of kernel 5.18 */
#define LIFETIME_FOREVER 0xffffffffu

static void nl_addr_putp(struct nl_addr **a)
{
        nl_addr_put(*a);
}

static void rtnl_addr_putp(struct rtnl_addr **a)
{
        rtnl_addr_put(*a);
}

static int set_v6(struct rtnl_addr *ra, const struct kernel_op *op)
{
        rtnl_addr_set_flags(ra, IFA_F_NODAD);
        if (op->prefix_len == 128) {
                rtnl_addr_set_valid_lifetime(ra, LIFETIME_FOREVER);
                rtnl_addr_set_preferred_lifetime(ra, 0);
        }
        return 0;
}

static int set_add(struct rtnl_addr *ra, const struct kernel_op *op)
{
        rtnl_addr_set_scope(ra, op->scope);
        if (op->addr.family == AF_INET6)
                return set_v6(ra, op);
        return op->label[0] ? rtnl_addr_set_label(ra, op->label) : 0;
}

static int build_add(struct rtnl_addr *ra, bool exclusive, struct nl_msg **ret)
{
        int r;

        /* Replace: what is there already becomes ours, with tag and without an end. */
        r = rtnl_addr_build_add_request(ra, NLM_F_CREATE | (exclusive ? NLM_F_EXCL : NLM_F_REPLACE),
                                        ret);
        if (r < 0)
                return r;
        r = nla_put_u8(*ret, ADDR_ATTR_PROTO, KERNEL_ADDR_PROTO);
        if (r < 0)
                nlmsg_free(*ret);
        return r;
}

static int build(const struct kernel_op *op, struct nl_msg **ret)
{
        CLEANUP(nl_addr_putp) struct nl_addr *local = NULL;
        CLEANUP(rtnl_addr_putp) struct rtnl_addr *ra = NULL;
        int r;

        local = nl_addr_build(op->addr.family, op->addr.bytes, ip_addr_len(&op->addr));
        ra = rtnl_addr_alloc();
        if (!local || !ra)
                return -ENOMEM;
        nl_addr_set_prefixlen(local, op->prefix_len);
        rtnl_addr_set_ifindex(ra, op->ifindex);
        r = rtnl_addr_set_local(ra, local); /* takes its own reference */
        if (r >= 0 && op->kind == KERNEL_ADDR_ADD)
                r = set_add(ra, op);
        if (r < 0)
                return kernel_errno(r);
        if (op->kind == KERNEL_ADDR_ADD)
                r = build_add(ra, op->exclusive, ret);
        else
                r = rtnl_addr_build_delete_request(ra, 0, ret);
        return kernel_errno(r);
}

/* What is not answered succeeded; `last` is answered in any case. */
static int collect(struct kernel *k, struct kernel_op *ops, size_t n, uint32_t last)
{
        for (;;) {
                int len = kernel_receive(k->requests, k->answer_buffer);

                if (len == -EAGAIN)
                        return -EPROTO; /* the kernel answers before sendmsg() returns */
                if (len < 0)
                        return len;
                for (struct nlmsghdr *h = (struct nlmsghdr *)k->answer_buffer; nlmsg_ok(h, len);
                     h = nlmsg_next(h, &len)) {
                        const struct nlmsgerr *e = nlmsg_data(h);
                        uint32_t at = h->nlmsg_seq - ops[0].seq;

                        if (h->nlmsg_type != NLMSG_ERROR || at >= n)
                                continue; /* or left over from a batch that failed */
                        ops[at].result = e->error;
                        if (h->nlmsg_seq == last)
                                return 0;
                }
        }
}

/* @return how many messages there are */
static size_t build_all(struct kernel *k, struct kernel_op *ops, size_t n, struct nl_msg **msgs,
                        struct iovec *iov)
{
        size_t built = 0;

        for (size_t i = 0; i < n; i++) {
                struct nlmsghdr *h;

                ops[i].seq = ++k->seq;
                ops[i].result = build(&ops[i], &msgs[built]);
                if (ops[i].result < 0)
                        continue;
                h = nlmsg_hdr(msgs[built]);
                h->nlmsg_seq = ops[i].seq;
                h->nlmsg_pid = kernel_port(k);
                h->nlmsg_flags |= NLM_F_REQUEST;
                h->nlmsg_flags &= (uint16_t)~NLM_F_ACK;
                iov[built] = (struct iovec){h, NLMSG_ALIGN(h->nlmsg_len)};
                built++;
        }
        if (built)
                nlmsg_hdr(msgs[built - 1])->nlmsg_flags |= NLM_F_ACK;
        return built;
}

int kernel_addr_apply(struct kernel *k, struct kernel_op *ops, size_t n)
{
        struct nl_msg *msgs[KERNEL_BATCH_MAX];
        struct iovec iov[KERNEL_BATCH_MAX];
        struct sockaddr_nl to = {.nl_family = AF_NETLINK};
        struct msghdr msg = {.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = iov};
        int r = 0;

        if (n < 1 || n > KERNEL_BATCH_MAX)
                return -EINVAL;
        msg.msg_iovlen = build_all(k, ops, n, msgs, iov);
        if (msg.msg_iovlen && sendmsg(nl_socket_get_fd(k->requests), &msg, 0) < 0)
                r = -errno;
        else if (msg.msg_iovlen)
                r = collect(k, ops, n, nlmsg_hdr(msgs[msg.msg_iovlen - 1])->nlmsg_seq);
        for (size_t i = 0; i < msg.msg_iovlen; i++)
                nlmsg_free(msgs[i]);

        k->stats.requests += n;
        if (n > k->stats.longest_batch)
                k->stats.longest_batch = (unsigned)n;
        for (size_t i = 0; i < n; i++) {
                if (r < 0)
                        ops[i].result = r;
                k->stats.failed += ops[i].result < 0;
        }
        return r;
}
