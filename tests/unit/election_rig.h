/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_UNIT_ELECTION_RIG_H
#define TESTS_UNIT_ELECTION_RIG_H
/* One election with a clock in hand, for the tests of the core. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "vipd/core/election.h"

#define S US_PER_S
#define MS US_PER_MS

struct rig {
        struct election e;
        mono_t now;
};

static inline struct election_config rig_config(uint8_t priority)
{
        return (struct election_config){.priority = priority, .interval_us = S, .preempt = true};
}

/** A group whose better candidates wait for so long after a start. */
static inline struct election_config delayed(uint8_t priority, int64_t delay_us)
{
        struct election_config c = rig_config(priority);

        c.preempt_delay_us = delay_us;
        return c;
}

/** A group without preempt. */
static inline struct election_config sitting(uint8_t priority)
{
        struct election_config c = rig_config(priority);

        c.preempt = false;
        return c;
}

static inline struct rig rig_init(struct election_config config)
{
        struct rig r = {.now = {1000 * S}};

        election_init(&r.e, &config);
        return r;
}

static inline unsigned feed(struct rig *r, enum election_event_type type)
{
        struct election_event ev = {.type = type};

        return election_step(&r->e, r->now, &ev);
}

static inline unsigned start(struct rig *r)
{
        struct election_event ev = {.type = ELECTION_START, .eligible = true};

        return election_step(&r->e, r->now, &ev);
}

/** An advert of a sender whose address is lower than ours and whose interval is as ours. */
static inline unsigned hear(struct rig *r, uint8_t priority)
{
        struct election_event ev = {
                .type = ELECTION_ADVERT,
                .priority = priority,
                .interval_us = r->e.config.interval_us,
                .address_order = -1,
        };

        return election_step(&r->e, r->now, &ev);
}

static inline unsigned hear_every(struct rig *r, uint8_t priority, int64_t interval_us)
{
        struct election_event ev = {
                .type = ELECTION_ADVERT,
                .priority = priority,
                .interval_us = interval_us,
                .address_order = -1,
        };

        return election_step(&r->e, r->now, &ev);
}

static inline unsigned hear_from(struct rig *r, uint8_t priority, int address_order)
{
        struct election_event ev = {
                .type = ELECTION_ADVERT,
                .priority = priority,
                .interval_us = r->e.config.interval_us,
                .address_order = address_order,
        };

        return election_step(&r->e, r->now, &ev);
}

static inline unsigned set_priority(struct rig *r, uint8_t priority)
{
        struct election_event ev = {.type = ELECTION_PRIORITY, .priority = priority};

        return election_step(&r->e, r->now, &ev);
}

static inline unsigned stall(struct rig *r, int64_t us)
{
        struct election_event ev = {.type = ELECTION_STALLED, .stall_us = us};

        r->now.us += us;
        return election_step(&r->e, r->now, &ev);
}

static inline void wait_us(struct rig *r, int64_t us)
{
        r->now.us += us;
}

/** Go to the deadline and feed the timer. */
static inline unsigned run_out(struct rig *r)
{
        assert_false(mono_is_never(r->e.deadline));
        r->now = election_deadline(&r->e);
        return feed(r, ELECTION_TIMER);
}

/** How far away the deadline is. */
static inline int64_t left_us(const struct rig *r)
{
        return mono_diff_us(election_deadline(&r->e), r->now);
}

static inline struct rig rig_backup(struct election_config config)
{
        struct rig r = rig_init(config);

        assert_int_equal(start(&r), 0);
        assert_int_equal(r.e.state, ELECTION_BACKUP);
        return r;
}

static inline struct rig rig_active(struct election_config config)
{
        struct rig r = rig_init(config);

        start(&r);
        if (r.e.state == ELECTION_BACKUP)
                run_out(&r);
        assert_int_equal(r.e.state, ELECTION_ACTIVE);
        return r;
}

#endif
