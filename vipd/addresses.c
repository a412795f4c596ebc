/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's news go into the plan as they come (on_link_*, on_addr_*), sets
 * change what the plan wants (address_set.c), and one event source of low
 * priority works off what follows from both, a slice a turn.
 */
#include "vipd/addresses.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "vipd/addresses_internal.h"

#define FIRST_ENTRIES 1024
#define ENTRIES_MAX 262144 /* the host's own included; more are not looked at */
#define SLICE_MIN 4
#define SLICE_US (2 * US_PER_MS) /* a slice that takes longer is followed by a smaller one */

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

        while (n_entries - a->plan.table.n_used < entries && n_entries < ENTRIES_MAX)
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

/* --- links ----------------------------------------------------------------------------------- */

static void release_if_unused(struct addresses *a, uint32_t slot)
{
        const struct addr_link *l = &a->plan.table.mem.links[slot];

        /* During a dump an old line could bring the link back. */
        if (a->plan.dumping || a->links.slots[slot].link.ifindex != 0)
                return;
        if (l->own.first == ADDR_NONE && l->vips.first == ADDR_NONE)
                links_release(&a->links, slot);
}

static void link_is_gone(struct addresses *a, uint32_t slot)
{
        char name[IFNAMSIZ];

        memcpy(name, a->links.slots[slot].link.name, sizeof(name));
        a->links.slots[slot].touched = a->plan.generation;
        links_drop(&a->links, slot);
        addr_plan_link(&a->plan, slot, 0, false, clock_now());
        release_if_unused(a, slot);
        log_info("interface %s is gone", name);
        if (a->events.gone)
                a->events.gone(a->arg, name);
        addresses_arm(a);
}

/* The addresses moved along to the new name: only a dump tells which. */
static bool handle_rename(struct addresses *a, const struct kernel_link *link,
                          const struct kernel_origin *by)
{
        uint32_t slot = links_find_index(&a->links, link->ifindex);

        if (slot == LINKS_NONE || strcmp(a->links.slots[slot].link.name, link->name) == 0)
                return true;
        if (by->dump && a->links.slots[slot].touched == a->plan.generation)
                return false; /* an old line */
        log_notice("interface %s is called %s now", a->links.slots[slot].link.name, link->name);
        link_is_gone(a, slot);
        a->sweep_later = true;
        kernel_dump_soon(a->kernel);
        return true;
}

static bool link_differs(const struct kernel_link *a, const struct kernel_link *b)
{
        return a->ifindex != b->ifindex || a->up != b->up || a->carrier != b->carrier ||
               a->mtu != b->mtu || memcmp(a->mac, b->mac, sizeof(a->mac)) != 0;
}

static void on_link_seen(void *arg, const struct kernel_link *link, const struct kernel_origin *by)
{
        struct addresses *a = arg;
        struct link_slot *s;
        uint32_t slot;
        bool differs;

        if (!handle_rename(a, link, by))
                return;
        slot = links_slot(&a->links, link->name);
        if (slot == LINKS_NONE || addresses_reserve(a, 0) < 0) {
                log_error("no memory for interface %s; it is not looked at", link->name);
                return;
        }
        s = &a->links.slots[slot];
        if (by->dump && s->touched == a->plan.generation)
                return;
        s->checked = a->plan.generation;
        if (!by->dump)
                s->touched = a->plan.generation;
        differs = link_differs(&s->link, link);
        links_put(&a->links, slot, link);
        addr_plan_link(&a->plan, slot, link->ifindex, link->up, clock_now());
        addresses_arm(a);
        if (differs && a->events.changed)
                a->events.changed(a->arg, link);
}

static void on_link_gone(void *arg, int ifindex, const char *name)
{
        struct addresses *a = arg;
        uint32_t slot = links_find_index(&a->links, ifindex);

        if (slot != LINKS_NONE)
                link_is_gone(a, slot);
}

/* --- addresses -------------------------------------------------------------------------------- */

static struct addr_sight sight_of(const struct kernel_addr *addr, uint32_t slot)
{
        bool v6 = addr->addr.family == AF_INET6;

        return (struct addr_sight){
                .link = slot,
                .addr = addr->addr,
                .prefix_len = addr->prefix_len,
                .ours = addr->proto == KERNEL_ADDR_PROTO,
                .secondary = !v6 && (addr->flags & IFA_F_SECONDARY),
                .usable = !v6 ||
                          !(addr->flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_DEPRECATED)),
                .failed = v6 && (addr->flags & IFA_F_DADFAILED),
        };
}

static struct addr_origin origin_of(const struct addresses *a, const struct kernel_origin *by)
{
        struct addr_origin o = {.teller = ADDR_BY_OTHER, .port = by->port, .seq = by->seq};

        if (by->dump)
                o.teller = ADDR_BY_DUMP;
        else if (by->port == kernel_port(a->kernel))
                o.teller = ADDR_BY_US;
        return o;
}

