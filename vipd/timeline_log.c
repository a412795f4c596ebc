/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipd/timeline_log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"

struct timeline_log {
        struct timeline timeline;
        char node[TIMELINE_NAME_MAX];
        char path[PATH_MAX];
        int fd;         /* -1: no file, said once */
        size_t written; /* bytes in the file */
        void (*follow)(void *, struct timeline_event *);
        void *follow_arg;
};

/* --- JSON ------------------------------------------------------------------------ */

static json_t *text_or_null(const char *text)
{
        return text[0] ? json_string(text) : json_null();
}

static json_t *number_or_null(int64_t number)
{
        return number >= 0 ? json_integer(number) : json_null();
}

static json_t *steps_json(const struct timeline_log *l, const struct timeline_event *ev)
{
        json_t *steps = json_array();

        for (unsigned i = 0; i < ev->n_steps; i++)
                json_array_append_new(steps,
                                      json_pack("{s:s, s:I, s:s, s:s}", "node", l->node, "at_usec",
                                                (json_int_t)ev->steps[i].at_us, "what",
                                                ev->steps[i].what, "detail", ev->steps[i].detail));
        return steps;
}

json_t *timeline_log_json(const struct timeline_log *l, const struct timeline_event *ev)
{
        char t0[CLOCK_TEXT_MAX];

        return json_pack("{s:i, s:I, s:s, s:n, s:o, s:o, s:s, s:s, s:o, s:o, s:n, s:n, s:o, s:[], "
                         "s:o, s:o}",
                         "schema", 1, "id", (json_int_t)ev->id, "group", ev->group, "token", "from",
                         text_or_null(ev->from), "to", text_or_null(ev->to), "cause",
                         timeline_cause_name(ev->cause), "t0", clock_format(ev->t0_wall_us, t0),
                         "no_owner_usec", number_or_null(ev->no_owner_us), "dual_owner_usec",
                         number_or_null(ev->dual_owner_us), "flows_kept", "flows_lost", "steps",
                         steps_json(l, ev), "ruled_out", "actor",
                         ev->actor_uid >= 0 ? json_sprintf("uid %" PRId64, ev->actor_uid)
                                            : json_null(),
                         "reason", text_or_null(ev->reason));
}

static const char *text_of(const json_t *o, const char *key)
{
        const char *text = json_string_value(json_object_get(o, key));

        return text ? text : "";
}

static int64_t number_of(const json_t *o, const char *key)
{
        const json_t *n = json_object_get(o, key);

        return json_is_integer(n) ? json_integer_value(n) : -1;
}

static enum timeline_cause cause_of(const char *name)
{
        for (unsigned c = 0; c < TIMELINE_CAUSES; c++)
                if (strcmp(timeline_cause_name(c), name) == 0)
                        return c;
        return TIMELINE_START;
}

static int64_t wall_of(const char *t0)
{
        struct tm tm = {0};
        int usec = 0;
        char *rest = strptime(t0, "%Y-%m-%dT%H:%M:%S", &tm);

        if (!rest)
                return 0;
        if (*rest == '.')
                usec = atoi(rest + 1);
        return (int64_t)timegm(&tm) * US_PER_S + usec;
}

/* One line of an earlier run. What does not look like an event is skipped. */
static void restore_event(struct timeline_log *l, const json_t *o)
{
        struct timeline_event *ev;
        json_t *steps = json_object_get(o, "steps");
        int64_t actor;
        size_t i;
        json_t *step;

        if (!json_is_object(o) || !text_of(o, "group")[0])
                return;
        if (number_of(o, "id") > (int64_t)l->timeline.last_id)
                l->timeline.last_id = (uint64_t)number_of(o, "id") - 1;
        ev = timeline_open(&l->timeline, text_of(o, "group"), text_of(o, "from"),
                           cause_of(text_of(o, "cause")), (mono_t){0}, wall_of(text_of(o, "t0")));
        timeline_text(ev->to, sizeof(ev->to), text_of(o, "to"));
        timeline_text(ev->reason, sizeof(ev->reason), text_of(o, "reason"));
        ev->no_owner_us = number_of(o, "no_owner_usec");
        ev->dual_owner_us = number_of(o, "dual_owner_usec");
        if (sscanf(text_of(o, "actor"), "uid %" SCNd64, &actor) == 1)
                ev->actor_uid = actor;
        json_array_foreach(steps, i, step)
                timeline_step(ev, (mono_t){number_of(step, "at_usec")}, text_of(step, "what"),
                              text_of(step, "detail"));
        ev->closed = true;
}

