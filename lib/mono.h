/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIB_MONO_H
#define LIB_MONO_H
/*
 * Instants of CLOCK_MONOTONIC, in microseconds, wrapped in a struct so that an
 * instant cannot be mixed up with a duration. Durations are int64_t with the
 * unit in the name (x_us). Pure: reading the clock is lib/clock.h.
 */
#include <stdbool.h>
#include <stdint.h>

typedef struct {
        int64_t us;
} mono_t;

#define MONO_NEVER ((mono_t){INT64_MAX})

#define US_PER_MS INT64_C(1000)
#define US_PER_CS INT64_C(10000)
#define US_PER_S INT64_C(1000000)

/** t + us; NEVER stays NEVER, and an overflow becomes NEVER. */
static inline mono_t mono_add_us(mono_t t, int64_t us)
{
        mono_t sum;

        if (t.us == INT64_MAX || __builtin_add_overflow(t.us, us, &sum.us))
                return MONO_NEVER;
        return sum;
}

/** Microseconds from `from` to `to`; negative if `to` is earlier. */
static inline int64_t mono_diff_us(mono_t to, mono_t from)
{
        return to.us - from.us;
}

static inline bool mono_before(mono_t a, mono_t b)
{
        return a.us < b.us;
}

static inline bool mono_reached(mono_t deadline, mono_t now)
{
        return deadline.us != INT64_MAX && now.us >= deadline.us;
}

static inline bool mono_is_never(mono_t t)
{
        return t.us == INT64_MAX;
}

static inline mono_t mono_min(mono_t a, mono_t b)
{
        return a.us < b.us ? a : b;
}

#endif
