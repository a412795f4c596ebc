/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A changed configuration: no move, and every timer as if it had been so before. */
#include "tests/unit/election_rig.h"

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

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reconfiguration_never_moves),
                cmocka_unit_test(active_sends_at_once_after_a_new_interval_priority_or_version),
                cmocka_unit_test(timer_of_a_backup_goes_on_with_the_new_interval),
                cmocka_unit_test(learned_interval_outlives_a_reload),
                cmocka_unit_test(learned_interval_ends_with_version_3),
                cmocka_unit_test(preempt_switched_off_spares_a_living_active),
                cmocka_unit_test(changed_delay_counts_from_the_same_start),
                cmocka_unit_test(effective_priority_stays_when_the_configured_one_does),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
