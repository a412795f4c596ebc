/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state machine of RFC 9568, 6.4: what every implementation must do. */
#include <limits.h>

#include "tests/unit/election_rig.h"

/* --- timers ---------------------------------------------------------------- */

/* (256 - 100) / 256 * 1 s = 609375 us; three intervals on top. */
static void skew_and_down_interval_follow_the_priority(void **state)
{
        struct rig r = rig_init(rig_config(100));

        assert_int_equal(election_skew_us(&r.e), 609375);
        assert_int_equal(election_down_us(&r.e), 3609375);
}

/* (256 - 254) / 256 * 10 ms = 78.125 us, cut to 78; 255/256 * 10 ms = 9960.9. */
static void skew_of_a_short_interval_does_not_become_zero(void **state)
{
        struct election_config c = rig_config(254);
        struct rig r;

        c.interval_us = 10 * MS;
        r = rig_init(c);
        assert_int_equal(election_skew_us(&r.e), 78);
        c.priority = 1;
        r = rig_init(c);
        assert_int_equal(election_skew_us(&r.e), 9960);
}

/* 255/256 * 40.95 s = 40790039.06 us. */
static void longest_interval_of_version_3_is_computed_exactly(void **state)
{
        struct election_config c = rig_config(1);
        struct rig r;

        c.interval_us = 4095 * US_PER_CS;
        r = rig_init(c);
        assert_int_equal(election_skew_us(&r.e), 40790039);
        assert_int_equal(election_down_us(&r.e), 3 * INT64_C(40950000) + 40790039);
}

/* RFC 3768 5.3.4 and 6.1: (256 - 100) / 256 s, whatever the interval: 5 s, 255 s. */
static void version_2_skew_is_a_fraction_of_one_second(void **state)
{
        struct election_config c = rig_config(100);
        struct rig r;

        c.v2 = true;
        c.interval_us = 5 * S;
        r = rig_init(c);
        assert_int_equal(election_skew_us(&r.e), 609375);
        assert_int_equal(election_down_us(&r.e), 15609375);
        c.interval_us = 255 * S;
        r = rig_init(c);
        assert_int_equal(election_down_us(&r.e), 765609375);
}

/* --- 6.4.1 Initialize -------------------------------------------------------- */

static void nothing_is_armed_before_start(void **state)
{
        struct rig r = rig_init(rig_config(100));

        assert_int_equal(r.e.state, ELECTION_INIT);
        assert_true(mono_is_never(election_deadline(&r.e)));
}

static void start_makes_a_backup_that_listens_for_the_down_interval(void **state)
{
        struct rig r = rig_init(rig_config(100));

        assert_int_equal(start(&r), 0);
        assert_int_equal(r.e.state, ELECTION_BACKUP);
        assert_int_equal(r.e.cause, ELECTION_CAUSE_START);
        assert_int_equal(left_us(&r), 3609375); /* 3 x 1 s + 156/256 s */
}

static void owner_becomes_active_at_start(void **state)
{
        struct rig r = rig_init(rig_config(255));

        assert_int_equal(start(&r), ELECTION_DO_SEND | ELECTION_DO_CLAIM);
        assert_int_equal(r.e.state, ELECTION_ACTIVE);
        assert_int_equal(r.e.cause, ELECTION_CAUSE_START);
        assert_int_equal(left_us(&r), S);
}

static void owner_becomes_active_at_start_even_without_preempt(void **state)
{
        struct election_config c = rig_config(255);
        struct rig r;

        c.preempt = false;
        c.preempt_delay_us = 60 * S;
        r = rig_init(c);
        start(&r);
        assert_int_equal(r.e.state, ELECTION_ACTIVE);
}

static void start_while_not_eligible_waits_for_eligible(void **state)
{
        struct rig r = rig_init(rig_config(100));

        assert_int_equal(feed(&r, ELECTION_START), 0); /* eligible = false */
        assert_int_equal(r.e.state, ELECTION_INIT);
        assert_true(mono_is_never(election_deadline(&r.e)));
        wait_us(&r, 7 * S);
        assert_int_equal(feed(&r, ELECTION_ELIGIBLE), 0);
        assert_int_equal(r.e.state, ELECTION_BACKUP);
        assert_int_equal(left_us(&r), 3609375);
}

