/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_VIRTUAL_ROUTER_H
#define VIPD_VIRTUAL_ROUTER_H
/*
 * One virtual router of a group, (VRID, family), as the LAN sees it: builds the
 * group's adverts and judges those that come in (RFC 9568 7.1), so that the
 * election only ever sees valid ones.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/config.h"
#include "lib/log.h"
#include "vipd/core/vrrp_packet.h"
#include "vipd/vrrp_ports.h"

/** A valid advert. `order`: sender's address against ours. */
typedef void virtual_router_heard(void *arg, const struct vrrp_advert *advert,
                                  const struct ip_addr *src, int order);

/** Peers whose checksum form was learned. */
#define VIRTUAL_ROUTER_PEERS 8
struct virtual_router_peer {
        struct ip_addr addr;
        uint64_t adverts;
        uint64_t pseudo, plain; /* v3/IPv4 checksum forms seen */
};

/** The last multicast advert as bytes: the next one is nearly always the same. */
#define VIRTUAL_ROUTER_SAME_MAX 128
struct virtual_router_same {
        uint8_t priority;
        int64_t interval_us;
        struct ip_addr source;
        size_t len; /* 0: none, or too long to keep */
        uint8_t bytes[VIRTUAL_ROUTER_SAME_MAX];
};

struct virtual_router {
        const struct config *config;
        const struct conf_group *conf;
        unsigned self; /* our index in the nodes */
        struct vrrp_ports *ports;
        struct vrrp_receiver receiver;
        uint8_t family;
        struct ip_addr source;  /* family 0: none now, cannot send */
        unsigned fits;         /* addresses that one advert holds, at most VRRP_ADDRS_MAX */
        unsigned n_advertised; /* of conf->vips of this family, at most `fits` */
        unsigned left;         /* the others */
        virtual_router_heard *heard;
        void *arg;

        struct virtual_router_same same;

        uint64_t sent, received, send_failed;
        uint64_t rejected[VRRP_ERR_COUNT];
        uint64_t mismatched_addresses, mismatched_interval, mismatched_checksum;
        struct virtual_router_peer peers[VIRTUAL_ROUTER_PEERS];
        unsigned n_peers;
        struct log_limit limit_rejected, limit_mismatch, limit_checksum, limit_send;
};

/** Start listening. The struct and what it points to stay until virtual_router_stop(). */
int virtual_router_start(struct virtual_router *v, const struct config *config,
                         const struct conf_group *conf, unsigned self, uint8_t family,
                         struct vrrp_ports *ports, int ifindex, virtual_router_heard *heard,
                         void *arg);
void virtual_router_stop(struct virtual_router *v);

/** After a reload that left the group's wire side as it was. */
void virtual_router_rebind(struct virtual_router *v, const struct config *config,
                           const struct conf_group *conf, unsigned self);

/** Send one advert to the group's multicast address or each unicast peer. Logs failures, rarely. */
void virtual_router_send(struct virtual_router *v, uint8_t priority, int64_t interval_us);

/** How many vips fit one advert on a link with this MTU; the rest goes without being advertised. */
void virtual_router_fit(struct virtual_router *v, unsigned mtu);

#endif
