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

/* While somebody else claims to be active, tell the LAN again at most this often. */
#define CONFLICT_ANNOUNCE_US US_PER_S
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
                log_write(LOG_WARNING, &(struct log_about){.group = g->conf->name, .cause = "stall"},
                          "vipd stood still for %" PRId64
                          " ms; as %s it looks around before it goes on",
                          late_us / US_PER_MS, election_state_name(e->state));
        group_step(g, &(struct election_event){.type = ELECTION_STALLED, .stall_us = late_us});
}

static int on_timer(sd_event_source *source, uint64_t usec, void *arg)
{
        struct group *g = arg;
        mono_t now = clock_now();

        if (g->election.state == ELECTION_ACTIVE &&
            mono_diff_us(now, g->election.deadline) > g->env->advert_late_max_us)
                g->env->advert_late_max_us = mono_diff_us(now, g->election.deadline);
        notice_stall(g, now);
        /* Whoever waits for silence must have read everything that was said. */
        if (g->election.state == ELECTION_BACKUP || g->election.recheck)
                for (unsigned i = 0; i < g->n_routers; i++)
                        vrrp_ports_drain(g->env->ports, g->conf->iface, g->routers[i].family);
        now = clock_now();
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
        sd_event_source_set_enabled(g->timer, SD_EVENT_ONESHOT);
}

/* --- actions ---------------------------------------------------------------------- */

static const char *state_word(const struct group *g, enum election_state s)
{
        return s == ELECTION_INIT && g->faults && !g->stopped ? "fault" : election_state_name(s);
}

/* As in the timeline: what failed, not only that something did. */
static const char *cause_word(const struct group *g)
{
        if (g->election.cause != ELECTION_CAUSE_FAULT)
                return election_cause_name(g->election.cause);
        return timeline_cause_name(g->faults & GROUP_FAULT_CHECK ? TIMELINE_CHECK : TIMELINE_LINK);
}

static void fire_hooks(struct group *g, enum election_state before, bool ahead)
{
        enum election_state after = g->election.state;
        enum conf_hook_on on;
        const char *event;

        if (after == ELECTION_ACTIVE) {
                on = ahead ? CONF_HOOK_BEFORE_ACTIVE : CONF_HOOK_ACTIVE;
                event = ahead ? "before-active" : "active";
        } else if (after == ELECTION_BACKUP) {
                on = ahead ? CONF_HOOK_BEFORE_BACKUP : CONF_HOOK_BACKUP;
                event = ahead ? "before-backup" : "backup";
        } else if (g->stopped) {
                on = ahead ? CONF_HOOK_BEFORE_STOP : CONF_HOOK_STOP;
                event = ahead ? "before-stop" : "stop";
        } else {
                on = ahead ? CONF_HOOK_BEFORE_FAULT : CONF_HOOK_FAULT;
                event = ahead ? "before-fault" : "fault";
        }
        hook_queue_fire(g->hooks, on,
                        &(struct runner_hook_facts){
                                .node = g->config->nodes[g->self].name,
                                .event = event,
                                .from = before == ELECTION_INIT ? "init"
                                                                : election_state_name(before),
                                .to = state_word(g, after),
                                .cause = cause_word(g),
                                .owner = g->owner,
                                .priority = g->election.priority,
                                .vrid = g->conf->vrid,
                        });
}

static void send_adverts(struct group *g, uint8_t priority)
{
        for (unsigned i = 0; i < g->n_routers; i++)
                virtual_router_send(&g->routers[i], priority, g->conf->interval_us);
}

/* Accept_Mode false (RFC 9568 6.1): filtered from before the addresses are up until they are down. */
void group_filter(struct group *g, bool on)
{
        if (on == g->filtered)
                return;
        g->filtered = on;
        if (on)
                accept_filter_add(g->env->accept_filter, g->conf->vips, g->conf->n_vips);
        else
                accept_filter_remove(g->env->accept_filter, g->conf->vips, g->conf->n_vips);
}

