/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's news go into the plan as they come (addresses_kernel.c), sets
 * change what the plan wants (address_set.c), and one event source of low
 * priority works off what follows from both, a slice a turn (addresses_work.c).
 * Here: memory, start and end, and what concerns all sets at once.
 */
#include "vipd/addresses.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "vipd/addresses_internal.h"
#include "vipd/priorities.h"

#define FIRST_ENTRIES 1024

/* --- memory ------------------------------------------------------------------------------ */

static void free_memory(struct addr_memory *m)
{
        free(m->entries);
        free(m->heap);
        free(m->buckets);
        free(m->links);
        *m = (struct addr_memory){0};
}

static int alloc_memory(struct addr_memory *ret, uint32_t n_entries, uint32_t n_links)
{
        struct addr_memory m = {.n_entries = n_entries, .n_buckets = n_entries, .n_links = n_links};

        m.entries = calloc(n_entries, sizeof(*m.entries));
        m.heap = calloc(n_entries, sizeof(*m.heap));
        m.buckets = calloc(n_entries, sizeof(*m.buckets));
        m.links = calloc(n_links, sizeof(*m.links));
        if (!m.entries || !m.heap || !m.buckets || !m.links) {
                free_memory(&m);
                return -ENOMEM;
        }
        *ret = m;
        return 0;
}

int addresses_reserve(struct addresses *a, uint32_t entries)
{
        uint32_t n_entries = a->memory.n_entries;
        struct addr_memory more;
        int r;

        while (n_entries - a->plan.table.n_used < entries && n_entries < ADDRESSES_ENTRIES_MAX)
                n_entries *= 2; /* stays a power of two: the buckets need it */
        if (n_entries - a->plan.table.n_used < entries)
                return -ENOMEM;
        if (n_entries == a->memory.n_entries && a->links.capacity <= a->memory.n_links)
                return 0;
        r = alloc_memory(&more, n_entries, a->links.capacity);
        if (r < 0)
                return r;
        addr_table_move(&a->plan.table, &more);
        free_memory(&a->memory);
        a->memory = more;
        return 0;
}

uint32_t addresses_slot(struct addresses *a, const char *name)
{
        uint32_t slot = links_slot(&a->links, name);

        if (slot == LINKS_NONE || addresses_reserve(a, 0) == 0)
                return slot;
        if (slot >= a->memory.n_links)
                links_release(&a->links, slot);
        return LINKS_NONE;
}

void addresses_hold(struct addresses *a)
{
        a->holds++;
}

void addresses_resume(struct addresses *a)
{
        assert(a->holds > 0);
        a->holds--;
        addresses_arm(a);
}

unsigned addresses_sweep(struct addresses *a)
{
        unsigned n = addr_plan_sweep(&a->plan);

        if (n > 0)
                log_notice("removing %u address%s that an earlier vipd left behind", n,
                           n == 1 ? "" : "es");
        addresses_slice(a, NULL);
        addresses_dispatch(a);
        addresses_arm(a);
        return n;
}

/* A removal that failed is waited for; an address that should come up is not. */
static bool wait_for_removal(struct addresses *a, mono_t end)
{
        uint32_t i = addr_table_soonest(&a->plan.table);
        mono_t due = addr_plan_deadline(&a->plan);

        if (i == ADDR_NONE || addr_plan_entry(&a->plan, i)->todo != ADDR_TODO_DEL)
                return false;
        if (!mono_before(due, end))
                return false;
        poll(NULL, 0, 1 + (int)(mono_diff_us(due, clock_now()) / US_PER_MS));
        return true;
}

void addresses_flush(struct addresses *a, int64_t limit_us)
{
        mono_t end = mono_add_us(clock_now(), limit_us);

        addr_plan_unpark(&a->plan);
        while (mono_before(clock_now(), end)) {
                bool idle = addresses_slice(a, NULL) == 0;

                addresses_dispatch(a); /* within a callback: told when that returns */
                if (!idle || (a->plan.reports_first && !a->dispatching))
                        continue;
                if (!wait_for_removal(a, end))
                        break;
        }
        addresses_arm(a);
}

/* --- start and end -------------------------------------------------------------------- */

static int add_sources(struct addresses *a, sd_event *loop)
{
        int r;

        r = sd_event_add_defer(loop, &a->work, addresses_on_work, a);
        if (r < 0)
                return r;
        r = sd_event_source_set_priority(a->work, PRIORITY_BULK);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(a->work, SD_EVENT_OFF);
        if (r < 0)
                return r;
        r = sd_event_add_time(loop, &a->timer, CLOCK_MONOTONIC, 0, 1, addresses_on_timer, a);
        if (r < 0)
                return r;
        r = sd_event_source_set_priority(a->timer, PRIORITY_BULK);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(a->timer, SD_EVENT_OFF);
}

static int start(struct addresses *a, sd_event *loop)
{
        int r;

        r = alloc_memory(&a->memory, FIRST_ENTRIES, 1);
        if (r < 0)
                return r;
        addr_plan_init(&a->plan, &a->memory);
        r = add_sources(a, loop);
        if (r < 0)
                return r;
        r = kernel_new(&a->kernel, loop, PRIORITY_KERNEL, &addresses_listener, a);
        if (r < 0)
                return r;
        return kernel_dump(a->kernel);
}

int addresses_new(struct addresses **ret, sd_event *loop, const struct link_events *events,
                  void *arg)
{
        struct addresses *a = calloc(1, sizeof(*a));
        int r;

        if (!a)
                return -ENOMEM;
        links_init(&a->links);
        a->slice = KERNEL_BATCH_MAX;
        r = start(a, loop);
        if (r < 0) {
                addresses_free(a);
                return r;
        }
        if (events)
                a->events = *events;
        a->arg = arg;
        *ret = a;
        return 0;
}

struct addresses *addresses_free(struct addresses *a)
{
        if (!a)
                return NULL;
        kernel_free(a->kernel);
        sd_event_source_disable_unref(a->work);
        sd_event_source_disable_unref(a->timer);
        free_memory(&a->memory);
        links_clear(&a->links);
        free(a);
        return NULL;
}
