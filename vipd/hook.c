/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipd/hook.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/clock.h"
#include "lib/hook_event.h"
#include "lib/log.h"

#define NOT_REACHED "vipring-run is not reachable"

/* One run that waits or is under way. */
struct due {
        TAILQ_ENTRY(due) link;
        char hook[CONF_NAME_MAX]; /* by name: a reload replaces the configuration */
        const char *event;        /* static */
        char node[CONF_NAME_MAX];
        char from[16], to[16];
        char cause[128];
        char owner[CONF_NAME_MAX + IP_ADDR_TEXT];
        unsigned priority, vrid;
        unsigned tries; /* that did not reach vipring-run */
};
TAILQ_HEAD(dues, due);

struct hook_queue {
        struct runner *runner;
        char digest[sizeof(((struct config *)NULL)->digest)];
        char group[CONF_NAME_MAX];
        const struct conf_hook *hooks;
        unsigned n_hooks;
        struct dues waiting;
        unsigned n_waiting;
        struct due *running;    /* handed to vipring-run */
        sd_event_source *retry; /* armed while vipring-run is not reachable */
        struct hook_stats stats;
        struct log_limit drop_limit;
};

static void next(struct hook_queue *q);

static struct log_about about(const struct hook_queue *q)
{
        return (struct log_about){.group = q->group};
}

static const struct conf_hook *find(const struct conf_hook *hooks, unsigned n, const char *name)
{
        for (unsigned i = 0; i < n; i++)
                if (strcmp(hooks[i].name, name) == 0)
                        return &hooks[i];
        return NULL;
}

static void take(struct hook_queue *q, struct due *d)
{
        TAILQ_REMOVE(&q->waiting, d, link);
        q->n_waiting--;
}

static struct due *due_new(const struct conf_hook *hook, enum conf_hook_on on,
                           const struct runner_hook_facts *facts)
{
        struct due *d = calloc(1, sizeof(*d));

        if (!d)
                return NULL;
        snprintf(d->hook, sizeof(d->hook), "%s", hook->name);
        d->event = hook_event_name(on);
        snprintf(d->node, sizeof(d->node), "%s", facts->node);
        snprintf(d->from, sizeof(d->from), "%s", facts->from);
        snprintf(d->to, sizeof(d->to), "%s", facts->to);
        snprintf(d->cause, sizeof(d->cause), "%s", facts->cause);
        snprintf(d->owner, sizeof(d->owner), "%s", facts->owner);
        d->priority = facts->priority;
        d->vrid = facts->vrid;
        return d;
}

/* --- running --------------------------------------------------------------------- */

static void report(struct hook_queue *q, const struct due *d, const struct runner_result *result)
{
        const struct log_about who = about(q);
        bool ok = result->status == 0;

        q->stats.run++;
        q->stats.failed += !ok;
        q->stats.timed_out += result->timed_out;
        log_write(ok ? LOG_INFO : LOG_WARNING, &who, "hook %s on %s: %s%s", d->hook, d->event,
                  result->detail, ok ? "" : "; not run again");
}

static void on_done(void *arg, const struct runner_result *result)
{
        struct hook_queue *q = arg;

        report(q, q->running, result);
        free(q->running);
        q->running = NULL;
        next(q);
}

static int hand_over(struct hook_queue *q, const struct due *d)
{
        const struct runner_hook_facts facts = {
                .node = d->node,
                .event = d->event,
                .from = d->from,
                .to = d->to,
                .cause = d->cause,
                .owner = d->owner,
                .priority = d->priority,
                .vrid = d->vrid,
        };
        const struct conf_hook *hook = find(q->hooks, q->n_hooks, d->hook);

        return runner_hook(q->runner, q->digest, q->group, hook, &facts, on_done, q);
}

static void give_up(struct hook_queue *q, struct due *d, int error)
{
        const struct runner_result result = {
                .status = -1,
                .detail = error == -ENOTCONN ? NOT_REACHED : strerror(-error),
        };

        report(q, d, &result);
        take(q, d);
        free(d);
}

