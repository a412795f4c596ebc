/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sets of vipd/addresses.h: from configuration to plan, and from plan to callbacks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "vipd/addresses_internal.h"

/* Reports told in one turn of the loop. */
#define REPORTS_MAX 256
#define SPARE_ENTRIES 256
/* First slices that sets perform themselves: a quarter of the time, some 5 ms together. */
#define OWN_PRICE 4
#define OWN_AHEAD_US (20 * US_PER_MS)

struct address_set *address_set_of(struct addr_set *set)
{
        return (struct address_set *)((char *)set - offsetof(struct address_set, plan));
}

/* --- from configuration to plan ------------------------------------------------------------ */

static int spec_of(struct addresses *a, const struct conf_vip *vip, struct addr_spec *ret)
{
        uint32_t slot = addresses_slot(a, vip->dev);

        if (slot == LINKS_NONE)
                return -ENOMEM;
        *ret = (struct addr_spec){
                .addr = vip->addr,
                .prefix_len = vip->prefix_len,
                .scope = vip->scope,
                .link = slot,
        };
        memcpy(ret->label, vip->label, sizeof(ret->label));
        return 0;
}

/* New entries that the list needs, with some to spare for what else comes on the host: a growing
 * table is copied, which is for reloads, not for a busy hour. */
static uint32_t count_new(const struct addresses *a, const struct addr_spec *specs, unsigned n)
{
        uint32_t count = SPARE_ENTRIES;

        for (unsigned i = 0; i < n; i++)
                count += addr_table_find(&a->plan.table, specs[i].link, &specs[i].addr,
                                         specs[i].prefix_len) == ADDR_NONE;
        return count;
}

static int assign(struct address_set *s, const struct conf_vip *vips, unsigned n)
{
        CLEANUP(freep) struct addr_spec *specs = calloc(n + 1, sizeof(*specs));
        struct addr_member *members = calloc(n + 1, sizeof(*members));
        int r = specs && members ? 0 : -ENOMEM;

        for (unsigned i = 0; i < n && r >= 0; i++)
                r = spec_of(s->a, &vips[i], &specs[i]);
        if (r >= 0)
                r = addresses_reserve(s->a, count_new(s->a, specs, n));
        if (r < 0) {
                free(members);
                return r;
        }
        addr_set_assign(&s->a->plan, &s->plan, members, specs, n, clock_now());
        free(s->members);
        s->members = members;
        s->vips = vips;
        return 0;
}

int address_set_new(struct address_set **ret, struct addresses *a, const char *group,
                    const struct conf_vip *vips, unsigned n,
                    const struct address_set_events *events, void *arg)
{
        struct address_set *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        s->a = a;
        s->events = *events;
        s->arg = arg;
        strncpy(s->group, group, sizeof(s->group) - 1);
        addr_set_init(&s->plan);
        r = assign(s, vips, n);
        if (r < 0) {
                free(s);
                return r;
        }
        for (unsigned i = 0; i < n; i++)
                addresses_log_foreign(a, addr_plan_entry(&a->plan, s->members[i].entry));
        *ret = s;
        return 0;
}

int address_set_update(struct address_set *s, const struct conf_vip *vips, unsigned n)
{
        int r = assign(s, vips, n);

        addresses_arm(s->a);
        return r;
}

struct address_set *address_set_free(struct address_set *s)
{
        if (!s)
                return NULL;
        addr_set_clear(&s->a->plan, &s->plan, clock_now());
        addresses_arm(s->a);
        free(s->members);
        free(s);
        return NULL;
}

/*
 * The first slice at once, unless sets that turned just before have used up the share of the time
 * that is for this: when hundreds of groups turn together, all their adverts come first.
 */
static void begin(struct address_set *s)
{
        struct addresses *a = s->a;
        mono_t now = clock_now();

        if (mono_diff_us(a->own_paid, now) < OWN_AHEAD_US) {
                if (2 * addresses_slice(a, &s->plan) <= a->slice && s->plan.claimed)
                        addresses_slice(a, &s->plan); /* those made anew: now the second half */
                if (mono_before(a->own_paid, now))
                        a->own_paid = now;
                a->own_paid = mono_add_us(a->own_paid, OWN_PRICE * mono_diff_us(clock_now(), now));
        }
        addresses_dispatch(a);
        addresses_arm(a);
}

