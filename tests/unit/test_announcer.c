/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Real frames over a veth pair, seen by a packet socket and by the neighbour's kernel. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "tests/unit/link_pair.h"
#include "vipd/announcer.h"
#include "vipd/core/arp_packet.h"
#include "vipd/core/nd_packet.h"
#include "vipd/frame_socket.h"

static struct link_pair pair;
static sd_event *loop;
static int tap; /* sees every frame that reaches the neighbour */
static struct announcer *announcer;
static struct announcement *announcement;

static const struct conf_announce brisk = {
        .count = 3, .interval_us = 20 * US_PER_MS, .refresh_us = 0, .rate = 10000};

static struct conf_vip vip(const char *addr)
{
        struct conf_vip v = {.dev = "near"};

        assert_int_equal(ip_addr_parse(addr, &v.addr), 0);
        return v;
}

static struct conf_vip vip_number(unsigned i)
{
        struct conf_vip v = vip("10.0.0.0");

        v.addr.bytes[2] = (uint8_t)(i >> 8);
        v.addr.bytes[3] = (uint8_t)i;
        return v;
}

static void add(const char *link_name, const struct conf_vip *vips, unsigned n)
{
        const struct conf_vip **list = calloc(n, sizeof(*list));
        struct kernel_link link = look_at_link(link_name);

        for (unsigned i = 0; i < n; i++)
                list[i] = &vips[i];
        announcement_add(announcement, &link, list, n);
        free(list);
}

static void turn(int64_t us)
{
        mono_t until = mono_add_us(clock_now(), us);

        for (mono_t now = clock_now(); mono_before(now, until); now = clock_now())
                sd_event_run(loop, (uint64_t)mono_diff_us(until, now));
}

/* Turn the loop until that many frames went out since start; the bound is for a hung test only. */
static void turn_until_sent(uint64_t frames)
{
        mono_t until = mono_add_us(clock_now(), 30 * US_PER_S);
        struct announcer_stats s = announcer_stats(announcer);

        while (s.arp_sent + s.na_sent < frames && mono_before(clock_now(), until)) {
                sd_event_run(loop, 100000);
                s = announcer_stats(announcer);
        }
        assert_true(s.arp_sent + s.na_sent >= frames);
}

struct seen {
        uint8_t bytes[128];
        size_t len;
};

static bool is_ours(const struct seen *f, const uint8_t mac[6])
{
        return memcmp(f->bytes + 6, mac, 6) == 0 &&
               ((f->len == ARP_PACKET_LEN && f->bytes[12] == 0x08 && f->bytes[13] == 0x06) ||
                (f->len == ND_PACKET_LEN && f->bytes[54] == 136));
}

/* The next announcement with this MAC; false when nothing more is there. */
static bool next_seen(struct seen *f, const uint8_t mac[6])
{
        ssize_t n;

        while ((n = recv(tap, f->bytes, sizeof(f->bytes), MSG_DONTWAIT)) >= 0) {
                f->len = (size_t)n;
                if (is_ours(f, mac))
                        return true;
        }
        return false;
}

static int open_tap(void)
{
        const int buffer = 4 * 1024 * 1024;
        struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
        int fd;

        enter(pair.far_ns);
        fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
        setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer));
        to.sll_ifindex = look_at_link("far").ifindex;
        assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof(to)), 0);
        enter(pair.near_ns);
        return fd;
}

static void schedule(const struct conf_announce *s, unsigned max)
{
        announcement_free(announcement);
        assert_int_equal(announcement_new(&announcement, announcer, "web", s, max), 0);
}

static int set_up(void **state)
{
        at_near(&pair, "ip link set near up address 02:00:5e:00:00:01");
        assert_int_equal(sd_event_new(&loop), 0);
        assert_int_equal(announcer_new(&announcer, loop), 0);
        tap = open_tap();
        return 0;
}

static int tear_down(void **state)
{
        announcement = announcement_free(announcement);
        announcer = announcer_free(announcer);
        loop = sd_event_unref(loop);
        close(tap);
        return 0;
}

/* --- what arrives ----------------------------------------------------------------- */

