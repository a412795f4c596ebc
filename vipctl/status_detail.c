/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All that vipd knows of one group. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "vipctl/event.h"
#include "vipctl/status.h"
#include "vipctl/table.h"
#include "vipctl/text.h"

static void print_vips(const json_t *vips)
{
        static const struct table_column columns[] = {
                {.name = "ADDRESS"}, {.name = "DEV"}, {.name = "UP"}};
        struct table *t;
        const json_t *vip;
        size_t i;

        if (json_array_size(vips) == 0)
                return;
        t = table_new(columns, ARRAY_SIZE(columns));
        json_array_foreach(vips, i, vip) {
                table_line(t);
                table_cell(t, text_of(vip, "address", "?"), NULL);
                table_cell(t, text_of(vip, "dev", "-"), NULL);
                table_cell(t, json_is_true(json_object_get(vip, "up")) ? "yes" : "no", NULL);
        }
        putchar('\n');
        table_end(t);
}

static const char *check_colour(const char *state)
{
        if (strcmp(state, "up") == 0)
                return "green";
        return strcmp(state, "down") == 0 ? "red" : "yellow";
}

static void print_checks(const json_t *list)
{
        static const struct table_column columns[] = {{.name = "CHECK"},
                                                      {.name = "KIND"},
                                                      {.name = "STATE"},
                                                      {.name = "REQUIRED"},
                                                      {.name = "DETAIL", .cut = true}};
        struct table *t;
        const json_t *check;
        size_t i;

        if (json_array_size(list) == 0)
                return;
        t = table_new(columns, ARRAY_SIZE(columns));
        json_array_foreach(list, i, check) {
                const char *state = text_of(check, "state", "unknown");

                table_line(t);
                table_cell(t, text_of(check, "name", "?"), NULL);
                table_cell(t, text_of(check, "kind", "?"), NULL);
                table_cell(t, state, check_colour(state));
                table_cell(t, json_is_true(json_object_get(check, "required")) ? "yes" : "no",
                           NULL);
                table_cell(t, text_of(check, "detail", ""), NULL);
        }
        putchar('\n');
        table_end(t);
}

/** "LABEL  a 1, b 2, c: x 3": the numbers of an object, and of objects within it. */
static void print_numbers(const char *label, const json_t *object)
{
        const char *key, *inner_key;
        const json_t *value, *inner;
        const char *between = "";

        if (json_object_size(object) == 0)
                return;
        printf("%s", label);
        json_object_foreach((json_t *)object, key, value) {
                if (json_is_integer(value))
                        printf("%s%s %" JSON_INTEGER_FORMAT, between, key,
                               json_integer_value(value));
                else if (!json_is_object(value) || json_object_size(value) == 0)
                        continue;
                else
                        printf("%s%s:", between, key);
                json_object_foreach((json_t *)value, inner_key, inner)
                        printf(" %s %" JSON_INTEGER_FORMAT, inner_key, json_integer_value(inner));
                between = ", ";
        }
        putchar('\n');
}

void status_print_detail(const json_t *group)
{
        const json_t *last = json_object_get(group, "last");
        int64_t vrid, priority;

        print_vips(json_object_get(group, "vips"));
        print_checks(json_object_get(json_object_get(group, "checks"), "list"));
        printf("\ninterface  %s", text_of(group, "interface", "?"));
        if (text_number_of(group, "vrid", &vrid))
                printf(", virtual router %" PRId64, vrid);
        if (text_number_of(group, "priority", &priority))
                printf(", priority here %" PRId64, priority);
        putchar('\n');
        print_numbers("adverts    ", json_object_get(group, "adverts"));
        print_numbers("hooks      ", json_object_get(group, "hooks"));
        if (json_is_object(last)) {
                printf("\nlast move\n");
                event_print_timeline(last);
        }
}
