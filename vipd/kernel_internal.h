/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_KERNEL_INTERNAL_H
#define VIPD_KERNEL_INTERNAL_H
/* What the kernel_*.c files share; nobody else includes it. */
#include "vipd/kernel.h" /* first: net/if.h has to come before linux/if.h */

#include <linux/netlink.h>
#include <netlink/netlink.h>

/* The kernel fills at most 32 KiB per piece of a dump. */
#define KERNEL_BUFFER (64 * 1024)

enum kernel_dump_stage {
        KERNEL_DUMP_IDLE,
        KERNEL_DUMP_WAITING, /* to begin, as soon as no event is queued */
        KERNEL_DUMP_LINKS,
        KERNEL_DUMP_ADDRS,
};

struct kernel {
        struct kernel_listener listener;
        void *arg;
        struct nl_sock *requests, *events, *dumps;
        sd_event_source *event_source, *dump_source, *dump_timer;
        uint32_t seq;
        enum kernel_dump_stage stage;
        uint32_t dump_seq;
        bool draining;
        bool dump_again;        /* when this one is over */
        bool interrupted;       /* this one saw a change */
        unsigned interruptions; /* in a row */
        struct kernel_stats stats;
        char event_buffer[KERNEL_BUFFER], dump_buffer[KERNEL_BUFFER], answer_buffer[KERNEL_BUFFER];
};

/** -NLE_x to -errno. */
int kernel_errno(int nl_error);

/**
 * Receive one datagram from the kernel.
 * @param buffer  of KERNEL_BUFFER bytes. Each socket has its own, for a listener may make requests.
 * @return its length, 0 for one to skip (not from the kernel, truncated), -EAGAIN, -ENOBUFS, ...
 */
int kernel_receive(struct nl_sock *sock, char buffer[static KERNEL_BUFFER]);

/** Hand one message, of an event or a dump, to the listener. */
void kernel_message(struct kernel *k, struct nlmsghdr *h, bool dump);

/** Begin the dump that waits, or read one piece of the one that runs. @return 0, -EAGAIN when there
 *  is nothing to read, or -errno when it failed */
int kernel_dump_step(struct kernel *k);

#endif
