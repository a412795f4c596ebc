/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the election does beyond RFC 9568, 6.4: eligibility, delays, moves, stalls, reload. */
#include <string.h>

#include "tests/unit/election_rig.h"

/* --- eligibility -------------------------------------------------------------- */

static void active_releases_when_it_becomes_ineligible(void **state)
{
        struct rig r = rig_active(rig_config(100));

        assert_int_equal(feed(&r, ELECTION_INELIGIBLE), ELECTION_DO_RELEASE | ELECTION_DO_UNCLAIM);
        assert_int_equal(r.e.state, ELECTION_INIT);
        assert_int_equal(r.e.cause, ELECTION_CAUSE_FAULT);
        assert_true(mono_is_never(election_deadline(&r.e)));
}

static void backup_that_becomes_ineligible_says_nothing(void **state)
{
        struct rig r = rig_backup(rig_config(100));

        assert_int_equal(feed(&r, ELECTION_INELIGIBLE), 0);
        assert_int_equal(r.e.state, ELECTION_INIT);
        assert_int_equal(r.e.cause, ELECTION_CAUSE_FAULT);
        assert_int_equal(feed(&r, ELECTION_ELIGIBLE), 0);
        assert_int_equal(r.e.state, ELECTION_BACKUP);
        assert_int_equal(left_us(&r), 3609375);
}

static void eligibility_is_known_in_every_state(void **state)
{
        struct rig r = rig_init(rig_config(100));

        feed(&r, ELECTION_START);
        assert_false(r.e.eligible);
        feed(&r, ELECTION_ELIGIBLE);
        assert_true(r.e.eligible);
        feed(&r, ELECTION_INELIGIBLE); /* from BACKUP */
        assert_false(r.e.eligible);
        feed(&r, ELECTION_ELIGIBLE);
        run_out(&r);
        feed(&r, ELECTION_INELIGIBLE); /* from ACTIVE */
        assert_false(r.e.eligible);
        r = rig_init(rig_config(100));
        feed(&r, ELECTION_ELIGIBLE);
        feed(&r, ELECTION_INELIGIBLE); /* from INIT */
        assert_false(r.e.eligible);
}

/* --- preempt delay -------------------------------------------------------------- */

static struct election_config delayed(uint8_t priority, int64_t delay_us)
{
        struct election_config c = rig_config(priority);

        c.preempt_delay_us = delay_us;
        return c;
}

/* The worse active sends each second; the delay is 10 s. */
static void worse_active_is_left_alone_while_the_delay_runs(void **state)
{
        struct rig r = rig_backup(delayed(100, 10 * S));

        for (int i = 0; i < 9; i++) {
                wait_us(&r, S);
                assert_int_equal(hear(&r, 50), 0);
                assert_int_equal(left_us(&r), 3609375);
        }
        assert_int_equal(r.e.state, ELECTION_BACKUP);
}

/* The last advert before the end is at 9 s: 9 s + 3.609375 s, though it is heard on. */
static void delay_ends_in_a_takeover_within_one_down_interval(void **state)
{
        struct rig r = rig_backup(delayed(100, 10 * S));
        mono_t started = r.now;

        while (r.e.state == ELECTION_BACKUP) {
                mono_t next = mono_add_us(r.now, S);

                if (!mono_before(next, election_deadline(&r.e))) {
                        run_out(&r);
                        continue;
                }
                wait_us(&r, S);
                hear(&r, 50);
        }
        assert_int_equal(r.e.cause, ELECTION_CAUSE_PREEMPT);
        assert_int_equal(mono_diff_us(r.now, started), 12609375);
}

static void delay_ends_exactly_when_it_is_over(void **state)
{
        struct rig r = rig_backup(delayed(100, 2 * S));

        wait_us(&r, 2 * S - 1);
        hear(&r, 50);
        assert_int_equal(left_us(&r), 3609375); /* wound */
        wait_us(&r, 1);
        hear(&r, 50);
        assert_int_equal(left_us(&r), 3609374); /* discarded */
}

static void delay_does_not_hold_back_from_an_empty_chair(void **state)
{
        struct rig r = rig_backup(delayed(100, 3600 * S));

        hear(&r, 50);
        run_out(&r);
        assert_int_equal(r.e.state, ELECTION_ACTIVE);
        assert_int_equal(r.e.cause, ELECTION_CAUSE_ADVERT_TIMEOUT);
}

