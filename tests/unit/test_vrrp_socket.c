/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Raw sockets over a veth pair between two namespaces without a name, "here" (a0, 192.0.2.1,
 * fe80::1, 2001:db8::1) and "there" (b0, .2); a second pair, a1 and b1, must not be mixed up with
 * the first. Needs root.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "vipd/core/vrrp_packet.h"
#include "vipd/vrrp_socket.h"

#define SKIPPED 77
#define PATIENCE_US (5 * US_PER_S)

static int here, there; /* namespaces */
static sd_event *loop;

struct heard {
        unsigned count;
        struct vrrp_datagram last; /* its payload points into bytes */
        uint8_t bytes[VRRP_ADVERT_MAX + 100];
};

static struct ip_addr ip(const char *text)
{
        struct ip_addr a;

        assert_int_equal(ip_addr_parse(text, &a), 0);
        return a;
}

__attribute__((format(printf, 2, 3))) static void run_in(int ns, const char *format, ...)
{
        char command[512];
        va_list args;

        va_start(args, format);
        vsnprintf(command, sizeof(command), format, args);
        va_end(args);
        assert_int_equal(setns(ns, CLONE_NEWNET), 0);
        assert_int_equal(system(command), 0);
        assert_int_equal(setns(here, CLONE_NEWNET), 0);
}

static void on_datagram(void *arg, struct vrrp_socket *s, const struct vrrp_datagram *d)
{
        struct heard *h = arg;

        assert_true(d->len <= sizeof(h->bytes));
        h->count++;
        h->last = *d;
        memcpy(h->bytes, d->payload, d->len);
        h->last.payload = h->bytes;
}

static struct vrrp_socket *open_in(int ns, uint8_t family, const char *ifname, struct heard *h)
{
        struct vrrp_socket *s;

        assert_int_equal(setns(ns, CLONE_NEWNET), 0);
        assert_int_equal(vrrp_socket_new(&s, loop, 0, family, (int)if_nametoindex(ifname), ifname,
                                         on_datagram, h),
                         0);
        assert_int_equal(setns(here, CLONE_NEWNET), 0);
        return s;
}

/* A foreign sender: a raw socket of its own on b0. */
static int open_foreign(int family)
{
        int fd;

        assert_int_equal(setns(there, CLONE_NEWNET), 0);
        fd = socket(family, SOCK_RAW | SOCK_CLOEXEC, VRRP_PROTOCOL);
        assert_true(fd >= 0);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "b0", 3), 0);
        assert_int_equal(setns(here, CLONE_NEWNET), 0);
        return fd;
}

static void foreign_send(int fd, const char *dst, const void *bytes, size_t len)
{
        const struct ip_addr to = ip(dst);
        struct sockaddr_storage sa;
        socklen_t sa_len;

        assert_int_equal(setns(there, CLONE_NEWNET), 0);
        sa_len = ip_addr_to_sockaddr(&to, (int)if_nametoindex("b0"), &sa);
        assert_int_equal(setns(here, CLONE_NEWNET), 0);
        assert_int_equal(sendto(fd, bytes, len, 0, (struct sockaddr *)&sa, sa_len), (ssize_t)len);
}

/* Run the loop until `count` datagrams were heard, or patience ends. */
static void wait_for(const struct heard *h, unsigned count)
{
        const mono_t end = mono_add_us(clock_now(), PATIENCE_US);

        while (h->count < count && mono_before(clock_now(), end))
                assert_true(sd_event_run(loop, 100 * US_PER_MS) >= 0);
        assert_int_equal(h->count, count);
}

static void run_loop_for_us(int64_t us, unsigned *ret_turns)
{
        const mono_t end = mono_add_us(clock_now(), us);

        *ret_turns = 0;
        for (mono_t now = clock_now(); mono_before(now, end); now = clock_now()) {
                assert_true(sd_event_run(loop, (uint64_t)mono_diff_us(end, now)) >= 0);
                (*ret_turns)++;
        }
}

/* --- both ways, both families --- */

