/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPCTL_EVENT_H
#define VIPCTL_EVENT_H
/* One transition as text: its timeline for `why`, a line of it for `status`. */
#include <jansson.h>
#include <stdint.h>

/** The name under the key, or "nobody". */
const char *event_node(const json_t *event, const char *key);

int64_t event_id(const json_t *event);

/** "#418  db  lb3 -> lb1  ..." and below it what happened when. */
void event_print_timeline(const json_t *event);

#endif
