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

/** Give up what is in progress (the daemon ends). NULL is allowed. @return NULL */
struct reload *reload_free(struct reload *r);

#endif
