/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPCTL_STATUS_H
#define VIPCTL_STATUS_H
/* The parts of `vipctl status` for people. All take vipd's result object. */
#include <jansson.h>

/** The table, a line a group. */
void status_print_groups(const json_t *status);

/** Below the table: faults and why, checks down, groups away from home, nodes that are not up. */
void status_print_notes(const json_t *status);

/** One group's addresses, checks, adverts and hooks. */
void status_print_detail(const json_t *group);

#endif