static struct vrrp_advert sample(uint8_t family)
{
        return (struct vrrp_advert){
                .version = 3,
                .vrid = 51,
                .priority = 150,
                .interval_cs = 100,
                .family = family,
                .n_addrs = 1,
                .addrs = {ip(family == AF_INET ? "192.0.2.10" : "fe80::10")},
                .sum = family == AF_INET ? VRRP_SUM_PSEUDO : VRRP_SUM_UNKNOWN,
        };
}

/*
 * Again and again, as an election does: a neighbour is resolved first, and just after the links
 * came up the kernel may drop what waits for that.
 */
static void send_until_heard(struct vrrp_socket *from, const struct ip_addr *src,
                             const struct ip_addr *dst, const void *bytes, size_t len,
                             const struct heard *h)
{
        const mono_t end = mono_add_us(clock_now(), 2 * PATIENCE_US);

        while (h->count == 0 && mono_before(clock_now(), end)) {
                const mono_t again = mono_add_us(clock_now(), US_PER_S);

                assert_int_equal(vrrp_socket_send(from, src, dst, bytes, len), 0);
                while (h->count == 0 && mono_before(clock_now(), again))
                        assert_true(sd_event_run(loop, 100 * US_PER_MS) >= 0);
        }
        assert_true(h->count > 0);
}

/* An advert sent here arrives there as it was sent, from the source that was asked for. */
static void check_delivery(const char *source, const char *destination, bool multicast)
{
        const struct ip_addr src = ip(source), dst = ip(destination);
        const struct vrrp_advert a = sample(src.family);
        struct heard h = {0}, own = {0};
        struct vrrp_socket *from = open_in(here, src.family, "a0", &own);
        struct vrrp_socket *to = open_in(there, src.family, "b0", &h);
        struct vrrp_advert back;
        uint8_t bytes[VRRP_ADVERT_MAX];
        const size_t len = vrrp_advert_encode(&a, &src, &dst, bytes, sizeof(bytes));

        assert_true(len > 0);
        send_until_heard(from, &src, &dst, bytes, len, &h);
        assert_int_equal(ip_addr_cmp(&h.last.src, &src), 0);
        assert_int_equal(ip_addr_cmp(&h.last.dst, &dst), 0);
        assert_int_equal(h.last.ttl, VRRP_TTL);
        assert_int_equal(h.last.multicast, multicast);
        assert_int_equal(h.last.len, len);
        assert_memory_equal(h.last.payload, bytes, len);
        assert_int_equal(
                vrrp_advert_decode(h.last.payload, h.last.len, &h.last.src, &h.last.dst, &back),
                VRRP_OK);
        assert_int_equal(own.count, 0);
        assert_true(vrrp_socket_stats(from).sent >= 1);
        assert_int_equal(vrrp_socket_stats(to).received, h.count);
        vrrp_socket_free(from);
        vrrp_socket_free(to);
}

static void multicast_ipv4_arrives_with_ttl_255(void **state)
{
        check_delivery("192.0.2.1", "224.0.0.18", true);
}

static void multicast_ipv6_arrives_with_hop_limit_255(void **state)
{
        check_delivery("fe80::1", "ff02::12", true);
}

static void unicast_ipv4_arrives_with_ttl_255(void **state)
{
        check_delivery("192.0.2.1", "192.0.2.2", false);
}

static void unicast_ipv6_arrives_with_hop_limit_255(void **state)
{
        check_delivery("2001:db8::1", "2001:db8::2", false);
        check_delivery("fe80::1", "fe80::2", false);
}

/* Each interface has two addresses of a family: the kernel's choice would be the first. */
static void the_source_is_the_one_asked_for(void **state)
{
        check_delivery("192.0.2.101", "224.0.0.18", true);
        check_delivery("192.0.2.101", "192.0.2.2", false);
        check_delivery("fe80::101", "ff02::12", true);
}

