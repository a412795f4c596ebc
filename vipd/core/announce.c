/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipd/core/announce.h"

#include <assert.h>
#include <string.h>

#define FRAME                                                                                      \
        INT64_C(1000000) /* one frame's credit: `rate` of these per second is `rate` per µs       \
                          */

/* --- table ---------------------------------------------------------------- */

static uint32_t bucket_count(unsigned max)
{
        uint32_t n = 16;

        while (n < max)
                n *= 2;
        return n;
}

size_t announce_memory(unsigned max)
{
        return max * sizeof(struct announce_entry) + bucket_count(max) * sizeof(uint32_t);
}

static uint32_t *bucket(const struct announce *a, const struct ip_addr *addr, uint32_t link)
{
        uint32_t hash = UINT32_C(2166136261) ^
                        link; /* FNV-1a; addresses are the operator's, not a peer's */

        for (size_t i = 0; i < sizeof(addr->bytes); i++)
                hash = (hash ^ addr->bytes[i]) * UINT32_C(16777619);
        return &a->buckets[(hash ^ hash >> 16) & (a->n_buckets - 1)];
}

/* The place that refers to the entry, or the end of its chain. */
static uint32_t *find(const struct announce *a, const struct ip_addr *addr, uint32_t link)
{
        uint32_t *at = bucket(a, addr, link);

        for (; *at; at = &a->entries[*at - 1].chain) {
                const struct announce_entry *e = &a->entries[*at - 1];

                if (e->link == link && ip_addr_cmp(&e->addr, addr) == 0)
                        break;
        }
        return at;
}

/* --- queues --------------------------------------------------------------- */

static uint32_t slot_of(const struct announce *a, const struct announce_entry *e)
{
        return (uint32_t)(e - a->entries) + 1;
}

static struct announce_entry *head(const struct announce *a, enum announce_queue q)
{
        return a->queues[q].head ? &a->entries[a->queues[q].head - 1] : NULL;
}

static void leave_queue(struct announce *a, struct announce_entry *e)
{
        if (e->prev)
                a->entries[e->prev - 1].next = e->next;
        else
                a->queues[e->queue].head = e->next;
        if (e->next)
                a->entries[e->next - 1].prev = e->prev;
        else
                a->queues[e->queue].tail = e->prev;
        e->prev = e->next = 0;
}

static void join_queue(struct announce *a, struct announce_entry *e, enum announce_queue q)
{
        e->queue = (uint8_t)q;
        e->prev = a->queues[q].tail;
        e->next = 0;
        if (e->prev)
                a->entries[e->prev - 1].next = slot_of(a, e);
        else
                a->queues[q].head = slot_of(a, e);
        a->queues[q].tail = slot_of(a, e);
}

/* Behind all frames that are out: where the entry waits now. */
static enum announce_queue queue_after(const struct announce *a, unsigned sent)
{
        return sent < a->schedule.count ? ANNOUNCE_REPEAT : ANNOUNCE_REFRESH;
}

static void start_anew(struct announce *a, struct announce_entry *e)
{
        leave_queue(a, e);
        e->sent = 0;
        e->tries = 0;
        join_queue(a, e, ANNOUNCE_FIRST);
}

/* When the head of a queue is due, rate aside. Those at once are due since ever. */
static mono_t due(const struct announce *a, enum announce_queue q)
{
        const struct announce_entry *e = head(a, q);

        if (!e)
                return MONO_NEVER;
        switch (q) {
        case ANNOUNCE_FIRST:
                return (mono_t){0};
        case ANNOUNCE_RETRY:
                return mono_add_us(e->at, ANNOUNCE_RETRY_US);
        case ANNOUNCE_REPEAT:
                return mono_add_us(e->at, a->schedule.interval_us);
        case ANNOUNCE_REFRESH:
                return a->schedule.refresh_us > 0 ? mono_add_us(e->at, a->schedule.refresh_us)
                                                  : MONO_NEVER;
        case ANNOUNCE_QUEUES:
                break;
        }
        return MONO_NEVER;
}