static void frames_arrive_as_the_codecs_built_them(void **state)
{
        const struct conf_vip vips[] = {vip("192.0.2.10"), vip("2001:db8::10")};
        const uint8_t mac[6] = {0x02, 0x00, 0x5e, 0, 0, 1};
        uint8_t arp[ARP_PACKET_LEN], nd[ND_PACKET_LEN];
        struct seen f;

        at_near(&pair, "echo 0 >/proc/sys/net/ipv6/conf/near/forwarding");
        schedule(&brisk, 2);
        add("near", vips, 2); /* without a turn of the loop */
        arp_packet_announce(&vips[0].addr, mac, arp, sizeof(arp));
        nd_packet_announce(&vips[1].addr, mac, false, nd, sizeof(nd));
        assert_true(next_seen(&f, mac));
        assert_int_equal(f.len, sizeof(arp));
        assert_memory_equal(f.bytes, arp, sizeof(arp));
        assert_true(next_seen(&f, mac));
        assert_int_equal(f.len, sizeof(nd));
        assert_memory_equal(f.bytes, nd, sizeof(nd));
        assert_false(next_seen(&f, mac));
        turn_until_sent(6); /* 3 of each */
        turn(3 * brisk.interval_us);
        for (int i = 0; i < 4; i++)
                assert_true(next_seen(&f, mac));
        assert_false(next_seen(&f, mac));
}

static void the_router_flag_follows_forwarding(void **state)
{
        const struct conf_vip v6 = vip("2001:db8::10");
        const uint8_t mac[6] = {0x02, 0x00, 0x5e, 0, 0, 1};
        struct seen f;

        schedule(&brisk, 1);
        at_near(&pair, "echo 1 >/proc/sys/net/ipv6/conf/near/forwarding");
        add("near", &v6, 1);
        at_near(&pair, "echo 0 >/proc/sys/net/ipv6/conf/near/forwarding");
        assert_true(next_seen(&f, mac));
        assert_int_equal(f.bytes[58], 0xa0); /* Router 80, Override 20 */
        add("near", &v6, 1);
        assert_true(next_seen(&f, mac));
        assert_int_equal(f.bytes[58], 0x20);
}

/* The neighbour knows the addresses at another host's MAC, as after a takeover. */
static void the_neighbours_caches_are_updated(void **state)
{
        const struct conf_vip vips[] = {vip("192.0.2.10"), vip("2001:db8::10")};

        schedule(&brisk, 2);
        assert_int_equal(at_far(&pair,
                                "ip neigh replace 192.0.2.10 lladdr 02:00:00:00:00:99 dev far "
                                "nud reachable"),
                         0);
        assert_int_equal(at_far(&pair, "ip neigh replace 2001:db8::10 lladdr 02:00:00:00:00:99 "
                                       "dev far nud reachable"),
                         0);
        add("near", vips, 2);
        turn_until_sent(6);
        assert_true(
                far_comes_to(&pair, 10, "ip neigh show 192.0.2.10 | grep -q 02:00:5e:00:00:01"));
        assert_true(
                far_comes_to(&pair, 10, "ip neigh show 2001:db8::10 | grep -q 02:00:5e:00:00:01"));
}

/* 300 addresses in slices, as they come up: the tap must see 300 firsts before any second. */
static void every_first_is_seen_before_any_second(void **state)
{
        const uint8_t mac[6] = {0x02, 0x00, 0x5e, 0, 0, 1};
        struct conf_vip vips[300];
        unsigned times[300] = {0}, firsts = 0, total = 0;
        struct conf_announce s = brisk;
        struct seen f;

        s.interval_us = 2 * US_PER_S; /* longer than the firsts take: 300 / 1000 s */
        s.rate = 1000;
        schedule(&s, 300);
        for (unsigned i = 0; i < 300; i++)
                vips[i] = vip_number(i);
        for (unsigned i = 0; i < 300; i += 50) {
                add("near", vips + i, 50);
                sd_event_run(loop, 0);
        }
        announcement_reconfigure(announcement, &(struct conf_announce){3, 1000, 0, 100000}, vips,
                                 300);
        turn_until_sent(900);
        while (next_seen(&f, mac)) {
                unsigned i = (unsigned)f.bytes[30] << 8 | f.bytes[31];

                assert_in_range(i, 0, 299);
                if (times[i]++ == 0)
                        firsts++;
                else
                        assert_int_equal(firsts, 300);
                total++;
        }
        assert_int_equal(total, 900);
}

