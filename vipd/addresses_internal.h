/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_ADDRESSES_INTERNAL_H
#define VIPD_ADDRESSES_INTERNAL_H
/* What addresses*.c and address_set.c share; nobody else includes it. */
#include "lib/log.h"
#include "vipd/addresses.h"
#include "vipd/core/addr_set.h"
#include "vipd/links.h"

/** The host's own included; more are not looked at. */
#define ADDRESSES_ENTRIES_MAX 262144

struct addresses {
        struct kernel *kernel;
        struct links links;
        struct addr_plan plan;
        struct addr_memory memory; /* of the plan */
        sd_event_source *work, *timer;
        struct link_events events;
        void *arg;
        unsigned holds;
        unsigned slice;   /* operations of the next slice */
        mono_t own_paid;  /* until when the time is paid for that sets took themselves */
        bool dispatching; /* a callback is being called */
        bool sweep_later; /* after the dump: a link was renamed */
        struct log_limit full_limit, orphan_limit;
};

struct address_set {
        struct addr_set plan;
        struct addresses *a;
        char group[CONF_NAME_MAX];
        const struct conf_vip *vips;
        struct addr_member *members;
        struct address_set_events events;
        void *arg;
        struct log_limit lost_limit, failed_limit, unstable_limit, foreign_limit;
};

extern const struct kernel_listener addresses_listener;

int addresses_on_work(sd_event_source *source, void *arg);
int addresses_on_timer(sd_event_source *source, uint64_t usec, void *arg);

/** Make room for `entries` more addresses and for all link slots. @return 0 or -ENOMEM */
int addresses_reserve(struct addresses *a, uint32_t entries);

/** The slot of a link's name, made if need be, with room in the plan. @return LINKS_NONE: no memory
 */
uint32_t addresses_slot(struct addresses *a, const char *name);

/** Log an address of an unclaimed set that is there, but not put up by us. */
void addresses_log_foreign(const struct addresses *a, const struct addr_entry *e);

#define ADDRESSES_MORE_TEXT 48

/** The end of a line of which some were withheld: "" or " (12 more like this)". @return buf */
const char *addresses_more(uint64_t withheld, char buf[static ADDRESSES_MORE_TEXT]);

/** Perform one slice, of one set or (NULL) of what is due. @return operations done */
unsigned addresses_slice(struct addresses *a, const struct addr_set *only);

/** Tell the owners of sets; does nothing within a callback. */
void addresses_dispatch(struct addresses *a);

/** Switch the event sources on or off as there is work. */
void addresses_arm(struct addresses *a);

/** The set around the plan's set. */
struct address_set *address_set_of(struct addr_set *set);

#endif
