/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPRING_RUN_COMMAND_H
#define VIPRING_RUN_COMMAND_H
/*
 * What is to be done in a child process: a program to run as a user, or a look
 * at a file or at the processes. A copy of its own, because the configuration
 * it came from may be replaced while it waits.
 */
#include "lib/config.h"

#define COMMAND_ENV_MAX 16         /* variables beside PATH, HOME and the like */
#define COMMAND_ENV_VALUE_MAX 1024 /* bytes of one value */

enum command_kind {
        COMMAND_PROGRAM,
        COMMAND_FILE,
        COMMAND_PROCESS,
};

struct command {
        enum command_kind kind;
        char *argv[CONF_ARGS_MAX + 1]; /* program */
        char *user;                    /* program */
        char *target;                  /* file: path; process: name */
        char *env[COMMAND_ENV_MAX + 1];
        unsigned n_env;
};

/** @param argv NULL-terminated, copied. @return NULL without memory or with too many words */
struct command *command_new_program(char *const *argv, const char *user);

/** @param kind COMMAND_FILE or COMMAND_PROCESS. @return NULL without memory */
struct command *command_new_look(enum command_kind kind, const char *target);

/** NULL is allowed. @return NULL */
struct command *command_free(struct command *c);

/**
 * Add NAME=VALUE. Control characters become '?', so that a value stays one
 * line wherever a script prints it.
 * @return 0, -ENOMEM, -E2BIG beyond the limits
 */
int command_add_env(struct command *c, const char *name, const char *value);
int command_add_env_number(struct command *c, const char *name, unsigned value);

#endif