static void own_multicast_is_not_heard(void **state)
{
        static const uint8_t families[] = {AF_INET, AF_INET6};
        unsigned turns;

        for (unsigned i = 0; i < ARRAY_SIZE(families); i++) {
                struct heard h = {0}, other = {0}, far = {0};
                struct vrrp_socket *s = open_in(here, families[i], "a0", &h);
                struct vrrp_socket *twin = open_in(here, families[i], "a0", &other);
                struct vrrp_socket *to = open_in(there, families[i], "b0", &far);
                const struct ip_addr src = ip(families[i] == AF_INET ? "192.0.2.1" : "fe80::1");
                const struct ip_addr dst = vrrp_multicast(families[i]);

                assert_int_equal(vrrp_socket_send(s, &src, &dst, "12345678", 8), 0);
                wait_for(&far, 1);
                run_loop_for_us(20 * US_PER_MS, &turns);
                assert_int_equal(h.count, 0);
                assert_int_equal(other.count, 0);
                vrrp_socket_free(s);
                vrrp_socket_free(twin);
                vrrp_socket_free(to);
        }
}

static void only_its_own_interface_is_heard(void **state)
{
        static const uint8_t families[] = {AF_INET, AF_INET6};

        for (unsigned i = 0; i < ARRAY_SIZE(families); i++) {
                struct heard h0 = {0}, h1 = {0}, none = {0};
                struct vrrp_socket *from = open_in(here, families[i], "a1", &none);
                struct vrrp_socket *b0 = open_in(there, families[i], "b0", &h0);
                struct vrrp_socket *b1 = open_in(there, families[i], "b1", &h1);
                const struct ip_addr src = ip(families[i] == AF_INET ? "198.51.100.1" : "fe80::11");
                const struct ip_addr dst = vrrp_multicast(families[i]);

                assert_int_equal(vrrp_socket_send(from, &src, &dst, "12345678", 8), 0);
                wait_for(&h1, 1);
                assert_int_equal(vrrp_socket_drain(b0, 10), 0);
                assert_int_equal(h0.count, 0);
                vrrp_socket_free(from);
                vrrp_socket_free(b0);
                vrrp_socket_free(b1);
        }
}

/* Somebody else's membership brings the packets of its group to the host, not to us. */
static void groups_that_others_joined_are_not_heard(void **state)
{
        const struct ip_mreqn v4 = {.imr_multiaddr.s_addr = inet_addr("224.0.0.99"),
                                    .imr_ifindex = (int)if_nametoindex("a0")};
        struct ipv6_mreq v6 = {.ipv6mr_interface = if_nametoindex("a0")};
        struct heard h4 = {0}, h6 = {0};
        struct vrrp_socket *s4 = open_in(here, AF_INET, "a0", &h4);
        struct vrrp_socket *s6 = open_in(here, AF_INET6, "a0", &h6);
        int other4 = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        int other6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        int fd4 = open_foreign(AF_INET), fd6 = open_foreign(AF_INET6);

        inet_pton(AF_INET6, "ff02::99", &v6.ipv6mr_multiaddr);
        assert_int_equal(setsockopt(other4, IPPROTO_IP, IP_ADD_MEMBERSHIP, &v4, sizeof(v4)), 0);
        assert_int_equal(setsockopt(other6, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &v6, sizeof(v6)), 0);
        foreign_send(fd4, "224.0.0.99", "other", 5);
        foreign_send(fd4, "224.0.0.18", "12345678", 8);
        foreign_send(fd6, "ff02::99", "other", 5);
        foreign_send(fd6, "ff02::12", "12345678", 8);
        wait_for(&h4, 1); /* in order: the other one would have come first */
        wait_for(&h6, 1);
        assert_int_equal(h4.last.len, 8);
        assert_int_equal(h6.last.len, 8);
        assert_int_equal(vrrp_socket_stats(s4).other_groups, 1);
        assert_int_equal(vrrp_socket_stats(s6).other_groups, 1);
        close(other4);
        close(other6);
        close(fd4);
        close(fd6);
        vrrp_socket_free(s4);
        vrrp_socket_free(s6);
}

