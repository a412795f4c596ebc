/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Full dumps: links, then addresses, a piece a turn. The kernel makes a piece
 * when the one before is read, so a piece is old when it is read, and events may
 * be newer or older than it. Therefore all events are read before a dump begins
 * and before each piece: an event that comes after a line is newer than that
 * line, and one that came before it since the dump began overrules it (the
 * listener's part). The kernel marks a dump
 * during which something changed (NLM_F_DUMP_INTR): lines may be missing, so it
 * is repeated. On a host where something changes all the time that must end, so
 * after a few times the result is taken as it is (a wrongly missed address is
 * asked for again, which does no harm) and another dump follows later.
 */
#include "vipd/kernel_internal.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/socket.h>
#include <poll.h>
#include <sys/socket.h>

#include "lib/mono.h"

#define INTERRUPTIONS_MAX 5
#define REPEAT_LATER_US US_PER_S
#define RETRY_US (100 * US_PER_MS)
#define SYNC_TIMEOUT_MS 5000

/* linux/rtnetlink.h: spare the counters of each link. */
#ifndef RTEXT_FILTER_SKIP_STATS
#define RTEXT_FILTER_SKIP_STATS (1 << 3)
#endif

static int send_request(struct kernel *k, const void *request, size_t len)
{
        ssize_t sent = send(nl_socket_get_fd(k->dumps), request, len, 0);

        return sent < 0 ? -errno : 0;
}

static int ask_links(struct kernel *k)
{
        struct {
                struct nlmsghdr h;
                struct ifinfomsg info;
                struct nlattr attr;
                uint32_t filter;
        } request = {
                .h = {.nlmsg_len = sizeof(request),
                      .nlmsg_type = RTM_GETLINK,
                      .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                      .nlmsg_seq = ++k->dump_seq},
                .attr = {.nla_len = sizeof(request.attr) + sizeof(request.filter),
                         .nla_type = IFLA_EXT_MASK},
                .filter = RTEXT_FILTER_SKIP_STATS,
        };

        return send_request(k, &request, sizeof(request));
}

static int ask_addrs(struct kernel *k)
{
        struct {
                struct nlmsghdr h;
                struct ifaddrmsg info;
        } request = {
                .h = {.nlmsg_len = sizeof(request),
                      .nlmsg_type = RTM_GETADDR,
                      .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                      .nlmsg_seq = ++k->dump_seq},
                .info = {.ifa_family = AF_UNSPEC},
        };

        return send_request(k, &request, sizeof(request));
}

static void again_in(struct kernel *k, int64_t us)
{
        sd_event_source_set_time_relative(k->dump_timer, (uint64_t)us);
        sd_event_source_set_enabled(k->dump_timer, SD_EVENT_ONESHOT);
}

static int begin(struct kernel *k)
{
        int r;

        sd_event_source_set_enabled(k->dump_timer, SD_EVENT_OFF);
        k->dump_again = false;
        k->interrupted = false;
        k->stats.dumps++;
        k->listener.dump_begin(k->arg);
        r = ask_links(k);
        k->stage = r < 0 ? KERNEL_DUMP_IDLE : KERNEL_DUMP_LINKS;
        if (r < 0)
                again_in(k, RETRY_US);
        return r;
}

static void wait_to_begin(struct kernel *k)
{
        k->stage = KERNEL_DUMP_WAITING;
        again_in(k, 0);
}

void kernel_dump_soon(struct kernel *k)
{
        if (k->stage == KERNEL_DUMP_IDLE)
                wait_to_begin(k);
        else if (k->stage != KERNEL_DUMP_WAITING)
                k->dump_again = true; /* the kernel runs one dump a socket */
}

static void end(struct kernel *k)
{
        bool interrupted = k->interrupted;

        k->stage = KERNEL_DUMP_IDLE;
        if (k->dump_again) {
                wait_to_begin(k);
                return;
        }
        if (interrupted && ++k->interruptions < INTERRUPTIONS_MAX) {
                k->stats.interrupted++;
                wait_to_begin(k);
                return;
        }
        k->interruptions = 0;
        k->listener.dump_end(k->arg);
        if (interrupted && k->stage == KERNEL_DUMP_IDLE)
                again_in(k, REPEAT_LATER_US);
}

static int failed(struct kernel *k, int err)
{
        k->stage = KERNEL_DUMP_IDLE;
        again_in(k, RETRY_US);
        return err;
}

/* The end of one of the two lists. */
static int stage_done(struct kernel *k)
{
        int r;

        if (k->stage == KERNEL_DUMP_ADDRS || k->dump_again) {
                end(k);
                return 0;
        }
        k->stage = KERNEL_DUMP_ADDRS;
        r = ask_addrs(k);
        return r < 0 ? failed(k, r) : 0;
}

static int take_piece(struct kernel *k, int len)
{
        for (struct nlmsghdr *h = (struct nlmsghdr *)k->dump_buffer; nlmsg_ok(h, len);
             h = nlmsg_next(h, &len)) {
                if (h->nlmsg_seq != k->dump_seq)
                        continue;
                if (h->nlmsg_flags & NLM_F_DUMP_INTR)
                        k->interrupted = true;
                if (h->nlmsg_type == NLMSG_DONE)
                        return stage_done(k);
                if (h->nlmsg_type == NLMSG_ERROR) {
                        const struct nlmsgerr *e = nlmsg_data(h);

                        return failed(k, e->error ? e->error : -EPROTO);
                }
                if (!k->dump_again)
                        kernel_message(k, h, true);
        }
        return 0;
}

int kernel_dump_step(struct kernel *k)
{
        int len = kernel_drain(k, KERNEL_DRAIN_BUDGET);

        if (len < 0)
                return len;
        if (len == KERNEL_DRAIN_BUDGET) {
                if (k->stage == KERNEL_DUMP_WAITING)
                        again_in(k, 0);
                return 0; /* there may be more */
        }
        if (k->stage == KERNEL_DUMP_WAITING)
                return begin(k);
        len = kernel_receive(k->dumps, k->dump_buffer);
        if (len == -EAGAIN)
                return len;
        if (k->stage == KERNEL_DUMP_IDLE)
                return 0;
        if (len < 0)
                return failed(k, len);
        return take_piece(k, len);
}

int kernel_dump(struct kernel *k)
{
        int r;

        kernel_dump_soon(k);
        while (k->stage != KERNEL_DUMP_IDLE) {
                struct pollfd fd = {.fd = nl_socket_get_fd(k->dumps), .events = POLLIN};

                r = kernel_dump_step(k);
                if (r == -EAGAIN && poll(&fd, 1, SYNC_TIMEOUT_MS) == 0)
                        return -ETIMEDOUT;
                if (r < 0 && r != -EAGAIN)
                        return r;
        }
        return 0;
}
