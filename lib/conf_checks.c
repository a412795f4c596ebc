/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a group runs or asks: its checks and hooks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/conf_build.h"
#include "lib/conf_place.h"

#define CHECK "groups.NAME.checks.NAME"
#define HOOK "groups.NAME.hooks.NAME"

/** Words of a command, from a string or a list. @return NULL: no memory */
static char **command(config_setting_t *s)
{
        char **argv = calloc(CONF_ARGS_MAX + 1, sizeof(*argv));
        const char *text = config_setting_get_string(s), *word;
        unsigned n = 0;
        size_t len;

        if (!argv)
                return NULL;
        if (config_setting_is_aggregate(s)) {
                for (; n < conf_tree_length(s) && n < CONF_ARGS_MAX; n++) {
                        argv[n] = strdup(conf_tree_element_text(s, n));
                        if (!argv[n])
                                goto fail;
                }
                return argv;
        }
        for (; n < CONF_ARGS_MAX && (len = conf_value_word(&text, &word)) > 0; n++) {
                argv[n] = strndup(word, len);
                if (!argv[n])
                        goto fail;
        }
        return argv;
fail:
        while (n > 0)
                free(argv[--n]);
        free(argv);
        return NULL;
}

/* --- checks -------------------------------------------------------------------- */

static const char *const kinds[] = {
        [CONF_CHECK_TCP] = "tcp",   [CONF_CHECK_HTTP] = "http",       [CONF_CHECK_EXEC] = "exec",
        [CONF_CHECK_FILE] = "file", [CONF_CHECK_PROCESS] = "process", NULL,
};

static int read_url(const char *text, struct conf_check *c)
{
        struct conf_url url;
        struct conf_why why;

        if (conf_value_url(text, &url, &why) < 0)
                return 0;
        c->address = url.address;
        c->port = url.port;
        c->host = strndup(url.host, url.host_len);
        c->path = strdup(url.path);
        return c->host && c->path ? 0 : -ENOMEM;
}

static int read_exec(config_setting_t *section, config_setting_t *target, struct conf_check *c)
{
        c->argv = command(target);
        c->user = strdup(conf_tree_text(section, CHECK, "user"));
        if (!c->argv || !c->user)
                return -ENOMEM;
        c->target = strdup(c->argv[0]);
        return c->target ? 0 : -ENOMEM;
}

static int read_target(config_setting_t *section, config_setting_t *target, struct conf_check *c)
{
        const char *text = config_setting_get_string(target);
        struct conf_why why;

        if (c->kind == CONF_CHECK_EXEC)
                return read_exec(section, target, c);
        c->target = strdup(text);
        if (!c->target)
                return -ENOMEM;
        if (c->kind == CONF_CHECK_HTTP)
                return read_url(text, c);
        if (c->kind == CONF_CHECK_TCP)
                conf_value_endpoint(text, &c->address, &c->port, &why);
        return 0;
}

/** The one setting that says what is checked. @return NULL if there is none or it is bad */
static config_setting_t *find_target(struct conf_build *b, config_setting_t *section,
                                     enum conf_check_kind *ret_kind)
{
        config_setting_t *found = NULL;
        bool meant = false;

        for (int i = 0; kinds[i]; i++) {
                config_setting_t *s = conf_tree_raw(section, kinds[i]);

                meant |= !s && conf_place_is_meant(section, CHECK, kinds[i]);
                if (!s)
                        continue;
                if (found) {
                        conf_tree_error(&b->tree, s,
                                        "'%s' and '%s' in one check; make two checks of them",
                                        config_setting_name(found), kinds[i]);
                        return NULL;
                }
                found = s;
                *ret_kind = (enum conf_check_kind)i;
        }
        if (!found && !meant)
                conf_tree_error(&b->tree, section,
                                "check '%s' does not say what to check; it needs one of tcp, http, "
                                "exec, file, process",
                                config_setting_name(section));
        return conf_tree_is_bad(found) ? NULL : found;
}

static void read_times(struct conf_build *b, config_setting_t *section, struct conf_check *c)
{
        const config_setting_t *timeout = conf_tree_raw(section, "timeout");
        const config_setting_t *interval = conf_tree_raw(section, "interval");

        c->interval_us = conf_tree_time(section, CHECK, "interval");
        c->timeout_us = conf_tree_time(section, CHECK, "timeout");
        if (conf_tree_is_bad(timeout) || conf_tree_is_bad(interval) ||
            c->timeout_us <= c->interval_us)
                return;
        if (timeout)
                conf_tree_error(&b->tree, timeout,
                                "'timeout' is longer than the interval (%s); a try must end before "
                                "the next one starts",
                                conf_tree_text(section, CHECK, "interval"));
        else
                c->timeout_us = c->interval_us;
}

