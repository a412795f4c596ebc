/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any sequence of events, seven bytes each, on one election: the actions always fit the
 * change of state, the timer is armed when it must be and never out of reach, and what a
 * peer says never becomes a value the core cannot compute with.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "vipd/core/election.h"

struct bytes {
        const uint8_t *at;
        size_t left;
};

static uint8_t take(struct bytes *b)
{
        if (!b->left)
                return 0;
        b->left--;
        return *b->at++;
}

static uint16_t take16(struct bytes *b)
{
        uint8_t high = take(b);

        return (uint16_t)(high << 8 | take(b));
}

static void must(bool holds)
{
        if (!holds)
                abort();
}

static struct election_config take_config(struct bytes *b)
{
        uint8_t flags = take(b);
        uint8_t priority = take(b);

        return (struct election_config){
                .priority = priority ? priority : 1,
                .interval_us = ((flags & 4) ? 1 : 3890) * (take16(b) + INT64_C(1)),
                .v2 = flags & 1,
                .preempt = flags & 2,
                .preempt_delay_us = (flags & 8) ? take16(b) * US_PER_CS : 0,
        };
}

/* Intervals from peers are any number at all: eight bytes made of three. */
static struct election_event take_event(struct bytes *b)
{
        struct election_event ev = {.type = (enum election_event_type)(take(b) % 9)};

        ev.priority = take(b);
        ev.eligible = ev.priority & 1;
        ev.interval_us = (int64_t)((uint64_t)take16(b) << (take(b) % 64));
        ev.address_order = (int)(ev.interval_us % 3) - 1;
        ev.stall_us = ev.interval_us > 0 ? ev.interval_us : 0;
        if (ev.type == ELECTION_PRIORITY)
                ev.priority = (uint8_t)(ev.priority % 254 + 1);
        return ev;
}

static unsigned fitting_actions(enum election_state from, enum election_state to, bool resign)
{
        const unsigned leave = ELECTION_DO_RELEASE | ELECTION_DO_UNCLAIM;

        if (to == ELECTION_ACTIVE)
                return ELECTION_DO_SEND |
                       (from == ELECTION_ACTIVE ? ELECTION_DO_ANNOUNCE : ELECTION_DO_CLAIM);
        if (from != ELECTION_ACTIVE)
                return 0;
        return to == ELECTION_INIT || resign ? leave : ELECTION_DO_UNCLAIM;
}

static void check(const struct election *e, enum election_state before, unsigned actions,
                  bool resign, mono_t now, bool *up)
{
        unsigned fitting = fitting_actions(before, e->state, resign);
        int64_t ahead_us = mono_diff_us(election_deadline(e), now);

        must(!(actions & ~fitting));
        if (before != e->state)
                must(actions == fitting);
        if (actions & ELECTION_DO_CLAIM)
                *up = true;
        if (actions & ELECTION_DO_UNCLAIM)
                *up = false;
        must(*up == (e->state == ELECTION_ACTIVE));
        must(mono_is_never(election_deadline(e)) == (e->state == ELECTION_INIT));
        must(e->state == ELECTION_INIT || ahead_us <= 4 * ELECTION_INTERVAL_MAX_US);
        must(e->state == ELECTION_INIT || (e->started && e->eligible));
        must(e->priority > 0);
        must(e->active_interval_us > 0 && e->active_interval_us <= ELECTION_INTERVAL_MAX_US);
        must(election_skew_us(e) >= 0 && election_skew_us(e) < election_down_us(e));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct bytes b = {data, size};
        struct election_config config = take_config(&b);
        mono_t now = {US_PER_S};
        struct election e;
        bool up = false;

        election_init(&e, &config);
        while (b.left) {
                uint16_t wait = take16(&b);
                enum election_state before = e.state;
                unsigned actions;

                now.us += wait & 1 ? (wait >> 1) * US_PER_MS : wait >> 1;
                if (wait % 17 == 3) {
                        config = take_config(&b);
                        actions = election_reconfigure(&e, now, &config);
                        must(e.state == before);
                        check(&e, before, actions, false, now, &up);
                } else {
                        struct election_event ev = take_event(&b);

                        actions = election_step(&e, now, &ev);
                        check(&e, before, actions, ev.type == ELECTION_RESIGN, now, &up);
                        if (ev.type == ELECTION_TIMER)
                                must(!mono_reached(election_deadline(&e), now));
                }
        }
        return 0;
}