/* The socket does not care what the bytes say, and the kernel is not to mend their checksum. */
static void the_kernel_leaves_ipv6_checksums_alone(void **state)
{
        static const uint8_t bytes[9] = {0x31, 1, 2, 3, 4, 5, 0xaa, 0x55, 6}; /* odd length */
        const struct ip_addr src = ip("fe80::1"), dst = ip("ff02::12");
        struct heard h = {0}, own = {0};
        struct vrrp_socket *from = open_in(here, AF_INET6, "a0", &own);
        struct vrrp_socket *to = open_in(there, AF_INET6, "b0", &h);

        assert_int_equal(vrrp_socket_send(from, &src, &dst, bytes, sizeof(bytes)), 0);
        wait_for(&h, 1);
        assert_int_equal(h.last.len, sizeof(bytes));
        assert_memory_equal(h.last.payload, bytes, sizeof(bytes));
        vrrp_socket_free(from);
        vrrp_socket_free(to);
}

/* --- what the packets look like from outside --- */

static void packets_carry_traffic_class_cs6(void **state)
{
        const struct ip_addr v4 = ip("192.0.2.1"), v6 = ip("fe80::1");
        const struct ip_addr group4 = ip("224.0.0.18"), group6 = ip("ff02::12");
        struct ip_mreqn join4 = {0};
        struct ipv6_mreq join6 = {0};
        uint8_t bytes[128], control[64];
        struct iovec iov = {bytes, sizeof(bytes)};
        struct msghdr msg = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
        struct heard own = {0};
        struct vrrp_socket *s4 = open_in(here, AF_INET, "a0", &own);
        struct vrrp_socket *s6 = open_in(here, AF_INET6, "a0", &own);
        int fd4 = open_foreign(AF_INET), fd6 = open_foreign(AF_INET6), tclass;

        memcpy(&join4.imr_multiaddr, group4.bytes, 4);
        memcpy(&join6.ipv6mr_multiaddr, group6.bytes, 16);
        assert_int_equal(setns(there, CLONE_NEWNET), 0);
        join4.imr_ifindex = (int)if_nametoindex("b0");
        join6.ipv6mr_interface = if_nametoindex("b0");
        assert_int_equal(setns(here, CLONE_NEWNET), 0);
        assert_int_equal(setsockopt(fd4, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join4, sizeof(join4)), 0);
        assert_int_equal(setsockopt(fd6, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &join6, sizeof(join6)),
                         0);
        assert_int_equal(setsockopt(fd6, IPPROTO_IPV6, IPV6_RECVTCLASS, &(int){1}, sizeof(int)), 0);

        assert_int_equal(vrrp_socket_send(s4, &v4, &group4, "12345678", 8), 0);
        assert_int_equal(recv(fd4, bytes, sizeof(bytes), 0), 28);
        assert_int_equal(bytes[1], 0xc0);
        assert_int_equal(bytes[8], 255);
        assert_int_equal(bytes[9], 112);

        assert_int_equal(vrrp_socket_send(s6, &v6, &group6, "12345678", 8), 0);
        assert_int_equal(recvmsg(fd6, &msg, 0), 8);
        assert_non_null(CMSG_FIRSTHDR(&msg));
        assert_int_equal(CMSG_FIRSTHDR(&msg)->cmsg_type, IPV6_TCLASS);
        memcpy(&tclass, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(tclass));
        assert_int_equal(tclass, 0xc0);
        close(fd4);
        close(fd6);
        vrrp_socket_free(s4);
        vrrp_socket_free(s6);
}

/* --- what others send --- */

static void a_ttl_below_255_is_reported(void **state)
{
        struct heard h = {0};
        struct vrrp_socket *s = open_in(here, AF_INET, "a0", &h);
        CLEANUP(closep) int fd = open_foreign(AF_INET);

        assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &(int){254}, sizeof(int)), 0);
        foreign_send(fd, "224.0.0.18", "12345678", 8);
        wait_for(&h, 1);
        assert_int_equal(h.last.ttl, 254);
        assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_TTL, &(int){1}, sizeof(int)), 0);
        foreign_send(fd, "192.0.2.1", "12345678", 8);
        wait_for(&h, 2);
        assert_int_equal(h.last.ttl, 1);
        vrrp_socket_free(s);
}