static void delay_counts_anew_from_eligible(void **state)
{
        struct rig r = rig_backup(delayed(100, 10 * S));

        wait_us(&r, 20 * S);
        feed(&r, ELECTION_INELIGIBLE);
        wait_us(&r, 20 * S);
        feed(&r, ELECTION_ELIGIBLE);
        wait_us(&r, S);
        hear(&r, 50);
        assert_int_equal(left_us(&r), 3609375);
}

/* --- an operator's resignation ------------------------------------------------------ */

static void active_resigns_by_a_release(void **state)
{
        struct rig r = rig_active(rig_config(100));

        assert_int_equal(feed(&r, ELECTION_RESIGN), ELECTION_DO_RELEASE | ELECTION_DO_UNCLAIM);
        assert_int_equal(r.e.state, ELECTION_BACKUP);
        assert_int_equal(r.e.cause, ELECTION_CAUSE_OPERATOR);
        assert_int_equal(left_us(&r), 3609375);
}

static void who_resigned_does_not_preempt(void **state)
{
        struct rig r = rig_active(rig_config(100));

        feed(&r, ELECTION_RESIGN);
        for (int i = 0; i < 20; i++) {
                wait_us(&r, S);
                hear(&r, 50);
                assert_int_equal(left_us(&r), 3609375);
        }
}

static void owner_that_resigned_does_not_preempt(void **state)
{
        struct rig r = rig_active(rig_config(255));

        feed(&r, ELECTION_RESIGN);
        assert_int_equal(r.e.state, ELECTION_BACKUP);
        wait_us(&r, S);
        hear(&r, 50);
        assert_int_equal(left_us(&r), 3003906); /* 3 s + 1/256 s */
}

static void who_resigned_replaces_a_dead_active(void **state)
{
        struct rig r = rig_active(rig_config(100));

        feed(&r, ELECTION_RESIGN);
        wait_us(&r, S);
        hear(&r, 50);
        assert_int_equal(run_out(&r), ELECTION_DO_SEND | ELECTION_DO_CLAIM);
        assert_int_equal(r.e.cause, ELECTION_CAUSE_ADVERT_TIMEOUT);
}

/* Each way back: having been active, a restart, a fault that passed, a reload. */
static void resignation_is_forgotten(void **state)
{
        for (int way = 0; way < 4; way++) {
                struct rig r = rig_active(rig_config(100));
                struct election_config c = rig_config(100);

                feed(&r, ELECTION_RESIGN);
                switch (way) {
                case 0:
                        run_out(&r);
                        hear(&r, 200);
                        break;
                case 1:
                        feed(&r, ELECTION_STOP);
                        start(&r);
                        break;
                case 2:
                        feed(&r, ELECTION_INELIGIBLE);
                        feed(&r, ELECTION_ELIGIBLE);
                        break;
                case 3:
                        election_reconfigure(&r.e, r.now, &c);
                        break;
                }
                assert_int_equal(r.e.state, ELECTION_BACKUP);
                wait_us(&r, S);
                hear(&r, 50);
                assert_int_equal(left_us(&r), 2609375); /* discarded */
        }
}

/* --- priority -------------------------------------------------------------------------- */

/* 200/256 s instead of 156/256 s: 171875 us later, of what was left. */
static void lower_priority_makes_a_backup_later(void **state)
{
        struct rig r = rig_backup(rig_config(100));

        wait_us(&r, S);
        assert_int_equal(set_priority(&r, 56), 0);
        assert_int_equal(left_us(&r), 2609375 + 171875);
}

static void greater_priority_makes_a_released_backup_earlier(void **state)
{
        struct rig r = rig_backup(rig_config(100));

        hear(&r, 0);
        wait_us(&r, 100 * MS);
        set_priority(&r, 200); /* 56/256 s in all */
        assert_int_equal(left_us(&r), 218750 - 100 * MS);
}

static void greater_priority_never_sets_the_timer_into_the_past(void **state)
{
        struct rig r = rig_backup(rig_config(1));

        wait_us(&r, 3900 * MS); /* 3996093 us in all */
        set_priority(&r, 254);  /* 3007812 us in all */
        assert_int_equal(left_us(&r), 0);
        assert_int_equal(run_out(&r), ELECTION_DO_SEND | ELECTION_DO_CLAIM);
}

