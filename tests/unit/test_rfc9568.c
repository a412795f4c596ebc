/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of RFC 9568 that no single file keeps: which datagrams reach the election and which do
 * not (7.1), how what was on the wire moves it (6.4), and what is sent (7.2). doc/rfc9568.md names
 * them. Datagrams are handed to a virtual router as its socket would; only its sending needs a
 * namespace, and is left out without root.
 */
#include <fcntl.h>
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
#include "lib/wire.h"
#include "tests/unit/election_rig.h"
#include "vipd/virtual_router.h"

#define VRID 51
#define PATIENCE_US (5 * US_PER_S)

static struct ip_addr ip(const char *text)
{
        struct ip_addr a;

        assert_int_equal(ip_addr_parse(text, &a), 0);
        return a;
}

/* --- a virtual router without a socket, and what it lets through --- */

struct bench {
        sd_event *loop;
        struct vrrp_ports *ports;
        struct config config;
        struct conf_group conf;
        struct conf_vip vips[3];
        struct virtual_router v;
        unsigned heard;
        struct vrrp_advert last;
        int order;
};

static void on_heard(void *arg, const struct vrrp_advert *advert, const struct ip_addr *src,
                     int order)
{
        struct bench *b = arg;

        b->heard++;
        b->last = *advert;
        b->order = order;
}

static void add_vip(struct bench *b, const char *text, bool excluded)
{
        struct conf_vip *vip = &b->vips[b->conf.n_vips++];

        vip->addr = ip(text);
        vip->prefix_len = vip->addr.family == AF_INET ? 24 : 64;
        vip->excluded = excluded;
        strcpy(vip->dev, b->conf.iface);
}

/* Group "web", VRID 51, adverts every second, version 3. */
static void bench_init(struct bench *b, uint8_t family)
{
        *b = (struct bench){.conf = {.name = "web",
                                     .iface = "n0",
                                     .vrid = VRID,
                                     .version = 3,
                                     .interval_us = US_PER_S,
                                     .preempt = true}};
        b->conf.vips = b->vips;
        add_vip(b, family == AF_INET ? "192.0.2.10" : "fe80::10", false);
        add_vip(b, family == AF_INET ? "192.0.2.20" : "2001:db8::10", false);
}

static void bench_start(struct bench *b, uint8_t family, int ifindex)
{
        assert_int_equal(sd_event_new(&b->loop), 0);
        assert_int_equal(vrrp_ports_new(&b->ports, b->loop, 0), 0);
        assert_int_equal(virtual_router_start(&b->v, &b->config, &b->conf, 0, family, b->ports,
                                              ifindex, on_heard, b),
                         0);
        b->v.source = ip(family == AF_INET ? "192.0.2.1" : "fe80::1");
}

static void bench_stop(struct bench *b)
{
        virtual_router_stop(&b->v);
        vrrp_ports_free(b->ports);
        sd_event_unref(b->loop);
}

/* What the peer, 192.0.2.2 or fe80::2, would send. */
static struct vrrp_advert peer_advert(const struct bench *b)
{
        const uint8_t family = b->v.family;

        return (struct vrrp_advert){
                .version = b->conf.version,
                .vrid = VRID,
                .priority = 150,
                .interval_cs = 100,
                .family = family,
                .n_addrs = 2,
                .addrs = {b->vips[0].addr, b->vips[1].addr},
                .sum = VRRP_SUM_PLAIN,
        };
}

struct way {
        const char *src, *dst; /* NULL: the peer, the multicast group */
        int ttl;
};

#define MULTICAST ((struct way){.ttl = 255})

static void deliver_bytes(struct bench *b, struct way way, const uint8_t *bytes, size_t len)
{
        const bool v4 = b->v.family == AF_INET;
        const struct ip_addr group = vrrp_multicast(b->v.family);
        struct vrrp_datagram d = {
                .src = ip(way.src ? way.src
                          : v4    ? "192.0.2.2"
                                  : "fe80::2"),
                .dst = way.dst ? ip(way.dst) : group,
                .ttl = way.ttl,
                .payload = bytes,
                .len = len,
        };

        d.multicast = ip_addr_cmp(&d.dst, &group) == 0;
        b->v.receiver.receive(b->v.receiver.arg, &d);
}

