/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each step of a node must do: a second statement of RFC 9568 6.4 and of what
 * election.h adds to it, written apart from the core and compared with it after each event:
 * the state, the cause, the actions, and to the microsecond the deadline. Where the exact
 * deadline is the core's own affair (after a stall or a change of priority) it must not be
 * later than a bound.
 */
#include <inttypes.h>

#include "tests/sim/world.h"

/* What a node was expected to do. */
struct want {
        enum election_state state;
        enum election_cause cause; /* looked at when the state changed */
        unsigned actions;
};

static int64_t skew_us(const struct sim_node *n, int64_t interval_us)
{
        return (256 - n->priority) * (n->config.v2 ? US_PER_S : interval_us) / 256;
}

static int64_t down_us(const struct sim_node *n, int64_t interval_us)
{
        return 3 * interval_us + skew_us(n, interval_us);
}

static bool owns(const struct sim_node *n)
{
        return n->config.priority == ELECTION_PRIORITY_OWNER;
}

static bool preempts(const struct sim_world *w, const struct sim_node *n)
{
        return !n->resigned && (owns(n) || (n->config.preempt && w->now >= n->preempt_from));
}

/* From here on the node may wait for an active for so long, and must not act before. */
static void wait_for_active(struct sim_world *w, struct sim_node *n)
{
        n->discarded = false;
        n->listens_on = false;
        n->due_exact = true;
        n->due = w->now + (n->released ? skew_us(n, n->heard_interval_us)
                                       : down_us(n, n->heard_interval_us));
}

static void wait_to_send(struct sim_world *w, struct sim_node *n)
{
        n->stalled = false;
        n->due_exact = true;
        n->due = w->now + n->config.interval_us;
}

/* Not before now, and not later than the longest wait there is. */
static void wait_at_most(struct sim_world *w, struct sim_node *n)
{
        int64_t latest = w->now + down_us(n, w->interval_max_us);

        n->due_exact = false;
        n->candidate_from = w->now;
        if (n->due < latest)
                n->due = latest;
}

/* An active that was discarded may count after a change; then it is waited for. */
static void reconsider(struct sim_world *w, struct sim_node *n)
{
        if (n->heard_priority >= n->priority || !preempts(w, n))
                n->discarded = false;
}

static void heard_active(struct sim_world *w, struct sim_node *n, const struct election_event *ev)
{
        n->heard = true;
        n->released = false;
        if (!n->config.v2)
                n->heard_interval_us = ev->interval_us;
        wait_for_active(w, n);
}

static void enter(struct sim_world *w, struct sim_node *n, enum election_state state)
{
        n->heard = false;
        n->released = false;
        n->discarded = false;
        n->stalled = false;
        n->heard_interval_us = n->config.interval_us;
        switch (state) {
        case ELECTION_INIT:
                n->resigned = false;
                n->due = INT64_MAX;
                n->due_exact = true;
                break;
        case ELECTION_BACKUP:
                n->candidate_from = w->now;
                wait_for_active(w, n);
                break;
        case ELECTION_ACTIVE:
                n->resigned = false;
                n->active_since = w->now;
                n->resumed_at = SIM_LONG_AGO;
                n->was_away = false;
                wait_to_send(w, n);
                break;
        }
}

void watch_boot(struct sim_world *w, struct sim_node *n)
{
        n->priority = n->config.priority;
        n->resumed_at = SIM_LONG_AGO;
        enter(w, n, ELECTION_INIT);
}

/* A node that is not allowed to preempt and was away for long must not displace anybody. */
void watch_resume(struct sim_world *w, struct sim_node *n, int64_t stall_us)
{
        n->was_away = n->addresses_up;
        if (n->addresses_up)
                w->gap_since = INT64_MAX; /* it serves, if only until it has heard the news */
        if (n->e.state == ELECTION_ACTIVE && !preempts(w, n) &&
            stall_us >= 4 * n->config.interval_us)
                n->resumed_at = w->now;
}

