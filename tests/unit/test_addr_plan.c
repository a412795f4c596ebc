/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The address plan without a kernel: each rule by itself, with the requests
 * answered by hand. test_addr_plan_random.c plays it against a model kernel.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "vipd/core/addr_set.h"

#define ENTRIES 256
#define LINKS 4
#define OUR_PORT 4711
#define ETH0 0u
#define ETH1 1u

static struct addr_entry entries[ENTRIES];
static uint32_t heap[ENTRIES], buckets[ENTRIES];
static struct addr_link links[LINKS];
static struct addr_plan plan;
static struct addr_set web, db;
static struct addr_member web_members[2][ENTRIES], db_members[2][ENTRIES];
static mono_t now;
static uint32_t seq;

static const struct addr_origin by_us_later = {ADDR_BY_US, OUR_PORT, UINT32_MAX / 4};
static const struct addr_origin by_other = {ADDR_BY_OTHER, 99, 1};
static const struct addr_origin by_kernel = {ADDR_BY_OTHER, 0, 0};
static const struct addr_origin by_dump = {.teller = ADDR_BY_DUMP};

static int setup(void **state)
{
        const struct addr_memory mem = {entries, heap, ENTRIES, buckets, ENTRIES, links, LINKS};

        addr_plan_init(&plan, &mem);
        addr_set_init(&web);
        addr_set_init(&db);
        now = (mono_t){1000 * US_PER_S};
        seq = 100;
        addr_plan_link(&plan, ETH0, 2, true, now);
        return 0;
}

static struct addr_spec spec(const char *text, uint8_t prefix_len)
{
        struct addr_spec s = {.prefix_len = prefix_len, .link = ETH0};

        assert_int_equal(ip_addr_parse(text, &s.addr), 0);
        return s;
}

static struct addr_sight sight(const struct addr_spec *s, bool ours)
{
        return (struct addr_sight){.link = s->link,
                                   .addr = s->addr,
                                   .prefix_len = s->prefix_len,
                                   .ours = ours,
                                   .usable = true};
}

static void gone(const struct addr_spec *s, const struct addr_origin *by)
{
        struct addr_sight what = sight(s, true);

        addr_plan_gone(&plan, &what, by, now);
}

static void seen(const struct addr_spec *s, bool ours, const struct addr_origin *by)
{
        struct addr_sight what = sight(s, ours);

        assert_true(addr_plan_seen(&plan, &what, by, now));
}

static void assign(struct addr_set *set, const struct addr_spec *specs, uint32_t n)
{
        struct addr_member(*room)[ENTRIES] = set == &web ? web_members : db_members;

        addr_set_assign(&plan, set, set->members == room[0] ? room[1] : room[0], specs, n, now);
}

static const struct addr_entry *entry(const struct addr_spec *s)
{
        uint32_t i = addr_table_find(&plan.table, s->link, &s->addr, s->prefix_len);

        return i == ADDR_NONE ? NULL : addr_plan_entry(&plan, i);
}

/* The next request: '+' or '-' or, when there is none, '0'; answered with `result`. */
static char answer(const struct addr_spec *s, int result)
{
        uint32_t i;
        char op;

        if (addr_plan_next(&plan, now, &i, 1) == 0)
                return '0';
        op = addr_plan_entry(&plan, i)->todo == ADDR_TODO_ADD ? '+' : '-';
        if (s)
                assert_int_equal(ip_addr_cmp(&addr_plan_entry(&plan, i)->addr, &s->addr), 0);
        addr_plan_done(&plan, i, result, ++seq, now);
        return op;
}

static void answer_all(void)
{
        while (answer(NULL, 0) != '0')
                ;
}

/* The next report, or 0. */
static unsigned report(struct addr_report *ret)
{
        struct addr_report r;

        if (!addr_plan_report(&plan, ret ? ret : &r))
                return 0;
        return ret ? ret->what : r.what;
}

static void drop_reports(void)
{
        while (report(NULL) != 0)
                ;
}

static void claim(struct addr_set *set, const struct addr_spec *specs, uint32_t n)
{
        assign(set, specs, n);
        addr_set_claim(&plan, set, now);
        answer_all();
        drop_reports();
}

/* --- claim and release ---------------------------------------------------------------------- */

static void a_claimed_address_is_asked_for_and_told_when_it_is_up(void **state)
{
        const struct addr_spec s = spec("192.0.2.10", 24);
        struct addr_report r;

        assign(&web, &s, 1);
        assert_false(addr_plan_busy(&plan));
        addr_set_claim(&plan, &web, now);
        assert_true(addr_plan_busy(&plan));
        assert_int_equal(report(NULL), 0);

        assert_int_equal(answer(&s, 0), '+');
        assert_int_equal(web.up, 1);
        assert_int_equal(report(&r), ADDR_NEWS_UP);
        assert_ptr_equal(r.set, &web);
        assert_int_equal(r.n, 1);
        assert_int_equal(report(NULL), ADDR_NEWS_CLAIMED);
        assert_int_equal(report(NULL), 0);
        assert_int_equal(answer(NULL, 0), '0');
}

static void an_address_believed_to_be_there_is_asked_for_all_the_same(void **state)
{
        const struct addr_spec s = spec("192.0.2.10", 24);

        seen(&s, false, &by_other);
        assign(&web, &s, 1);
        assert_int_equal(web.up, 1);
        addr_set_claim(&plan, &web, now);
        assert_int_equal(report(NULL), 0); /* not before the answer */
        assert_int_equal(answer(&s, 0), '+');
        assert_int_equal(report(NULL), ADDR_NEWS_UP);
        assert_int_equal(report(NULL), ADDR_NEWS_CLAIMED);
        assert_int_equal(plan.stats.adopted, 1);
        assert_true(entry(&s)->ours);
}