static int read_check(struct conf_build *b, config_setting_t *section, struct conf_check *c)
{
        const config_setting_t *user = conf_tree_raw(section, "user");
        config_setting_t *target;

        strcpy(c->name, config_setting_name(section));
        target = find_target(b, section, &c->kind);
        if (target && c->kind != CONF_CHECK_EXEC && user)
                conf_tree_error(&b->tree, user,
                                "'user' is for exec; a %s check runs nothing: remove the line",
                                kinds[c->kind]);
        read_times(b, section, c);
        c->rise = (unsigned)conf_tree_integer(section, CHECK, "rise");
        c->fall = (unsigned)conf_tree_integer(section, CHECK, "fall");
        c->weight = conf_tree_integer(section, CHECK, "weight");
        return target ? read_target(section, target, c) : 0;
}

/** How many named sections there are that were not refused. */
static unsigned count_good(config_setting_t *all)
{
        unsigned n = 0;

        for (unsigned i = 0; i < conf_tree_length(all); i++)
                n += !conf_tree_is_bad(config_setting_get_elem(all, i));
        return n;
}

int conf_checks_read(struct conf_build *b, config_setting_t *section, struct conf_group *g)
{
        config_setting_t *all = conf_tree_get(section, "checks");
        int r = 0;

        g->checks = calloc(count_good(all) + 1, sizeof(*g->checks));
        if (!g->checks)
                return -ENOMEM;
        for (unsigned i = 0; r == 0 && i < conf_tree_length(all); i++) {
                config_setting_t *s = config_setting_get_elem(all, i);

                if (conf_tree_is_bad(s))
                        continue;
                if (++b->n_checks == CONF_CHECKS_MAX + 1)
                        conf_tree_error(&b->tree, s, "more than %d checks", CONF_CHECKS_MAX);
                r = read_check(b, s, &g->checks[g->n_checks++]);
        }
        return r;
}

/* --- hooks --------------------------------------------------------------------- */

static void read_events(struct conf_build *b, config_setting_t *section, struct conf_hook *h)
{
        config_setting_t *on = conf_tree_get(section, "on");
        struct conf_why why;
        unsigned bits;

        for (unsigned i = 0; i < conf_tree_length(on); i++) {
                if (conf_value_events(conf_tree_element_text(on, i), &bits, &why) < 0)
                        continue;
                if (h->on & bits)
                        conf_tree_error(&b->tree, conf_tree_element(on, i),
                                        "'on': \"%s\" is named twice",
                                        conf_tree_element_text(on, i));
                h->on |= bits;
        }
        if (on && conf_tree_length(on) == 0)
                conf_tree_error(&b->tree, on, "'on': a hook needs at least one event");
}

static int read_hook(struct conf_build *b, config_setting_t *section, struct conf_hook *h)
{
        config_setting_t *run = conf_tree_get(section, "run");

        strcpy(h->name, config_setting_name(section));
        read_events(b, section, h);
        h->timeout_us = conf_tree_time(section, HOOK, "timeout");
        h->user = strdup(conf_tree_text(section, HOOK, "user"));
        if (run)
                h->argv = command(run);
        return h->user && (h->argv || !run) ? 0 : -ENOMEM;
}

int conf_hooks_read(struct conf_build *b, config_setting_t *section, struct conf_group *g)
{
        config_setting_t *all = conf_tree_get(section, "hooks");
        int r = 0;

        g->hooks = calloc(count_good(all) + 1, sizeof(*g->hooks));
        if (!g->hooks)
                return -ENOMEM;
        for (unsigned i = 0; r == 0 && i < conf_tree_length(all); i++) {
                config_setting_t *s = config_setting_get_elem(all, i);

                if (conf_tree_is_bad(s))
                        continue;
                if (++b->n_hooks == CONF_HOOKS_MAX + 1)
                        conf_tree_error(&b->tree, s, "more than %d hooks", CONF_HOOKS_MAX);
                r = read_hook(b, s, &g->hooks[g->n_hooks++]);
        }
        return r;
}
