/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of groups and the notes below it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/mono.h"
#include "vipctl/event.h"
#include "vipctl/status.h"
#include "vipctl/table.h"
#include "vipctl/text.h"

#define STALL_NOTE_US (100 * US_PER_MS)

static const struct table_column columns[] = {
        {.name = "GROUP"},     {.name = "OWNER"},  {.name = "ROLE"},
        {.name = "SINCE"},     {.name = "PREFER"}, {.name = "NEXT"},
        {.name = "ADDRESSES"}, {.name = "CHECKS"}, {.name = "SURVIVES"},
};

static bool is_active(const json_t *group)
{
        return strcmp(text_of(group, "role", ""), "active") == 0;
}

static bool is_away(const json_t *group)
{
        const char *owner = text_of(group, "owner", NULL);
        const char *prefer = text_of(group, "prefer", NULL);

        return owner && prefer && strcmp(owner, prefer) != 0;
}

static bool has_check_down(const json_t *group)
{
        const json_t *list = json_object_get(json_object_get(group, "checks"), "list");
        const json_t *check;
        size_t i;

        json_array_foreach(list, i, check)
                if (strcmp(text_of(check, "state", ""), "down") == 0)
                        return true;
        return false;
}

static int64_t addresses_missing(const json_t *group)
{
        int64_t up;

        if (!is_active(group) || !text_number_of(group, "addresses_up", &up))
                return 0;
        return (int64_t)json_array_size(json_object_get(group, "addresses")) - up;
}

static bool has_notes(const json_t *group)
{
        return !text_of(group, "owner", NULL) || text_of(group, "state_reason", NULL) ||
               text_of(group, "also_active", NULL) || is_away(group) || has_check_down(group) ||
               addresses_missing(group) > 0;
}

static const char *role_colour(const json_t *group)
{
        const char *role = text_of(group, "role", "");

        if (strcmp(role, "active") == 0)
                return "green";
        if (strcmp(role, "fault") == 0)
                return "red";
        return strcmp(role, "backup") == 0 ? NULL : "yellow";
}

/** "address only", "forwarded flows", "forwarded flows, tables" */
static void put_survives(const json_t *group, char *buf, size_t size)
{
        const json_t *list = json_object_get(group, "survives");
        const json_t *item;
        size_t i, len = 0;

        snprintf(buf, size, json_array_size(list) > 0 ? "address only" : "-");
        json_array_foreach(list, i, item) {
                const char *what = json_is_string(item) ? json_string_value(item) : "?";

                if (strcmp(what, "addresses") == 0)
                        continue;
                if (strcmp(what, "connections") == 0)
                        what = "forwarded flows";
                if (len < size)
                        len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? ", " : "",
                                                what);
        }
}

static void put_checks(const json_t *group, char *buf, size_t size)
{
        const json_t *checks = json_object_get(group, "checks");
        int64_t up, total;

        if (text_number_of(checks, "up", &up) && text_number_of(checks, "total", &total) &&
            total > 0)
                snprintf(buf, size, "%" PRId64 "/%" PRId64, up, total);
        else
                snprintf(buf, size, "-");
}

static void put_addresses(const json_t *group, char *buf, size_t size)
{
        size_t total = json_array_size(json_object_get(group, "addresses"));
        int64_t up;

        if (text_number_of(group, "addresses_up", &up))
                snprintf(buf, size, "%" PRId64 "/%zu", up, total);
        else
                snprintf(buf, size, "%zu", total);
}

void status_print_groups(const json_t *status)
{
        struct table *t = table_new(columns, ARRAY_SIZE(columns));
        const json_t *group;
        char text[TEXT_MAX];
        size_t i;

        json_array_foreach(json_object_get(status, "groups"), i, group) {
                table_line(t);
                table_cell(t, text_of(group, "name", "?"), NULL);
                snprintf(text, sizeof(text), "%s%s", text_of(group, "owner", "-"),
                         has_notes(group) ? " *" : "");
                table_cell(t, text, text_of(group, "owner", NULL) ? NULL : "red");
                table_cell(t, text_of(group, "role", "-"), role_colour(group));
                table_cell(t, text_duration_of(group, "since_usec", text), NULL);
                table_cell(t, text_of(group, "prefer", "-"), NULL);
                table_cell(t, text_of(group, "heir", "-"), NULL);
                put_addresses(group, text, sizeof(text));
                table_cell(t, text, addresses_missing(group) > 0 ? "red" : NULL);
                put_checks(group, text, sizeof(text));
                table_cell(t, text, has_check_down(group) ? "red" : NULL);
                put_survives(group, text, sizeof(text));
                table_cell(t, text, NULL);
        }
        table_end(t);
}