static void owner_that_becomes_eligible_is_active_at_once(void **state)
{
        struct rig r = rig_init(rig_config(255));

        feed(&r, ELECTION_START);
        assert_int_equal(feed(&r, ELECTION_ELIGIBLE), ELECTION_DO_SEND | ELECTION_DO_CLAIM);
        assert_int_equal(r.e.state, ELECTION_ACTIVE);
}

static void eligible_does_not_start_what_was_not_started(void **state)
{
        struct rig r = rig_init(rig_config(100));

        feed(&r, ELECTION_ELIGIBLE);
        assert_int_equal(r.e.state, ELECTION_INIT);
        start(&r);
        feed(&r, ELECTION_STOP);
        feed(&r, ELECTION_ELIGIBLE);
        assert_int_equal(r.e.state, ELECTION_INIT);
}

/* --- 6.4.2 Backup -------------------------------------------------------------- */

static void backup_takes_over_when_nobody_is_heard(void **state)
{
        struct rig r = rig_backup(rig_config(100));

        wait_us(&r, 3609374);
        assert_int_equal(feed(&r, ELECTION_TIMER), 0); /* one microsecond early */
        assert_int_equal(r.e.state, ELECTION_BACKUP);
        wait_us(&r, 1);
        assert_int_equal(feed(&r, ELECTION_TIMER), ELECTION_DO_SEND | ELECTION_DO_CLAIM);
        assert_int_equal(r.e.state, ELECTION_ACTIVE);
        assert_int_equal(r.e.cause, ELECTION_CAUSE_ADVERT_TIMEOUT);
        assert_int_equal(left_us(&r), S);
}

static void backup_moves_after_skew_when_active_resigns(void **state)
{
        struct rig r = rig_backup(rig_config(100));

        wait_us(&r, 100 * MS);
        hear(&r, 200);
        wait_us(&r, 100 * MS);
        assert_int_equal(hear(&r, 0), 0);
        assert_int_equal(left_us(&r), 609375); /* 156/256 s */
        assert_int_equal(run_out(&r), ELECTION_DO_SEND | ELECTION_DO_CLAIM);
        assert_int_equal(r.e.cause, ELECTION_CAUSE_RESIGN);
}

/* RFC 9568 sets the timer to the skew, without regard to what was left of it. */
static void release_sets_the_timer_even_when_less_was_left(void **state)
{
        struct rig r = rig_backup(rig_config(100));

        wait_us(&r, 3600 * MS); /* 9.375 ms before the end */
        hear(&r, 0);
        assert_int_equal(left_us(&r), 609375);
}

static void better_advert_winds_the_timer(void **state)
{
        struct rig r = rig_backup(rig_config(100));

        wait_us(&r, 3 * S);
        assert_int_equal(hear(&r, 101), 0);
        assert_int_equal(left_us(&r), 3609375);
        assert_int_equal(r.e.state, ELECTION_BACKUP);
}

static void equal_advert_winds_the_timer_whatever_the_addresses(void **state)
{
        const int orders[] = {-1, 0, 1};

        for (size_t i = 0; i < 3; i++) {
                struct rig r = rig_backup(rig_config(100));

                wait_us(&r, 3 * S);
                assert_int_equal(hear_from(&r, 100, orders[i]), 0);
                assert_int_equal(left_us(&r), 3609375);
        }
}

static void worse_advert_is_discarded_by_who_may_preempt(void **state)
{
        struct rig r = rig_backup(rig_config(100));

        wait_us(&r, 3 * S);
        assert_int_equal(hear(&r, 99), 0);
        assert_int_equal(left_us(&r), 609375); /* as before: 3609375 - 3 s */
        assert_int_equal(run_out(&r), ELECTION_DO_SEND | ELECTION_DO_CLAIM);
        assert_int_equal(r.e.cause, ELECTION_CAUSE_PREEMPT);
}

