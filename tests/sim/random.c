/* SPDX-License-Identifier: GPL-2.0-or-later */
/* splitmix64: every seed, 0 included, gives a sequence of its own. */
#include "tests/sim/world.h"

uint64_t sim_draw(struct sim_random *r)
{
        uint64_t z = r->state += 0x9e3779b97f4a7c15U;

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31);
}

int64_t sim_between(struct sim_random *r, int64_t low, int64_t high)
{
        return low + (int64_t)(sim_draw(r) % (uint64_t)(high - low + 1));
}

bool sim_chance(struct sim_random *r, int permille)
{
        return sim_between(r, 0, 999) < permille;
}
