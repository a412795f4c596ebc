/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipd/core/addr_plan.h"

#include <assert.h>
#include <errno.h>

#include "vipd/core/addr_set.h"

void addr_plan_init(struct addr_plan *p, const struct addr_memory *mem)
{
        *p = (struct addr_plan){.generation = 1};
        addr_table_init(&p->table, mem);
}

static struct addr_entry *entry_at(struct addr_plan *p, uint32_t index)
{
        assert(index < p->table.mem.n_entries && p->table.mem.entries[index].used);
        return &p->table.mem.entries[index];
}

const struct addr_entry *addr_plan_entry(const struct addr_plan *p, uint32_t index)
{
        assert(index < p->table.mem.n_entries && p->table.mem.entries[index].used);
        return &p->table.mem.entries[index];
}

static struct addr_link *link_of(struct addr_plan *p, const struct addr_entry *e)
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
static void touch(struct addr_plan *p, struct addr_entry *e)
{
        e->touched = e->checked = p->generation;
}

void addr_plan_forget(struct addr_plan *p, uint32_t index)
{
        struct addr_entry *e = entry_at(p, index);

        /* During a dump a forgotten entry could come back from an old line. */
        if (e->held == 0 && !e->present && e->todo == ADDR_TODO_NOTHING && !p->dumping)
                addr_table_remove(&p->table, index);
}

/* --- what to do: placing ------------------------------------------------------------ */

/* Why an address cannot be put up now, or 0. An IPv6 address on a link that is down would
 * be swept away by the kernel; an IPv4 one stays. */
static int obstacle(struct addr_plan *p, const struct addr_entry *e)
{
        const struct addr_link *l = link_of(p, e);

        if (l->ifindex == 0)
                return -ENODEV;
        return e->addr.family == AF_INET6 && !l->up ? -ENETDOWN : 0;
}

/* It cannot be asked for now, so what was said of it is believed. */
static void believe_suspicion(struct addr_entry *e)
{
        if (!e->suspect)
                return;
        e->suspect = false;
        e->restoring = true;
        addr_set_count(e, false);
        addr_set_unsettle(e);
}

static void report_unstable(struct addr_plan *p, struct addr_entry *e, int err)
{
        if (e->unstable)
                return;
        e->unstable = true;
        e->unstable_err = err;
        addr_set_tell(p, e, ADDR_NEWS_UNSTABLE);
}

static void place_add(struct addr_plan *p, uint32_t index, bool first, mono_t now)
{
        struct addr_entry *e = entry_at(p, index);
        int err = obstacle(p, e);

        if (err == 0) {
                addr_table_ready(&p->table, index, first);
                return;
        }
        believe_suspicion(e);
        e->err = err;
        if (e->unstable)
                addr_table_unplace(&p->table, index); /* said; the link's return wakes it */
        else
                addr_table_delay(&p->table, index, mono_add_us(now, ADDR_GRACE_US));
}

