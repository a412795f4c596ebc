/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel says: links, addresses, dumps. */
#include <assert.h>
#include <errno.h>

#include "vipd/core/addr_plan_internal.h"
#include "vipd/core/addr_set.h"

static void mark_own_change(struct addr_plan *p, const struct addr_entry *e)
{
        if (e->held == 0 && !e->ours)
                addr_plan_link_of(p, e)->changed = true;
}

/* The kernel takes IPv6 addresses from a link that goes down, and all from one that goes away,
 * which is down by then. Nobody's attack, no reason to count. */
static bool is_links_fault(struct addr_plan *p, const struct addr_entry *e,
                           const struct addr_origin *by)
{
        if (addr_plan_obstacle(p, e) != 0)
                return true;
        return by->teller == ADDR_BY_OTHER && by->port == 0 && !addr_plan_link_of(p, e)->up;
}

/* Nobody wants it, and it is not there, or was not; a removal that is due is asked for anyway. */
static void drop_unwanted(struct addr_plan *p, uint32_t index)
{
        struct addr_entry *e = addr_plan_at(p, index);

        if (e->present)
                mark_own_change(p, e);
        addr_set_count(e, false);
        addr_plan_forget(p, index);
}

/* It is wanted, was up, and is said not to be there. */
static void drop_wanted(struct addr_plan *p, uint32_t index, const struct addr_origin *by,
                        mono_t now)
{
        struct addr_entry *e = addr_plan_at(p, index);
        bool no_fault = by->teller == ADDR_BY_US || is_links_fault(p, e, by);

        e->todo = ADDR_TODO_ADD;
        e->recreate = false;
        e->lost_port = by->port;
        if (!no_fault && by->teller == ADDR_BY_OTHER) {
                e->suspect = true;
                addr_plan_place_again(p, index, now);
                return;
        }
        e->restoring = true;
        addr_set_count(e, false);
        addr_set_unsettle(e);
        if (!no_fault)
                addr_plan_count_loss(p, e, now);
        addr_plan_place_again(p, index, now);
}

static void drop(struct addr_plan *p, uint32_t index, const struct addr_origin *by, mono_t now)
{
        struct addr_entry *e = addr_plan_at(p, index);

        if (e->wanted == 0)
                drop_unwanted(p, index);
        else if (e->todo == ADDR_TODO_ADD && !e->suspect)
                addr_set_count(e, false); /* is to be put up anyway */
        else if (e->present && !e->suspect)
                drop_wanted(p, index, by, now);
}

/*
 * An echo of ours that is older than the last answer, by which the address is up. In all other
 * cases everything is believed in its order: the last piece of news is the truth.
 */
static bool is_answered(const struct addr_entry *e, const struct addr_origin *by)
{
        return by->teller == ADDR_BY_US && e->wanted > 0 && e->todo == ADDR_TODO_NOTHING &&
               e->seq_valid && (int32_t)(by->seq - e->seq) <= 0;
}

void addr_plan_gone(struct addr_plan *p, const struct addr_sight *sight,
                    const struct addr_origin *by, mono_t now)
{
        uint32_t i = addr_table_find(&p->table, sight->link, &sight->addr, sight->prefix_len);
        struct addr_entry *e;

        if (i == ADDR_NONE)
                return;
        e = addr_plan_at(p, i);
        if (is_answered(e, by))
                return;
        addr_plan_touch(p, e);
        drop(p, i, by, now);
}

static void note(struct addr_plan *p, struct addr_entry *e, const struct addr_sight *sight)
{
        bool changed = !e->present || e->usable != sight->usable || e->ours != sight->ours;

        e->ours = sight->ours;
        p->tags_work |= sight->ours;
        e->secondary = sight->secondary;
        e->tentative = sight->tentative;
        e->usable = sight->usable;
        e->present_len = sight->prefix_len;
        addr_set_count(e, true);
        if (changed)
                mark_own_change(p, e);
}

bool addr_plan_seen(struct addr_plan *p, const struct addr_sight *sight,
                    const struct addr_origin *by, mono_t now)
{
        uint32_t i = addr_table_find(&p->table, sight->link, &sight->addr, sight->prefix_len);
        struct addr_entry *e;

        if (i == ADDR_NONE)
                i = addr_table_add(&p->table, sight->link, &sight->addr, sight->prefix_len);
        if (i == ADDR_NONE)
                return false;
        e = addr_plan_at(p, i);
        if (by->teller == ADDR_BY_DUMP) {
                if (e->touched == p->generation)
                        return true;
                e->checked = p->generation;
        } else {
                addr_plan_touch(p, e);
        }
        note(p, e, sight);
        if (e->suspect)
                addr_plan_rest(p, i); /* there it is again, by our doing or another's */
        if (e->wanted == 0 || e->todo != ADDR_TODO_NOTHING)
                return true;
        if (e->tentative) {
                addr_plan_recreate(p, i); /* ours come without detection */
        } else {
                addr_plan_reclaim(p, i, now);
        }
        return true;
}

void addr_plan_dump_begin(struct addr_plan *p)
{
        p->generation++;
        p->dumping = true;
}

void addr_plan_dump_end(struct addr_plan *p, mono_t now)
{
        const struct addr_origin by = {.teller = ADDR_BY_DUMP};

        p->dumping = false;
        for (uint32_t i = 0; i < p->table.mem.n_entries; i++) {
                const struct addr_entry *e = &p->table.mem.entries[i];

                if (!e->used)
                        continue;
                if (e->present && e->checked != p->generation)
                        drop(p, i, &by, now);
                else
                        addr_plan_forget(p, i);
        }
}

/* --- links ----------------------------------------------------------------------------- */

static void link_lost(struct addr_plan *p, uint32_t first, mono_t now)
{
        for (uint32_t i = first, next; i != ADDR_NONE; i = next) {
                struct addr_entry *e = addr_plan_at(p, i);

                next = e->link_next;
                addr_set_count(e, false);
                e->seq_valid = false;
                e->touched = 0; /* what was told concerns a link that is no more */
                if (e->wanted == 0) {
                        addr_plan_rest(p, i);
                        addr_plan_forget(p, i);
                        continue;
                }
                e->restoring |= e->todo == ADDR_TODO_NOTHING;
                e->todo = ADDR_TODO_ADD;
                e->recreate = false;
                e->suspect = false;
                addr_set_unsettle(e);
                addr_plan_place(p, i, false, now);
        }
}

/* What was waiting for the link, or failed on it, is tried at once. */
static void link_found(struct addr_plan *p, const struct addr_link *l, mono_t now)
{
        for (uint32_t i = l->vips.first; i != ADDR_NONE; i = addr_plan_at(p, i)->link_next) {
                struct addr_entry *e = addr_plan_at(p, i);

                if (e->todo != ADDR_TODO_ADD)
                        continue;
                e->tries = 0;
                addr_plan_place(p, i, false, now);
        }
}

void addr_plan_link(struct addr_plan *p, uint32_t link, int ifindex, bool up, mono_t now)
{
        struct addr_link *l = &p->table.mem.links[link];
        bool replaced = l->ifindex != 0 && l->ifindex != ifindex;
        bool found = ifindex != 0 && (l->ifindex != ifindex || (up && !l->up));

        assert(link < p->table.mem.n_links);
        if (replaced) {
                l->ifindex = 0;
                l->up = false;
                l->changed = true;
                link_lost(p, l->own.first, now);
                link_lost(p, l->vips.first, now);
        }
        l->ifindex = ifindex;
        l->up = ifindex != 0 && up;
        if (found)
                link_found(p, l, now);
}