static void deliver(struct bench *b, struct way way, const struct vrrp_advert *a)
{
        const bool v4 = b->v.family == AF_INET;
        const struct ip_addr src = ip(way.src ? way.src : v4 ? "192.0.2.2" : "fe80::2");
        const struct ip_addr dst = way.dst ? ip(way.dst) : vrrp_multicast(b->v.family);
        uint8_t bytes[VRRP_ADVERT_MAX];
        const size_t len = vrrp_advert_encode(a, &src, &dst, bytes, sizeof(bytes));

        assert_true(len > 0);
        deliver_bytes(b, way, bytes, len);
}

static void assert_refused(struct bench *b, enum vrrp_error why, uint64_t times)
{
        assert_int_equal(b->heard, 0);
        assert_int_equal(b->v.received, 0);
        assert_int_equal(b->v.rejected[why], times);
}

static const uint8_t families[] = {AF_INET, AF_INET6};

/* --- 7.1, receiving --- */

static void a_valid_advert_reaches_the_election(void **state)
{
        struct vrrp_advert a;
        struct bench b;

        for (unsigned i = 0; i < ARRAY_SIZE(families); i++) {
                bench_init(&b, families[i]);
                bench_start(&b, families[i], 0);
                a = peer_advert(&b);
                deliver(&b, MULTICAST, &a);
                assert_int_equal(b.heard, 1);
                assert_int_equal(b.v.received, 1);
                assert_int_equal(b.last.priority, 150);
                assert_int_equal(b.last.interval_cs, 100);
                assert_true(b.order > 0); /* .2 against our .1 */
                bench_stop(&b);
        }
}

/* 5.1.1.3 and 5.1.2.3; -1 stands for a packet whose hop limit the kernel did not tell. */
static void multicast_with_another_ttl_is_refused(void **state)
{
        struct vrrp_advert a;
        struct bench b;

        for (unsigned i = 0; i < ARRAY_SIZE(families); i++) {
                bench_init(&b, families[i]);
                bench_start(&b, families[i], 0);
                a = peer_advert(&b);
                for (int ttl = -1; ttl < VRRP_TTL; ttl++)
                        deliver(&b, (struct way){.ttl = ttl}, &a);
                assert_refused(&b, VRRP_ERR_TTL, 256);
                bench_stop(&b);
        }
}

static void another_version_than_the_groups_is_refused(void **state)
{
        struct vrrp_advert a;
        struct bench b;

        bench_init(&b, AF_INET);
        bench_start(&b, AF_INET, 0);
        a = peer_advert(&b);
        a.version = 2;
        deliver(&b, MULTICAST, &a);
        assert_refused(&b, VRRP_ERR_VERSION, 1);
        b.conf.version = 2;
        a.version = 3;
        deliver(&b, MULTICAST, &a);
        assert_refused(&b, VRRP_ERR_VERSION, 2);
        a.version = 2;
        deliver(&b, MULTICAST, &a);
        assert_int_equal(b.heard, 1);
        bench_stop(&b);
}

/* Whatever the codec finds: it is counted under its name and goes no further. */
static void what_the_codec_refuses_never_reaches_the_election(void **state)
{
        static const struct {
                size_t at, cut;
                uint8_t value;
                bool mend; /* the checksum */
                enum vrrp_error why;
        } faults[] = {
                {.at = 0, .value = 0x41, .mend = true, .why = VRRP_ERR_VERSION},
                {.at = 0, .value = 0x32, .mend = true, .why = VRRP_ERR_TYPE},
                {.at = 1, .value = 0, .mend = true, .why = VRRP_ERR_VRID},
                {.at = 5, .value = 0, .mend = true, .why = VRRP_ERR_INTERVAL},
                {.at = 2, .value = 151, .why = VRRP_ERR_CHECKSUM},
                {.at = 3, .value = 3, .mend = true, .why = VRRP_ERR_TRUNCATED},
                {.at = 3, .value = 1, .mend = true, .why = VRRP_ERR_LENGTH},
                {.at = 3, .value = 0, .cut = 8, .mend = true, .why = VRRP_ERR_NO_ADDRESS},
        };
        const struct ip_addr src = ip("192.0.2.2"), dst = ip("224.0.0.18");
        struct vrrp_advert a;
        uint8_t bytes[VRRP_ADVERT_MAX];
        struct bench b;

        for (unsigned i = 0; i < ARRAY_SIZE(faults); i++) {
                bench_init(&b, AF_INET);
                bench_start(&b, AF_INET, 0);
                a = peer_advert(&b);
                size_t len = vrrp_advert_encode(&a, &src, &dst, bytes, sizeof(bytes));

                bytes[faults[i].at] = faults[i].value;
                len -= faults[i].cut;
                if (faults[i].mend) {
                        bytes[6] = bytes[7] = 0;
                        const uint16_t sum = wire_sum_fold(wire_sum(0, bytes, len));

                        bytes[6] = (uint8_t)(sum >> 8);
                        bytes[7] = (uint8_t)sum;
                }
                deliver_bytes(&b, MULTICAST, bytes, len);
                assert_refused(&b, faults[i].why, 1);
                bench_stop(&b);
        }
}

