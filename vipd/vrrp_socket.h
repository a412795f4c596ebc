/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_VRRP_SOCKET_H
#define VIPD_VRRP_SOCKET_H
/*
 * Raw sockets of IP protocol 112: one per interface and family, shared by all
 * groups there. Hands out the payload with where it came from and its TTL or
 * hop limit; decoding and judging, the TTL too, is the receiver's.
 *
 * A socket whose interface was deleted stays silent: nothing becomes readable,
 * sending fails. One whose interface went down and came up again
 * goes on: the kernel keeps the membership.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "lib/addr.h"

struct vrrp_socket;

struct vrrp_datagram {
        struct ip_addr src, dst;
        int ttl; /* or hop limit; -1: the kernel did not say */
        bool multicast; /* dst is 224.0.0.18 or ff02::12 */
        const uint8_t *payload; /* valid during the callback */
        size_t len;
};

typedef void vrrp_receive(void *arg, struct vrrp_socket *s, const struct vrrp_datagram *d);

/**
 * Joins 224.0.0.18 or ff02::12 on the interface. TOS 0xC0, TTL 255, no loopback, queued as network
 * control. Interfaces are told apart by index; the name is for debugging.
 * @param priority of the event source
 * @param fn       must not free the socket
 * @return 0 or -errno; -ENODEV when the interface does not exist
 */
int vrrp_socket_new(struct vrrp_socket **ret, sd_event *loop, int64_t priority, uint8_t family,
                    int ifindex, const char *ifname, vrrp_receive *fn, void *arg);
struct vrrp_socket *vrrp_socket_free(struct vrrp_socket *s);

/**
 * Send one datagram now. The payload leaves as it is: its checksum is the codec's.
 * @param src must be an address of the host
 * @param dst multicast (see below) or unicast, of the same family
 * @return 0 or -errno: -EAGAIN the queue is full (the next advert comes anyway); -EADDRNOTAVAIL
 *         the source is not ours; -ENETUNREACH, -ENETDOWN or -ENODEV the interface is down or
 *         gone (newer kernels say -ENETUNREACH for an IPv4 source that is not ours, too); -EPERM
 *         a packet filter dropped it
 */
int vrrp_socket_send(struct vrrp_socket *s, const struct ip_addr *src, const struct ip_addr *dst,
                     const void *payload, size_t len);

/**
 * Hand out everything queued, at most `budget` datagrams. Called from the loop and before deadlines
 * are judged; does nothing when called from the callback.
 * @return datagrams read
 */
unsigned vrrp_socket_drain(struct vrrp_socket *s, unsigned budget);

/** 224.0.0.18 or ff02::12 (RFC 9568 5.1.1.2, 5.1.2.2). */
struct ip_addr vrrp_multicast(uint8_t family);

struct vrrp_socket_stats {
        uint64_t received, sent, send_failed;
        uint64_t short_packets; /* without a whole IP header; not handed out */
        uint64_t other_groups;  /* multicast to another group than VRRP's; not handed out */
        uint64_t overruns; /* SO_RXQ_OVFL: datagrams the kernel dropped before we read */
};
struct vrrp_socket_stats vrrp_socket_stats(const struct vrrp_socket *s);

#endif
