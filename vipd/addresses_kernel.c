/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's news, into links and plan. */
#include <linux/if_addr.h>
#include <string.h>

#include "lib/clock.h"
#include "vipd/addresses_internal.h"

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
        slot = addresses_slot(a, link->name);
        if (slot == LINKS_NONE) {
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
                .tentative = v6 && (addr->flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)),
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

/* Echoes of IPv4 are known; IPv6's carry our tag. */
static void log_if_foreign(const struct addresses *a, const struct addr_sight *sight,
                           const struct addr_origin *by)
{
        uint32_t i = addr_table_find(&a->plan.table, sight->link, &sight->addr, sight->prefix_len);

        if (i != ADDR_NONE && by->teller == ADDR_BY_OTHER)
                addresses_log_foreign(a, addr_plan_entry(&a->plan, i));
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
                                  ADDRESSES_ENTRIES_MAX);
                return;
        }
        log_if_foreign(a, &sight, &origin);
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

const struct kernel_listener addresses_listener = {
        .link_seen = on_link_seen,
        .link_gone = on_link_gone,
        .addr_seen = on_addr_seen,
        .addr_gone = on_addr_gone,
        .dump_begin = on_dump_begin,
        .dump_end = on_dump_end,
};