static void our_own_advert_coming_back_is_refused(void **state)
{
        struct vrrp_advert a;
        struct bench b;

        bench_init(&b, AF_INET);
        bench_start(&b, AF_INET, 0);
        a = peer_advert(&b);
        deliver(&b, (struct way){.src = "192.0.2.1", .ttl = 255}, &a);
        assert_refused(&b, VRRP_ERR_SOURCE, 1);
        bench_stop(&b);
}

/* One line a minute, whatever the peer sends; the counters know all. */
static void lines_about_refused_adverts_are_limited(void **state)
{
        struct vrrp_advert a;
        struct bench b;

        bench_init(&b, AF_INET);
        bench_start(&b, AF_INET, 0);
        a = peer_advert(&b);
        deliver(&b, (struct way){.ttl = 64}, &a);
        assert_int_equal(b.v.limit_rejected.withheld, 0);
        for (unsigned i = 0; i < 1000; i++)
                deliver(&b, (struct way){.ttl = 64}, &a);
        assert_int_equal(b.v.limit_rejected.withheld, 1000);
        assert_refused(&b, VRRP_ERR_TTL, 1001);
        bench_stop(&b);
}

static void another_interval_is_told_and_accepted(void **state)
{
        struct vrrp_advert a;
        struct bench b;

        bench_init(&b, AF_INET);
        bench_start(&b, AF_INET, 0);
        a = peer_advert(&b);
        deliver(&b, MULTICAST, &a);
        assert_int_equal(b.v.mismatched_interval, 0);
        a.interval_cs = 50;
        deliver(&b, MULTICAST, &a);
        assert_int_equal(b.v.mismatched_interval, 1);
        assert_int_equal(b.heard, 2);
        assert_int_equal(b.last.interval_cs, 50);
        bench_stop(&b);
}

static void other_addresses_are_told_and_accepted(void **state)
{
        struct vrrp_advert a;
        struct bench b;

        bench_init(&b, AF_INET);
        bench_start(&b, AF_INET, 0);
        a = peer_advert(&b);
        a.addrs[0] = b.vips[1].addr; /* the same in another order are the same */
        a.addrs[1] = b.vips[0].addr;
        deliver(&b, MULTICAST, &a);
        assert_int_equal(b.v.mismatched_addresses, 0);
        a.addrs[1] = ip("192.0.2.30");
        deliver(&b, MULTICAST, &a);
        a.n_addrs = 1;
        deliver(&b, MULTICAST, &a);
        assert_int_equal(b.v.mismatched_addresses, 2);
        a = peer_advert(&b);
        a.addrs[a.n_addrs++] = ip("192.0.2.30"); /* all of ours and one more */
        deliver(&b, MULTICAST, &a);
        assert_int_equal(b.v.mismatched_addresses, 3);
        assert_int_equal(b.heard, 4);
        bench_stop(&b);
}

/* Version 2 has no learning, RFC 3768 7.1. */
static void another_interval_is_refused_in_version_2(void **state)
{
        struct vrrp_advert a;
        struct bench b;

        bench_init(&b, AF_INET);
        b.conf.version = 2;
        bench_start(&b, AF_INET, 0);
        a = peer_advert(&b);
        a.interval_cs = 200;
        deliver(&b, MULTICAST, &a);
        assert_refused(&b, VRRP_ERR_INTERVAL, 1);
        a.interval_cs = 100;
        deliver(&b, MULTICAST, &a);
        assert_int_equal(b.heard, 1);
        bench_stop(&b);
}

