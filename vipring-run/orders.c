/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "vipring-run/orders.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/hook_event.h"
#include "lib/log.h"

/* One request whose command waits or runs. */
struct order {
        struct orders *orders;
        struct ctl_request *req;
        struct job *job;
        char group[CONF_NAME_MAX];
        char hook[CONF_NAME_MAX]; /* "" for a check */
};

/* --- results --------------------------------------------------------------------- */

/* What a failing hook said is for whoever reads the journal; a check says it every time. */
static void log_hook(const struct order *o, const struct job_result *result)
{
        struct log_about about = {.group = o->group};
        const char *line = result->output;
        bool failed = result->status != 0;

        log_write(LOG_DEBUG, &about, "hook %s: %s", o->hook, result->detail);
        while (failed && *line) {
                int len = (int)strcspn(line, "\n");

                if (len > 0)
                        log_write(LOG_INFO, &about, "hook %s said: %.*s", o->hook, len, line);
                line += len + (line[len] == '\n');
        }
}

static void on_result(void *arg, const struct job_result *result)
{
        struct order *o = arg;

        if (o->hook[0])
                log_hook(o, result);
        ctl_request_done(o->req, json_pack("{si, sb, sb, ss, ss, sb}", "status", result->status,
                                           "timed_out", result->timed_out, "tried", result->tried,
                                           "detail", result->detail, "output", result->output,
                                           "output_cut", result->output_cut));
        free(o);
}

/* Only for checks. */
static void on_gone(struct ctl_request *req, void *arg)
{
        struct order *o = arg;

        job_pool_cancel(o->orders->checks, o->job);
        ctl_request_fail(req, CTL_FAILED, "cancelled");
        free(o);
}

/**
 * Hand a command to a pool; from here on the request will be answered.
 * @param c stolen; NULL is an error
 */
static void place(struct orders *s, struct ctl_request *req, struct job_pool *pool,
                  struct command *c, int64_t timeout_us, const char *group, const char *check,
                  const char *hook)
{
        struct order *o = calloc(1, sizeof(*o));
        char key[JOB_KEY_MAX];
        int r = c ? -ENOMEM : -E2BIG;

        if (o && c) {
                *o = (struct order){.orders = s, .req = req};
                snprintf(o->group, sizeof(o->group), "%s", group);
                snprintf(o->hook, sizeof(o->hook), "%s", hook ? hook : "");
                snprintf(key, sizeof(key), "%s/%s", group, check ? check : "");
                r = job_new(&o->job, c, timeout_us, on_result, o);
                c = NULL;
                if (r >= 0)
                        r = job_pool_add(pool, o->job, key, check ? timeout_us : 0);
        }
        if (r < 0) {
                command_free(c);
                if (o)
                        job_free(o->job);
                free(o);
                ctl_request_fail(req, CTL_FAILED, "vipring-run cannot take it: %s",
                                 r == -ENOBUFS ? "too many are waiting" : strerror(-r));
                return;
        }
        if (check)
                ctl_request_on_gone(req, on_gone, o);
}

/* --- what is asked --------------------------------------------------------------- */

/* Find the group in the configuration that is meant. @return NULL: the request was answered */
static const struct conf_group *find_group(struct orders *s, struct ctl_request *req,
                                           const char *digest, const char *name,
                                           const struct config **ret_config)
{
        char why[CONF_COPY_WHY_MAX];
        const struct conf_group *g;
        int r;

        if (s->closed) {
                ctl_request_fail(req, CTL_FAILED, "vipring-run is stopping");
                return NULL;
        }
        r = conf_copy_get(s->conf, digest, clock_now(), ret_config, why);
        if (r < 0) {
                ctl_request_fail(req, CTL_CONFIG, "%s", why);
                return NULL;
        }
        g = config_find_group(*ret_config, name);
        if (!g)
                ctl_request_fail(req, CTL_REFUSED, "no group %.64s in the configuration", name);
        return g;
}

static const struct conf_check *find_check(const struct conf_group *g, const char *name)
{
        for (unsigned i = 0; i < g->n_checks; i++)
                if (strcmp(g->checks[i].name, name) == 0)
                        return &g->checks[i];
        return NULL;
}

static const struct conf_hook *find_hook(const struct conf_group *g, const char *name)
{
        for (unsigned i = 0; i < g->n_hooks; i++)
                if (strcmp(g->hooks[i].name, name) == 0)
                        return &g->hooks[i];
        return NULL;
}

static struct command *check_command(const struct orders *s, const struct conf_group *g,
                                     const struct conf_check *check)
{
        struct command *c;
        int r = 0;

        if (check->kind == CONF_CHECK_FILE)
                return command_new_look(COMMAND_FILE, check->target);
        if (check->kind == CONF_CHECK_PROCESS)
                return command_new_look(COMMAND_PROCESS, check->target);
        c = command_new_program(check->argv, check->user);
        if (!c)
                return NULL;
        r |= command_add_env(c, "VIPRING_GROUP", g->name);
        r |= command_add_env(c, "VIPRING_CHECK", check->name);
        r |= command_add_env_number(c, "VIPRING_VRID", g->vrid);
        if (s->node)
                r |= command_add_env(c, "VIPRING_NODE", s->node);
        return r < 0 ? command_free(c) : c;
}

