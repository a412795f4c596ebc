/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipd/core/addr_set.h"

#include <assert.h>
#include <string.h>

#include "vipd/core/addr_plan_internal.h"

void addr_set_init(struct addr_set *set)
{
        *set = (struct addr_set){.report_first = ADDR_NONE, .report_last = ADDR_NONE};
}

/* --- reports ---------------------------------------------------------------------- */

static void queue_set(struct addr_plan *p, struct addr_set *set)
{
        if (set->queued)
                return;
        set->queued = true;
        set->next = NULL;
        set->prev = p->reports_last;
        if (set->prev)
                set->prev->next = set;
        else
                p->reports_first = set;
        p->reports_last = set;
}

static void unqueue_set(struct addr_plan *p, struct addr_set *set)
{
        if (!set->queued)
                return;
        set->queued = false;
        if (set->prev)
                set->prev->next = set->next;
        else
                p->reports_first = set->next;
        if (set->next)
                set->next->prev = set->prev;
        else
                p->reports_last = set->prev;
}

static void queue_member(struct addr_plan *p, struct addr_member *m)
{
        struct addr_set *set = m->set;
        uint32_t i = (uint32_t)(m - set->members);

        queue_set(p, set);
        if (m->queued)
                return;
        m->queued = true;
        m->next_report = ADDR_NONE;
        if (set->report_last == ADDR_NONE)
                set->report_first = i;
        else
                set->members[set->report_last].next_report = i;
        set->report_last = i;
}

static void member_news(struct addr_plan *p, struct addr_member *m, enum addr_news news)
{
        m->news |= (uint8_t)news;
        queue_member(p, m);
}

void addr_set_tell(struct addr_plan *p, struct addr_entry *e, enum addr_news news)
{
        for (struct addr_member *m = e->members; m; m = m->next)
                if (m->set->claimed)
                        member_news(p, m, news);
}

static void pop_member(struct addr_set *set)
{
        struct addr_member *m = &set->members[set->report_first];

        set->report_first = m->next_report;
        if (set->report_first == ADDR_NONE)
                set->report_last = ADDR_NONE;
        m->queued = false;
}

/* The first news of the first member in the queue. */
static enum addr_news first_news(const struct addr_set *set)
{
        unsigned news = set->members[set->report_first].news;

        return (enum addr_news)(news & -news);
}

/* One piece of news about one member; of the UP ones all that follow each other. */
static void take_members(struct addr_plan *p, struct addr_set *set, struct addr_report *ret)
{
        const struct addr_entry *e = addr_plan_at(p, set->members[set->report_first].entry);

        ret->what = first_news(set);
        ret->port = e->lost_port;
        ret->err = e->unstable_err;
        while (set->report_first != ADDR_NONE && first_news(set) == ret->what &&
               ret->n < (ret->what == ADDR_NEWS_UP ? ADDR_REPORT_MAX : 1)) {
                struct addr_member *m = &set->members[set->report_first];

                ret->members[ret->n++] = set->report_first;
                m->news &= (uint8_t)~ret->what;
                if (m->news == 0)
                        pop_member(set);
        }
}

/* News that were taken back. */
static void skip_empty(struct addr_set *set)
{
        while (set->report_first != ADDR_NONE && set->members[set->report_first].news == 0)
                pop_member(set);
}

bool addr_plan_report(struct addr_plan *p, struct addr_report *ret)
{
        struct addr_set *set = p->reports_first;

        for (; set; set = p->reports_first) {
                skip_empty(set);
                if (set->report_first != ADDR_NONE || set->done)
                        break;
                unqueue_set(p, set);
        }
        if (!set)
                return false;

        ret->set = set;
        ret->n = 0;
        if (set->report_first != ADDR_NONE) {
                take_members(p, set, ret);
        } else {
                set->done = false;
                ret->what = set->claimed ? ADDR_NEWS_CLAIMED : ADDR_NEWS_UNCLAIMED;
        }
        if (set->report_first == ADDR_NONE && !set->done)
                unqueue_set(p, set);
        return true;
}

