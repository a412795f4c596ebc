/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_ADDRESSES_H
#define VIPD_ADDRESSES_H
/*
 * Puts groups' addresses up and down. The shell around core/addr_plan: knows
 * which link has which index now, performs the plan's next slice whenever the
 * loop has nothing more urgent to do, and tells the owner of a set what came
 * of it. Also the one place that knows links (by name) for the rest of vipd.
 */
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "lib/config.h"
#include "vipd/kernel.h"

struct addresses;
struct address_set; /* the addresses of one group */

struct address_set_events {
        /* These are up since the last call (a slice of the set): announce them now. */
        void (*added)(void *arg, const struct conf_vip *const *vips, unsigned n);
        /* Everything wanted is up / everything unwanted is down. */
        void (*claimed)(void *arg);
        void (*unclaimed)(void *arg);
        /* Somebody else took one down; it is being put back. by_port: netlink port id, 0 = kernel */
        void (*lost)(void *arg, const struct conf_vip *vip, uint32_t by_port);
        /* It keeps happening, or it cannot be put up (err = -errno): the group should fail over. */
        void (*unstable)(void *arg, const struct conf_vip *vip, int err);
};

/** What the rest of vipd wants to know about links; any member may be NULL. */
struct link_events {
        void (*changed)(void *arg, const struct kernel_link *link); /* appeared, up, down, carrier, mac */
        void (*gone)(void *arg, const char *name);
        void (*addresses_changed)(void *arg, const char *name); /* not ours: source address may differ */
};

/** Opens the kernel sockets and makes the first dump. */
int addresses_new(struct addresses **ret, sd_event *loop, const struct link_events *events,
                  void *arg);
struct addresses *addresses_free(struct addresses *a);

/**
 * The vips stay the caller's and must live until the set is updated or freed.
 * A set starts unclaimed: whatever of it is up and tagged as ours is taken down by
 * addresses_sweep(), whatever is up and not ours is adopted at the claim.
 */
int address_set_new(struct address_set **ret, struct addresses *a, const char *group,
                    const struct conf_vip *vips, unsigned n, const struct address_set_events *events,
                    void *arg);
/** Forget the set; addresses that it alone wanted go down. NULL is allowed. @return NULL */
struct address_set *address_set_free(struct address_set *s);

/** After a reload: new list. What is in both stays up untouched; the rest is added or removed. */
int address_set_update(struct address_set *s, const struct conf_vip *vips, unsigned n);

/** Take effect at once for the first slice, then slice by slice from the loop. */
void address_set_claim(struct address_set *s);
void address_set_unclaim(struct address_set *s);

/** How many of the set are up now. */
unsigned address_set_up(const struct address_set *s);
/** Index of the interface a vip lives on, or 0 if it does not exist now. */
int address_vip_ifindex(const struct addresses *a, const struct conf_vip *vip);

/** Remove every address tagged as ours that no set wants (start, and after a reload). @return how many */
unsigned addresses_sweep(struct addresses *a);

/** Work off everything that is queued, now, until done or `limit_us` has passed (at stop). */
void addresses_flush(struct addresses *a, int64_t limit_us);

/** The link of that name, or NULL. Valid until the next loop turn. */
const struct kernel_link *addresses_link(const struct addresses *a, const char *name);
const struct kernel_link *addresses_link_by_index(const struct addresses *a, int ifindex);

/**
 * The address to send from: `wanted` (a node's or configured source) if the link has it, else the
 * link's first own address of the family that is no virtual address (IPv6: link-local).
 * @return 0, or -EADDRNOTAVAIL
 */
int addresses_source(const struct addresses *a, const char *link, uint8_t family,
                     const struct ip_addr *wanted, struct ip_addr *ret);

/** True if any of the host's addresses, on any link, equals `addr` (the host finds itself). */
bool addresses_is_local(const struct addresses *a, const struct ip_addr *addr);

struct addresses_stats {
        uint64_t added, removed, lost, restored, failed, swept;
        struct kernel_stats kernel;
};
struct addresses_stats addresses_stats(const struct addresses *a);

#endif