/* 264 frames: a burst of 64, then 200 at 400 a second take half a second, on any machine. */
static void frames_are_paced(void **state)
{
        const struct conf_announce s = {.count = 1, .interval_us = 0, .rate = 400};
        struct conf_vip vips[264];
        mono_t start;

        for (unsigned i = 0; i < 264; i++)
                vips[i] = vip_number(i);
        schedule(&s, 264);
        start = clock_now();
        add("near", vips, 264);
        assert_int_equal(announcer_stats(announcer).arp_sent, 64);
        turn_until_sent(264);
        assert_true(mono_diff_us(clock_now(), start) >= 500 * US_PER_MS);
}

static void a_turn_of_the_loop_sends_one_batch_at_most(void **state)
{
        const struct conf_announce s = {.count = 2, .interval_us = 0, .rate = 0};
        struct conf_vip vips[1000];
        uint64_t before, turns = 0;

        for (unsigned i = 0; i < 1000; i++)
                vips[i] = vip_number(i);
        schedule(&s, 1000);
        add("near", vips, 1000);
        for (before = 0; before < 2000; turns++) {
                uint64_t sent = announcer_stats(announcer).arp_sent;

                assert_true(sent - before <= FRAME_BATCH_MAX);
                before = sent;
                assert_true(turns < 100000);
                sd_event_run(loop, 100000);
        }
}

static void groups_take_turns(void **state)
{
        const struct conf_announce s = {.count = 1, .interval_us = 0, .rate = 200};
        struct announcement *other;
        struct conf_vip vips[200], last = vip("10.9.9.9");
        const struct conf_vip *of_other = &last;
        struct kernel_link link = look_at_link("near");

        for (unsigned i = 0; i < 200; i++)
                vips[i] = vip_number(i);
        schedule(&s, 200);
        assert_int_equal(announcement_new(&other, announcer, "mail", &s, 1), 0);
        add("near", vips, 200); /* a long queue of one group ... */
        announcement_add(other, &link, &of_other, 1);
        assert_int_equal(announcer_stats(announcer).arp_sent, 65); /* ... holds up no other */
        announcement_repeat(other);
        assert_int_equal(announcer_stats(announcer).arp_sent, 66);
        other = announcement_free(other);
        turn_until_sent(201);
}

/* --- when it does not work ----------------------------------------------------------- */

static void frames_refused_by_a_link_that_is_down_are_sent_when_it_is_up(void **state)
{
        const struct conf_vip v = vip("192.0.2.10");
        const struct conf_announce once = {.count = 1, .interval_us = US_PER_S, .rate = 1000};
        struct kernel_link link;

        schedule(&once, 1);
        at_near(&pair, "ip link set near down");
        add("near", &v, 1);
        assert_int_equal(announcer_stats(announcer).arp_sent, 0);
        assert_int_equal(announcer_stats(announcer).retried, 1);
        at_near(&pair, "ip link set near up");
        turn_until_sent(1); /* nobody told that the link is up: the try after 50 ms does it */
        link = look_at_link("near");
        announcer_link_changed(announcer,
                               &link); /* now it is told, and may have been lost before */
        turn_until_sent(2);
}

/* ANNOUNCE_RETRIES tries at 50 ms, then the frame is given up and counted; never silently. */
static void tries_end_and_are_counted(void **state)
{
        const struct conf_vip v = vip("192.0.2.10");
        const struct conf_announce once = {.count = 1, .interval_us = US_PER_S, .rate = 1000};
        mono_t until = mono_add_us(clock_now(), 30 * US_PER_S);

        schedule(&once, 1);
        at_near(&pair, "ip link set near down");
        add("near", &v, 1);
        while (announcer_stats(announcer).failed == 0 && mono_before(clock_now(), until))
                sd_event_run(loop, 100000);
        assert_int_equal(announcer_stats(announcer).failed, 1);
        assert_int_equal(announcer_stats(announcer).retried, 10);
        assert_int_equal(announcer_stats(announcer).arp_sent, 0);
        at_near(&pair, "ip link set near up");
}

static void a_bad_frame_keeps_back_none_of_the_others(void **state)
{
        struct conf_vip v = vip("192.0.2.10");
        const uint8_t mac[6] = {0x02, 0x00, 0x5e, 0, 0, 1};
        struct frame frames[5];
        struct frame_socket *s;
        uint8_t bytes[ARP_PACKET_LEN];
        struct seen f;

        arp_packet_announce(&v.addr, mac, bytes, sizeof(bytes));
        for (int i = 0; i < 5; i++)
                frames[i] = (struct frame){look_at_link("near").ifindex, bytes, sizeof(bytes), 1};
        frames[0].ifindex = frames[3].ifindex = 999999;
        assert_int_equal(frame_socket_new(&s), 0);
        frame_socket_send(s, frames, 5);
        frame_socket_free(s);
        for (int i = 0; i < 5; i++)
                assert_int_equal(frames[i].result, i == 0 || i == 3 ? -ENXIO : 0);
        for (int i = 0; i < 3; i++)
                assert_true(next_seen(&f, mac));
        assert_false(next_seen(&f, mac));
}

