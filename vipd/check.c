/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipd/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "vipd/check_http.h"
#include "vipd/check_tcp.h"
#include "vipd/core/health.h"
#include "vipd/core/timeline.h"

struct check {
        sd_event *loop;
        struct runner *runner;
        const struct conf_check *conf;
        char digest[sizeof(((struct config *)NULL)->digest)];
        char group[CONF_NAME_MAX];
        check_turned *fn;
        void *arg;

        struct health health;
        char detail[CHECK_DETAIL_MAX];
        sd_event_source *beat;    /* the next try */
        sd_event_source *timeout; /* of a try from our own loop */
        mono_t next;              /* when the beat comes */

        /* the try that is under way; at most one of them is set */
        struct check_tcp *tcp;
        struct check_http *http;
        bool asked; /* the runner */
};

static bool is_trying(const struct check *c)
{
        return c->tcp || c->http || c->asked;
}

static void end_try(struct check *c)
{
        c->tcp = check_tcp_free(c->tcp);
        c->http = check_http_free(c->http);
        if (c->asked)
                runner_forget(c->runner, c);
        c->asked = false;
        sd_event_source_set_enabled(c->timeout, SD_EVENT_OFF);
}

/* The next beat that is still to come; those a long try has covered are left out. */
static void plan_beat(struct check *c)
{
        int64_t interval_us = c->conf->interval_us;
        int64_t late_us = mono_diff_us(clock_now(), c->next);

        if (late_us >= 0)
                c->next = mono_add_us(c->next, (late_us / interval_us + 1) * interval_us);
        sd_event_source_set_time(c->beat, (uint64_t)c->next.us);
        sd_event_source_set_enabled(c->beat, SD_EVENT_ONESHOT);
}

/* "TARGET: WHAT (2 of 3)" while results count towards a turn or have just made one. The target of
 * a bad connection only: programs and files are named in the result already. */
static void describe(struct check *c, enum health_result result, const char *what, unsigned needed)
{
        unsigned seen = c->health.good + c->health.bad; /* one of them is 0 */
        bool connects = c->conf->kind == CONF_CHECK_TCP || c->conf->kind == CONF_CHECK_HTTP;
        const char *target = connects && result == HEALTH_BAD ? c->conf->target : NULL;
        char count[32] = "", short_target[61], short_what[221]; /* not cut within a character */

        timeline_text(short_target, sizeof(short_target), target);
        timeline_text(short_what, sizeof(short_what), what);
        if (needed > 1 && seen <= needed)
                snprintf(count, sizeof(count), " (%u of %u)", seen, needed);
        snprintf(c->detail, sizeof(c->detail), "%s%s%s%s", short_target,
                 target ? ": " : "", short_what, count);
}

/* Ends the try. May free the check. */
static void observe(struct check *c, enum health_result result, const char *what)
{
        unsigned needed = health_needed(&c->health, result);
        bool turned = health_observe(&c->health, result);

        end_try(c);
        describe(c, result, what, needed);
        plan_beat(c);
        if (turned)
                c->fn(c->arg, c, c->health.state == HEALTH_UP, c->detail);
}

/* --- one try --------------------------------------------------------------------- */

static void on_tcp(void *arg, int error)
{
        struct check *c = arg;
        char what[64];

        if (error == 0) {
                observe(c, HEALTH_GOOD, "connected");
                return;
        }
        snprintf(what, sizeof(what), "connect: %s", strerror(-error));
        observe(c, HEALTH_BAD, what);
}

static void on_http(void *arg, bool good, const char *detail)
{
        observe(arg, good ? HEALTH_GOOD : HEALTH_BAD, detail);
}

static void on_run(void *arg, const struct runner_result *result)
{
        struct check *c = arg;

        c->asked = false;
        if (!result->tried)
                observe(c, HEALTH_UNTRIED, result->detail);
        else
                observe(c, result->status == 0 ? HEALTH_GOOD : HEALTH_BAD, result->detail);
}

static int begin_try(struct check *c)
{
        int r = -EINVAL;

        switch (c->conf->kind) {
        case CONF_CHECK_TCP:
                r = check_tcp_new(&c->tcp, c->loop, &c->conf->address, c->conf->port, on_tcp, c);
                break;
        case CONF_CHECK_HTTP:
                r = check_http_new(&c->http, c->loop, c->conf, on_http, c);
                break;
        case CONF_CHECK_EXEC:
        case CONF_CHECK_FILE:
        case CONF_CHECK_PROCESS:
                r = runner_check(c->runner, c->digest, c->group, c->conf, on_run, c);
                c->asked = r >= 0;
                return r;
        }
        if (r >= 0)
                r = sd_event_source_set_time_relative(c->timeout, (uint64_t)c->conf->timeout_us);
        if (r >= 0)
                r = sd_event_source_set_enabled(c->timeout, SD_EVENT_ONESHOT);
        return r;
}

