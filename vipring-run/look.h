/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPRING_RUN_LOOK_H
#define VIPRING_RUN_LOOK_H
/*
 * Checks that look instead of running something. Called in a child process,
 * so that a file system that hangs holds up nothing but that child.
 */
#include <stdbool.h>

#define LOOK_DETAIL_MAX 512
#define LOOK_PROCESSES_MAX 100000 /* entries of /proc looked at */

/**
 * Good while `path` is a readable regular file whose first word is not "down".
 * Anything but a regular file is not even opened: opening a device can act.
 */
bool look_at_file(const char *path, char ret_detail[static LOOK_DETAIL_MAX]);

/**
 * Good while a process runs (a zombie does not) whose command name, or whose
 * argv[0] without its folder, is `name`. The kernel cuts command names to 15
 * characters; longer names are found by argv[0].
 */
bool look_for_process(const char *name, char ret_detail[static LOOK_DETAIL_MAX]);

#endif