static void worse_advert_winds_the_timer_without_preempt(void **state)
{
        struct election_config c = rig_config(100);
        struct rig r;

        c.preempt = false;
        r = rig_backup(c);
        wait_us(&r, 3 * S);
        hear(&r, 1);
        assert_int_equal(left_us(&r), 3609375);
}

static void backup_without_preempt_still_replaces_a_dead_active(void **state)
{
        struct election_config c = rig_config(100);
        struct rig r;

        c.preempt = false;
        r = rig_backup(c);
        hear(&r, 50);
        run_out(&r);
        assert_int_equal(r.e.state, ELECTION_ACTIVE);
        assert_int_equal(r.e.cause, ELECTION_CAUSE_ADVERT_TIMEOUT);
}

static void backup_without_preempt_takes_over_after_a_release(void **state)
{
        struct election_config c = rig_config(100);
        struct rig r;

        c.preempt = false;
        r = rig_backup(c);
        hear(&r, 50);
        hear(&r, 0);
        assert_int_equal(left_us(&r), 609375);
        run_out(&r);
        assert_int_equal(r.e.cause, ELECTION_CAUSE_RESIGN);
}

/* 100 ms learned: 3 x 100 ms + 156/256 x 100 ms = 360937.5 us, cut. */
static void backup_adopts_the_interval_of_the_active(void **state)
{
        struct rig r = rig_backup(rig_config(100));

        hear_every(&r, 200, 100 * MS);
        assert_int_equal(r.e.active_interval_us, 100 * MS);
        assert_int_equal(left_us(&r), 360937);
        hear_every(&r, 200, 4 * S); /* 12 s + 156/256 x 4 s */
        assert_int_equal(left_us(&r), 14437500);
}

static void skew_after_a_release_is_of_the_learned_interval(void **state)
{
        struct rig r = rig_backup(rig_config(100));

        hear_every(&r, 200, 100 * MS);
        hear_every(&r, 0, 7 * S); /* a release teaches nothing */
        assert_int_equal(left_us(&r), 60937);
}

static void interval_of_a_discarded_advert_is_not_learned(void **state)
{
        struct rig r = rig_backup(rig_config(100));

        hear_every(&r, 50, 9 * S);
        assert_int_equal(r.e.active_interval_us, S);
}

static void interval_out_of_range_is_not_learned(void **state)
{
        const int64_t bad[] = {0, -1, INT64_MIN, INT64_MAX, 255 * S + 1};

        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                struct rig r = rig_backup(rig_config(100));

                hear_every(&r, 200, bad[i]);
                assert_int_equal(r.e.active_interval_us, S);
                assert_int_equal(left_us(&r), 3609375); /* but the advert counts */
        }
}

static void intervals_at_the_ends_of_the_range_are_learned(void **state)
{
        const int64_t ends[] = {1, 255 * S};

        for (size_t i = 0; i < 2; i++) {
                struct rig r = rig_backup(rig_config(100));

                hear_every(&r, 200, ends[i]);
                assert_int_equal(r.e.active_interval_us, ends[i]);
        }
}

static void version_2_does_not_learn_the_interval(void **state)
{
        struct election_config c = rig_config(100);
        struct rig r;

        c.v2 = true;
        r = rig_backup(c);
        hear_every(&r, 200, 7 * S);
        assert_int_equal(r.e.active_interval_us, S);
        assert_int_equal(left_us(&r), 3609375);
}

/* The better backup is faster by (200 - 100) / 256 of an interval. */
static void better_backup_is_first_after_a_release(void **state)
{
        struct rig better = rig_backup(rig_config(200));
        struct rig worse = rig_backup(rig_config(100));

        hear(&better, 0);
        hear(&worse, 0);
        assert_int_equal(left_us(&worse) - left_us(&better), 390625);
}

