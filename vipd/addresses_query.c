/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions about links and addresses that the rest of vipd asks. */
#include <errno.h>

#include "vipd/addresses_internal.h"

const struct kernel_link *addresses_link(const struct addresses *a, const char *name)
{
        uint32_t slot = links_find(&a->links, name);

        if (slot == LINKS_NONE || a->links.slots[slot].link.ifindex == 0)
                return NULL;
        return &a->links.slots[slot].link;
}

const struct kernel_link *addresses_link_by_index(const struct addresses *a, int ifindex)
{
        uint32_t slot = links_find_index(&a->links, ifindex);

        return slot == LINKS_NONE ? NULL : &a->links.slots[slot].link;
}

int address_vip_ifindex(const struct addresses *a, const struct conf_vip *vip)
{
        const struct kernel_link *link = addresses_link(a, vip->dev);

        return link ? link->ifindex : 0;
}

static bool has_addr(const struct addresses *a, uint32_t slot, const struct ip_addr *addr)
{
        return addr_table_find_any(&a->plan.table, slot, addr) != ADDR_NONE;
}

bool addresses_is_local(const struct addresses *a, const struct ip_addr *addr)
{
        for (uint32_t i = 0; i < a->links.n_slots; i++)
                if (a->links.slots[i].used && has_addr(a, i, addr))
                        return true;
        return false;
}

static bool can_send_from(const struct addr_entry *e, uint8_t family)
{
        if (e->addr.family != family || !e->present || !e->usable || e->ours)
                return false;
        return family == AF_INET || ip_addr_is_link_local(&e->addr);
}

int addresses_source(const struct addresses *a, const char *link, uint8_t family,
                     const struct ip_addr *wanted, struct ip_addr *ret)
{
        uint32_t slot = links_find(&a->links, link);
        uint32_t second = ADDR_NONE;

        if (slot == LINKS_NONE)
                return -EADDRNOTAVAIL;
        if (wanted && wanted->family == family && has_addr(a, slot, wanted)) {
                *ret = *wanted;
                return 0;
        }
        for (uint32_t i = a->plan.table.mem.links[slot].own.first; i != ADDR_NONE;) {
                const struct addr_entry *e = addr_plan_entry(&a->plan, i);

                if (can_send_from(e, family) && !e->secondary) {
                        *ret = e->addr;
                        return 0;
                }
                if (can_send_from(e, family) && second == ADDR_NONE)
                        second = i;
                i = e->link_next;
        }
        if (second == ADDR_NONE)
                return -EADDRNOTAVAIL;
        *ret = addr_plan_entry(&a->plan, second)->addr;
        return 0;
}

struct addresses_stats addresses_stats(const struct addresses *a)
{
        return (struct addresses_stats){
                .added = a->plan.stats.added,
                .removed = a->plan.stats.removed,
                .adopted = a->plan.stats.adopted,
                .lost = a->plan.stats.lost,
                .restored = a->plan.stats.restored,
                .failed = a->plan.stats.failed,
                .swept = a->plan.stats.swept,
                .kernel = kernel_stats(a->kernel),
        };
}

struct kernel *addresses_kernel(struct addresses *a)
{
        return a->kernel;
}