void address_set_claim(struct address_set *s)
{
        addr_set_claim(&s->a->plan, &s->plan, clock_now());
        begin(s);
}

void address_set_unclaim(struct address_set *s)
{
        addr_set_unclaim(&s->a->plan, &s->plan, clock_now());
        begin(s);
}

unsigned address_set_up(const struct address_set *s)
{
        return s->plan.up;
}

bool address_set_is_up(const struct address_set *s, unsigned index)
{
        return index < s->plan.n && addr_set_present(&s->a->plan, &s->plan, index);
}

/* --- from plan to callbacks ------------------------------------------------------------------- */

static void tell_added(struct address_set *s, const struct addr_report *r)
{
        const struct conf_vip *vips[ADDR_REPORT_MAX];

        for (uint32_t i = 0; i < r->n; i++)
                vips[i] = &s->vips[r->members[i]];
        if (s->events.added)
                s->events.added(s->arg, vips, r->n);
}

static void tell_lost(struct address_set *s, const struct conf_vip *vip, uint32_t port)
{
        const struct log_about about = {
                .group = s->group, .iface = vip->dev, .cause = "address-removed"};
        char text[IP_ADDR_TEXT], owner[KERNEL_OWNER_TEXT], more[ADDRESSES_MORE_TEXT];
        uint64_t withheld;

        if (log_limit_pass(&s->lost_limit, clock_now(), &withheld))
                log_write(LOG_WARNING, &about,
                          "%s/%u was removed from %s by %s; putting it back%s",
                          ip_addr_format(&vip->addr, text), vip->prefix_len, vip->dev,
                          vip->addr.family == AF_INET6 ? "somebody (the kernel does not say who)"
                                                       : kernel_port_owner(port, owner),
                          addresses_more(withheld, more));
        if (s->events.lost)
                s->events.lost(s->arg, vip, port);
}

static void tell_unstable(struct address_set *s, const struct conf_vip *vip, int err)
{
        const struct log_about about = {
                .group = s->group, .iface = vip->dev, .cause = "address-unstable"};
        char text[IP_ADDR_TEXT], more[ADDRESSES_MORE_TEXT];
        uint64_t withheld;

        if (log_limit_pass(&s->unstable_limit, clock_now(), &withheld))
                log_write(LOG_ERR, &about,
                          "%s/%u %s %s%s%s; the group is unstable, trying on more slowly%s",
                          ip_addr_format(&vip->addr, text), vip->prefix_len,
                          err ? "cannot be put on" : "is removed again and again from", vip->dev,
                          err ? ": " : "", err ? strerror(-err) : "",
                          addresses_more(withheld, more));
        if (s->events.unstable)
                s->events.unstable(s->arg, vip, err);
}

/* One report is one callback: the set may be gone when it returns. */
static void tell(struct address_set *s, const struct addr_report *r)
{
        switch (r->what) {
        case ADDR_NEWS_LOST:
                tell_lost(s, &s->vips[r->members[0]], r->port);
                break;
        case ADDR_NEWS_UNSTABLE:
                tell_unstable(s, &s->vips[r->members[0]], r->err);
                break;
        case ADDR_NEWS_UP:
                tell_added(s, r);
                break;
        case ADDR_NEWS_CLAIMED:
                if (s->events.claimed)
                        s->events.claimed(s->arg);
                break;
        case ADDR_NEWS_UNCLAIMED:
                if (s->events.unclaimed)
                        s->events.unclaimed(s->arg);
                break;
        }
}

void addresses_dispatch(struct addresses *a)
{
        struct addr_report r;

        if (a->dispatching)
                return;
        a->dispatching = true;
        for (unsigned n = 0; n < REPORTS_MAX && addr_plan_report(&a->plan, &r); n++)
                tell(address_set_of(r.set), &r);
        a->dispatching = false;
}
