/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The election of one virtual router: RFC 9568, section 6.4, event by event.
 *
 *            START, ELIGIBLE              timer, no better active
 *     INIT ------------------> BACKUP ---------------------------> ACTIVE
 *      ^  \                      |  ^                               |  |
 *      |   `--- owner (255) -----|--|------------------------------>'  |
 *      |                         |  `-- better active heard, RESIGN ---|
 *      `------ STOP, INELIGIBLE -+-------------------------------------'
 *
 * There is one timer. In BACKUP it is the RFC's Active_Down_Timer: each advert of an
 * active that we accept winds it up again, and when it runs out nobody is there, or only
 * somebody worse whom we did not let wind it. In ACTIVE it is the Adver_Timer.
 *
 * Preemption is nothing but not listening: a backup that may preempt discards what a worse
 * active sends, so its timer runs out and it takes over. Whether it may is asked at each
 * advert. So when a preempt_delay ends nothing has to happen at that instant: the last
 * worse advert before the end has wound the timer once more, those after it are discarded,
 * and the takeover comes at most one Active_Down_Interval after the end of the delay. The
 * same holds for an operator's resignation, which is forgotten on a restart or reload, and
 * for a priority that rises above that of the active.
 *
 * A loop that stood still makes both sides of this unsafe. A backup mistakes its own
 * deafness for silence; it listens for one interval more, once per silence, so that a node
 * that keeps stalling still takes over in bounded time. An active may find that somebody
 * took over meanwhile. Where preemption is the rule the better one wins as always. Where it
 * is not, the stalled node is the newcomer: it yields to whoever it hears before it sends
 * again. If it was silent for so long that every backup must have timed out (the down
 * interval of priority 1 is less than four intervals), its next advert can wait without
 * harm: for two intervals, in which the active that took over will be heard even if what it
 * sent meanwhile was lost (a frozen machine drops frames) and its next one is delayed.
 *
 * The caller sends, moves addresses and reads clocks; it learns why from `cause`.
 */
#include <assert.h>
#include <stddef.h>

#include "vipd/core/election.h"

static bool is_owner(const struct election *e)
{
        return e->config.priority == ELECTION_PRIORITY_OWNER;
}

/* An owner always preempts (RFC 9568 6.1, Preempt_Mode), unless its operator sent it away. */
static bool may_preempt(const struct election *e, mono_t now)
{
        if (e->resigned)
                return false;
        return is_owner(e) || (e->config.preempt && !mono_before(now, e->preempt_from));
}

int64_t election_skew_us(const struct election *e)
{
        int64_t unit_us = e->config.v2 ? US_PER_S : e->active_interval_us;

        return (256 - e->priority) * unit_us / 256;
}

int64_t election_down_us(const struct election *e)
{
        return 3 * e->active_interval_us + election_skew_us(e);
}

mono_t election_deadline(const struct election *e)
{
        return e->deadline;
}

/* Version 2 has no learning: an advert with another interval than ours is not valid. */
static void learn_interval(struct election *e, int64_t interval_us)
{
        if (!e->config.v2 && interval_us > 0 && interval_us <= ELECTION_INTERVAL_MAX_US)
                e->active_interval_us = interval_us;
}

/* How long the timer of a backup runs when it is wound now. */
static int64_t backup_timer_us(const struct election *e)
{
        return e->released ? election_skew_us(e) : election_down_us(e);
}

/* Wind the Active_Down_Timer up. */
static void listen(struct election *e, mono_t now)
{
        e->recheck = false;
        e->preempting = false;
        e->deadline = mono_add_us(now, backup_timer_us(e));
}

/* The periodic advert, or one in its place. */
static unsigned send_and_rearm(struct election *e, mono_t now)
{
        e->recheck = false;
        e->deadline = mono_add_us(now, e->config.interval_us);
        return ELECTION_DO_SEND;
}

static bool transition_allowed(enum election_state from, enum election_state to, bool owner)
{
        switch (from) {
        case ELECTION_INIT:
                return to == ELECTION_BACKUP || (to == ELECTION_ACTIVE && owner);
        case ELECTION_BACKUP:
                return to == ELECTION_ACTIVE || to == ELECTION_INIT;
        case ELECTION_ACTIVE:
                return to == ELECTION_BACKUP || to == ELECTION_INIT;
        }
        return false;
}

/* The only writer of `state`; forgets what was true only of the state before. */
static void become(struct election *e, enum election_state state, enum election_cause cause)
{
        assert(transition_allowed(e->state, state, is_owner(e)));
        e->state = state;
        e->cause = cause;
        e->active_interval_us = e->config.interval_us;
        e->deadline = MONO_NEVER;
        e->recheck = false;
        e->released = false;
        e->preempting = false;
        e->active_heard = false;
        e->active_priority = 0;
}

static unsigned become_init(struct election *e, enum election_cause cause)
{
        bool was_active = e->state == ELECTION_ACTIVE;

        become(e, ELECTION_INIT, cause);
        e->resigned = false;
        return was_active ? ELECTION_DO_RELEASE | ELECTION_DO_UNCLAIM : 0;
}

static unsigned become_active(struct election *e, mono_t now, enum election_cause cause)
{
        become(e, ELECTION_ACTIVE, cause);
        e->resigned = false;
        return ELECTION_DO_CLAIM | send_and_rearm(e, now);
}

/* RFC 9568 6.4.1 (100) to (160). The preempt delay counts from here. */
static unsigned leave_init(struct election *e, mono_t now)
{
        e->preempt_from = mono_add_us(now, e->config.preempt_delay_us);
        if (is_owner(e))
                return become_active(e, now, ELECTION_CAUSE_START);
        become(e, ELECTION_BACKUP, ELECTION_CAUSE_START);
        listen(e, now);
        return 0;
}

static unsigned init_step(struct election *e, mono_t now, const struct election_event *ev)
{
        switch (ev->type) {
        case ELECTION_START:
                e->started = true;
                e->eligible = ev->eligible;
                return e->eligible ? leave_init(e, now) : 0;
        case ELECTION_ELIGIBLE:
                e->eligible = true;
                return e->started ? leave_init(e, now) : 0;
        case ELECTION_INELIGIBLE:
                e->eligible = false;
                return 0;
        case ELECTION_STOP:
                e->started = false;
                return 0;
        case ELECTION_PRIORITY:
                e->priority = ev->priority;
                return 0;
        case ELECTION_ADVERT:
        case ELECTION_TIMER:
        case ELECTION_RESIGN:
        case ELECTION_STALLED:
                return 0;
        }
        return 0;
}

/* Whether a worse active is not let to hold our timer; equal ones do (RFC 9568 6.4.2). */
static bool discards(const struct election *e, mono_t now, uint8_t priority)
{
        return priority < e->priority && may_preempt(e, now);
}

/* RFC 9568 6.4.2 (420) to (480). */
static unsigned backup_advert(struct election *e, mono_t now, const struct election_event *ev)
{
        e->released = ev->priority == 0;
        e->active_heard = !e->released;
        e->active_priority = ev->priority;
        if (e->released) {
                listen(e, now);
                return 0;
        }
        if (discards(e, now, ev->priority)) {
                e->preempting = true; /* discarded: the timer runs on */
                return 0;
        }
        learn_interval(e, ev->interval_us);
        listen(e, now);
        return 0;
}

static unsigned backup_timer(struct election *e, mono_t now)
{
        if (!mono_reached(e->deadline, now))
                return 0;
        if (e->preempting)
                return become_active(e, now, ELECTION_CAUSE_PREEMPT);
        return become_active(e, now,
                             e->released ? ELECTION_CAUSE_RESIGN : ELECTION_CAUSE_ADVERT_TIMEOUT);
}

/* Once per silence, or a node that keeps stalling would never take over. */
static void backup_stalled(struct election *e, mono_t now, int64_t stall_us)
{
        mono_t hear_until = mono_add_us(now, e->active_interval_us + election_skew_us(e));

        e->stall_us = stall_us;
        if (e->recheck || stall_us < e->active_interval_us || !mono_before(e->deadline, hear_until))
                return;
        e->recheck = true;
        e->deadline = hear_until;
}

/*
 * A timer that runs is as long as it would be, had it been wound with the new values. One
 * that ran on in spite of adverts which now count is wound again: that active is alive.
 */
static void backup_retime(struct election *e, mono_t now, int64_t old_timer_us)
{
        mono_t moved = mono_add_us(e->deadline, backup_timer_us(e) - old_timer_us);

        if (e->preempting && !discards(e, now, e->active_priority)) {
                listen(e, now);
                return;
        }
        e->deadline = mono_before(moved, now) ? now : moved;
}

static unsigned backup_step(struct election *e, mono_t now, const struct election_event *ev)
{
        int64_t timer_us = backup_timer_us(e);

        switch (ev->type) {
        case ELECTION_ADVERT:
                return backup_advert(e, now, ev);
        case ELECTION_TIMER:
                return backup_timer(e, now);
        case ELECTION_STOP:
                e->started = false;
                return become_init(e, ELECTION_CAUSE_STOP);
        case ELECTION_INELIGIBLE:
                e->eligible = false;
                return become_init(e, ELECTION_CAUSE_FAULT);
        case ELECTION_PRIORITY:
                e->priority = ev->priority;
                backup_retime(e, now, timer_us);
                return 0;
        case ELECTION_STALLED:
                backup_stalled(e, now, ev->stall_us);
                return 0;
        case ELECTION_START:
        case ELECTION_ELIGIBLE:
        case ELECTION_RESIGN:
                return 0;
        }
        return 0;
}

/* RFC 9568 6.4.3, the yielding branch. */
static unsigned yield(struct election *e, mono_t now, const struct election_event *ev,
                      enum election_cause cause)
{
        become(e, ELECTION_BACKUP, cause);
        e->active_heard = true;
        e->active_priority = ev->priority;
        learn_interval(e, ev->interval_us);
        listen(e, now);
        return ELECTION_DO_UNCLAIM;
}

/*
 * There is something to say before the timer says it. But who listens after a stall keeps
 * quiet: a release that waited in the socket is old news, and its sender's heir may be next.
 */
static unsigned active_tell(struct election *e, mono_t now)
{
        return e->recheck ? 0 : send_and_rearm(e, now);
}

/*
 * RFC 9568 6.4.3 (700) to (780). A better one preempts where that is the rule; else two
 * actives have met, after a partition or a stall.
 */
static unsigned active_advert(struct election *e, mono_t now, const struct election_event *ev)
{
        bool preempts = e->config.preempt || ev->priority == ELECTION_PRIORITY_OWNER;

        if (ev->priority == 0)
                return active_tell(e, now);
        if (e->recheck)
                return yield(e, now, ev, ELECTION_CAUSE_STALL);
        if (ev->priority > e->priority)
                return yield(e, now, ev,
                             preempts ? ELECTION_CAUSE_PREEMPT : ELECTION_CAUSE_CONFLICT);
        if (ev->priority == e->priority && ev->address_order == 0)
                return 0;
        if (ev->priority == e->priority && ev->address_order > 0)
                return yield(e, now, ev, ELECTION_CAUSE_CONFLICT);
        return ELECTION_DO_SEND | ELECTION_DO_ANNOUNCE; /* the Adver_Timer is left alone */
}

static unsigned active_timer(struct election *e, mono_t now)
{
        return mono_reached(e->deadline, now) ? send_and_rearm(e, now) : 0;
}

/*
 * Only a stall that made an advert late can have let somebody else take over. One that comes
 * while we listen after another makes us listen anew: we may have missed what we wait for.
 */
static void active_stalled(struct election *e, mono_t now, int64_t stall_us)
{
        mono_t all_timed_out = mono_add_us(e->deadline, 3 * e->config.interval_us);
        bool again = e->recheck && stall_us >= e->config.interval_us;

        e->stall_us = stall_us;
        if (may_preempt(e, now) || (!again && !mono_reached(e->deadline, now)))
                return;
        e->recheck = true;
        if (again || mono_reached(all_timed_out, now))
                e->deadline = mono_add_us(now, 2 * e->config.interval_us);
}

static unsigned active_resign(struct election *e, mono_t now)
{
        become(e, ELECTION_BACKUP, ELECTION_CAUSE_OPERATOR);
        e->resigned = true;
        listen(e, now);
        return ELECTION_DO_RELEASE | ELECTION_DO_UNCLAIM;
}

static unsigned active_step(struct election *e, mono_t now, const struct election_event *ev)
{
        switch (ev->type) {
        case ELECTION_ADVERT:
                return active_advert(e, now, ev);
        case ELECTION_TIMER:
                return active_timer(e, now);
        case ELECTION_STOP:
                e->started = false;
                return become_init(e, ELECTION_CAUSE_STOP);
        case ELECTION_INELIGIBLE:
                e->eligible = false;
                return become_init(e, ELECTION_CAUSE_FAULT);
        case ELECTION_PRIORITY:
                e->priority = ev->priority;
                return active_tell(e, now);
        case ELECTION_RESIGN:
                return active_resign(e, now);
        case ELECTION_STALLED:
                active_stalled(e, now, ev->stall_us);
                return 0;
        case ELECTION_START:
        case ELECTION_ELIGIBLE:
                return 0;
        }
        return 0;
}

unsigned election_step(struct election *e, mono_t now, const struct election_event *ev)
{
        if (ev->type == ELECTION_PRIORITY) {
                if (is_owner(e) || ev->priority == e->priority)
                        return 0;
                assert(ev->priority > 0 && ev->priority < ELECTION_PRIORITY_OWNER);
        }
        switch (e->state) {
        case ELECTION_INIT:
                return init_step(e, now, ev);
        case ELECTION_BACKUP:
                return backup_step(e, now, ev);
        case ELECTION_ACTIVE:
                return active_step(e, now, ev);
        }
        return 0;
}

static void assert_valid(const struct election_config *c)
{
        assert(c->priority > 0);
        assert(c->interval_us > 0 && c->interval_us <= ELECTION_INTERVAL_MAX_US);
        assert(c->preempt_delay_us >= 0);
}

void election_init(struct election *e, const struct election_config *config)
{
        assert_valid(config);
        *e = (struct election){
                .config = *config,
                .state = ELECTION_INIT,
                .cause = ELECTION_CAUSE_NONE,
                .priority = config->priority,
                .active_interval_us = config->interval_us,
                .deadline = MONO_NEVER,
        };
}

unsigned election_reconfigure(struct election *e, mono_t now, const struct election_config *config)
{
        struct election_config old = e->config;
        int64_t timer_us = backup_timer_us(e);
        bool learned = e->state == ELECTION_BACKUP && e->active_heard && !config->v2;

        assert_valid(config);
        e->config = *config;
        e->resigned = false;
        if (config->priority != old.priority)
                e->priority = config->priority;
        if (!learned)
                e->active_interval_us = config->interval_us;
        e->preempt_from =
                mono_add_us(e->preempt_from, config->preempt_delay_us - old.preempt_delay_us);

        switch (e->state) {
        case ELECTION_INIT:
                return 0;
        case ELECTION_BACKUP:
                backup_retime(e, now, timer_us);
                return 0;
        case ELECTION_ACTIVE:
                if (config->priority == old.priority && config->interval_us == old.interval_us &&
                    config->v2 == old.v2)
                        return 0;
                return active_tell(e, now);
        }
        return 0;
}
