/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_CORE_ADDR_PLAN_H
#define VIPD_CORE_ADDR_PLAN_H
/*
 * Addresses wanted against addresses present. The only writer of that table:
 * groups say what they want, the kernel says what there is, and the plan says
 * what to do next, in slices, with retries and their limits. One entry per
 * (interface, address); several sets may hold it (a move between groups in a
 * reload), it goes when nobody wants it. Memory is the caller's.
 */
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/mono.h"

/* The shape of this core is its author's; the shell's surface is vipd/addresses.h. */

#endif