/* What our own host cannot do (no memory, no descriptors) says nothing about the service. */
static bool is_our_fault(int error)
{
        return error == -ENOMEM || error == -EMFILE || error == -ENFILE || error == -ENOBUFS ||
               error == -EBUSY || error == -ENOTCONN;
}

static int on_beat(sd_event_source *s, uint64_t usec, void *arg)
{
        struct check *c = arg;
        bool run = c->conf->kind != CONF_CHECK_TCP && c->conf->kind != CONF_CHECK_HTTP;
        char what[128];
        int r = begin_try(c);

        if (r >= 0)
                return 0;
        if (r == -ENOTCONN && run)
                snprintf(what, sizeof(what), "vipring-run is not reachable");
        else
                snprintf(what, sizeof(what), "%s: %s", run ? "cannot ask vipring-run" : "connect",
                         strerror(-r));
        observe(c, run || is_our_fault(r) ? HEALTH_UNTRIED : HEALTH_BAD, what);
        return 0;
}

static int on_timeout(sd_event_source *s, uint64_t usec, void *arg)
{
        struct check *c = arg;
        char what[96];

        snprintf(what, sizeof(what), "timeout after %lld ms while %s",
                 (long long)(c->conf->timeout_us / US_PER_MS),
                 c->http ? check_http_stage(c->http) : "connecting");
        observe(c, HEALTH_BAD, what);
        return 0;
}

/* --- beginning and end ----------------------------------------------------------- */

/* FNV-1a: the same check has the same place in the interval on every start. */
static uint32_t hash_of(const char *text, uint32_t hash)
{
        for (; *text; text++)
                hash = (hash ^ (uint8_t)*text) * 16777619U;
        return hash;
}

static int64_t spread_us(const struct check *c)
{
        int64_t room =
                c->conf->interval_us < CHECK_SPREAD_US ? c->conf->interval_us : CHECK_SPREAD_US;

        return (int64_t)hash_of(c->conf->name, hash_of(c->group, 2166136261U)) % room;
}

static int start(struct check *c)
{
        int r;

        r = sd_event_add_time(c->loop, &c->timeout, CLOCK_MONOTONIC, 0, 1, on_timeout, c);
        if (r >= 0)
                r = sd_event_source_set_enabled(c->timeout, SD_EVENT_OFF);
        c->next = mono_add_us(clock_now(), spread_us(c));
        if (r >= 0)
                r = sd_event_add_time(c->loop, &c->beat, CLOCK_MONOTONIC, (uint64_t)c->next.us, 1,
                                      on_beat, c);
        return r;
}

int check_new(struct check **ret, sd_event *loop, struct runner *runner, const char *digest,
              const char *group, const struct conf_check *conf, check_turned *fn, void *arg)
{
        struct check *c = calloc(1, sizeof(*c));
        int r;

        if (!c)
                return -ENOMEM;
        c->loop = loop;
        c->runner = runner;
        c->fn = fn;
        c->arg = arg;
        check_rebind(c, digest, group, conf);
        health_init(&c->health, conf->rise, conf->fall);
        snprintf(c->detail, sizeof(c->detail), "not tried yet");
        r = start(c);
        if (r < 0) {
                check_free(c);
                return r;
        }
        *ret = c;
        return 0;
}

struct check *check_free(struct check *c)
{
        if (!c)
                return NULL;
        if (is_trying(c))
                end_try(c);
        sd_event_source_disable_unref(c->beat);
        sd_event_source_disable_unref(c->timeout);
        free(c);
        return NULL;
}

void check_rebind(struct check *c, const char *digest, const char *group,
                  const struct conf_check *conf)
{
        c->conf = conf;
        snprintf(c->digest, sizeof(c->digest), "%s", digest);
        snprintf(c->group, sizeof(c->group), "%s", group);
}

enum check_state check_state(const struct check *c)
{
        switch (c->health.state) {
        case HEALTH_UP:
                return CHECK_UP;
        case HEALTH_DOWN:
                return CHECK_DOWN;
        case HEALTH_UNKNOWN:
                break;
        }
        return CHECK_UNKNOWN;
}

const struct conf_check *check_conf(const struct check *c)
{
        return c->conf;
}

const char *check_detail(const struct check *c)
{
        return c->detail;
}