static void tell_address_change(struct addresses *a, uint32_t slot)
{
        struct addr_link *l = &a->plan.table.mem.links[slot];
        char name[IFNAMSIZ];

        if (!l->changed || a->plan.dumping)
                return; /* told at the end of the dump, once */
        l->changed = false;
        if (!a->events.addresses_changed)
                return;
        memcpy(name, a->links.slots[slot].link.name, sizeof(name));
        a->events.addresses_changed(a->arg, name);
}

static void on_addr_seen(void *arg, const struct kernel_addr *addr, const struct kernel_origin *by)
{
        struct addresses *a = arg;
        uint32_t slot = links_find_index(&a->links, addr->ifindex);
        const struct addr_origin origin = origin_of(a, by);
        struct addr_sight sight;

        if (slot == LINKS_NONE)
                return; /* its link's news are still to come, then a line or event follows */
        sight = sight_of(addr, slot);
        if (!addr_plan_seen(&a->plan, &sight, &origin, clock_now()) &&
            (addresses_reserve(a, 1) < 0 ||
             !addr_plan_seen(&a->plan, &sight, &origin, clock_now()))) {
                uint64_t withheld;

                if (log_limit_pass(&a->full_limit, clock_now(), &withheld))
                        log_error("more addresses on this host than %u; the rest is not looked at",
                                  ENTRIES_MAX);
                return;
        }
        addresses_arm(a);
        tell_address_change(a, slot);
}

static void on_addr_gone(void *arg, const struct kernel_addr *addr, const struct kernel_origin *by)
{
        struct addresses *a = arg;
        uint32_t slot = links_find_index(&a->links, addr->ifindex);
        const struct addr_origin origin = origin_of(a, by);
        struct addr_sight sight;

        if (slot == LINKS_NONE)
                return;
        sight = sight_of(addr, slot);
        addr_plan_gone(&a->plan, &sight, &origin, clock_now());
        addresses_arm(a);
        tell_address_change(a, slot);
}

/* --- dumps --------------------------------------------------------------------------------------
 */

static void on_dump_begin(void *arg)
{
        struct addresses *a = arg;

        addr_plan_dump_begin(&a->plan);
}

static void on_dump_end(void *arg)
{
        struct addresses *a = arg;

        for (uint32_t i = 0; i < a->links.n_slots; i++) {
                const struct link_slot *s = &a->links.slots[i];

                if (s->used && s->link.ifindex != 0 && s->checked != a->plan.generation)
                        link_is_gone(a, i);
        }
        addr_plan_dump_end(&a->plan, clock_now());
        if (a->sweep_later)
                addr_plan_sweep(&a->plan);
        a->sweep_later = false;
        addresses_arm(a);
        for (uint32_t i = 0; i < a->links.n_slots; i++) {
                if (!a->links.slots[i].used)
                        continue;
                tell_address_change(a, i);
                release_if_unused(a, i);
        }
}

/* --- slices
 * --------------------------------------------------------------------------------------- */

static struct kernel_op op_of(const struct addresses *a, uint32_t index)
{
        const struct addr_entry *e = addr_plan_entry(&a->plan, index);
        struct kernel_op op = {
                .kind = e->todo == ADDR_TODO_ADD ? KERNEL_ADDR_ADD : KERNEL_ADDR_DEL,
                .ifindex = a->links.slots[e->link].link.ifindex,
                .addr = e->addr,
                .prefix_len = e->prefix_len,
                .scope = e->scope,
                .exclusive = e->suspect,
        };

        if (op.kind == KERNEL_ADDR_DEL && e->present)
                op.prefix_len = e->present_len;
        memcpy(op.label, e->label, sizeof(op.label));
        return op;
}

static struct address_set *first_set(const struct addr_entry *e)
{
        return e->members ? address_set_of(e->members->set) : NULL;
}

static void log_adoption(const struct addresses *a, uint32_t index)
{
        const struct addr_entry *e = addr_plan_entry(&a->plan, index);
        const struct address_set *s = first_set(e);
        char text[IP_ADDR_TEXT];

        if (e->todo != ADDR_TODO_ADD || e->suspect || !e->present || e->ours || !s)
                return;
        log_notice("%s: %s/%u was on %s already, not put there by vipd; adopted, and removed when "
                   "the group is released",
                   s->group, ip_addr_format(&e->addr, text), e->present_len,
                   a->links.slots[e->link].link.name);
}

static void log_failure(const struct addresses *a, uint32_t index, bool add, int err)
{
        const struct addr_entry *e = addr_plan_entry(&a->plan, index);
        struct address_set *s = first_set(e);
        char text[IP_ADDR_TEXT];
        uint64_t withheld = 0;

        if (err == -ENODEV || (s && !log_limit_pass(&s->failed_limit, clock_now(), &withheld)))
                return; /* the news that the link is gone are on their way */
        log_warning("%s%scannot %s %s/%u %s %s: %s; trying again in %lld ms (%llu more like this)",
                    s ? s->group : "", s ? ": " : "", add ? "put" : "take",
                    ip_addr_format(&e->addr, text), e->prefix_len, add ? "on" : "from",
                    a->links.slots[e->link].link.name, strerror(-err),
                    (long long)(addr_plan_delay_us(ADDR_RETRY_DELAY_US, e->tries) / US_PER_MS),
                    (unsigned long long)withheld);
}

