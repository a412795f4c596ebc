/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_HOOK_H
#define VIPD_HOOK_H
/*
 * The hooks of one group, run one after the other in the order of events and,
 * within an event, of the file. A hook that hangs is ended at its timeout and
 * delays nothing but the hooks behind it. At most HOOK_QUEUE_MAX wait; beyond
 * that the oldest waiting ones are dropped, counted and logged (the newest
 * state matters most).
 *
 * While vipring-run cannot be reached, the first in the queue is tried again
 * every second, HOOK_RETRIES times; then it has failed. One that was on its
 * way when the connection broke may have run and is not run again.
 */
#include <stdint.h>

#include "lib/config.h"
#include "vipd/runner.h"

#define HOOK_QUEUE_MAX 64
#define HOOK_RETRIES 10
#define HOOK_RETRY_US INT64_C(1000000)

struct hook_queue;

int hook_queue_new(struct hook_queue **ret, struct runner *runner, const char *digest,
                   const char *group, const struct conf_hook *hooks, unsigned n);

/**
 * Hand what waits to vipring-run, which runs it in order, also when we are
 * gone (the hooks of "stop"). Nothing is heard of it any more. NULL is allowed.
 * @return NULL
 */
struct hook_queue *hook_queue_free(struct hook_queue *q);

/** After a reload: the new hooks; what waits of hooks that are gone is dropped. */
void hook_queue_rebind(struct hook_queue *q, const char *digest, const char *group,
                       const struct conf_hook *hooks, unsigned n);

/** Queue the hooks that listen to `on` (one bit of enum conf_hook_on). Facts are copied;
 *  facts->event is not looked at. */
void hook_queue_fire(struct hook_queue *q, enum conf_hook_on on,
                     const struct runner_hook_facts *facts);

struct hook_stats {
        uint64_t run, failed, timed_out, dropped; /* failed includes timed_out */
};
struct hook_stats hook_queue_stats(const struct hook_queue *q);

#endif