/* --- rate ----------------------------------------------------------------- */

static int64_t full_credit(const struct announce *a)
{
        unsigned burst = a->schedule.rate < ANNOUNCE_BURST ? a->schedule.rate : ANNOUNCE_BURST;

        return burst * FRAME;
}

static int64_t credit_at(const struct announce *a, mono_t now)
{
        int64_t full = full_credit(a), passed = mono_diff_us(now, a->credited);

        /* the first test keeps the product from overflowing */
        if (passed > full / a->schedule.rate || a->credit + passed * a->schedule.rate > full)
                return full;
        return a->credit + passed * a->schedule.rate;
}

/* The earliest time with credit for a frame. */
static mono_t affordable(const struct announce *a, mono_t now)
{
        int64_t missing;

        if (a->schedule.rate == 0)
                return now;
        missing = FRAME - credit_at(a, now);
        if (missing <= 0)
                return now;
        return mono_add_us(now, (missing + a->schedule.rate - 1) / a->schedule.rate);
}

static bool spend(struct announce *a, mono_t now)
{
        int64_t credit;

        if (a->schedule.rate == 0)
                return true;
        credit = credit_at(a, now);
        if (credit < FRAME)
                return false;
        a->credit = credit - FRAME;
        a->credited = now;
        return true;
}

/* --- surface -------------------------------------------------------------- */

void announce_init(struct announce *a, const struct announce_schedule *schedule, unsigned max,
                   void *memory)
{
        assert(schedule->count > 0 && schedule->interval_us >= 0 && schedule->refresh_us >= 0);
        *a = (struct announce){
                .schedule = *schedule,
                .entries = memory,
                .buckets = (uint32_t *)((struct announce_entry *)memory + max),
                .max = max,
                .n_buckets = bucket_count(max),
        };
        a->credit = full_credit(a);
        announce_clear(a);
}

void announce_clear(struct announce *a)
{
        memset(a->entries, 0, announce_memory(a->max));
        memset(a->queues, 0, sizeof(a->queues));
        for (unsigned i = 0; i < a->max; i++)
                a->entries[i].chain = i + 1 < a->max ? i + 2 : 0;
        a->free = a->max > 0 ? 1 : 0;
        a->n = 0;
}

/* A free slot for an address that is not in the table, in no queue yet; NULL if full. */
static struct announce_entry *insert(struct announce *a, uint32_t *at, const struct ip_addr *addr,
                                     uint32_t link)
{
        struct announce_entry *e;

        if (!a->free)
                return NULL;
        e = &a->entries[a->free - 1];
        *at = a->free;
        a->free = e->chain;
        *e = (struct announce_entry){.addr = *addr, .link = link};
        a->n++;
        return e;
}

bool announce_add(struct announce *a, const struct ip_addr *addr, uint32_t link)
{
        uint32_t *at = find(a, addr, link);
        struct announce_entry *e;

        assert(addr->family != 0);
        if (*at) {
                start_anew(a, &a->entries[*at - 1]);
                return true;
        }
        e = insert(a, at, addr, link);
        if (e)
                join_queue(a, e, ANNOUNCE_FIRST);
        return e != NULL;
}

/* @param at what refers to the entry */
static void take_out(struct announce *a, uint32_t *at)
{
        uint32_t slot = *at;
        struct announce_entry *e = &a->entries[slot - 1];

        leave_queue(a, e);
        *at = e->chain;
        *e = (struct announce_entry){.chain = a->free};
        a->free = slot;
        a->n--;
}

bool announce_remove(struct announce *a, const struct ip_addr *addr, uint32_t link)
{
        uint32_t *at = find(a, addr, link);

        if (!*at)
                return false;
        take_out(a, at);
        return true;
}

bool announce_mark(struct announce *a, const struct ip_addr *addr, uint32_t link)
{
        uint32_t slot = *find(a, addr, link);

        if (slot)
                a->entries[slot - 1].marked = true;
        return slot != 0;
}

