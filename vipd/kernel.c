/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipd/kernel.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "lib/cleanup.h"
#include "lib/log.h"
#include "vipd/kernel_internal.h"

/* Some 4 000 address events; more than that at once ends in a dump, not in a loss. */
#define EVENT_QUEUE (4 * 1024 * 1024)
/* The answers of one batch, errors included. */
#define REQUEST_QUEUE (512 * 1024)

int kernel_errno(int nl_error)
{
        switch (nl_error < 0 ? -nl_error : nl_error) {
        case NLE_SUCCESS:
                return 0;
        case NLE_NOMEM:
                return -ENOMEM;
        case NLE_PERM:
        case NLE_NOACCESS:
                return -EPERM;
        case NLE_AF_NOSUPPORT:
        case NLE_PROTO_MISMATCH:
                return -EAFNOSUPPORT;
        case NLE_RANGE:
                return -ERANGE;
        default:
                return -EINVAL;
        }
}

int kernel_receive(struct nl_sock *sock, char buffer[static KERNEL_BUFFER])
{
        struct sockaddr_nl from = {0};
        struct iovec iov = {buffer, KERNEL_BUFFER};
        struct msghdr msg = {
                .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1};
        ssize_t len;

        do
                len = recvmsg(nl_socket_get_fd(sock), &msg, MSG_DONTWAIT);
        while (len < 0 && errno == EINTR);
        if (len < 0)
                return -errno;
        if (from.nl_pid != 0 || (msg.msg_flags & MSG_TRUNC))
                return 0;
        return (int)len;
}

/* Something is missing; what is still queued is older than the dump that follows. */
static void overrun(struct kernel *k)
{
        char nothing[1];

        k->stats.overruns++;
        log_notice("the kernel's queue of address and link events overflowed; "
                   "reading all addresses and links again");
        for (;;) {
                if (recv(nl_socket_get_fd(k->events), nothing, sizeof(nothing), MSG_DONTWAIT) >= 0)
                        continue;
                if (errno == EAGAIN)
                        break;
        }
        kernel_dump_soon(k);
}

/* @return 1, 0 when there is nothing, or -errno */
static int take_event(struct kernel *k)
{
        int len = kernel_receive(k->events, k->event_buffer);

        if (len == -EAGAIN)
                return 0;
        if (len == -ENOBUFS) {
                overrun(k);
                return 0;
        }
        if (len < 0)
                return len;
        for (struct nlmsghdr *h = (struct nlmsghdr *)k->event_buffer; nlmsg_ok(h, len);
             h = nlmsg_next(h, &len)) {
                k->stats.events++;
                kernel_message(k, h, false);
        }
        return 1;
}

int kernel_drain(struct kernel *k, unsigned budget)
{
        unsigned n = 0;
        int r = 1;

        if (k->draining)
                return 0; /* asked by a listener: the rest follows when it returns */
        k->draining = true;
        for (; n < budget; n++) {
                r = take_event(k);
                if (r <= 0)
                        break;
        }
        k->draining = false;
        return r < 0 ? r : (int)n;
}

static int on_events(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
        int r = kernel_drain(arg, KERNEL_DRAIN_BUDGET);

        if (r < 0)
                log_error("cannot read address and link events: %s", strerror(-r));
        return 0;
}

static void dump_step(struct kernel *k)
{
        int r = kernel_dump_step(k);

        if (r < 0 && r != -EAGAIN)
                log_error("cannot list addresses and links: %s; trying again", strerror(-r));
}

static int on_dump(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
        dump_step(arg);
        return 0;
}

static int on_dump_timer(sd_event_source *source, uint64_t usec, void *arg)
{
        struct kernel *k = arg;

        if (k->stage == KERNEL_DUMP_IDLE)
                kernel_dump_soon(k);
        dump_step(k);
        return 0;
}

/* --- sockets --------------------------------------------------------------------------- */

static void set_queue(int fd, int bytes)
{
        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
                setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

int kernel_set_queue(struct kernel *k, int bytes)
{
        int fd = nl_socket_get_fd(k->events);

        return setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)) < 0 ? -errno : 0;
}