static void restore_file(struct timeline_log *l, const char *path)
{
        CLEANUP(fclosep) FILE *f = fopen(path, "re");
        CLEANUP(freep) char *line = NULL;
        size_t size = 0;
        ssize_t len;

        while (f && (len = getline(&line, &size, f)) > 0) {
                json_t *o = json_loadb(line, (size_t)len, JSON_REJECT_DUPLICATES, NULL);

                restore_event(l, o);
                json_decref(o);
        }
}

/* --- file ------------------------------------------------------------------------ */

static void open_file(struct timeline_log *l)
{
        struct stat st;

        l->fd = open(l->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
        if (l->fd < 0) {
                log_warning("cannot write %s: %s; the timeline is kept in memory only", l->path,
                            strerror(errno));
                return;
        }
        l->written = fstat(l->fd, &st) == 0 ? (size_t)st.st_size : 0;
}

/** The file before this one. @return buf */
static const char *old_path(const struct timeline_log *l, char buf[static PATH_MAX + 2])
{
        snprintf(buf, PATH_MAX + 2, "%s.1", l->path);
        return buf;
}

static void rotate_file(struct timeline_log *l)
{
        char old[PATH_MAX + 2];
        int fresh;

        old_path(l, old);
        if (rename(l->path, old) < 0)
                log_warning("cannot rename %s: %s; it is begun anew", l->path, strerror(errno));
        fresh = open(l->path, O_WRONLY | O_APPEND | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
        if (fresh < 0)
                return; /* the renamed file goes on growing; tried again with the next event */
        /* Under the old number, for lines with the writer may still be on their way to it. */
        dup3(fresh, l->fd, O_CLOEXEC);
        close(fresh);
        l->written = 0;
}

static void write_event(struct timeline_log *l, const struct timeline_event *ev)
{
        CLEANUP(freep) char *line = NULL;
        json_t *o;
        size_t len;

        if (l->fd < 0)
                return;
        if (l->written > TIMELINE_FILE_MAX)
                rotate_file(l);
        o = timeline_log_json(l, ev);
        line = json_dumps(o, JSON_COMPACT);
        json_decref(o);
        if (!line || l->fd < 0)
                return;
        len = strlen(line);
        line[len] = '\n'; /* in place of the NUL: the length goes along */
        if (log_append(l->fd, line, len + 1) == 0)
                l->written += len + 1;
}

int timeline_log_new(struct timeline_log **ret, const char *state_dir, const char *node)
{
        struct timeline_log *l = calloc(1, sizeof(*l));
        char old[PATH_MAX + 2];

        if (!l)
                return -ENOMEM;
        timeline_init(&l->timeline, 0);
        timeline_text(l->node, sizeof(l->node), node);
        snprintf(l->path, sizeof(l->path), "%s/timeline.jsonl", state_dir);
        restore_file(l, old_path(l, old)); /* ids go on even if the file was just begun */
        restore_file(l, l->path);
        open_file(l);
        *ret = l;
        return 0;
}

struct timeline_log *timeline_log_free(struct timeline_log *l)
{
        if (!l)
                return NULL;
        if (l->fd >= 0)
                log_close(l->fd); /* after what is still queued for it */
        free(l);
        return NULL;
}

/* --- events ---------------------------------------------------------------------- */

struct timeline *timeline_log_events(struct timeline_log *l)
{
        return &l->timeline;
}

void timeline_log_follow(struct timeline_log *l, void (*fn)(void *, struct timeline_event *),
                         void *arg)
{
        l->follow = fn;
        l->follow_arg = arg;
}

uint64_t timeline_log_open(struct timeline_log *l, const char *group, const char *from,
                           enum timeline_cause cause, mono_t t0)
{
        struct timeline_event *before = timeline_latest(&l->timeline, group);

        if (before)
                timeline_log_close(l, before->id);
        return timeline_open(&l->timeline, group, from, cause, t0, clock_wall_us())->id;
}

struct timeline_event *timeline_log_event(struct timeline_log *l, uint64_t id)
{
        return timeline_find(&l->timeline, id);
}

void timeline_log_close(struct timeline_log *l, uint64_t id)
{
        struct timeline_event *ev = timeline_find(&l->timeline, id);
        char gap[48] = "";

        if (!ev || ev->closed)
                return;
        ev->closed = true;
        if (ev->no_owner_us >= US_PER_MS)
                snprintf(gap, sizeof(gap), ", without owner at most %.1f ms",
                         (double)ev->no_owner_us / 1000);
        log_write(LOG_NOTICE,
                  &(struct log_about){.group = ev->group, .cause = timeline_cause_name(ev->cause)},
                  "#%" PRIu64 " %s -> %s, cause %s%s; 'vipctl why %s' tells more", ev->id,
                  ev->from[0] ? ev->from : "nobody", ev->to[0] ? ev->to : "nobody known",
                  timeline_cause_name(ev->cause), gap, ev->group);
        write_event(l, ev);
        if (l->follow)
                l->follow(l->follow_arg, ev);
}