void orders_check(struct ctl_request *req, const json_t *args, void *arg)
{
        const char *digest, *group, *name;
        const struct conf_check *check;
        const struct config *config;
        const struct conf_group *g;
        struct orders *s = arg;

        if (json_unpack((json_t *)args, "{ss, ss, ss}", "config", &digest, "group", &group, "check",
                        &name) < 0) {
                ctl_request_fail(req, CTL_USAGE, "check needs config, group and check");
                return;
        }
        g = find_group(s, req, digest, group, &config);
        if (!g)
                return;
        check = find_check(g, name);
        if (!check || check->kind == CONF_CHECK_TCP || check->kind == CONF_CHECK_HTTP) {
                ctl_request_fail(req, CTL_REFUSED, "group %s has no check %.64s to be run here",
                                 g->name, name);
                return;
        }
        place(s, req, s->checks, check_command(s, g, check), check->timeout_us, g->name,
              check->name, NULL);
}

/* What vipd tells about the event; words only, checked where they are known. */
struct facts {
        const char *event, *node, *from, *to, *cause, *owner;
        int priority, vrid;
};

static bool is_state(const char *word)
{
        static const char *const states[] = {"init", "backup", "active", "fault", "stop", ""};

        for (size_t i = 0; i < ARRAY_SIZE(states); i++)
                if (strcmp(word, states[i]) == 0)
                        return true;
        return false;
}

static bool facts_make_sense(const struct facts *f, const struct config *config)
{
        return is_state(f->from) && is_state(f->to) && config_find_node(config, f->node) >= 0 &&
               strlen(f->cause) <= COMMAND_ENV_VALUE_MAX &&
               strlen(f->owner) <= CONF_NAME_MAX + IP_ADDR_TEXT && f->priority >= 0 &&
               f->priority <= 255 && f->vrid >= 0 && f->vrid <= 255;
}

static struct command *hook_command(const struct conf_group *g, const struct conf_hook *hook,
                                    const struct facts *f)
{
        struct command *c = command_new_program(hook->argv, hook->user);
        int r = 0;

        if (!c)
                return NULL;
        r |= command_add_env(c, "VIPRING_GROUP", g->name);
        r |= command_add_env(c, "VIPRING_HOOK", hook->name);
        r |= command_add_env(c, "VIPRING_EVENT", f->event);
        r |= command_add_env(c, "VIPRING_FROM", f->from);
        r |= command_add_env(c, "VIPRING_TO", f->to);
        r |= command_add_env(c, "VIPRING_CAUSE", f->cause);
        r |= command_add_env(c, "VIPRING_NODE", f->node);
        r |= command_add_env(c, "VIPRING_OWNER", f->owner);
        r |= command_add_env_number(c, "VIPRING_PRIORITY", (unsigned)f->priority);
        r |= command_add_env_number(c, "VIPRING_VRID", (unsigned)f->vrid);
        return r < 0 ? command_free(c) : c;
}

void orders_hook(struct ctl_request *req, const json_t *args, void *arg)
{
        const char *digest, *group, *name;
        const struct conf_hook *hook;
        const struct config *config;
        const struct conf_group *g;
        struct orders *s = arg;
        struct facts f;

        if (json_unpack((json_t *)args, "{ss, ss, ss, s{ss, ss, ss, ss, ss, ss, si, si}}", "config",
                        &digest, "group", &group, "hook", &name, "facts", "event", &f.event, "node",
                        &f.node, "from", &f.from, "to", &f.to, "cause", &f.cause, "owner", &f.owner,
                        "priority", &f.priority, "vrid", &f.vrid) < 0) {
                ctl_request_fail(req, CTL_USAGE, "hook needs config, group, hook and all facts");
                return;
        }
        g = find_group(s, req, digest, group, &config);
        if (!g)
                return;
        hook = find_hook(g, name);
        if (!hook || !(hook->on & hook_event_from_name(f.event))) {
                ctl_request_fail(req, CTL_REFUSED, "group %s has no hook %.64s on %.32s", g->name,
                                 name, f.event);
                return;
        }
        if (!facts_make_sense(&f, config)) {
                ctl_request_fail(req, CTL_REFUSED, "facts of hook %s make no sense", hook->name);
                return;
        }
        place(s, req, s->hooks, hook_command(g, hook, &f), hook->timeout_us, g->name, NULL,
              hook->name);
}

static json_t *pool_json(const struct job_pool *pool)
{
        struct job_pool_stats stats = job_pool_stats(pool);

        return json_pack("{si, si, sI, sI, sI}", "running", (int)stats.running, "waiting",
                         (int)stats.waiting, "started", (json_int_t)stats.started, "timed_out",
                         (json_int_t)stats.timed_out, "not_started", (json_int_t)stats.not_started);
}

void orders_status(struct ctl_request *req, const json_t *args, void *arg)
{
        struct orders *s = arg;

        ctl_request_done(req, json_pack("{ss, ss, so, so}", "version", PACKAGE_VERSION, "config",
                                        conf_copy_digest(s->conf), "checks", pool_json(s->checks),
                                        "hooks", pool_json(s->hooks)));
}
