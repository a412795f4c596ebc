/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipd/group_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "vipd/priorities.h"

/* A conflict is over when it was not seen for this many of our intervals. */
#define CONFLICT_OVER_INTERVALS 3

/* --- timer ------------------------------------------------------------------------ */

/*
 * Our own loop stood still for longer than others wait before they take over: the election must
 * know before it sees another packet or deadline.
 */
static void notice_stall(struct group *g, mono_t now)
{
        struct election *e = &g->election;
        int64_t late_us;

        if (mono_is_never(e->deadline) || mono_before(now, e->deadline))
                return;
        late_us = mono_diff_us(now, e->deadline);
        if (late_us < e->active_interval_us || g->stall_noted.us == e->deadline.us)
                return;
        g->stall_noted = e->deadline;
        if (late_us >= election_down_us(e))
                log_write(LOG_WARNING,
                          &(struct log_about){.group = g->conf->name, .cause = "stall"},
                          "late by %" PRId64 " ms, long enough for others to act: %s",
                          late_us / US_PER_MS,
                          e->state == ELECTION_ACTIVE
                                  ? "still active only if nobody took over meanwhile"
                                  : "listening anew before it may take over");
        group_step(g, &(struct election_event){.type = ELECTION_STALLED, .stall_us = late_us});
}

static void note_lateness(struct group *g, mono_t now)
{
        struct group_env *env = g->env;
        int64_t late_us = mono_diff_us(now, g->election.deadline);

        if (late_us > env->late_us)
                env->late_us = late_us;
        if (g->election.state == ELECTION_ACTIVE && late_us > env->advert_late_max_us)
                env->advert_late_max_us = late_us;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *arg)
{
        struct group *g = arg;
        mono_t now = clock_now();

        note_lateness(g, now);
        notice_stall(g, now);
        /* Whoever waits for silence must have read everything that was said. */
        if (g->election.state == ELECTION_BACKUP || g->election.recheck) {
                for (unsigned i = 0; i < g->n_routers; i++)
                        vrrp_ports_drain(g->env->ports, g->conf->iface, g->routers[i].family);
                now = clock_now();
        }
        if (mono_reached(g->election.deadline, now))
                group_step(g, &(struct election_event){.type = ELECTION_TIMER});
        else
                group_arm(g);
        return 0;
}

void group_arm(struct group *g)
{
        mono_t deadline = election_deadline(&g->election);

        if (mono_is_never(deadline)) {
                sd_event_source_set_enabled(g->timer, SD_EVENT_OFF);
                return;
        }
        sd_event_source_set_time(g->timer, (uint64_t)deadline.us);
        sd_event_source_set_enabled(g->timer, SD_EVENT_ON);
}

/* The one place where the election is asked and its answer performed. */
void group_step(struct group *g, const struct election_event *ev)
{
        enum election_state before = g->election.state;
        mono_t now = clock_now();
        unsigned todo;

        g->down_us = election_down_us(&g->election);
        g->listened_us = g->election.active_interval_us;
        todo = election_step(&g->election, now, ev);
        if (g->election.state != before) {
                g->transitions++;
                group_owner_self(g, before, now);
        }
        group_perform(g, todo, before);
        group_arm(g);
}

/* --- adverts ---------------------------------------------------------------------- */

/* In a group of both families the IPv4 addresses alone break ties, so that both ends agree. */
static int tie_order(const struct group *g, uint8_t family, int order)
{
        return family == AF_INET6 && g->n_routers > 1 ? 0 : order;
}

/* The home takes its group back, as it should. */
static bool is_failback(const struct group *g, const char *name)
{
        return config_preempt(g->config, g->conf, g->conf->home) &&
               strcmp(name, g->config->nodes[g->conf->home].name) == 0;
}

