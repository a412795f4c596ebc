/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who owns what. One line per group; what is wrong or unusual follows below as
 * notes, so that a healthy cluster is a short table. With the name of a group:
 * all that is known of it.
 */
#include <inttypes.h>
#include <langinfo.h>
#include <stdio.h>
#include <string.h>

#include "lib/mono.h"
#include "lib/suggest.h"
#include "vipctl/ask.h"
#include "vipctl/status.h"
#include "vipctl/text.h"

/** Keep the groups that are, or have to do with, `name`. @return CTL_DONE or, said why, CTL_USAGE
 */
static int pick(json_t *status, const char *name)
{
        struct suggest s = {.unknown = name};
        json_t *groups = json_object_get(status, "groups");
        json_t *kept = json_array();
        const json_t *node;
        bool found = false;
        json_t *group;
        size_t i;

        json_array_foreach(json_object_get(status, "nodes"), i, node) {
                found = found || strcmp(text_of(node, "name", ""), name) == 0;
                suggest_offer(&s, text_of(node, "name", ""));
        }
        json_array_foreach(groups, i, group) {
                const char *group_name = text_of(group, "name", "");

                suggest_offer(&s, group_name);
                if (strcmp(group_name, name) == 0 ||
                    strcmp(text_of(group, "owner", ""), name) == 0 ||
                    strcmp(text_of(group, "heir", ""), name) == 0 ||
                    strcmp(text_of(group, "prefer", ""), name) == 0) {
                        json_array_append(kept, group);
                        found = true;
                }
        }
        if (!found)
                complain("no group or node is named '%s'%s%s%s", name,
                         s.best ? "; did you mean '" : "", s.best ? s.best : "",
                         s.best ? "'?" : "");
        json_object_set_new(status, "groups", kept); /* frees what s.best points to */
        return found ? CTL_DONE : CTL_USAGE;
}

static bool is_node(const json_t *status, const char *name)
{
        const json_t *node;
        size_t i;

        json_array_foreach(json_object_get(status, "nodes"), i, node)
                if (strcmp(text_of(node, "name", ""), name) == 0)
                        return true;
        return false;
}

static void print_head(const json_t *status)
{
        const json_t *config = json_object_get(status, "config");
        const char *more = strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? "\u2026" : "...";

        printf("%s  node %s  config %.4s%s%s  vipring %s\n", text_of(status, "cluster", "?"),
               text_of(status, "node", "?"), text_of(config, "digest", "????"), more,
               json_is_false(json_object_get(config, "same_everywhere"))
                       ? " (differs between nodes)"
                       : "",
               text_of(status, "version", "?"));
}

int verb_status(const struct options *o, int n, char **operands)
{
        struct question q = {.verb = "status", .timeout_us = 5 * US_PER_S};
        const char *name = n > 0 ? operands[0] : NULL;
        bool one_group;
        json_t *status;
        int r = ask(o, &q, &status);

        if (r == CTL_DONE && name)
                r = pick(status, name);
        if (r == CTL_DONE && o->output != OUTPUT_TABLE) {
                ask_print_json(o->output, status);
        } else if (r == CTL_DONE) {
                one_group = name && !is_node(status, name);
                print_head(status);
                status_print_groups(status);
                status_print_notes(status);
                if (one_group)
                        status_print_detail(json_array_get(json_object_get(status, "groups"), 0));
        }
        json_decref(status);
        return r;
}