static void a_release_asks_for_removal_last_address_first(void **state)
{
        const struct addr_spec s[] = {spec("192.0.2.10", 24), spec("192.0.2.11", 24)};

        claim(&web, s, 2);
        addr_set_unclaim(&plan, &web, now);
        assert_int_equal(answer(&s[1], 0), '-');
        assert_int_equal(report(NULL), 0);
        assert_int_equal(answer(&s[0], -EADDRNOTAVAIL), '-'); /* gone is gone */
        assert_int_equal(report(NULL), ADDR_NEWS_UNCLAIMED);
        assert_int_equal(web.up, 0);
}

static void a_release_overtakes_a_claim_that_is_under_way(void **state)
{
        const struct addr_spec s[] = {spec("192.0.2.10", 24), spec("192.0.2.11", 24)};

        assign(&web, s, 2);
        addr_set_claim(&plan, &web, now);
        assert_int_equal(answer(&s[0], 0), '+');
        addr_set_unclaim(&plan, &web, now);
        assert_int_equal(answer(&s[1], -EADDRNOTAVAIL), '-');
        assert_int_equal(answer(&s[0], 0), '-');
        assert_int_equal(report(NULL), ADDR_NEWS_UNCLAIMED); /* and nothing of the claim */
        assert_int_equal(report(NULL), 0);
}

static void an_empty_set_is_claimed_at_once(void **state)
{
        addr_set_claim(&plan, &web, now);
        assert_int_equal(report(NULL), ADDR_NEWS_CLAIMED);
        addr_set_unclaim(&plan, &web, now);
        assert_int_equal(report(NULL), ADDR_NEWS_UNCLAIMED);
}

static void many_addresses_come_in_slices_and_reports_of_sixty_four(void **state)
{
        struct addr_spec s[100];
        struct addr_report r;
        uint32_t todo[64];
        uint32_t n;

        for (unsigned i = 0; i < 100; i++) {
                s[i] = spec("10.0.0.0", 32);
                s[i].addr.bytes[3] = (uint8_t)i;
        }
        assign(&web, s, 100);
        addr_set_claim(&plan, &web, now);
        for (unsigned slice = 0; slice < 2; slice++) {
                n = addr_plan_next(&plan, now, todo, 64);
                assert_int_equal(n, slice == 0 ? 64 : 36);
                for (uint32_t i = 0; i < n; i++)
                        addr_plan_done(&plan, todo[i], 0, ++seq, now);
        }
        assert_int_equal(report(&r), ADDR_NEWS_UP);
        assert_int_equal(r.n, 64);
        assert_int_equal(r.members[0], 0);
        assert_int_equal(report(&r), ADDR_NEWS_UP);
        assert_int_equal(r.n, 36);
        assert_int_equal(report(&r), ADDR_NEWS_CLAIMED);
}

static void the_first_slice_of_a_set_does_not_wait_for_other_sets(void **state)
{
        const struct addr_spec s[] = {spec("192.0.2.10", 24), spec("192.0.2.11", 24)};
        uint32_t i;

        assign(&web, &s[0], 1);
        assign(&db, &s[1], 1);
        addr_set_claim(&plan, &web, now);
        addr_set_claim(&plan, &db, now);
        assert_int_equal(addr_set_next(&plan, &db, &i, 1), 1);
        assert_int_equal(ip_addr_cmp(&addr_plan_entry(&plan, i)->addr, &s[1].addr), 0);
        addr_plan_done(&plan, i, 0, ++seq, now);
        assert_int_equal(addr_set_next(&plan, &db, &i, 1), 0);
        assert_int_equal(answer(&s[0], 0), '+');
}

static void the_first_slice_of_a_release_takes_the_last_address_first(void **state)
{
        const struct addr_spec s[] = {spec("192.0.2.10", 24), spec("192.0.2.11", 24)};
        uint32_t i;

        claim(&web, s, 2);
        addr_set_unclaim(&plan, &web, now);
        assert_int_equal(addr_set_next(&plan, &web, &i, 1), 1);
        assert_int_equal(ip_addr_cmp(&addr_plan_entry(&plan, i)->addr, &s[1].addr), 0);
        addr_plan_done(&plan, i, 0, ++seq, now);
}

/* --- failures ----------------------------------------------------------------------------------
 */

static void a_failed_add_is_tried_again_with_growing_delay(void **state)
{
        const struct addr_spec s = spec("2001:db8::10", 64);
        /* 10 ms, doubled each time: 10, 20, 40, ... 40 960 ms, then 60 s for ever. */
        int64_t delay_us = 10 * US_PER_MS;
        struct addr_report r;

        assign(&web, &s, 1);
        addr_set_claim(&plan, &web, now);
        for (unsigned tries = 1; tries <= 16; tries++) {
                assert_int_equal(answer(&s, -EACCES), '+');
                assert_int_equal(report(&r), tries == 4 ? ADDR_NEWS_UNSTABLE : 0);
                if (tries == 4)
                        assert_int_equal(r.err, -EACCES);
                assert_int_equal(mono_diff_us(addr_plan_deadline(&plan), now), delay_us);
                now = mono_add_us(now, delay_us - 1);
                assert_int_equal(answer(&s, 0), '0');
                now = mono_add_us(now, 1);
                delay_us = delay_us * 2 < 60 * US_PER_S ? delay_us * 2 : 60 * US_PER_S;
        }
        assert_int_equal(answer(&s, 0), '+');
        assert_int_equal(report(NULL), ADDR_NEWS_UP);
        assert_int_equal(report(NULL), ADDR_NEWS_CLAIMED);
        assert_true(mono_is_never(addr_plan_deadline(&plan)));
        assert_int_equal(plan.stats.failed, 16);
}

