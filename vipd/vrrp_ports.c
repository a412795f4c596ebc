/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipd/vrrp_ports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"

/* Twice what 255 virtual routers with two peers each can send in one stall of ten intervals. */
#define DRAIN_BUDGET 8192

struct port {
        struct vrrp_ports *ports;
        char iface[IFNAMSIZ];
        uint8_t family;
        int ifindex; /* 0: the interface is not there */
        struct vrrp_socket *socket;
        struct vrrp_receiver *by_vrid[256];
        unsigned n_receivers;
        struct port *next;
};

struct vrrp_ports {
        sd_event *loop;
        int64_t priority;
        struct port *first;
        struct vrrp_ports_stats stats; /* of closed sockets, and our own counters */
};

int vrrp_ports_new(struct vrrp_ports **ret, sd_event *loop, int64_t priority)
{
        struct vrrp_ports *p = calloc(1, sizeof(*p));

        if (!p)
                return -ENOMEM;
        p->loop = sd_event_ref(loop);
        p->priority = priority;
        *ret = p;
        return 0;
}

static void stats_add(struct vrrp_ports_stats *sum, const struct vrrp_socket *s)
{
        struct vrrp_socket_stats one = vrrp_socket_stats(s);

        sum->received += one.received;
        sum->sent += one.sent;
        sum->send_failed += one.send_failed;
        sum->short_packets += one.short_packets;
        sum->overruns += one.overruns;
}

static void port_close(struct port *port)
{
        if (!port->socket)
                return;
        stats_add(&port->ports->stats, port->socket);
        port->socket = vrrp_socket_free(port->socket);
}

struct vrrp_ports *vrrp_ports_free(struct vrrp_ports *p)
{
        if (!p)
                return NULL;
        while (p->first) {
                struct port *port = p->first;

                p->first = port->next;
                port_close(port);
                free(port);
        }
        sd_event_unref(p->loop);
        free(p);
        return NULL;
}

static struct port *port_find(const struct vrrp_ports *p, const char *iface, uint8_t family)
{
        for (struct port *port = p->first; port; port = port->next)
                if (port->family == family && strcmp(port->iface, iface) == 0)
                        return port;
        return NULL;
}

static void on_datagram(void *arg, struct vrrp_socket *s, const struct vrrp_datagram *d)
{
        struct port *port = arg;
        /* The one byte that says whom it is for; everything else is the codec's. */
        struct vrrp_receiver *r = d->len >= 2 ? port->by_vrid[d->payload[1]] : NULL;

        (void)s;
        if (r)
                r->receive(r->arg, d);
        else
                port->ports->stats.unknown_vrid++;
}

static int port_open(struct port *port)
{
        if (port->socket || port->ifindex == 0 || port->n_receivers == 0)
                return 0;
        return vrrp_socket_new(&port->socket, port->ports->loop, port->ports->priority,
                               port->family, port->ifindex, port->iface, on_datagram, port);
}

int vrrp_ports_add(struct vrrp_ports *p, struct vrrp_receiver *r, int ifindex)
{
        struct port *port = port_find(p, r->iface, r->family);

        if (!port) {
                port = calloc(1, sizeof(*port));
                if (!port)
                        return -ENOMEM;
                port->ports = p;
                strncpy(port->iface, r->iface, sizeof(port->iface) - 1);
                port->family = r->family;
                port->next = p->first;
                p->first = port;
        }
        if (!port->by_vrid[r->vrid])
                port->n_receivers++;
        port->by_vrid[r->vrid] = r;
        port->ifindex = ifindex;
        return port_open(port);
}

void vrrp_ports_remove(struct vrrp_ports *p, struct vrrp_receiver *r)
{
        struct port **at = &p->first;

        while (*at && !((*at)->family == r->family && strcmp((*at)->iface, r->iface) == 0))
                at = &(*at)->next;
        if (!*at || (*at)->by_vrid[r->vrid] != r)
                return;
        (*at)->by_vrid[r->vrid] = NULL;
        if (--(*at)->n_receivers == 0) {
                struct port *port = *at;

                *at = port->next;
                port_close(port);
                free(port);
        }
}

int vrrp_ports_link(struct vrrp_ports *p, const char *iface, int ifindex)
{
        int result = 0;

        for (struct port *port = p->first; port; port = port->next) {
                int r;

                if (strcmp(port->iface, iface) != 0)
                        continue;
                if (port->ifindex != ifindex)
                        port_close(port);
                port->ifindex = ifindex;
                r = port_open(port);
                if (r < 0)
                        result = r;
        }
        return result;
}

bool vrrp_ports_hears(const struct vrrp_ports *p, const struct vrrp_receiver *r)
{
        const struct port *port = port_find(p, r->iface, r->family);

        return port && port->socket && port->by_vrid[r->vrid] == r;
}

int vrrp_ports_send(struct vrrp_ports *p, const struct vrrp_receiver *r, const struct ip_addr *src,
                    const struct ip_addr *dst, const void *payload, size_t len)
{
        struct port *port = port_find(p, r->iface, r->family);

        if (!port || !port->socket)
                return -ENETDOWN;
        return vrrp_socket_send(port->socket, src, dst, payload, len);
}

void vrrp_ports_drain(struct vrrp_ports *p, const char *iface, uint8_t family)
{
        struct port *port = port_find(p, iface, family);

        if (port && port->socket)
                vrrp_socket_drain(port->socket, DRAIN_BUDGET);
}

struct vrrp_ports_stats vrrp_ports_stats(const struct vrrp_ports *p)
{
        struct vrrp_ports_stats sum = p->stats;

        for (const struct port *port = p->first; port; port = port->next)
                if (port->socket)
                        stats_add(&sum, port->socket);
        return sum;
}
