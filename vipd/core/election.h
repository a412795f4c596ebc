/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_CORE_ELECTION_H
#define VIPD_CORE_ELECTION_H
/*
 * The VRRP state machine of RFC 9568 (6.4) as a pure function: one election a
 * group, whatever its address families. The shell decodes adverts, performs
 * the returned actions in the order of their bits, and arms one timer for
 * election_deadline().
 *
 * Beyond the RFC, all of it off for a group with `preempt` and no delay:
 *  - preempt_delay: after START or ELIGIBLE a better candidate behaves as without
 *    preemption until the delay has passed;
 *  - RESIGN: an operator's move. Sends a release, becomes backup, and does not
 *    preempt again (not even as owner) until it has been active or was restarted
 *    or reconfigured;
 *  - STALLED: this node's own loop stood still. Feed it before the adverts that
 *    waited in the sockets. An active that may not preempt and is late with an
 *    advert yields to any other active it then hears, before it sends again.
 *    In any group, a backup that stood still for an interval or more listens for one
 *    more interval (and its skew) before it takes silence for a crash.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/mono.h"

enum election_state {
        ELECTION_INIT,   /* not started, or not eligible */
        ELECTION_BACKUP,
        ELECTION_ACTIVE,
};

/** Why the last transition happened; contract words of `vipctl events`. */
enum election_cause {
        ELECTION_CAUSE_NONE,
        ELECTION_CAUSE_START,   /* or ELIGIBLE */
        ELECTION_CAUSE_ADVERT_TIMEOUT,
        ELECTION_CAUSE_RESIGN,   /* the active released (priority 0) */
        ELECTION_CAUSE_PREEMPT,  /* a better candidate took over, or we did */
        ELECTION_CAUSE_CONFLICT, /* two actives met; the worse one yielded */
        ELECTION_CAUSE_FAULT,    /* became ineligible; the shell knows whether check or link */
        ELECTION_CAUSE_OPERATOR, /* RESIGN */
        ELECTION_CAUSE_STALL,
        ELECTION_CAUSE_STOP,
};

struct election_config {
        uint8_t priority;    /* 1..255; 255 = address owner */
        int64_t interval_us; /* of our own adverts, > 0, at most ELECTION_INTERVAL_MAX_US */
        bool v2;             /* RFC 3768: skew is a fraction of one second, interval not learned */
        bool preempt;
        int64_t preempt_delay_us; /* >= 0; after START or ELIGIBLE; no matter for an owner */
};

enum election_event_type {
        ELECTION_START,      /* the shell is ready; `eligible` says whether checks and links are good */
        ELECTION_STOP,       /* orderly end */
        ELECTION_ADVERT,     /* a valid advert of this virtual router */
        ELECTION_TIMER,      /* the deadline was reached; sockets were drained before. Too early
                                (a drained advert moved the deadline) does nothing */
        ELECTION_ELIGIBLE,
        ELECTION_INELIGIBLE,
        ELECTION_PRIORITY,   /* effective priority changed: `priority`, 1..254; ignored by an owner */
        ELECTION_RESIGN,
        ELECTION_STALLED,    /* `stall_us`: how long the loop stood still */
};

struct election_event {
        enum election_event_type type;
        bool eligible; /* START */
        uint8_t priority; /* ADVERT: the sender's; PRIORITY: ours */
        int64_t interval_us; /* ADVERT: the sender's; not learned when out of range */
        int address_order;   /* ADVERT: sender's address against ours: <0, 0, >0. 0: no tie-break
                                (the other family of a group decides) */
        int64_t stall_us; /* STALLED */
};

/* The longest interval there is: version 2 carries whole seconds in one byte. */
#define ELECTION_INTERVAL_MAX_US (255 * US_PER_S)
#define ELECTION_PRIORITY_OWNER 255

/** Bits, in the order to perform them. */
enum election_action {
        ELECTION_DO_SEND = 1 << 0,     /* advert with the current priority */
        ELECTION_DO_RELEASE = 1 << 1,  /* advert with priority 0 */
        ELECTION_DO_CLAIM = 1 << 2,    /* put the addresses up and announce them */
        ELECTION_DO_UNCLAIM = 1 << 3,  /* take the addresses down */
        ELECTION_DO_ANNOUNCE = 1 << 4, /* announce again: somebody else claimed to be active */
};

struct election {
        struct election_config config;
        enum election_state state;
        enum election_cause cause; /* of the last change of state */
        uint8_t priority;          /* effective: config.priority or what PRIORITY said */
        bool started;
        bool eligible;
        int64_t active_interval_us; /* learned from the active (v3), else ours */
        mono_t deadline;            /* next TIMER, or MONO_NEVER */
        mono_t preempt_from;        /* may preempt from here on */
        bool resigned;              /* by the operator */
        bool recheck;               /* stalled: ACTIVE yields to whoever is heard, BACKUP listens on */
        bool released;              /* BACKUP: the active released; the timer runs for skew only */
        bool preempting;            /* BACKUP: the last advert was worse and did not hold the timer */
        bool active_heard;          /* BACKUP: an active was heard and has not released */
        uint8_t active_priority;    /* of the last advert heard in BACKUP; 0 = none or released */
        int64_t stall_us;           /* evidence of the last STALLED */
};

/** State INIT, nothing armed. The config must be valid (asserted). */
void election_init(struct election *e, const struct election_config *config);

/**
 * Feed one event. `now` never goes back. What a state has no use for does nothing.
 * @return bits of enum election_action
 */
unsigned election_step(struct election *e, mono_t now, const struct election_event *ev);

/** When to call with ELECTION_TIMER, or MONO_NEVER. */
mono_t election_deadline(const struct election *e);

/**
 * Change the configuration while running, without a transition: timers go on with the new
 * values, an active sends at once when its priority, version or interval changed. A changed
 * config.priority becomes the effective one; send PRIORITY afterwards where weights apply.
 * @return bits of enum election_action
 */
unsigned election_reconfigure(struct election *e, mono_t now, const struct election_config *config);

/** Skew_Time (RFC 9568 6.1): ((256 - priority) * active interval) / 256; v2: of one second. */
int64_t election_skew_us(const struct election *e);

/** Active_Down_Interval (RFC 9568 6.1): 3 * active interval + skew. */
int64_t election_down_us(const struct election *e);

const char *election_state_name(enum election_state s);
/** The contract's word: "advert-timeout", "resign", ... */
const char *election_cause_name(enum election_cause c);

#endif