static void active_tells_its_new_priority_at_once(void **state)
{
        struct rig r = rig_active(rig_config(100));

        wait_us(&r, 300 * MS);
        assert_int_equal(set_priority(&r, 80), ELECTION_DO_SEND);
        assert_int_equal(left_us(&r), S);
        assert_int_equal(hear(&r, 90), ELECTION_DO_UNCLAIM); /* 80 is what counts */
}

static void raised_priority_preempts(void **state)
{
        struct rig r = rig_backup(rig_config(100));

        hear(&r, 150);
        set_priority(&r, 200);
        hear(&r, 150);
        run_out(&r);
        assert_int_equal(r.e.cause, ELECTION_CAUSE_PREEMPT);
}

/* Discarding had brought the timer near its end; now the active we discarded is the better. */
static void lowered_priority_does_not_topple_a_living_active(void **state)
{
        struct rig r = rig_backup(rig_config(100));

        wait_us(&r, 3 * S);
        hear(&r, 90);
        set_priority(&r, 80);
        assert_int_equal(left_us(&r), 3687500); /* 3 s + 176/256 s */
}

/* 2609375 us were left, and now the skew is 56/256 s instead of 156/256 s. */
static void raised_priority_goes_on_discarding(void **state)
{
        struct rig r = rig_backup(rig_config(100));

        wait_us(&r, S);
        hear(&r, 90);
        set_priority(&r, 200);
        assert_int_equal(left_us(&r), 2609375 - 390625);
}

/* The active was better before and after: its advert is not heard again by a change of ours. */
static void changed_priority_does_not_wind_the_timer(void **state)
{
        struct rig r = rig_backup(rig_config(100));

        hear(&r, 250);
        wait_us(&r, 3 * S);
        set_priority(&r, 56); /* 200/256 s instead of 156/256 s */
        assert_int_equal(left_us(&r), 609375 + 171875);
}

static void owner_keeps_its_priority(void **state)
{
        struct rig r = rig_active(rig_config(255));

        assert_int_equal(set_priority(&r, 10), 0);
        assert_int_equal(r.e.priority, 255);
}

static void priority_set_before_start_counts_after(void **state)
{
        struct rig r = rig_init(rig_config(100));

        set_priority(&r, 200);
        start(&r);
        assert_int_equal(left_us(&r), 3218750); /* 3 s + 56/256 s */
}

/* --- a loop that stood still --------------------------------------------------------------- */

static struct election_config sitting(uint8_t priority)
{
        struct election_config c = rig_config(priority);

        c.preempt = false;
        return c;
}

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

/* --- reconfiguration -------------------------------------------------------------------- */

static void reconfiguration_never_moves(void **state)
{
        const struct election_config configs[] = {
                rig_config(255),
                rig_config(1),
                sitting(254),
                delayed(10, 60 * S),
        };

        for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
                struct rig r = rig_init(rig_config(100));

                election_reconfigure(&r.e, r.now, &configs[i]);
                assert_int_equal(r.e.state, ELECTION_INIT);
                r = rig_backup(rig_config(100));
                election_reconfigure(&r.e, r.now, &configs[i]);
                assert_int_equal(r.e.state, ELECTION_BACKUP);
                r = rig_active(rig_config(100));
                election_reconfigure(&r.e, r.now, &configs[i]);
                assert_int_equal(r.e.state, ELECTION_ACTIVE);
        }
}

static void active_sends_at_once_after_a_new_interval_priority_or_version(void **state)
{
        struct rig r = rig_active(rig_config(100));
        struct election_config c = rig_config(100);

        wait_us(&r, 100 * MS);
        c.interval_us = 200 * MS;
        assert_int_equal(election_reconfigure(&r.e, r.now, &c), ELECTION_DO_SEND);
        assert_int_equal(left_us(&r), 200 * MS);
        c.priority = 110;
        assert_int_equal(election_reconfigure(&r.e, r.now, &c), ELECTION_DO_SEND);
        c.v2 = true;
        assert_int_equal(election_reconfigure(&r.e, r.now, &c), ELECTION_DO_SEND);
        c.preempt = false;
        assert_int_equal(election_reconfigure(&r.e, r.now, &c), 0);
}