static void a_failed_removal_is_tried_again_and_the_set_is_not_released_before(void **state)
{
        const struct addr_spec s = spec("192.0.2.10", 24);

        claim(&web, &s, 1);
        addr_set_unclaim(&plan, &web, now);
        assert_int_equal(answer(&s, -ENOBUFS), '-');
        assert_int_equal(report(NULL), 0);
        assert_int_equal(answer(&s, 0), '0');
        now = addr_plan_deadline(&plan);
        assert_int_equal(answer(&s, 0), '-');
        assert_int_equal(report(NULL), ADDR_NEWS_UNCLAIMED);
}

static void a_set_that_joins_in_trouble_is_told_too(void **state)
{
        const struct addr_spec s = spec("2001:db8::10", 64);
        struct addr_report r;

        assign(&web, &s, 1);
        assign(&db, &s, 1);
        addr_set_claim(&plan, &web, now);
        for (int tries = 0; tries < 4; tries++) {
                assert_int_equal(answer(&s, -EACCES), '+');
                now = addr_plan_deadline(&plan);
        }
        assert_int_equal(report(&r), ADDR_NEWS_UNSTABLE);
        assert_ptr_equal(r.set, &web);
        addr_set_claim(&plan, &db, now);
        assert_int_equal(report(&r), ADDR_NEWS_UNSTABLE);
        assert_ptr_equal(r.set, &db);
        assert_int_equal(r.err, -EACCES);
}

static void an_address_under_duplicate_detection_is_made_anew(void **state)
{
        const struct addr_spec s = spec("2001:db8::10", 64);
        struct addr_sight foreign = sight(&s, false);

        foreign.tentative = true;
        assert_true(addr_plan_seen(&plan, &foreign, &by_other, now));
        assign(&web, &s, 1);
        addr_set_claim(&plan, &web, now);
        assert_int_equal(answer(&s, 0), '-'); /* it would not answer for a second */
        assert_int_equal(report(NULL), 0);
        assert_int_equal(answer(&s, 0), '+');
        assert_int_equal(report(NULL), ADDR_NEWS_UP);
        assert_int_equal(report(NULL), ADDR_NEWS_CLAIMED);

        assert_true(addr_plan_seen(&plan, &foreign, &by_other, now)); /* replaced meanwhile */
        assert_int_equal(answer(&s, 0), '-');
        assert_int_equal(answer(&s, 0), '+');
        assert_int_equal(report(NULL), ADDR_NEWS_UP);
        assert_int_equal(report(NULL), 0);
}

/* --- losses -------------------------------------------------------------------------------------
 */

static void a_removed_address_is_asked_for_again_at_once(void **state)
{
        const struct addr_spec s = spec("192.0.2.10", 24);
        struct addr_report r;

        claim(&web, &s, 1);
        gone(&s, &by_other);
        assert_true(entry(&s)->suspect);
        assert_int_equal(answer(&s, 0), '+');
        assert_int_equal(report(&r), ADDR_NEWS_LOST);
        assert_int_equal(r.port, 99);
        assert_int_equal(report(NULL), ADDR_NEWS_UP);
        assert_int_equal(report(NULL), 0); /* claimed it has been all along */
        assert_int_equal(plan.stats.lost, 1);
        assert_int_equal(plan.stats.restored, 1);
        assert_int_equal(web.up, 1);
}

static void an_old_story_of_a_removal_is_no_loss(void **state)
{
        const struct addr_spec s = spec("2001:db8::10", 64);

        claim(&web, &s, 1);
        gone(&s, &by_kernel); /* IPv6: may as well be the echo of an earlier release of ours */
        assert_int_equal(answer(&s, -EEXIST), '+');
        assert_int_equal(report(NULL), 0);
        assert_int_equal(plan.stats.lost, 0);
        assert_int_equal(web.up, 1);
        assert_int_equal(answer(NULL, 0), '0');
}

static void an_echo_older_than_the_answer_is_ignored(void **state)
{
        const struct addr_spec s = spec("192.0.2.10", 24);
        struct addr_origin echo = {ADDR_BY_US, OUR_PORT, 0};

        claim(&web, &s, 1); /* answered with seq 101 */
        addr_set_unclaim(&plan, &web, now);
        answer_all(); /* 102 */
        addr_set_claim(&plan, &web, now);
        answer_all(); /* 103 */
        drop_reports();
        for (echo.seq = 101; echo.seq <= 103; echo.seq++) {
                if (echo.seq == 102)
                        gone(&s, &echo);
                else
                        seen(&s, true, &echo);
                assert_int_equal(answer(NULL, 0), '0');
                assert_int_equal(web.up, 1);
        }
}

static void what_our_own_removal_takes_along_is_put_back_and_no_loss(void **state)
{
        const struct addr_spec s[] = {spec("192.0.2.10", 24), spec("192.0.2.11", 24)};

        claim(&web, &s[0], 1);
        claim(&db, &s[1], 1);
        addr_set_unclaim(&plan, &web, now);
        answer_all();
        drop_reports();
        gone(&s[1], &by_us_later); /* secondaries go with the first address of a subnet */
        assert_int_equal(db.up, 0);
        assert_false(entry(&s[1])->suspect);
        assert_int_equal(answer(&s[1], 0), '+');
        assert_int_equal(report(NULL), ADDR_NEWS_UP);
        assert_int_equal(report(NULL), 0);
        assert_int_equal(plan.stats.lost, 0);
        assert_int_equal(plan.stats.restored, 1);
}

