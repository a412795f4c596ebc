/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_KERNEL_H
#define VIPD_KERNEL_H
/*
 * rtnetlink: the only user of libnl. Requests (addresses put up and taken down,
 * in batches) go over one socket and are answered before the call returns, for
 * the kernel works them off inside sendmsg(); events come over another. After
 * an overrun of the event socket everything is dumped again, so that the
 * listener ends with the truth, never with a gap.
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

struct kernel_link {
        int ifindex;
        char name[IFNAMSIZ];
        bool up;      /* IFF_UP */
        bool carrier; /* IFF_LOWER_UP / operstate not down */
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

/** What the kernel says. `by_port`: netlink port id of who changed it (usually a pid), 0 = kernel. */
struct kernel_listener {
        void (*link_seen)(void *arg, const struct kernel_link *link);
        void (*link_gone)(void *arg, int ifindex, const char *name);
        void (*addr_seen)(void *arg, const struct kernel_addr *addr, uint32_t by_port);
        void (*addr_gone)(void *arg, const struct kernel_addr *addr, uint32_t by_port);
        /* A full dump: everything between the two is all there is; what is not seen is gone. */
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
        char label[IFNAMSIZ]; /* IPv4; "" = the interface's name */
        int result;           /* set by kernel_addr_apply(): 0 or -errno */
        void *arg;            /* the caller's */
};

struct kernel;

/** Opens both sockets; no dump yet. @return 0 or -errno */
int kernel_new(struct kernel **ret, sd_event *loop, const struct kernel_listener *listener,
               void *arg);
struct kernel *kernel_free(struct kernel *k);

/** Dump links and addresses to the listener now (also done after an overrun). @return 0 or -errno */
int kernel_dump(struct kernel *k);

/** Read what is queued on the event socket, at most `budget` messages. @return messages read or -errno */
int kernel_drain(struct kernel *k, unsigned budget);

/**
 * Perform 1..KERNEL_BATCH_MAX operations with one send. Adding what is there, and deleting
 * what is not, are successes. IPv6 addresses come up without DAD (IFA_F_NODAD), /128s and
 * /32s do not become preferred sources (IPv6: deprecated, preferred lifetime 0).
 * @return 0 with each op's result set; -errno if the batch as a whole could not be sent
 */
int kernel_addr_apply(struct kernel *k, struct kernel_op *ops, size_t n);

/** Port id of our request socket: events that carry it are echoes of our own doing. */
uint32_t kernel_port(const struct kernel *k);

struct kernel_stats {
        uint64_t overruns; /* ENOBUFS on the event socket */
        uint64_t dumps;
        uint64_t events;
        uint64_t requests, failed;
};
struct kernel_stats kernel_stats(const struct kernel *k);

#endif
