/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "vipd/core/announce.h"

#define LINK 1

static const struct announce_schedule usual = {
        .count = 5, .interval_us = US_PER_S, .refresh_us = 0, .rate = 1000};
static const mono_t start = {1000 * US_PER_S};

struct fixture {
        struct announce a;
        void *memory;
};

static void make(struct fixture *f, const struct announce_schedule *s, unsigned max)
{
        f->memory = malloc(announce_memory(max));
        announce_init(&f->a, s, max, f->memory);
}

static struct ip_addr vip(unsigned i)
{
        const uint8_t bytes[4] = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};

        return ip_addr_from_v4(bytes);
}

static unsigned number(const struct announce_entry *e)
{
        return (unsigned)e->addr.bytes[1] << 16 | (unsigned)e->addr.bytes[2] << 8 |
               e->addr.bytes[3];
}

static void add(struct announce *a, unsigned from, unsigned n)
{
        for (unsigned i = from; i < from + n; i++) {
                struct ip_addr addr = vip(i);

                assert_true(announce_add(a, &addr, LINK));
        }
}

static mono_t after(int64_t us)
{
        return mono_add_us(start, us);
}

/* The next frame must be due exactly then, and be this one of this address. */
static struct announce_entry *expect(struct announce *a, int64_t us, unsigned address, unsigned nth)
{
        mono_t now = mono_before(start, a->credited) ? a->credited : start; /* of the last frame */
        mono_t due = announce_deadline(a, now);
        struct announce_entry *e;

        assert_int_equal(mono_diff_us(due, start), us);
        if (mono_before(now, due))
                assert_null(announce_next(a, after(us - 1)));
        e = announce_next(a, due);
        assert_non_null(e);
        assert_int_equal(number(e), address);
        assert_int_equal(e->sent, nth);
        return e;
}

static void the_first_frame_is_due_at_once_and_the_others_at_the_interval(void **state)
{
        struct fixture f;

        make(&f, &usual, 4);
        assert_true(mono_is_never(announce_deadline(&f.a, start)));
        add(&f.a, 7, 1);
        for (unsigned i = 0; i < usual.count; i++)
                expect(&f.a, i * US_PER_S, 7, i + 1);
        assert_true(mono_is_never(announce_deadline(&f.a, after(10 * US_PER_S))));
        free(f.memory);
}

static void refresh_goes_on_for_ever_at_its_own_interval(void **state)
{
        const struct announce_schedule s = {
                .count = 2, .interval_us = US_PER_S, .refresh_us = 60 * US_PER_S, .rate = 100};
        struct fixture f;

        make(&f, &s, 1);
        add(&f.a, 0, 1);
        expect(&f.a, 0, 0, 1);
        expect(&f.a, US_PER_S, 0, 2);
        for (int i = 1; i < 50; i++)
                expect(&f.a, US_PER_S + i * 60 * US_PER_S, 0, 2);
        free(f.memory);
}

static void every_first_precedes_any_second_even_when_seconds_are_due(void **state)
{
        struct fixture f;

        make(&f, &usual, 8);
        add(&f.a, 0, 2);
        expect(&f.a, 0, 0, 1);
        expect(&f.a, 0, 1, 1);
        add(&f.a, 2, 2); /* a slice that comes late, long after the second frames are due */
        assert_int_equal(number(announce_next(&f.a, after(5 * US_PER_S))), 2);
        assert_int_equal(number(announce_next(&f.a, after(5 * US_PER_S))), 3);
        assert_int_equal(number(announce_next(&f.a, after(5 * US_PER_S))), 0);
        assert_int_equal(number(announce_next(&f.a, after(5 * US_PER_S))), 1);
        assert_null(announce_next(&f.a, after(5 * US_PER_S)));
        free(f.memory);
}

