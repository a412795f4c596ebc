/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPRING_RUN_CHILD_H
#define VIPRING_RUN_CHILD_H
/*
 * What happens in the child process between fork and exec. The parent has no
 * other threads, so everything may be called here, also what can take long
 * (user databases, network file systems): it counts as the command's time.
 */
#include "vipring-run/command.h"

#define CHILD_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define CHILD_WHY_MAX 768

/**
 * Become the command's user in a session of its own and do the command; never
 * returns. stdin is /dev/null; stdout and stderr are `out`.
 * @param why if the program cannot be run, the reason is written here in one
 *            piece, else nothing is; must be close-on-exec
 */
_Noreturn void child_do(const struct command *c, int out, int why);

#endif
