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

int announcer_new(struct announcer **ret, sd_event *loop);
struct announcer *announcer_free(struct announcer *a);

int announcement_new(struct announcement **ret, struct announcer *a, const char *group,
                     const struct conf_announce *schedule, unsigned vips_max);
struct announcement *announcement_free(struct announcement *n);

/** These vips are up on this link now: announce. First frames leave before this returns, as far as
 *  the group's rate allows. The vips must live until announcement_stop(). */
void announcement_add(struct announcement *n, const struct kernel_link *link,
                      const struct conf_vip *const *vips, unsigned count);
/** Start the schedule anew for all that were added (a conflict, a peer that asked, link up again). */
void announcement_repeat(struct announcement *n);
/** The group is no longer active: send nothing more, forget all. */
void announcement_stop(struct announcement *n);
void announcement_reconfigure(struct announcement *n, const struct conf_announce *schedule,
                              unsigned vips_max);

struct announcer_stats {
        uint64_t arp_sent, na_sent, failed, retried;
};
struct announcer_stats announcer_stats(const struct announcer *a);

#endif