/* A burst of 64, then one a millisecond (1000 a second). */
static void the_rate_holds_after_a_burst(void **state)
{
        struct fixture f;

        make(&f, &usual, 1000);
        add(&f.a, 0, 1000);
        for (unsigned i = 0; i < ANNOUNCE_BURST; i++)
                expect(&f.a, 0, i, 1);
        assert_null(announce_next(&f.a, start));
        for (unsigned i = ANNOUNCE_BURST; i < 200; i++)
                expect(&f.a, (i - ANNOUNCE_BURST + 1) * US_PER_MS, i, 1);
        free(f.memory);
}

/* 3 a second: a burst of three, then one in 333 334 µs (1/3 s rounded up), with what is over kept.
 */
static void a_rate_that_does_not_divide_a_second_loses_nothing(void **state)
{
        const struct announce_schedule s = {.count = 1, .interval_us = 0, .rate = 3};
        struct fixture f;

        make(&f, &s, 100);
        add(&f.a, 0, 100);
        for (unsigned i = 0; i < 3; i++)
                expect(&f.a, 0, i, 1);
        expect(&f.a, 333334, 3, 1);
        expect(&f.a, 666667, 4, 1);
        expect(&f.a, 1000000, 5, 1);
        free(f.memory);
}

static void without_a_rate_everything_goes_at_once(void **state)
{
        const struct announce_schedule s = {.count = 1, .interval_us = 0, .rate = 0};
        struct fixture f;

        make(&f, &s, 1000);
        add(&f.a, 0, 1000);
        for (unsigned i = 0; i < 1000; i++)
                expect(&f.a, 0, i, 1);
        assert_true(mono_is_never(announce_deadline(&f.a, start)));
        free(f.memory);
}

static void repeat_starts_the_schedule_anew(void **state)
{
        struct fixture f;

        make(&f, &usual, 2);
        add(&f.a, 0, 1);
        for (unsigned i = 0; i < usual.count; i++)
                expect(&f.a, i * US_PER_S, 0, i + 1);
        announce_repeat(&f.a);
        assert_int_equal(announce_next(&f.a, after(9 * US_PER_S))->sent, 1);
        expect(&f.a, 10 * US_PER_S, 0, 2);
        free(f.memory);
}

static void repeat_of_a_link_leaves_the_others_alone(void **state)
{
        struct ip_addr other = vip(50);
        struct fixture f;

        make(&f, &usual, 2);
        add(&f.a, 0, 1);
        announce_add(&f.a, &other, LINK + 1);
        expect(&f.a, 0, 0, 1);
        expect(&f.a, 0, 50, 1);
        announce_repeat_link(&f.a, LINK + 1);
        expect(&f.a, 0, 50, 1);
        expect(&f.a, US_PER_S, 0, 2);
        free(f.memory);
}

static void an_address_added_again_starts_anew_and_takes_no_second_place(void **state)
{
        struct fixture f;

        make(&f, &usual, 1);
        add(&f.a, 3, 1);
        expect(&f.a, 0, 3, 1);
        add(&f.a, 3, 1);
        assert_int_equal(f.a.n, 1);
        expect(&f.a, 0, 3, 1);
        expect(&f.a, US_PER_S, 3, 2);
        free(f.memory);
}

static void a_removed_address_is_not_announced_and_its_place_is_free(void **state)
{
        struct ip_addr one = vip(1), two = vip(2), three = vip(3);
        struct fixture f;

        make(&f, &usual, 2);
        add(&f.a, 1, 2);
        assert_false(announce_add(&f.a, &three, LINK));
        assert_true(announce_remove(&f.a, &one, LINK));
        assert_false(announce_remove(&f.a, &one, LINK));
        assert_false(announce_remove(&f.a, &two, LINK + 1));
        assert_true(announce_add(&f.a, &three, LINK));
        expect(&f.a, 0, 2, 1);
        expect(&f.a, 0, 3, 1);
        announce_clear(&f.a);
        assert_true(mono_is_never(announce_deadline(&f.a, start)));
        free(f.memory);
}

