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
#include <stdint.h>
#include <systemd/sd-event.h>

#include "lib/config.h"

struct runner;

struct runner_result {
        int status;         /* exit code 0..255; 128+n: signal n; -1: could not be run or timed out */
        const char *detail; /* first line of output, or why it failed; never NULL */
};
typedef void runner_done(void *arg, const struct runner_result *result);

/** Lazy: connects at first use, again after loss. */
int runner_new(struct runner **ret, sd_event *loop, const char *run_dir);
struct runner *runner_free(struct runner *r);

/** Calls fn once, later. @param digest the configuration this is about, so that the helper re-reads
 *  its file after a reload. @return 0 or -errno (then fn is not called) */
int runner_check(struct runner *r, const char *digest, const char *group,
                 const struct conf_check *check, runner_done *fn, void *arg);

/** What a hook is told; becomes its environment, see vipring.conf(5). */
struct runner_hook_facts {
        const char *node, *event; /* "active", "before-active", ... */
        const char *from, *to;    /* states before and after: "init", "backup", "active", "fault" */
        const char *cause;
        const char *owner;        /* node or address, or "" */
        unsigned priority;
        unsigned vrid;
};
int runner_hook(struct runner *r, const char *digest, const char *group,
                const struct conf_hook *hook, const struct runner_hook_facts *facts,
                runner_done *fn, void *arg);

/** Drop the callbacks of everything with this arg. */
void runner_forget(struct runner *r, void *arg);

#endif
