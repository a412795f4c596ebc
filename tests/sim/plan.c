/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Draws a group, its LAN and a list of faults from the seed. */
#include "tests/sim/plan.h"

static void add(struct plan *plan, int64_t at, enum fault_type type, int node, int64_t a)
{
        int i = plan->n;

        if (plan->n == PLAN_FAULTS_MAX)
                return;
        for (; i > 0 && plan->faults[i - 1].at > at; i--)
                plan->faults[i] = plan->faults[i - 1];
        plan->faults[i] = (struct fault){at, type, node, a};
        plan->n++;
}

uint8_t plan_priority(struct sim_random *r)
{
        static const uint8_t likely[] = {1, 2, 50, 99, 100, 100, 101, 150, 253, 254};

        if (sim_chance(r, 600))
                return likely[sim_between(r, 0, sizeof(likely) - 1)];
        return (uint8_t)sim_between(r, 1, 254);
}

static int64_t draw_interval(struct sim_random *r, bool v2)
{
        static const int64_t v3_cs[] = {1, 2, 10, 10, 100, 100, 100, 4095};
        static const int64_t v2_s[] = {1, 1, 2, 10, 255};

        if (v2)
                return v2_s[sim_between(r, 0, 4)] * US_PER_S;
        return v3_cs[sim_between(r, 0, 7)] * US_PER_CS;
}

int64_t plan_delay(struct sim_random *r, int64_t interval_us)
{
        return sim_chance(r, 500) ? 0 : sim_between(r, 0, 15 * interval_us);
}

static void draw_nodes(struct sim_world *w)
{
        struct sim_random *r = &w->random;
        bool v2 = sim_chance(r, 250);
        int64_t interval_us = draw_interval(r, v2);
        bool mixed_intervals = !v2 && sim_chance(r, 200);
        bool mixed_preempt = sim_chance(r, 300);
        bool equal = sim_chance(r, 150);
        bool delays = sim_chance(r, 300);
        bool preempt = sim_chance(r, 500);
        uint8_t priority = plan_priority(r);

        w->n = (int)sim_between(r, 2, SIM_NODES_MAX);
        for (int i = 0; i < w->n; i++) {
                struct sim_node *n = &w->node[i];

                n->id = i;
                /* distinct, in no order of the ids */
                n->address = (uint32_t)((sim_draw(r) << 3) | (unsigned)i);
                n->eligible = true;
                n->fire_at = INT64_MAX;
                n->config = (struct election_config){
                        .priority = equal ? priority : plan_priority(r),
                        .interval_us = interval_us,
                        .v2 = v2,
                        .preempt = mixed_preempt ? sim_chance(r, 500) : preempt,
                };
                if (mixed_intervals)
                        n->config.interval_us = interval_us * sim_between(r, 1, 6);
                if (n->config.interval_us > 4095 * US_PER_CS && !v2)
                        n->config.interval_us = 4095 * US_PER_CS;
                if (delays)
                        n->config.preempt_delay_us = plan_delay(r, interval_us);
        }
        if (sim_chance(r, 150))
                w->node[sim_between(r, 0, w->n - 1)].config.priority = ELECTION_PRIORITY_OWNER;
        w->shell = sim_chance(r, 500) ? SIM_SHELL_PLAIN : SIM_SHELL_OWNER_DEAF;
}

static void draw_network(struct sim_world *w)
{
        static const int64_t parts[] = {1000, 100, 20, 4}; /* of an interval: the delivery */
        struct sim_random *r = &w->random;

        w->interval_max_us = 0;
        w->interval_min_us = INT64_MAX;
        for (int i = 0; i < w->n; i++) {
                int64_t us = w->node[i].config.interval_us;

                if (us > w->interval_max_us)
                        w->interval_max_us = us;
                if (us < w->interval_min_us)
                        w->interval_min_us = us;
        }
        w->delay_max_us = w->interval_min_us / parts[sim_between(r, 0, 3)];
        w->delay_min_us = w->delay_max_us / sim_between(r, 1, 10);
        w->late_max_us = w->interval_min_us / (sim_chance(r, 700) ? 1000 : 10);
        w->twice_permille = sim_chance(r, 300) ? (int)sim_between(r, 1, 300) : 0;
}

static void draw_fault(struct sim_world *w, struct plan *plan, int64_t at)
{
        struct sim_random *r = &w->random;
        int64_t ends = at + sim_between(r, 0, 8 * w->interval_max_us);
        int node = sim_chance(r, 500) ? -1 : (int)sim_between(r, 0, w->n - 1);
        int other = (int)sim_between(r, 0, w->n - 1);
        enum fault_type type = (enum fault_type)sim_between(r, 0, FAULT_TYPES - 1);

        switch (type) {
        case FAULT_CRASH:
        case FAULT_STOP:
        case FAULT_BOOT:
                add(plan, at, type == FAULT_BOOT ? FAULT_CRASH : type, node, sim_between(r, 0, 1));
                if (sim_chance(r, 700))
                        add(plan, ends, FAULT_BOOT, -2, 0);
                break;
        case FAULT_PAUSE:
        case FAULT_FREEZE:
        case FAULT_RESUME:
                add(plan, at, type == FAULT_RESUME ? FAULT_FREEZE : type, node, 0);
                add(plan, ends, FAULT_RESUME, -2, 0);
                break;
        case FAULT_CUT:
        case FAULT_MEND:
                add(plan, at, FAULT_CUT, node, other);
                add(plan, ends, FAULT_MEND, node, other);
                break;
        case FAULT_SPLIT:
        case FAULT_JOIN:
                add(plan, at, FAULT_SPLIT, 0, sim_between(r, 1, (1 << w->n) - 2));
                add(plan, ends, FAULT_JOIN, 0, 0);
                break;
        case FAULT_LOSS:
                add(plan, at, FAULT_LOSS, 0, sim_between(r, 10, 600));
                add(plan, ends, FAULT_LOSS, 0, 0);
                break;
        case FAULT_INELIGIBLE:
        case FAULT_ELIGIBLE:
                add(plan, at, FAULT_INELIGIBLE, node, 0);
                if (sim_chance(r, 800))
                        add(plan, ends, FAULT_ELIGIBLE, -2, 0);
                break;
        case FAULT_BURST:
        case FAULT_RESIGN:
        case FAULT_PRIORITY:
        case FAULT_RECONFIGURE:
        case FAULT_TYPES:
                add(plan, at, type == FAULT_TYPES ? FAULT_RESIGN : type, node, ends);
                break;
        }
}

void plan_faults(struct sim_world *w, struct plan *plan)
{
        struct sim_random *r = &w->random;
        int n_faults = (int)sim_between(r, 1, 8);
        bool at_once = sim_chance(r, 300);

        plan->chaos_us = sim_between(r, 5, 50) * w->interval_max_us;
        for (int i = 0; i < w->n; i++)
                add(plan, at_once ? 0 : sim_between(r, 0, 6 * w->interval_max_us), FAULT_BOOT, i,
                    0);
        for (int i = 0; i < n_faults; i++)
                draw_fault(w, plan, sim_between(r, 0, plan->chaos_us));
}

void plan_world(struct sim_world *w)
{
        draw_nodes(w);
        draw_network(w);
}