/* --- what each event should bring ------------------------------------------------- */

static struct want stay(const struct sim_node *n, enum election_state state, unsigned actions)
{
        return (struct want){.state = state, .actions = actions};
}

static struct want go(struct sim_world *w, struct sim_node *n, enum election_state state,
                      enum election_cause cause, unsigned actions)
{
        enter(w, n, state);
        return (struct want){.state = state, .cause = cause, .actions = actions};
}

static struct want want_leave_init(struct sim_world *w, struct sim_node *n)
{
        n->preempt_from = w->now + n->config.preempt_delay_us;
        if (owns(n))
                return go(w, n, ELECTION_ACTIVE, ELECTION_CAUSE_START,
                          ELECTION_DO_SEND | ELECTION_DO_CLAIM);
        return go(w, n, ELECTION_BACKUP, ELECTION_CAUSE_START, 0);
}

static struct want want_of_init(struct sim_world *w, struct sim_node *n,
                                const struct election_event *ev)
{
        if (ev->type == ELECTION_PRIORITY && !owns(n))
                n->priority = ev->priority;
        if ((ev->type == ELECTION_START || ev->type == ELECTION_ELIGIBLE) && n->eligible &&
            !n->stopped)
                return want_leave_init(w, n);
        return stay(n, ELECTION_INIT, 0);
}

static void backup_hears(struct sim_world *w, struct sim_node *n, const struct election_event *ev)
{
        n->heard_priority = ev->priority;
        if (ev->priority == 0) {
                n->heard = false;
                n->released = true;
                wait_for_active(w, n);
        } else if (ev->priority >= n->priority || !preempts(w, n)) {
                heard_active(w, n, ev);
        } else {
                n->heard = true;
                n->released = false;
                n->discarded = true; /* waits on as before */
        }
}

/*
 * The node gives up waiting. If it says that nobody was there, nobody may have been: an
 * active that was well and heard for two of its intervals must have kept it quiet. (Not one
 * that is slower than what the node learned from another in between: there the RFC fails.)
 */
static struct want want_takeover(struct sim_world *w, struct sim_node *n)
{
        enum election_cause cause = n->discarded  ? ELECTION_CAUSE_PREEMPT
                                    : n->released ? ELECTION_CAUSE_RESIGN
                                                  : ELECTION_CAUSE_ADVERT_TIMEOUT;

        if (cause == ELECTION_CAUSE_PREEMPT && !preempts(w, n))
                sim_fail(w, n, "preempts though it may not");
        for (int i = 0; i < w->n && cause == ELECTION_CAUSE_ADVERT_TIMEOUT; i++) {
                const struct sim_node *a = &w->node[i];
                int64_t well = w->now - 2 * a->config.interval_us - 2 * w->delay_max_us -
                               2 * w->late_max_us;

                if (a != n && a->addresses_up && node_runs(a) &&
                    a->config.interval_us <= n->heard_interval_us && a->active_since < well &&
                    n->candidate_from < well && w->disturbed[i][n->id] < well)
                        sim_fail(w, n, "takes n%d for dead, which is active and well", i);
        }
        return go(w, n, ELECTION_ACTIVE, cause, ELECTION_DO_SEND | ELECTION_DO_CLAIM);
}

/* Who was deaf for an interval listens for one, but once in a silence. */
static void backup_stalls(struct sim_world *w, struct sim_node *n, int64_t stall_us)
{
        int64_t until = w->now + n->heard_interval_us + skew_us(n, n->heard_interval_us);

        n->candidate_from = w->now;
        if (n->listens_on || stall_us < n->heard_interval_us || n->due >= until)
                return;
        n->listens_on = n->due_exact;
        n->due = until;
}