/* fe80::1 of a gateway, say. So many links that some share a bucket of the table. */
static void an_address_on_many_links_is_as_many(void **state)
{
        struct ip_addr addr = vip(1);
        struct fixture f;

        make(&f, &usual, 40);
        for (uint32_t link = 0; link < 40; link++)
                assert_true(announce_add(&f.a, &addr, link));
        assert_int_equal(f.a.n, 40);
        for (uint32_t link = 0; link < 40; link++)
                assert_int_equal(expect(&f.a, 0, 1, 1)->link, link);
        for (uint32_t link = 0; link < 39; link++)
                assert_true(announce_remove(&f.a, &addr, link));
        assert_int_equal(expect(&f.a, US_PER_S, 1, 2)->link, 39);
        free(f.memory);
}

static void a_sweep_keeps_what_was_marked_since_the_last(void **state)
{
        struct ip_addr one = vip(1), two = vip(2), gone = vip(9);
        struct fixture f;

        make(&f, &usual, 3);
        add(&f.a, 0, 3);
        assert_true(announce_mark(&f.a, &one, LINK));
        assert_true(announce_mark(&f.a, &two, LINK));
        assert_false(announce_mark(&f.a, &gone, LINK));
        assert_int_equal(announce_sweep(&f.a), 1);
        expect(&f.a, 0, 1, 1);
        expect(&f.a, 0, 2, 1);
        assert_true(announce_mark(&f.a, &two, LINK));
        assert_int_equal(announce_sweep(&f.a), 1);
        expect(&f.a, US_PER_S, 2, 2);
        assert_int_equal(announce_sweep(&f.a), 1);
        assert_true(mono_is_never(announce_deadline(&f.a, after(US_PER_S))));
        free(f.memory);
}

/* A full bucket of 64 is worth two frames at once after the rate fell to 2 a second. */
static void a_lower_rate_holds_at_once(void **state)
{
        const struct announce_schedule slow = {.count = 1, .interval_us = 0, .rate = 2};
        struct fixture f;

        make(&f, &usual, 10);
        add(&f.a, 0, 10);
        announce_reconfigure(&f.a, &slow);
        expect(&f.a, 0, 0, 1);
        expect(&f.a, 0, 1, 1);
        expect(&f.a, 500 * US_PER_MS, 2, 1);
        free(f.memory);
}

static void a_frame_that_failed_comes_again_and_counts_once(void **state)
{
        struct fixture f;
        struct announce_entry *e;

        make(&f, &usual, 1);
        add(&f.a, 0, 1);
        e = expect(&f.a, 0, 0, 1);
        assert_true(announce_failed(&f.a, e, start));
        expect(&f.a, ANNOUNCE_RETRY_US, 0, 1);
        expect(&f.a, ANNOUNCE_RETRY_US + US_PER_S, 0, 2);
        free(f.memory);
}

/* First try and ANNOUNCE_RETRIES more; the next frame of the schedule has all its tries again. */
static void tries_end_but_the_schedule_goes_on(void **state)
{
        struct fixture f;
        int64_t at = 0;

        make(&f, &usual, 1);
        add(&f.a, 0, 1);
        for (int frame = 1; frame <= 2; frame++) {
                for (int i = 0; i < ANNOUNCE_RETRIES; i++, at += ANNOUNCE_RETRY_US)
                        assert_true(announce_failed(&f.a, expect(&f.a, at, 0, (unsigned)frame),
                                                    after(at)));
                assert_false(
                        announce_failed(&f.a, expect(&f.a, at, 0, (unsigned)frame), after(at)));
                at += US_PER_S;
        }
        expect(&f.a, at, 0, 3);
        free(f.memory);
}

static void a_failing_address_does_not_hold_up_the_others(void **state)
{
        struct fixture f;

        make(&f, &usual, 2);
        add(&f.a, 0, 2);
        assert_true(announce_failed(&f.a, expect(&f.a, 0, 0, 1), start));
        expect(&f.a, 0, 1, 1);
        expect(&f.a, ANNOUNCE_RETRY_US, 0, 1);
        free(f.memory);
}

