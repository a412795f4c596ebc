/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A loop that stood still: who was active yields to its heir, who was backup listens on. */
#include "tests/unit/election_rig.h"

static void stalled_active_without_preempt_yields_to_whom_it_hears(void **state)
{
        const int orders[] = {-1, 0, 1};

        for (size_t i = 0; i < 3; i++) {
                struct rig r = rig_active(sitting(100));

                assert_int_equal(stall(&r, 10 * S), 0);
                assert_int_equal(hear_from(&r, 50, orders[i]), ELECTION_DO_UNCLAIM);
                assert_int_equal(r.e.state, ELECTION_BACKUP);
                assert_int_equal(r.e.cause, ELECTION_CAUSE_STALL);
                assert_int_equal(r.e.stall_us, 10 * S);
                assert_int_equal(left_us(&r), 3609375);
        }
}

static void stalled_active_that_may_preempt_follows_the_rfc(void **state)
{
        struct rig r = rig_active(rig_config(100));

        stall(&r, 10 * S);
        assert_int_equal(left_us(&r), -9 * S); /* its advert is due at once */
        assert_int_equal(hear(&r, 50), ELECTION_DO_SEND | ELECTION_DO_ANNOUNCE);
        assert_int_equal(hear(&r, 150), ELECTION_DO_UNCLAIM);
        assert_int_equal(r.e.cause, ELECTION_CAUSE_PREEMPT);
}

static void stalled_active_in_its_preempt_delay_yields(void **state)
{
        struct rig r = rig_active(delayed(100, 60 * S));

        stall(&r, 10 * S);
        assert_int_equal(hear(&r, 50), ELECTION_DO_UNCLAIM);
        r = rig_active(delayed(100, 60 * S));
        stall(&r, 60 * S); /* the delay is over meanwhile */
        assert_int_equal(hear(&r, 50), ELECTION_DO_SEND | ELECTION_DO_ANNOUNCE);
}

static void stalled_owner_does_not_yield(void **state)
{
        struct rig r = rig_active(sitting(255));

        stall(&r, 10 * S);
        assert_int_equal(hear(&r, 50), ELECTION_DO_SEND | ELECTION_DO_ANNOUNCE);
}

/* Silent since its last advert for less than 4 s: some backup may still be waiting. */
static void short_stall_is_followed_by_an_advert_at_once(void **state)
{
        struct rig r = rig_active(sitting(100));

        stall(&r, 3999 * MS);
        assert_int_equal(feed(&r, ELECTION_TIMER), ELECTION_DO_SEND);
        assert_int_equal(hear(&r, 50), ELECTION_DO_SEND | ELECTION_DO_ANNOUNCE); /* it has spoken */
}

/* Silent for 4 s: every backup timed out, down interval of priority 1 is 3.996 s. */
static void long_stall_is_followed_by_two_intervals_of_listening(void **state)
{
        struct rig r = rig_active(sitting(100));

        stall(&r, 4 * S);
        assert_int_equal(feed(&r, ELECTION_TIMER), 0);
        assert_int_equal(left_us(&r), 2 * S);
        wait_us(&r, 1999 * MS);
        assert_int_equal(hear(&r, 50), ELECTION_DO_UNCLAIM);
        assert_int_equal(r.e.cause, ELECTION_CAUSE_STALL);
}

static void long_stall_without_a_rival_goes_on(void **state)
{
        struct rig r = rig_active(sitting(100));

        stall(&r, 4 * S);
        assert_int_equal(run_out(&r), ELECTION_DO_SEND);
        assert_int_equal(r.e.state, ELECTION_ACTIVE);
        assert_int_equal(hear(&r, 50), ELECTION_DO_SEND | ELECTION_DO_ANNOUNCE);
}

/* Frozen again 1 s into the listening, for 3 s: not long since its deadline, yet deaf. */
static void second_stall_while_listening_makes_it_listen_anew(void **state)
{
        struct rig r = rig_active(sitting(100));

        stall(&r, 4 * S);
        wait_us(&r, S);
        stall(&r, 3 * S);
        assert_int_equal(feed(&r, ELECTION_TIMER), 0);
        assert_int_equal(left_us(&r), 2 * S);
        stall(&r, 999 * MS); /* too short to miss an advert */
        assert_int_equal(left_us(&r), 1001 * MS);
        stall(&r, S); /* just long enough */
        assert_int_equal(left_us(&r), 2 * S);
}

static void stall_that_made_no_advert_late_changes_nothing(void **state)
{
        struct rig r = rig_active(sitting(100));

        stall(&r, 999 * MS);
        assert_int_equal(hear(&r, 50), ELECTION_DO_SEND | ELECTION_DO_ANNOUNCE);
}