/* --- changes -------------------------------------------------------------------------- */

static void a_new_mac_is_announced(void **state)
{
        const uint8_t mac[6] = {0x02, 0x00, 0x5e, 0, 0, 0x77};
        const struct conf_announce once = {.count = 1, .interval_us = US_PER_S, .rate = 1000};
        const struct conf_vip v = vip("192.0.2.10");
        struct kernel_link link;
        struct seen f;

        schedule(&once, 1);
        add("near", &v, 1);
        link = look_at_link("near");
        announcer_link_changed(announcer, &link); /* nothing differs */
        turn(50 * US_PER_MS);
        assert_int_equal(announcer_stats(announcer).arp_sent, 1);
        at_near(&pair, "ip link set near address 02:00:5e:00:00:77");
        link = look_at_link("near");
        announcer_link_changed(announcer, &link);
        turn_until_sent(2);
        assert_true(next_seen(&f, mac));
        assert_memory_equal(f.bytes + 22, mac, 6); /* sender hardware address */
        assert_memory_equal(f.bytes + 28, v.addr.bytes, 4);
}

static void a_group_that_stopped_is_silent(void **state)
{
        const struct conf_vip v = vip("192.0.2.10");

        schedule(&brisk, 1);
        add("near", &v, 1);
        announcement_stop(announcement);
        announcement_repeat(announcement);
        turn(5 * brisk.interval_us);
        assert_int_equal(announcer_stats(announcer).arp_sent, 1);
}

static void after_a_reload_only_what_is_still_there_is_announced(void **state)
{
        const struct conf_announce once = {.count = 1, .interval_us = US_PER_S, .rate = 1000};
        const uint8_t mac[6] = {0x02, 0x00, 0x5e, 0, 0, 1};
        const struct conf_vip before[] = {vip("192.0.2.10"), vip("192.0.2.11")};
        const struct conf_vip after[] = {vip("192.0.2.11"), vip("192.0.2.12"), vip("192.0.2.13")};
        struct seen f;

        schedule(&once, 2);
        add("near", before, 2);
        while (next_seen(&f, mac))
                ;
        assert_int_equal(announcement_reconfigure(announcement, &once, after, 3), 0);
        add("near", after + 1, 2);
        announcement_repeat(announcement);
        turn_until_sent(2 + 2 + 3);
        assert_int_equal(announcer_stats(announcer).arp_sent, 7);
        for (int i = 0; i < 5; i++) {
                assert_true(next_seen(&f, mac));
                assert_in_range(f.bytes[31], 11, 13);
        }
}

static void a_link_without_ethernet_is_not_announced_on(void **state)
{
        struct conf_vip v = vip("192.0.2.10");

        strcpy(v.dev, "lo");
        schedule(&brisk, 1);
        add("lo", &v, 1);
        announcement_repeat(announcement);
        turn(3 * brisk.interval_us);
        assert_int_equal(announcer_stats(announcer).arp_sent, 0);
        assert_int_equal(announcer_stats(announcer).failed, 0);
}

int main(void)
{
#define NET_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                NET_TEST(frames_arrive_as_the_codecs_built_them),
                NET_TEST(the_router_flag_follows_forwarding),
                NET_TEST(the_neighbours_caches_are_updated),
                NET_TEST(every_first_is_seen_before_any_second),
                NET_TEST(frames_are_paced),
                NET_TEST(a_turn_of_the_loop_sends_one_batch_at_most),
                NET_TEST(groups_take_turns),
                NET_TEST(frames_refused_by_a_link_that_is_down_are_sent_when_it_is_up),
                NET_TEST(tries_end_and_are_counted),
                NET_TEST(a_bad_frame_keeps_back_none_of_the_others),
                NET_TEST(a_new_mac_is_announced),
                NET_TEST(a_group_that_stopped_is_silent),
                NET_TEST(after_a_reload_only_what_is_still_there_is_announced),
                NET_TEST(a_link_without_ethernet_is_not_announced_on),
        };

        link_pair_up(&pair);
        log_init("test", LOG_WARNING);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