bool group_wants_filter(const struct group *g)
{
        return !g->conf->accept && g->election.config.priority != VRRP_PRIORITY_OWNER;
}

static void claim(struct group *g)
{
        group_filter(g, group_wants_filter(g));
        address_set_claim(g->addresses);
}

static void unclaim(struct group *g)
{
        announcement_stop(g->announcement);
        address_set_unclaim(g->addresses);
}

static void announce_again(struct group *g)
{
        mono_t now = clock_now();

        if (mono_is_never(g->conflict_since))
                g->conflict_since = now;
        g->conflict_seen = now;
        if (mono_before(now, mono_add_us(g->announced, CONFLICT_ANNOUNCE_US)))
                return;
        g->announced = now;
        announcement_repeat(g->announcement);
}

void group_perform(struct group *g, unsigned todo, enum election_state before)
{
        bool changed = g->election.state != before;

        if (changed)
                fire_hooks(g, before, true);
        if (todo & ELECTION_DO_SEND)
                send_adverts(g, g->election.priority);
        if (todo & ELECTION_DO_RELEASE)
                send_adverts(g, VRRP_PRIORITY_RELEASE);
        if (todo & ELECTION_DO_CLAIM)
                claim(g);
        if (todo & ELECTION_DO_UNCLAIM)
                unclaim(g);
        if (todo & ELECTION_DO_ANNOUNCE)
                announce_again(g);
        if (changed)
                fire_hooks(g, before, false);
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

static void note_conflict(struct group *g, const struct vrrp_advert *advert,
                          const struct ip_addr *src)
{
        char name[TIMELINE_NAME_MAX];
        uint64_t withheld;

        if (!log_limit_pass(&g->limit_conflict, clock_now(), &withheld))
                return;
        group_sender_name(g, advert->priority, src, name);
        log_write(LOG_WARNING,
                  &(struct log_about){
                          .group = g->conf->name, .peer = name, .cause = "conflict"},
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
                              .address_order = tie_order(
                                      g, src->family, order),
                      });
        if (was_active && advert->priority != VRRP_PRIORITY_RELEASE)
                note_conflict(g, advert, src);
        if (g->election.state != ELECTION_ACTIVE && advert->priority != VRRP_PRIORITY_RELEASE)
                group_owner_heard(g, advert, src, now);
}

/* --- addresses -------------------------------------------------------------------- */

static void on_added(void *arg, const struct conf_vip *const *vips, unsigned n)
{
        struct group *g = arg;

        /* One call of the announcer for each run on the same link. */
        for (unsigned from = 0, to; from < n; from = to) {
                const struct kernel_link *link =
                        addresses_link(g->env->addresses, vips[from]->dev);

                for (to = from + 1; to < n && strcmp(vips[to]->dev, vips[from]->dev) == 0; to++)
                        ;
                if (link)
                        announcement_add(g->announcement, link, vips + from, to - from);
        }
}

static void on_claimed(void *arg)
{
        struct group *g = arg;

        group_story(g, "address", "%u of %u addresses up and announced",
                    address_set_up(g->addresses), g->conf->n_vips);
        group_story_end(g);
}

static void on_unclaimed(void *arg)
{
        struct group *g = arg;

        group_filter(g, false);
        group_story(g, "address", "addresses taken down");
}

static void on_lost(void *arg, const struct conf_vip *vip, uint32_t by_port)
{
        struct group *g = arg;
        char text[IP_ADDR_TEXT];

        (void)by_port; /* the address table has logged who it was */
        group_story(g, "address-lost", "%s was removed by somebody else; put back",
                    ip_addr_format(&vip->addr, text));
}

static void on_unstable(void *arg, const struct conf_vip *vip, int err)
{
        group_became_unstable(arg, vip, err);
}

static const struct address_set_events address_events = {
        .added = on_added,
        .claimed = on_claimed,
        .unclaimed = on_unclaimed,
        .lost = on_lost,
        .unstable = on_unstable,
};

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

