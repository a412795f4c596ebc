/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipring-run/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct command *command_new_program(char *const *argv, const char *user)
{
        struct command *c = calloc(1, sizeof(*c));

        if (!c)
                return NULL;
        c->kind = COMMAND_PROGRAM;
        c->user = strdup(user);
        if (!c->user)
                return command_free(c);
        for (unsigned i = 0; argv[i]; i++) {
                if (i >= CONF_ARGS_MAX)
                        return command_free(c);
                c->argv[i] = strdup(argv[i]);
                if (!c->argv[i])
                        return command_free(c);
        }
        return c->argv[0] ? c : command_free(c);
}

struct command *command_new_look(enum command_kind kind, const char *target)
{
        struct command *c = calloc(1, sizeof(*c));

        if (!c)
                return NULL;
        c->kind = kind;
        c->target = strdup(target);
        return c->target ? c : command_free(c);
}

struct command *command_free(struct command *c)
{
        if (!c)
                return NULL;
        for (unsigned i = 0; c->argv[i]; i++)
                free(c->argv[i]);
        for (unsigned i = 0; i < c->n_env; i++)
                free(c->env[i]);
        free(c->user);
        free(c->target);
        free(c);
        return NULL;
}

int command_add_env(struct command *c, const char *name, const char *value)
{
        char *text;

        if (c->n_env >= COMMAND_ENV_MAX || strlen(value) > COMMAND_ENV_VALUE_MAX)
                return -E2BIG;
        if (asprintf(&text, "%s=%s", name, value) < 0)
                return -ENOMEM;
        for (char *p = text; *p; p++)
                if ((unsigned char)*p < 0x20 || *p == 0x7f)
                        *p = '?';
        c->env[c->n_env++] = text;
        return 0;
}

int command_add_env_number(struct command *c, const char *name, unsigned value)
{
        char text[16];

        snprintf(text, sizeof(text), "%u", value);
        return command_add_env(c, name, text);
}
