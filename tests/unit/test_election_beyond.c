/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the election does beyond RFC 9568, 6.4: eligibility, delays, moves, priorities. */
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
                cmocka_unit_test(useless_events_change_nothing),
                cmocka_unit_test(names_are_those_of_the_contract),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