int group_routers_start(struct group *g)
{
        static const uint8_t families[] = {AF_INET, AF_INET6};
        const struct kernel_link *link = addresses_link(g->env->addresses, g->conf->iface);
        int result = 0;

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
                r = virtual_router_start(v, g->config, g->conf, g->self, families[f],
                                         g->env->ports, link ? link->ifindex : 0, on_advert, g);
                g->n_routers++;
                if (r < 0)
                        result = r;
        }
        return result;
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
                            &address_events, g);
        if (r < 0)
                goto fail;
        r = group_checks_sync(g, NULL);
        if (r < 0)
                goto fail;
        r = group_routers_start(g);
        if (r < 0)
                log_write(LOG_WARNING, &(struct log_about){.group = conf->name, .iface = conf->iface},
                          "cannot listen for VRRP on %s: %s; retrying when the link changes",
                          conf->iface, strerror(-r));
        group_step(g, &(struct election_event){.type = ELECTION_START,
                                               .eligible = group_health_evaluate(g)});
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
        log_write(LOG_NOTICE, &(struct log_about){.group = g->conf->name, .cause = "conflict"},
                  "nobody else claims to be active any more; announcing the addresses again");
        announcement_repeat(g->announcement);
}

void group_tick(struct group *g, mono_t now)
{
        end_conflict(g, now);
        if (g->open_event != 0 && mono_reached(g->open_until, now))
                group_story_end(g);
        if (g->unstable_until.us != 0) {
                group_health_update(g);
                if (mono_reached(g->unstable_until, now))
                        g->unstable_until = (mono_t){0};
        }
}

/* --- the operator's move ---------------------------------------------------------- */

/*
 * Backups are silent in VRRP, so who would win is known from the configuration alone. A node that
 * fell silent as owner may be back or not: with_lost says whether it counts. -1: none left.
 */
static int next_candidate(const struct group *g, bool with_lost)
{
        const struct config *c = g->config;
        int best = -1;

        for (unsigned n = 0; n < c->n_nodes; n++) {
                if (n == g->self || (!with_lost && (g->lost_nodes >> n & 1)))
                        continue;
                if (best < 0 || config_rank(c, g->conf, n) < config_rank(c, g->conf, (unsigned)best))
                        best = (int)n;
        }
        return best;
}

int group_move(struct group *g, unsigned node, int64_t uid, const char *reason, bool dry_run,
               char *why, size_t why_size)
{
        const struct config *c = g->config;
        const char *target = c->nodes[node].name;
        int next = next_candidate(g, true), living = next_candidate(g, false);

        if (strcmp(g->owner, target) == 0)
                snprintf(why, why_size, "%s is on %s already", g->conf->name, target);
        else if (g->election.state != ELECTION_ACTIVE && g->owner[0])
                snprintf(why, why_size, "%s is on %s, not here: run the command there",
                         g->conf->name, g->owner);
        else if (g->election.state != ELECTION_ACTIVE)
                snprintf(why, why_size, "nobody is known to own %s now", g->conf->name);
        else if (g->election.config.priority == VRRP_PRIORITY_OWNER)
                snprintf(why, why_size,
                         "this node is the address owner of %s (priority 255) and would take it "
                         "back at once",
                         g->conf->name);
        else if (next < 0)
                snprintf(why, why_size, "no other node is left to take %s", g->conf->name);
        else if (next != (int)node && living != (int)node)
                snprintf(why, why_size,
                         "this version moves a group by resigning, and the next candidate for %s "
                         "is %s, not %s",
                         g->conf->name, c->nodes[next].name, target);
        else {
                if (dry_run)
                        return 0;
                g->mover_uid = uid;
                timeline_text(g->move_reason, sizeof(g->move_reason), reason);
                group_step(g, &(struct election_event){.type = ELECTION_RESIGN});
                g->mover_uid = -1;
                return 0;
        }
        return -EPERM;
}
