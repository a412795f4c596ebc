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
        h->state = state;
        return true;
}

unsigned health_needed(const struct health *h, enum health_result result)
{
        if (result == HEALTH_GOOD)
                return h->state == HEALTH_UP ? 0 : h->rise;
        if (h->state == HEALTH_DOWN)
                return 0;
        return h->state == HEALTH_UNKNOWN && result == HEALTH_BAD ? 1 : h->fall;
}

bool health_observe(struct health *h, enum health_result result)
{
        unsigned needed = health_needed(h, result);

        if (result == HEALTH_GOOD) {
                h->bad = 0;
                count(&h->good);
                return needed > 0 && h->good >= needed && become(h, HEALTH_UP);
        }
        h->good = 0;
        count(&h->bad);
        return needed > 0 && h->bad >= needed && become(h, HEALTH_DOWN);
}
