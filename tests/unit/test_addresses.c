/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses on a real kernel, in a network namespace of its own: a veth pair
 * v0-v1, two groups' sets, `ip` as the one who interferes, and a second rtnetlink
 * listener as the witness of what the kernel has.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "tests/unit/netns.h"
#include "vipd/addresses.h"
#include "vipd/priorities.h"

#define DEADLINE_US (20 * US_PER_S)
#define SEEN_MAX 4096

/* --- the witness ----------------------------------------------------------------------- */

struct witness {
        struct kernel *kernel;
        struct kernel_addr seen[SEEN_MAX];
        unsigned n;
        unsigned gone; /* events since watch() */
        struct ip_addr watched;
};

static void w_link_seen(void *arg, const struct kernel_link *l, const struct kernel_origin *by)
{
}

static void w_link_gone(void *arg, int ifindex, const char *name)
{
}

static void w_addr_seen(void *arg, const struct kernel_addr *a, const struct kernel_origin *by)
{
        struct witness *w = arg;

        if (by->dump && w->n < SEEN_MAX)
                w->seen[w->n++] = *a;
}

static void w_addr_gone(void *arg, const struct kernel_addr *a, const struct kernel_origin *by)
{
        struct witness *w = arg;

        if (ip_addr_cmp(&a->addr, &w->watched) == 0)
                w->gone++;
}

static void w_dump_begin(void *arg)
{
        ((struct witness *)arg)->n = 0;
}

static void w_dump_end(void *arg)
{
}

/* --- the lab ------------------------------------------------------------------------------ */

struct record {
        unsigned added, added_calls, claimed, unclaimed, lost, unstable;
        uint32_t by_port;
        int err;
};

struct lab {
        sd_event *loop;
        struct addresses *a;
        struct address_set *set, *other;
        struct record rec, other_rec;
        struct witness witness;
        unsigned link_gone, link_changed, addresses_changed;
};

static void on_added(void *arg, const struct conf_vip *const *vips, unsigned n)
{
        struct record *r = arg;

        r->added += n;
        r->added_calls++;
}

static void on_claimed(void *arg)
{
        ((struct record *)arg)->claimed++;
}

static void on_unclaimed(void *arg)
{
        ((struct record *)arg)->unclaimed++;
}

static void on_lost(void *arg, const struct conf_vip *vip, uint32_t by_port)
{
        struct record *r = arg;

        r->lost++;
        r->by_port = by_port;
}

static void on_unstable(void *arg, const struct conf_vip *vip, int err)
{
        struct record *r = arg;

        r->unstable++;
        r->err = err;
}

static const struct address_set_events events = {
        .added = on_added,
        .claimed = on_claimed,
        .unclaimed = on_unclaimed,
        .lost = on_lost,
        .unstable = on_unstable,
};

static void on_link_changed(void *arg, const struct kernel_link *link)
{
        ((struct lab *)arg)->link_changed++;
}

static void on_link_gone(void *arg, const char *name)
{
        ((struct lab *)arg)->link_gone++;
}

static void on_addresses_changed(void *arg, const char *name)
{
        ((struct lab *)arg)->addresses_changed++;
}

static void start(struct lab *lab)
{
        static const struct link_events link_events = {
                .changed = on_link_changed,
                .gone = on_link_gone,
                .addresses_changed = on_addresses_changed,
        };

        assert_int_equal(addresses_new(&lab->a, lab->loop, &link_events, lab), 0);
}

static void stop(struct lab *lab)
{
        lab->set = address_set_free(lab->set);
        lab->other = address_set_free(lab->other);
        lab->a = addresses_free(lab->a);
}

static void make_veth(void)
{
        assert_int_equal(netns_run("ip link add v0 type veth peer name v1 && ip link set v0 up && "
                                   "ip link set v1 up && ip addr add 192.0.2.1/24 dev v0"),
                         0);
}

static int setup(void **state)
{
        static const struct kernel_listener listener = {
                .link_seen = w_link_seen,
                .link_gone = w_link_gone,
                .addr_seen = w_addr_seen,
                .addr_gone = w_addr_gone,
                .dump_begin = w_dump_begin,
                .dump_end = w_dump_end,
        };
        struct lab *lab = calloc(1, sizeof(*lab));

        make_veth();
        assert_int_equal(sd_event_new(&lab->loop), 0);
        assert_int_equal(kernel_new(&lab->witness.kernel, lab->loop, SD_EVENT_PRIORITY_NORMAL + 90,
                                    &listener, &lab->witness),
                         0);
        start(lab);
        *state = lab;
        return 0;
}

static int teardown(void **state)
{
        struct lab *lab = *state;

        stop(lab);
        kernel_free(lab->witness.kernel);
        sd_event_unref(lab->loop);
        free(lab);
        netns_run("ip link del v0 2>/dev/null; ip link del w0 2>/dev/null");
        return 0;
}

static struct conf_vip vip(const char *addr, uint8_t prefix_len)
{
        struct conf_vip v = {.prefix_len = prefix_len, .dev = "v0"};