static void a_hop_limit_below_255_is_reported(void **state)
{
        struct heard h = {0};
        struct vrrp_socket *s = open_in(here, AF_INET6, "a0", &h);
        CLEANUP(closep) int fd = open_foreign(AF_INET6);

        assert_int_equal(
                setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &(int){254}, sizeof(int)), 0);
        foreign_send(fd, "ff02::12", "12345678", 8);
        wait_for(&h, 1);
        assert_int_equal(h.last.ttl, 254);
        assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &(int){64}, sizeof(int)),
                         0);
        foreign_send(fd, "2001:db8::1", "12345678", 8);
        wait_for(&h, 2);
        assert_int_equal(h.last.ttl, 64);
        assert_false(h.last.multicast);
        vrrp_socket_free(s);
}

/* Router alert, RFC 2113: the header is 24 bytes then. */
static void ip_options_are_not_taken_for_payload(void **state)
{
        static const uint8_t router_alert[4] = {0x94, 0x04, 0, 0};
        struct heard h = {0};
        struct vrrp_socket *s = open_in(here, AF_INET, "a0", &h);
        CLEANUP(closep) int fd = open_foreign(AF_INET);

        assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_OPTIONS, router_alert, sizeof(router_alert)),
                         0);
        foreign_send(fd, "224.0.0.18", "12345678", 8);
        wait_for(&h, 1);
        assert_int_equal(h.last.len, 8);
        assert_memory_equal(h.last.payload, "12345678", 8);
        vrrp_socket_free(s);
}

/* 4097 bytes are one more than the longest advert, in fragments; the decoder sees that. */
static void an_overlong_message_is_seen_as_overlong(void **state)
{
        uint8_t bytes[60000] = {0x31, 51, 150, 255, 0, 100};
        struct heard h = {0};
        struct vrrp_socket *s = open_in(here, AF_INET, "a0", &h);
        CLEANUP(closep) int fd = open_foreign(AF_INET);
        struct vrrp_advert a;

        foreign_send(fd, "192.0.2.1", bytes, sizeof(bytes));
        wait_for(&h, 1);
        assert_true(h.last.len > VRRP_ADVERT_MAX);
        assert_int_equal(
                vrrp_advert_decode(h.last.payload, h.last.len, &h.last.src, &h.last.dst, &a),
                VRRP_ERR_LENGTH);
        vrrp_socket_free(s);
}

static void an_empty_payload_is_handed_out(void **state)
{
        struct heard h = {0};
        struct vrrp_socket *s4 = open_in(here, AF_INET, "a0", &h);
        struct vrrp_socket *s6 = open_in(here, AF_INET6, "a0", &h);
        int fd4 = open_foreign(AF_INET), fd6 = open_foreign(AF_INET6);

        foreign_send(fd4, "192.0.2.1", "", 0);
        wait_for(&h, 1);
        assert_int_equal(h.last.len, 0);
        foreign_send(fd6, "2001:db8::1", "", 0);
        wait_for(&h, 2);
        assert_int_equal(h.last.len, 0);
        close(fd4);
        close(fd6);
        vrrp_socket_free(s4);
        vrrp_socket_free(s6);
}

/* --- the queue --- */

/* 20 are queued: 5, then 12, then the 3 that are left. The loop does not run in between. */
static void drain_stops_at_its_budget(void **state)
{
        struct heard h = {0};
        struct vrrp_socket *s = open_in(here, AF_INET, "a0", &h);
        CLEANUP(closep) int fd = open_foreign(AF_INET);

        foreign_send(fd, "192.0.2.1", "12345678", 8);
        wait_for(&h, 1); /* the neighbour is resolved: from here on delivery is synchronous */
        h.count = 0;
        for (unsigned i = 0; i < 20; i++)
                foreign_send(fd, "192.0.2.1", "12345678", 8);
        usleep(50 * 1000);
        assert_int_equal(vrrp_socket_drain(s, 5), 5);
        assert_int_equal(h.count, 5);
        assert_int_equal(vrrp_socket_drain(s, 12), 12);
        assert_int_equal(h.count, 17);
        wait_for(&h, 20);
        assert_int_equal(vrrp_socket_drain(s, 10), 0);
        assert_int_equal(vrrp_socket_drain(s, 0), 0);
        vrrp_socket_free(s);
}