static void a_new_schedule_applies_to_what_is_under_way(void **state)
{
        struct announce_schedule s = usual;
        struct fixture f;

        make(&f, &usual, 3);
        add(&f.a, 0, 1);
        for (unsigned i = 0; i < usual.count; i++)
                expect(&f.a, i * US_PER_S, 0, i + 1); /* done at 4 s */
        add(&f.a, 1, 1);
        assert_int_equal(number(announce_next(&f.a, after(4500000))), 1);
        s.count = 6; /* one more for the done one, due since 4 + 0.1 s */
        s.interval_us = 100 * US_PER_MS;
        announce_reconfigure(&f.a, &s);
        expect(&f.a, 4500000, 0, 6);
        expect(&f.a, 4600000, 1, 2);
        s.count = 1; /* both are done now; the refresh runs from their last frames */
        s.refresh_us = 10 * US_PER_S;
        announce_reconfigure(&f.a, &s);
        expect(&f.a, 14500000, 0, 6);
        expect(&f.a, 14600000, 1, 2);
        free(f.memory);
}

static void a_larger_table_takes_over_where_the_old_one_stood(void **state)
{
        struct fixture f, g;

        make(&f, &usual, 3);
        add(&f.a, 0, 3);
        assert_true(announce_failed(&f.a, expect(&f.a, 0, 0, 1), start));
        expect(&f.a, 0, 1, 1);
        make(&g, &usual, 1000);
        announce_move(&g.a, &f.a);
        free(f.memory);
        add(&g.a, 3, 1);
        expect(&g.a, 0, 2, 1);
        expect(&g.a, 0, 3, 1);
        expect(&g.a, ANNOUNCE_RETRY_US, 0, 1);
        expect(&g.a, US_PER_S, 1, 2);
        free(g.memory);
}

/* --- random schedules -------------------------------------------------------- */

static uint32_t seed;

static uint32_t any(uint32_t below)
{
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        return seed % below;
}

struct sent {
        unsigned times;
        mono_t last;
};

/* Of any stretch of frames i..j: j - i + 1 <= burst + rate * time, kept as a running minimum. */
struct pacing {
        int64_t n, min;
};

static void within_the_rate(struct pacing *p, const struct announce_schedule *s, int64_t now_us)
{
        int64_t burst = s->rate < ANNOUNCE_BURST ? s->rate : ANNOUNCE_BURST;
        int64_t height = p->n++ * US_PER_S - now_us * s->rate;

        if (p->n == 1 || height < p->min)
                p->min = height;
        assert_true(height - p->min <= (burst - 1) * US_PER_S);
}

/*
 * Slices of addresses come while frames go out, some fail, at deadlines or late. Each frame must
 * be within the rate, none before its interval, no second while a first is waiting; in the end each
 * address has its count.
 */
static void any_claim_of_any_size_keeps_order_intervals_and_rate(void **state)
{
        for (uint32_t round = 1; round <= 300; round++) {
                unsigned total, added = 0, firsts = 0;
                struct announce_schedule s;
                struct pacing pacing = {0};
                struct sent *sent;
                struct fixture f;
                mono_t now = start;

                seed = round * 2654435761u;
                total = 1 + any(round % 10 == 0 ? 3000 : 200);
                s = (struct announce_schedule){
                        .count = 1 + any(6), .interval_us = any(3000000), .rate = 1 + any(5000)};
                sent = calloc(total, sizeof(*sent));
                make(&f, &s, total);
                while (added < total || !mono_is_never(announce_deadline(&f.a, now))) {
                        struct announce_entry *e;
                        mono_t due;

                        if (added < total && any(4) == 0) {
                                unsigned slice = 1 + any(total - added);

                                add(&f.a, added, slice);
                                added += slice;
                        }
                        due = announce_deadline(&f.a, now);
                        if (!mono_is_never(due)) {
                                assert_false(mono_before(due, now));
                                now = due;
                        }
                        if (any(8) == 0)
                                now = mono_add_us(now, any(100000));
                        e = announce_next(&f.a, now);
                        assert_int_equal(e == NULL, mono_is_never(due)); /* no idle wake-ups */
                        if (!e)
                                continue;

                        struct sent *of = &sent[number(e)];
                        within_the_rate(&pacing, &s, mono_diff_us(now, start));
                        if (of->times > 0) {
                                assert_int_equal(firsts, added);
                                assert_true(mono_diff_us(now, of->last) >= s.interval_us);
                        }
                        firsts += of->times == 0;
                        of->times++;
                        of->last = now;
                        assert_int_equal(e->sent, of->times);
                }
                for (unsigned i = 0; i < total; i++)
                        assert_int_equal(sent[i].times, s.count);
                free(sent);
                free(f.memory);
        }
}