/** Did the reason for the state name this check already? */
static bool is_reason(const json_t *group, const char *check)
{
        char words[128];

        snprintf(words, sizeof(words), "check %s is down", check);
        return strstr(text_of(group, "state_reason", ""), words);
}

static void note_checks(const json_t *group, const char *name)
{
        const json_t *list = json_object_get(json_object_get(group, "checks"), "list");
        const json_t *check;
        size_t i;

        json_array_foreach(list, i, check) {
                const char *detail = text_of(check, "detail", "");

                if (strcmp(text_of(check, "state", ""), "down") == 0 &&
                    !is_reason(group, text_of(check, "name", "?")))
                        printf("* %s: check %s is down%s%s\n", name, text_of(check, "name", "?"),
                               *detail ? ": " : "", detail);
        }
}

/** Away from home: by which move, if that is known. */
static void note_move(const json_t *group, const char *name)
{
        const json_t *last = json_object_get(group, "last");
        const char *owner = text_of(group, "owner", "?");
        char text[TEXT_MAX];
        int64_t failback;

        if (strcmp(text_of(last, "to", ""), owner) == 0 && !text_of(last, "from", NULL))
                printf("* %s was at %s when this node first heard of it; its home is %s\n", name,
                       owner, text_of(group, "prefer", "?"));
        else if (strcmp(text_of(last, "to", ""), owner) == 0)
                printf("* %s moved from %s: %s. 'vipctl why %s'\n", name, event_node(last, "from"),
                       text_of(last, "cause", "cause unknown"), name);
        else
                printf("* %s is away from %s, its home\n", name, text_of(group, "prefer", "?"));
        if (text_number_of(group, "failback_in_usec", &failback))
                printf("* %s goes home to %s in %s if that stays well\n", name,
                       text_of(group, "prefer", "?"), text_duration(failback, text));
}

/** Why this node does not serve it, and that it knows of nobody who does. */
static void note_owner(const json_t *group, const char *name)
{
        const char *reason = text_of(group, "state_reason", NULL);
        bool nobody = !text_of(group, "owner", NULL);
        const char *other = text_of(group, "also_active", NULL);

        if (reason)
                printf("* %s: %s here: %s%s\n", name, text_of(group, "role", "?"), reason,
                       nobody ? "; who else has it is not known here" : "");
        else if (nobody)
                printf("* %s: nobody is known to own it (yet)\n", name);
        if (other)
                printf("* %s: %s claims to be active too: clients may reach either; look at the "
                       "network between them\n",
                       name, other);
}

static void note_group(const json_t *group)
{
        const char *name = text_of(group, "name", "?");
        int64_t missing = addresses_missing(group);

        note_owner(group, name);
        note_checks(group, name);
        if (missing > 0)
                printf("* %s: %" PRId64 " address%s not up\n", name, missing,
                       missing == 1 ? " is" : "es are");
        if (is_away(group))
                note_move(group, name);
}

static void note_daemon(const json_t *daemon)
{
        const json_t *loop = json_object_get(daemon, "loop");
        const json_t *filter = json_object_get(daemon, "accept_filter");
        char longest[TEXT_MAX];
        int64_t stalls, dropped;

        if (strcmp(text_of(filter, "state", ""), "failed") == 0)
                printf("* addresses with accept = false are accepted here all the same: %s\n",
                       text_of(filter, "error", "?"));
        if (text_number_of(loop, "stalls", &stalls) && stalls > 0)
                printf("* vipd was held up %" PRId64 " time%s, longest %s\n", stalls,
                       stalls == 1 ? "" : "s",
                       text_duration_of(loop, "longest_stall_usec", longest));
        if (text_number_of(daemon, "log_dropped", &dropped) && dropped > 0)
                printf("* %" PRId64 " log lines were dropped: journal or disk too slow\n", dropped);
}

void status_print_notes(const json_t *status)
{
        const json_t *item;
        size_t i;

        json_array_foreach(json_object_get(status, "nodes"), i, item) {
                const char *state = text_of(item, "state", NULL);

                if (state && strcmp(state, "up") != 0)
                        printf("* node %s is %s\n", text_of(item, "name", "?"), state);
        }
        json_array_foreach(json_object_get(status, "groups"), i, item)
                note_group(item);
        note_daemon(json_object_get(status, "daemon"));
}
