/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_TIMELINE_LOG_H
#define VIPD_TIMELINE_LOG_H
/*
 * The timeline outside the core: as JSON for `vipctl why` and `events`, as a
 * size-bounded file of JSON lines in the state folder, so that it outlives the
 * daemon. A full or slow disk costs the file, never the failover.
 */
#include <jansson.h>

#include "vipd/core/timeline.h"

#define TIMELINE_FILE_MAX (1024 * 1024) /* then it becomes timeline.jsonl.1 */

struct timeline_log;

/** @param node our name, for the steps. Reads back what an earlier run left in state_dir. */
int timeline_log_new(struct timeline_log **ret, const char *state_dir, const char *node);
struct timeline_log *timeline_log_free(struct timeline_log *l);

/** Open an event of this group. A still open one of the same group is closed before. @return its id */
uint64_t timeline_log_open(struct timeline_log *l, const char *group, const char *from,
                           enum timeline_cause cause, mono_t t0);

/** The event to add to, or NULL when it was overwritten. */
struct timeline_event *timeline_log_event(struct timeline_log *l, uint64_t id);

/** Complete: written to the file, told to the log and to whoever follows. Closing twice is allowed. */
void timeline_log_close(struct timeline_log *l, uint64_t id);

/** Called for each closed event until it is removed (fn = NULL). */
void timeline_log_follow(struct timeline_log *l, void (*fn)(void *arg, struct timeline_event *ev),
                         void *arg);

struct timeline *timeline_log_events(struct timeline_log *l);

/** New reference; the object that interface.md calls a transition. */
json_t *timeline_log_json(const struct timeline_log *l, const struct timeline_event *ev);

#endif