static void advert_that_waited_in_the_socket_counts_before_the_timer(void **state)
{
        struct rig r = rig_backup(rig_config(100));

        wait_us(&r, 5 * S); /* past the deadline */
        hear(&r, 200);
        assert_int_equal(feed(&r, ELECTION_TIMER), 0);
        assert_int_equal(r.e.state, ELECTION_BACKUP);
}

static void backup_stops_without_a_release(void **state)
{
        struct rig r = rig_backup(rig_config(100));

        assert_int_equal(feed(&r, ELECTION_STOP), 0);
        assert_int_equal(r.e.state, ELECTION_INIT);
        assert_int_equal(r.e.cause, ELECTION_CAUSE_STOP);
        assert_true(mono_is_never(election_deadline(&r.e)));
}

/* What a backup knows of the active; a caller shows it. */
static void backup_remembers_the_active_until_it_releases(void **state)
{
        struct rig r = rig_backup(rig_config(100));

        assert_false(r.e.active_heard);
        hear(&r, 50); /* discarded, but heard */
        assert_true(r.e.active_heard);
        assert_int_equal(r.e.active_priority, 50);
        hear(&r, 200);
        assert_int_equal(r.e.active_priority, 200);
        hear(&r, 0);
        assert_false(r.e.active_heard);
        assert_int_equal(r.e.active_priority, 0);
}

static void who_became_active_knows_of_no_other(void **state)
{
        struct rig r = rig_backup(rig_config(100));

        hear(&r, 200);
        run_out(&r);
        assert_false(r.e.active_heard);
        assert_int_equal(r.e.active_priority, 0);
}

/* --- 6.4.3 Active ---------------------------------------------------------------- */

static void active_sends_every_interval(void **state)
{
        struct rig r = rig_active(rig_config(100));

        for (int i = 0; i < 3; i++) {
                assert_int_equal(left_us(&r), S);
                assert_int_equal(run_out(&r), ELECTION_DO_SEND);
        }
        wait_us(&r, S - 1);
        assert_int_equal(feed(&r, ELECTION_TIMER), 0); /* early */
}

static void active_yields_to_a_greater_priority(void **state)
{
        struct rig r = rig_active(rig_config(100));

        wait_us(&r, 300 * MS);
        assert_int_equal(hear(&r, 101), ELECTION_DO_UNCLAIM);
        assert_int_equal(r.e.state, ELECTION_BACKUP);
        assert_int_equal(r.e.cause, ELECTION_CAUSE_PREEMPT);
        assert_int_equal(left_us(&r), 3609375);
        assert_true(r.e.active_heard);
        assert_int_equal(r.e.active_priority, 101);
}

static void active_that_yields_adopts_the_interval(void **state)
{
        struct rig r = rig_active(rig_config(100));

        hear_every(&r, 200, 100 * MS);
        assert_int_equal(left_us(&r), 360937); /* 3 x 100 ms + 156/256 x 100 ms */
}

static void active_yields_to_an_equal_with_the_greater_address(void **state)
{
        struct rig r = rig_active(rig_config(100));

        assert_int_equal(hear_from(&r, 100, 1), ELECTION_DO_UNCLAIM);
        assert_int_equal(r.e.state, ELECTION_BACKUP);
        assert_int_equal(r.e.cause, ELECTION_CAUSE_CONFLICT);
}

static void active_answers_an_equal_with_the_lower_address(void **state)
{
        struct rig r = rig_active(rig_config(100));

        assert_int_equal(hear_from(&r, 100, -1), ELECTION_DO_SEND | ELECTION_DO_ANNOUNCE);
        assert_int_equal(r.e.state, ELECTION_ACTIVE);
}

static void active_ignores_an_equal_where_addresses_do_not_decide(void **state)
{
        struct rig r = rig_active(rig_config(100));

        wait_us(&r, 300 * MS);
        assert_int_equal(hear_from(&r, 100, 0), 0);
        assert_int_equal(r.e.state, ELECTION_ACTIVE);
        assert_int_equal(left_us(&r), 700 * MS);
}