static void adapt_slice(struct addresses *a, unsigned n, int64_t took_us)
{
        if (took_us > SLICE_US)
                a->slice = a->slice / 2 > SLICE_MIN ? a->slice / 2 : SLICE_MIN;
        else if (n == a->slice && took_us < SLICE_US / 2)
                a->slice = a->slice * 2 < KERNEL_BATCH_MAX ? a->slice * 2 : KERNEL_BATCH_MAX;
}

unsigned addresses_slice(struct addresses *a, const struct addr_set *only)
{
        uint32_t todo[KERNEL_BATCH_MAX];
        struct kernel_op ops[KERNEL_BATCH_MAX];
        mono_t start = clock_now();
        mono_t now;
        uint32_t n;

        n = only ? addr_set_next(&a->plan, only, todo, a->slice)
                 : addr_plan_next(&a->plan, start, todo, a->slice);
        if (n == 0)
                return 0;
        for (uint32_t i = 0; i < n; i++) {
                ops[i] = op_of(a, todo[i]);
                log_adoption(a, todo[i]);
        }
        kernel_addr_apply(a->kernel, ops, n);

        now = clock_now();
        adapt_slice(a, n, mono_diff_us(now, start));
        for (uint32_t i = 0; i < n; i++) {
                uint64_t failed = a->plan.stats.failed;

                addr_plan_done(&a->plan, todo[i], ops[i].result, ops[i].seq, now);
                if (a->plan.stats.failed != failed)
                        log_failure(a, todo[i], ops[i].kind == KERNEL_ADDR_ADD, ops[i].result);
        }
        return n;
}

void addresses_arm(struct addresses *a)
{
        bool parked = a->holds == 0 && a->plan.table.parked.first != ADDR_NONE;
        bool busy = parked || addr_plan_busy(&a->plan) || a->plan.reports_first;
        mono_t deadline = addr_plan_deadline(&a->plan);

        sd_event_source_set_enabled(a->work, busy ? SD_EVENT_ON : SD_EVENT_OFF);
        if (mono_is_never(deadline)) {
                sd_event_source_set_enabled(a->timer, SD_EVENT_OFF);
                return;
        }
        sd_event_source_set_time(a->timer, (uint64_t)deadline.us);
        sd_event_source_set_enabled(a->timer, SD_EVENT_ONESHOT);
}

static void work(struct addresses *a)
{
        if (a->holds == 0)
                addr_plan_unpark(&a->plan);
        addresses_slice(a, NULL);
        addresses_dispatch(a);
        addresses_arm(a);
}

static int on_work(sd_event_source *source, void *arg)
{
        work(arg);
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *arg)
{
        work(arg);
        return 0;
}

void addresses_hold(struct addresses *a)
{
        a->holds++;
}

void addresses_resume(struct addresses *a)
{
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
                if (addresses_slice(a, NULL) == 0 && !a->plan.reports_first &&
                    !wait_for_removal(a, end))
                        break;
                addresses_dispatch(a);
                if (a->dispatching)
                        break; /* called from a callback: the rest is told when it returns */
        }
        addresses_arm(a);
}

/* --- start and end
 * ----------------------------------------------------------------------------------- */

static int add_sources(struct addresses *a, sd_event *loop)
{
        int r;

        r = sd_event_add_defer(loop, &a->work, on_work, a);
        if (r < 0)
                return r;
        r = sd_event_source_set_priority(a->work, ADDRESSES_PRIORITY_WORK);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(a->work, SD_EVENT_OFF);
        if (r < 0)
                return r;
        r = sd_event_add_time(loop, &a->timer, CLOCK_MONOTONIC, 0, 1, on_timer, a);
        if (r < 0)
                return r;
        r = sd_event_source_set_priority(a->timer, ADDRESSES_PRIORITY_TIMER);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(a->timer, SD_EVENT_OFF);
}

static int start(struct addresses *a, sd_event *loop)
{
        static const struct kernel_listener listener = {
                .link_seen = on_link_seen,
                .link_gone = on_link_gone,
                .addr_seen = on_addr_seen,
                .addr_gone = on_addr_gone,
                .dump_begin = on_dump_begin,
                .dump_end = on_dump_end,
        };
        int r;

        r = alloc_memory(&a->memory, FIRST_ENTRIES, 1);
        if (r < 0)
                return r;
        addr_plan_init(&a->plan, &a->memory);
        r = add_sources(a, loop);
        if (r < 0)
                return r;
        r = kernel_new(&a->kernel, loop, ADDRESSES_PRIORITY_EVENTS, &listener, a);
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
