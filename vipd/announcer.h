/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_ANNOUNCER_H
#define VIPD_ANNOUNCER_H
/*
 * Tells the LAN where an address lives now: gratuitous ARP and unsolicited
 * neighbour advertisements, on the schedule of core/announce, paced, in
 * batches (sendmmsg), retried on failure. Every address's first frame goes out
 * before any address's second.
 */
#include <stdint.h>
#include <systemd/sd-event.h>

#include "lib/config.h"
#include "vipd/kernel.h"

struct announcer;
struct announcement; /* the running announcements of one group */

/** @return 0 or -errno (-EPERM without CAP_NET_RAW) */
int announcer_new(struct announcer **ret, sd_event *loop);
/** All announcements must be freed before. NULL is allowed. @return NULL */
struct announcer *announcer_free(struct announcer *a);

/**
 * A link appeared or changed. From here on its present index and MAC are used; what lives on it
 * is announced anew if its MAC differs or it came (back) up. Links that nothing lives on are
 * ignored.
 */
void announcer_link_changed(struct announcer *a, const struct kernel_link *link);

/** @param vips_max how many addresses it can hold @return 0 or -errno */
int announcement_new(struct announcement **ret, struct announcer *a, const char *group,
                     const struct conf_announce *schedule, unsigned vips_max);
struct announcement *announcement_free(struct announcement *n);

/**
 * These vips are up on this link now: announce. First frames leave before this returns, as far as
 * one batch and the group's rate allow. Their addresses are copied. One that is known starts anew.
 */
void announcement_add(struct announcement *n, const struct kernel_link *link,
                      const struct conf_vip *const *vips, unsigned count);
/** Start the schedule anew for all that were added (a conflict, a peer that asked). */
void announcement_repeat(struct announcement *n);
/** The group is no longer active: send nothing more, forget all. */
void announcement_stop(struct announcement *n);

/**
 * After a reload: another schedule for what is under way, and nothing more about addresses that
 * are not among the new vips; new ones come by announcement_add(). @return 0, or -ENOMEM (the old
 * limit on the number of addresses stays)
 */
int announcement_reconfigure(struct announcement *n, const struct conf_announce *schedule,
                             const struct conf_vip *vips, unsigned n_vips);

struct announcer_stats {
        uint64_t arp_sent, na_sent;
        uint64_t retried; /* frames that failed and will be tried again */
        uint64_t failed;  /* frames given up after their last try */
};
struct announcer_stats announcer_stats(const struct announcer *a);

#endif