static void an_address_that_went_with_its_link_is_no_loss(void **state)
{
        const struct addr_spec s = spec("192.0.2.10", 24);

        claim(&web, &s, 1);
        gone(&s, &by_other); /* and right after it the link, of which we do not know yet */
        assert_int_equal(answer(&s, -ENODEV), '+');
        assert_int_equal(report(NULL), 0);
        assert_int_equal(web.up, 0);
        assert_int_equal(plan.stats.lost, 0);
}

static void lose_once(const struct addr_spec *s)
{
        gone(s, &by_other);
        while (answer(s, 0) == '0')
                now = addr_plan_deadline(&plan);
}

static void six_losses_within_ten_seconds_are_too_many(void **state)
{
        const struct addr_spec s = spec("192.0.2.10", 24);
        struct addr_report r;

        claim(&web, &s, 1);
        for (unsigned i = 1; i <= 6; i++) { /* at 2, 4, ... 12 s: the 6th 10 s after the 1st */
                now = mono_add_us(now, 2 * US_PER_S);
                lose_once(&s);
                assert_int_equal(report(NULL), ADDR_NEWS_LOST);
                if (i == 6) {
                        assert_int_equal(report(&r), ADDR_NEWS_UNSTABLE);
                        assert_int_equal(r.err, 0);
                }
                assert_int_equal(report(NULL), ADDR_NEWS_UP);
                assert_int_equal(report(NULL), 0);
        }
}

static void six_losses_within_little_more_are_not(void **state)
{
        const struct addr_spec s = spec("192.0.2.10", 24);

        claim(&web, &s, 1);
        for (unsigned i = 1; i <= 50; i++) { /* any six in a row span 5 x 2.000001 s > 10 s */
                now = mono_add_us(now, 2 * US_PER_S + 1);
                lose_once(&s);
                assert_int_equal(report(NULL), ADDR_NEWS_LOST);
                assert_int_equal(report(NULL), ADDR_NEWS_UP);
                assert_int_equal(report(NULL), 0);
        }
}

static void an_unstable_address_is_put_back_ever_more_slowly_until_it_is_left_alone(void **state)
{
        const struct addr_spec s = spec("192.0.2.10", 24);
        int64_t delay_us = 100 * US_PER_MS;

        claim(&web, &s, 1);
        for (unsigned i = 1; i <= 6; i++)
                lose_once(&s);
        drop_reports();
        for (unsigned i = 0; i < 12; i++) { /* 100, 200, ... 51 200 ms, then 60 s */
                gone(&s, &by_other);
                assert_int_equal(answer(&s, 0), '0');
                assert_int_equal(mono_diff_us(addr_plan_deadline(&plan), now), delay_us);
                now = mono_add_us(now, delay_us);
                assert_int_equal(answer(&s, 0), '+');
                assert_int_equal(report(NULL), ADDR_NEWS_LOST);
                assert_int_equal(report(NULL), ADDR_NEWS_UP); /* unstable was said */
                assert_int_equal(report(NULL), 0);
                delay_us = delay_us * 2 < 60 * US_PER_S ? delay_us * 2 : 60 * US_PER_S;
        }
        now = mono_add_us(now, ADDR_CALM_US + 1);
        gone(&s, &by_other); /* this one is still taken for one of the series */
        now = addr_plan_deadline(&plan);
        assert_int_equal(answer(&s, 0), '+');
        now = mono_add_us(now, US_PER_S);
        gone(&s, &by_other);
        assert_int_equal(answer(&s, 0), '+'); /* at once again */
}

static void a_new_claim_forgets_earlier_trouble(void **state)
{
        const struct addr_spec s = spec("192.0.2.10", 24);

        claim(&web, &s, 1);
        for (unsigned i = 1; i <= 6; i++)
                lose_once(&s);
        addr_set_unclaim(&plan, &web, now);
        answer_all();
        addr_set_claim(&plan, &web, now);
        answer_all();
        drop_reports();
        lose_once(&s);
        assert_int_equal(report(NULL), ADDR_NEWS_LOST);
        assert_int_equal(report(NULL), ADDR_NEWS_UP);
        assert_int_equal(report(NULL), 0);
}

static void an_address_made_somebody_elses_is_made_ours_again(void **state)
{
        const struct addr_spec s = spec("192.0.2.10", 24);

        claim(&web, &s, 1);
        seen(&s, false, &by_other); /* the kernel may not keep tags: nothing to gain */
        assert_int_equal(answer(NULL, 0), '0');
        seen(&s, true, &by_us_later); /* it does */
        seen(&s, false, &by_other);
        assert_int_equal(answer(&s, 0), '+');
        assert_int_equal(plan.stats.lost, 0);
}

static void a_set_claimed_while_an_address_is_suspected_hears_of_it_when_it_is_cleared(void **state)
{
        const struct addr_spec s = spec("2001:db8::10", 64);
        struct addr_report r;

        claim(&web, &s, 1);
        assign(&db, &s, 1);
        gone(&s, &by_kernel);
        addr_set_claim(&plan, &db, now);
        assert_int_equal(report(NULL), 0);
        assert_int_equal(answer(&s, -EEXIST), '+');
        assert_int_equal(report(&r), ADDR_NEWS_UP);
        assert_ptr_equal(r.set, &db);
        assert_int_equal(report(NULL), ADDR_NEWS_CLAIMED);
        assert_int_equal(report(NULL), 0);
}

static void what_others_do_to_an_address_that_waits_is_counted(void **state)
{
        const struct addr_spec s = spec("2001:db8::10", 64);

        addr_plan_link(&plan, ETH0, 2, false, now);
        claim(&web, &s, 1);
        assert_int_equal(web.up, 0);
        seen(&s, false, &by_kernel);
        assert_int_equal(web.up, 1);
        gone(&s, &by_kernel);
        assert_int_equal(web.up, 0);
        assert_int_equal(plan.stats.lost, 0);
}