        assert_int_equal(ip_addr_parse(addr, &v.addr), 0);
        return v;
}

static void make_set(struct lab *lab, const struct conf_vip *vips, unsigned n)
{
        assert_int_equal(address_set_new(&lab->set, lab->a, "web", vips, n, &events, &lab->rec), 0);
}

static void make_other(struct lab *lab, const struct conf_vip *vips, unsigned n)
{
        assert_int_equal(
                address_set_new(&lab->other, lab->a, "db", vips, n, &events, &lab->other_rec), 0);
}

/* What the kernel has, asked anew; NULL if it has not. */
static const struct kernel_addr *in_kernel(struct lab *lab, const struct conf_vip *v)
{
        assert_int_equal(kernel_dump(lab->witness.kernel), 0);
        for (unsigned i = 0; i < lab->witness.n; i++)
                if (ip_addr_cmp(&lab->witness.seen[i].addr, &v->addr) == 0)
                        return &lab->witness.seen[i];
        return NULL;
}

static unsigned count_ours(struct lab *lab)
{
        unsigned n = 0;

        assert_int_equal(kernel_dump(lab->witness.kernel), 0);
        for (unsigned i = 0; i < lab->witness.n; i++)
                n += lab->witness.seen[i].proto == KERNEL_ADDR_PROTO;
        return n;
}

/* Turn the loop until *counter reaches at least `value`. */
static void run_until(struct lab *lab, const unsigned *counter, unsigned value)
{
        mono_t end = mono_add_us(clock_now(), DEADLINE_US);

        while (*counter < value) {
                assert_true(mono_before(clock_now(), end));
                assert_true(sd_event_run(lab->loop, 10000) >= 0);
        }
}

static void run_for(struct lab *lab, int64_t us)
{
        mono_t end = mono_add_us(clock_now(), us);

        while (mono_before(clock_now(), end))
                assert_true(sd_event_run(lab->loop, 1000) >= 0);
}

static void set_sysctl(const char *name, int value)
{
        assert_int_equal(netns_run("echo %d > /proc/sys/net/%s", value, name), 0);
}

/* --- claim and release ------------------------------------------------------------------------ */

static void a_claim_puts_both_families_up_before_it_returns(void **state)
{
        struct lab *lab = *state;
        const struct conf_vip vips[] = {vip("192.0.2.10", 24), vip("2001:db8::10", 64)};
        const struct kernel_addr *k;

        make_set(lab, vips, 2);
        assert_null(in_kernel(lab, &vips[0]));
        address_set_claim(lab->set);
        assert_int_equal(lab->rec.added, 2);
        assert_int_equal(lab->rec.claimed, 1);
        assert_int_equal(address_set_up(lab->set), 2);

        k = in_kernel(lab, &vips[0]);
        assert_non_null(k);
        assert_int_equal(k->prefix_len, 24);
        assert_int_equal(k->scope, RT_SCOPE_UNIVERSE);
        assert_int_equal(k->proto, KERNEL_ADDR_PROTO);
        assert_int_equal(k->ifindex, address_vip_ifindex(lab->a, &vips[0]));

        k = in_kernel(lab, &vips[1]);
        assert_non_null(k);
        assert_int_equal(k->prefix_len, 64);
        assert_int_equal(k->proto, KERNEL_ADDR_PROTO);
        assert_true(k->flags & IFA_F_NODAD);
        assert_false(k->flags & IFA_F_TENTATIVE);
}

static void a_release_takes_both_down_before_it_returns(void **state)
{
        struct lab *lab = *state;
        const struct conf_vip vips[] = {vip("192.0.2.10", 24), vip("2001:db8::10", 64)};

        make_set(lab, vips, 2);
        address_set_claim(lab->set);
        address_set_unclaim(lab->set);
        assert_int_equal(lab->rec.unclaimed, 1);
        assert_int_equal(address_set_up(lab->set), 0);
        assert_null(in_kernel(lab, &vips[0]));
        assert_null(in_kernel(lab, &vips[1]));

        run_for(lab, 50 * US_PER_MS); /* the echoes of it all change nothing */
        assert_int_equal(lab->rec.lost, 0);
        assert_int_equal(lab->rec.added, 2);
        assert_int_equal(count_ours(lab), 0);
}

static void echoes_of_a_quick_turnaround_are_no_losses(void **state)
{
        struct lab *lab = *state;
        const struct conf_vip vips[] = {vip("192.0.2.10", 24), vip("2001:db8::10", 128)};

        make_set(lab, vips, 2);
        for (int i = 0; i < 5; i++) {
                address_set_claim(lab->set);
                address_set_unclaim(lab->set);
        }
        address_set_claim(lab->set);
        run_for(lab, 50 * US_PER_MS);
        assert_int_equal(lab->rec.lost, 0);
        assert_int_equal(lab->rec.added, 6 * 2);
        assert_int_equal(count_ours(lab), 2);
}