/* The release of one that took over meanwhile, then the advert of its heir, in one queue. */
static void release_that_waited_during_a_stall_does_not_end_the_listening(void **state)
{
        struct rig r = rig_active(sitting(100));

        stall(&r, 10 * S);
        assert_int_equal(hear(&r, 0), 0);
        assert_int_equal(r.e.state, ELECTION_ACTIVE);
        assert_int_equal(hear(&r, 50), ELECTION_DO_UNCLAIM);
        assert_int_equal(r.e.cause, ELECTION_CAUSE_STALL);
}

static void changes_are_not_told_while_listening_after_a_stall(void **state)
{
        struct rig r = rig_active(sitting(100));
        struct election_config c = sitting(120);

        stall(&r, 10 * S);
        assert_int_equal(set_priority(&r, 80), 0);
        assert_int_equal(election_reconfigure(&r.e, r.now, &c), 0);
        assert_int_equal(left_us(&r), 2 * S);
        assert_int_equal(run_out(&r), ELECTION_DO_SEND); /* with all that changed */
        assert_int_equal(r.e.priority, 120);
}

/* Stood still from 1 s to 6 s: it listens for 1 s + 156/256 s before it accuses anybody. */
static void stalled_backup_listens_before_it_takes_over(void **state)
{
        struct rig r = rig_backup(rig_config(100));

        wait_us(&r, S);
        stall(&r, 5 * S);
        assert_int_equal(feed(&r, ELECTION_TIMER), 0);
        assert_int_equal(left_us(&r), 1609375);
        wait_us(&r, S);
        hear(&r, 200);
        assert_int_equal(left_us(&r), 3609375);
        assert_int_equal(r.e.state, ELECTION_BACKUP);
}

static void stalled_backup_takes_over_when_silence_goes_on(void **state)
{
        struct rig r = rig_backup(rig_config(100));

        stall(&r, 5 * S);
        run_out(&r);
        assert_int_equal(r.e.state, ELECTION_ACTIVE);
        assert_int_equal(r.e.cause, ELECTION_CAUSE_ADVERT_TIMEOUT);
}

static void backup_that_keeps_stalling_gets_one_grace_a_silence(void **state)
{
        struct rig r = rig_backup(rig_config(100));

        stall(&r, 5 * S);
        stall(&r, S); /* 609375 us left of the grace */
        assert_int_equal(left_us(&r), 609375);
        hear(&r, 200); /* the silence is over */
        stall(&r, 5 * S);
        assert_int_equal(left_us(&r), 1609375);
}

static void backup_that_stood_still_for_less_than_an_interval_goes_on(void **state)
{
        struct rig r = rig_backup(rig_config(100));

        wait_us(&r, 3 * S);
        stall(&r, 999 * MS);
        assert_int_equal(feed(&r, ELECTION_TIMER), ELECTION_DO_SEND | ELECTION_DO_CLAIM);
}

static void backup_that_stood_still_for_just_an_interval_listens(void **state)
{
        struct rig r = rig_backup(rig_config(100));

        wait_us(&r, 3 * S);
        stall(&r, S);
        assert_int_equal(left_us(&r), 1609375);
        assert_int_equal(r.e.stall_us, S);
}

static void backup_with_time_left_needs_no_grace(void **state)
{
        struct rig r = rig_backup(rig_config(100));

        stall(&r, S); /* 2609375 us are left, more than the grace */
        assert_int_equal(left_us(&r), 2609375);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(stalled_active_without_preempt_yields_to_whom_it_hears),
                cmocka_unit_test(stalled_active_that_may_preempt_follows_the_rfc),
                cmocka_unit_test(stalled_active_in_its_preempt_delay_yields),
                cmocka_unit_test(stalled_owner_does_not_yield),
                cmocka_unit_test(short_stall_is_followed_by_an_advert_at_once),
                cmocka_unit_test(long_stall_is_followed_by_two_intervals_of_listening),
                cmocka_unit_test(long_stall_without_a_rival_goes_on),
                cmocka_unit_test(second_stall_while_listening_makes_it_listen_anew),
                cmocka_unit_test(stall_that_made_no_advert_late_changes_nothing),
                cmocka_unit_test(release_that_waited_during_a_stall_does_not_end_the_listening),
                cmocka_unit_test(changes_are_not_told_while_listening_after_a_stall),
                cmocka_unit_test(stalled_backup_listens_before_it_takes_over),
                cmocka_unit_test(stalled_backup_takes_over_when_silence_goes_on),
                cmocka_unit_test(backup_that_keeps_stalling_gets_one_grace_a_silence),
                cmocka_unit_test(backup_that_stood_still_for_less_than_an_interval_goes_on),
                cmocka_unit_test(backup_that_stood_still_for_just_an_interval_listens),
                cmocka_unit_test(backup_with_time_left_needs_no_grace),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
