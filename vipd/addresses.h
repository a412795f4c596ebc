/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_ADDRESSES_H
#define VIPD_ADDRESSES_H
/*
 * Puts groups' addresses up and down. The shell around core/addr_plan: knows
 * which link has which index now, performs the plan's next slice whenever the
 * loop has nothing more urgent to do, and tells the owner of a set what came
 * of it. Also the one place that knows links (by name) for the rest of vipd.
 *
 * No turn of the loop does more than one slice: at most KERNEL_BATCH_MAX
 * operations, fewer when the kernel takes its time over them.
 */
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "lib/config.h"
#include "vipd/kernel.h"

struct addresses;
struct address_set; /* the addresses of one group */

/**
 * Called from the loop, and from within address_set_claim() and address_set_unclaim() for what
 * these did at once; any member may be NULL. A callback may call everything here, also free its own
 * set; what it causes is told after it returned.
 */
struct address_set_events {
        /* These are up since the last call (a slice of the set): announce them now. */
        void (*added)(void *arg, const struct conf_vip *const *vips, unsigned n);
        /* Everything wanted is up (after a claim, or an update that brought something new) /
         * everything unwanted is down. */
        void (*claimed)(void *arg);
        void (*unclaimed)(void *arg);
        /* Somebody else took one down; it is being, or has just been, put back (then: added).
         * by_port: netlink port id; 0 = the kernel, or unknown: of IPv6 it never tells. Logged
         * here. Not called when the link went down or away. */
        void (*lost)(void *arg, const struct conf_vip *vip, uint32_t by_port);
        /* It cannot be put up (err = -errno; -ENODEV, -ENETDOWN: no such link, link down), or it is
         * taken down again and again (err = 0): the group should fail over. Once per trouble.
         * Attempts go on, ever more slowly, until the set is unclaimed. Logged here. */
        void (*unstable)(void *arg, const struct conf_vip *vip, int err);
};

/** What the rest of vipd wants to know about links; any member may be NULL. */
struct link_events {
        void (*changed)(void *arg,
                        const struct kernel_link *link); /* appeared, up, down, carrier, mac */
        void (*gone)(void *arg, const char *name);
        void (*addresses_changed)(void *arg,
                                  const char *name); /* not ours: source address may differ */
};

/** Opens the kernel sockets and makes the first dump (without calling `events`). @return 0 or
 * -errno */
int addresses_new(struct addresses **ret, sd_event *loop, const struct link_events *events,
                  void *arg);
/** After all sets. Takes no address down. NULL is allowed. @return NULL */
struct addresses *addresses_free(struct addresses *a);

/**
 * The vips stay the caller's and must live until the set is updated or freed.
 * A set starts unclaimed: whatever of it is up and tagged as ours is taken down by
 * addresses_sweep(), whatever is up and not ours is adopted at the claim (tagged; it goes when
 * the set is unclaimed).
 * @param group  for log lines; copied
 * @return 0, or -ENOMEM
 */
int address_set_new(struct address_set **ret, struct addresses *a, const char *group,
                    const struct conf_vip *vips, unsigned n,
                    const struct address_set_events *events, void *arg);
/**
 * Forget the set; addresses that it alone wanted go down with the next turn of the loop, so that
 * another set can take them over untouched in this one. NULL is allowed. @return NULL
 */
struct address_set *address_set_free(struct address_set *s);

/**
 * After a reload: new list. What is in both stays up untouched; the rest is added or removed, with
 * the next turns of the loop. An address whose label, scope or IPv6 prefix length differs is made
 * anew.
 * @return 0, or -ENOMEM and nothing changed
 */
int address_set_update(struct address_set *s, const struct conf_vip *vips, unsigned n);

/**
 * A reload that takes several turns: between hold and resume nothing is removed because of
 * address_set_update() or address_set_free(), so that an address can move between groups untouched
 * whatever their order. Nests.
 */
void addresses_hold(struct addresses *a);
void addresses_resume(struct addresses *a);

/**
 * Take effect at once for the first slice, then slice by slice from the loop; all from the loop
 * when many sets turn together.
 */
void address_set_claim(struct address_set *s);
void address_set_unclaim(struct address_set *s);

/** How many of the set are up now. */
unsigned address_set_up(const struct address_set *s);
/** Is vips[index] up now? False beyond the list, that is after an update that failed. */
bool address_set_is_up(const struct address_set *s, unsigned index);
/** Index of the interface a vip lives on, or 0 if it does not exist now. */
int address_vip_ifindex(const struct addresses *a, const struct conf_vip *vip);

/** Remove every address tagged as ours that no claimed set wants (start, and after a reload): the
 *  first slice at once, the rest from the loop. @return how many */
unsigned addresses_sweep(struct addresses *a);

/** Work off everything that is queued, now, until done or `limit_us` has passed (at stop). */
void addresses_flush(struct addresses *a, int64_t limit_us);

/** The link of that name, or NULL. Valid until the next loop turn. */
const struct kernel_link *addresses_link(const struct addresses *a, const char *name);
const struct kernel_link *addresses_link_by_index(const struct addresses *a, int ifindex);

/**
 * The address to send from: `wanted` (a node's or configured source) if the link has it, else the
 * link's first own address of the family that is no virtual address (IPv6: link-local).
 * @param wanted  NULL or family 0: none
 * @return 0, or -EADDRNOTAVAIL
 */
int addresses_source(const struct addresses *a, const char *link, uint8_t family,
                     const struct ip_addr *wanted, struct ip_addr *ret);

/** True if any of the host's addresses, on any link, equals `addr` (the host finds itself). */
bool addresses_is_local(const struct addresses *a, const struct ip_addr *addr);

struct addresses_stats {
        uint64_t added, removed, adopted, lost, restored, failed, swept;
        struct kernel_stats kernel;
};
struct addresses_stats addresses_stats(const struct addresses *a);

/** The kernel's sockets, for tests. */
struct kernel *addresses_kernel(struct addresses *a);

#endif
