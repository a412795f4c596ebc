/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_UNIT_LINK_PAIR_H
#define TESTS_UNIT_LINK_PAIR_H
/*
 * Two hosts on one cable for a test: this process moves into a network
 * namespace of its own, with the link "near"; a neighbour lives in another at
 * the link "far". Both end with the process.
 */
#include <stdbool.h>

#include "vipd/kernel.h"

struct link_pair {
        int near_ns, far_ns; /* descriptors for setns() */
};

/** Exits with 77 (skipped) when it may not, or a tool is missing. Links are up: near has
 *  192.0.2.1/24 and 2001:db8::1/64, far 192.0.2.2/24 and 2001:db8::2/64. */
void link_pair_up(struct link_pair *p);

/** Run a shell command on this host or at the neighbour. @return its exit status */
__attribute__((format(printf, 2, 3))) int at_near(struct link_pair *p, const char *format, ...);
__attribute__((format(printf, 2, 3))) int at_far(struct link_pair *p, const char *format, ...);

/** The same until it succeeds, at most `seconds`. @return whether it did */
bool far_comes_to(struct link_pair *p, int seconds, const char *command);

/** Enter a namespace with this thread, for opening sockets there. */
void enter(int ns);

/** The link as vipd's kernel side would tell it. */
struct kernel_link look_at_link(const char *name);

#endif
