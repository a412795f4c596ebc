/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipd/core/health.h"

#include <limits.h>

void health_init(struct health *h, unsigned rise, unsigned fall)
{
        *h = (struct health){
                .state = HEALTH_UNKNOWN,
                .rise = rise > 0 ? rise : 1,
                .fall = fall > 0 ? fall : 1,
        };
}

static void count(unsigned *in_a_row)
{
        if (*in_a_row < UINT_MAX)
                (*in_a_row)++;
}

static bool become(struct health *h, enum health_state state)
{
        if (h->state == state)
                return false;
        h->state = state;
        return true;
}

bool health_observe(struct health *h, enum health_result result)
{
        bool first = h->state == HEALTH_UNKNOWN;

        if (result == HEALTH_GOOD) {
                h->bad = 0;
                count(&h->good);
                return h->good >= h->rise && become(h, HEALTH_UP);
        }

        h->good = 0;
        count(&h->bad);
        if (h->bad >= h->fall || (first && result == HEALTH_BAD))
                return become(h, HEALTH_DOWN);
        return false;
}

unsigned health_needed(const struct health *h)
{
        if (h->good > 0 && h->state != HEALTH_UP)
                return h->rise;
        if (h->bad > 0 && h->state != HEALTH_DOWN)
                return h->fall;
        return 0;
}
