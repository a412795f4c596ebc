/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The probe's arithmetic: what was lost, how long, and who answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "bench/gap_record.h"

#define LOST GAP_NODE_NONE

/* Probes every 1 000 µs from 0 on; answers[i] is who answers the i-th, after 100 µs. */
static struct gap_summary sum_of(const uint8_t *answers, uint32_t n)
{
        struct gap_record r;
        struct gap_summary s;

        assert_int_equal(gap_record_init(&r, n), 0);
        for (uint32_t i = 0; i < n; i++) {
                uint32_t seq = gap_record_sent(&r, i * 1000);

                assert_int_equal(seq, i);
                if (answers[i] != LOST)
                        assert_true(gap_record_answer(&r, seq, i * 1000 + 100, answers[i]));
        }
        gap_record_sum(&r, &s);
        gap_record_clear(&r);
        return s;
}
#define SUM(...)                                                                                   \
        sum_of((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void no_loss_is_no_gap(void **state)
{
        struct gap_summary s = SUM(0, 0, 0, 0);

        assert_int_equal(s.sent, 4);
        assert_int_equal(s.lost, 0);
        assert_int_equal(s.gap_us, 0);
        assert_int_equal(s.n_switches, 0);
        assert_int_equal(s.rtt_max_us, 100);
}

static void gap_runs_from_the_last_answered_probe_to_the_next(void **state)
{
        /* answered at 1 000 and again at 4 000: 3 000 µs, two probes lost */
        struct gap_summary s = SUM(0, 0, LOST, LOST, 0, LOST, 0);

        assert_int_equal(s.lost, 3);
        assert_int_equal(s.gap_us, 3000);
        assert_int_equal(s.gap_at_us, 1000);
}

static void probes_lost_to_the_end_count_as_a_gap(void **state)
{
        /* last answer at 0, last probe at 3 000 */
        assert_int_equal(SUM(0, LOST, LOST, LOST).gap_us, 3000);
        assert_int_equal(SUM(LOST, LOST, LOST, 0).gap_us, 3000);
        assert_int_equal(SUM(LOST, LOST, LOST).gap_us, 2000);
}

static void switch_names_both_nodes_and_its_gap(void **state)
{
        struct gap_summary s = SUM(0, LOST, LOST, 1, 1);

        assert_int_equal(s.n_switches, 1);
        assert_int_equal(s.switches[0].from, 0);
        assert_int_equal(s.switches[0].to, 1);
        assert_int_equal(s.switches[0].at_us, 3000);
        assert_int_equal(s.switches[0].gap_us, 3000);
        assert_int_equal(s.interleaved, 0);
        assert_int_equal(s.by_node[0], 1);
        assert_int_equal(s.by_node[1], 2);
}

static void nodes_that_answer_in_turn_are_interleaved(void **state)
{
        /* 0 to 1, back to 0, to 1: the second and third switch are returns */
        struct gap_summary s = SUM(0, 1, 0, 1);

        assert_int_equal(s.n_switches, 3);
        assert_int_equal(s.interleaved, 2);
        assert_int_equal(s.lost, 0);
}

static void more_switches_than_are_kept_are_still_counted(void **state)
{
        uint8_t answers[200];
        struct gap_summary s;

        for (unsigned i = 0; i < sizeof(answers); i++)
                answers[i] = (uint8_t)(i % 2);
        s = sum_of(answers, sizeof(answers));
        assert_int_equal(s.n_switches, 199);
}

static void late_prober_is_not_a_gap_but_a_stall_of_its_own(void **state)
{
        struct gap_record r;
        struct gap_summary s;

        assert_int_equal(gap_record_init(&r, 2), 0);
        gap_record_answer(&r, gap_record_sent(&r, 0), 50, 0);
        gap_record_answer(&r, gap_record_sent(&r, 30000), 30050, 0);
        gap_record_sum(&r, &s);
        assert_int_equal(s.gap_us, 0);
        assert_int_equal(s.own_stall_us, 30000);
        gap_record_clear(&r);
}

static void second_answer_is_a_duplicate_or_a_dual_owner(void **state)
{
        struct gap_record r;
        uint32_t seq;

        assert_int_equal(gap_record_init(&r, 1), 0);
        seq = gap_record_sent(&r, 0);
        assert_true(gap_record_answer(&r, seq, 0, 3)); /* at 0, and still counted as answered */
        assert_true(gap_record_answer(&r, seq, 20, 3));
        assert_true(gap_record_answer(&r, seq, 30, 4));
        assert_int_equal(r.duplicates, 1);
        assert_int_equal(r.dual, 1);
        assert_false(gap_record_answer(&r, seq + 1, 40, 3));
        assert_int_equal(gap_record_sent(&r, 50), UINT32_MAX);
        gap_record_clear(&r);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(no_loss_is_no_gap),
                cmocka_unit_test(gap_runs_from_the_last_answered_probe_to_the_next),
                cmocka_unit_test(probes_lost_to_the_end_count_as_a_gap),
                cmocka_unit_test(switch_names_both_nodes_and_its_gap),
                cmocka_unit_test(nodes_that_answer_in_turn_are_interleaved),
                cmocka_unit_test(more_switches_than_are_kept_are_still_counted),
                cmocka_unit_test(late_prober_is_not_a_gap_but_a_stall_of_its_own),
                cmocka_unit_test(second_answer_is_a_duplicate_or_a_dual_owner),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
