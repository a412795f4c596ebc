/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPRING_RUN_ORDERS_H
#define VIPRING_RUN_ORDERS_H
/*
 * What may be asked of vipring-run, as handlers of lib/ctl.h:
 *
 *   check   {"config":DIGEST,"group":NAME,"check":NAME}
 *   hook    {"config":DIGEST,"group":NAME,"hook":NAME,"facts":{"event":"active",
 *            "node":..,"from":..,"to":..,"cause":..,"owner":..,"priority":N,"vrid":N}}
 *   status  {}
 *
 * check and hook answer {"status":N,"timed_out":BOOL,"tried":BOOL,"detail":TEXT,
 * "output":TEXT,"output_cut":BOOL} (struct job_result), also if the program
 * failed; an error means that nothing was tried. A check whose asker goes away
 * is ended; a hook runs to its end, for vipd may be stopping.
 */
#include <jansson.h>
#include <stdbool.h>

#include "lib/ctl.h"
#include "vipring-run/conf_copy.h"
#include "vipring-run/job_pool.h"

/** The handlers' argument. */
struct orders {
        struct conf_copy *conf;
        struct job_pool *checks, *hooks;
        const char *node; /* our name, or NULL */
        bool closed;      /* nothing new is taken */
};

ctl_handler orders_check, orders_hook, orders_status;

#endif
