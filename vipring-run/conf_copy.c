/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipring-run/conf_copy.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/log.h"
#include "vipring-run/program.h"

struct conf_copy {
        char *path;
        struct config *config;         /* the last valid one; NULL: none yet */
        struct config *before;         /* the one before it: a reload ends groups of that one */
        struct stat seen;              /* the file at the last reading */
        mono_t again;                  /* if it looks the same: not before this */
        int result;                    /* of the last reading */
        char error[CONF_COPY_WHY_MAX]; /* first error of the last reading */
        char on_disk[17];              /* digest at the last reading, "" if it failed */
};

int conf_copy_new(struct conf_copy **ret, const char *path)
{
        struct conf_copy *c = calloc(1, sizeof(*c));

        if (!c)
                return -ENOMEM;
        c->path = strdup(path);
        if (!c->path) {
                conf_copy_free(c);
                return -ENOMEM;
        }
        *ret = c;
        return 0;
}

struct conf_copy *conf_copy_free(struct conf_copy *c)
{
        if (!c)
                return NULL;
        config_free(c->config);
        config_free(c->before);
        free(c->path);
        free(c);
        return NULL;
}

const char *conf_copy_digest(const struct conf_copy *c)
{
        return c->config ? c->config->digest : "none";
}

static bool looks_the_same(const struct stat *a, const struct stat *b)
{
        return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
               a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Included files do not show in this file's times, so it is read again though it looks the same. */
static bool should_read(struct conf_copy *c, mono_t now)
{
        struct stat st = {0};
        bool same;

        if (stat(c->path, &st) < 0)
                st = (struct stat){0};
        same = looks_the_same(&st, &c->seen);
        c->seen = st;
        if (same && mono_before(now, c->again))
                return false;
        c->again = mono_add_us(now, CONF_COPY_AGAIN_US);
        return true;
}

/*
 * What the files name is run as whatever user they name, so nobody else may write there. Without
 * root's rights it is run as ourselves in any case.
 */
static int verify_files(const struct config *config, char why[static PROGRAM_WHY_MAX])
{
        char path[PATH_MAX], here[PATH_MAX];
        int r = 0;

        if (geteuid() != 0)
                return 0;
        for (unsigned i = 0; i < config->n_files && r == 0; i++) {
                const char *file = config->files[i];

                if (file[0] != '/' && !getcwd(here, sizeof(here)))
                        return -errno;
                if ((size_t)snprintf(path, sizeof(path), "%s%s%s", file[0] == '/' ? "" : here,
                                     file[0] == '/' ? "" : "/", file) >= sizeof(path))
                        return -ENAMETOOLONG;
                r = program_verify_path(path, 0, why);
        }
        return r;
}

static void take(struct conf_copy *c, struct config *config)
{
        bool same = c->config && strcmp(c->config->digest, config->digest) == 0;

        if (!same)
                log_info("%s read, configuration %s", c->path, config->digest);
        if (same) {
                config_free(c->config);
        } else {
                config_free(c->before);
                c->before = c->config;
        }
        c->config = config;
}

static void read_again(struct conf_copy *c)
{
        char why[PROGRAM_WHY_MAX] = "";
        struct conf_errors errors = {0};
        struct config *config = NULL;
        const char *first;

        c->result = config_load(c->path, &config, &errors);
        if (c->result >= 0)
                c->result = verify_files(config, why);
        if (c->result < 0) {
                first = why[0] ? why : errors.n > 0 && errors.text[0] ? errors.text[0]
                                                                       : strerror(-c->result);
                c->on_disk[0] = '\0';
                if (strcmp(c->error, first) != 0)
                        log_warning("%s is not valid, going on with what was read before: %s",
                                    c->path, first);
                snprintf(c->error, sizeof(c->error), "%s", first);
        } else {
                snprintf(c->on_disk, sizeof(c->on_disk), "%s", config->digest);
                c->error[0] = '\0';
        }
        conf_errors_clear(&errors);
        if (c->result < 0)
                config_free(config);
        else
                take(c, config);
}

/* @return NULL: not held */
static const struct config *find(const struct conf_copy *c, const char *digest)
{
        if (c->config && strcmp(c->config->digest, digest) == 0)
                return c->config;
        return c->before && strcmp(c->before->digest, digest) == 0 ? c->before : NULL;
}

int conf_copy_get(struct conf_copy *c, const char *digest, mono_t now,
                  const struct config **ret_config, char ret_why[static CONF_COPY_WHY_MAX])
{
        const struct config *config = find(c, digest);

        if (!config && should_read(c, now)) {
                read_again(c);
                config = find(c, digest);
        }
        if (config) {
                *ret_config = config;
                return 0;
        }
        if (c->result < 0) {
                snprintf(ret_why, CONF_COPY_WHY_MAX, "vipring-run cannot use %.200s: %.500s",
                         c->path, c->error);
                return c->result == -ENOMEM ? -ENOMEM : -EINVAL;
        }
        snprintf(ret_why, CONF_COPY_WHY_MAX,
                 "%.300s holds configuration %s, vipd runs %.20s; `vipctl reload` makes them the "
                 "same",
                 c->path, c->on_disk, digest);
        return -ESTALE;
}
