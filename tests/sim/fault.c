/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lets the faults of a plan happen. */
#include <stddef.h>

#include "tests/sim/plan.h"

static struct sim_node *some_active(struct sim_world *w)
{
        for (int i = 0; i < w->n; i++) {
                if (node_runs(&w->node[i]) && w->node[i].addresses_up)
                        return &w->node[i];
        }
        return NULL;
}

/* Whom the fault meets: a node, the active (-1), or the first it can be undone for (-2). */
static struct sim_node *meet(struct sim_world *w, const struct fault *f)
{
        if (f->node >= 0)
                return &w->node[f->node];
        if (f->node == -1)
                return some_active(w);
        for (int i = 0; i < w->n; i++) {
                struct sim_node *n = &w->node[i];

                if (f->type == FAULT_BOOT     ? !n->alive
                    : f->type == FAULT_RESUME ? n->paused
                                              : n->alive && !n->paused && !n->eligible)
                        return n;
        }
        return NULL;
}

static void cut(struct sim_world *w, int from, int to, bool is_cut)
{
        sim_trace(w, NULL, "way n%d to n%d %s", from, to, is_cut ? "cut" : "mended");
        w->cut[from][to] = is_cut;
        w->disturbed[from][to] = w->now;
}

static void split(struct sim_world *w, int64_t part)
{
        for (int i = 0; i < w->n; i++) {
                for (int j = 0; j < w->n; j++)
                        if (i != j && w->cut[i][j] != ((part >> i & 1) != (part >> j & 1)))
                                cut(w, i, j, !w->cut[i][j]);
        }
}

static void reconfigure(struct sim_world *w, struct sim_node *n)
{
        struct sim_random *r = &w->random;
        struct election_config c = n->config;

        if (sim_chance(r, 400))
                c.preempt = !c.preempt;
        if (sim_chance(r, 400))
                c.preempt_delay_us = plan_delay(r, w->interval_max_us);
        if (c.priority != ELECTION_PRIORITY_OWNER && sim_chance(r, 400))
                c.priority = plan_priority(r);
        if (!c.v2 && sim_chance(r, 400))
                c.interval_us = sim_between(r, w->interval_min_us, w->interval_max_us);
        node_reconfigure(w, n, &c);
}

static void set_eligible(struct sim_world *w, struct sim_node *n, bool eligible)
{
        if (n->eligible == eligible)
                return;
        n->eligible = eligible;
        node_feed_type(w, n, eligible ? ELECTION_ELIGIBLE : ELECTION_INELIGIBLE);
}

/* What a node that runs can meet. */
static void happen_to(struct sim_world *w, struct sim_node *n, const struct fault *f)
{
        switch (f->type) {
        case FAULT_CRASH:
                node_crash(w, n);
                break;
        case FAULT_STOP:
                node_stop(w, n);
                if (f->a)
                        node_crash(w, n);
                break;
        case FAULT_PAUSE:
        case FAULT_FREEZE:
                node_pause(w, n, f->type == FAULT_FREEZE);
                break;
        case FAULT_RESIGN:
                node_feed_type(w, n, ELECTION_RESIGN);
                break;
        case FAULT_INELIGIBLE:
        case FAULT_ELIGIBLE:
                set_eligible(w, n, f->type == FAULT_ELIGIBLE);
                break;
        case FAULT_PRIORITY:
                node_feed(w, n,
                          &(struct election_event){.type = ELECTION_PRIORITY,
                                                   .priority = plan_priority(&w->random)});
                break;
        case FAULT_RECONFIGURE:
                reconfigure(w, n);
                break;
        case FAULT_BOOT:
        case FAULT_RESUME:
        case FAULT_CUT:
        case FAULT_MEND:
        case FAULT_SPLIT:
        case FAULT_JOIN:
        case FAULT_LOSS:
        case FAULT_BURST:
        case FAULT_TYPES:
                break;
        }
}

void fault_happen(struct sim_world *w, const struct fault *f)
{
        struct sim_node *n = meet(w, f);

        w->counts.faults++;
        if (f->type == FAULT_SPLIT) {
                split(w, f->a);
        } else if (f->type == FAULT_JOIN) {
                split(w, 0);
        } else if (f->type == FAULT_LOSS) {
                w->loss_permille = (int)f->a;
        } else if (f->type == FAULT_BURST) {
                w->burst_until = f->a;
        } else if (!n) {
                return;
        } else if (f->type == FAULT_CUT || f->type == FAULT_MEND) {
                if (n->id != f->a)
                        cut(w, n->id, (int)f->a, f->type == FAULT_CUT);
        } else if (f->type == FAULT_BOOT) {
                if (!n->alive)
                        node_boot(w, n);
                else if (n->stopped && !n->paused)
                        node_start(w, n);
        } else if (f->type == FAULT_RESUME) {
                if (n->paused)
                        node_resume(w, n);
        } else if (node_runs(n)) {
                happen_to(w, n, f);
        }
}

void fault_quiet(struct sim_world *w)
{
        sim_trace(w, NULL, "quiet from here on");
        split(w, 0);
        w->loss_permille = 0;
        w->burst_until = 0;
        for (int i = 0; i < w->n; i++) {
                struct sim_node *n = &w->node[i];

                if (n->paused)
                        node_resume(w, n);
                if (!n->alive && sim_chance(&w->random, 500))
                        node_boot(w, n);
                if (n->alive && !n->eligible && sim_chance(&w->random, 500))
                        set_eligible(w, n, true);
        }
}
