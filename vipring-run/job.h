/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPRING_RUN_JOB_H
#define VIPRING_RUN_JOB_H
/*
 * One command as a process: started, watched, ended at its timeout together
 * with its process group. Which job may start when is job_pool.c's matter.
 *
 * The result is told as soon as it is known: at the exit, or at the timeout,
 * though the process may take until JOB_KILL_AFTER_US later (or, stuck in the
 * kernel, for ever) to be gone. The job lives until then.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "vipring-run/command.h"

#define JOB_OUTPUT_MAX 4096               /* bytes of output kept; the rest is read and dropped */
#define JOB_DETAIL_MAX 256                /* with the NUL */
#define JOB_KILL_AFTER_US INT64_C(500000) /* from SIGTERM to SIGKILL */

struct job_result {
        int status;         /* exit code; 128+n: signal n; -1: not run, or not to its end */
        bool timed_out;     /* then status is -1 */
        bool tried;         /* false: nothing was started, which says nothing about the service */
        const char *detail; /* one line of printable UTF-8; never empty */
        const char *output; /* printable UTF-8 and newlines */
        bool output_cut;    /* there was more than JOB_OUTPUT_MAX */
};

typedef void job_result_fn(void *arg, const struct job_result *result);

struct job;
typedef void job_gone_fn(void *arg, struct job *job);

/**
 * @param command stolen, also on error
 * @param fn      called once with the result, if the job was started or told so by
 *                job_tell_not_run(), unless job_forget() came first
 */
int job_new(struct job **ret, struct command *command, int64_t timeout_us, job_result_fn *fn,
            void *arg);

/** Ends nothing: only for jobs that were not started or are gone. NULL is allowed. @return NULL */
struct job *job_free(struct job *j);

/**
 * Start the process.
 * @param gone called once when the process has ended; may free the job
 * @return 0, or -errno: nothing runs and nothing will be called
 */
int job_start(struct job *j, sd_event *loop, job_gone_fn *gone, void *arg);

/** Tell that it will not be started, and why. */
void job_tell_not_run(struct job *j, const char *why);

/** SIGTERM to its process group, SIGKILL if that does not help; the result is told now. */
void job_end(struct job *j, const char *why);

/** SIGKILL to its process group, and no waiting. */
void job_kill(struct job *j);

/** The result interests nobody any more. */
void job_forget(struct job *j);

bool job_timed_out(const struct job *j);

#endif