/* Hand over the first that waits, if none runs. */
static void next(struct hook_queue *q)
{
        struct due *d;
        int r;

        while (!q->running && (d = TAILQ_FIRST(&q->waiting))) {
                r = hand_over(q, d);
                if (r >= 0) {
                        take(q, d);
                        q->running = d;
                        return;
                }
                if (++d->tries <= HOOK_RETRIES &&
                    sd_event_source_set_time_relative(q->retry, HOOK_RETRY_US) >= 0 &&
                    sd_event_source_set_enabled(q->retry, SD_EVENT_ONESHOT) >= 0)
                        return;
                give_up(q, d, r);
        }
}

static int on_retry(sd_event_source *s, uint64_t usec, void *arg)
{
        next(arg);
        return 0;
}

/* --- the queue ------------------------------------------------------------------- */

static void drop_oldest(struct hook_queue *q)
{
        const struct log_about who = about(q);
        struct due *d = TAILQ_FIRST(&q->waiting);
        uint64_t withheld;

        q->stats.dropped++;
        if (log_limit_pass(&q->drop_limit, clock_now(), &withheld))
                log_write(
                        LOG_WARNING, &who,
                        "hook %s on %s dropped: %u are waiting already (%llu such lines withheld)",
                        d->hook, d->event, q->n_waiting, (unsigned long long)withheld);
        take(q, d);
        free(d);
}

static void add(struct hook_queue *q, struct due *d)
{
        if (q->n_waiting >= HOOK_QUEUE_MAX)
                drop_oldest(q);
        TAILQ_INSERT_TAIL(&q->waiting, d, link);
        q->n_waiting++;
}

void hook_queue_fire(struct hook_queue *q, enum conf_hook_on on,
                     const struct runner_hook_facts *facts)
{
        assert(hook_event_name(on));
        for (unsigned i = 0; i < q->n_hooks; i++) {
                struct due *d;

                if (!(q->hooks[i].on & on))
                        continue;
                d = due_new(&q->hooks[i], on, facts);
                if (d)
                        add(q, d);
                else
                        q->stats.dropped++;
        }
        next(q);
}

void hook_queue_rebind(struct hook_queue *q, const char *digest, const char *group,
                       const struct conf_hook *hooks, unsigned n)
{
        struct due *d, *following;

        for (d = TAILQ_FIRST(&q->waiting); d; d = following) {
                following = TAILQ_NEXT(d, link);
                if (!find(hooks, n, d->hook)) {
                        take(q, d);
                        free(d);
                        q->stats.dropped++;
                }
        }
        q->hooks = hooks;
        q->n_hooks = n;
        snprintf(q->digest, sizeof(q->digest), "%s", digest);
        snprintf(q->group, sizeof(q->group), "%s", group);
}

int hook_queue_new(struct hook_queue **ret, struct runner *runner, const char *digest,
                   const char *group, const struct conf_hook *hooks, unsigned n)
{
        struct hook_queue *q = calloc(1, sizeof(*q));
        int r;

        if (!q)
                return -ENOMEM;
        TAILQ_INIT(&q->waiting);
        q->runner = runner;
        hook_queue_rebind(q, digest, group, hooks, n);
        r = sd_event_add_time(runner_loop(runner), &q->retry, CLOCK_MONOTONIC, 0, 1, on_retry, q);
        if (r >= 0)
                r = sd_event_source_set_enabled(q->retry, SD_EVENT_OFF);
        if (r < 0) {
                hook_queue_free(q);
                return r;
        }
        *ret = q;
        return 0;
}

struct hook_queue *hook_queue_free(struct hook_queue *q)
{
        struct log_about who;
        struct due *d;
        unsigned lost = 0;
        int error = 0;

        if (!q)
                return NULL;
        who = about(q);
        while ((d = TAILQ_FIRST(&q->waiting))) {
                if (error == 0)
                        error = hand_over(q, d);
                take(q, d);
                free(d);
                lost += error < 0;
        }
        if (error < 0)
                log_write(LOG_WARNING, &who, "%u waiting hooks are not run: %s", lost,
                          error == -ENOTCONN ? NOT_REACHED : strerror(-error));
        runner_forget(q->runner, q);
        free(q->running);
        sd_event_source_disable_unref(q->retry);
        free(q);
        return NULL;
}

struct hook_stats hook_queue_stats(const struct hook_queue *q)
{
        return q->stats;
}
