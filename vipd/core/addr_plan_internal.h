/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_CORE_ADDR_PLAN_INTERNAL_H
#define VIPD_CORE_ADDR_PLAN_INTERNAL_H
/* What addr_plan*.c and addr_set.c share; nobody else includes it. */
#include "vipd/core/addr_plan.h"

struct addr_entry *addr_plan_at(struct addr_plan *p, uint32_t index);
struct addr_link *addr_plan_link_of(struct addr_plan *p, const struct addr_entry *e);

/** One more claimed set wants the entry / does not want it any more. */
void addr_plan_want(struct addr_plan *p, uint32_t index, mono_t now);
void addr_plan_unwant(struct addr_plan *p, uint32_t index, bool park);

/** Scope, label or IPv6 prefix length of a wanted entry changed. */
void addr_plan_recreate(struct addr_plan *p, uint32_t index);

/** Somebody else put a wanted address there: make it ours. */
void addr_plan_reclaim(struct addr_plan *p, uint32_t index, mono_t now);

/** Forget the entry if nobody lists it, nothing is to do and it is not there. */
void addr_plan_forget(struct addr_plan *p, uint32_t index);

/** An answer or event told of the entry: a dump that was begun before knows less. */
void addr_plan_touch(struct addr_plan *p, struct addr_entry *e);

/**
 * Why an address cannot be put up now: -ENODEV, -ENETDOWN, or 0. An IPv6 address on a link that is
 * down would be swept away by the kernel; an IPv4 one stays.
 */
int addr_plan_obstacle(struct addr_plan *p, const struct addr_entry *e);

/** A suspected entry cannot be asked for now, so what was said of it is believed. */
void addr_plan_believe(struct addr_entry *e);

/** Queue an entry that is to be put up: at once, or when its link is there. */
void addr_plan_place(struct addr_plan *p, uint32_t index, bool first, mono_t now);

/** The same after a loss: with delay if there were too many. */
void addr_plan_place_again(struct addr_plan *p, uint32_t index, mono_t now);

/** Nothing is to do for the entry any more. */
void addr_plan_rest(struct addr_plan *p, uint32_t index);

/** A wanted address that was up was taken down by somebody else: tell, and judge how often. */
void addr_plan_count_loss(struct addr_plan *p, struct addr_entry *e, mono_t now);

/** Tell the entry's sets once per trouble. */
void addr_plan_unstable(struct addr_plan *p, struct addr_entry *e, int err);

#endif