static void a_wrong_or_missing_password_is_refused(void **state)
{
        struct vrrp_advert a;
        struct bench b;

        bench_init(&b, AF_INET);
        b.conf.version = 2;
        b.conf.has_password = true;
        memcpy(b.conf.password, "s3cret\0", VRRP_PASSWORD_LEN);
        bench_start(&b, AF_INET, 0);
        a = peer_advert(&b);
        deliver(&b, MULTICAST, &a);
        assert_refused(&b, VRRP_ERR_AUTH_TYPE, 1);
        a.has_password = true;
        memcpy(a.password, "s3cre7\0", VRRP_PASSWORD_LEN);
        deliver(&b, MULTICAST, &a);
        assert_refused(&b, VRRP_ERR_PASSWORD, 1);
        memcpy(a.password, "s3cret\0", VRRP_PASSWORD_LEN);
        deliver(&b, MULTICAST, &a);
        assert_int_equal(b.heard, 1);
        bench_stop(&b);
}

static void unicast_is_accepted_from_configured_peers_only(void **state)
{
        const struct way unicast = {.dst = "192.0.2.1", .ttl = 255};
        const struct way stranger = {.src = "192.0.2.3", .dst = "192.0.2.1", .ttl = 255};
        struct vrrp_advert a;
        struct bench b;

        bench_init(&b, AF_INET);
        b.conf.peers[b.conf.n_peers++] = ip("192.0.2.2");
        bench_start(&b, AF_INET, 0);
        a = peer_advert(&b);
        deliver(&b, stranger, &a);
        assert_refused(&b, VRRP_ERR_SOURCE, 1);
        deliver(&b, MULTICAST, &a);
        assert_refused(&b, VRRP_ERR_DESTINATION, 1);
        deliver(&b, unicast, &a);
        assert_int_equal(b.heard, 1);
        bench_stop(&b);
}

static void unicast_is_refused_by_a_multicast_group(void **state)
{
        struct vrrp_advert a;
        struct bench b;

        bench_init(&b, AF_INET);
        bench_start(&b, AF_INET, 0);
        a = peer_advert(&b);
        deliver(&b, (struct way){.dst = "192.0.2.1", .ttl = 255}, &a);
        assert_refused(&b, VRRP_ERR_DESTINATION, 1);
        bench_stop(&b);
}

static void both_checksum_forms_are_accepted_and_counted_by_peer(void **state)
{
        struct vrrp_advert a;
        struct bench b;

        bench_init(&b, AF_INET);
        bench_start(&b, AF_INET, 0);
        a = peer_advert(&b);
        deliver(&b, MULTICAST, &a);
        a.sum = VRRP_SUM_PSEUDO;
        deliver(&b, MULTICAST, &a);
        deliver(&b, MULTICAST, &a);
        assert_int_equal(b.heard, 3);
        assert_int_equal(b.v.n_peers, 1);
        assert_int_equal(b.v.peers[0].plain, 1);
        assert_int_equal(b.v.peers[0].pseudo, 2);
        assert_int_equal(b.v.mismatched_checksum, 1); /* ours is with the pseudo-header */
        b.conf.checksum_plain = true;
        deliver(&b, MULTICAST, &a);
        assert_int_equal(b.v.mismatched_checksum, 2);
        bench_stop(&b);
}

/* A link-local address need not come first with keepalived, and then does not (erratum 8300). */
static void an_ipv6_list_without_link_local_is_accepted(void **state)
{
        struct vrrp_advert a;
        struct bench b;

        bench_init(&b, AF_INET6);
        bench_start(&b, AF_INET6, 0);
        a = peer_advert(&b);
        a.n_addrs = 1;
        a.addrs[0] = ip("2001:db8::10");
        deliver(&b, MULTICAST, &a);
        assert_int_equal(b.heard, 1);
        assert_int_equal(b.v.mismatched_addresses, 1);
        bench_stop(&b);
}

/* --- 6.4, from the wire into the election --- */

static unsigned feed_heard(struct rig *r, const struct bench *b)
{
        struct election_event ev = {
                .type = ELECTION_ADVERT,
                .priority = b->last.priority,
                .interval_us = b->last.interval_cs * US_PER_CS,
                .address_order = b->order,
        };

        return election_step(&r->e, r->now, &ev);
}