/* From 3.609375 s in all to 10 x that; a second of it is gone. */
static void timer_of_a_backup_goes_on_with_the_new_interval(void **state)
{
        struct rig r = rig_backup(rig_config(100));
        struct election_config c = rig_config(100);

        wait_us(&r, S);
        c.interval_us = 10 * S;
        assert_int_equal(election_reconfigure(&r.e, r.now, &c), 0);
        assert_int_equal(left_us(&r), 36093750 - S);
}

static void learned_interval_outlives_a_reload(void **state)
{
        struct rig r = rig_backup(rig_config(100));
        struct election_config c = rig_config(100);

        hear_every(&r, 200, 100 * MS);
        c.interval_us = 10 * S;
        election_reconfigure(&r.e, r.now, &c);
        assert_int_equal(left_us(&r), 360937);
}

static void learned_interval_ends_with_version_3(void **state)
{
        struct rig r = rig_backup(rig_config(100));
        struct election_config c = rig_config(100);

        hear_every(&r, 200, 100 * MS);
        c.v2 = true;
        election_reconfigure(&r.e, r.now, &c);
        assert_int_equal(left_us(&r), 3609375);
}

static void preempt_switched_off_spares_a_living_active(void **state)
{
        struct rig r = rig_backup(rig_config(100));
        struct election_config c = sitting(100);

        wait_us(&r, 3 * S);
        hear(&r, 50); /* discarded */
        election_reconfigure(&r.e, r.now, &c);
        assert_int_equal(left_us(&r), 3609375);
}

static void changed_delay_counts_from_the_same_start(void **state)
{
        struct rig r = rig_backup(delayed(100, 10 * S));
        struct election_config c = delayed(100, 5 * S);

        wait_us(&r, 3 * S);
        hear(&r, 50);
        election_reconfigure(&r.e, r.now, &c);
        wait_us(&r, 2 * S);
        hear(&r, 50);
        assert_int_equal(left_us(&r), 1609375); /* discarded: 5 s are over */
}

static void effective_priority_stays_when_the_configured_one_does(void **state)
{
        struct rig r = rig_active(rig_config(100));
        struct election_config c = rig_config(100);

        set_priority(&r, 80);
        c.interval_us = 2 * S;
        election_reconfigure(&r.e, r.now, &c);
        assert_int_equal(r.e.priority, 80);
        c.priority = 120;
        election_reconfigure(&r.e, r.now, &c);
        assert_int_equal(r.e.priority, 120);
}

/* --- nothing happens ---------------------------------------------------------------------- */

/* Events a state has no use for leave every byte of it as it was. */
static void useless_events_change_nothing(void **state)
{
        const struct {
                enum election_state state;
                struct election_event ev;
        } table[] = {
                {ELECTION_INIT, {.type = ELECTION_TIMER}},
                {ELECTION_INIT, {.type = ELECTION_STOP}},
                {ELECTION_INIT, {.type = ELECTION_RESIGN}},
                {ELECTION_INIT, {.type = ELECTION_INELIGIBLE}},
                {ELECTION_INIT, {.type = ELECTION_STALLED, .stall_us = 90 * S}},
                {ELECTION_INIT, {.type = ELECTION_ADVERT, .priority = 0, .interval_us = S}},
                {ELECTION_INIT, {.type = ELECTION_ADVERT, .priority = 1, .interval_us = S}},
                {ELECTION_INIT, {.type = ELECTION_ADVERT, .priority = 255, .interval_us = S}},
                {ELECTION_INIT, {.type = ELECTION_PRIORITY, .priority = 100}},
                {ELECTION_BACKUP, {.type = ELECTION_START, .eligible = true}},
                {ELECTION_BACKUP, {.type = ELECTION_START, .eligible = false}},
                {ELECTION_BACKUP, {.type = ELECTION_ELIGIBLE}},
                {ELECTION_BACKUP, {.type = ELECTION_RESIGN}},
                {ELECTION_BACKUP, {.type = ELECTION_TIMER}},
                {ELECTION_BACKUP, {.type = ELECTION_PRIORITY, .priority = 100}},
                {ELECTION_ACTIVE, {.type = ELECTION_START, .eligible = true}},
                {ELECTION_ACTIVE, {.type = ELECTION_START, .eligible = false}},
                {ELECTION_ACTIVE, {.type = ELECTION_ELIGIBLE}},
                {ELECTION_ACTIVE, {.type = ELECTION_TIMER}},
                {ELECTION_ACTIVE, {.type = ELECTION_PRIORITY, .priority = 100}},
                {ELECTION_ACTIVE,
                 {.type = ELECTION_ADVERT, .priority = 100, .interval_us = S, .address_order = 0}},
        };

        for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
                struct rig r = table[i].state == ELECTION_INIT     ? rig_init(rig_config(100))
                               : table[i].state == ELECTION_BACKUP ? rig_backup(rig_config(100))
                                                                   : rig_active(rig_config(100));
                struct election before;

                memcpy(&before, &r.e, sizeof(before));
                wait_us(&r, 100 * MS);
                assert_int_equal(election_step(&r.e, r.now, &table[i].ev), 0);
                assert_memory_equal(&before, &r.e, sizeof(before));
        }
}

