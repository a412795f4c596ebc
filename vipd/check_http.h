/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_CHECK_HTTP_H
#define VIPD_CHECK_HTTP_H
/*
 * One HTTP GET from vipd's loop: connect, ask, read the status line, reset.
 * The body is not read. As in check_tcp.h, the timeout is the maker's.
 */
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "lib/config.h"

#define CHECK_HTTP_REQUEST_MAX 2048

struct check_http;

/** @param detail "status 503", "connect: Connection refused", ... May free the attempt. */
typedef void check_http_done(void *arg, bool good, const char *detail);

/** @return 0 or -errno: the attempt failed at once, fn is not called. -E2BIG: path or host too long
 */
int check_http_new(struct check_http **ret, sd_event *loop, const struct conf_check *conf,
                   check_http_done *fn, void *arg);
struct check_http *check_http_free(struct check_http *h);

/** What is going on: "connecting", "sending the request", "waiting for the reply". */
const char *check_http_stage(const struct check_http *h);

#endif
