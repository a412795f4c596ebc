/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H
/* The only place in the daemons that reads a clock. */
#include "lib/mono.h"

/** CLOCK_MONOTONIC now. */
mono_t clock_now(void);

/** CLOCK_REALTIME in microseconds since 1970, for people and files, never for a decision. */
int64_t clock_wall_us(void);

/** Room for "2026-03-01T14:02:07.114235Z". */
#define CLOCK_TEXT_MAX 32

/** Format a wall time as RFC 3339 in UTC with microseconds. @return buf */
const char *clock_format(int64_t wall_us, char buf[static CLOCK_TEXT_MAX]);

#endif