static void drain_again(void *arg, struct vrrp_socket *s, const struct vrrp_datagram *d)
{
        struct heard *h = arg;

        assert_int_equal(vrrp_socket_drain(s, 100), 0);
        assert_int_equal(d->len, 1);
        assert_int_equal(d->payload[0], h->count);
        h->count++;
}

static void draining_from_the_callback_does_nothing(void **state)
{
        struct heard h = {0};
        struct vrrp_socket *s;
        CLEANUP(closep) int fd = open_foreign(AF_INET);

        assert_int_equal(vrrp_socket_new(&s, loop, 0, AF_INET, (int)if_nametoindex("a0"), "a0",
                                         drain_again, &h),
                         0);
        /* More than one system call reads: a second reader would put later ones in their place. */
        for (uint8_t i = 0; i < 50; i++)
                foreign_send(fd, "192.0.2.1", &i, 1);
        wait_for(&h, 50);
        vrrp_socket_free(s);
}

/*
 * The buffer holds 2 MiB of the kernel's bookkeeping, at least 256 bytes a datagram: fewer than
 * 8192. What is not read is dropped, and the next one that gets through says how many.
 */
static void what_the_kernel_dropped_is_counted(void **state)
{
        enum { FLOOD = 9000 };
        struct heard h = {0};
        struct vrrp_socket *s = open_in(here, AF_INET, "a0", &h);
        CLEANUP(closep) int fd = open_foreign(AF_INET);
        struct vrrp_socket_stats stats;

        for (unsigned i = 0; i < FLOOD; i++)
                foreign_send(fd, "192.0.2.1", "12345678", 8);
        usleep(50 * 1000);
        while (vrrp_socket_drain(s, 1000) > 0)
                continue;
        assert_int_equal(vrrp_socket_stats(s).received, h.count);
        assert_true(h.count < FLOOD);

        const unsigned before = h.count;
        for (unsigned i = 0; i < 5; i++) /* each tells the same sum */
                foreign_send(fd, "192.0.2.1", "12345678", 8);
        wait_for(&h, before + 5);
        stats = vrrp_socket_stats(s);
        assert_true(stats.overruns > 0);
        assert_true(stats.received + stats.overruns <= FLOOD + 5);
        vrrp_socket_free(s);
}

/* --- failures --- */

/* Linux 6.7 and newer answer ENETUNREACH where older ones had EINVAL. */
static void assert_not_ours(int r)
{
        assert_true(r == -EADDRNOTAVAIL || r == -ENETUNREACH);
}

static void a_source_that_is_not_ours_is_refused(void **state)
{
        const struct ip_addr not_ours4 = ip("192.0.2.99"), not_ours6 = ip("fe80::99");
        const struct ip_addr group4 = ip("224.0.0.18"), group6 = ip("ff02::12");
        const struct ip_addr peer4 = ip("192.0.2.2"), peer6 = ip("2001:db8::2");
        struct heard h = {0};
        struct vrrp_socket *s4 = open_in(here, AF_INET, "a0", &h);
        struct vrrp_socket *s6 = open_in(here, AF_INET6, "a0", &h);

        assert_not_ours(vrrp_socket_send(s4, &not_ours4, &group4, "12345678", 8));
        assert_not_ours(vrrp_socket_send(s4, &not_ours4, &peer4, "12345678", 8));
        assert_int_equal(vrrp_socket_send(s6, &not_ours6, &group6, "12345678", 8), -EADDRNOTAVAIL);
        assert_int_equal(vrrp_socket_send(s6, &not_ours6, &peer6, "12345678", 8), -EADDRNOTAVAIL);
        assert_int_equal(vrrp_socket_stats(s4).send_failed, 2);
        assert_int_equal(vrrp_socket_stats(s4).sent, 0);
        vrrp_socket_free(s4);
        vrrp_socket_free(s6);
}

