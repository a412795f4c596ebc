/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_RUN_RIG_H
#define TESTS_RUN_RIG_H
/* A folder, a configuration, a loop and the real vipring-run, for tests of checks and hooks. */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "lib/config.h"
#include "lib/mono.h"

#define RIG_DEADLINE_US (20 * US_PER_S)

struct rig {
        char dir[64];
        sd_event *loop;
        struct config *config;
        pid_t runner; /* 0: none */
};

int rig_setup(void **state);
int rig_teardown(void **state);

/** Write and load a configuration with two groups; "web" has these sections, "db" a quick hook. */
void rig_configure(struct rig *r, const char *checks, const char *hooks);
const struct conf_group *rig_group(const struct rig *r, const char *name);

/** Start vipring-run and wait until its socket is there. */
void rig_start_runner(struct rig *r);
void rig_signal_runner(struct rig *r, int sig);
/** SIGKILL, and wait for it. */
void rig_kill_runner(struct rig *r);

/** Run the loop until the condition holds; fail at the deadline. */
void rig_run_until(struct rig *r, bool (*holds)(void *arg), void *arg, const char *what);
/** Run the loop for a while. */
void rig_run_for(struct rig *r, int64_t us);

/** A file in the rig's folder, NUL-terminated; "" if it is not there. */
void rig_read(const struct rig *r, const char *name, char *buf, size_t size);

#endif
