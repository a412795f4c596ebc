/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t clock_us(clockid_t id)
{
        struct timespec ts;

        clock_gettime(id, &ts);
        return (int64_t)ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

mono_t clock_now(void)
{
        return (mono_t){clock_us(CLOCK_MONOTONIC)};
}

int64_t clock_wall_us(void)
{
        return clock_us(CLOCK_REALTIME);
}

const char *clock_format(int64_t wall_us, char buf[static CLOCK_TEXT_MAX])
{
        time_t seconds = wall_us / US_PER_S;
        struct tm tm;
        size_t len;

        gmtime_r(&seconds, &tm);
        len = strftime(buf, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
        snprintf(buf + len, CLOCK_TEXT_MAX - len, ".%06dZ", (int)(wall_us % US_PER_S));
        return buf;
}
