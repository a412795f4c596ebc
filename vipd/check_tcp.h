/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_CHECK_TCP_H
#define VIPD_CHECK_TCP_H
/*
 * One TCP connection attempt from vipd's loop. The source is not bound. The
 * connection is closed by a reset, so that a check every few milliseconds
 * leaves no socket in TIME_WAIT on either host. It has no timeout of its own:
 * whoever made it frees it when the time is over.
 */
#include <stdint.h>
#include <systemd/sd-event.h>

#include "lib/addr.h"

struct check_tcp;

/** @param error 0: connected; else -errno. May free the attempt; its last act otherwise. */
typedef void check_tcp_done(void *arg, int error);

/** Begin to connect. @return 0 or -errno: the attempt failed at once, fn is not called */
int check_tcp_new(struct check_tcp **ret, sd_event *loop, const struct ip_addr *address,
                  uint16_t port, check_tcp_done *fn, void *arg);

/** Closes the connection unless it was taken. NULL is allowed. @return NULL */
struct check_tcp *check_tcp_free(struct check_tcp *t);

/** Take over the connected, non-blocking socket; closing it resets the connection. */
int check_tcp_take_fd(struct check_tcp *t);

#endif
