/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_CONTROL_H
#define VIPD_CONTROL_H
/* The verbs that vipctl can send to vipd over RUNDIR/vipd/control.sock. */

struct daemon;
struct control;

/** @param folder RUNDIR/vipd. The socket belongs to group vipadmin where that exists. */
int control_new(struct control **ret, struct daemon *d, const char *folder);
/** Waiting requests are answered. NULL is allowed. @return NULL */
struct control *control_free(struct control *c);

#endif