static struct want want_of_backup(struct sim_world *w, struct sim_node *n,
                                  const struct election_event *ev)
{
        switch (ev->type) {
        case ELECTION_ADVERT:
                backup_hears(w, n, ev);
                break;
        case ELECTION_TIMER:
                if (n->due_exact ? w->now >= n->due : n->e.state == ELECTION_ACTIVE)
                        return want_takeover(w, n);
                break;
        case ELECTION_STOP:
                return go(w, n, ELECTION_INIT, ELECTION_CAUSE_STOP, 0);
        case ELECTION_INELIGIBLE:
                return go(w, n, ELECTION_INIT, ELECTION_CAUSE_FAULT, 0);
        case ELECTION_PRIORITY:
                if (!owns(n) && ev->priority != n->priority) {
                        n->priority = ev->priority;
                        wait_at_most(w, n);
                        reconsider(w, n);
                }
                break;
        case ELECTION_STALLED:
                backup_stalls(w, n, ev->stall_us);
                break;
        case ELECTION_START:
        case ELECTION_ELIGIBLE:
        case ELECTION_RESIGN:
                break;
        }
        return stay(n, ELECTION_BACKUP, 0);
}

/*
 * The other was silent for long, so somebody had taken over: why is this one displaced?
 * (Unless it was away as well: two that both listened decide as any two actives do.)
 */
static void check_displaced(struct sim_world *w, struct sim_node *n, const struct sim_packet *p)
{
        const struct sim_node *by = &w->node[p->from];
        int64_t heard_within = n->config.interval_us + w->delay_max_us + w->late_max_us;

        if (by->resumed_at == SIM_LONG_AGO || n->was_away || by->active_since >= by->resumed_at)
                return;
        if (n->active_since < by->resumed_at && w->disturbed[n->id][by->id] <= by->resumed_at &&
            heard_within < 2 * by->config.interval_us)
                sim_fail(w, n, "displaced by n%d, which was away and may not preempt", by->id);
}

static struct want want_yield(struct sim_world *w, struct sim_node *n,
                              const struct election_event *ev, const struct sim_packet *p)
{
        bool preempted = ev->priority > n->priority &&
                         (n->config.preempt || ev->priority == ELECTION_PRIORITY_OWNER);
        enum election_cause cause = n->stalled  ? ELECTION_CAUSE_STALL
                                    : preempted ? ELECTION_CAUSE_PREEMPT
                                                : ELECTION_CAUSE_CONFLICT;

        if (cause != ELECTION_CAUSE_STALL)
                check_displaced(w, n, p);
        enter(w, n, ELECTION_BACKUP);
        heard_active(w, n, ev);
        return (struct want){ELECTION_BACKUP, cause, ELECTION_DO_UNCLAIM};
}

static struct want want_of_active_hearing(struct sim_world *w, struct sim_node *n,
                                          const struct election_event *ev,
                                          const struct sim_packet *p)
{
        bool better = ev->priority > n->priority ||
                      (ev->priority == n->priority && ev->address_order > 0);

        if (ev->priority == 0 && n->stalled)
                return stay(n, ELECTION_ACTIVE, 0);
        if (ev->priority == 0) {
                wait_to_send(w, n);
                return stay(n, ELECTION_ACTIVE, ELECTION_DO_SEND);
        }
        if (better || n->stalled)
                return want_yield(w, n, ev, p);
        return stay(n, ELECTION_ACTIVE, ELECTION_DO_SEND | ELECTION_DO_ANNOUNCE);
}

static void active_stalls(struct sim_world *w, struct sim_node *n, int64_t stall_us)
{
        bool again = n->stalled && stall_us >= n->config.interval_us;

        if (preempts(w, n) || (w->now < n->due && !again))
                return;
        n->stalled = true;
        if (again || w->now >= n->due + 3 * n->config.interval_us)
                n->due = w->now + 2 * n->config.interval_us;
}