/* --- how far a set is --------------------------------------------------------------- */

static bool is_as_wanted(const struct addr_set *set, const struct addr_entry *e)
{
        if (set->claimed)
                return e->present && e->todo == ADDR_TODO_NOTHING;
        return e->wanted > 0 || e->todo == ADDR_TODO_NOTHING;
}

static void finish(struct addr_plan *p, struct addr_set *set)
{
        if (!set->busy || set->pending > 0)
                return;
        set->busy = false;
        set->done = true;
        queue_set(p, set);
}

void addr_set_count(struct addr_entry *e, bool present)
{
        if (e->present == present)
                return;
        e->present = present;
        for (struct addr_member *m = e->members; m; m = m->next) {
                if (present)
                        m->set->up++;
                else
                        m->set->up--;
        }
}

void addr_set_settle(struct addr_plan *p, struct addr_entry *e)
{
        for (struct addr_member *m = e->members; m; m = m->next) {
                if (!m->pending || !is_as_wanted(m->set, e))
                        continue;
                m->pending = false;
                m->set->pending--;
                if (m->set->claimed)
                        member_news(p, m, ADDR_NEWS_UP);
                finish(p, m->set);
        }
}

void addr_set_unsettle(struct addr_entry *e)
{
        for (struct addr_member *m = e->members; m; m = m->next) {
                m->news &= (uint8_t)~ADDR_NEWS_UP;
                if (!m->set->claimed || !m->set->busy || m->pending)
                        continue;
                m->pending = true;
                m->set->pending++;
        }
}

/* A member that is not yet as its set wants it keeps the set busy. */
static void await(struct addr_plan *p, struct addr_member *m)
{
        const struct addr_entry *e = addr_plan_at(p, m->entry);

        if (is_as_wanted(m->set, e)) {
                if (m->set->claimed)
                        member_news(p, m, ADDR_NEWS_UP);
                return;
        }
        m->pending = true;
        m->set->pending++;
        if (m->set->claimed && e->unstable)
                member_news(p, m, ADDR_NEWS_UNSTABLE); /* another set was told before */
}

/* --- claim and release -------------------------------------------------------------- */

/* What was to be told about the old role is of no interest any more. */
static void turn(struct addr_set *set, bool claimed)
{
        set->claimed = claimed;
        set->busy = true;
        set->done = false;
        set->pending = 0;
        for (uint32_t i = 0; i < set->n; i++) {
                set->members[i].news = 0;
                set->members[i].pending = false;
        }
}

void addr_set_claim(struct addr_plan *p, struct addr_set *set, mono_t now)
{
        if (set->claimed)
                return;
        turn(set, true);
        for (uint32_t i = 0; i < set->n; i++) {
                addr_plan_want(p, set->members[i].entry, now);
                await(p, &set->members[i]);
        }
        finish(p, set);
}

/* Backwards: the first address of a subnet goes last, for the others go with it. */
void addr_set_unclaim(struct addr_plan *p, struct addr_set *set, mono_t now)
{
        if (!set->claimed)
                return;
        turn(set, false);
        for (uint32_t i = set->n; i-- > 0;) {
                addr_plan_unwant(p, set->members[i].entry, false);
                await(p, &set->members[i]);
        }
        finish(p, set);
}

/* --- the list ----------------------------------------------------------------------- */

static bool same_parameters(const struct addr_entry *e, const struct addr_spec *spec)
{
        return e->prefix_len == spec->prefix_len && e->scope == spec->scope &&
               strcmp(e->label, spec->label) == 0;
}