static void address_never_outweighs_priority(void **state)
{
        struct rig r = rig_active(rig_config(100));

        assert_int_equal(hear_from(&r, 99, 1), ELECTION_DO_SEND | ELECTION_DO_ANNOUNCE);
        assert_int_equal(hear_from(&r, 99, 0), ELECTION_DO_SEND | ELECTION_DO_ANNOUNCE);
        assert_int_equal(hear_from(&r, 101, 0), ELECTION_DO_UNCLAIM);
}

/* RFC 9568 sends at once and says nothing of the Adver_Timer here. */
static void active_answers_a_worse_one_at_once_and_keeps_its_pace(void **state)
{
        struct rig r = rig_active(rig_config(100));

        wait_us(&r, 300 * MS);
        assert_int_equal(hear(&r, 99), ELECTION_DO_SEND | ELECTION_DO_ANNOUNCE);
        assert_int_equal(r.e.state, ELECTION_ACTIVE);
        assert_int_equal(left_us(&r), 700 * MS);
}

static void active_does_not_learn_from_a_worse_one(void **state)
{
        struct rig r = rig_active(rig_config(100));

        hear_every(&r, 99, 9 * S);
        assert_int_equal(r.e.active_interval_us, S);
        assert_int_equal(run_out(&r), ELECTION_DO_SEND);
        assert_int_equal(left_us(&r), S);
}

static void active_answers_a_release_and_restarts_its_pace(void **state)
{
        struct rig r = rig_active(rig_config(100));

        wait_us(&r, 300 * MS);
        assert_int_equal(hear(&r, 0), ELECTION_DO_SEND);
        assert_int_equal(r.e.state, ELECTION_ACTIVE);
        assert_int_equal(left_us(&r), S);
}

static void active_without_preempt_yields_to_a_better_one_as_a_conflict(void **state)
{
        struct election_config c = rig_config(100);
        struct rig r;

        c.preempt = false;
        r = rig_active(c);
        assert_int_equal(hear(&r, 101), ELECTION_DO_UNCLAIM);
        assert_int_equal(r.e.cause, ELECTION_CAUSE_CONFLICT);
}

/* An owner preempts in any group (RFC 9568 6.1). */
static void yielding_to_an_owner_is_a_preemption(void **state)
{
        struct election_config c = rig_config(100);
        struct rig r;

        c.preempt = false;
        r = rig_active(c);
        hear(&r, 255);
        assert_int_equal(r.e.cause, ELECTION_CAUSE_PREEMPT);
}

/* Not allowed, but it happens: a caller that lets an owner hear (erratum 8298) ends it. */
static void two_owners_decide_by_address(void **state)
{
        struct rig lower = rig_active(rig_config(255));
        struct rig greater = rig_active(rig_config(255));

        assert_int_equal(hear_from(&lower, 255, 1), ELECTION_DO_UNCLAIM);
        assert_int_equal(hear_from(&greater, 255, -1), ELECTION_DO_SEND | ELECTION_DO_ANNOUNCE);
        hear_from(&lower, 255, 1);                  /* an equal holds the timer */
        assert_int_equal(left_us(&lower), 3003906); /* 3 s + 1/256 s */
}

static void active_releases_when_stopped(void **state)
{
        struct rig r = rig_active(rig_config(100));

        assert_int_equal(feed(&r, ELECTION_STOP), ELECTION_DO_RELEASE | ELECTION_DO_UNCLAIM);
        assert_int_equal(r.e.state, ELECTION_INIT);
        assert_int_equal(r.e.cause, ELECTION_CAUSE_STOP);
        assert_true(mono_is_never(election_deadline(&r.e)));
}

/* The interval learned from an active of the past is of no matter later. */
static void who_becomes_active_sends_at_its_own_interval(void **state)
{
        struct rig r = rig_backup(rig_config(100));

        hear_every(&r, 200, 100 * MS);
        run_out(&r);
        assert_int_equal(left_us(&r), S);
        assert_int_equal(r.e.active_interval_us, S);
}

