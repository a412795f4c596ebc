/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPRING_RUN_JOB_POOL_H
#define VIPRING_RUN_JOB_POOL_H
/*
 * Which job runs when. At most `running_max` run at once, the others wait in
 * order. Jobs with the same key never run at the same time: for a check the key
 * is the check, for a hook its group, so that a group's hooks stay in order.
 */
#include <stdint.h>
#include <systemd/sd-event.h>

#include "vipring-run/job.h"

#define JOB_POOL_WAITING_MAX 1024
#define JOB_KEY_MAX (2 * CONF_NAME_MAX)

struct job_pool;

struct job_pool_stats {
        unsigned running, waiting;
        uint64_t started, timed_out, not_started;
};

/** @param idle called whenever nothing runs or waits any more; may be NULL */
int job_pool_new(struct job_pool **ret, sd_event *loop, unsigned running_max,
                 void (*idle)(void *arg), void *arg);

/** Kills what runs, tells nobody. NULL is allowed. @return NULL */
struct job_pool *job_pool_free(struct job_pool *p);

/**
 * Queue a job; it starts in the next turn of the loop at the earliest.
 * @param job     stolen on success
 * @param wait_us how long it may wait; then it is told as not run. 0: for ever
 * @return 0, -ENOBUFS: too many wait, -ENOMEM, or an error of the loop
 */
int job_pool_add(struct job_pool *p, struct job *job, const char *key, int64_t wait_us);

/** The result of this job interests nobody: take it out of the queue, or end it. */
void job_pool_cancel(struct job_pool *p, struct job *job);

/** End what runs and drop what waits. */
void job_pool_end_all(struct job_pool *p, const char *why);

/** SIGKILL to what runs, and no waiting. */
void job_pool_kill_all(struct job_pool *p);

struct job_pool_stats job_pool_stats(const struct job_pool *p);

#endif