static void rest(struct addr_plan *p, uint32_t index)
{
        struct addr_entry *e = entry_at(p, index);

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
static void reclaim(struct addr_plan *p, uint32_t index, mono_t now)
{
        struct addr_entry *e = entry_at(p, index);

        if (e->ours || !p->tags_work)
                return; /* a kernel that keeps no tags cannot be satisfied */
        e->todo = ADDR_TODO_ADD;
        place_add(p, index, false, now);
}

void addr_plan_want(struct addr_plan *p, uint32_t index, mono_t now)
{
        struct addr_entry *e = entry_at(p, index);

        if (e->wanted++ > 0)
                return;
        if (e->place == ADDR_PLACE_PARKED && e->intact && e->present) {
                rest(p, index); /* moved from one set to another: never taken down */
                reclaim(p, index, now);
                return;
        }
        forget_trouble(e);
        e->todo = ADDR_TODO_ADD;
        place_add(p, index, false, now);
        addr_set_settle(p, e);
}

void addr_plan_unwant(struct addr_plan *p, uint32_t index, bool park)
{
        struct addr_entry *e = entry_at(p, index);

        assert(e->wanted > 0);
        if (--e->wanted > 0)
                return;
        if (link_of(p, e)->ifindex == 0) {
                rest(p, index);
                return;
        }
        believe_suspicion(e);
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
        struct addr_entry *e = entry_at(p, index);

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
static void count_loss(struct addr_plan *p, struct addr_entry *e, mono_t now)
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
        report_unstable(p, e, 0);
}

/* Ask for the address at once, or, after too many losses, some time later. */
static void place_again(struct addr_plan *p, uint32_t index, mono_t now)
{
        struct addr_entry *e = entry_at(p, index);

        if (e->flaps == 0 || obstacle(p, e) != 0)
                place_add(p, index, true, now);
        else
                addr_table_delay(
                        &p->table, index,
                        mono_add_us(now, addr_plan_delay_us(ADDR_FLAP_DELAY_US, e->flaps)));
}

static void mark_own_change(struct addr_plan *p, const struct addr_entry *e)
{
        if (e->held == 0 && !e->ours)
                link_of(p, e)->changed = true;
}

/* The kernel takes IPv6 addresses from a link that goes down, and all from one that goes away,
 * which is down by then. Nobody's attack, no reason to count. */
static bool is_links_fault(struct addr_plan *p, const struct addr_entry *e,
                           const struct addr_origin *by)
{
        if (obstacle(p, e) != 0)
                return true;
        return by->teller == ADDR_BY_OTHER && by->port == 0 && !link_of(p, e)->up;
}

/* Nobody wants it, and it is not there, or was not; a removal that is due is asked for anyway. */
static void drop_unwanted(struct addr_plan *p, uint32_t index)
{
        struct addr_entry *e = entry_at(p, index);

        if (e->present)
                mark_own_change(p, e);
        addr_set_count(e, false);
        addr_plan_forget(p, index);
}

/* It is wanted, was up, and is said not to be there. */
static void drop_wanted(struct addr_plan *p, uint32_t index, const struct addr_origin *by,
                        mono_t now)
{
        struct addr_entry *e = entry_at(p, index);
        bool no_fault = by->teller == ADDR_BY_US || is_links_fault(p, e, by);

        e->todo = ADDR_TODO_ADD;
        e->recreate = false;
        e->lost_port = by->port;
        if (!no_fault && by->teller == ADDR_BY_OTHER) {
                e->suspect = true;
                place_again(p, index, now);
                return;
        }
        e->restoring = true;
        addr_set_count(e, false);
        addr_set_unsettle(e);
        if (!no_fault)
                count_loss(p, e, now);
        place_again(p, index, now);
}

static void drop(struct addr_plan *p, uint32_t index, const struct addr_origin *by, mono_t now)
{
        struct addr_entry *e = entry_at(p, index);

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
        e = entry_at(p, i);
        if (is_answered(e, by))
                return;
        touch(p, e);
        drop(p, i, by, now);
}

static void note(struct addr_plan *p, struct addr_entry *e, const struct addr_sight *sight)
{
        bool changed = !e->present || e->usable != sight->usable || e->ours != sight->ours;

        e->ours = sight->ours;
        p->tags_work |= sight->ours;
        e->secondary = sight->secondary;
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
        e = entry_at(p, i);
        if (by->teller == ADDR_BY_DUMP) {
                if (e->touched == p->generation)
                        return true;
                e->checked = p->generation;
        } else {
                touch(p, e);
        }
        note(p, e, sight);
        if (e->suspect)
                rest(p, i); /* there it is again, by our doing or another's */
        if (e->wanted == 0 || e->todo != ADDR_TODO_NOTHING)
                return true;
        if (sight->failed) {
                addr_plan_recreate(p, i); /* ours come without detection */
        } else {
                reclaim(p, i, now);
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
                struct addr_entry *e = entry_at(p, i);

                next = e->link_next;
                addr_set_count(e, false);
                e->seq_valid = false;
                e->touched = 0; /* what was told concerns a link that is no more */
                if (e->wanted == 0) {
                        rest(p, i);
                        addr_plan_forget(p, i);
                        continue;
                }
                e->restoring |= e->todo == ADDR_TODO_NOTHING;
                e->todo = ADDR_TODO_ADD;
                e->recreate = false;
                e->suspect = false;
                addr_set_unsettle(e);
                place_add(p, i, false, now);
        }
}

/* What was waiting for the link, or failed on it, is tried at once. */
static void link_found(struct addr_plan *p, const struct addr_link *l, mono_t now)
{
        for (uint32_t i = l->vips.first; i != ADDR_NONE; i = entry_at(p, i)->link_next) {
                struct addr_entry *e = entry_at(p, i);

                if (e->todo != ADDR_TODO_ADD)
                        continue;
                e->tries = 0;
                place_add(p, i, false, now);
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

/* --- what to do: slices ------------------------------------------------------------------ */

static void wake(struct addr_plan *p, uint32_t index)
{
        struct addr_entry *e = entry_at(p, index);

        if (e->todo == ADDR_TODO_DEL || obstacle(p, e) == 0) {
                addr_table_ready(&p->table, index, false);
                return;
        }
        addr_table_unplace(&p->table, index);
        believe_suspicion(e);
        e->err = obstacle(p, e);
        report_unstable(p, e, e->err);
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

                if (entry_at(p, i)->place != ADDR_PLACE_READY)
                        continue;
                addr_table_unplace(&p->table, i);
                ret[n++] = i;
        }
        return n;
}

static void fail(struct addr_plan *p, uint32_t index, int err, mono_t now)
{
        struct addr_entry *e = entry_at(p, index);

        p->stats.failed++;
        e->err = err;
        e->tries++;
        addr_table_delay(&p->table, index,
                         mono_add_us(now, addr_plan_delay_us(ADDR_RETRY_DELAY_US, e->tries)));
        if (e->todo == ADDR_TODO_ADD && e->tries >= ADDR_TRIES_MAX)
                report_unstable(p, e, err);
}

static void is_up(struct addr_plan *p, uint32_t index, mono_t now)
{
        struct addr_entry *e = entry_at(p, index);

        p->stats.added++;
        p->stats.adopted += e->present && !e->ours;
        p->stats.restored += e->restoring;
        e->restoring = false;
        e->ours = true;
        e->usable = true;
        if (!e->present)
                e->present_len = e->prefix_len;
        e->up_since = now;
        e->err = 0;
        if (e->flaps == 0)
                e->unstable = false; /* it was never taken down, it could not be put up */
        addr_set_count(e, true);
        rest(p, index);
        addr_set_tell(p, e, ADDR_NEWS_UP);
}

static void is_down(struct addr_plan *p, uint32_t index, mono_t now)
{
        struct addr_entry *e = entry_at(p, index);

        p->stats.removed++;
        addr_set_count(e, false);
        if (e->recreate) {
                e->recreate = false;
                e->todo = ADDR_TODO_ADD;
                place_add(p, index, true, now);
                return;
        }
        rest(p, index);
        addr_plan_forget(p, index);
}

/* Was it lost? @return true if it was not: nothing more is to do */
static bool judge(struct addr_plan *p, uint32_t index, int result, mono_t now)
{
        struct addr_entry *e = entry_at(p, index);

        if (result == -EEXIST) {
                rest(p, index);
                reclaim(p, index, now);
                return true;
        }
        believe_suspicion(e);
        if (result != -ENODEV)
                count_loss(p, e, now); /* else it went with its link */
        return false;
}

void addr_plan_done(struct addr_plan *p, uint32_t index, int result, uint32_t seq, mono_t now)
{
        struct addr_entry *e = entry_at(p, index);

        assert(e->place == ADDR_PLACE_NONE && e->todo != ADDR_TODO_NOTHING);
        e->seq = seq;
        e->seq_valid = true;
        if (result == 0 || result == -EADDRNOTAVAIL || result == -EEXIST)
                touch(p, e);
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
