/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipd/core/addr_table.h"

#include <assert.h>
#include <string.h>

static const struct addr_chain EMPTY = {ADDR_NONE, ADDR_NONE};

/* FNV-1a over link and address; the table is not keyed by strangers. */
static uint32_t bucket_of(const struct addr_table *t, uint32_t link, const struct ip_addr *addr)
{
        uint32_t hash = 2166136261u;
        size_t len = ip_addr_len(addr);

        for (size_t i = 0; i < len; i++)
                hash = (hash ^ addr->bytes[i]) * 16777619u;
        for (int shift = 0; shift < 32; shift += 8)
                hash = (hash ^ ((link >> shift) & 0xff)) * 16777619u;
        hash ^= hash >> 15;
        return hash & (t->mem.n_buckets - 1);
}

static void init_links(struct addr_table *t, uint32_t from)
{
        for (uint32_t i = from; i < t->mem.n_links; i++)
                t->mem.links[i] = (struct addr_link){.own = EMPTY, .vips = EMPTY};
}

/* Lowest index first, so that a small table stays dense. */
static void free_entries(struct addr_table *t, uint32_t from)
{
        for (uint32_t i = t->mem.n_entries; i-- > from;) {
                t->mem.entries[i] = (struct addr_entry){.hash_next = t->free_first};
                t->free_first = i;
        }
}

void addr_table_init(struct addr_table *t, const struct addr_memory *mem)
{
        assert(mem->n_buckets && (mem->n_buckets & (mem->n_buckets - 1)) == 0);

        *t = (struct addr_table){
                .mem = *mem, .free_first = ADDR_NONE, .ready = EMPTY, .parked = EMPTY};
        memset(mem->buckets, 0xff, mem->n_buckets * sizeof(*mem->buckets));
        init_links(t, 0);
        free_entries(t, 0);
}

void addr_table_move(struct addr_table *t, const struct addr_memory *mem)
{
        struct addr_memory old = t->mem;

        assert(mem->n_entries >= old.n_entries && mem->n_links >= old.n_links);
        assert(mem->n_buckets && (mem->n_buckets & (mem->n_buckets - 1)) == 0);

        memcpy(mem->entries, old.entries, old.n_entries * sizeof(*old.entries));
        memcpy(mem->heap, old.heap, t->n_heap * sizeof(*old.heap));
        memcpy(mem->links, old.links, old.n_links * sizeof(*old.links));
        t->mem = *mem;
        init_links(t, old.n_links);
        free_entries(t, old.n_entries);

        memset(mem->buckets, 0xff, mem->n_buckets * sizeof(*mem->buckets));
        for (uint32_t i = 0; i < old.n_entries; i++) {
                struct addr_entry *e = &mem->entries[i];
                uint32_t b;

                if (!e->used)
                        continue;
                b = bucket_of(t, e->link, &e->addr);
                e->hash_next = mem->buckets[b];
                mem->buckets[b] = i;
        }
}

uint32_t addr_table_find(const struct addr_table *t, uint32_t link, const struct ip_addr *addr,
                         uint8_t prefix_len)
{
        uint32_t i = t->mem.buckets[bucket_of(t, link, addr)];

        for (; i != ADDR_NONE; i = t->mem.entries[i].hash_next) {
                const struct addr_entry *e = &t->mem.entries[i];

                if (e->link == link && ip_addr_cmp(&e->addr, addr) == 0 &&
                    (addr->family == AF_INET6 || e->prefix_len == prefix_len))
                        break;
        }
        return i;
}

uint32_t addr_table_find_any(const struct addr_table *t, uint32_t link, const struct ip_addr *addr)
{
        uint32_t i = t->mem.buckets[bucket_of(t, link, addr)];

        for (; i != ADDR_NONE; i = t->mem.entries[i].hash_next) {
                const struct addr_entry *e = &t->mem.entries[i];

                if (e->link == link && e->present && ip_addr_cmp(&e->addr, addr) == 0)
                        break;
        }
        return i;
}

/* --- lists ---------------------------------------------------------------------- */

static void link_append(struct addr_table *t, struct addr_chain *c, uint32_t i)
{
        struct addr_entry *e = &t->mem.entries[i];

        e->link_prev = c->last;
        e->link_next = ADDR_NONE;
        if (c->last == ADDR_NONE)
                c->first = i;
        else
                t->mem.entries[c->last].link_next = i;
        c->last = i;
}

static void link_unlink(struct addr_table *t, struct addr_chain *c, uint32_t i)
{
        struct addr_entry *e = &t->mem.entries[i];

        if (e->link_prev == ADDR_NONE)
                c->first = e->link_next;
        else
                t->mem.entries[e->link_prev].link_next = e->link_next;
        if (e->link_next == ADDR_NONE)
                c->last = e->link_prev;
        else
                t->mem.entries[e->link_next].link_prev = e->link_prev;
}

static struct addr_chain *chain_of(struct addr_table *t, uint32_t i, bool held)
{
        struct addr_link *l = &t->mem.links[t->mem.entries[i].link];

        return held ? &l->vips : &l->own;
}

void addr_table_relist(struct addr_table *t, uint32_t index, bool held)
{
        link_unlink(t, chain_of(t, index, !held), index);
        link_append(t, chain_of(t, index, held), index);
}