static void label_and_scope_are_as_configured(void **state)
{
        struct lab *lab = *state;
        struct conf_vip vips[] = {vip("192.0.2.10", 32)};

        vips[0].scope = RT_SCOPE_LINK;
        strcpy(vips[0].label, "v0:web");
        make_set(lab, vips, 1);
        address_set_claim(lab->set);
        assert_int_equal(in_kernel(lab, &vips[0])->scope, RT_SCOPE_LINK);
        assert_int_equal(netns_run("ip -o addr show label v0:web | grep -q 192.0.2.10/32"), 0);
}

static void a_changed_label_makes_the_address_anew(void **state)
{
        struct lab *lab = *state;
        struct conf_vip vips[] = {vip("192.0.2.10", 24), vip("192.0.2.11", 24)};
        struct conf_vip changed[2];

        memcpy(changed, vips, sizeof(vips));
        strcpy(changed[0].label, "v0:web");
        make_set(lab, vips, 2);
        address_set_claim(lab->set);
        lab->witness.watched = vips[1].addr;

        assert_int_equal(address_set_update(lab->set, changed, 2), 0);
        run_until(lab, &lab->rec.added, 3);
        run_for(lab, 20 * US_PER_MS);
        assert_int_equal(netns_run("ip -o addr show label v0:web | grep -q 192.0.2.10/24"), 0);
        assert_int_equal(lab->rec.lost, 0);
        assert_int_equal(lab->witness.gone, 0); /* 192.0.2.11 was left alone */
}

static void a_host_address_of_ipv6_is_no_preferred_source(void **state)
{
        struct lab *lab = *state;
        const struct conf_vip vips[] = {vip("2001:db8::10", 128)};

        make_set(lab, vips, 1);
        address_set_claim(lab->set);
        assert_true(in_kernel(lab, &vips[0])->flags & IFA_F_DEPRECATED);
        assert_false(in_kernel(lab, &vips[0])->flags & IFA_F_TENTATIVE);
}

static void what_is_there_already_is_adopted_and_goes_at_the_release(void **state)
{
        struct lab *lab = *state;
        const struct conf_vip vips[] = {vip("192.0.2.10", 24), vip("2001:db8::10", 64)};

        /* 2001:db8::10 with another prefix length: an IPv6 address exists once per link. */
        assert_int_equal(netns_run("ip addr add 192.0.2.10/24 dev v0 && "
                                   "ip addr add 2001:db8::10/48 dev v0 nodad"),
                         0);
        make_set(lab, vips, 2);
        run_for(lab, 10 * US_PER_MS);
        address_set_claim(lab->set);
        assert_int_equal(lab->rec.claimed, 1);
        assert_int_equal(in_kernel(lab, &vips[0])->proto, KERNEL_ADDR_PROTO);
        assert_int_equal(in_kernel(lab, &vips[1])->proto, KERNEL_ADDR_PROTO);
        assert_int_equal(addresses_stats(lab->a).adopted, 2);

        address_set_unclaim(lab->set);
        assert_null(in_kernel(lab, &vips[0]));
        assert_null(in_kernel(lab, &vips[1]));
}

static void an_address_under_duplicate_detection_answers_at_once_when_claimed(void **state)
{
        struct lab *lab = *state;
        const struct conf_vip vips[] = {vip("2001:db8::10", 64)};

        set_sysctl("ipv6/conf/v0/dad_transmits", 30); /* it would take half a minute */
        assert_int_equal(netns_run("ip addr add 2001:db8::10/64 dev v0"), 0);
        make_set(lab, vips, 1);
        run_for(lab, 10 * US_PER_MS);
        assert_true(in_kernel(lab, &vips[0])->flags & IFA_F_TENTATIVE);
        address_set_claim(lab->set);
        assert_int_equal(lab->rec.claimed, 1);
        assert_false(in_kernel(lab, &vips[0])->flags & IFA_F_TENTATIVE);
        run_for(lab, 20 * US_PER_MS);
        assert_int_equal(lab->rec.lost, 0);
}

static void an_address_of_an_unclaimed_set_is_left_to_whoever_put_it_there(void **state)
{
        struct lab *lab = *state;
        const struct conf_vip vips[] = {vip("192.0.2.10", 24)};

        assert_int_equal(netns_run("ip addr add 192.0.2.10/24 dev v0"), 0);
        make_set(lab, vips, 1);
        run_for(lab, 20 * US_PER_MS);
        assert_int_equal(addresses_sweep(lab->a), 0);
        run_for(lab, 20 * US_PER_MS);
        assert_non_null(in_kernel(lab, &vips[0]));
        assert_int_equal(address_set_up(lab->set), 1); /* seen it has been */
}

/* --- restart ------------------------------------------------------------------------------------
 */

