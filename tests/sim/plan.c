/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Draws a group and its faults from the seed, and runs them to the quiet at the end. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/world.h"

#define FAULTS_MAX 128

enum fault_type {
        FAULT_CRASH,
        FAULT_BOOT,
        FAULT_STOP,
        FAULT_PAUSE,
        FAULT_FREEZE,
        FAULT_RESUME,
        FAULT_CUT, /* one way */
        FAULT_MEND,
        FAULT_SPLIT, /* into two parts, by the bits of `a` */
        FAULT_JOIN,
        FAULT_LOSS, /* `a` permille from here on */
        FAULT_BURST,
        FAULT_RESIGN,
        FAULT_INELIGIBLE,
        FAULT_ELIGIBLE,
        FAULT_PRIORITY,
        FAULT_RECONFIGURE,
        FAULT_TYPES,
};

struct fault {
        int64_t at;
        enum fault_type type;
        int node;
        int64_t a;
};

struct plan {
        struct fault faults[FAULTS_MAX];
        int n;
        int next;
        int64_t chaos_us; /* until then faults come */
};

/* --- drawing ------------------------------------------------------------------------- */

static void add(struct plan *plan, int64_t at, enum fault_type type, int node, int64_t a)
{
        int i = plan->n;

        if (plan->n == FAULTS_MAX)
                return;
        for (; i > 0 && plan->faults[i - 1].at > at; i--)
                plan->faults[i] = plan->faults[i - 1];
        plan->faults[i] = (struct fault){at, type, node, a};
        plan->n++;
}

static uint8_t draw_priority(struct sim_random *r)
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

static int64_t draw_delay(struct sim_random *r, int64_t interval_us)
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
        uint8_t priority = draw_priority(r);

        w->n = (int)sim_between(r, 2, SIM_NODES_MAX);
        for (int i = 0; i < w->n; i++) {
                struct sim_node *n = &w->node[i];

                n->id = i;
                /* distinct, in no order of the ids */
                n->address = (uint32_t)((sim_draw(r) << 3) | (unsigned)i);
                n->eligible = true;
                n->fire_at = INT64_MAX;
                n->config = (struct election_config){
                        .priority = equal ? priority : draw_priority(r),
                        .interval_us = interval_us,
                        .v2 = v2,
                        .preempt = mixed_preempt ? sim_chance(r, 500) : preempt,
                };
                if (mixed_intervals)
                        n->config.interval_us = interval_us * sim_between(r, 1, 6);
                if (n->config.interval_us > 4095 * US_PER_CS && !v2)
                        n->config.interval_us = 4095 * US_PER_CS;
                if (delays)
                        n->config.preempt_delay_us = draw_delay(r, interval_us);
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

static void draw_plan(struct sim_world *w, struct plan *plan)
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

/* --- faults ------------------------------------------------------------------------------ */

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
                c.preempt_delay_us = draw_delay(r, w->interval_max_us);
        if (c.priority != ELECTION_PRIORITY_OWNER && sim_chance(r, 400))
                c.priority = draw_priority(r);
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
                                                   .priority = draw_priority(&w->random)});
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

static void happen(struct sim_world *w, const struct fault *f)
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

/* --- running ----------------------------------------------------------------------------- */

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
                        happen(w, &plan->faults[plan->next++]);
                else if (packet == next)
                        lan_deliver(w);
                else
                        node_feed_type(w, n, ELECTION_TIMER);
                watch_world(w);
        }
        w->now = end;
}

/* The network heals, who was stopped goes on; who is dead or ill may stay so. */
static void make_quiet(struct sim_world *w)
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
        draw_nodes(w);
        draw_network(w);
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
        draw_plan(&w, &plan);
        run_until(&w, &plan, plan.chaos_us + 8 * w.interval_max_us);
        if (!w.failed) {
                make_quiet(&w);
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

/* --- trace and failure ---------------------------------------------------------------------- */

__attribute__((format(printf, 4, 0))) static void say(FILE *to, const struct sim_world *w,
                                                      const struct sim_node *n,
                                                      const char *format, va_list args)
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
