/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_RUNNER_H
#define VIPD_RUNNER_H
/*
 * vipd's line to vipring-run, which runs what the configuration names (exec
 * checks, hooks) as the configured user and looks at files and processes, so
 * that nothing slow, foreign or privileged happens in vipd. vipd names group
 * and check or hook; vipring-run takes the command from its own reading of the
 * configuration file, so vipd cannot make it run anything else.
 */
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "lib/config.h"

struct runner;

/** The loop it lives in, borrowed. */
sd_event *runner_loop(const struct runner *r);

struct runner_result {
        int status;     /* exit code 0..255; 128+n: signal n; -1: could not be run or timed out */
        bool timed_out; /* it was ended at its timeout; then status is -1 */
        bool tried;     /* false: vipring-run was not reached or refused, nothing was started */
        const char *detail; /* how it ended and the first line of output, or why it failed; never
                               NULL */
};
typedef void runner_done(void *arg, const struct runner_result *result);

/** What the answer may take beyond the program's own timeout and its turn in vipring-run's queue.
 */
#define RUNNER_SLACK_US INT64_C(1000000)

/** Lazy: connects at first use, again after loss (at most once a second). */
int runner_new(struct runner **ret, sd_event *loop, const char *run_dir);
/** What is open is not called back. NULL is allowed. @return NULL */
struct runner *runner_free(struct runner *r);

/**
 * Have a check of kind exec, file or process tried.
 * @param digest the configuration this is about; vipring-run reads its file again if it has another
 * @param fn     called once, later, never from in here
 * @return 0 or -errno (then fn is not called): -ENOTCONN, -EBUSY, -ENOMEM
 */
int runner_check(struct runner *r, const char *digest, const char *group,
                 const struct conf_check *check, runner_done *fn, void *arg);

/** What a hook is told; becomes its environment, see vipring.conf(5). No pointer may be NULL. */
struct runner_hook_facts {
        const char *node, *event; /* "active", "before-active", ... */
        const char *from, *to;    /* states before and after: "init", "backup", "active", "fault" */
        const char *cause;
        const char *owner; /* node or address, or "" */
        unsigned priority;
        unsigned vrid;
};

/** Have a hook run; as runner_check(). Hooks of one group asked for in order run in order. */
int runner_hook(struct runner *r, const char *digest, const char *group,
                const struct conf_hook *hook, const struct runner_hook_facts *facts,
                runner_done *fn, void *arg);

/** Drop the callbacks of everything with this arg. What runs goes on to its end or timeout. */
void runner_forget(struct runner *r, void *arg);

#endif
