/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs one seed from its plan to the quiet at the end; tells what happens. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/plan.h"

static void say(FILE *to, const struct sim_world *w, const struct sim_node *n, const char *format,
                va_list args) __attribute__((format(printf, 4, 0)));

static void say(FILE *to, const struct sim_world *w, const struct sim_node *n, const char *format,
                va_list args)
{
        fprintf(to, "%12.6f ", (double)w->now / 1e6);
        if (n)
                fprintf(to, "n%d %-6s ", n->id, election_state_name(n->e.state));
        vfprintf(to, format, args);
        fputc('\n', to);
}

void sim_trace(const struct sim_world *w, const struct sim_node *n, const char *format, ...)
{
        va_list args;

        if (!w->trace)
                return;
        va_start(args, format);
        say(stdout, w, n, format, args);
        va_end(args);
}

void sim_fail(struct sim_world *w, const struct sim_node *n, const char *format, ...)
{
        va_list args;

        if (w->failed)
                return;
        w->failed = true;
        fflush(stdout);
        fprintf(stderr, "seed %" PRIu64 " did not hold: ", w->seed);
        va_start(args, format);
        say(stderr, w, n, format, args);
        va_end(args);
}

static struct sim_node *next_to_fire(struct sim_world *w)
{
        struct sim_node *first = NULL;

        for (int i = 0; i < w->n; i++) {
                struct sim_node *n = &w->node[i];

                if (node_runs(n) && n->fire_at != INT64_MAX &&
                    (!first || n->fire_at < first->fire_at))
                        first = n;
        }
        return first;
}

/* Let time pass until `end`, or until something did not hold. */
static void run_until(struct sim_world *w, struct plan *plan, int64_t end)
{
        int64_t last = w->now;
        int standing = 0;

        while (!w->failed) {
                struct sim_node *n = next_to_fire(w);
                int64_t fire = n ? n->fire_at : INT64_MAX;
                int64_t fault = plan->next < plan->n ? plan->faults[plan->next].at : INT64_MAX;
                int64_t packet = lan_next(w);
                int64_t next = fire < packet ? fire : packet;

                next = fault < next ? fault : next;
                if (next > end)
                        break;
                w->now = next > w->now ? next : w->now;
                standing = w->now == last ? standing + 1 : 0;
                last = w->now;
                if (standing > 2000)
                        sim_fail(w, n, "time stands still: something spins");
                if (fault == next)
                        fault_happen(w, &plan->faults[plan->next++]);
                else if (packet == next)
                        lan_deliver(w);
                else
                        node_feed_type(w, n, ELECTION_TIMER);
                watch_world(w);
        }
        w->now = end;
}

/* Delays to preempt run out, then a takeover and what may follow from it. */
static int64_t settling_us(const struct sim_world *w)
{
        int64_t longest = 0;

        for (int i = 0; i < w->n; i++) {
                int64_t left = w->node[i].preempt_from - w->now;

                if (left > longest)
                        longest = left;
        }
        return longest + 12 * w->interval_max_us;
}

static void begin(struct sim_world *w, uint64_t seed, bool trace)
{
        memset(w, 0, sizeof(*w));
        w->seed = seed;
        w->random.state = seed;
        w->trace = trace;
        w->gap_since = INT64_MAX;
        for (int i = 0; i < SIM_NODES_MAX; i++) {
                for (int j = 0; j < SIM_NODES_MAX; j++)
                        w->dual_since[i][j] = INT64_MAX;
        }
        plan_world(w);
        for (int i = 0; i < w->n; i++) {
                const struct election_config *c = &w->node[i].config;

                sim_trace(w, &w->node[i],
                          "v%d priority %d, interval %" PRId64 " us, %s, delay %" PRId64
                          " us, address %" PRIu32,
                          c->v2 ? 2 : 3, c->priority, c->interval_us,
                          c->preempt ? "preempt" : "no preempt", c->preempt_delay_us,
                          w->node[i].address);
        }
}

bool sim_run(uint64_t seed, bool trace, struct sim_counts *add_to)
{
        static struct sim_world w; /* large; one run at a time */
        struct plan plan = {0};

        begin(&w, seed, trace);
        plan_faults(&w, &plan);
        run_until(&w, &plan, plan.chaos_us + 8 * w.interval_max_us);
        if (!w.failed) {
                fault_quiet(&w);
                watch_world(&w);
        }
        if (!w.failed)
                run_until(&w, &plan, w.now + settling_us(&w));
        if (!w.failed)
                watch_settled(&w);
        if (!w.failed)
                run_until(&w, &plan, w.now + 8 * w.interval_max_us);
        if (!w.failed)
                watch_end(&w, w.now);
        if (w.counts.dual_percent > add_to->dual_percent)
                add_to->dual_percent = w.counts.dual_percent;
        if (w.counts.gap_percent > add_to->gap_percent)
                add_to->gap_percent = w.counts.gap_percent;
        add_to->claims += w.counts.claims;
        add_to->lost += w.counts.lost;
        add_to->faults += w.counts.faults;
        add_to->sent += w.counts.sent;
        add_to->steps += w.counts.steps;
        return !w.failed;
}