/* 25 cs on the wire: 3 x 250 ms + 156/256 x 250 ms = 902.34375 ms, ours being priority 100. */
static void the_advertised_interval_becomes_the_backups_timer(void **state)
{
        struct rig r = rig_backup(rig_config(100));
        struct vrrp_advert a;
        struct bench b;

        bench_init(&b, AF_INET);
        bench_start(&b, AF_INET, 0);
        a = peer_advert(&b);
        a.interval_cs = 25;
        deliver(&b, MULTICAST, &a);
        assert_int_equal(feed_heard(&r, &b), 0);
        assert_int_equal(left_us(&r), 902343);
        bench_stop(&b);
}

/* 6.4.3: compared as unsigned integers in network order. As signed bytes 200 < 100, and in host
 * order of a little-endian machine 9.0.0.1 > 1.0.0.9 would turn round. */
static void ties_compare_addresses_as_unsigned_integers(void **state)
{
        static const struct {
                uint8_t family;
                const char *ours, *theirs;
                bool yields;
        } ties[] = {
                {AF_INET, "100.0.0.1", "200.0.0.1", true},
                {AF_INET, "200.0.0.1", "100.0.0.1", false},
                {AF_INET, "1.0.0.9", "9.0.0.1", true},
                {AF_INET, "9.0.0.1", "1.0.0.9", false},
                {AF_INET6, "fe80::1", "fe80::ff00", true},
                {AF_INET6, "fe80::ff00", "fe80::1", false},
                {AF_INET6, "fe80::1:0", "fe80::2", false},
        };
        struct vrrp_advert a;
        struct bench b;

        for (unsigned i = 0; i < ARRAY_SIZE(ties); i++) {
                struct rig r = rig_active(rig_config(150));

                bench_init(&b, ties[i].family);
                bench_start(&b, ties[i].family, 0);
                b.v.source = ip(ties[i].ours);
                a = peer_advert(&b);
                deliver(&b, (struct way){.src = ties[i].theirs, .ttl = 255}, &a);
                assert_int_equal(b.heard, 1);
                feed_heard(&r, &b);
                assert_int_equal(r.e.state, ties[i].yields ? ELECTION_BACKUP : ELECTION_ACTIVE);
                bench_stop(&b);
        }
}

/* Erratum 8298. Two owners by mistake: the one with the lower address hears of the other, and
 * yields. */
static void two_owners_find_each_other_and_one_yields(void **state)
{
        static const struct {
                const char *theirs;
                enum election_state after;
        } cases[] = {{"192.0.2.2", ELECTION_BACKUP}, {"192.0.1.9", ELECTION_ACTIVE}};
        struct vrrp_advert a;
        struct bench b;

        for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
                struct rig r = rig_active(rig_config(VRRP_PRIORITY_OWNER));

                bench_init(&b, AF_INET);
                bench_start(&b, AF_INET, 0);
                a = peer_advert(&b);
                a.priority = VRRP_PRIORITY_OWNER;
                deliver(&b, (struct way){.src = cases[i].theirs, .ttl = 255}, &a);
                assert_int_equal(b.heard, 1);
                feed_heard(&r, &b);
                assert_int_equal(r.e.state, cases[i].after);
                bench_stop(&b);
        }
}

/* An owner answers anybody else, and stays. */
static void an_owner_answers_whoever_is_not_one(void **state)
{
        struct rig r = rig_active(rig_config(VRRP_PRIORITY_OWNER));
        struct vrrp_advert a;
        struct bench b;

        bench_init(&b, AF_INET);
        bench_start(&b, AF_INET, 0);
        a = peer_advert(&b);
        a.priority = 254;
        deliver(&b, MULTICAST, &a);
        assert_int_equal(feed_heard(&r, &b), ELECTION_DO_SEND | ELECTION_DO_ANNOUNCE);
        assert_int_equal(r.e.state, ELECTION_ACTIVE);
        bench_stop(&b);
}

/* --- 7.2, sending: a veth pair in two namespaces --- */

static int here = -1, there = -1;

static void in_namespace(int ns, const char *command)
{
        assert_int_equal(setns(ns, CLONE_NEWNET), 0);
        assert_int_equal(system(command), 0);
        assert_int_equal(setns(here, CLONE_NEWNET), 0);
}

