/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipd/vrrp_socket.h"

#include <errno.h>
#include <linux/pkt_sched.h>
#include <netinet/ip.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "vipd/core/vrrp_packet.h"

#define BATCH 8        /* datagrams a system call */
#define LOOP_BUDGET 64 /* datagrams a turn of the loop */
#define RECEIVE_BUFFER (1 << 20)
#define TOS_NETWORK_CONTROL 0xc0 /* CS6, as routers and keepalived send */
#define IPV4_HEADER_MIN 20
#define IPV4_HEADER_MAX 60
/* A longer message than any advert may be cut: one byte too many already shows. */
#define DATAGRAM_MAX (IPV4_HEADER_MAX + VRRP_ADVERT_MAX + 1)
#define CONTROL_MAX                                                                                \
        (CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int)) +                        \
         CMSG_SPACE(sizeof(uint32_t)))

struct slot {
        struct sockaddr_storage from;
        struct iovec iov;
        _Alignas(struct cmsghdr) uint8_t control[CONTROL_MAX];
        uint8_t bytes[DATAGRAM_MAX];
};

struct vrrp_socket {
        int fd;
        uint8_t family;
        int ifindex;
        sd_event_source *source;
        vrrp_receive *fn;
        void *arg;
        bool draining;        /* the slots are in use */
        uint32_t kernel_lost; /* the kernel's running count at the last look */
        struct vrrp_socket_stats stats;
        struct slot slots[BATCH];
};

struct option {
        int level, name, value;
};

static const struct option options_v4[] = {
        {IPPROTO_IP, IP_TTL, VRRP_TTL},
        {IPPROTO_IP, IP_MULTICAST_TTL, VRRP_TTL},
        {IPPROTO_IP, IP_MULTICAST_LOOP, 0},
        {IPPROTO_IP, IP_TOS, TOS_NETWORK_CONTROL},
};

static const struct option options_v6[] = {
        {IPPROTO_IPV6, IPV6_CHECKSUM, -1}, /* the codec's; the kernel is to leave it alone */
        {IPPROTO_IPV6, IPV6_UNICAST_HOPS, VRRP_TTL},
        {IPPROTO_IPV6, IPV6_MULTICAST_HOPS, VRRP_TTL},
        {IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0},
        {IPPROTO_IPV6, IPV6_TCLASS, TOS_NETWORK_CONTROL},
        {IPPROTO_IPV6, IPV6_RECVPKTINFO, 1},
        {IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1},
};

static const struct option options_common[] = {
        {SOL_SOCKET, SO_RXQ_OVFL, 1},
        {SOL_SOCKET, SO_PRIORITY, TC_PRIO_CONTROL}, /* after IP_TOS, which sets it too */
};

static int set_options(int fd, const struct option *options, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (setsockopt(fd, options[i].level, options[i].name, &options[i].value,
                               sizeof(options[i].value)) < 0)
                        return -errno;
        return 0;
}

struct ip_addr vrrp_multicast(uint8_t family)
{
        static const uint8_t v4[4] = {224, 0, 0, 18};
        static const uint8_t v6[16] = {0xff, 0x02, [15] = 0x12};

        return family == AF_INET ? ip_addr_from_v4(v4) : ip_addr_from_v6(v6);
}

/* Receive the multicast group on this interface, send multicast to it. */
static int join(int fd, uint8_t family, int ifindex)
{
        const struct ip_addr group = vrrp_multicast(family);
        struct ip_mreqn v4 = {.imr_ifindex = ifindex};
        struct ipv6_mreq v6 = {.ipv6mr_interface = (unsigned)ifindex};
        bool failed;

        memcpy(&v4.imr_multiaddr, group.bytes, sizeof(v4.imr_multiaddr));
        memcpy(&v6.ipv6mr_multiaddr, group.bytes, sizeof(v6.ipv6mr_multiaddr));
        if (family == AF_INET)
                failed = setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &v4, sizeof(v4)) < 0 ||
                         setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &v4, sizeof(v4)) < 0;
        else
                failed = setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &ifindex,
                                    sizeof(ifindex)) < 0 ||
                         setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &v6, sizeof(v6)) < 0;
        if (!failed)
                return 0;
        return errno == EADDRNOTAVAIL ? -ENODEV : -errno; /* IPv4's word for no such interface */
}

