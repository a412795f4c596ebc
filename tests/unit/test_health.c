/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "vipd/core/health.h"

static struct health health(unsigned rise, unsigned fall)
{
        struct health h;

        health_init(&h, rise, fall);
        return h;
}

static void is_unknown_before_the_first_result(void **state)
{
        struct health h = health(2, 3);

        assert_int_equal(h.state, HEALTH_UNKNOWN);
        assert_int_equal(h.good + h.bad, 0);
}

static void rises_from_unknown_after_rise_good_results(void **state)
{
        struct health h = health(2, 3);

        assert_false(health_observe(&h, HEALTH_GOOD));
        assert_int_equal(h.state, HEALTH_UNKNOWN);
        assert_int_equal(health_needed(&h, HEALTH_GOOD), 2);
        assert_int_equal(health_needed(&h, HEALTH_BAD), 1);
        assert_int_equal(health_needed(&h, HEALTH_UNTRIED), 3);
        assert_true(health_observe(&h, HEALTH_GOOD));
        assert_int_equal(h.state, HEALTH_UP);
        assert_int_equal(health_needed(&h, HEALTH_GOOD), 0);
}

static void falls_from_unknown_at_the_first_bad_result(void **state)
{
        struct health h = health(2, 3);

        assert_true(health_observe(&h, HEALTH_BAD));
        assert_int_equal(h.state, HEALTH_DOWN);
}

static void an_untried_start_stays_unknown_until_fall_tries(void **state)
{
        struct health h = health(2, 3);

        assert_false(health_observe(&h, HEALTH_UNTRIED));
        assert_false(health_observe(&h, HEALTH_UNTRIED));
        assert_int_equal(h.state, HEALTH_UNKNOWN);
        assert_true(health_observe(&h, HEALTH_UNTRIED));
        assert_int_equal(h.state, HEALTH_DOWN);
}

static void one_bad_result_after_untried_ones_decides(void **state)
{
        struct health h = health(2, 3);

        assert_false(health_observe(&h, HEALTH_UNTRIED));
        assert_true(health_observe(&h, HEALTH_BAD));
        assert_int_equal(h.state, HEALTH_DOWN);
}

static void falls_from_up_after_fall_bad_results_of_either_kind(void **state)
{
        struct health h = health(1, 3);

        health_observe(&h, HEALTH_GOOD);
        assert_false(health_observe(&h, HEALTH_BAD));
        assert_false(health_observe(&h, HEALTH_UNTRIED));
        assert_int_equal(h.state, HEALTH_UP);
        assert_int_equal(h.bad, 2);
        assert_int_equal(health_needed(&h, HEALTH_BAD), 3);
        assert_true(health_observe(&h, HEALTH_BAD));
        assert_int_equal(h.state, HEALTH_DOWN);
        assert_int_equal(health_needed(&h, HEALTH_BAD), 0);
}

static void a_good_result_in_between_starts_the_count_again(void **state)
{
        struct health h = health(1, 2);

        health_observe(&h, HEALTH_GOOD);
        for (int i = 0; i < 100; i++) {
                assert_false(health_observe(&h, HEALTH_BAD));
                assert_false(health_observe(&h, HEALTH_GOOD));
        }
        assert_int_equal(h.state, HEALTH_UP);
}

static void a_bad_result_in_between_starts_the_rise_again(void **state)
{
        struct health h = health(2, 1);

        health_observe(&h, HEALTH_BAD);
        for (int i = 0; i < 100; i++) {
                assert_false(health_observe(&h, HEALTH_GOOD));
                assert_false(health_observe(&h, i & 1 ? HEALTH_BAD : HEALTH_UNTRIED));
        }
        assert_false(health_observe(&h, HEALTH_GOOD));
        assert_true(health_observe(&h, HEALTH_GOOD));
        assert_int_equal(h.state, HEALTH_UP);
}

static void turns_once_however_long_a_result_lasts(void **state)
{
        struct health h = health(1, 1);
        unsigned turns = 0;

        for (int i = 0; i < 1000; i++)
                turns += health_observe(&h, HEALTH_BAD);
        for (int i = 0; i < 1000; i++)
                turns += health_observe(&h, HEALTH_GOOD);
        assert_int_equal(turns, 2);
}

static void counters_stop_at_their_limit(void **state)
{
        struct health h = health(1, 1);

        h.bad = UINT_MAX;
        health_observe(&h, HEALTH_BAD);
        assert_int_equal(h.bad, UINT_MAX);
        assert_int_equal(h.state, HEALTH_DOWN);
}

static void zero_counts_as_one(void **state)
{
        struct health h = health(0, 0);

        assert_true(health_observe(&h, HEALTH_GOOD));
        assert_true(health_observe(&h, HEALTH_UNTRIED));
        assert_int_equal(h.state, HEALTH_DOWN);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(is_unknown_before_the_first_result),
                cmocka_unit_test(rises_from_unknown_after_rise_good_results),
                cmocka_unit_test(falls_from_unknown_at_the_first_bad_result),
                cmocka_unit_test(an_untried_start_stays_unknown_until_fall_tries),
                cmocka_unit_test(one_bad_result_after_untried_ones_decides),
                cmocka_unit_test(falls_from_up_after_fall_bad_results_of_either_kind),
                cmocka_unit_test(a_good_result_in_between_starts_the_count_again),
                cmocka_unit_test(a_bad_result_in_between_starts_the_rise_again),
                cmocka_unit_test(turns_once_however_long_a_result_lasts),
                cmocka_unit_test(counters_stop_at_their_limit),
                cmocka_unit_test(zero_counts_as_one),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