static void note_conflict(struct group *g, const struct vrrp_advert *advert,
                          const struct ip_addr *src)
{
        char name[TIMELINE_NAME_MAX];

        /* who has just been preempted says so once more: no conflict */
        if (g->election.state == ELECTION_ACTIVE &&
            mono_diff_us(clock_now(), g->owner_since) < 3 * g->election.config.interval_us)
                return;
        group_sender_name(g, advert->priority, src, name);
        if (g->election.state != ELECTION_ACTIVE && is_failback(g, name))
                return;
        timeline_text(g->conflict_with, sizeof(g->conflict_with), name);
        if (!log_limit_pass(&g->limit_conflict, clock_now(), NULL))
                return;
        g->conflict_told = true;
        log_write(LOG_WARNING,
                  &(struct log_about){.group = g->conf->name, .peer = name, .cause = "conflict"},
                  "%s also claims to be active, with priority %u against our %u; %s", name,
                  advert->priority, g->election.priority,
                  g->election.state == ELECTION_ACTIVE ? "answered at once and announced again"
                                                       : "it wins");
}

static void on_advert(void *arg, const struct vrrp_advert *advert, const struct ip_addr *src,
                      int order)
{
        struct group *g = arg;
        mono_t now = clock_now();
        bool was_active;

        if (g->stopped)
                return;
        notice_stall(g, now);
        was_active = g->election.state == ELECTION_ACTIVE;
        if (g->election.state != ELECTION_ACTIVE && advert->priority == VRRP_PRIORITY_RELEASE)
                group_owner_released(g, src, now);
        group_step(g, &(struct election_event){
                              .type = ELECTION_ADVERT,
                              .priority = advert->priority,
                              .interval_us = advert->interval_cs * US_PER_CS,
                              .address_order = tie_order(g, src->family, order),
                      });
        if (was_active && advert->priority != VRRP_PRIORITY_RELEASE)
                note_conflict(g, advert, src);
        if (g->election.state != ELECTION_ACTIVE && advert->priority != VRRP_PRIORITY_RELEASE)
                group_owner_heard(g, advert, src, now);
}

/* --- life ------------------------------------------------------------------------- */

struct election_config group_election_config(const struct group *g)
{
        const struct conf_group *c = g->conf;

        return (struct election_config){
                .priority = config_priority(g->config, c, g->self),
                .interval_us = c->interval_us,
                .v2 = c->version == 2,
                .preempt = config_preempt(g->config, c, g->self),
                .preempt_delay_us = c->preempt_delay_us,
        };
}

void group_routers_start(struct group *g)
{
        static const uint8_t families[] = {AF_INET, AF_INET6};
        const struct kernel_link *link = addresses_link(g->env->addresses, g->conf->iface);

        g->n_routers = 0;
        for (unsigned f = 0; f < 2; f++) {
                struct virtual_router *v = &g->routers[g->n_routers];
                bool used = false;
                int r;

                for (unsigned i = 0; i < g->conf->n_vips && !used; i++)
                        used = g->conf->vips[i].addr.family == families[f] &&
                               !g->conf->vips[i].excluded;
                if (!used)
                        continue;
                r = virtual_router_start(v, g->config, g->conf, g->self, families[f], g->env->ports,
                                         link ? link->ifindex : 0, on_advert, g);
                g->n_routers++;
                if (r < 0)
                        log_write(LOG_WARNING,
                                  &(struct log_about){.group = g->conf->name,
                                                      .iface = g->conf->iface},
                                  "cannot listen for VRRP (IPv%d) on %s: %s; trying again every "
                                  "second, not serving until then",
                                  families[f] == AF_INET ? 4 : 6, g->conf->iface, strerror(-r));
        }
}

void group_routers_stop(struct group *g)
{
        for (unsigned i = 0; i < g->n_routers; i++)
                virtual_router_stop(&g->routers[i]);
        g->n_routers = 0;
}

