/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_STATUS_H
#define VIPD_STATUS_H
/* The document of `vipctl status -o json`. */
#include "lib/ctl.h"

struct daemon;

/** Answers the request, after some turns of the loop if there are many groups. */
void status_answer(const struct daemon *d, struct ctl_request *req);

#endif
