/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The simulated LAN: every advert goes to every other node, each copy with its own fate. */
#include <stddef.h>

#include "tests/sim/world.h"

static void disturb_way(struct sim_world *w, int from, int to)
{
        w->disturbed[from][to] = w->now;
}

void lan_disturb(struct sim_world *w, int id)
{
        for (int i = 0; i < w->n; i++) {
                disturb_way(w, id, i);
                disturb_way(w, i, id);
        }
}

static void launch(struct sim_world *w, const struct sim_packet *p)
{
        struct sim_packet *slot;

        if (w->n_flying == SIM_FLYING_MAX) {
                sim_fail(w, NULL,
                         "more than %d adverts on the wire: somebody does not stop sending",
                         SIM_FLYING_MAX);
                return;
        }
        slot = &w->flying[w->n_flying++];
        *slot = *p;
        slot->number = w->next_number++;
        slot->at = w->now + sim_between(&w->random, w->delay_min_us, w->delay_max_us);
}

static bool is_lost(struct sim_world *w, const struct sim_packet *p)
{
        return w->cut[p->from][p->to] || w->now < w->burst_until ||
               sim_chance(&w->random, w->loss_permille);
}

void lan_send(struct sim_world *w, const struct sim_node *from, uint8_t priority)
{
        struct sim_packet p = {
                .from = from->id,
                .priority = priority,
                .interval_us = from->e.config.interval_us,
        };

        w->counts.sent++;
        for (p.to = 0; p.to < w->n; p.to++) {
                if (p.to == from->id)
                        continue;
                if (is_lost(w, &p)) {
                        w->counts.lost++;
                        disturb_way(w, p.from, p.to);
                        continue;
                }
                launch(w, &p);
                if (sim_chance(&w->random, w->twice_permille))
                        launch(w, &p);
        }
}

static unsigned first_flying(const struct sim_world *w)
{
        unsigned first = 0;

        for (unsigned i = 1; i < w->n_flying; i++) {
                const struct sim_packet *a = &w->flying[i], *b = &w->flying[first];

                if (a->at < b->at || (a->at == b->at && a->number < b->number))
                        first = i;
        }
        return first;
}

int64_t lan_next(const struct sim_world *w)
{
        return w->n_flying ? w->flying[first_flying(w)].at : INT64_MAX;
}

void lan_deliver(struct sim_world *w)
{
        unsigned i = first_flying(w);
        struct sim_packet p = w->flying[i];

        w->flying[i] = w->flying[--w->n_flying];
        node_receive(w, &w->node[p.to], &p);
}
