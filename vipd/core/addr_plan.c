/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipd/core/addr_plan.h"

#include <assert.h>
#include <errno.h>

#include "vipd/core/addr_plan_internal.h"
#include "vipd/core/addr_set.h"

void addr_plan_init(struct addr_plan *p, const struct addr_memory *mem)
{
        *p = (struct addr_plan){.generation = 1};
        addr_table_init(&p->table, mem);
}

struct addr_entry *addr_plan_at(struct addr_plan *p, uint32_t index)
{
        assert(index < p->table.mem.n_entries && p->table.mem.entries[index].used);
        return &p->table.mem.entries[index];
}

const struct addr_entry *addr_plan_entry(const struct addr_plan *p, uint32_t index)
{
        assert(index < p->table.mem.n_entries && p->table.mem.entries[index].used);
        return &p->table.mem.entries[index];
}

struct addr_link *addr_plan_link_of(struct addr_plan *p, const struct addr_entry *e)
{
        return &p->table.mem.links[e->link];
}

int64_t addr_plan_delay_us(int64_t first_us, unsigned n)
{
        int64_t delay = first_us;

        assert(n > 0);
        while (--n > 0 && delay < ADDR_DELAY_MAX_US)
                delay *= 2;
        return delay < ADDR_DELAY_MAX_US ? delay : ADDR_DELAY_MAX_US;
}

/* An answer or event told of the entry: a dump that was begun before knows less. */
void addr_plan_touch(struct addr_plan *p, struct addr_entry *e)
{
        e->touched = e->checked = p->generation;
}

void addr_plan_forget(struct addr_plan *p, uint32_t index)
{
        struct addr_entry *e = addr_plan_at(p, index);

        /* During a dump a forgotten entry could come back from an old line. */
        if (e->held == 0 && !e->present && e->todo == ADDR_TODO_NOTHING && !p->dumping)
                addr_table_remove(&p->table, index);
}

/* --- what to do: placing ------------------------------------------------------------ */

/* Why an address cannot be put up now, or 0. An IPv6 address on a link that is down would
 * be swept away by the kernel; an IPv4 one stays. */
int addr_plan_obstacle(struct addr_plan *p, const struct addr_entry *e)
{
        const struct addr_link *l = addr_plan_link_of(p, e);

        if (l->ifindex == 0)
                return -ENODEV;
        return e->addr.family == AF_INET6 && !l->up ? -ENETDOWN : 0;
}

/* It cannot be asked for now, so what was said of it is believed. */
void addr_plan_believe(struct addr_entry *e)
{
        if (!e->suspect)
                return;
        e->suspect = false;
        e->restoring = true;
        addr_set_count(e, false);
        addr_set_unsettle(e);
}

void addr_plan_unstable(struct addr_plan *p, struct addr_entry *e, int err)
{
        if (e->unstable)
                return;
        e->unstable = true;
        e->unstable_err = err;
        addr_set_tell(p, e, ADDR_NEWS_UNSTABLE);
}

void addr_plan_place(struct addr_plan *p, uint32_t index, bool first, mono_t now)
{
        struct addr_entry *e = addr_plan_at(p, index);
        int err = addr_plan_obstacle(p, e);

        if (err == 0) {
                addr_table_ready(&p->table, index, first);
                return;
        }
        addr_plan_believe(e);
        e->err = err;
        if (e->unstable)
                addr_table_unplace(&p->table, index); /* said; the link's return wakes it */
        else
                addr_table_delay(&p->table, index, mono_add_us(now, ADDR_GRACE_US));
}

void addr_plan_rest(struct addr_plan *p, uint32_t index)
{
        struct addr_entry *e = addr_plan_at(p, index);

        e->todo = ADDR_TODO_NOTHING;
        e->recreate = false;
        e->suspect = false;
        e->tries = 0;
        addr_table_unplace(&p->table, index);
        addr_set_settle(p, e);
}

