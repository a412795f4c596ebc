/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_CORE_ANNOUNCE_H
#define VIPD_CORE_ANNOUNCE_H
/*
 * When to announce which address of a group: the schedule as data. Every
 * address gets its first frame at once, then more at an interval, then perhaps
 * a refresh for ever; all of it within a rate, first frames before any others.
 * What a frame looks like and how it is sent is not decided here.
 *
 * An entry waits in one of four queues, each in the order of the time `at`
 * which its entries' delay runs from, so that only the heads need looking at.
 * Memory is the caller's.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/mono.h"

/** Frames that may go out together after a pause. */
#define ANNOUNCE_BURST 64
/** A frame that could not be sent is tried again after this long, this often. */
#define ANNOUNCE_RETRY_US (50 * US_PER_MS)
#define ANNOUNCE_RETRIES 10

struct announce_schedule {
        unsigned count;      /* frames after a claim, at least 1 */
        int64_t interval_us; /* between them */
        int64_t refresh_us;  /* for ever after; 0 = no */
        unsigned rate;       /* frames a second, over all addresses; 0 = without limit */
};

/** In the order of precedence among those that are due. */
enum announce_queue {
        ANNOUNCE_FIRST,   /* due at once */
        ANNOUNCE_RETRY,   /* could not be sent at `at` */
        ANNOUNCE_REPEAT,  /* frames are still to come, last one at `at` */
        ANNOUNCE_REFRESH, /* all `count` frames are out */
        ANNOUNCE_QUEUES,
};

struct announce_entry {
        struct ip_addr addr; /* family 0: the slot is free */
        uint32_t link;       /* the caller's number for the link it lives on */
        uint8_t queue;       /* enum announce_queue */
        uint8_t tries;       /* of the frame in work, that failed */
        bool marked;         /* announce_mark() */
        unsigned sent;       /* frames since the last claim or repeat, up to `count` */
        mono_t at;
        uint32_t prev, next; /* in the queue; slot + 1, 0 = none */
        uint32_t chain;      /* in the bucket, or among the free; slot + 1, 0 = none */
};

struct announce {
        struct announce_schedule schedule;
        struct announce_entry *entries;
        uint32_t *buckets; /* by address and link; slot + 1, 0 = empty */
        unsigned max, n;
        uint32_t n_buckets; /* a power of two */
        uint32_t free;      /* slot + 1 */
        struct {
                uint32_t head, tail; /* slot + 1 */
        } queues[ANNOUNCE_QUEUES];
        /* token bucket, in millionths of a frame, full at ANNOUNCE_BURST (or `rate`, if that is
         * less) */
        int64_t credit;
        mono_t credited; /* when it was last filled up */
};

/** Bytes needed for `max` addresses. */
size_t announce_memory(unsigned max);

/** Empty, with full credit. @param memory announce_memory(max) bytes, aligned for any type */
void announce_init(struct announce *a, const struct announce_schedule *schedule, unsigned max,
                   void *memory);

/** From here on by this schedule; what is out stays counted. */
void announce_reconfigure(struct announce *a, const struct announce_schedule *schedule);

/** Fill `to`, empty and with room, with all that is in `from`, where it stands. */
void announce_move(struct announce *to, const struct announce *from);

/** This address is here now; one that is known starts anew. @return false if there is no room */
bool announce_add(struct announce *a, const struct ip_addr *addr, uint32_t link);

/** Nothing more about this address. @return false if it was not there */
bool announce_remove(struct announce *a, const struct ip_addr *addr, uint32_t link);

void announce_clear(struct announce *a);

/** Keep only what was marked since the last sweep. @return how many were removed */
unsigned announce_sweep(struct announce *a);
/** @return false if it is not there */
bool announce_mark(struct announce *a, const struct ip_addr *addr, uint32_t link);

/** Start anew with all addresses, or with those on one link. */
void announce_repeat(struct announce *a);
void announce_repeat_link(struct announce *a, uint32_t link);

/** When announce_next() will have a frame, `now` if it has one already, or MONO_NEVER. */
mono_t announce_deadline(const struct announce *a, mono_t now);

/**
 * The next address to announce now, taken as sent. `now` never goes back.
 * @return valid until the next call that changes `a`; NULL when nothing is due or the rate is used
 * up
 */
struct announce_entry *announce_next(struct announce *a, mono_t now);

/**
 * The frame that announce_next() told could not be sent.
 * @return true if it comes again; false if it was the last try: its address goes on with the
 * schedule
 */
bool announce_failed(struct announce *a, struct announce_entry *e, mono_t now);

#endif