static void list_insert(struct addr_table *t, struct addr_chain *c, uint32_t i, bool first)
{
        struct addr_entry *e = &t->mem.entries[i];

        e->list_prev = first ? ADDR_NONE : c->last;
        e->list_next = first ? c->first : ADDR_NONE;
        if (e->list_prev == ADDR_NONE)
                c->first = i;
        else
                t->mem.entries[e->list_prev].list_next = i;
        if (e->list_next == ADDR_NONE)
                c->last = i;
        else
                t->mem.entries[e->list_next].list_prev = i;
}

static void list_unlink(struct addr_table *t, struct addr_chain *c, uint32_t i)
{
        struct addr_entry *e = &t->mem.entries[i];

        if (e->list_prev == ADDR_NONE)
                c->first = e->list_next;
        else
                t->mem.entries[e->list_prev].list_next = e->list_next;
        if (e->list_next == ADDR_NONE)
                c->last = e->list_prev;
        else
                t->mem.entries[e->list_next].list_prev = e->list_prev;
}

/* --- delayed: a binary heap by `due` ---------------------------------------------- */

static bool sooner(const struct addr_table *t, uint32_t a, uint32_t b)
{
        return mono_before(t->mem.entries[t->mem.heap[a]].due, t->mem.entries[t->mem.heap[b]].due);
}

static void heap_swap(struct addr_table *t, uint32_t a, uint32_t b)
{
        uint32_t i = t->mem.heap[a];

        t->mem.heap[a] = t->mem.heap[b];
        t->mem.heap[b] = i;
        t->mem.entries[t->mem.heap[a]].heap_pos = a;
        t->mem.entries[t->mem.heap[b]].heap_pos = b;
}

static void heap_settle(struct addr_table *t, uint32_t pos)
{
        while (pos > 0 && sooner(t, pos, (pos - 1) / 2)) {
                heap_swap(t, pos, (pos - 1) / 2);
                pos = (pos - 1) / 2;
        }
        for (;;) {
                uint32_t least = pos;

                if (2 * pos + 1 < t->n_heap && sooner(t, 2 * pos + 1, least))
                        least = 2 * pos + 1;
                if (2 * pos + 2 < t->n_heap && sooner(t, 2 * pos + 2, least))
                        least = 2 * pos + 2;
                if (least == pos)
                        return;
                heap_swap(t, pos, least);
                pos = least;
        }
}

static void heap_remove(struct addr_table *t, uint32_t pos)
{
        t->n_heap--;
        if (pos == t->n_heap)
                return;
        t->mem.heap[pos] = t->mem.heap[t->n_heap];
        t->mem.entries[t->mem.heap[pos]].heap_pos = pos;
        heap_settle(t, pos);
}

uint32_t addr_table_soonest(const struct addr_table *t)
{
        return t->n_heap ? t->mem.heap[0] : ADDR_NONE;
}

/* --- places ------------------------------------------------------------------------ */

void addr_table_unplace(struct addr_table *t, uint32_t index)
{
        struct addr_entry *e = &t->mem.entries[index];

        switch (e->place) {
        case ADDR_PLACE_NONE:
                return;
        case ADDR_PLACE_READY:
                list_unlink(t, &t->ready, index);
                t->n_ready--;
                break;
        case ADDR_PLACE_PARKED:
                list_unlink(t, &t->parked, index);
                break;
        case ADDR_PLACE_DELAYED:
                heap_remove(t, e->heap_pos);
                break;
        }
        e->place = ADDR_PLACE_NONE;
}

void addr_table_ready(struct addr_table *t, uint32_t index, bool first)
{
        addr_table_unplace(t, index);
        list_insert(t, &t->ready, index, first);
        t->n_ready++;
        t->mem.entries[index].place = ADDR_PLACE_READY;
}

void addr_table_park(struct addr_table *t, uint32_t index)
{
        addr_table_unplace(t, index);
        list_insert(t, &t->parked, index, false);
        t->mem.entries[index].place = ADDR_PLACE_PARKED;
}

void addr_table_delay(struct addr_table *t, uint32_t index, mono_t due)
{
        struct addr_entry *e = &t->mem.entries[index];

        addr_table_unplace(t, index);
        e->due = due;
        e->place = ADDR_PLACE_DELAYED;
        e->heap_pos = t->n_heap;
        t->mem.heap[t->n_heap++] = index;
        heap_settle(t, e->heap_pos);
}

/* --- entries ----------------------------------------------------------------------- */

uint32_t addr_table_add(struct addr_table *t, uint32_t link, const struct ip_addr *addr,
                        uint8_t prefix_len)
{
        uint32_t i = t->free_first;
        uint32_t b;

        assert(link < t->mem.n_links);
        if (i == ADDR_NONE)
                return ADDR_NONE;
        t->free_first = t->mem.entries[i].hash_next;
        t->n_used++;

        b = bucket_of(t, link, addr);
        t->mem.entries[i] = (struct addr_entry){
                .addr = *addr,
                .link = link,
                .prefix_len = prefix_len,
                .usable = true,
                .used = true,
                .hash_next = t->mem.buckets[b],
        };
        t->mem.buckets[b] = i;
        link_append(t, &t->mem.links[link].own, i);
        return i;
}

void addr_table_remove(struct addr_table *t, uint32_t index)
{
        struct addr_entry *e = &t->mem.entries[index];
        uint32_t *at = &t->mem.buckets[bucket_of(t, e->link, &e->addr)];

        assert(e->used && !e->members);
        addr_table_unplace(t, index);
        link_unlink(t, chain_of(t, index, e->held > 0), index);
        while (*at != index)
                at = &t->mem.entries[*at].hash_next;
        *at = e->hash_next;

        *e = (struct addr_entry){.hash_next = t->free_first};
        t->free_first = index;
        t->n_used--;
}
