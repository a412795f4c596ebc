/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipd/core/timeline.h"

#include <string.h>

void timeline_init(struct timeline *t, uint64_t last_id)
{
        memset(t, 0, sizeof(*t));
        t->last_id = last_id;
}

void timeline_trim(char *text)
{
        size_t len = strlen(text), start = len, need;

        while (start > 0 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
                start--; /* over continuation bytes */
        if (start == 0 || (unsigned char)text[start - 1] < 0xc0)
                return;
        start--;
        need = (unsigned char)text[start] >= 0xf0 ? 4 : (unsigned char)text[start] >= 0xe0 ? 3 : 2;
        if (len - start < need)
                text[start] = '\0';
}

void timeline_text(char *to, size_t size, const char *from)
{
        size_t len = from ? strnlen(from, size - 1) : 0;

        if (len > 0)
                memcpy(to, from, len);
        to[len] = '\0';
        timeline_trim(to);
}

static struct timeline_event *timeline_slot(struct timeline *t, uint64_t id)
{
        return &t->events[id % TIMELINE_EVENTS];
}

struct timeline_event *timeline_open(struct timeline *t, const char *group, const char *from,
                                     enum timeline_cause cause, mono_t t0, int64_t t0_wall_us)
{
        struct timeline_event *ev = timeline_slot(t, ++t->last_id);

        memset(ev, 0, sizeof(*ev));
        ev->id = t->last_id;
        timeline_text(ev->group, sizeof(ev->group), group);
        timeline_text(ev->from, sizeof(ev->from), from);
        ev->cause = cause;
        ev->t0 = t0;
        ev->t0_wall_us = t0_wall_us;
        ev->no_owner_us = -1;
        ev->dual_owner_us = -1;
        ev->actor_uid = -1;
        return ev;
}

struct timeline_event *timeline_find(struct timeline *t, uint64_t id)
{
        struct timeline_event *ev = timeline_slot(t, id);

        return id != 0 && ev->id == id ? ev : NULL;
}

uint64_t timeline_first_id(const struct timeline *t)
{
        uint64_t id = t->last_id > TIMELINE_EVENTS ? t->last_id - TIMELINE_EVENTS + 1 : 1;

        while (id <= t->last_id && t->events[id % TIMELINE_EVENTS].id != id)
                id++;
        return id;
}

struct timeline_event *timeline_latest(struct timeline *t, const char *group)
{
        uint64_t first = timeline_first_id(t);

        for (uint64_t id = t->last_id; id >= first && id != 0; id--) {
                struct timeline_event *ev = timeline_find(t, id);

                if (ev && strcmp(ev->group, group) == 0)
                        return ev;
        }
        return NULL;
}

void timeline_step(struct timeline_event *ev, mono_t at, const char *what, const char *detail)
{
        unsigned slot = ev->n_steps < TIMELINE_STEPS ? ev->n_steps++ : TIMELINE_STEPS - 1;

        ev->steps[slot].at_us = mono_diff_us(at, ev->t0);
        timeline_text(ev->steps[slot].what, sizeof(ev->steps[slot].what), what);
        timeline_text(ev->steps[slot].detail, sizeof(ev->steps[slot].detail), detail);
}

const char *timeline_cause_name(enum timeline_cause c)
{
        static const char *const names[TIMELINE_CAUSES] = {
                [TIMELINE_START] = "start",     [TIMELINE_ADVERT_TIMEOUT] = "advert-timeout",
                [TIMELINE_RESIGN] = "resign",   [TIMELINE_CHECK] = "check",
                [TIMELINE_LINK] = "link",       [TIMELINE_OPERATOR] = "operator",
                [TIMELINE_PREEMPT] = "preempt", [TIMELINE_STALL] = "stall",
                [TIMELINE_FOREIGN] = "foreign", [TIMELINE_CONFLICT] = "conflict",
                [TIMELINE_STOP] = "stop",       [TIMELINE_RELOAD] = "reload",
        };

        return (unsigned)c < TIMELINE_CAUSES ? names[c] : "unknown";
}