static struct want want_of_active(struct sim_world *w, struct sim_node *n,
                                  const struct election_event *ev, const struct sim_packet *p)
{
        switch (ev->type) {
        case ELECTION_ADVERT:
                return want_of_active_hearing(w, n, ev, p);
        case ELECTION_TIMER:
                if (w->now < n->due)
                        break;
                wait_to_send(w, n);
                return stay(n, ELECTION_ACTIVE, ELECTION_DO_SEND);
        case ELECTION_STOP:
                return go(w, n, ELECTION_INIT, ELECTION_CAUSE_STOP,
                          ELECTION_DO_RELEASE | ELECTION_DO_UNCLAIM);
        case ELECTION_INELIGIBLE:
                return go(w, n, ELECTION_INIT, ELECTION_CAUSE_FAULT,
                          ELECTION_DO_RELEASE | ELECTION_DO_UNCLAIM);
        case ELECTION_RESIGN:
                go(w, n, ELECTION_BACKUP, ELECTION_CAUSE_OPERATOR, 0);
                n->resigned = true;
                return (struct want){ELECTION_BACKUP, ELECTION_CAUSE_OPERATOR,
                                     ELECTION_DO_RELEASE | ELECTION_DO_UNCLAIM};
        case ELECTION_PRIORITY:
                if (owns(n) || ev->priority == n->priority)
                        break;
                n->priority = ev->priority;
                if (n->stalled)
                        break;
                wait_to_send(w, n);
                return stay(n, ELECTION_ACTIVE, ELECTION_DO_SEND);
        case ELECTION_STALLED:
                active_stalls(w, n, ev->stall_us);
                break;
        case ELECTION_START:
        case ELECTION_ELIGIBLE:
                break;
        }
        return stay(n, ELECTION_ACTIVE, 0);
}

/* --- comparing ---------------------------------------------------------------------- */

static void check_deadline(struct sim_world *w, struct sim_node *n)
{
        int64_t deadline = election_deadline(&n->e).us;

        if (n->due_exact && deadline != n->due)
                sim_fail(w, n, "deadline is off by %" PRId64 " us", deadline - n->due);
        if (!n->due_exact && deadline > n->due)
                sim_fail(w, n, "deadline is %" PRId64 " us too late", deadline - n->due);
}

void watch_step(struct sim_world *w, struct sim_node *n, enum election_state before,
                const struct election_event *ev, const struct sim_packet *p, unsigned actions)
{
        struct want want = {0};

        switch (before) {
        case ELECTION_INIT:
                want = want_of_init(w, n, ev);
                break;
        case ELECTION_BACKUP:
                want = want_of_backup(w, n, ev);
                break;
        case ELECTION_ACTIVE:
                want = want_of_active(w, n, ev, p);
                break;
        }
        if (n->e.state != want.state)
                sim_fail(w, n, "is %s, should be %s", election_state_name(n->e.state),
                         election_state_name(want.state));
        else if (before != want.state && n->e.cause != want.cause)
                sim_fail(w, n, "says %s, should say %s", election_cause_name(n->e.cause),
                         election_cause_name(want.cause));
        if (actions != want.actions)
                sim_fail(w, n, "does %#x, should do %#x", actions, want.actions);
        if (w->quiet && before != n->e.state)
                sim_fail(w, n, "moves though nothing happened");
        check_deadline(w, n);
}

void watch_reconfigure(struct sim_world *w, struct sim_node *n, const struct election_config *old,
                       unsigned actions)
{
        const struct election_config *c = &n->config;
        bool speak = n->e.state == ELECTION_ACTIVE && !n->stalled &&
                     (c->priority != old->priority || c->interval_us != old->interval_us);

        n->resigned = false;
        n->preempt_from += c->preempt_delay_us - old->preempt_delay_us;
        if (c->priority != old->priority)
                n->priority = c->priority;
        if (!n->heard)
                n->heard_interval_us = c->interval_us;
        if (actions != (speak ? ELECTION_DO_SEND : 0))
                sim_fail(w, n, "does %#x when reconfigured", actions);
        if (n->e.state == ELECTION_BACKUP) {
                wait_at_most(w, n);
                reconsider(w, n);
        }
        if (speak)
                wait_to_send(w, n);
        check_deadline(w, n);
}
