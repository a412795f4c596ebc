/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who owns the group, as far as this node knows, and the story of each change:
 * an event of the timeline is opened when an owner is lost or replaced, gets a
 * step for everything that happens on the way, and is closed when the new
 * owner is known and, if that is us, all addresses are up.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "vipd/group_private.h"

/* A story without a known end is closed after this long. */
#define STORY_US (10 * US_PER_S)

static const char *self_name(const struct group *g)
{
        return g->config->nodes[g->self].name;
}

/* --- the story -------------------------------------------------------------------- */

static struct timeline_event *story(struct group *g)
{
        return g->open_event ? timeline_log_event(g->env->timeline, g->open_event) : NULL;
}

void group_story(struct group *g, const char *what, const char *format, ...)
{
        struct timeline_event *ev = story(g);
        char detail[TIMELINE_TEXT_MAX];
        va_list args;

        if (!ev || ev->closed)
                return;
        va_start(args, format);
        vsnprintf(detail, sizeof(detail), format, args);
        va_end(args);
        timeline_step(ev, clock_now(), what, detail);
}

static struct timeline_event *story_begin(struct group *g, enum timeline_cause cause, mono_t now)
{
        group_story_end(g);
        g->open_event = timeline_log_open(g->env->timeline, g->conf->name, g->owner, cause, now);
        g->open_until = mono_add_us(now, STORY_US);
        g->env->tick_wanted = true;
        return story(g);
}

/* Before a start nobody looked, in a conflict there were two, and who stood still saw nothing. */
static bool saw_the_gap(const struct timeline_event *ev)
{
        return ev->cause != TIMELINE_START && ev->cause != TIMELINE_CONFLICT &&
               ev->cause != TIMELINE_STALL;
}

void group_story_end(struct group *g)
{
        struct timeline_event *ev = story(g);
        mono_t now = clock_now();

        if (g->open_event == 0)
                return;
        if (ev && !ev->closed) {
                timeline_text(ev->to, sizeof(ev->to), g->owner);
                if (g->owner[0] && saw_the_gap(ev) && !mono_is_never(g->owner_lost))
                        ev->no_owner_us = mono_diff_us(now, g->owner_lost);
        }
        timeline_log_close(g->env->timeline, g->open_event);
        g->open_event = 0;
        if (g->owner[0])
                g->owner_lost = MONO_NEVER;
}

/* --- names ------------------------------------------------------------------------ */

/* Node of this address, or of this priority where priorities are ours to give; -1 if none. */
static int sender_node(const struct group *g, uint8_t priority, const struct ip_addr *src)
{
        const struct config *c = g->config;

        for (unsigned n = 0; n < c->n_nodes; n++)
                if (ip_addr_cmp(&c->nodes[n].address, src) == 0)
                        return (int)n;
        if (g->conf->foreign || priority == VRRP_PRIORITY_RELEASE)
                return -1;
        for (unsigned n = 0; n < c->n_nodes; n++)
                if (n != g->self && config_priority(c, g->conf, n) == priority)
                        return (int)n;
        return -1;
}

const char *group_sender_name(const struct group *g, uint8_t priority, const struct ip_addr *src,
                              char buf[static TIMELINE_NAME_MAX])
{
        int node = sender_node(g, priority, src);
        char text[IP_ADDR_TEXT];

        timeline_text(buf, TIMELINE_NAME_MAX,
                      node >= 0 ? g->config->nodes[node].name : ip_addr_format(src, text));
        return buf;
}

/* --- owners ----------------------------------------------------------------------- */

static void set_owner(struct group *g, const char *name, bool is_self, mono_t now)
{
        timeline_text(g->owner, sizeof(g->owner), name);
        g->owner_is_self = is_self;
        g->owner_since = now;
        g->owner_heard = now;
}

