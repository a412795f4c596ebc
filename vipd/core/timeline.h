/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_CORE_TIMELINE_H
#define VIPD_CORE_TIMELINE_H
/*
 * The last transitions of all groups, each with its cause and steps, in a ring
 * of fixed size: what `vipctl why` and `vipctl events` show. A transition is a
 * change of owner as this node saw it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/mono.h"

#define TIMELINE_EVENTS 256
#define TIMELINE_STEPS 12
#define TIMELINE_NAME_MAX 48 /* node name or address */
#define TIMELINE_TEXT_MAX 112

/** Contract words of `vipctl events`; TIMELINE_CAUSES of them. */
enum timeline_cause {
        TIMELINE_START,
        TIMELINE_ADVERT_TIMEOUT,
        TIMELINE_RESIGN,
        TIMELINE_CHECK,
        TIMELINE_LINK,
        TIMELINE_OPERATOR,
        TIMELINE_PREEMPT,
        TIMELINE_STALL,
        TIMELINE_FOREIGN,
        TIMELINE_CONFLICT,
        TIMELINE_STOP,
        TIMELINE_RELOAD,
        TIMELINE_CAUSES,
};

struct timeline_step {
        int64_t at_us;    /* after t0; evidence may lie before it (negative) */
        char what[24];   /* "advert-timeout", "address", "announce", ... */
        char detail[TIMELINE_TEXT_MAX];
};

struct timeline_event {
        uint64_t id; /* 1, 2, ... on this node */
        char group[TIMELINE_NAME_MAX];
        char from[TIMELINE_NAME_MAX]; /* "" = nobody known */
        char to[TIMELINE_NAME_MAX];   /* "" = nobody (yet) */
        enum timeline_cause cause;
        mono_t t0;            /* when it was noticed */
        int64_t t0_wall_us;   /* the same for people */
        int64_t no_owner_us;  /* at most this long nobody answered; -1 = not known */
        int64_t dual_owner_us;/* -1 = not known */
        int64_t actor_uid;    /* who asked; -1 = nobody */
        char reason[TIMELINE_TEXT_MAX]; /* the operator's words */
        struct timeline_step steps[TIMELINE_STEPS];
        unsigned n_steps; /* kept; the last slot is overwritten beyond that */
        bool closed;      /* nothing more will be added */
};

struct timeline {
        struct timeline_event events[TIMELINE_EVENTS];
        uint64_t last_id; /* 0 = none yet */
};

void timeline_init(struct timeline *t, uint64_t last_id);

/** Begin an event; the oldest is overwritten. @return it, valid until TIMELINE_EVENTS later ones */
struct timeline_event *timeline_open(struct timeline *t, const char *group, const char *from,
                                     enum timeline_cause cause, mono_t t0, int64_t t0_wall_us);

/** The event with this id, or NULL when it is gone or never was. */
struct timeline_event *timeline_find(struct timeline *t, uint64_t id);

/** The latest event of a group, or NULL. */
struct timeline_event *timeline_latest(struct timeline *t, const char *group);

/** Id of the oldest event still held, or last_id + 1 if there is none. */
uint64_t timeline_first_id(const struct timeline *t);

/** Add a step. Texts are cut to their sizes. */
void timeline_step(struct timeline_event *ev, mono_t at, const char *what, const char *detail);

/** Copy text, cut at the size but not within a UTF-8 character, always terminated. */
void timeline_text(char *to, size_t size, const char *from);

/** Take away the beginning of a UTF-8 character at the end, left by something that cut by bytes. */
void timeline_trim(char *text);

const char *timeline_cause_name(enum timeline_cause c);

#endif
