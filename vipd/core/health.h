/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_CORE_HEALTH_H
#define VIPD_CORE_HEALTH_H
/*
 * Damping of a check's results: how many in a row turn it. Pure.
 *
 * Before the first decision a check is unknown. `rise` good results in a row
 * make it up, one bad result makes it down: at the start there is no good past
 * that a single failure would have to outweigh. A try that could not be made
 * says nothing about the service; it needs `fall` in a row, from any state.
 */
#include <stdbool.h>

enum health_state {
        HEALTH_UNKNOWN,
        HEALTH_UP,
        HEALTH_DOWN,
};

enum health_result {
        HEALTH_GOOD,
        HEALTH_BAD,
        HEALTH_UNTRIED, /* the try itself could not be made */
};

struct health {
        enum health_state state;
        unsigned rise, fall; /* at least 1 */
        unsigned good, bad;  /* in a row; one of them is 0; they stop at UINT_MAX */
};

/** Unknown, nothing counted. 0 counts as 1 for both numbers. */
void health_init(struct health *h, unsigned rise, unsigned fall);

/** Count one result. @return true if the state is another now */
bool health_observe(struct health *h, enum health_result result);

/** How many results like this one in a row turn the state; 0 if it agrees with the state. */
unsigned health_needed(const struct health *h, enum health_result result);

#endif