static void names_are_those_of_the_contract(void **state)
{
        assert_string_equal(election_state_name(ELECTION_INIT), "init");
        assert_string_equal(election_state_name(ELECTION_BACKUP), "backup");
        assert_string_equal(election_state_name(ELECTION_ACTIVE), "active");
        assert_string_equal(election_cause_name(ELECTION_CAUSE_NONE), "none");
        assert_string_equal(election_cause_name(ELECTION_CAUSE_START), "start");
        assert_string_equal(election_cause_name(ELECTION_CAUSE_ADVERT_TIMEOUT), "advert-timeout");
        assert_string_equal(election_cause_name(ELECTION_CAUSE_RESIGN), "resign");
        assert_string_equal(election_cause_name(ELECTION_CAUSE_PREEMPT), "preempt");
        assert_string_equal(election_cause_name(ELECTION_CAUSE_CONFLICT), "conflict");
        assert_string_equal(election_cause_name(ELECTION_CAUSE_FAULT), "fault");
        assert_string_equal(election_cause_name(ELECTION_CAUSE_OPERATOR), "operator");
        assert_string_equal(election_cause_name(ELECTION_CAUSE_STALL), "stall");
        assert_string_equal(election_cause_name(ELECTION_CAUSE_STOP), "stop");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(active_releases_when_it_becomes_ineligible),
                cmocka_unit_test(backup_that_becomes_ineligible_says_nothing),
                cmocka_unit_test(eligibility_is_known_in_every_state),
                cmocka_unit_test(worse_active_is_left_alone_while_the_delay_runs),
                cmocka_unit_test(delay_ends_in_a_takeover_within_one_down_interval),
                cmocka_unit_test(delay_ends_exactly_when_it_is_over),
                cmocka_unit_test(delay_does_not_hold_back_from_an_empty_chair),
                cmocka_unit_test(delay_counts_anew_from_eligible),
                cmocka_unit_test(active_resigns_by_a_release),
                cmocka_unit_test(who_resigned_does_not_preempt),
                cmocka_unit_test(owner_that_resigned_does_not_preempt),
                cmocka_unit_test(who_resigned_replaces_a_dead_active),
                cmocka_unit_test(resignation_is_forgotten),
                cmocka_unit_test(lower_priority_makes_a_backup_later),
                cmocka_unit_test(greater_priority_makes_a_released_backup_earlier),
                cmocka_unit_test(greater_priority_never_sets_the_timer_into_the_past),
                cmocka_unit_test(active_tells_its_new_priority_at_once),
                cmocka_unit_test(raised_priority_preempts),
                cmocka_unit_test(lowered_priority_does_not_topple_a_living_active),
                cmocka_unit_test(raised_priority_goes_on_discarding),
                cmocka_unit_test(changed_priority_does_not_wind_the_timer),
                cmocka_unit_test(owner_keeps_its_priority),
                cmocka_unit_test(priority_set_before_start_counts_after),
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
                cmocka_unit_test(reconfiguration_never_moves),
                cmocka_unit_test(active_sends_at_once_after_a_new_interval_priority_or_version),
                cmocka_unit_test(timer_of_a_backup_goes_on_with_the_new_interval),
                cmocka_unit_test(learned_interval_outlives_a_reload),
                cmocka_unit_test(learned_interval_ends_with_version_3),
                cmocka_unit_test(preempt_switched_off_spares_a_living_active),
                cmocka_unit_test(changed_delay_counts_from_the_same_start),
                cmocka_unit_test(effective_priority_stays_when_the_configured_one_does),
                cmocka_unit_test(useless_events_change_nothing),
                cmocka_unit_test(names_are_those_of_the_contract),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