static uint32_t hold(struct addr_plan *p, const struct addr_spec *spec)
{
        uint32_t i = addr_table_find(&p->table, spec->link, &spec->addr, spec->prefix_len);
        struct addr_entry *e;
        bool differs;

        if (i == ADDR_NONE)
                i = addr_table_add(&p->table, spec->link, &spec->addr, spec->prefix_len);
        assert(i != ADDR_NONE);

        e = addr_plan_at(p, i);
        if (e->held++ == 0)
                addr_table_relist(&p->table, i, true);
        differs = !same_parameters(e, spec);
        e->prefix_len = spec->prefix_len;
        e->scope = spec->scope;
        memcpy(e->label, spec->label, sizeof(e->label));
        if (differs && e->wanted > 0)
                addr_plan_recreate(p, i);
        return i;
}

static struct addr_member *find_member(struct addr_entry *e, const struct addr_set *set)
{
        struct addr_member *m = e->members;

        while (m && m->set != set)
                m = m->next;
        return m;
}

static void enter(struct addr_plan *p, struct addr_set *set, struct addr_member *m,
                  const struct addr_spec *spec, mono_t now)
{
        uint32_t i = hold(p, spec);
        struct addr_entry *e = addr_plan_at(p, i);
        const struct addr_member *old = find_member(e, set);

        *m = (struct addr_member){.set = set, .entry = i, .next_report = ADDR_NONE};
        if (old)
                m->news = old->news;
        else if (set->claimed)
                m->news = ADDR_NEWS_UP; /* if it is up already; see settle_list() */
        m->awaited = old ? old->pending : set->claimed;
        m->next = e->members;
        e->members = m;
        if (e->present)
                set->up++;
        if (set->claimed)
                addr_plan_want(p, i, now);
}

static void leave(struct addr_plan *p, struct addr_set *set, struct addr_member *m)
{
        struct addr_entry *e = addr_plan_at(p, m->entry);
        struct addr_member **at = &e->members;

        while (*at != m)
                at = &(*at)->next;
        *at = m->next;
        if (e->present)
                set->up--;
        if (set->claimed)
                addr_plan_unwant(p, m->entry, true);
        if (--e->held == 0)
                addr_table_relist(&p->table, m->entry, false);
        addr_plan_forget(p, m->entry);
}

/* Rebuild what the set knows of its members. */
static void settle_list(struct addr_plan *p, struct addr_set *set)
{
        set->pending = 0;
        set->report_first = set->report_last = ADDR_NONE;
        for (uint32_t i = 0; i < set->n; i++) {
                struct addr_member *m = &set->members[i];
                const struct addr_entry *e = addr_plan_at(p, m->entry);
                bool as_wanted = is_as_wanted(set, e);

                if (!as_wanted)
                        m->news &= (uint8_t)~ADDR_NEWS_UP; /* told when it is */
                m->pending = m->awaited && !as_wanted;
                if (m->pending) {
                        set->pending++;
                        set->busy = true;
                }
                if (m->news)
                        queue_member(p, m);
        }
}

void addr_set_assign(struct addr_plan *p, struct addr_set *set, struct addr_member *members,
                     const struct addr_spec *specs, uint32_t n, mono_t now)
{
        struct addr_member *old = set->members;
        uint32_t n_old = set->n;

        for (uint32_t i = 0; i < n; i++)
                enter(p, set, &members[i], &specs[i], now);
        for (uint32_t i = 0; i < n_old; i++)
                leave(p, set, &old[i]);
        set->members = members;
        set->n = n;
        settle_list(p, set);
        finish(p, set);
        if (set->report_first == ADDR_NONE && !set->done)
                unqueue_set(p, set);
}

void addr_set_clear(struct addr_plan *p, struct addr_set *set, mono_t now)
{
        addr_set_assign(p, set, NULL, NULL, 0, now);
        unqueue_set(p, set);
        addr_set_init(set);
}

bool addr_set_present(const struct addr_plan *p, const struct addr_set *set, uint32_t index)
{
        assert(index < set->n);
        return p->table.mem.entries[set->members[index].entry].present;
}