static void restart_listens_for_three_of_its_own_intervals(void **state)
{
        struct rig r = rig_backup(rig_config(100));

        hear_every(&r, 200, 100 * MS);
        feed(&r, ELECTION_STOP);
        start(&r);
        assert_int_equal(left_us(&r), 3609375);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(skew_and_down_interval_follow_the_priority),
                cmocka_unit_test(skew_of_a_short_interval_does_not_become_zero),
                cmocka_unit_test(longest_interval_of_version_3_is_computed_exactly),
                cmocka_unit_test(version_2_skew_is_a_fraction_of_one_second),
                cmocka_unit_test(nothing_is_armed_before_start),
                cmocka_unit_test(start_makes_a_backup_that_listens_for_the_down_interval),
                cmocka_unit_test(owner_becomes_active_at_start),
                cmocka_unit_test(owner_becomes_active_at_start_even_without_preempt),
                cmocka_unit_test(start_while_not_eligible_waits_for_eligible),
                cmocka_unit_test(owner_that_becomes_eligible_is_active_at_once),
                cmocka_unit_test(eligible_does_not_start_what_was_not_started),
                cmocka_unit_test(backup_takes_over_when_nobody_is_heard),
                cmocka_unit_test(backup_moves_after_skew_when_active_resigns),
                cmocka_unit_test(release_sets_the_timer_even_when_less_was_left),
                cmocka_unit_test(better_advert_winds_the_timer),
                cmocka_unit_test(equal_advert_winds_the_timer_whatever_the_addresses),
                cmocka_unit_test(worse_advert_is_discarded_by_who_may_preempt),
                cmocka_unit_test(worse_advert_winds_the_timer_without_preempt),
                cmocka_unit_test(backup_without_preempt_still_replaces_a_dead_active),
                cmocka_unit_test(backup_without_preempt_takes_over_after_a_release),
                cmocka_unit_test(backup_adopts_the_interval_of_the_active),
                cmocka_unit_test(skew_after_a_release_is_of_the_learned_interval),
                cmocka_unit_test(interval_of_a_discarded_advert_is_not_learned),
                cmocka_unit_test(interval_out_of_range_is_not_learned),
                cmocka_unit_test(intervals_at_the_ends_of_the_range_are_learned),
                cmocka_unit_test(version_2_does_not_learn_the_interval),
                cmocka_unit_test(better_backup_is_first_after_a_release),
                cmocka_unit_test(advert_that_waited_in_the_socket_counts_before_the_timer),
                cmocka_unit_test(backup_stops_without_a_release),
                cmocka_unit_test(backup_remembers_the_active_until_it_releases),
                cmocka_unit_test(who_became_active_knows_of_no_other),
                cmocka_unit_test(active_sends_every_interval),
                cmocka_unit_test(active_yields_to_a_greater_priority),
                cmocka_unit_test(active_that_yields_adopts_the_interval),
                cmocka_unit_test(active_yields_to_an_equal_with_the_greater_address),
                cmocka_unit_test(active_answers_an_equal_with_the_lower_address),
                cmocka_unit_test(active_ignores_an_equal_where_addresses_do_not_decide),
                cmocka_unit_test(address_never_outweighs_priority),
                cmocka_unit_test(active_answers_a_worse_one_at_once_and_keeps_its_pace),
                cmocka_unit_test(active_does_not_learn_from_a_worse_one),
                cmocka_unit_test(active_answers_a_release_and_restarts_its_pace),
                cmocka_unit_test(active_without_preempt_yields_to_a_better_one_as_a_conflict),
                cmocka_unit_test(yielding_to_an_owner_is_a_preemption),
                cmocka_unit_test(two_owners_decide_by_address),
                cmocka_unit_test(active_releases_when_stopped),
                cmocka_unit_test(who_becomes_active_sends_at_its_own_interval),
                cmocka_unit_test(restart_listens_for_three_of_its_own_intervals),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