static void enlarge_receive_buffer(int fd)
{
        const int size = RECEIVE_BUFFER;

        /* Without the privilege as much as the system allows; losses are counted either way. */
        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
                setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

static int set_up(int fd, uint8_t family, int ifindex)
{
        int r;

        /* By index: a name may have moved to another interface by now. */
        if (setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &ifindex, sizeof(ifindex)) < 0)
                return -errno;
        if (family == AF_INET)
                r = set_options(fd, options_v4, ARRAY_SIZE(options_v4));
        else
                r = set_options(fd, options_v6, ARRAY_SIZE(options_v6));
        if (r < 0)
                return r;
        r = set_options(fd, options_common, ARRAY_SIZE(options_common));
        if (r < 0)
                return r;
        enlarge_receive_buffer(fd);
        return join(fd, family, ifindex);
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
        struct vrrp_socket *s = arg;

        vrrp_socket_drain(s, LOOP_BUDGET);
        return 0;
}

int vrrp_socket_new(struct vrrp_socket **ret, sd_event *loop, int64_t priority, uint8_t family,
                    int ifindex, const char *ifname, vrrp_receive *fn, void *arg)
{
        struct vrrp_socket *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        s->family = family;
        s->ifindex = ifindex;
        s->fn = fn;
        s->arg = arg;
        s->fd = socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, VRRP_PROTOCOL);
        r = s->fd < 0 ? -errno : set_up(s->fd, family, ifindex);
        if (r >= 0)
                r = sd_event_add_io(loop, &s->source, s->fd, EPOLLIN, on_readable, s);
        if (r >= 0)
                r = sd_event_source_set_priority(s->source, priority);
        if (r < 0) {
                vrrp_socket_free(s);
                return r;
        }
        sd_event_source_set_description(s->source, ifname); /* only shown in debug messages */
        *ret = s;
        return 0;
}

struct vrrp_socket *vrrp_socket_free(struct vrrp_socket *s)
{
        if (!s)
                return NULL;
        sd_event_source_disable_unref(s->source);
        if (s->fd >= 0)
                close(s->fd);
        free(s);
        return NULL;
}

/* --- sending --- */

/* The source address as ancillary data; an address is checked by the kernel to be ours. */
static void put_source(struct msghdr *msg, const struct ip_addr *src, int ifindex)
{
        struct cmsghdr *c = CMSG_FIRSTHDR(msg);
        struct in_pktinfo v4 = {.ipi_ifindex = ifindex};
        struct in6_pktinfo v6 = {.ipi6_ifindex = (unsigned)ifindex};

        if (src->family == AF_INET) {
                memcpy(&v4.ipi_spec_dst, src->bytes, sizeof(v4.ipi_spec_dst));
                *c = (struct cmsghdr){.cmsg_level = IPPROTO_IP,
                                      .cmsg_type = IP_PKTINFO,
                                      .cmsg_len = CMSG_LEN(sizeof(v4))};
                memcpy(CMSG_DATA(c), &v4, sizeof(v4));
                msg->msg_controllen = CMSG_SPACE(sizeof(v4));
        } else {
                memcpy(&v6.ipi6_addr, src->bytes, sizeof(v6.ipi6_addr));
                *c = (struct cmsghdr){.cmsg_level = IPPROTO_IPV6,
                                      .cmsg_type = IPV6_PKTINFO,
                                      .cmsg_len = CMSG_LEN(sizeof(v6))};
                memcpy(CMSG_DATA(c), &v6, sizeof(v6));
                msg->msg_controllen = CMSG_SPACE(sizeof(v6));
        }
}

static int send_error(int error)
{
        switch (error) {
        case ENOBUFS:
        case EWOULDBLOCK:
                return -EAGAIN;
        case EINVAL: /* what both families say of a source that is not ours */
                return -EADDRNOTAVAIL;
        default:
                return -error;
        }
}

int vrrp_socket_send(struct vrrp_socket *s, const struct ip_addr *src, const struct ip_addr *dst,
                     const void *payload, size_t len)
{
        _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(struct in6_pktinfo))] = {0};
        struct sockaddr_storage to;
        struct iovec iov = {.iov_base = (void *)(uintptr_t)payload, .iov_len = len};
        struct msghdr msg = {
                .msg_name = &to,
                .msg_namelen = ip_addr_to_sockaddr(dst, s->ifindex, &to),
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = control,
                .msg_controllen = sizeof(control),
        };

        put_source(&msg, src, s->ifindex);
        if (sendmsg(s->fd, &msg, MSG_NOSIGNAL) < 0) {
                s->stats.send_failed++;
                return send_error(errno);
        }
        s->stats.sent++;
        return 0;
}