/* --- sets that share -------------------------------------------------------------------------- */

static void an_address_of_two_sets_goes_with_the_last(void **state)
{
        const struct addr_spec s = spec("192.0.2.10", 24);
        struct addr_report r;

        claim(&web, &s, 1);
        assign(&db, &s, 1);
        addr_set_claim(&plan, &db, now);
        assert_int_equal(answer(NULL, 0), '0');
        assert_int_equal(report(&r), ADDR_NEWS_UP); /* it is up already: db announces it too */
        assert_ptr_equal(r.set, &db);
        assert_int_equal(report(NULL), ADDR_NEWS_CLAIMED);

        addr_set_unclaim(&plan, &web, now);
        assert_int_equal(report(&r), ADDR_NEWS_UNCLAIMED);
        assert_int_equal(answer(NULL, 0), '0');
        addr_set_unclaim(&plan, &db, now);
        assert_int_equal(answer(&s, 0), '-');
        assert_int_equal(report(&r), ADDR_NEWS_UNCLAIMED);
        assert_ptr_equal(r.set, &db);
}

static void both_sets_hear_of_a_loss(void **state)
{
        const struct addr_spec s = spec("192.0.2.10", 24);
        struct addr_report r;
        unsigned lost = 0, up = 0;

        claim(&web, &s, 1);
        claim(&db, &s, 1);
        lose_once(&s);
        while (addr_plan_report(&plan, &r)) {
                lost += r.what == ADDR_NEWS_LOST;
                up += r.what == ADDR_NEWS_UP;
        }
        assert_int_equal(lost, 2);
        assert_int_equal(up, 2);
}

static void an_address_moves_from_set_to_set_without_a_request(void **state)
{
        const struct addr_spec s[] = {spec("192.0.2.10", 24), spec("192.0.2.11", 24)};
        struct addr_report r;

        claim(&web, s, 2);
        claim(&db, NULL, 0);
        assign(&web, s, 1); /* taken first, given then */
        assert_int_equal(answer(NULL, 0), '0');
        assign(&db, &s[1], 1);
        addr_plan_unpark(&plan);
        assert_int_equal(answer(NULL, 0), '0');
        assert_int_equal(report(&r), ADDR_NEWS_UP);
        assert_ptr_equal(r.set, &db);
        assert_int_equal(report(NULL), 0);
        assert_int_equal(web.up, 1);
        assert_int_equal(db.up, 1);
}

static void what_no_set_took_over_goes_when_the_reload_is_over(void **state)
{
        const struct addr_spec s[] = {spec("192.0.2.10", 24), spec("192.0.2.11", 24)};

        claim(&web, s, 2);
        assign(&web, s, 1);
        assert_int_equal(answer(NULL, 0), '0');
        addr_plan_unpark(&plan);
        assert_int_equal(answer(&s[1], 0), '-');
        assert_null(entry(&s[1])); /* and is forgotten */
        assert_int_equal(report(NULL), 0);
}

static void an_update_of_a_claimed_set_asks_for_what_is_new(void **state)
{
        const struct addr_spec s[] = {spec("192.0.2.10", 24), spec("192.0.2.11", 24)};
        struct addr_report r;

        claim(&web, s, 1);
        assign(&web, s, 2);
        assert_int_equal(answer(&s[1], 0), '+');
        assert_int_equal(report(&r), ADDR_NEWS_UP);
        assert_int_equal(r.n, 1);
        assert_int_equal(r.members[0], 1);
        assert_int_equal(report(NULL), ADDR_NEWS_CLAIMED);
        assert_int_equal(answer(NULL, 0), '0');

        assign(&web, s, 2); /* the same again: nothing to say */
        assert_int_equal(report(NULL), 0);
}

static void a_cleared_set_is_never_reported(void **state)
{
        const struct addr_spec s = spec("192.0.2.10", 24);

        assign(&web, &s, 1);
        addr_set_claim(&plan, &web, now);
        answer_all(); /* UP and CLAIMED are queued */
        addr_set_clear(&plan, &web, now);
        assert_int_equal(report(NULL), 0);
        addr_plan_unpark(&plan);
        assert_int_equal(answer(&s, 0), '-');
        assert_int_equal(report(NULL), 0);
        assert_int_equal(plan.table.n_used, 0);
}

static void changed_parameters_make_the_address_anew(void **state)
{
        struct addr_spec s[] = {spec("192.0.2.10", 24), spec("192.0.2.11", 24)};

        claim(&web, s, 2);
        strcpy(s[0].label, "eth0:web");
        assign(&web, s, 2);
        assert_int_equal(answer(&s[0], 0), '-');
        assert_int_equal(report(NULL), 0);
        assert_int_equal(answer(&s[0], 0), '+');
        assert_string_equal(entry(&s[0])->label, "eth0:web");
        assert_int_equal(report(NULL), ADDR_NEWS_UP);
        assert_int_equal(report(NULL), 0);
        assert_int_equal(answer(NULL, 0), '0');
}

static void an_ipv6_address_is_one_whatever_its_prefix_length(void **state)
{
        struct addr_spec s = spec("2001:db8::10", 64), foreign = spec("2001:db8::10", 48);
        uint32_t i;

        seen(&foreign, false, &by_kernel);
        claim(&web, &s, 1);
        assert_int_equal(plan.table.n_used, 1);
        addr_set_unclaim(&plan, &web, now);
        assert_int_equal(addr_plan_next(&plan, now, &i, 1), 1);
        assert_int_equal(addr_plan_entry(&plan, i)->present_len, 48); /* to be removed as it is */
        addr_plan_done(&plan, i, 0, ++seq, now);

        s = spec("192.0.2.10", 24), foreign = spec("192.0.2.10", 32);
        seen(&foreign, false, &by_kernel);
        claim(&web, &s, 1);
        assert_ptr_not_equal(entry(&s), entry(&foreign)); /* two of IPv4 */
}

