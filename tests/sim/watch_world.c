/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What users are promised of all nodes together, whatever the core thinks it does: at most
 * one active, soon one again, the right one, and no moves for nothing. Only what was up and
 * who could hear whom counts here.
 */
#include <inttypes.h>
#include <stddef.h>

#include "tests/sim/world.h"

static int64_t max64(int64_t a, int64_t b)
{
        return a > b ? a : b;
}

static void note(int *percent, int64_t us, int64_t limit_us)
{
        *percent = (int)max64(*percent, 100 * us / limit_us);
}

static bool serves(const struct sim_node *n)
{
        return node_runs(n) && n->addresses_up;
}

static void watch_node(struct sim_world *w, struct sim_node *n)
{
        enum election_state state = n->e.state;

        if (!n->alive)
                return;
        if (n->addresses_up != (state == ELECTION_ACTIVE))
                sim_fail(w, n, "is %s with its addresses %s", election_state_name(state),
                         n->addresses_up ? "up" : "down");
        if ((!n->eligible || n->stopped) && state != ELECTION_INIT)
                sim_fail(w, n, "is %s though %s", election_state_name(state),
                         n->stopped ? "stopped" : "not eligible");
        if (mono_is_never(election_deadline(&n->e)) != (state == ELECTION_INIT))
                sim_fail(w, n, "is %s and its timer is %s", election_state_name(state),
                         state == ELECTION_INIT ? "armed" : "not armed");
        if (node_runs(n) && state != ELECTION_INIT && w->now > n->due + w->late_max_us)
                sim_fail(w, n, "should have acted %" PRId64 " us ago", w->now - n->due);
}

/*
 * Two actives that can hear each other: the first advert of either ends it, and one comes
 * within an interval. Two that both stood still listen for two intervals first.
 */
static void watch_pair(struct sim_world *w, struct sim_node *a, struct sim_node *b)
{
        int64_t *since = &w->dual_since[a->id][b->id];
        int64_t undisturbed, limit;

        if (!serves(a) || !serves(b) || (a->stalled && b->stalled)) {
                *since = INT64_MAX;
                return;
        }
        if (*since == INT64_MAX)
                *since = w->now;
        undisturbed = max64(*since, max64(w->disturbed[a->id][b->id], w->disturbed[b->id][a->id]));
        limit = max64(a->config.interval_us, b->config.interval_us) + 2 * w->delay_max_us +
                2 * w->late_max_us;
        note(&w->counts.dual_percent, w->now - undisturbed, limit);
        if (w->now - undisturbed > limit)
                sim_fail(w, a, "and n%d are both active for %" PRId64 " us", b->id,
                         w->now - undisturbed);
}

/* Nobody serves: each one who could must within its own time. */
static void watch_gap(struct sim_world *w)
{
        for (int i = 0; i < w->n; i++) {
                if (serves(&w->node[i])) {
                        w->gap_since = INT64_MAX;
                        return;
                }
        }
        if (w->gap_since == INT64_MAX)
                w->gap_since = w->now;
        for (int i = 0; i < w->n; i++) {
                struct sim_node *n = &w->node[i];
                int64_t skew_us =
                        (256 - n->priority) * (n->config.v2 ? US_PER_S : w->interval_max_us) / 256;
                int64_t limit = 3 * w->interval_max_us + skew_us + w->delay_max_us + w->late_max_us;
                int64_t gap_us = w->now - max64(w->gap_since, n->candidate_from);

                if (!node_runs(n) || n->e.state != ELECTION_BACKUP)
                        continue;
                note(&w->counts.gap_percent, gap_us, limit);
                if (gap_us > limit)
                        sim_fail(w, n, "leaves the addresses alone for %" PRId64 " us", gap_us);
        }
}

void watch_world(struct sim_world *w)
{
        for (int i = 0; i < w->n; i++)
                watch_node(w, &w->node[i]);
        for (int i = 0; i < w->n; i++) {
                for (int j = i + 1; j < w->n; j++)
                        watch_pair(w, &w->node[i], &w->node[j]);
        }
        watch_gap(w);
}

/* Nobody who may preempt is better than the active; with none able, none is active. */
void watch_settled(struct sim_world *w)
{
        struct sim_node *active = NULL;
        int able = 0;

        for (int i = 0; i < w->n; i++) {
                struct sim_node *n = &w->node[i];

                if (n->alive && n->eligible && !n->stopped)
                        able++;
                if (!n->addresses_up)
                        continue;
                if (active)
                        sim_fail(w, n, "and n%d are both active after the quiet", active->id);
                active = n;
        }
        if (!active != !able)
                sim_fail(w, active, "%d are able, but %s is active after the quiet", able,
                         active ? "one" : "nobody");
        for (int i = 0; i < w->n && active; i++) {
                struct sim_node *n = &w->node[i];
                bool may = !n->resigned && (n->config.priority == ELECTION_PRIORITY_OWNER ||
                                            (n->config.preempt && w->now >= n->preempt_from));

                if (n->alive && n->eligible && !n->stopped && may && n->priority > active->priority)
                        sim_fail(w, n, "may preempt and is better than n%d, but waits", active->id);
        }
        w->quiet = true;
}

/*
 * An active sends once an interval; one conflict makes at most an answer to each advert of
 * each other node, twice if all come twice. Each fault may move every node once and back.
 */
void watch_end(struct sim_world *w, int64_t duration_us)
{
        uint64_t n = (uint64_t)w->n;
        uint64_t periods = (uint64_t)(duration_us / w->interval_min_us) + 1;
        uint64_t shocks = w->counts.faults + w->counts.lost + n;

        if (w->counts.sent > 2 * n * n * periods + 8 * n * n * shocks)
                sim_fail(w, NULL, "%" PRIu64 " adverts in %" PRIu64 " intervals", w->counts.sent,
                         periods);
        if (w->counts.claims > 2 * n * shocks)
                sim_fail(w, NULL, "%" PRIu64 " claims after %" PRIu64 " faults and losses",
                         w->counts.claims, shocks);
}