/* In a process of its own that ends as by SIGKILL: nobody takes anything down. */
static void claim_and_die(const struct conf_vip *vips, unsigned n)
{
        pid_t child = fork();
        int status;

        if (child == 0) {
                struct lab lab = {0};

                if (sd_event_new(&lab.loop) < 0)
                        _exit(1);
                start(&lab);
                make_set(&lab, vips, n);
                address_set_claim(lab.set);
                _exit(address_set_up(lab.set) == n ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
}

static void what_a_crash_left_behind_is_swept_but_for_what_is_claimed(void **state)
{
        struct lab *lab = *state;
        const struct conf_vip vips[] = {vip("192.0.2.10", 24), vip("2001:db8::10", 64),
                                        vip("192.0.2.11", 24)};
        const struct conf_vip still[] = {vip("192.0.2.11", 24)};

        stop(lab);
        claim_and_die(vips, 3);
        assert_int_equal(count_ours(lab), 3);

        start(lab);
        make_other(lab, still, 1);
        lab->witness.watched = still[0].addr;
        address_set_claim(lab->other);
        assert_int_equal(addresses_sweep(lab->a), 2);
        assert_null(in_kernel(lab, &vips[0]));
        assert_null(in_kernel(lab, &vips[1]));
        assert_non_null(in_kernel(lab, &still[0]));
        run_for(lab, 20 * US_PER_MS);
        assert_int_equal(lab->witness.gone, 0);
        assert_int_equal(count_ours(lab), 1);
        assert_non_null(
                in_kernel(lab, &(struct conf_vip){.addr = ip_addr_from_v4("\xc0\x00\x02\x01")}));
}

/* --- interference
 * ---------------------------------------------------------------------------------- */

static void an_address_that_somebody_removed_is_put_back(void **state)
{
        struct lab *lab = *state;
        const struct conf_vip vips[] = {vip("192.0.2.10", 24), vip("2001:db8::10", 64)};

        make_set(lab, vips, 2);
        address_set_claim(lab->set);
        assert_int_equal(netns_run("ip addr del 192.0.2.10/24 dev v0"), 0);
        run_until(lab, &lab->rec.added, 3);
        assert_int_equal(lab->rec.lost, 1);
        assert_int_not_equal(lab->rec.by_port, 0);
        assert_int_not_equal(lab->rec.by_port, kernel_port(addresses_kernel(lab->a)));
        assert_non_null(in_kernel(lab, &vips[0]));

        assert_int_equal(netns_run("ip addr del 2001:db8::10/64 dev v0"), 0);
        run_until(lab, &lab->rec.added, 4);
        assert_int_equal(lab->rec.lost, 2);
        assert_non_null(in_kernel(lab, &vips[1]));
        assert_int_equal(lab->rec.unstable, 0);
        assert_int_equal(lab->rec.claimed, 1);
}

static void an_address_removed_again_and_again_makes_the_group_unstable(void **state)
{
        struct lab *lab = *state;
        const struct conf_vip vips[] = {vip("192.0.2.10", 24)};

        make_set(lab, vips, 1);
        address_set_claim(lab->set);
        /* Five within ten seconds are forgiven; that six fit is for a machine that forks in 1.6 s.
         */
        for (unsigned i = 1; i <= 6; i++) {
                assert_int_equal(lab->rec.unstable, 0);
                assert_int_equal(netns_run("ip addr del 192.0.2.10/24 dev v0"), 0);
                run_until(lab, &lab->rec.added, 1 + i);
                assert_int_equal(lab->rec.lost, i);
        }
        assert_int_equal(lab->rec.unstable, 1);
        assert_int_equal(lab->rec.err, 0);
        assert_non_null(in_kernel(lab, &vips[0])); /* tried on, with delay */
}

static void the_others_come_back_when_somebody_removes_the_first_of_the_subnet(void **state)
{
        struct lab *lab = *state;
        const struct conf_vip vips[] = {vip("192.0.2.10", 24), vip("192.0.2.11", 24)};

        set_sysctl("ipv4/conf/all/promote_secondaries", 0);
        set_sysctl("ipv4/conf/v0/promote_secondaries", 0);
        make_set(lab, vips, 2);
        address_set_claim(lab->set);
        assert_true(in_kernel(lab, &vips[0])->flags & IFA_F_SECONDARY);
        assert_int_equal(netns_run("ip addr del 192.0.2.1/24 dev v0"), 0);
        run_until(lab, &lab->rec.added, 4);
        assert_int_equal(lab->rec.lost, 2);
        assert_int_equal(count_ours(lab), 2);
}

static void release_of_one_group_spares_the_other_in_the_same_subnet(struct lab *lab, int promote)
{
        /* 198.51.100.0/24 has no other address on v0: the first that comes is its primary. */
        const struct conf_vip first[] = {vip("198.51.100.10", 24)};
        const struct conf_vip second[] = {vip("198.51.100.11", 24), vip("198.51.100.12", 24)};

        set_sysctl("ipv4/conf/all/promote_secondaries", promote);
        set_sysctl("ipv4/conf/v0/promote_secondaries", promote);
        make_set(lab, first, 1);
        make_other(lab, second, 2);
        address_set_claim(lab->set);
        address_set_claim(lab->other);
        assert_true(in_kernel(lab, &second[0])->flags & IFA_F_SECONDARY);

        address_set_unclaim(lab->set);
        run_for(lab, 100 * US_PER_MS);
        assert_null(in_kernel(lab, &first[0]));
        assert_non_null(in_kernel(lab, &second[0]));
        assert_non_null(in_kernel(lab, &second[1]));
        assert_int_equal(address_set_up(lab->other), 2);
        assert_int_equal(lab->other_rec.lost, 0); /* nobody interfered: our own side effect */
        /* What the kernel took along is announced again. */
        assert_int_equal(lab->other_rec.added, promote ? 2 : 4);
}

static void a_release_spares_the_others_of_the_subnet(void **state)
{
        release_of_one_group_spares_the_other_in_the_same_subnet(*state, 0);
}

static void a_release_spares_the_others_of_the_subnet_with_promotion(void **state)
{
        release_of_one_group_spares_the_other_in_the_same_subnet(*state, 1);
}

static void no_address_is_lost_in_an_overrun(void **state)
{
        struct lab *lab = *state;
        const struct conf_vip vips[] = {vip("192.0.2.10", 24), vip("2001:db8::10", 64)};

        make_set(lab, vips, 2);
        address_set_claim(lab->set);
        run_for(lab, 20 * US_PER_MS);
        assert_int_equal(kernel_set_queue(addresses_kernel(lab->a), 4096), 0);

        /* 2 000 events while nobody reads, and both addresses among what is lost with them. */
        assert_int_equal(netns_run("for i in $(seq 0 999); do "
                                   "echo addr add 10.9.$((i/250)).$((i%%250+1))/32 dev v1; "
                                   "echo addr del 10.9.$((i/250)).$((i%%250+1))/32 dev v1; done "
                                   "| ip -batch -"),
                         0);
        assert_int_equal(netns_run("ip addr del 192.0.2.10/24 dev v0; "
                                   "ip addr del 2001:db8::10/64 dev v0; "
                                   "ip addr add 203.0.113.7/24 dev v1"),
                         0);
        run_until(lab, &lab->rec.added, 4);
        assert_true(addresses_stats(lab->a).kernel.overruns > 0);
        assert_non_null(in_kernel(lab, &vips[0]));
        assert_non_null(in_kernel(lab, &vips[1]));
        assert_int_equal(lab->rec.lost, 2);
        /* And the rest of the picture is right again too. */
        assert_true(addresses_is_local(lab->a, &(struct ip_addr){AF_INET, {203, 0, 113, 7}}));
        assert_false(addresses_is_local(lab->a, &(struct ip_addr){AF_INET, {10, 9, 0, 1}}));
}

/* --- links
 * ------------------------------------------------------------------------------------------ */

static void addresses_return_with_their_interface(void **state)
{
        struct lab *lab = *state;
        const struct conf_vip vips[] = {vip("192.0.2.10", 24), vip("2001:db8::10", 64)};
        int before;

        make_set(lab, vips, 2);
        address_set_claim(lab->set);
        before = address_vip_ifindex(lab->a, &vips[0]);
        assert_int_equal(netns_run("ip link del v0"), 0);
        run_until(lab, &lab->link_gone, 2); /* v0 and v1 */
        assert_int_equal(address_set_up(lab->set), 0);
        assert_int_equal(address_vip_ifindex(lab->a, &vips[0]), 0);
        assert_null(addresses_link(lab->a, "v0"));

        make_veth();
        run_until(lab, &lab->rec.added, 4);
        assert_int_not_equal(address_vip_ifindex(lab->a, &vips[0]), before);
        assert_non_null(in_kernel(lab, &vips[0]));
        assert_non_null(in_kernel(lab, &vips[1]));
        assert_int_equal(lab->rec.lost, 0);
        assert_int_equal(lab->rec.claimed, 1);
}

static void a_missing_interface_makes_the_group_unstable_after_a_while(void **state)
{
        struct lab *lab = *state;
        struct conf_vip vips[] = {vip("192.0.2.10", 24)};

        strcpy(vips[0].dev, "w0");
        make_set(lab, vips, 1);
        address_set_claim(lab->set);
        assert_int_equal(lab->rec.unstable, 0);
        run_until(lab, &lab->rec.unstable, 1);
        assert_int_equal(lab->rec.err, -ENODEV);
        assert_int_equal(lab->rec.claimed, 0);

        assert_int_equal(netns_run("ip link add w0 type veth peer name w1 && ip link set w0 up"),
                         0);
        run_until(lab, &lab->rec.claimed, 1);
        assert_int_equal(lab->rec.added, 1);
        assert_non_null(in_kernel(lab, &vips[0]));
}

static void ipv6_addresses_return_when_the_link_comes_up_again(void **state)
{
        struct lab *lab = *state;
        const struct conf_vip vips[] = {vip("192.0.2.10", 24), vip("2001:db8::10", 64)};

        make_set(lab, vips, 2);
        address_set_claim(lab->set);
        assert_int_equal(netns_run("ip link set v0 down"), 0);
        run_for(lab, 20 * US_PER_MS);
        assert_null(in_kernel(lab, &vips[1])); /* the kernel flushed it, and kept IPv4's */
        assert_non_null(in_kernel(lab, &vips[0]));
        assert_int_equal(lab->rec.lost, 0);
        assert_int_equal(address_set_up(lab->set), 1);

        assert_int_equal(netns_run("ip link set v0 up"), 0);
        run_until(lab, &lab->rec.added, 3);
        assert_non_null(in_kernel(lab, &vips[1]));
}

static void an_address_that_the_link_refuses_makes_the_group_unstable(void **state)
{
        struct lab *lab = *state;
        const struct conf_vip vips[] = {vip("192.0.2.10", 24), vip("2001:db8::10", 64)};

        set_sysctl("ipv6/conf/v0/disable_ipv6", 1);
        make_set(lab, vips, 2);
        address_set_claim(lab->set);
        assert_int_equal(lab->rec.added, 1);
        run_until(lab, &lab->rec.unstable, 1);
        assert_int_equal(lab->rec.err, -EACCES);
        assert_int_equal(lab->rec.claimed, 0);

        set_sysctl("ipv6/conf/v0/disable_ipv6", 0);
        run_until(lab, &lab->rec.claimed, 1); /* tried on, more slowly */
        assert_non_null(in_kernel(lab, &vips[1]));
}

static void a_renamed_interface_loses_the_addresses_of_its_old_name(void **state)
{
        struct lab *lab = *state;
        struct conf_vip old[] = {vip("192.0.2.10", 24)};
        struct conf_vip new[] = {vip("192.0.2.11", 24)};

        strcpy(new[0].dev, "w0");
        make_set(lab, old, 1);
        make_other(lab, new, 1);
        address_set_claim(lab->set);
        address_set_claim(lab->other);
        assert_int_equal(netns_run("ip link set v0 name w0 2>/dev/null || "
                                   "(ip link set v0 down && ip link set v0 name w0 && "
                                   "ip link set w0 up)"),
                         0);
        run_until(lab, &lab->other_rec.claimed, 1);
        assert_non_null(in_kernel(lab, &new[0]));
        for (int i = 0; i < 1000 && in_kernel(lab, &old[0]); i++)
                run_for(lab, 10 * US_PER_MS);
        assert_null(in_kernel(lab, &old[0])); /* it would answer on an interface nobody named */
        assert_int_equal(address_set_up(lab->set), 0);
        assert_null(addresses_link(lab->a, "v0"));
}

/* --- reload
 * ------------------------------------------------------------------------------------------- */

static void an_address_moves_between_groups_untouched(void **state)
{
        struct lab *lab = *state;
        const struct conf_vip both[] = {vip("192.0.2.10", 24), vip("192.0.2.11", 24)};
        const struct conf_vip second[] = {vip("192.0.2.12", 24)};
        const struct conf_vip second_now[] = {vip("192.0.2.12", 24), vip("192.0.2.11", 24)};

        make_set(lab, both, 2);
        make_other(lab, second, 1);
        address_set_claim(lab->set);
        address_set_claim(lab->other);
        run_for(lab, 10 * US_PER_MS);
        lab->witness.watched = both[1].addr;

        /* First taken from one group, turns later given to the other. */
        addresses_hold(lab->a);
        assert_int_equal(address_set_update(lab->set, both, 1), 0);
        run_for(lab, 10 * US_PER_MS);
        assert_int_equal(address_set_update(lab->other, second_now, 2), 0);
        addresses_resume(lab->a);
        run_until(lab, &lab->other_rec.added, 2);
        run_for(lab, 20 * US_PER_MS);
        assert_int_equal(kernel_drain(lab->witness.kernel, 1000) >= 0, 1);
        assert_int_equal(lab->witness.gone, 0);
        assert_int_equal(address_set_up(lab->set), 1);
        assert_int_equal(address_set_up(lab->other), 2);
        assert_int_equal(lab->rec.added, 2);
        assert_int_equal(lab->rec.claimed, 1);
}

static void what_no_group_lists_any_more_goes_down(void **state)
{
        struct lab *lab = *state;
        const struct conf_vip vips[] = {vip("192.0.2.10", 24), vip("192.0.2.11", 24)};

        make_set(lab, vips, 2);
        address_set_claim(lab->set);
        assert_int_equal(address_set_update(lab->set, vips, 1), 0);
        run_for(lab, 20 * US_PER_MS);
        assert_null(in_kernel(lab, &vips[1]));
        assert_non_null(in_kernel(lab, &vips[0]));

        lab->set = address_set_free(lab->set);
        addresses_flush(lab->a, US_PER_S);
        assert_int_equal(count_ours(lab), 0);
}

/* --- many
 * ------------------------------------------------------------------------------------------------
 */

#define MANY 1000

struct turns {
        struct addresses *a;
        uint64_t requests; /* at the last look */
        uint64_t longest;
        unsigned looks;
};

/* Stands for the adverts: pending all the time, at a higher priority. */
static int look(sd_event_source *source, uint64_t usec, void *arg)
{
        struct turns *t = arg;
        uint64_t requests = addresses_stats(t->a).kernel.requests;

        if (requests - t->requests > t->longest)
                t->longest = requests - t->requests;
        t->requests = requests;
        t->looks++;
        sd_event_source_set_time(source, (uint64_t)clock_now().us);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void run_beside_adverts(struct lab *lab, struct turns *t, const unsigned *counter)
{
        mono_t end = mono_add_us(clock_now(), DEADLINE_US);

        /* An advert is always due, so it goes out whenever the loop gets its turn back. */
        while (*counter == 0) {
                sd_event_source *advert = NULL;

                assert_true(mono_before(clock_now(), end));
                assert_true(sd_event_add_time(lab->loop, &advert, CLOCK_MONOTONIC, 0, 1, look, t) >=
                            0);
                sd_event_source_set_priority(advert, PRIORITY_DEADLINE);
                sd_event_source_set_enabled(advert, SD_EVENT_ONESHOT);
                assert_true(sd_event_run(lab->loop, 0) >= 0); /* the advert */
                sd_event_source_disable_unref(advert);
                assert_true(sd_event_run(lab->loop, 0) >= 0); /* something else */
        }
}

static void a_thousand_addresses_go_up_and_down_in_slices(void **state)
{
        struct lab *lab = *state;
        CLEANUP(freep) struct conf_vip *vips = calloc(MANY, sizeof(*vips));
        struct turns t = {.a = lab->a};

        for (unsigned i = 0; i < MANY; i++) {
                char text[32];

                snprintf(text, sizeof(text), i % 2 ? "10.1.%u.%u" : "2001:db8:1::%u:%u", i / 250,
                         i % 250 + 1);
                vips[i] = vip(text, i % 2 ? 32 : 128);
        }
        make_set(lab, vips, MANY);
        address_set_claim(lab->set);
        assert_true(lab->rec.added <= KERNEL_BATCH_MAX); /* the first slice, at once */
        assert_true(lab->rec.added > 0);
        run_beside_adverts(lab, &t, &lab->rec.claimed);
        assert_int_equal(lab->rec.added, MANY);
        assert_int_equal(count_ours(lab), MANY);

        address_set_unclaim(lab->set);
        run_beside_adverts(lab, &t, &lab->rec.unclaimed);
        assert_int_equal(count_ours(lab), 0);

        assert_true(t.longest > 0 && t.longest <= KERNEL_BATCH_MAX);
        /* Both ways, less the two first slices: so many turns there were at least. */
        assert_true(t.looks >= 2 * (MANY / KERNEL_BATCH_MAX - 1));
        assert_true(addresses_stats(lab->a).kernel.longest_batch <= KERNEL_BATCH_MAX);
        assert_int_equal(lab->rec.lost, 0);
}

/* --- questions
 * --------------------------------------------------------------------------------------------- */

static void the_source_is_the_links_own_address_not_a_virtual_one(void **state)
{
        struct lab *lab = *state;
        const struct conf_vip vips[] = {vip("198.51.100.10", 24), vip("fe80::10", 64)};
        struct ip_addr own, wanted, source;

        assert_int_equal(netns_run("ip addr add 192.0.2.2/24 dev v0"), 0);
        make_set(lab, vips, 2);
        address_set_claim(lab->set);
        run_for(lab, 20 * US_PER_MS);

        ip_addr_parse("192.0.2.1", &own);
        assert_int_equal(addresses_source(lab->a, "v0", AF_INET, NULL, &source), 0);
        assert_int_equal(ip_addr_cmp(&source, &own), 0);

        ip_addr_parse("192.0.2.2", &wanted);
        assert_int_equal(addresses_source(lab->a, "v0", AF_INET, &wanted, &source), 0);
        assert_int_equal(ip_addr_cmp(&source, &wanted), 0);
        ip_addr_parse("203.0.113.1", &wanted); /* which v0 has not */
        assert_int_equal(addresses_source(lab->a, "v0", AF_INET, &wanted, &source), 0);
        assert_int_equal(ip_addr_cmp(&source, &own), 0);

        for (int i = 0; i < 500 && addresses_source(lab->a, "v0", AF_INET6, NULL, &source) < 0; i++)
                run_for(lab, 10 * US_PER_MS); /* detection of duplicates takes its second */
        assert_int_equal(addresses_source(lab->a, "v0", AF_INET6, NULL, &source), 0);
        assert_true(ip_addr_is_link_local(&source));
        assert_int_not_equal(ip_addr_cmp(&source, &vips[1].addr), 0);

        assert_int_equal(addresses_source(lab->a, "v1", AF_INET, NULL, &source), -EADDRNOTAVAIL);
        assert_int_equal(addresses_source(lab->a, "none", AF_INET, NULL, &source), -EADDRNOTAVAIL);
}

static void own_addresses_and_links_are_known_and_their_changes_told(void **state)
{
        struct lab *lab = *state;
        struct ip_addr addr;
        unsigned before;

        ip_addr_parse("192.0.2.1", &addr);
        assert_true(addresses_is_local(lab->a, &addr));
        ip_addr_parse("192.0.2.99", &addr);
        assert_false(addresses_is_local(lab->a, &addr));

        assert_non_null(addresses_link(lab->a, "v0"));
        assert_true(addresses_link(lab->a, "v0")->up);
        assert_true(addresses_link(lab->a, "lo")->loopback);
        assert_ptr_equal(addresses_link_by_index(lab->a, addresses_link(lab->a, "v0")->ifindex),
                         addresses_link(lab->a, "v0"));

        assert_int_equal(netns_run("ip addr add 192.0.2.99/24 dev v0"), 0);
        before = lab->addresses_changed;
        run_until(lab, &lab->addresses_changed, before + 1);
        assert_true(addresses_is_local(lab->a, &addr));

        assert_int_equal(netns_run("ip link set v1 down"), 0);
        for (int i = 0; i < 500 && addresses_link(lab->a, "v0")->carrier; i++)
                run_for(lab, 10 * US_PER_MS);
        assert_false(addresses_link(lab->a, "v0")->carrier);
        assert_true(addresses_link(lab->a, "v0")->up);
        assert_true(lab->link_changed > 0);
        assert_int_equal(addresses_stats(lab->a).kernel.dumps,
                         1); /* at the start, and never since */
}

static void who_changed_something_is_named_as_far_as_is_known(void **state)
{
        char text[KERNEL_OWNER_TEXT], wanted[KERNEL_OWNER_TEXT];
        unsigned pid = (unsigned)getpid();

        assert_string_equal(kernel_port_owner(0, text), "the kernel");
        snprintf(wanted, sizeof(wanted), "test_addresses (pid %u)", pid);
        assert_string_equal(kernel_port_owner(pid, text), wanted);
        /* libnl's second socket of the process; 22 bits are left for the pid */
        assert_string_equal(kernel_port_owner(pid | 1u << 22, text), wanted);
        assert_string_equal(kernel_port_owner(0x3fffff, text), "pid 4194303"); /* beyond pid_max */
        assert_string_equal(kernel_port_owner((uint32_t)-4097, text), "netlink port 4294963199");
}

/* A timer that is armed by mistake, or a source that is never served, would show here. */
static void the_loop_rests_when_nothing_happens(void **state)
{
        struct lab *lab = *state;
        const struct conf_vip vips[] = {vip("192.0.2.10", 24), vip("2001:db8::10", 64)};
        mono_t end = mono_add_us(clock_now(), DEADLINE_US);

        make_set(lab, vips, 2);
        address_set_claim(lab->set);
        addresses_sweep(lab->a);
        kernel_dump_soon(addresses_kernel(lab->a));
        /* The kernel's own news (duplicate detection of the link's addresses) end after a while. */
        while (sd_event_run(lab->loop, 300 * US_PER_MS) > 0)
                assert_true(mono_before(clock_now(), end));
        assert_int_equal(addresses_stats(lab->a).kernel.dumps, 2);
}

int main(void)
{
#define IN_LAB(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                IN_LAB(a_claim_puts_both_families_up_before_it_returns),
                IN_LAB(a_release_takes_both_down_before_it_returns),
                IN_LAB(echoes_of_a_quick_turnaround_are_no_losses),
                IN_LAB(label_and_scope_are_as_configured),
                IN_LAB(a_changed_label_makes_the_address_anew),
                IN_LAB(a_host_address_of_ipv6_is_no_preferred_source),
                IN_LAB(what_is_there_already_is_adopted_and_goes_at_the_release),
                IN_LAB(an_address_under_duplicate_detection_answers_at_once_when_claimed),
                IN_LAB(an_address_of_an_unclaimed_set_is_left_to_whoever_put_it_there),
                IN_LAB(what_a_crash_left_behind_is_swept_but_for_what_is_claimed),
                IN_LAB(an_address_that_somebody_removed_is_put_back),
                IN_LAB(an_address_removed_again_and_again_makes_the_group_unstable),
                IN_LAB(the_others_come_back_when_somebody_removes_the_first_of_the_subnet),
                IN_LAB(a_release_spares_the_others_of_the_subnet),
                IN_LAB(a_release_spares_the_others_of_the_subnet_with_promotion),
                IN_LAB(no_address_is_lost_in_an_overrun),
                IN_LAB(addresses_return_with_their_interface),
                IN_LAB(a_missing_interface_makes_the_group_unstable_after_a_while),
                IN_LAB(ipv6_addresses_return_when_the_link_comes_up_again),
                IN_LAB(an_address_that_the_link_refuses_makes_the_group_unstable),
                IN_LAB(a_renamed_interface_loses_the_addresses_of_its_old_name),
                IN_LAB(an_address_moves_between_groups_untouched),
                IN_LAB(what_no_group_lists_any_more_goes_down),
                IN_LAB(a_thousand_addresses_go_up_and_down_in_slices),
                cmocka_unit_test(who_changed_something_is_named_as_far_as_is_known),
                IN_LAB(the_loop_rests_when_nothing_happens),
                IN_LAB(the_source_is_the_links_own_address_not_a_virtual_one),
                IN_LAB(own_addresses_and_links_are_known_and_their_changes_told),
        };
        int r = netns_enter();

        if (r != 0)
                return r;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