/* Adds, removals, repeats and failures in any order: the table and its queues stay whole. */
static void any_mixture_of_calls_keeps_the_table_whole(void **state)
{
        bool there[64] = {false};
        struct announce_schedule s = usual;
        struct fixture f;
        mono_t now = start;

        seed = 4711;
        s.rate = 100000;
        make(&f, &s, 48);
        for (int i = 0; i < 200000; i++) {
                unsigned which = any(64), n = 0;
                struct ip_addr addr = vip(which);
                struct announce_entry *e;

                switch (any(6)) {
                case 0:
                case 1:
                        if (announce_add(&f.a, &addr, LINK))
                                there[which] = true;
                        else
                                assert_int_equal(f.a.n, 48);
                        break;
                case 2:
                        assert_int_equal(announce_remove(&f.a, &addr, LINK), there[which]);
                        there[which] = false;
                        break;
                case 3:
                        s.count = 1 + any(5);
                        s.refresh_us = any(2) * US_PER_S;
                        announce_reconfigure(&f.a, &s);
                        break;
                default:
                        now = mono_add_us(now, any(200000));
                        e = announce_next(&f.a, now);
                        if (e) {
                                assert_true(there[number(e)]);
                                if (any(3) == 0)
                                        announce_failed(&f.a, e, now);
                        }
                        break;
                }
                for (unsigned k = 0; k < 64; k++)
                        n += there[k];
                assert_int_equal(f.a.n, n);
                n = 0;
                for (int q = 0; q < ANNOUNCE_QUEUES; q++) {
                        mono_t last = {0};

                        for (uint32_t at = f.a.queues[q].head; at; at = f.a.entries[at - 1].next) {
                                e = &f.a.entries[at - 1];
                                assert_int_equal(e->queue, q);
                                assert_true(q == ANNOUNCE_FIRST || !mono_before(e->at, last));
                                last = e->at;
                                n++;
                        }
                }
                assert_int_equal(f.a.n, n);
        }
        free(f.memory);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_first_frame_is_due_at_once_and_the_others_at_the_interval),
                cmocka_unit_test(refresh_goes_on_for_ever_at_its_own_interval),
                cmocka_unit_test(every_first_precedes_any_second_even_when_seconds_are_due),
                cmocka_unit_test(the_rate_holds_after_a_burst),
                cmocka_unit_test(a_rate_that_does_not_divide_a_second_loses_nothing),
                cmocka_unit_test(without_a_rate_everything_goes_at_once),
                cmocka_unit_test(repeat_starts_the_schedule_anew),
                cmocka_unit_test(repeat_of_a_link_leaves_the_others_alone),
                cmocka_unit_test(an_address_added_again_starts_anew_and_takes_no_second_place),
                cmocka_unit_test(a_removed_address_is_not_announced_and_its_place_is_free),
                cmocka_unit_test(an_address_on_many_links_is_as_many),
                cmocka_unit_test(a_sweep_keeps_what_was_marked_since_the_last),
                cmocka_unit_test(a_lower_rate_holds_at_once),
                cmocka_unit_test(a_frame_that_failed_comes_again_and_counts_once),
                cmocka_unit_test(tries_end_but_the_schedule_goes_on),
                cmocka_unit_test(a_failing_address_does_not_hold_up_the_others),
                cmocka_unit_test(a_new_schedule_applies_to_what_is_under_way),
                cmocka_unit_test(a_larger_table_takes_over_where_the_old_one_stood),
                cmocka_unit_test(any_claim_of_any_size_keeps_order_intervals_and_rate),
                cmocka_unit_test(any_mixture_of_calls_keeps_the_table_whole),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
