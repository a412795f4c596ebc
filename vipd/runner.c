/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipd/runner.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/cleanup.h"
#include "lib/ctl.h"
#include "vipd/priorities.h"

#define NOT_REACHED "vipring-run is not reachable"

struct call {
        TAILQ_ENTRY(call) link;
        struct runner *runner;
        runner_done *fn;
        void *arg;
};

struct runner {
        sd_event *loop; /* borrowed */
        struct ctl_client *client;
        TAILQ_HEAD(, call) calls;
};

int runner_new(struct runner **ret, sd_event *loop, const char *run_dir)
{
        CLEANUP(freep) char *path = NULL;
        struct runner *r = calloc(1, sizeof(*r));
        int error;

        if (!r || asprintf(&path, "%s/vipring-run/run.sock", run_dir) < 0) {
                path = NULL;
                free(r);
                return -ENOMEM;
        }
        r->loop = loop;
        TAILQ_INIT(&r->calls);
        error = ctl_client_new(&r->client, loop, path, PRIORITY_CHECK);
        if (error < 0) {
                free(r);
                return error;
        }
        *ret = r;
        return 0;
}

sd_event *runner_loop(const struct runner *r)
{
        return r->loop;
}

static void call_free(struct call *c)
{
        TAILQ_REMOVE(&c->runner->calls, c, link);
        free(c);
}

static void forget(struct call *c)
{
        ctl_client_forget(c->runner->client, c);
        call_free(c);
}

struct runner *runner_free(struct runner *r)
{
        struct call *c;

        if (!r)
                return NULL;
        while ((c = TAILQ_FIRST(&r->calls)))
                forget(c);
        ctl_client_free(r->client);
        free(r);
        return NULL;
}

void runner_forget(struct runner *r, void *arg)
{
        struct call *c, *next;

        for (c = TAILQ_FIRST(&r->calls); c; c = next) {
                next = TAILQ_NEXT(c, link);
                if (c->arg == arg)
                        forget(c);
        }
}

static struct runner_result result_of(const json_t *answer)
{
        const json_t *result = json_object_get(answer, "result");
        const char *error = json_string_value(json_object_get(answer, "error"));
        struct runner_result r = {.status = -1, .tried = false, .detail = NOT_REACHED};
        const json_t *status = json_object_get(result, "status");
        const char *detail = json_string_value(json_object_get(result, "detail"));

        if (error)
                r.detail = error;
        else if (answer && (!json_is_integer(status) || !detail))
                r.detail = "vipring-run answered something unintelligible";
        else if (answer)
                r = (struct runner_result){
                        .status = (int)json_integer_value(status),
                        .timed_out = json_is_true(json_object_get(result, "timed_out")),
                        .tried = json_is_true(json_object_get(result, "tried")),
                        .detail = detail,
                };
        return r;
}

static void on_answer(const json_t *answer, void *arg)
{
        struct call *c = arg;
        struct runner_result result = result_of(answer);
        runner_done *fn = c->fn;
        void *fn_arg = c->arg;

        call_free(c);
        fn(fn_arg, &result);
}

/* Steals `args`, which may be NULL for want of memory. */
static int call(struct runner *r, const char *verb, json_t *args, int64_t timeout_us,
                runner_done *fn, void *arg)
{
        struct call *c = args ? calloc(1, sizeof(*c)) : NULL;
        int error;

        if (!c) {
                json_decref(args);
                return -ENOMEM;
        }
        *c = (struct call){.runner = r, .fn = fn, .arg = arg};
        error = ctl_client_call(r->client, verb, args, timeout_us, on_answer, c);
        if (error < 0) {
                free(c);
                return error;
        }
        TAILQ_INSERT_TAIL(&r->calls, c, link);
        return 0;
}

/* A check may wait for its turn as long as it may take. */
int runner_check(struct runner *r, const char *digest, const char *group,
                 const struct conf_check *check, runner_done *fn, void *arg)
{
        return call(
                r, "check",
                json_pack("{ss, ss, ss}", "config", digest, "group", group, "check", check->name),
                2 * check->timeout_us + RUNNER_SLACK_US, fn, arg);
}

/* A hook waits for as long as others of its group run: no limit but that of a lost connection. */
int runner_hook(struct runner *r, const char *digest, const char *group,
                const struct conf_hook *hook, const struct runner_hook_facts *f, runner_done *fn,
                void *arg)
{
        json_t *facts =
                json_pack("{ss, ss, ss, ss, ss, ss, si, si}", "node", f->node, "event", f->event,
                          "from", f->from, "to", f->to, "cause", f->cause, "owner", f->owner,
                          "priority", (int)f->priority, "vrid", (int)f->vrid);

        return call(r, "hook",
                    json_pack("{ss, ss, ss, so}", "config", digest, "group", group, "hook",
                              hook->name, "facts", facts),
                    -1, fn, arg);
}
