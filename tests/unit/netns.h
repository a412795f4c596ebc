/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_UNIT_NETNS_H
#define TESTS_UNIT_NETNS_H
/*
 * A network namespace of the test's own: what it does to links and addresses
 * is gone with the process and touches nothing else. Needs root and iproute2.
 */
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** Automake's exit status of a test that cannot run here. */
#define NETNS_SKIP 77

/** Move this process into a new network namespace; says why it cannot. @return 0 or NETNS_SKIP */
static inline int netns_enter(void)
{
        if (geteuid() != 0) {
                fprintf(stderr, "skipped: network namespaces need root\n");
                return NETNS_SKIP;
        }
        if (unshare(CLONE_NEWNET) < 0) {
                fprintf(stderr, "skipped: no new network namespace: %s\n", strerror(errno));
                return NETNS_SKIP;
        }
        if (system("ip link set lo up") != 0) {
                fprintf(stderr, "skipped: ip (iproute2) does not work here\n");
                return NETNS_SKIP;
        }
        return 0;
}

/** Run a shell command in the namespace. @return its exit status */
__attribute__((format(printf, 1, 2))) static inline int netns_run(const char *format, ...)
{
        char command[1024];
        va_list args;

        va_start(args, format);
        vsnprintf(command, sizeof(command), format, args);
        va_end(args);
        return system(command);
}

#endif
