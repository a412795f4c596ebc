/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_VRRP_PORTS_H
#define VIPD_VRRP_PORTS_H
/*
 * The VRRP sockets of all interfaces, and which virtual router gets a datagram:
 * one socket for each (interface, family) that some group uses, opened when the
 * interface is there and again when it comes back under a new index.
 */
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "vipd/core/vrrp_packet.h"
#include "vipd/vrrp_socket.h"

struct vrrp_ports;

/** What a virtual router registers; its owner keeps it alive until vrrp_ports_remove(). */
struct vrrp_receiver {
        const char *iface;
        uint8_t family;
        uint8_t vrid;
        void (*receive)(void *arg, const struct vrrp_datagram *d);
        void *arg;
};

int vrrp_ports_new(struct vrrp_ports **ret, sd_event *loop, int64_t priority);
struct vrrp_ports *vrrp_ports_free(struct vrrp_ports *p);

/**
 * Register; opens the socket if `ifindex` > 0. One that has this VRID already gets nothing any more:
 * in a reload, the group that is renamed or gives up its VRID may be there a little longer.
 * @return 0, or -errno of opening (registered all the same)
 */
int vrrp_ports_add(struct vrrp_ports *p, struct vrrp_receiver *r, int ifindex);
void vrrp_ports_remove(struct vrrp_ports *p, struct vrrp_receiver *r);

/** The interface has this index now; 0: it is gone. @return 0 or -errno of opening */
int vrrp_ports_link(struct vrrp_ports *p, const char *iface, int ifindex);

/** Is there a socket to hear this receiver's datagrams with? */
bool vrrp_ports_hears(const struct vrrp_ports *p, const struct vrrp_receiver *r);

/** @return 0 or -errno; -ENETDOWN without a socket */
int vrrp_ports_send(struct vrrp_ports *p, const struct vrrp_receiver *r, const struct ip_addr *src,
                    const struct ip_addr *dst, const void *payload, size_t len);

/** Hand out what is queued on the interface, bounded. */
void vrrp_ports_drain(struct vrrp_ports *p, const char *iface, uint8_t family);

struct vrrp_ports_stats {
        uint64_t unknown_vrid, short_packets, overruns, received, sent, send_failed;
};
struct vrrp_ports_stats vrrp_ports_stats(const struct vrrp_ports *p);

#endif
