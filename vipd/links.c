/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipd/links.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

void links_init(struct links *l)
{
        *l = (struct links){0};
        memset(l->by_name, 0xff, sizeof(l->by_name));
        memset(l->by_index, 0xff, sizeof(l->by_index));
}

void links_clear(struct links *l)
{
        free(l->slots);
        links_init(l);
}

static uint32_t name_bucket(const char *name)
{
        uint32_t hash = 2166136261u; /* FNV-1a */

        for (; *name; name++)
                hash = (hash ^ (uint8_t)*name) * 16777619u;
        return (hash ^ hash >> 16) % LINKS_BUCKETS;
}

static uint32_t index_bucket(int ifindex)
{
        return (uint32_t)ifindex % LINKS_BUCKETS;
}

uint32_t links_find(const struct links *l, const char *name)
{
        uint32_t i = l->by_name[name_bucket(name)];

        while (i != LINKS_NONE && strcmp(l->slots[i].link.name, name) != 0)
                i = l->slots[i].next_by_name;
        return i;
}

uint32_t links_find_index(const struct links *l, int ifindex)
{
        uint32_t i = l->by_index[index_bucket(ifindex)];

        while (i != LINKS_NONE && l->slots[i].link.ifindex != ifindex)
                i = l->slots[i].next_by_index;
        return i;
}

static uint32_t free_slot(struct links *l)
{
        struct link_slot *more;
        uint32_t capacity = l->capacity ? 2 * l->capacity : 32;

        for (uint32_t i = 0; i < l->n_slots; i++)
                if (!l->slots[i].used)
                        return i;
        if (l->n_slots < l->capacity)
                return l->n_slots++;
        if (capacity > LINKS_MAX)
                return LINKS_NONE;
        more = reallocarray(l->slots, capacity, sizeof(*more));
        if (!more)
                return LINKS_NONE;
        l->slots = more;
        l->capacity = capacity;
        return l->n_slots++;
}

uint32_t links_slot(struct links *l, const char *name)
{
        uint32_t i = links_find(l, name);
        uint32_t b = name_bucket(name);

        if (i != LINKS_NONE)
                return i;
        i = free_slot(l);
        if (i == LINKS_NONE)
                return i;
        l->slots[i] = (struct link_slot){
                .used = true, .next_by_name = l->by_name[b], .next_by_index = LINKS_NONE};
        strncpy(l->slots[i].link.name, name, IFNAMSIZ - 1);
        l->by_name[b] = i;
        return i;
}

void links_put(struct links *l, uint32_t slot, const struct kernel_link *link)
{
        struct link_slot *s = &l->slots[slot];
        uint32_t b = index_bucket(link->ifindex);

        assert(strcmp(s->link.name, link->name) == 0);
        if (s->link.ifindex != link->ifindex) {
                links_drop(l, slot);
                s->next_by_index = l->by_index[b];
                l->by_index[b] = slot;
        }
        s->link = *link;
}

void links_drop(struct links *l, uint32_t slot)
{
        struct link_slot *s = &l->slots[slot];
        struct kernel_link none = {0};
        uint32_t *at;

        if (s->link.ifindex == 0)
                return;
        at = &l->by_index[index_bucket(s->link.ifindex)];
        while (*at != slot)
                at = &l->slots[*at].next_by_index;
        *at = s->next_by_index;

        memcpy(none.name, s->link.name, sizeof(none.name));
        s->link = none;
}

void links_release(struct links *l, uint32_t slot)
{
        struct link_slot *s = &l->slots[slot];
        uint32_t *at = &l->by_name[name_bucket(s->link.name)];

        assert(s->link.ifindex == 0);
        while (*at != slot)
                at = &l->slots[*at].next_by_name;
        *at = s->next_by_name;
        *s = (struct link_slot){0};
}
