/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_STATUS_H
#define VIPD_STATUS_H
/* The document of `vipctl status -o json`. */
#include <jansson.h>

struct daemon;

/** New reference. */
json_t *status_json(const struct daemon *d);

#endif
