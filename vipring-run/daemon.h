/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPRING_RUN_DAEMON_H
#define VIPRING_RUN_DAEMON_H
/*
 * Serves vipd on RUNDIR/vipring-run/run.sock (lib/ctl.h) with what orders.h
 * lists, and ends in an orderly way.
 */
#include <sys/types.h>
#include <systemd/sd-event.h>

#define DAEMON_RUNNING_MAX 64                 /* of checks, and again of hooks */
#define DAEMON_HOOK_GRACE_US INT64_C(5000000) /* for hooks at the end */
#define DAEMON_END_US INT64_C(1000000)        /* from ending everything to going anyway */

struct daemon_options {
        const char *config;  /* path */
        const char *run_dir; /* has to exist; vipring-run/ is made in it */
        const char *node;    /* our name, or NULL */
        uid_t client_uid;    /* who may ask, besides root */
        gid_t client_gid;    /* group of the socket; -1: leave */
};

struct daemon;

int daemon_new(struct daemon **ret, sd_event *loop, const struct daemon_options *options);
struct daemon *daemon_free(struct daemon *d);

/** End checks now, hooks after a grace, then leave the loop. A second call cuts the grace short. */
void daemon_stop(struct daemon *d);

#endif
