/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipctl/event.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/mono.h"
#include "vipctl/text.h"

const char *event_node(const json_t *event, const char *key)
{
        const char *name = text_of(event, key, "");

        return *name ? name : "nobody";
}

int64_t event_id(const json_t *event)
{
        int64_t id;

        text_number_of(event, "id", &id);
        return id;
}

/** What is not known is not mentioned. */
static void print_measured(const json_t *event, const char *key, const char *label)
{
        char text[TEXT_MAX];
        int64_t us;

        if (text_number_of(event, key, &us))
                printf("   %s %s", label, text_duration(us, text));
}

static void print_flows(const json_t *event)
{
        int64_t kept, lost;

        if (text_number_of(event, "flows_kept", &kept))
                printf("   flows kept %" PRId64, kept);
        if (text_number_of(event, "flows_lost", &lost))
                printf("   flows lost %" PRId64, lost);
}

static void print_head(const json_t *event)
{
        char when[TEXT_MAX];

        printf("#%" PRId64 "  %s  %s -> %s   %s   cause %s", event_id(event),
               text_of(event, "group", "?"), event_node(event, "from"), event_node(event, "to"),
               text_instant(text_of(event, "t0", "?"), when), text_of(event, "cause", "unknown"));
        print_measured(event, "no_owner_usec", "no-owner");
        print_measured(event, "dual_owner_usec", "dual-owner");
        print_flows(event);
        putchar('\n');
}

static void print_order(const json_t *event)
{
        const char *actor = text_of(event, "actor", NULL);
        const char *reason = text_of(event, "reason", "");
        int64_t uid;

        if (actor)
                printf("  asked for by %s", actor);
        else if (text_number_of(event, "actor", &uid))
                printf("  asked for by uid %" PRId64, uid);
        else if (*reason)
                printf("  asked for");
        else
                return;
        printf(*reason ? ": %s\n" : "%s\n", reason);
}

/** Seconds since t0; evidence may lie before it. */
static void print_at(int64_t us)
{
        int64_t ms = (us < 0 ? -us : us) / US_PER_MS;

        printf("  %c%" PRId64 ".%03" PRId64, us < 0 ? '-' : '+', ms / 1000, ms % 1000);
}

static void print_step(const json_t *step, int node_width)
{
        const char *detail = text_of(step, "detail", "");
        int64_t at;

        text_number_of(step, "at_usec", &at);
        print_at(at);
        printf("  %-*s  %s%s%s\n", node_width, text_of(step, "node", "?"),
               text_of(step, "what", "?"), *detail ? ": " : "", detail);
}

static void print_ruled_out(const json_t *event)
{
        const json_t *list = json_object_get(event, "ruled_out");
        const json_t *item;
        size_t i;

        json_array_foreach(list, i, item)
                printf("%s%s", i == 0 ? "  not the cause: " : "; ",
                       json_is_string(item) ? json_string_value(item) : "?");
        if (json_array_size(list) > 0)
                putchar('\n');
}

void event_print_timeline(const json_t *event)
{
        const json_t *steps = json_object_get(event, "steps");
        const json_t *step;
        int width = 0;
        size_t i;

        json_array_foreach(steps, i, step) {
                int len = (int)strlen(text_of(step, "node", "?"));

                width = len > width ? len : width;
        }
        print_head(event);
        print_order(event);
        json_array_foreach(steps, i, step)
                print_step(step, width);
        print_ruled_out(event);
}
