/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The shell of a node, in small: steps the core, performs its actions in the order of
 * their bits, arms one timer. After a pause it says so, drains what waited, and only then
 * looks at its timer, as vipd must.
 */
#include <stddef.h>

#include "tests/sim/world.h"

bool node_runs(const struct sim_node *n)
{
        return n->alive && !n->paused;
}

/* Timers fire late, never early. */
static void arm(struct sim_world *w, struct sim_node *n)
{
        mono_t deadline = election_deadline(&n->e);

        n->fire_at = INT64_MAX;
        if (!mono_is_never(deadline))
                n->fire_at = deadline.us + sim_between(&w->random, 0, w->late_max_us);
}

static void perform(struct sim_world *w, struct sim_node *n, unsigned actions)
{
        if (actions & ELECTION_DO_SEND)
                lan_send(w, n, n->e.priority);
        if (actions & ELECTION_DO_RELEASE)
                lan_send(w, n, 0);
        if (actions & ELECTION_DO_CLAIM) {
                if (n->addresses_up)
                        sim_fail(w, n, "claims what it has");
                n->addresses_up = true;
                w->counts.claims++;
        }
        if (actions & ELECTION_DO_UNCLAIM) {
                if (!n->addresses_up)
                        sim_fail(w, n, "gives away what it has not");
                n->addresses_up = false;
        }
}

static void step(struct sim_world *w, struct sim_node *n, const struct election_event *ev,
                 const struct sim_packet *p)
{
        static const char *const names[] = {"start",    "stop",     "advert",
                                            "timer",    "eligible", "ineligible",
                                            "priority", "resign",   "stalled"};
        enum election_state before = n->e.state;
        unsigned actions;

        n->steps++;
        w->counts.steps++;
        actions = election_step(&n->e, (mono_t){w->now}, ev);
        if (p)
                sim_trace(w, n, "hears %d from n%d", p->priority, p->from);
        if (actions || before != n->e.state || !p)
                sim_trace(w, n, "%s: %s%s%s%s%s%s%s", names[ev->type],
                          election_state_name(n->e.state), before != n->e.state ? " because " : "",
                          before != n->e.state ? election_cause_name(n->e.cause) : "",
                          actions & ELECTION_DO_SEND ? ", send" : "",
                          actions & ELECTION_DO_RELEASE ? ", release" : "",
                          actions & ELECTION_DO_CLAIM ? ", claim" : "",
                          actions & ELECTION_DO_UNCLAIM ? ", unclaim" : "");
        watch_step(w, n, before, ev, p, actions);
        perform(w, n, actions);
        arm(w, n);
}

void node_feed(struct sim_world *w, struct sim_node *n, const struct election_event *ev)
{
        step(w, n, ev, NULL);
}

void node_feed_type(struct sim_world *w, struct sim_node *n, enum election_event_type type)
{
        node_feed(w, n, &(struct election_event){.type = type});
}

static void hear(struct sim_world *w, struct sim_node *n, const struct sim_packet *p)
{
        uint32_t theirs = w->node[p->from].address;
        struct election_event ev = {
                .type = ELECTION_ADVERT,
                .priority = p->priority,
                .interval_us = p->interval_us,
                .address_order = theirs < n->address ? -1 : theirs > n->address,
        };

        if (w->shell == SIM_SHELL_OWNER_DEAF && n->config.priority == ELECTION_PRIORITY_OWNER &&
            n->e.state == ELECTION_ACTIVE)
                return;
        step(w, n, &ev, p);
}

void node_receive(struct sim_world *w, struct sim_node *n, const struct sim_packet *p)
{
        if (!n->alive || n->frozen || (n->paused && n->n_queued == SIM_QUEUE_MAX)) {
                w->disturbed[p->from][p->to] = w->now;
                return;
        }
        if (n->paused)
                n->queue[n->n_queued++] = *p;
        else
                hear(w, n, p);
}

void node_boot(struct sim_world *w, struct sim_node *n)
{
        n->alive = true;
        n->paused = false;
        n->frozen = false;
        n->n_queued = 0;
        n->addresses_up = false;
        election_init(&n->e, &n->config);
        lan_disturb(w, n->id);
        watch_boot(w, n);
        node_start(w, n);
}

void node_start(struct sim_world *w, struct sim_node *n)
{
        n->stopped = false;
        node_feed(w, n, &(struct election_event){.type = ELECTION_START, .eligible = n->eligible});
}

void node_stop(struct sim_world *w, struct sim_node *n)
{
        n->stopped = true;
        node_feed_type(w, n, ELECTION_STOP);
}

void node_crash(struct sim_world *w, struct sim_node *n)
{
        sim_trace(w, n, "crashes");
        n->alive = false;
        n->paused = false;
        n->frozen = false;
        n->addresses_up = false;
        n->fire_at = INT64_MAX;
        lan_disturb(w, n->id);
}

void node_pause(struct sim_world *w, struct sim_node *n, bool frozen)
{
        sim_trace(w, n, frozen ? "freezes" : "is stopped");
        n->paused = true;
        n->frozen = frozen;
        n->paused_at = w->now;
        lan_disturb(w, n->id);
}

void node_resume(struct sim_world *w, struct sim_node *n)
{
        int64_t stall_us = w->now - n->paused_at;
        unsigned n_queued = n->n_queued;

        n->paused = false;
        n->frozen = false;
        n->n_queued = 0;
        lan_disturb(w, n->id);
        watch_resume(w, n, stall_us);
        node_feed(w, n, &(struct election_event){.type = ELECTION_STALLED, .stall_us = stall_us});
        for (unsigned i = 0; i < n_queued; i++)
                hear(w, n, &n->queue[i]);
        if (n->e.deadline.us <= w->now)
                node_feed_type(w, n, ELECTION_TIMER);
}

void node_reconfigure(struct sim_world *w, struct sim_node *n, const struct election_config *c)
{
        struct election_config old = n->config;
        enum election_state before = n->e.state;
        unsigned actions;

        n->config = *c;
        actions = election_reconfigure(&n->e, (mono_t){w->now}, c);
        sim_trace(w, n, "reconfigured: priority %d, interval %lld us, %s, delay %lld us",
                  c->priority, (long long)c->interval_us, c->preempt ? "preempt" : "no preempt",
                  (long long)c->preempt_delay_us);
        if (n->e.state != before)
                sim_fail(w, n, "moved because it was reconfigured");
        lan_disturb(w, n->id);
        watch_reconfigure(w, n, &old, actions);
        perform(w, n, actions);
        arm(w, n);
}