/* --- links ---------------------------------------------------------------------------------------
 */

static void addresses_wait_for_their_link_and_come_with_it(void **state)
{
        const struct addr_spec s = spec("192.0.2.10", 24);

        claim(&web, &s, 1);
        addr_plan_link(&plan, ETH0, 0, false, now);
        assert_int_equal(web.up, 0);
        assert_int_equal(answer(NULL, 0), '0');
        now = mono_add_us(now, ADDR_GRACE_US - 1);
        assert_int_equal(answer(NULL, 0), '0');
        assert_int_equal(report(NULL), 0);

        addr_plan_link(&plan, ETH0, 7, true, now);
        assert_int_equal(answer(&s, 0), '+');
        assert_int_equal(report(NULL), ADDR_NEWS_UP);
        assert_int_equal(report(NULL), 0);
        assert_int_equal(plan.stats.lost, 0);
        assert_int_equal(plan.stats.restored, 1);
}

static void a_link_that_stays_away_makes_its_addresses_unstable(void **state)
{
        const struct addr_spec s = spec("192.0.2.10", 24);
        struct addr_report r;

        claim(&web, &s, 1);
        addr_plan_link(&plan, ETH0, 0, false, now);
        now = mono_add_us(now, ADDR_GRACE_US);
        assert_int_equal(answer(NULL, 0), '0');
        assert_int_equal(report(&r), ADDR_NEWS_UNSTABLE);
        assert_int_equal(r.err, -ENODEV);
        assert_true(mono_is_never(addr_plan_deadline(&plan))); /* only the link can change it */

        addr_plan_link(&plan, ETH0, 7, true, now);
        assert_int_equal(answer(&s, 0), '+');
        assert_int_equal(report(NULL), ADDR_NEWS_UP);
        addr_plan_link(&plan, ETH0, 0, false, now); /* a new trouble is told anew */
        now = mono_add_us(now, ADDR_GRACE_US);
        assert_int_equal(answer(NULL, 0), '0');
        assert_int_equal(report(&r), ADDR_NEWS_UNSTABLE);
}

static void ipv6_waits_for_a_link_that_is_down_and_ipv4_does_not(void **state)
{
        const struct addr_spec s[] = {spec("192.0.2.10", 24), spec("2001:db8::10", 64)};
        struct addr_report r;

        addr_plan_link(&plan, ETH0, 2, false, now);
        assign(&web, s, 2);
        addr_set_claim(&plan, &web, now);
        assert_int_equal(answer(&s[0], 0), '+');
        assert_int_equal(answer(NULL, 0), '0');
        assert_int_equal(report(NULL), ADDR_NEWS_UP);
        now = mono_add_us(now, ADDR_GRACE_US);
        assert_int_equal(answer(NULL, 0), '0');
        assert_int_equal(report(&r), ADDR_NEWS_UNSTABLE);
        assert_int_equal(r.err, -ENETDOWN);
        addr_plan_link(&plan, ETH0, 2, true, now);
        assert_int_equal(answer(&s[1], 0), '+');
        assert_int_equal(report(NULL), ADDR_NEWS_UP);
        assert_int_equal(report(NULL), ADDR_NEWS_CLAIMED);
}

static void what_the_kernel_flushes_with_the_link_is_no_loss(void **state)
{
        const struct addr_spec s[] = {spec("192.0.2.10", 24), spec("2001:db8::10", 64)};

        claim(&web, s, 2);
        addr_plan_link(&plan, ETH0, 2, false, now);
        gone(&s[1], &by_kernel);
        gone(&s[0], &by_kernel); /* as before the link is deleted */
        assert_int_equal(answer(&s[0], -ENODEV), '+');
        addr_plan_link(&plan, ETH0, 0, false, now);
        addr_plan_link(&plan, ETH0, 9, true, now);
        assert_int_equal(answer(NULL, 0), '+');
        assert_int_equal(answer(NULL, 0), '+');
        assert_int_equal(plan.stats.lost, 0);
        assert_int_equal(web.up, 2);
}

static void a_release_is_done_when_the_link_is_gone(void **state)
{
        const struct addr_spec s = spec("192.0.2.10", 24);

        claim(&web, &s, 1);
        addr_set_unclaim(&plan, &web, now);
        addr_plan_link(&plan, ETH0, 0, false, now);
        assert_int_equal(report(NULL), ADDR_NEWS_UNCLAIMED);
        assert_int_equal(answer(NULL, 0), '0');
        addr_set_claim(&plan, &web, now);
        addr_set_unclaim(&plan, &web, now);
        assert_int_equal(report(NULL), ADDR_NEWS_UNCLAIMED);
}

static void a_link_replaced_under_its_name_gets_everything_anew(void **state)
{
        const struct addr_spec s = spec("192.0.2.10", 24), own = spec("192.0.2.1", 24);

        claim(&web, &s, 1);
        seen(&own, false, &by_other);
        addr_plan_link(&plan, ETH0, 8, true, now); /* was 2; its end was missed */
        assert_null(entry(&own));
        assert_true(plan.table.mem.links[ETH0].changed);
        assert_int_equal(answer(&s, 0), '+');
        assert_int_equal(web.up, 1);
}

/* --- dumps
 * ---------------------------------------------------------------------------------------- */