/* A node with a broken link cannot tell how long nobody owned the group. */
static void clear_owner(struct group *g, mono_t lost)
{
        g->owner[0] = '\0';
        g->owner_is_self = false;
        g->owner_lost = g->faults & GROUP_FAULT_LINK ? MONO_NEVER : mono_min(g->owner_lost, lost);
}

static void mark_lost(struct group *g)
{
        int node = config_find_node(g->config, g->owner);

        if (node >= 0)
                g->lost_nodes |= UINT64_C(1) << node;
}

/* Somebody else speaks as owner and no story is open: what must have happened? */
static enum timeline_cause cause_of_takeover(const struct group *g, int node, mono_t now)
{
        int64_t silent_us = mono_diff_us(now, g->owner_heard);

        if (!g->owner[0])
                return TIMELINE_START;
        if (silent_us > 2 * g->election.active_interval_us)
                return TIMELINE_ADVERT_TIMEOUT;
        return node >= 0 ? TIMELINE_PREEMPT : TIMELINE_FOREIGN;
}

/*
 * One router has an address in each family. In a group of both its IPv4 address names it, or the
 * owner would seem to change with each advert; IPv6 does where there is no IPv4 to be heard.
 */
static bool names_owner(struct group *g, const struct ip_addr *src, mono_t now)
{
        if (src->family == AF_INET || g->n_routers == 1) {
                g->ipv6_unnamed = MONO_NEVER;
                return true;
        }
        if (mono_is_never(g->ipv6_unnamed))
                g->ipv6_unnamed = now;
        return mono_diff_us(now, g->ipv6_unnamed) > election_down_us(&g->election);
}

/* Who yields says so with one advert more (group_actions.c); its heir has spoken already. */
static bool is_last_word(const struct group *g, const struct vrrp_advert *advert, mono_t now)
{
        return g->owner[0] && !g->owner_is_self && g->open_event == 0 &&
               advert->priority < g->owner_priority &&
               mono_diff_us(now, g->owner_heard) < g->election.config.interval_us;
}

void group_owner_heard(struct group *g, const struct vrrp_advert *advert, const struct ip_addr *src,
                       mono_t now)
{
        int node = sender_node(g, advert->priority, src);
        char name[TIMELINE_NAME_MAX];
        enum timeline_cause cause;

        if (!names_owner(g, src, now) && node < 0) {
                if (g->owner[0] && !g->owner_is_self)
                        g->owner_heard = now;
                return;
        }
        if (node >= 0)
                g->lost_nodes &= ~(UINT64_C(1) << node);
        group_sender_name(g, advert->priority, src, name);
        if (strcmp(g->owner, name) == 0 && g->open_event == 0) {
                g->owner_heard = now;
                g->owner_priority = advert->priority;
                return;
        }
        if (is_last_word(g, advert, now))
                return;
        if (g->open_event == 0) {
                cause = cause_of_takeover(g, node, now);
                if (cause == TIMELINE_ADVERT_TIMEOUT) {
                        mark_lost(g);
                        g->owner_lost = g->owner_heard;
                } else if (g->owner[0]) {
                        g->owner_lost = now;
                }
                story_begin(g, cause, now);
        }
        group_story(g, "heard", "%s advertises with priority %u", name, advert->priority);
        set_owner(g, name, false, now);
        g->owner_priority = advert->priority;
        group_story_end(g);
}

void group_owner_released(struct group *g, const struct ip_addr *src, mono_t now)
{
        const bool other_family = src->family == AF_INET6 && g->n_routers > 1;
        char name[TIMELINE_NAME_MAX];

        if (!g->owner[0] || g->open_event != 0)
                return;
        if (other_family)
                timeline_text(name, sizeof(name), g->owner);
        else
                group_sender_name(g, VRRP_PRIORITY_RELEASE, src, name);
        story_begin(g, TIMELINE_RESIGN, now);
        group_story(g, "release", "%s releases the group (priority 0)", name);
        clear_owner(g, now);
}

