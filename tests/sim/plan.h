/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_SIM_PLAN_H
#define TESTS_SIM_PLAN_H
/* A history drawn beforehand: which faults, when, whom. */
#include "tests/sim/world.h"

#define PLAN_FAULTS_MAX 128

enum fault_type {
        FAULT_CRASH,
        FAULT_BOOT,
        FAULT_STOP,
        FAULT_PAUSE,
        FAULT_FREEZE,
        FAULT_RESUME,
        FAULT_CUT, /* one way */
        FAULT_MEND,
        FAULT_SPLIT, /* into two parts, by the bits of `a` */
        FAULT_JOIN,
        FAULT_LOSS, /* `a` permille from here on */
        FAULT_BURST,
        FAULT_RESIGN,
        FAULT_INELIGIBLE,
        FAULT_ELIGIBLE,
        FAULT_PRIORITY,
        FAULT_RECONFIGURE,
        FAULT_TYPES,
};

struct fault {
        int64_t at;
        enum fault_type type;
        int node;
        int64_t a;
};

struct plan {
        struct fault faults[PLAN_FAULTS_MAX];
        int n;
        int next;
        int64_t chaos_us; /* until then faults come */
};

/** The group and its LAN. */
void plan_world(struct sim_world *w);
/** What will happen to them. */
void plan_faults(struct sim_world *w, struct plan *plan);
uint8_t plan_priority(struct sim_random *r);
int64_t plan_delay(struct sim_random *r, int64_t interval_us);

/* --- fault.c --- */
void fault_happen(struct sim_world *w, const struct fault *f);
/** The network heals, who was stopped goes on; who is dead or ill may stay so. */
void fault_quiet(struct sim_world *w);

#endif