static void forget_trouble(struct addr_entry *e)
{
        e->tries = 0;
        e->err = 0;
        e->flaps = 0;
        e->n_losses = 0;
        e->unstable = false;
        e->restoring = false;
        e->recreate = false;
}

/* Somebody else put a wanted address there: make it ours. */
void addr_plan_reclaim(struct addr_plan *p, uint32_t index, mono_t now)
{
        struct addr_entry *e = addr_plan_at(p, index);

        if (e->ours || !p->tags_work)
                return; /* a kernel that keeps no tags cannot be satisfied */
        e->todo = ADDR_TODO_ADD;
        addr_plan_place(p, index, false, now);
}

void addr_plan_want(struct addr_plan *p, uint32_t index, mono_t now)
{
        struct addr_entry *e = addr_plan_at(p, index);

        if (e->wanted++ > 0)
                return;
        if (e->place == ADDR_PLACE_PARKED && e->intact && e->present) {
                addr_plan_rest(p, index); /* moved from one set to another: never taken down */
                addr_plan_reclaim(p, index, now);
                return;
        }
        forget_trouble(e);
        e->todo = ADDR_TODO_NOTHING;
        if (e->tentative)
                addr_plan_recreate(p, index);
        if (e->todo == ADDR_TODO_NOTHING) {
                e->todo = ADDR_TODO_ADD;
                addr_plan_place(p, index, false, now);
        }
        addr_set_settle(p, e);
}

void addr_plan_unwant(struct addr_plan *p, uint32_t index, bool park)
{
        struct addr_entry *e = addr_plan_at(p, index);

        assert(e->wanted > 0);
        if (--e->wanted > 0)
                return;
        if (addr_plan_link_of(p, e)->ifindex == 0) {
                addr_plan_rest(p, index);
                return;
        }
        addr_plan_believe(e);
        e->intact = e->present && e->todo == ADDR_TODO_NOTHING;
        e->todo = ADDR_TODO_DEL;
        e->recreate = false;
        e->tries = 0;
        if (park)
                addr_table_park(&p->table, index);
        else
                addr_table_ready(&p->table, index, false);
}

void addr_plan_recreate(struct addr_plan *p, uint32_t index)
{
        struct addr_entry *e = addr_plan_at(p, index);

        if (!e->present || e->todo != ADDR_TODO_NOTHING)
                return; /* what comes next takes the new parameters anyway */
        e->todo = ADDR_TODO_DEL;
        e->recreate = true;
        addr_table_ready(&p->table, index, false);
}

/* --- what the kernel says ------------------------------------------------------------ */

static bool too_many_losses(struct addr_entry *e, mono_t now)
{
        mono_t *slot = &e->losses[e->n_losses % ADDR_LOSSES];
        bool many = e->n_losses >= ADDR_LOSSES && mono_diff_us(now, *slot) <= ADDR_LOSS_WINDOW_US;

        *slot = now;
        e->n_losses++;
        return many;
}

/* A wanted address that was up was taken down by somebody else. */
void addr_plan_count_loss(struct addr_plan *p, struct addr_entry *e, mono_t now)
{
        bool many = too_many_losses(e, now);

        p->stats.lost++;
        e->err = 0;
        if (mono_diff_us(now, e->up_since) > ADDR_CALM_US) {
                e->flaps = 0;
                e->unstable = false;
        }
        addr_set_tell(p, e, ADDR_NEWS_LOST);
        if (!many && e->flaps == 0)
                return;
        e->flaps++;
        addr_plan_unstable(p, e, 0);
}

/* Ask for the address at once, or, after too many losses, some time later. */
void addr_plan_place_again(struct addr_plan *p, uint32_t index, mono_t now)
{
        struct addr_entry *e = addr_plan_at(p, index);

        if (e->flaps == 0 || addr_plan_obstacle(p, e) != 0)
                addr_plan_place(p, index, true, now);
        else
                addr_table_delay(
                        &p->table, index,
                        mono_add_us(now, addr_plan_delay_us(ADDR_FLAP_DELAY_US, e->flaps)));
}