/* --- receiving --- */

static void count_lost(struct vrrp_socket *s, const struct cmsghdr *c)
{
        uint32_t total;

        memcpy(&total, CMSG_DATA(c), sizeof(total));
        s->stats.overruns += (uint32_t)(total - s->kernel_lost);
        s->kernel_lost = total;
}

/* Losses, and for IPv6 the destination and hop limit. */
static void read_control(struct vrrp_socket *s, struct msghdr *msg, struct vrrp_datagram *d)
{
        struct in6_pktinfo info;

        for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
                if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL)
                        count_lost(s, c);
                if (c->cmsg_level != IPPROTO_IPV6)
                        continue;
                if (c->cmsg_type == IPV6_PKTINFO) {
                        memcpy(&info, CMSG_DATA(c), sizeof(info));
                        d->dst = ip_addr_from_v6(&info.ipi6_addr);
                } else if (c->cmsg_type == IPV6_HOPLIMIT) {
                        memcpy(&d->ttl, CMSG_DATA(c), sizeof(d->ttl));
                }
        }
}

/* An IPv4 raw socket delivers the header too, with its options: everything is in there. */
static bool read_ipv4_header(struct vrrp_datagram *d)
{
        struct iphdr ip;
        size_t header_len;

        if (d->len < sizeof(ip))
                return false;
        memcpy(&ip, d->payload, sizeof(ip));
        header_len = ip.ihl * 4U;
        if (ip.version != 4 || header_len < IPV4_HEADER_MIN || header_len > d->len)
                return false;
        d->dst = ip_addr_from_v4(&ip.daddr);
        d->ttl = ip.ttl;
        d->payload += header_len;
        d->len -= header_len;
        return true;
}

static void hand_out(struct vrrp_socket *s, struct slot *slot, struct mmsghdr *m)
{
        const struct ip_addr group = vrrp_multicast(s->family);
        struct vrrp_datagram d = {
                .src = ip_addr_from_sockaddr((const struct sockaddr *)&slot->from),
                .ttl = -1,
                .payload = slot->bytes,
                .len = m->msg_len,
        };

        s->stats.received++;
        read_control(s, &m->msg_hdr, &d);
        if (s->family == AF_INET ? !read_ipv4_header(&d) : d.dst.family != AF_INET6) {
                s->stats.short_packets++;
                return;
        }
        d.multicast = ip_addr_cmp(&d.dst, &group) == 0;
        /* What another socket of the host has joined. IP_MULTICAST_ALL would keep that away, its
         * counterpart does nothing for IPv6 raw sockets (raw_v6_match). */
        if (!d.multicast && ip_addr_is_multicast(&d.dst)) {
                s->stats.other_groups++;
                return;
        }
        s->fn(s->arg, s, &d);
}

static int receive_batch(struct vrrp_socket *s, struct mmsghdr *messages, unsigned n)
{
        for (unsigned i = 0; i < n; i++) {
                struct slot *slot = &s->slots[i];

                slot->iov = (struct iovec){.iov_base = slot->bytes, .iov_len = DATAGRAM_MAX};
                messages[i].msg_hdr = (struct msghdr){
                        .msg_name = &slot->from,
                        .msg_namelen = sizeof(slot->from),
                        .msg_iov = &slot->iov,
                        .msg_iovlen = 1,
                        .msg_control = slot->control,
                        .msg_controllen = CONTROL_MAX,
                };
        }
        /* An error the kernel left on the socket is cleared by reading it. */
        return recvmmsg(s->fd, messages, n, MSG_DONTWAIT, NULL);
}

unsigned vrrp_socket_drain(struct vrrp_socket *s, unsigned budget)
{
        struct mmsghdr messages[BATCH];
        unsigned total = 0;

        if (s->draining)
                return 0;
        s->draining = true;
        while (total < budget) {
                const unsigned want = budget - total < BATCH ? budget - total : BATCH;
                const int n = receive_batch(s, messages, want);

                for (int i = 0; i < n; i++)
                        hand_out(s, &s->slots[i], &messages[i]);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n > 0)
                        total += (unsigned)n;
                if (n < (int)want)
                        break;
        }
        s->draining = false;
        return total;
}

struct vrrp_socket_stats vrrp_socket_stats(const struct vrrp_socket *s)
{
        return s->stats;
}