static void an_interface_that_does_not_exist_is_said(void **state)
{
        struct vrrp_socket *s = NULL;

        assert_int_equal(vrrp_socket_new(&s, loop, 0, AF_INET, 9999, "none", on_datagram, NULL),
                         -ENODEV);
        assert_int_equal(vrrp_socket_new(&s, loop, 0, AF_INET6, 9999, "none", on_datagram, NULL),
                         -ENODEV);
        assert_null(s);
        assert_null(vrrp_socket_free(NULL));
}

/* Send until it works: an interface takes a moment to be up, with its carrier. */
static void send_with_patience(struct vrrp_socket *s, const char *source, const struct heard *h)
{
        const struct ip_addr src = ip(source), dst = vrrp_multicast(src.family);
        const mono_t end = mono_add_us(clock_now(), PATIENCE_US);

        while (h->count == 0 && mono_before(clock_now(), end)) {
                vrrp_socket_send(s, &src, &dst, "12345678", 8);
                assert_true(sd_event_run(loop, 20 * US_PER_MS) >= 0);
        }
        assert_true(h->count > 0);
}

static void an_interface_that_comes_up_again_is_used_on(void **state)
{
        const struct ip_addr src = ip("192.0.2.1"), dst = ip("224.0.0.18");
        struct heard h4 = {0}, h6 = {0}, own = {0};
        struct vrrp_socket *from4 = open_in(here, AF_INET, "a0", &own);
        struct vrrp_socket *from6 = open_in(here, AF_INET6, "a0", &own);
        struct vrrp_socket *to4 = open_in(there, AF_INET, "b0", &h4);
        struct vrrp_socket *to6 = open_in(there, AF_INET6, "b0", &h6);
        unsigned turns;

        run_in(there, "ip link set b0 down");
        run_in(here, "ip link set a0 down");
        assert_true(vrrp_socket_send(from4, &src, &dst, "12345678", 8) < 0);
        run_loop_for_us(50 * US_PER_MS, &turns);
        assert_true(turns < 10);
        run_in(there, "ip link set b0 up; ip addr add fe80::2/64 dev b0 nodad");
        run_in(here, "ip link set a0 up; ip addr add fe80::1/64 dev a0 nodad");
        send_with_patience(from4, "192.0.2.1", &h4);
        send_with_patience(from6, "fe80::1", &h6);
        vrrp_socket_free(from4);
        vrrp_socket_free(from6);
        vrrp_socket_free(to4);
        vrrp_socket_free(to6);
}

/* With EPOLLERR or EPOLLHUP standing the loop would turn thousands of times. */
static void an_interface_deleted_under_it_leaves_the_loop_idle(void **state)
{
        const struct ip_addr src4 = ip("198.51.100.1"), src6 = ip("fe80::11");
        const struct ip_addr group4 = ip("224.0.0.18"), group6 = ip("ff02::12");
        struct heard h = {0};
        struct vrrp_socket *s4 = open_in(here, AF_INET, "a1", &h);
        struct vrrp_socket *s6 = open_in(here, AF_INET6, "a1", &h);
        unsigned turns;

        run_in(here, "ip link del a1");
        run_loop_for_us(300 * US_PER_MS, &turns);
        assert_true(turns < 10);
        assert_true(vrrp_socket_send(s4, &src4, &group4, "12345678", 8) < 0);
        assert_true(vrrp_socket_send(s6, &src6, &group6, "12345678", 8) < 0);
        run_loop_for_us(300 * US_PER_MS, &turns);
        assert_true(turns < 10);
        assert_int_equal(vrrp_socket_drain(s4, 10), 0);
        assert_int_equal(vrrp_socket_drain(s6, 10), 0);
        vrrp_socket_free(s4);
        vrrp_socket_free(s6);
}

