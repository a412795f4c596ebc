/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipring-run/job_pool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/clock.h"

struct entry {
        TAILQ_ENTRY(entry) link;
        struct job *job;
        char key[JOB_KEY_MAX];
        mono_t give_up; /* while waiting */
        int64_t wait_us;
        bool cancelled; /* while waiting: the next pump drops it */
};
TAILQ_HEAD(entries, entry);

struct job_pool {
        sd_event *loop;
        sd_event_source *pump;  /* deferred: start what may start */
        sd_event_source *timer; /* the first give_up */
        unsigned running_max;
        void (*idle)(void *arg);
        void *arg;
        struct entries running, waiting;
        struct job_pool_stats stats;
};

static struct entry *find_key(struct entries *list, const char *key)
{
        struct entry *e;

        TAILQ_FOREACH(e, list, link)
        if (strcmp(e->key, key) == 0)
                return e;
        return NULL;
}

static struct entry *find_job(struct entries *list, const struct job *job)
{
        struct entry *e;

        TAILQ_FOREACH(e, list, link)
        if (e->job == job)
                return e;
        return NULL;
}

static void entry_free(struct entry *e)
{
        job_free(e->job);
        free(e);
}

static void wake(struct job_pool *p)
{
        /* cannot fail: the source is there and its loop runs */
        sd_event_source_set_enabled(p->pump, SD_EVENT_ONESHOT);
}

static void on_gone(void *arg, struct job *job)
{
        struct job_pool *p = arg;
        struct entry *e = find_job(&p->running, job);

        p->stats.timed_out += job_timed_out(job);
        TAILQ_REMOVE(&p->running, e, link);
        p->stats.running--;
        entry_free(e);
        wake(p);
}

static void drop_waiting(struct job_pool *p, struct entry *e, const char *why)
{
        TAILQ_REMOVE(&p->waiting, e, link);
        p->stats.waiting--;
        p->stats.not_started++;
        job_tell_not_run(e->job, why);
        entry_free(e);
}

static void start(struct job_pool *p, struct entry *e)
{
        char why[JOB_DETAIL_MAX];
        int r = job_start(e->job, p->loop, on_gone, p);

        if (r < 0) {
                snprintf(why, sizeof(why), "cannot start a process: %s", strerror(-r));
                drop_waiting(p, e, why);
                return;
        }
        TAILQ_REMOVE(&p->waiting, e, link);
        TAILQ_INSERT_TAIL(&p->running, e, link);
        p->stats.waiting--;
        p->stats.running++;
        p->stats.started++;
}

static void give_up(struct job_pool *p, struct entry *e)
{
        char why[JOB_DETAIL_MAX];

        snprintf(why, sizeof(why), "not started within %lld ms: %s",
                 (long long)(e->wait_us / US_PER_MS),
                 find_key(&p->running, e->key) ? "its last run has not ended"
                                               : "too much else runs");
        drop_waiting(p, e, why);
}

static void arm(struct job_pool *p, mono_t when)
{
        if (mono_is_never(when)) {
                sd_event_source_set_enabled(p->timer, SD_EVENT_OFF);
                return;
        }
        sd_event_source_set_time(p->timer, (uint64_t)when.us);
        sd_event_source_set_enabled(p->timer, SD_EVENT_ONESHOT);
}

/* Results are told from in here; whoever hears them may add or cancel other jobs. */
static int on_pump(sd_event_source *s, void *userdata)
{
        struct job_pool *p = userdata;
        mono_t now = clock_now(), next = MONO_NEVER;
        struct entry *e, *following;

        for (e = TAILQ_FIRST(&p->waiting); e; e = following) {
                following = TAILQ_NEXT(e, link);
                if (e->cancelled)
                        drop_waiting(p, e, "cancelled");
                else if (p->stats.running < p->running_max && !find_key(&p->running, e->key))
                        start(p, e);
                else if (mono_reached(e->give_up, now))
                        give_up(p, e);
                else
                        next = mono_min(next, e->give_up);
        }
        arm(p, next);
        if (p->idle && p->stats.running == 0 && p->stats.waiting == 0)
                p->idle(p->arg);
        return 0;
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata)
{
        wake(userdata);
        return 0;
}

int job_pool_new(struct job_pool **ret, sd_event *loop, unsigned running_max,
                 void (*idle)(void *arg), void *arg)
{
        struct job_pool *p = calloc(1, sizeof(*p));
        int r;

        if (!p)
                return -ENOMEM;
        TAILQ_INIT(&p->running);
        TAILQ_INIT(&p->waiting);
        p->loop = loop;
        p->running_max = running_max;
        p->idle = idle;
        p->arg = arg;
        r = sd_event_add_defer(loop, &p->pump, on_pump, p);
        if (r >= 0)
                r = sd_event_source_set_enabled(p->pump, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time(loop, &p->timer, CLOCK_MONOTONIC, 0, 1, on_timer, p);
        if (r >= 0)
                r = sd_event_source_set_enabled(p->timer, SD_EVENT_OFF);
        if (r < 0) {
                job_pool_free(p);
                return r;
        }
        *ret = p;
        return 0;
}

struct job_pool *job_pool_free(struct job_pool *p)
{
        struct entry *e;

        if (!p)
                return NULL;
        while ((e = TAILQ_FIRST(&p->running))) {
                TAILQ_REMOVE(&p->running, e, link);
                job_kill(e->job);
                entry_free(e);
        }
        while ((e = TAILQ_FIRST(&p->waiting))) {
                TAILQ_REMOVE(&p->waiting, e, link);
                entry_free(e);
        }
        sd_event_source_disable_unref(p->pump);
        sd_event_source_disable_unref(p->timer);
        free(p);
        return NULL;
}

int job_pool_add(struct job_pool *p, struct job *job, const char *key, int64_t wait_us)
{
        struct entry *e;

        if (p->stats.waiting >= JOB_POOL_WAITING_MAX)
                return -ENOBUFS;
        e = calloc(1, sizeof(*e));
        if (!e)
                return -ENOMEM;
        e->job = job;
        e->wait_us = wait_us;
        e->give_up = wait_us > 0 ? mono_add_us(clock_now(), wait_us) : MONO_NEVER;
        snprintf(e->key, sizeof(e->key), "%s", key);
        TAILQ_INSERT_TAIL(&p->waiting, e, link);
        p->stats.waiting++;
        wake(p);
        return 0;
}

void job_pool_cancel(struct job_pool *p, struct job *job)
{
        struct entry *e = find_job(&p->waiting, job);

        job_forget(job);
        if (e)
                e->cancelled = true;
        else
                job_end(job, "cancelled");
        wake(p);
}

void job_pool_end_all(struct job_pool *p, const char *why)
{
        struct entry *e;

        while ((e = TAILQ_FIRST(&p->waiting)))
                drop_waiting(p, e, why);
        TAILQ_FOREACH(e, &p->running, link)
        job_end(e->job, why);
        wake(p);
}

void job_pool_kill_all(struct job_pool *p)
{
        struct entry *e;

        TAILQ_FOREACH(e, &p->running, link)
        job_kill(e->job);
}

struct job_pool_stats job_pool_stats(const struct job_pool *p)
{
        return p->stats;
}