unsigned announce_sweep(struct announce *a)
{
        unsigned before = a->n;

        for (unsigned i = 0; i < a->max; i++) {
                struct announce_entry *e = &a->entries[i];

                if (e->addr.family != 0 && !e->marked)
                        take_out(a, find(a, &e->addr, e->link));
                else
                        e->marked = false;
        }
        return before - a->n;
}

void announce_repeat(struct announce *a)
{
        for (unsigned i = 0; i < a->max; i++)
                if (a->entries[i].addr.family != 0)
                        start_anew(a, &a->entries[i]);
}

void announce_repeat_link(struct announce *a, uint32_t link)
{
        for (unsigned i = 0; i < a->max; i++)
                if (a->entries[i].addr.family != 0 && a->entries[i].link == link)
                        start_anew(a, &a->entries[i]);
}

/* The two last queues may trade entries; both stay ordered by `at`. */
void announce_reconfigure(struct announce *a, const struct announce_schedule *schedule)
{
        uint32_t at[2] = {a->queues[ANNOUNCE_REPEAT].head, a->queues[ANNOUNCE_REFRESH].head};

        assert(schedule->count > 0 && schedule->interval_us >= 0 && schedule->refresh_us >= 0);
        a->schedule = *schedule;
        memset(&a->queues[ANNOUNCE_REPEAT], 0, sizeof(a->queues[0]));
        memset(&a->queues[ANNOUNCE_REFRESH], 0, sizeof(a->queues[0]));
        while (at[0] || at[1]) {
                unsigned from =
                        !at[0]   ? 1
                        : !at[1] ? 0
                                 : mono_before(a->entries[at[1] - 1].at, a->entries[at[0] - 1].at);
                struct announce_entry *e = &a->entries[at[from] - 1];

                at[from] = e->next;
                join_queue(a, e, queue_after(a, e->sent));
        }
}

void announce_move(struct announce *to, const struct announce *from)
{
        assert(to->n == 0 && to->max >= from->n);
        to->credit = from->credit;
        to->credited = from->credited;
        for (int q = 0; q < ANNOUNCE_QUEUES; q++) {
                const struct announce_entry *e = head(from, (enum announce_queue)q);

                while (e) {
                        struct announce_entry *copy =
                                insert(to, find(to, &e->addr, e->link), &e->addr, e->link);

                        copy->sent = e->sent;
                        copy->tries = e->tries;
                        copy->at = e->at;
                        join_queue(to, copy, (enum announce_queue)q);
                        e = e->next ? &from->entries[e->next - 1] : NULL;
                }
        }
}

mono_t announce_deadline(const struct announce *a, mono_t now)
{
        mono_t first = MONO_NEVER, pace;

        for (int q = 0; q < ANNOUNCE_QUEUES; q++)
                first = mono_min(first, due(a, (enum announce_queue)q));
        if (mono_is_never(first))
                return first;
        pace = affordable(a, now);
        return mono_before(first, pace) ? pace : first;
}

struct announce_entry *announce_next(struct announce *a, mono_t now)
{
        struct announce_entry *e;
        int q = 0;

        while (q < ANNOUNCE_QUEUES && !mono_reached(due(a, (enum announce_queue)q), now))
                q++;
        if (q == ANNOUNCE_QUEUES || !spend(a, now))
                return NULL;

        e = head(a, (enum announce_queue)q);
        leave_queue(a, e);
        if (q != ANNOUNCE_RETRY)
                e->tries = 0;
        if (e->sent < a->schedule.count)
                e->sent++;
        e->at = now;
        join_queue(a, e, queue_after(a, e->sent));
        return e;
}

bool announce_failed(struct announce *a, struct announce_entry *e, mono_t now)
{
        if (e->tries == ANNOUNCE_RETRIES) {
                e->tries = 0;
                return false;
        }
        leave_queue(a, e);
        e->tries++;
        e->sent--;
        e->at = now;
        join_queue(a, e, ANNOUNCE_RETRY);
        return true;
}