static enum timeline_cause own_cause(const struct group *g)
{
        switch (g->election.cause) {
        case ELECTION_CAUSE_ADVERT_TIMEOUT:
                return g->owner[0] ? TIMELINE_ADVERT_TIMEOUT : TIMELINE_START;
        case ELECTION_CAUSE_RESIGN:
                return TIMELINE_RESIGN;
        case ELECTION_CAUSE_PREEMPT:
                return TIMELINE_PREEMPT;
        case ELECTION_CAUSE_CONFLICT:
                return TIMELINE_CONFLICT;
        case ELECTION_CAUSE_FAULT:
                return g->faults & GROUP_FAULT_CHECK ? TIMELINE_CHECK : TIMELINE_LINK;
        case ELECTION_CAUSE_OPERATOR:
                return TIMELINE_OPERATOR;
        case ELECTION_CAUSE_STALL:
                return TIMELINE_STALL;
        case ELECTION_CAUSE_STOP:
                return TIMELINE_STOP;
        case ELECTION_CAUSE_NONE:
        case ELECTION_CAUSE_START:
                break;
        }
        return TIMELINE_START;
}

static void became_active(struct group *g, mono_t now)
{
        enum timeline_cause cause = own_cause(g);
        int64_t silent_us = mono_diff_us(now, g->owner_heard);

        if (g->open_event == 0) {
                if (cause == TIMELINE_ADVERT_TIMEOUT) {
                        mark_lost(g);
                        g->owner_lost = g->owner_heard;
                }
                story_begin(g, cause, now);
        }
        if (cause == TIMELINE_ADVERT_TIMEOUT)
                group_story(g, "advert-timeout",
                            "nothing from %s for %.1f ms; limit %.1f ms (3 x %.0f ms + skew)",
                            g->owner, (double)silent_us / 1000, (double)g->down_us / 1000,
                            (double)g->listened_us / 1000);
        group_story(g, "elect", "%s takes the group with priority %u", self_name(g),
                    g->election.priority);
        set_owner(g, self_name(g), true, now);
}

static void was_active(struct group *g, mono_t now)
{
        struct timeline_event *ev = story_begin(g, own_cause(g), now);

        if (ev) {
                ev->actor_uid = g->mover_uid;
                if (g->election.cause == ELECTION_CAUSE_OPERATOR)
                        timeline_text(ev->reason, sizeof(ev->reason), g->move_reason);
        }
        switch (g->election.cause) {
        case ELECTION_CAUSE_FAULT:
                group_story(g, "fault", "%s", g->fault_text);
                break;
        case ELECTION_CAUSE_STALL:
                group_story(g, "stall", "vipd stood still for %" PRId64 " ms",
                            g->election.stall_us / US_PER_MS);
                break;
        case ELECTION_CAUSE_CONFLICT:
        case ELECTION_CAUSE_PREEMPT:
                group_story(g, "yield", "somebody better advertises: %s yields", self_name(g));
                break;
        case ELECTION_CAUSE_NONE:
        case ELECTION_CAUSE_START:
        case ELECTION_CAUSE_ADVERT_TIMEOUT:
        case ELECTION_CAUSE_RESIGN:
        case ELECTION_CAUSE_OPERATOR:
        case ELECTION_CAUSE_STOP:
                group_story(g, "release", "%s releases the group (priority 0)", self_name(g));
                break;
        }
        clear_owner(g, now);
}

void group_owner_self(struct group *g, enum election_state before, mono_t now)
{
        if (g->election.state == ELECTION_ACTIVE)
                became_active(g, now);
        else if (before == ELECTION_ACTIVE)
                was_active(g, now);
        else if (g->election.state == ELECTION_INIT)
                clear_owner(g, now); /* nobody listens here, so nobody is known */
}

const char *group_owner(const struct group *g)
{
        return g->owner[0] ? g->owner : NULL;
}
