/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_KERNEL_H
#define VIPD_KERNEL_H
/*
 * rtnetlink: the only user of libnl. Requests (addresses put up and taken down,
 * in batches) go over one socket and are answered before the call returns, for
 * the kernel works them off inside sendmsg(); events come over another, full
 * dumps over a third. After an overrun of the event socket everything is dumped
 * again, piece by piece from the loop, so that the listener ends with the truth,
 * never with a gap.
 */
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "lib/addr.h"

/** IFA_PROTO of the addresses that vipd puts up (kernel 5.18 and later; ignored before). */
#define KERNEL_ADDR_PROTO 112

/** Messages of one batch; the time of one is bounded by this, see kernel_addr_apply(). */
#define KERNEL_BATCH_MAX 64

/** Events worked off in one turn of the loop. */
#define KERNEL_DRAIN_BUDGET 256

struct kernel_link {
        int ifindex;
        char name[IFNAMSIZ];
        bool up;      /* IFF_UP */
        bool carrier; /* IFF_LOWER_UP and operstate not down */
        bool loopback;
        uint8_t mac[6]; /* zero if the link has no Ethernet address */
        unsigned mtu;
};

struct kernel_addr {
        int ifindex;
        struct ip_addr addr;
        uint8_t prefix_len;
        uint8_t scope;
        uint8_t proto;  /* IFA_PROTO, 0 if the kernel tells none */
        uint32_t flags; /* IFA_F_x */
};

/** Where a piece of news comes from. */
struct kernel_origin {
        bool dump; /* a line of a dump, not an event */
        /*
         * Of an event: netlink port id of who changed it (usually a pid) and the sequence number of
         * the request that did. 0 = the kernel itself, and always in IPv6's address events
         * (inet6_ifa_notify() in net/ipv6/addrconf.c).
         */
        uint32_t port, seq;
};

/** What the kernel says. */
struct kernel_listener {
        void (*link_seen)(void *arg, const struct kernel_link *link,
                          const struct kernel_origin *by);
        void (*link_gone)(void *arg, int ifindex, const char *name);
        void (*addr_seen)(void *arg, const struct kernel_addr *addr,
                          const struct kernel_origin *by);
        void (*addr_gone)(void *arg, const struct kernel_addr *addr,
                          const struct kernel_origin *by);
        /*
         * A full dump: lines between the two, with events among them, which are newer than the
         * lines. What neither names is gone. A begin without an end before it: start over.
         */
        void (*dump_begin)(void *arg);
        void (*dump_end)(void *arg);
};

enum kernel_op_kind { KERNEL_ADDR_ADD, KERNEL_ADDR_DEL };

struct kernel_op {
        enum kernel_op_kind kind;
        int ifindex;
        struct ip_addr addr;
        uint8_t prefix_len;
        uint8_t scope;
        bool exclusive;       /* add: fail with -EEXIST if it is there already */
        char label[IFNAMSIZ]; /* IPv4; "" = the interface's name */
        int result;           /* set by kernel_addr_apply(): 0 or -errno */
        uint32_t seq;         /* set by kernel_addr_apply(): its events carry it */
        void *arg;            /* the caller's */
};

struct kernel;

/**
 * Opens the sockets; no dump yet.
 * @param priority  of the event sources
 * @return 0 or -errno
 */
int kernel_new(struct kernel **ret, sd_event *loop, int64_t priority,
               const struct kernel_listener *listener, void *arg);
struct kernel *kernel_free(struct kernel *k);

/** Dump links and addresses to the listener now, before this returns. @return 0 or -errno */
int kernel_dump(struct kernel *k);

/** The same, piece by piece from the loop. One that is under way is started over. */
void kernel_dump_soon(struct kernel *k);

/** Read what is queued on the event socket, at most `budget` messages. @return messages read or
 * -errno */
int kernel_drain(struct kernel *k, unsigned budget);

/**
 * Perform 1..KERNEL_BATCH_MAX operations with one send. Adding an address that is there makes it
 * ours (tagged, permanent) and is a success unless `exclusive`; deleting what is not there fails
 * with -EADDRNOTAVAIL. IPv6 addresses come up without DAD (IFA_F_NODAD); /128s do not become
 * preferred sources (deprecated: preferred lifetime 0).
 * @return 0 with each op's result set; -errno, which is each op's result too, if the batch as a
 *         whole could not be sent
 */
int kernel_addr_apply(struct kernel *k, struct kernel_op *ops, size_t n);

/** Port id of our request socket: events that carry it are echoes of our own doing. */
uint32_t kernel_port(const struct kernel *k);

/** Room for kernel_port_owner(). */
#define KERNEL_OWNER_TEXT 64

/** Who has a port id, for people: "the kernel", "ip (pid 712)", "pid 712", "netlink port
 * 4294963199". @return buf */
const char *kernel_port_owner(uint32_t port, char buf[static KERNEL_OWNER_TEXT]);

/** Size of the event socket's queue in bytes, as SO_RCVBUF counts. @return 0 or -errno */
int kernel_set_queue(struct kernel *k, int bytes);

struct kernel_stats {
        uint64_t overruns; /* ENOBUFS on the event socket */
        uint64_t dumps;
        uint64_t interrupted; /* dumps repeated because something changed meanwhile */
        uint64_t events;
        uint64_t requests, failed;
        unsigned longest_batch; /* operations of the largest one */
};
struct kernel_stats kernel_stats(const struct kernel *k);

#endif
