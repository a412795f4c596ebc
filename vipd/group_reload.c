/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A new configuration for a running group. Nothing that is the same is touched;
 * what differs changes with as little as it takes: a new address is added, a new
 * interval sent, a check exchanged. Only another interface, VRID, version or
 * way to the peers makes the group another virtual router: it ends and starts.
 */
#include <errno.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "vipd/group_private.h"

static bool same_wire(const struct conf_group *a, const struct conf_group *b)
{
        return strcmp(a->iface, b->iface) == 0 && a->vrid == b->vrid && a->version == b->version &&
               a->n_peers == b->n_peers &&
               memcmp(a->peers, b->peers, sizeof(a->peers[0]) * a->n_peers) == 0;
}

/* Which families are advertised, as bits. */
static unsigned families(const struct conf_group *c)
{
        unsigned bits = 0;

        for (unsigned i = 0; i < c->n_vips; i++)
                if (!c->vips[i].excluded)
                        bits |= c->vips[i].addr.family == AF_INET ? 1 : 2;
        return bits;
}

static bool same_election(const struct election_config *a, const struct election_config *b)
{
        return a->priority == b->priority && a->interval_us == b->interval_us && a->v2 == b->v2 &&
               a->preempt == b->preempt && a->preempt_delay_us == b->preempt_delay_us;
}

/* The nodes that `bits` name, in another order or with others among them. */
static uint64_t renumber(uint64_t bits, const struct config *from, const struct config *to)
{
        uint64_t moved = 0;

        for (unsigned n = 0; n < from->n_nodes; n++) {
                int node = bits >> n & 1 ? config_find_node(to, from->nodes[n].name) : -ENOENT;

                if (node >= 0)
                        moved |= UINT64_C(1) << node;
        }
        return moved;
}

static int rebind(struct group *g, const struct conf_group *before)
{
        const struct conf_group *conf = g->conf;
        const char *digest = g->config->digest;
        int r;

        for (unsigned i = 0; i < g->n_routers; i++)
                virtual_router_rebind(&g->routers[i], g->config, conf, g->self);
        hook_queue_rebind(g->hooks, digest, conf->name, conf->hooks, conf->n_hooks);
        if (announcement_reconfigure(g->announcement, &conf->announce, conf->vips, conf->n_vips) <
                    0 ||
            group_checks_sync(g, before) < 0)
                log_write(LOG_ERR, &(struct log_about){.group = conf->name},
                          "out of memory while reloading; this group may lack checks or "
                          "announcements until the next reload");
        r = address_set_update(g->addresses, conf->vips, conf->n_vips);
        if (r < 0)
                log_write(LOG_ERR, &(struct log_about){.group = conf->name},
                          "out of memory while reloading; this group keeps its old addresses until "
                          "the next reload");
        return r;
}

/* The new list is filtered before the old one no longer is: what is in both always stays so. */
static void exchange_filter(struct group *g, const struct conf_group *before)
{
        bool was = g->filtered;

        g->filtered = false;
        group_filter(g, g->election.state == ELECTION_ACTIVE && group_wants_filter(g));
        if (was)
                accept_filter_remove(g->env->accept_filter, before->vips, before->n_vips);
}

int group_reload(struct group *g, const struct config *config, const struct conf_group *conf,
                 unsigned self)
{
        const struct conf_group *before = g->conf;
        bool same = conf_group_equal(before, conf);
        bool other_router =
                !same && (!same_wire(before, conf) || families(before) != families(conf));
        struct election_config ec;
        enum election_state state;
        unsigned todo;
        int r;

        if (other_router) {
                g->stopped = true;
                group_step(g, &(struct election_event){.type = ELECTION_STOP});
                g->stopped = false;
                group_routers_stop(g);
        }
        g->lost_nodes = renumber(g->lost_nodes, g->config, config);
        g->config = config;
        g->conf = conf;
        g->self = self;
        r = rebind(g, before);
        if (other_router)
                group_routers_start(g);
        state = g->election.state;
        ec = group_election_config(g);
        if (!same_election(&ec, &g->election.config)) {
                todo = election_reconfigure(&g->election, clock_now(), &ec);
                group_perform(g, todo, state);
                group_arm(g);
        }
        if (!same)
                exchange_filter(g, before);
        if (other_router)
                group_step(g, &(struct election_event){.type = ELECTION_START,
                                                       .eligible = group_health_evaluate(g)});
        group_health_update(g);
        return r;
}
