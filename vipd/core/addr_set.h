/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_CORE_ADDR_SET_H
#define VIPD_CORE_ADDR_SET_H
/*
 * The addresses of one group as a set over the plan's entries: claimed or not,
 * how many are up, and what its owner has not been told yet. Reports are queued
 * here and taken one by one, so that nobody is called while the plan changes.
 */
#include "vipd/core/addr_plan.h"

/** An address as a group wants it. */
struct addr_spec {
        struct ip_addr addr;
        uint8_t prefix_len;
        uint8_t scope;
        uint32_t link;
        char label[IFNAMSIZ];
};

/** In the order in which they are told. */
enum addr_news {
        ADDR_NEWS_LOST = 1 << 0,      /* somebody else took it down */
        ADDR_NEWS_UNSTABLE = 1 << 1,  /* it cannot be put up, or is lost too often */
        ADDR_NEWS_UP = 1 << 2,        /* it was put up, or came into a set that is claimed */
        ADDR_NEWS_CLAIMED = 1 << 3,   /* the whole set */
        ADDR_NEWS_UNCLAIMED = 1 << 4, /* the whole set */
};

struct addr_member {
        struct addr_set *set;
        struct addr_member *next; /* the entry's next member */
        uint32_t entry;
        uint32_t next_report; /* index in the set */
        uint8_t news;         /* bits */
        bool queued;
        bool pending; /* not yet as the set wants it */
        bool awaited; /* during addr_set_assign(): to become pending */
};

struct addr_set {
        struct addr_member *members;
        uint32_t n;
        uint32_t up; /* members that are there */
        bool claimed;
        bool busy;        /* CLAIMED or UNCLAIMED is still to come */
        uint32_t pending; /* members that are */
        uint32_t report_first, report_last;
        bool done; /* CLAIMED or UNCLAIMED is to be told */
        bool queued;
        struct addr_set *prev, *next; /* in the plan's list of sets with reports */
};

/** Addresses that one report can name. */
#define ADDR_REPORT_MAX 64

struct addr_report {
        struct addr_set *set;
        enum addr_news what;
        uint32_t members[ADDR_REPORT_MAX]; /* indices; one unless UP; none for the whole set */
        uint32_t n;
        uint32_t port; /* LOST: whose, 0 = the kernel's */
        int err;       /* UNSTABLE: -errno; 0 = it is taken down again and again */
};

/** An empty, unclaimed set. */
void addr_set_init(struct addr_set *set);

/**
 * Give the set this list. What was in it before stays as it is; the rest of the old list is
 * parked for removal (addr_plan_unpark).
 * @param members  room for n, the caller's, until the next assign; the old piece is free then
 * The table must have room for what it does not know yet of the list (asserted).
 */
void addr_set_assign(struct addr_plan *p, struct addr_set *set, struct addr_member *members,
                     const struct addr_spec *specs, uint32_t n, mono_t now);

/** Assign nothing and drop the reports: the set may be forgotten afterwards. */
void addr_set_clear(struct addr_plan *p, struct addr_set *set, mono_t now);

void addr_set_claim(struct addr_plan *p, struct addr_set *set, mono_t now);
void addr_set_unclaim(struct addr_plan *p, struct addr_set *set, mono_t now);

/** Is the index-th of the set's list up, as far as is known? */
bool addr_set_present(const struct addr_plan *p, const struct addr_set *set, uint32_t index);

/** Take the oldest report. @return false when there is none */
bool addr_plan_report(struct addr_plan *p, struct addr_report *ret);

/* --- between addr_plan.c and addr_set.c ---------------------------------------------- */

/** The entry came or went: count it in its sets. */
void addr_set_count(struct addr_entry *e, bool present);
/** The entry's work changed: some sets may be done. */
void addr_set_settle(struct addr_plan *p, struct addr_entry *e);
/** The entry is wanted but not there any more: sets that are still busy wait for it again. */
void addr_set_unsettle(struct addr_entry *e);
/** Tell every claimed set that lists the entry. */
void addr_set_tell(struct addr_plan *p, struct addr_entry *e, enum addr_news news);

#endif