static void what_a_dump_does_not_name_is_gone(void **state)
{
        const struct addr_spec s[] = {spec("192.0.2.10", 24), spec("192.0.2.11", 24)};
        const struct addr_spec own[] = {spec("192.0.2.1", 24), spec("192.0.2.2", 24)};

        claim(&web, s, 2);
        seen(&own[0], false, &by_other);
        addr_plan_dump_begin(&plan);
        seen(&s[0], true, &by_dump);
        seen(&own[1], false, &by_dump);
        addr_plan_dump_end(&plan, now);

        assert_null(entry(&own[0]));
        assert_non_null(entry(&own[1]));
        assert_int_equal(web.up, 1);
        assert_int_equal(answer(&s[1], 0), '+');
        assert_int_equal(answer(NULL, 0), '0');
        assert_int_equal(report(NULL), ADDR_NEWS_LOST);
        assert_int_equal(report(NULL), ADDR_NEWS_UP);
        assert_int_equal(report(NULL), 0);
}

static void an_event_is_newer_than_the_lines_of_a_dump(void **state)
{
        const struct addr_spec s = spec("192.0.2.10", 24);
        const struct addr_spec own[] = {spec("192.0.2.1", 24), spec("192.0.2.2", 24)};

        claim(&web, &s, 1);
        seen(&own[0], false, &by_other);
        addr_plan_dump_begin(&plan);
        gone(&own[0], &by_other);
        seen(&own[0], false, &by_dump); /* written before */
        seen(&own[1], false, &by_other);
        gone(&s, &by_us_later); /* and the line that follows has it still */
        seen(&s, true, &by_dump);
        assert_int_equal(web.up, 0);
        addr_plan_dump_end(&plan, now); /* which does not name own[1] */
        assert_null(entry(&own[0]));
        assert_non_null(entry(&own[1]));
        assert_int_equal(answer(&s, 0), '+');
}

static void an_answer_is_newer_than_the_lines_of_a_dump(void **state)
{
        const struct addr_spec s[] = {spec("192.0.2.10", 24), spec("192.0.2.11", 24)};

        claim(&web, &s[0], 1);
        addr_plan_dump_begin(&plan);
        claim(&db, &s[1], 1);
        addr_set_unclaim(&plan, &web, now);
        answer_all();
        seen(&s[0], true, &by_dump);
        addr_plan_dump_end(&plan, now);
        assert_int_equal(web.up, 0);
        assert_int_equal(db.up, 1);
        assert_int_equal(answer(NULL, 0), '0');
}

static void a_dump_started_over_judges_by_its_second_half_only(void **state)
{
        const struct addr_spec s = spec("192.0.2.10", 24);

        claim(&web, &s, 1);
        addr_plan_dump_begin(&plan);
        seen(&s, true, &by_dump);
        addr_plan_dump_begin(&plan); /* interrupted */
        addr_plan_dump_end(&plan, now);
        assert_int_equal(web.up, 0);
        assert_int_equal(answer(&s, 0), '+');
}

static void orphans_are_swept_and_nothing_else(void **state)
{
        const struct addr_spec orphan = spec("192.0.2.20", 24), own = spec("192.0.2.1", 24);
        const struct addr_spec s[] = {spec("192.0.2.10", 24), spec("192.0.2.11", 24)};

        addr_plan_dump_begin(&plan);
        seen(&orphan, true, &by_dump);
        seen(&own, false, &by_dump);
        seen(&s[0], true, &by_dump);
        seen(&s[1], true, &by_dump);
        addr_plan_dump_end(&plan, now);
        claim(&web, &s[0], 1);
        assign(&db, &s[1], 1); /* configured, but not claimed */

        assert_int_equal(addr_plan_sweep(&plan), 2);
        assert_int_equal(addr_plan_sweep(&plan), 0);
        assert_int_equal(answer(NULL, 0), '-');
        assert_int_equal(answer(NULL, 0), '-');
        assert_int_equal(answer(NULL, 0), '0');
        assert_null(entry(&orphan));
        assert_true(entry(&s[0])->present);
        assert_true(entry(&own)->present);
        assert_false(entry(&s[1])->present);
}

static void own_addresses_that_change_mark_their_link_and_virtual_ones_do_not(void **state)
{
        const struct addr_spec s = spec("192.0.2.10", 24), own = spec("192.0.2.1", 24);
        struct addr_link *link = &plan.table.mem.links[ETH0];

        claim(&web, &s, 1);
        gone(&s, &by_other);
        seen(&s, true, &by_us_later);
        assert_false(link->changed);
        seen(&own, false, &by_other);
        assert_true(link->changed);
        link->changed = false;
        seen(&own, false, &by_other); /* a lifetime was renewed */
        assert_false(link->changed);
        gone(&own, &by_other);
        assert_true(link->changed);
}

/* --- memory
 * ----------------------------------------------------------------------------------------- */