int group_new(struct group **ret, struct group_env *env, const struct config *config,
              const struct conf_group *conf, unsigned self)
{
        struct group *g = calloc(1, sizeof(*g));
        struct election_config ec;
        int r;

        if (!g)
                return -ENOMEM;
        g->env = env;
        g->config = config;
        g->conf = conf;
        g->self = self;
        g->mover_uid = -1;
        g->conflict_since = MONO_NEVER;
        g->ipv6_unnamed = MONO_NEVER;
        g->announced = (mono_t){INT64_MIN / 2};
        ec = group_election_config(g);
        election_init(&g->election, &ec);
        g->owner_lost = clock_now();

        r = sd_event_add_time(env->loop, &g->timer, CLOCK_MONOTONIC, 0, 1, on_timer, g);
        if (r < 0)
                goto fail;
        sd_event_source_set_priority(g->timer, PRIORITY_DEADLINE);
        sd_event_source_set_enabled(g->timer, SD_EVENT_OFF);
        r = hook_queue_new(&g->hooks, env->runner, config->digest, conf->name, conf->hooks,
                           conf->n_hooks);
        if (r < 0)
                goto fail;
        r = announcement_new(&g->announcement, env->announcer, conf->name, &conf->announce,
                             conf->n_vips);
        if (r < 0)
                goto fail;
        r = address_set_new(&g->addresses, env->addresses, conf->name, conf->vips, conf->n_vips,
                            &group_address_events, g);
        if (r < 0)
                goto fail;
        r = group_checks_sync(g, NULL);
        if (r < 0)
                goto fail;
        group_routers_start(g);
        group_step(g, &(struct election_event){.type = ELECTION_START,
                                               .eligible = group_health_evaluate(g)});
        group_health_update(g); /* what weights add and take */
        *ret = g;
        return 0;
fail:
        group_free(g);
        return r;
}

void group_stop(struct group *g)
{
        if (g->stopped)
                return;
        g->stopped = true;
        group_step(g, &(struct election_event){.type = ELECTION_STOP});
        group_checks_stop(g);
}

struct group *group_free(struct group *g)
{
        if (!g)
                return NULL;
        if (g->timer)
                group_stop(g);
        group_story_end(g);
        group_checks_stop(g);
        group_routers_stop(g);
        announcement_free(g->announcement);
        group_filter(g, false);
        address_set_free(g->addresses);
        hook_queue_free(g->hooks);
        sd_event_source_disable_unref(g->timer);
        free(g->checks);
        free(g);
        return NULL;
}

const struct conf_group *group_conf(const struct group *g)
{
        return g->conf;
}

static void end_conflict(struct group *g, mono_t now)
{
        int64_t quiet_us = CONFLICT_OVER_INTERVALS * g->election.config.interval_us;

        if (mono_is_never(g->conflict_since) ||
            mono_before(now, mono_add_us(g->conflict_seen, quiet_us)))
                return;
        g->dual_owner_us += (uint64_t)mono_diff_us(g->conflict_seen, g->conflict_since);
        g->conflict_since = MONO_NEVER;
        if (g->election.state != ELECTION_ACTIVE)
                return;
        if (g->conflict_told)
                log_write(
                        LOG_NOTICE,
                        &(struct log_about){.group = g->conf->name, .cause = "conflict"},
                        "nobody else claims to be active any more; announcing the addresses again");
        g->conflict_told = false;
        g->conflict_with[0] = '\0';
        announcement_repeat(g->announcement);
}

static void try_to_listen(struct group *g)
{
        const struct kernel_link *link = addresses_link(g->env->addresses, g->conf->iface);

        if (vrrp_ports_link(g->env->ports, g->conf->iface, link ? link->ifindex : 0) == 0)
                group_health_update(g);
}

void group_tick(struct group *g, mono_t now)
{
        end_conflict(g, now);
        if (g->open_event != 0 && mono_reached(g->open_until, now))
                group_story_end(g);
        if (g->faults & GROUP_FAULT_DEAF)
                try_to_listen(g);
        if (g->unstable_until.us != 0) {
                group_health_update(g);
                if (mono_reached(g->unstable_until, now))
                        g->unstable_until = (mono_t){0};
        }
        if (g->open_event != 0 || g->unstable_until.us != 0 || !mono_is_never(g->conflict_since) ||
            (g->faults & GROUP_FAULT_DEAF))
                g->env->tick_wanted = true;
}
