/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The moves so far, and with --follow those to come. When vipd goes away while
 * it is followed, e.g. for an upgrade, it is asked again for what came after
 * the last one seen: ids go on over a restart.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/mono.h"
#include "vipctl/ask.h"
#include "vipctl/event.h"
#include "vipctl/table.h"
#include "vipctl/text.h"

#define FOLLOW_RETRY_S 1

struct listing {
        const struct options *options;
        const char *group;   /* NULL: all */
        int64_t since_id;    /* only later ones; -1: all */
        int64_t since_us;    /* wall time; INT64_MIN: all */
        struct table *table; /* NULL while following */
        bool headed;
};

/** "#418", "418", "2h", "2026-03-01", "2026-03-01 14:02", "2026-03-01T14:02:07Z" */
static int parse_since(struct listing *l, const char *text)
{
        static const char *const forms[] = {"%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"};
        const char *digits = *text == '#' ? text + 1 : text;
        int64_t ago_us;

        if (*digits && strlen(digits) < 19 && digits[strspn(digits, "0123456789")] == '\0') {
                l->since_id = strtoll(digits, NULL, 10);
                return 0;
        }
        if (text_parse_duration(text, &ago_us) == 0) {
                l->since_us = clock_wall_us() - ago_us;
                return 0;
        }
        if (text_parse_instant(text, &l->since_us) == 0)
                return 0;
        for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
                struct tm tm = {.tm_isdst = -1};
                const char *end = strptime(text, forms[i], &tm);

                if (end && !*end) {
                        l->since_us = (int64_t)mktime(&tm) * US_PER_S;
                        return 0;
                }
        }
        complain("--since %s: neither an id (418), a time ago (2h) nor a time "
                 "(2026-03-01 14:02, 2026-03-01T14:02:07Z)",
                 text);
        return -EINVAL;
}

static bool wanted(const struct listing *l, const json_t *event)
{
        int64_t at;

        if (l->group && strcmp(text_of(event, "group", ""), l->group) != 0)
                return false;
        if (text_parse_instant(text_of(event, "t0", ""), &at) < 0)
                return true;
        return at >= l->since_us;
}

static const struct table_column columns[] = {
        {.name = "ID", .right = true},
        {.name = "TIME"},
        {.name = "GROUP"},
        {.name = "FROM"},
        {.name = "TO"},
        {.name = "CAUSE"},
        {.name = "NO-OWNER"},
        {.name = "REASON", .cut = true},
};

struct row {
        char id[24];
        char when[TEXT_MAX];
        char gap[TEXT_MAX];
        const char *cells[ARRAY_SIZE(columns)];
};

static void make_row(struct row *row, const json_t *event)
{
        snprintf(row->id, sizeof(row->id), "%" PRId64, event_id(event));
        row->cells[0] = row->id;
        row->cells[1] = text_instant(text_of(event, "t0", "-"), row->when);
        row->cells[2] = text_of(event, "group", "-");
        row->cells[3] = event_node(event, "from");
        row->cells[4] = event_node(event, "to");
        row->cells[5] = text_of(event, "cause", "-");
        row->cells[6] = text_duration_of(event, "no_owner_usec", row->gap);
        row->cells[7] = text_of(event, "reason", "");
}

/** Lines come one by one, so their columns have widths that fit most. */
static void print_followed(struct listing *l, const struct row *row)
{
        static const int widths[ARRAY_SIZE(columns)] = {6, 24, 12, 10, 10, 14, 9, 0};

        for (int head = !l->headed; head >= 0; head--) {
                for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
                        const char *text = head ? columns[i].name : row->cells[i];

                        if (i + 1 == ARRAY_SIZE(columns))
                                printf("%s\n", text);
                        else
                                printf("%*s ", columns[i].right ? widths[i] : -widths[i], text);
                }
        }
        l->headed = true;
}

static void on_event(const json_t *event, void *arg)
{
        struct listing *l = arg;
        struct row row;

        if (event_id(event) > l->since_id)
                l->since_id = event_id(event);
        if (!wanted(l, event))
                return;
        make_row(&row, event);
        if (l->options->output != OUTPUT_TABLE) {
                ask_print_json(OUTPUT_JSONL, event);
        } else if (!l->table) {
                print_followed(l, &row);
        } else {
                table_line(l->table);
                for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
                        table_cell(l->table, row.cells[i], NULL);
        }
        if (fflush(stdout) == EOF)
                exit(CTL_FAILED);
}

static struct question question_of(struct listing *l)
{
        struct question q = {
                .verb = "events",
                .timeout_us = l->options->follow ? -1 : 5 * US_PER_S,
                .progress = on_event,
                .arg = l,
                .args = json_pack("{sb, ss*}", "follow", (int)l->options->follow, "group",
                                  l->group),
        };

        if (q.args && l->since_id >= 0)
                json_object_set_new(q.args, "since_id", json_integer(l->since_id));
        return q;
}

static int list_once(struct listing *l)
{
        struct question q = question_of(l);
        const struct options *o = l->options;
        json_t *result, *kept = json_array();
        const json_t *events;
        json_t *event;
        size_t i;
        int r = ask(o, &q, &result);

        events = json_object_get(result, "events");
        if (r == CTL_DONE && o->output == OUTPUT_JSON) {
                json_array_foreach(events, i, event)
                        if (wanted(l, event))
                                json_array_append(kept, event);
                json_object_set(result, "events", kept);
                ask_print_json(o->output, result);
        } else if (r == CTL_DONE) {
                if (o->output == OUTPUT_TABLE)
                        l->table = table_new(columns, ARRAY_SIZE(columns));
                json_array_foreach(events, i, event)
                        on_event(event, l);
                if (l->table)
                        table_end(l->table);
        }
        json_decref(kept);
        json_decref(result);
        return r;
}

/**
 * @return when vipd refuses or never was there; once it has gone it is waited for.
 * It ends the listing (CTL_DONE) only when it stops.
 */
static int follow(struct listing *l)
{
        bool lost = false, told = false;
        json_t *result;
        int r;

        for (;;) {
                struct question q = question_of(l);

                q.lost = &lost;
                r = ask(l->options, &q, &result);
                json_decref(result);
                lost = lost || r == CTL_DONE;
                if (r != CTL_DONE && (r != CTL_UNREACHABLE || !lost))
                        return r;
                if (!told)
                        complain("vipd has gone; waiting for it to come back");
                told = true;
                sleep(FOLLOW_RETRY_S);
        }
}

int verb_events(const struct options *o, int n, char **operands)
{
        struct listing l = {
                .options = o,
                .group = n > 0 ? operands[0] : NULL,
                .since_id = -1,
                .since_us = INT64_MIN,
        };

        if (o->since && parse_since(&l, o->since) < 0)
                return CTL_USAGE;
        if (l.group && !text_is_utf8(l.group)) {
                complain("the name of the group is not UTF-8");
                return CTL_USAGE;
        }
        return o->follow ? follow(&l) : list_once(&l);
}