static void a_full_table_says_so_and_goes_on_in_larger_memory(void **state)
{
        static struct addr_entry more_entries[2 * ENTRIES];
        static uint32_t more_heap[2 * ENTRIES], more_buckets[2 * ENTRIES];
        static struct addr_link more_links[2 * LINKS];
        const struct addr_memory more = {more_entries, more_heap,  2 * ENTRIES, more_buckets,
                                         2 * ENTRIES,  more_links, 2 * LINKS};
        struct addr_spec s[ENTRIES + 1], waiting = spec("2001:db8::10", 64);
        struct addr_sight last;

        waiting.link = ETH1; /* does not exist: delayed, in the heap */
        assign(&web, &waiting, 1);
        addr_set_claim(&plan, &web, now);
        for (unsigned i = 0; i <= ENTRIES; i++) {
                s[i] = spec("10.0.0.0", 32);
                s[i].addr.bytes[2] = (uint8_t)(i >> 8);
                s[i].addr.bytes[3] = (uint8_t)i;
        }
        for (unsigned i = 0; i < ENTRIES - 1; i++)
                seen(&s[i], false, &by_other);
        last = sight(&s[ENTRIES], false);
        assert_false(addr_plan_seen(&plan, &last, &by_other, now));

        addr_table_move(&plan.table, &more);
        memset(entries, 0xee, sizeof(entries)); /* nobody may look there any more */
        memset(heap, 0xee, sizeof(heap));
        memset(buckets, 0xee, sizeof(buckets));
        memset(links, 0xee, sizeof(links));
        assert_true(addr_plan_seen(&plan, &last, &by_other, now));
        for (unsigned i = 0; i < ENTRIES - 1; i++)
                assert_non_null(entry(&s[i]));
        now = mono_add_us(now, ADDR_GRACE_US);
        assert_int_equal(answer(NULL, 0), '0');
        assert_int_equal(report(NULL), ADDR_NEWS_UNSTABLE);
        addr_plan_link(&plan, ETH1, 3, true, now);
        assert_int_equal(answer(&waiting, 0), '+');
        addr_plan_link(&plan, 2 * LINKS - 1, 4, true, now);
}

static void delayed_entries_come_in_the_order_of_their_time(void **state)
{
        struct addr_spec s = spec("10.0.0.0", 32);
        mono_t last = {0};
        uint32_t random = 1;

        for (unsigned i = 0; i < ENTRIES; i++) {
                uint32_t index;

                s.addr.bytes[3] = (uint8_t)i;
                index = addr_table_add(&plan.table, ETH0, &s.addr, 32);
                random = random * 1664525 + 1013904223;
                addr_table_delay(&plan.table, index, (mono_t){random >> 20});
        }
        for (unsigned i = 0; i < ENTRIES; i += 3) /* some leave from the middle */
                addr_table_unplace(&plan.table, i);
        for (uint32_t i; (i = addr_table_soonest(&plan.table)) != ADDR_NONE;) {
                assert_false(mono_before(entries[i].due, last));
                assert_int_not_equal(i % 3, 0);
                last = entries[i].due;
                addr_table_unplace(&plan.table, i);
        }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
        const struct CMUnitTest tests[] = {
                TEST(a_claimed_address_is_asked_for_and_told_when_it_is_up),
                TEST(an_address_believed_to_be_there_is_asked_for_all_the_same),
                TEST(a_release_asks_for_removal_last_address_first),
                TEST(a_release_overtakes_a_claim_that_is_under_way),
                TEST(an_empty_set_is_claimed_at_once),
                TEST(many_addresses_come_in_slices_and_reports_of_sixty_four),
                TEST(the_first_slice_of_a_set_does_not_wait_for_other_sets),
                TEST(the_first_slice_of_a_release_takes_the_last_address_first),
                TEST(a_failed_add_is_tried_again_with_growing_delay),
                TEST(a_failed_removal_is_tried_again_and_the_set_is_not_released_before),
                TEST(a_set_that_joins_in_trouble_is_told_too),
                TEST(an_address_under_duplicate_detection_is_made_anew),
                TEST(a_removed_address_is_asked_for_again_at_once),
                TEST(an_old_story_of_a_removal_is_no_loss),
                TEST(an_echo_older_than_the_answer_is_ignored),
                TEST(what_our_own_removal_takes_along_is_put_back_and_no_loss),
                TEST(an_address_that_went_with_its_link_is_no_loss),
                TEST(six_losses_within_ten_seconds_are_too_many),
                TEST(six_losses_within_little_more_are_not),
                TEST(an_unstable_address_is_put_back_ever_more_slowly_until_it_is_left_alone),
                TEST(a_new_claim_forgets_earlier_trouble),
                TEST(an_address_made_somebody_elses_is_made_ours_again),
                TEST(a_set_claimed_while_an_address_is_suspected_hears_of_it_when_it_is_cleared),
                TEST(what_others_do_to_an_address_that_waits_is_counted),
                TEST(an_address_of_two_sets_goes_with_the_last),
                TEST(both_sets_hear_of_a_loss),
                TEST(an_address_moves_from_set_to_set_without_a_request),
                TEST(what_no_set_took_over_goes_when_the_reload_is_over),
                TEST(an_update_of_a_claimed_set_asks_for_what_is_new),
                TEST(a_cleared_set_is_never_reported),
                TEST(changed_parameters_make_the_address_anew),
                TEST(an_ipv6_address_is_one_whatever_its_prefix_length),
                TEST(addresses_wait_for_their_link_and_come_with_it),
                TEST(a_link_that_stays_away_makes_its_addresses_unstable),
                TEST(ipv6_waits_for_a_link_that_is_down_and_ipv4_does_not),
                TEST(what_the_kernel_flushes_with_the_link_is_no_loss),
                TEST(a_release_is_done_when_the_link_is_gone),
                TEST(a_link_replaced_under_its_name_gets_everything_anew),
                TEST(what_a_dump_does_not_name_is_gone),
                TEST(an_event_is_newer_than_the_lines_of_a_dump),
                TEST(an_answer_is_newer_than_the_lines_of_a_dump),
                TEST(a_dump_started_over_judges_by_its_second_half_only),
                TEST(orphans_are_swept_and_nothing_else),
                TEST(own_addresses_that_change_mark_their_link_and_virtual_ones_do_not),
                TEST(a_full_table_says_so_and_goes_on_in_larger_memory),
                TEST(delayed_entries_come_in_the_order_of_their_time),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
