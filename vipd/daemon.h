/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_DAEMON_H
#define VIPD_DAEMON_H
/* Owns the loop, the configuration and the groups: start, reload, stop. */
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "lib/config.h"
#include "lib/ctl.h"
#include "lib/log.h"
#include "vipd/group.h"

struct daemon_options {
        const char *config_path;
        const char *node;      /* NULL: find it by its address */
        const char *run_dir;   /* parent: vipd/control.sock and vipring-run/run.sock live below */
        const char *state_dir; /* parent: vipd/ lives below */
};

/** How well the loop keeps its time; all since start. */
struct daemon_loop_stats {
        uint64_t turns;
        int64_t longest_turn_us; /* between waking up and going back to sleep */
        int64_t longest_stall_us; /* a timer came this late: stopped, starved, or a long turn */
        uint64_t stalls;          /* later than DAEMON_STALL_US */
};
#define DAEMON_STALL_US (100 * US_PER_MS)

struct reload;
struct control;

struct daemon {
        struct daemon_options options;
        sd_event *loop;
        struct config *config;
        unsigned self;
        struct group_env env;
        struct group **groups; /* as many as config->n_groups, in its order */
        struct reload *reload; /* in progress, or NULL */
        bool reload_wanted;    /* by SIGHUP, as soon as it can begin */
        struct control *control;
        sd_event_source *heartbeat;
        mono_t heartbeat_due;
        mono_t started;
        struct daemon_loop_stats loop_stats;
        struct log_limit stall_limit;
        uint64_t reloads, reloads_refused;
        bool stopping;
};

/** Load the configuration and find this node in it. Prints or logs what is wrong.
 *  @return 0, -EINVAL: bad configuration, -ECANCELED: told to end while it waited for the address
 *  that says which node it is, or another -errno */
int daemon_new(struct daemon **ret, const struct daemon_options *options);

/** Run until SIGTERM or SIGINT. @return 0 or -errno */
int daemon_run(struct daemon *d);

/** Release everything that is still held. NULL is allowed. @return NULL */
struct daemon *daemon_free(struct daemon *d);

struct group *daemon_group(const struct daemon *d, const char *name);

#endif