static int open_socket(struct nl_sock **ret, int queue)
{
        const int one = 1;
        int r;

        *ret = nl_socket_alloc();
        if (!*ret)
                return -ENOMEM;
        r = nl_connect(*ret, NETLINK_ROUTE);
        if (r < 0)
                return kernel_errno(r);
        r = nl_socket_set_nonblocking(*ret);
        if (r < 0)
                return kernel_errno(r);
        set_queue(nl_socket_get_fd(*ret), queue);
        setsockopt(nl_socket_get_fd(*ret), SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
        return 0;
}

static int open_sockets(struct kernel *k)
{
        int r;

        r = open_socket(&k->requests, REQUEST_QUEUE);
        if (r < 0)
                return r;
        r = open_socket(&k->dumps, REQUEST_QUEUE);
        if (r < 0)
                return r;
        r = open_socket(&k->events, EVENT_QUEUE);
        if (r < 0)
                return r;
        return kernel_errno(nl_socket_add_memberships(k->events, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
                                                      RTNLGRP_IPV6_IFADDR, 0));
}

static int add_sources(struct kernel *k, sd_event *loop, int64_t priority)
{
        int r;

        r = sd_event_add_io(loop, &k->event_source, nl_socket_get_fd(k->events), EPOLLIN, on_events,
                            k);
        if (r < 0)
                return r;
        r = sd_event_source_set_priority(k->event_source, priority);
        if (r < 0)
                return r;
        r = sd_event_add_io(loop, &k->dump_source, nl_socket_get_fd(k->dumps), EPOLLIN, on_dump, k);
        if (r < 0)
                return r;
        r = sd_event_source_set_priority(k->dump_source, priority + 1);
        if (r < 0)
                return r;
        r = sd_event_add_time(loop, &k->dump_timer, CLOCK_MONOTONIC, 0, 1, on_dump_timer, k);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(k->dump_timer, SD_EVENT_OFF);
}

int kernel_new(struct kernel **ret, sd_event *loop, int64_t priority,
               const struct kernel_listener *listener, void *arg)
{
        struct kernel *k = calloc(1, sizeof(*k));
        int r;

        if (!k)
                return -ENOMEM;
        k->listener = *listener;
        k->arg = arg;
        r = open_sockets(k);
        if (r >= 0)
                r = add_sources(k, loop, priority);
        if (r < 0) {
                kernel_free(k);
                return r;
        }
        *ret = k;
        return 0;
}

struct kernel *kernel_free(struct kernel *k)
{
        if (!k)
                return NULL;
        sd_event_source_disable_unref(k->event_source);
        sd_event_source_disable_unref(k->dump_source);
        sd_event_source_disable_unref(k->dump_timer);
        nl_socket_free(k->requests);
        nl_socket_free(k->events);
        nl_socket_free(k->dumps);
        free(k);
        return NULL;
}

struct kernel_stats kernel_stats(const struct kernel *k)
{
        return k->stats;
}

/* --- who -------------------------------------------------------------------------------- */

uint32_t kernel_port(const struct kernel *k)
{
        return nl_socket_get_local_port(k->requests);
}

static bool read_comm(unsigned pid, char *buf, int size)
{
        CLEANUP(fclosep) FILE *f = NULL;
        char path[32];

        snprintf(path, sizeof(path), "/proc/%u/comm", pid);
        f = fopen(path, "re");
        if (!f || !fgets(buf, size, f))
                return false;
        buf[strcspn(buf, "\n")] = '\0';
        return true;
}

/*
 * The first socket of a process usually has its pid; libnl puts a socket number into the upper
 * ten bits; the kernel's own choice for further sockets is a negative number.
 */
const char *kernel_port_owner(uint32_t port, char buf[static KERNEL_OWNER_TEXT])
{
        unsigned pid = port & 0x3fffff;
        char comm[32];

        if (port == 0)
                snprintf(buf, KERNEL_OWNER_TEXT, "the kernel");
        else if ((int32_t)port < 0 || pid == 0)
                snprintf(buf, KERNEL_OWNER_TEXT, "netlink port %u", port);
        else if (read_comm(pid, comm, sizeof(comm)))
                snprintf(buf, KERNEL_OWNER_TEXT, "%s (pid %u)", comm, pid);
        else
                snprintf(buf, KERNEL_OWNER_TEXT, "pid %u", pid);
        return buf;
}
