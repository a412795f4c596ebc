/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a group does: performs what its election answered, runs its hooks around it, and takes
 * what came of it from the addresses.
 */
#include <string.h>

#include "lib/clock.h"
#include "vipd/group_private.h"

/* While somebody else claims to be active, tell the LAN again at most this often. */
#define CONFLICT_ANNOUNCE_US US_PER_S
/* --- hooks ------------------------------------------------------------------------ */

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
        hook_queue_fire(
                g->hooks, on,
                &(struct runner_hook_facts){
                        .node = g->config->nodes[g->self].name,
                        .event = event,
                        .from = before == ELECTION_INIT ? "init" : election_state_name(before),
                        .to = state_word(g, after),
                        .cause = cause_word(g),
                        .owner = g->owner,
                        .priority = g->election.priority,
                        .vrid = g->conf->vrid,
                });
}

/* --- actions ---------------------------------------------------------------------- */

static void send_adverts(struct group *g, uint8_t priority)
{
        const struct kernel_link *link = addresses_link(g->env->addresses, g->conf->iface);

        if (!link || !link->up) /* nothing can leave, and why has been said */
                return;
        for (unsigned i = 0; i < g->n_routers; i++)
                virtual_router_send(&g->routers[i], priority, g->conf->interval_us);
}

/* Accept_Mode false (RFC 9568 6.1): filtered from before the addresses are up until they are down.
 */
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
        g->env->tick_wanted = true;
        if (mono_before(now, mono_add_us(g->announced, CONFLICT_ANNOUNCE_US)))
                return;
        g->announced = now;
        announcement_repeat(g->announcement);
}

/*
 * Beyond the RFC: one advert more on the way out. After a partition the better one may speak first
 * and would never learn that somebody else was active; hearing a lower one makes it announce the
 * addresses again, or the LAN would go on sending to who has just yielded.
 */
static bool is_yielding(const struct group *g, enum election_state before)
{
        return before == ELECTION_ACTIVE && g->election.state == ELECTION_BACKUP &&
               (g->election.cause == ELECTION_CAUSE_CONFLICT ||
                g->election.cause == ELECTION_CAUSE_PREEMPT);
}

void group_perform(struct group *g, unsigned todo, enum election_state before)
{
        bool changed = g->election.state != before;

        if (changed)
                fire_hooks(g, before, true);
        if (todo & ELECTION_DO_SEND || is_yielding(g, before))
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

/* --- addresses -------------------------------------------------------------------- */

static void on_added(void *arg, const struct conf_vip *const *vips, unsigned n)
{
        struct group *g = arg;

        /* One call of the announcer for each run on the same link. */
        for (unsigned from = 0, to; from < n; from = to) {
                const struct kernel_link *link = addresses_link(g->env->addresses, vips[from]->dev);

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

const struct address_set_events group_address_events = {
        .added = on_added,
        .claimed = on_claimed,
        .unclaimed = on_unclaimed,
        .lost = on_lost,
        .unstable = on_unstable,
};
