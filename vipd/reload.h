/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_RELOAD_H
#define VIPD_RELOAD_H
/*
 * Exchanging the configuration of a running daemon: read and checked in a
 * thread, then taken over group by group in slices, so that adverts leave on
 * time meanwhile. A file with errors changes nothing.
 */
#include <jansson.h>

struct daemon;
struct reload;

/** Called once. `exit`: CTL_x; error NULL or a sentence; result borrowed, may be NULL. */
typedef void reload_done(void *arg, int exit, const char *error, json_t *result);

/** @return 0, or -EBUSY when one is in progress (then `done` is not called) */
int reload_start(struct daemon *d, reload_done *done, void *arg);

/** Begin the reload that daemon.reload_wanted asks for, if there is one and none is in progress.
 *  The service manager is told of its beginning and end. */
void reload_wanted(struct daemon *d);

/** Tell the groups that the daemon does not have yet; as group_link_changed(). NULL is allowed. */
void reload_link_changed(struct reload *r, const char *iface);

/**
 * The daemon ends: no more groups are taken over, those it does not have yet are given up, whoever
 * waits is told. Groups that were taken over point into the new configuration until reload_free().
 * NULL is allowed.
 */
void reload_abandon(struct reload *r);

/** Waits for the file if it is still being read. NULL is allowed. @return NULL */
struct reload *reload_free(struct reload *r);

#endif
