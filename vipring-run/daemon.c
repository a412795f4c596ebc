/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipring-run/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/log.h"
#include "vipring-run/orders.h"

struct daemon {
        sd_event *loop;
        struct orders orders;
        struct ctl_server *server;
        sd_event_source *stop_timer;
        unsigned stop_step;
};

static const struct ctl_verb verbs[] = {
        {"check", orders_check},
        {"hook", orders_hook},
        {"status", orders_status},
        {NULL, NULL},
};

/* --- beginning and end ----------------------------------------------------------- */

static bool is_idle(const struct daemon *d)
{
        struct job_pool_stats checks = job_pool_stats(d->orders.checks),
                              hooks = job_pool_stats(d->orders.hooks);

        return checks.running + checks.waiting + hooks.running + hooks.waiting == 0;
}

static void on_idle(void *arg)
{
        struct daemon *d = arg;

        if (d->orders.closed && is_idle(d))
                sd_event_exit(d->loop, 0);
}

static void stop_in(struct daemon *d, int64_t us)
{
        if (sd_event_source_set_time_relative(d->stop_timer, (uint64_t)us) < 0 ||
            sd_event_source_set_enabled(d->stop_timer, SD_EVENT_ONESHOT) < 0)
                sd_event_exit(d->loop, 0);
}

/* Each step is harder than the one before: no new work, end the hooks, kill and go. */
void daemon_stop(struct daemon *d)
{
        d->orders.closed = true;
        switch (d->stop_step++) {
        case 0:
                job_pool_end_all(d->orders.checks, "vipring-run is stopping");
                stop_in(d, DAEMON_HOOK_GRACE_US);
                break;
        case 1:
                job_pool_end_all(d->orders.hooks, "vipring-run is stopping");
                stop_in(d, DAEMON_END_US);
                break;
        default:
                job_pool_kill_all(d->orders.checks);
                job_pool_kill_all(d->orders.hooks);
                sd_event_exit(d->loop, 0);
        }
        on_idle(d);
}

static int on_stop_timer(sd_event_source *s, uint64_t usec, void *arg)
{
        daemon_stop(arg);
        return 0;
}

static int serve(struct daemon *d, const struct daemon_options *options)
{
        CLEANUP(freep) char *dir = NULL;
        CLEANUP(freep) char *path = NULL;
        struct ctl_options ctl = {
                .mode = 0660,
                .gid = options->client_gid,
                .only_uid = options->client_uid,
                .priority = SD_EVENT_PRIORITY_NORMAL,
        };

        if (asprintf(&dir, "%s/vipring-run", options->run_dir) < 0 ||
            asprintf(&path, "%s/run.sock", dir) < 0)
                return -ENOMEM;
        if (mkdir(dir, 0755) < 0 && errno != EEXIST) {
                log_error("cannot make %s: %s; giving up", dir, strerror(errno));
                return -errno;
        }
        ctl.path = path;
        return ctl_server_new(&d->server, d->loop, &ctl, verbs, &d->orders);
}

int daemon_new(struct daemon **ret, sd_event *loop, const struct daemon_options *options)
{
        struct daemon *d = calloc(1, sizeof(*d));
        int r;

        if (!d)
                return -ENOMEM;
        d->loop = loop;
        d->orders.node = options->node;
        r = conf_copy_new(&d->orders.conf, options->config);
        if (r >= 0)
                r = job_pool_new(&d->orders.checks, loop, DAEMON_RUNNING_MAX, on_idle, d);
        if (r >= 0)
                r = job_pool_new(&d->orders.hooks, loop, DAEMON_RUNNING_MAX, on_idle, d);
        if (r >= 0)
                r = sd_event_add_time(loop, &d->stop_timer, CLOCK_MONOTONIC, 0, 1, on_stop_timer,
                                      d);
        if (r >= 0)
                r = sd_event_source_set_enabled(d->stop_timer, SD_EVENT_OFF);
        if (r >= 0)
                r = serve(d, options);
        if (r < 0) {
                daemon_free(d);
                return r;
        }
        *ret = d;
        return 0;
}

struct daemon *daemon_free(struct daemon *d)
{
        if (!d)
                return NULL;
        d->orders.checks = job_pool_free(d->orders.checks);
        d->orders.hooks = job_pool_free(d->orders.hooks);
        ctl_server_free(d->server);
        sd_event_source_disable_unref(d->stop_timer);
        conf_copy_free(d->orders.conf);
        free(d);
        return NULL;
}