static int new_namespace(void)
{
        if (unshare(CLONE_NEWNET) < 0)
                return -1;
        return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

/* "n0" here, "f0" there. Without root the tests that need them are skipped. */
static int set_up_links(void **state)
{
        char command[256];

        here = new_namespace();
        there = here < 0 ? -1 : new_namespace();
        if (there < 0) {
                fputs("without root: what is sent is not tested\n", stderr);
                return 0;
        }
        snprintf(command, sizeof(command),
                 "ip link add n0 type veth peer name f0 netns /proc/%d/fd/%d", getpid(), there);
        in_namespace(here, command);
        in_namespace(here, "ip link set n0 addrgenmode none; ip link set n0 up;"
                           "ip addr add 192.0.2.1/24 dev n0; ip addr add fe80::1/64 dev n0 nodad");
        in_namespace(there, "ip link set f0 addrgenmode none; ip link set f0 up;"
                            "ip addr add 192.0.2.2/24 dev f0; ip addr add fe80::2/64 dev f0 nodad");
        return 0;
}

/* The peer's socket, and what came. */
struct peer {
        struct vrrp_socket *socket;
        unsigned count;
        struct ip_addr src, dst;
        int ttl;
        enum vrrp_error error;
        struct vrrp_advert advert;
};

static void on_peer_datagram(void *arg, struct vrrp_socket *s, const struct vrrp_datagram *d)
{
        struct peer *p = arg;

        p->count++;
        p->src = d->src;
        p->dst = d->dst;
        p->ttl = d->ttl;
        p->error = vrrp_advert_decode(d->payload, d->len, &d->src, &d->dst, &p->advert);
}

static void peer_open(struct peer *p, struct bench *b)
{
        *p = (struct peer){0};
        assert_int_equal(setns(there, CLONE_NEWNET), 0);
        assert_int_equal(vrrp_socket_new(&p->socket, b->loop, 0, b->v.family,
                                         (int)if_nametoindex("f0"), "f0", on_peer_datagram, p),
                         0);
        assert_int_equal(setns(here, CLONE_NEWNET), 0);
}

/* Adverts until one is heard: the link takes a moment to be ready. */
static void send_until_heard(struct bench *b, struct peer *p, uint8_t priority)
{
        const mono_t end = mono_add_us(clock_now(), PATIENCE_US);

        while (p->count == 0 && mono_before(clock_now(), end)) {
                virtual_router_send(&b->v, priority, b->conf.interval_us);
                assert_true(sd_event_run(b->loop, 20 * US_PER_MS) >= 0);
        }
        assert_true(p->count > 0);
}

static void check_sent(uint8_t family)
{
        const struct ip_addr group = vrrp_multicast(family);
        struct bench b;
        struct peer p;

        bench_init(&b, family);
        b.conf.interval_us = 250 * US_PER_MS;
        b.conf.checksum_plain = true;
        add_vip(&b, family == AF_INET ? "192.0.2.30" : "2001:db8::30", true);
        bench_start(&b, family, (int)if_nametoindex("n0"));
        peer_open(&p, &b);
        send_until_heard(&b, &p, 123);
        assert_int_equal(ip_addr_cmp(&p.src, &b.v.source), 0);
        assert_int_equal(ip_addr_cmp(&p.dst, &group), 0);
        assert_int_equal(p.ttl, VRRP_TTL);
        assert_int_equal(p.error, VRRP_OK);
        assert_int_equal(p.advert.version, 3);
        assert_int_equal(p.advert.vrid, VRID);
        assert_int_equal(p.advert.priority, 123);
        assert_int_equal(p.advert.interval_cs, 25);
        assert_int_equal(p.advert.n_addrs, 2); /* without the excluded one */
        assert_int_equal(ip_addr_cmp(&p.advert.addrs[0], &b.vips[0].addr), 0);
        assert_int_equal(ip_addr_cmp(&p.advert.addrs[1], &b.vips[1].addr), 0);
        assert_int_equal(p.advert.sum, family == AF_INET ? VRRP_SUM_PLAIN : VRRP_SUM_UNKNOWN);
        vrrp_socket_free(p.socket);
        bench_stop(&b);
}

static void an_advert_says_what_is_configured(void **state)
{
        if (there < 0)
                skip();
        check_sent(AF_INET);
        check_sent(AF_INET6);
}

/* 7.2: the interface's address is the source, so without one nothing can go out. */
static void without_a_source_nothing_is_sent(void **state)
{
        struct bench b;

        bench_init(&b, AF_INET);
        bench_start(&b, AF_INET, 0);
        b.v.source = (struct ip_addr){0};
        virtual_router_send(&b.v, 100, US_PER_S);
        assert_int_equal(b.v.sent, 0);
        bench_stop(&b);
}

/* A reload may bring more than the count can say, and an advert before the link is looked at. */
static void a_reload_with_too_many_addresses_does_not_overfill_the_advert(void **state)
{
        struct conf_vip vips[2 * VRRP_ADDRS_MAX];
        struct conf_group after;
        struct bench b;

        bench_init(&b, AF_INET);
        bench_start(&b, AF_INET, 0);
        b.v.source = ip("192.0.2.1");
        after = b.conf;
        after.vips = vips;
        after.n_vips = 2 * VRRP_ADDRS_MAX;
        for (unsigned i = 0; i < after.n_vips; i++)
                vips[i] = b.vips[0];
        virtual_router_rebind(&b.v, &b.config, &after, 0);
        assert_int_equal(b.v.n_advertised, VRRP_ADDRS_MAX);
        virtual_router_send(&b.v, 100, US_PER_S); /* fails without a socket, behind the filling */
        assert_int_equal(b.v.send_failed, 1);
        bench_stop(&b);
}

/* Only VRID 51 is configured here; the peer sends 52, then 51 so that we know both came. */
static void an_advert_of_a_vrid_not_configured_here_is_refused(void **state)
{
        const struct ip_addr src = ip("192.0.2.2"), dst = ip("224.0.0.18");
        const mono_t end = mono_add_us(clock_now(), PATIENCE_US);
        uint8_t bytes[2][VRRP_ADVERT_MAX];
        struct vrrp_advert a;
        size_t len[2];
        struct bench b;
        struct peer p;

        if (there < 0)
                skip();
        bench_init(&b, AF_INET);
        bench_start(&b, AF_INET, (int)if_nametoindex("n0"));
        peer_open(&p, &b);
        a = peer_advert(&b);
        for (unsigned i = 0; i < 2; i++) {
                a.vrid = i == 0 ? 52 : VRID;
                len[i] = vrrp_advert_encode(&a, &src, &dst, bytes[i], sizeof(bytes[i]));
        }
        while (b.heard == 0 && mono_before(clock_now(), end)) {
                for (unsigned i = 0; i < 2; i++)
                        vrrp_socket_send(p.socket, &src, &dst, bytes[i], len[i]);
                assert_true(sd_event_run(b.loop, 20 * US_PER_MS) >= 0);
        }
        assert_true(b.heard > 0);
        assert_int_equal(b.last.vrid, VRID);
        assert_true(vrrp_ports_stats(b.ports).unknown_vrid > 0);
        vrrp_socket_free(p.socket);
        bench_stop(&b);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_valid_advert_reaches_the_election),
                cmocka_unit_test(multicast_with_another_ttl_is_refused),
                cmocka_unit_test(another_version_than_the_groups_is_refused),
                cmocka_unit_test(what_the_codec_refuses_never_reaches_the_election),
                cmocka_unit_test(our_own_advert_coming_back_is_refused),
                cmocka_unit_test(lines_about_refused_adverts_are_limited),
                cmocka_unit_test(another_interval_is_told_and_accepted),
                cmocka_unit_test(other_addresses_are_told_and_accepted),
                cmocka_unit_test(another_interval_is_refused_in_version_2),
                cmocka_unit_test(a_wrong_or_missing_password_is_refused),
                cmocka_unit_test(unicast_is_accepted_from_configured_peers_only),
                cmocka_unit_test(unicast_is_refused_by_a_multicast_group),
                cmocka_unit_test(both_checksum_forms_are_accepted_and_counted_by_peer),
                cmocka_unit_test(an_ipv6_list_without_link_local_is_accepted),
                cmocka_unit_test(the_advertised_interval_becomes_the_backups_timer),
                cmocka_unit_test(ties_compare_addresses_as_unsigned_integers),
                cmocka_unit_test(two_owners_find_each_other_and_one_yields),
                cmocka_unit_test(an_owner_answers_whoever_is_not_one),
                cmocka_unit_test(an_advert_says_what_is_configured),
                cmocka_unit_test(without_a_source_nothing_is_sent),
                cmocka_unit_test(a_reload_with_too_many_addresses_does_not_overfill_the_advert),
                cmocka_unit_test(an_advert_of_a_vrid_not_configured_here_is_refused),
        };

        return cmocka_run_group_tests(tests, set_up_links, NULL);
}