/* --- the two namespaces --- */

static int new_namespace(void)
{
        if (unshare(CLONE_NEWNET) < 0)
                return -1;
        return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

static int set_up_links(void **state)
{
        char path[64];

        snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), there);
        run_in(here,
               "ip link add a0 type veth peer name b0 netns %s && "
               "ip link add a1 type veth peer name b1 netns %s",
               path, path);
        run_in(here, "for i in a0 a1; do ip link set $i addrgenmode none; ip link set $i up; done;"
                     "ip addr add 192.0.2.1/24 dev a0; ip addr add 192.0.2.101/24 dev a0;"
                     "ip addr add 198.51.100.1/24 dev a1; ip addr add fe80::1/64 dev a0 nodad;"
                     "ip addr add fe80::101/64 dev a0 nodad; ip addr add fe80::11/64 dev a1 nodad;"
                     "ip addr add 2001:db8::1/64 dev a0 nodad");
        run_in(there, "for i in b0 b1; do ip link set $i addrgenmode none; ip link set $i up; done;"
                      "ip addr add 192.0.2.2/24 dev b0; ip addr add 198.51.100.2/24 dev b1;"
                      "ip addr add fe80::2/64 dev b0 nodad; ip addr add fe80::12/64 dev b1 nodad;"
                      "ip addr add 2001:db8::2/64 dev b0 nodad");

        struct heard h = {0}, own = {0};
        struct vrrp_socket *from = open_in(here, AF_INET6, "a0", &own);
        struct vrrp_socket *to = open_in(there, AF_INET6, "b0", &h);

        send_with_patience(from, "fe80::1", &h);
        vrrp_socket_free(from);
        vrrp_socket_free(to);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(multicast_ipv4_arrives_with_ttl_255),
                cmocka_unit_test(multicast_ipv6_arrives_with_hop_limit_255),
                cmocka_unit_test(unicast_ipv4_arrives_with_ttl_255),
                cmocka_unit_test(unicast_ipv6_arrives_with_hop_limit_255),
                cmocka_unit_test(the_source_is_the_one_asked_for),
                cmocka_unit_test(own_multicast_is_not_heard),
                cmocka_unit_test(only_its_own_interface_is_heard),
                cmocka_unit_test(groups_that_others_joined_are_not_heard),
                cmocka_unit_test(the_kernel_leaves_ipv6_checksums_alone),
                cmocka_unit_test(packets_carry_traffic_class_cs6),
                cmocka_unit_test(a_ttl_below_255_is_reported),
                cmocka_unit_test(a_hop_limit_below_255_is_reported),
                cmocka_unit_test(ip_options_are_not_taken_for_payload),
                cmocka_unit_test(an_overlong_message_is_seen_as_overlong),
                cmocka_unit_test(an_empty_payload_is_handed_out),
                cmocka_unit_test(drain_stops_at_its_budget),
                cmocka_unit_test(draining_from_the_callback_does_nothing),
                cmocka_unit_test(what_the_kernel_dropped_is_counted),
                cmocka_unit_test(a_source_that_is_not_ours_is_refused),
                cmocka_unit_test(an_interface_that_does_not_exist_is_said),
                cmocka_unit_test(an_interface_that_comes_up_again_is_used_on),
                cmocka_unit_test(an_interface_deleted_under_it_leaves_the_loop_idle),
        };
        int r;

        here = new_namespace();
        there = here < 0 ? -1 : new_namespace();
        if (there < 0 || system("ip -V >/dev/null 2>&1") != 0) {
                fputs("skipped: needs root (network namespaces, raw sockets) and the ip command\n",
                      stderr);
                return SKIPPED;
        }
        if (sd_event_new(&loop) < 0)
                return EXIT_FAILURE;
        r = cmocka_run_group_tests(tests, set_up_links, NULL);
        sd_event_unref(loop);
        return r;
}
