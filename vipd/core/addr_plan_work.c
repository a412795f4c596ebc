/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What to do: slices, their answers, and what follows from these. */
#include <assert.h>
#include <errno.h>

#include "vipd/core/addr_plan_internal.h"
#include "vipd/core/addr_set.h"

static void wake(struct addr_plan *p, uint32_t index)
{
        struct addr_entry *e = addr_plan_at(p, index);

        if (e->todo == ADDR_TODO_DEL || addr_plan_obstacle(p, e) == 0) {
                addr_table_ready(&p->table, index, false);
                return;
        }
        addr_table_unplace(&p->table, index);
        addr_plan_believe(e);
        e->err = addr_plan_obstacle(p, e);
        addr_plan_unstable(p, e, e->err);
}

uint32_t addr_plan_next(struct addr_plan *p, mono_t now, uint32_t *ret, uint32_t max)
{
        uint32_t n = 0;

        for (uint32_t i = 0; i < max && mono_reached(addr_plan_deadline(p), now); i++)
                wake(p, addr_table_soonest(&p->table));
        for (; n < max && p->table.ready.first != ADDR_NONE; n++) {
                ret[n] = p->table.ready.first;
                addr_table_unplace(&p->table, ret[n]);
        }
        return n;
}

uint32_t addr_set_next(struct addr_plan *p, const struct addr_set *set, uint32_t *ret, uint32_t max)
{
        uint32_t n = 0;

        for (uint32_t k = 0; n < max && k < set->n; k++) {
                uint32_t i = set->members[set->claimed ? k : set->n - 1 - k].entry;

                if (addr_plan_at(p, i)->place != ADDR_PLACE_READY)
                        continue;
                addr_table_unplace(&p->table, i);
                ret[n++] = i;
        }
        return n;
}

static void fail(struct addr_plan *p, uint32_t index, int err, mono_t now)
{
        struct addr_entry *e = addr_plan_at(p, index);

        p->stats.failed++;
        e->err = err;
        e->tries++;
        addr_table_delay(&p->table, index,
                         mono_add_us(now, addr_plan_delay_us(ADDR_RETRY_DELAY_US, e->tries)));
        if (e->todo == ADDR_TODO_ADD && e->tries >= ADDR_TRIES_MAX)
                addr_plan_unstable(p, e, err);
}

static void is_up(struct addr_plan *p, uint32_t index, mono_t now)
{
        struct addr_entry *e = addr_plan_at(p, index);

        p->stats.added++;
        p->stats.adopted += e->present && !e->ours;
        p->stats.restored += e->restoring;
        e->restoring = false;
        e->ours = true;
        e->tentative = false;
        e->usable = true;
        if (!e->present)
                e->present_len = e->prefix_len;
        e->up_since = now;
        e->err = 0;
        if (e->flaps == 0)
                e->unstable = false; /* it was never taken down, it could not be put up */
        addr_set_count(e, true);
        addr_plan_rest(p, index);
        addr_set_tell(p, e, ADDR_NEWS_UP);
}

static void is_down(struct addr_plan *p, uint32_t index, mono_t now)
{
        struct addr_entry *e = addr_plan_at(p, index);

        p->stats.removed++;
        addr_set_count(e, false);
        if (e->recreate) {
                e->recreate = false;
                e->todo = ADDR_TODO_ADD;
                addr_plan_place(p, index, true, now);
                return;
        }
        addr_plan_rest(p, index);
        addr_plan_forget(p, index);
}

/* Was it lost? @return true if it was not: nothing more is to do */
static bool judge(struct addr_plan *p, uint32_t index, int result, mono_t now)
{
        struct addr_entry *e = addr_plan_at(p, index);

        if (result == -EEXIST) {
                addr_plan_rest(p, index);
                return true;
        }
        addr_plan_believe(e);
        if (result != -ENODEV)
                addr_plan_count_loss(p, e, now); /* else it went with its link */
        return false;
}

void addr_plan_done(struct addr_plan *p, uint32_t index, int result, uint32_t seq, mono_t now)
{
        struct addr_entry *e = addr_plan_at(p, index);

        assert(e->place == ADDR_PLACE_NONE && e->todo != ADDR_TODO_NOTHING);
        e->seq = seq;
        e->seq_valid = true;
        if (result == 0 || result == -EADDRNOTAVAIL || result == -EEXIST)
                addr_plan_touch(p, e);
        if (e->suspect && judge(p, index, result, now))
                return;
        if (e->todo == ADDR_TODO_DEL && (result == -EADDRNOTAVAIL || result == -ENODEV))
                result = 0;
        if (result < 0)
                fail(p, index, result, now);
        else if (e->todo == ADDR_TODO_ADD)
                is_up(p, index, now);
        else
                is_down(p, index, now);
}

bool addr_plan_busy(const struct addr_plan *p)
{
        return p->table.n_ready > 0;
}

mono_t addr_plan_deadline(const struct addr_plan *p)
{
        uint32_t i = addr_table_soonest(&p->table);

        return i == ADDR_NONE ? MONO_NEVER : p->table.mem.entries[i].due;
}

void addr_plan_unpark(struct addr_plan *p)
{
        while (p->table.parked.first != ADDR_NONE)
                addr_table_ready(&p->table, p->table.parked.first, false);
}

uint32_t addr_plan_sweep(struct addr_plan *p)
{
        uint32_t n = 0;

        for (uint32_t i = 0; i < p->table.mem.n_entries; i++) {
                struct addr_entry *e = &p->table.mem.entries[i];

                if (!e->used || !e->present || !e->ours || e->wanted > 0 ||
                    e->todo != ADDR_TODO_NOTHING)
                        continue;
                e->todo = ADDR_TODO_DEL;
                addr_table_ready(&p->table, i, false);
                n++;
        }
        p->stats.swept += n;
        return n;
}
