/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_CORE_ADDR_PLAN_H
#define VIPD_CORE_ADDR_PLAN_H
/*
 * Addresses wanted against addresses present. The only writer of that table:
 * groups say what they want (addr_set.h), the kernel says what there is, and
 * the plan says what to do next, in slices, with retries and their limits. One
 * entry per (link, address); several sets may hold it (a move between groups in
 * a reload), it goes when nobody wants it.
 *
 * What the kernel told is believed in the order it was told, except where an
 * answer to a request of ours is newer. IPv4's events name the request that
 * caused them, so that echoes of our own doing are known; IPv6's name nobody.
 * Two rules keep a wrong belief from costing an address: a claim always asks for
 * the address and a release always for its removal, whatever is believed; and an
 * address that is wanted and said to be gone is asked for again at once, in a way
 * that fails if it is there (`suspect`). Only if that succeeds was it lost.
 */
#include "vipd/core/addr_table.h"

/** More than ADDR_LOSSES removals within this: unstable, restored with delay. */
#define ADDR_LOSS_WINDOW_US (10 * US_PER_S)
/** Up for so long: earlier trouble is forgotten. */
#define ADDR_CALM_US (60 * US_PER_S)
/** Delay of the first delayed restoration; doubles up to ADDR_DELAY_MAX_US. */
#define ADDR_FLAP_DELAY_US (100 * US_PER_MS)
/** Delay after the first failed request; doubles up to ADDR_DELAY_MAX_US. */
#define ADDR_RETRY_DELAY_US (10 * US_PER_MS)
#define ADDR_DELAY_MAX_US (60 * US_PER_S)
/** Failed requests in a row that make an address unstable. */
#define ADDR_TRIES_MAX 4
/** A wanted address whose link is missing (IPv6: or down) for so long is unstable. */
#define ADDR_GRACE_US US_PER_S

struct addr_set;

struct addr_plan_stats {
        uint64_t added, removed, adopted, lost, restored, failed, swept;
};

struct addr_plan {
        struct addr_table table;
        uint32_t generation; /* of dumps */
        bool dumping;
        bool tags_work; /* an address tagged as ours was seen: the kernel keeps tags */
        struct addr_set *reports_first, *reports_last; /* sets with something to tell */
        struct addr_plan_stats stats;
};

/** Memory: see addr_table_init(). */
void addr_plan_init(struct addr_plan *p, const struct addr_memory *mem);

/** The entry of an index that this plan handed out. */
const struct addr_entry *addr_plan_entry(const struct addr_plan *p, uint32_t index);

/* --- what the kernel says --------------------------------------------------------- */

enum addr_teller {
        ADDR_BY_DUMP,
        ADDR_BY_US,    /* an event with the port of our requests, and their seq */
        ADDR_BY_OTHER, /* an event with another's port; 0 is the kernel itself */
};

struct addr_origin {
        enum addr_teller teller;
        uint32_t port;
        uint32_t seq;
};

struct addr_sight {
        uint32_t link;
        struct ip_addr addr;
        uint8_t prefix_len;
        bool ours;
        bool secondary;
        bool usable;
        bool tentative; /* IPv6: in, or failed, duplicate address detection */
};

/** A link exists under this index and is up, or down; ifindex 0: it is gone. */
void addr_plan_link(struct addr_plan *p, uint32_t link, int ifindex, bool up, mono_t now);

/** An address is there. @return false when there is no room to note it: grow and call again */
bool addr_plan_seen(struct addr_plan *p, const struct addr_sight *sight,
                    const struct addr_origin *by, mono_t now);

/** An address is gone. */
void addr_plan_gone(struct addr_plan *p, const struct addr_sight *sight,
                    const struct addr_origin *by, mono_t now);

/** A full list follows (ADDR_BY_DUMP). Events may come in between; they are newer. */
void addr_plan_dump_begin(struct addr_plan *p);
/** The list was complete: what it did not name, and no event did, is gone. */
void addr_plan_dump_end(struct addr_plan *p, mono_t now);

/* --- what to do --------------------------------------------------------------------- */

/**
 * Take the next entries to work on, at most `max`. Each must be put up (todo ADD; if `suspect` so
 * that it fails with -EEXIST when it is there) or taken down (todo DEL, with present_len) and
 * answered by addr_plan_done() before anything else is called.
 */
uint32_t addr_plan_next(struct addr_plan *p, mono_t now, uint32_t *ret, uint32_t max);

/** The same, but only entries of one set. */
uint32_t addr_set_next(struct addr_plan *p, const struct addr_set *set, uint32_t *ret,
                       uint32_t max);

/** The request was answered: 0 or -errno; `seq` as its echoes carry it. */
void addr_plan_done(struct addr_plan *p, uint32_t index, int result, uint32_t seq, mono_t now);

/** True if addr_plan_next() has something now. */
bool addr_plan_busy(const struct addr_plan *p);

/** When addr_plan_next() should be called though not busy, or MONO_NEVER. */
mono_t addr_plan_deadline(const struct addr_plan *p);

/** A reload is over: addresses that no set took over go with the next slices. */
void addr_plan_unpark(struct addr_plan *p);

/** Take down what is tagged as ours and wanted by nobody. @return how many that are */
uint32_t addr_plan_sweep(struct addr_plan *p);

/** How long after the n-th failure (1...) to try again. */
int64_t addr_plan_delay_us(int64_t first_us, unsigned n);

#endif
