/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of verbs: help, completion, checks of the command line and dispatch all follow it. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "lib/suggest.h"
#include "vipctl/vipctl.h"

const struct verb verbs[] = {
        {"status", "[GROUP|NODE]", "who owns what, and what is wrong", 0, 0, 1, verb_status},
        {"why", "[GROUP|ID]", "the cause and timeline of a move, by default the latest", 0, 0, 1,
         verb_why},
        {"events", "[GROUP]", "the moves so far", VERB_FOLLOW | VERB_SINCE, 0, 1, verb_events},
        {"move", "GROUP NODE", "move a group to another node", VERB_CHANGING, 2, 2, verb_move},
        {"check", "[FILE]", "check a configuration file", 0, 0, 1, verb_check},
        {"reload", "", "make vipd read its configuration again", VERB_CHANGING, 0, 0, verb_reload},
        {"explain", "[KEY]", "what a setting means, its type and default", 0, 0, 1, verb_explain},
        {.name = "diff"},
        {.name = "doctor"},
        {.name = "drain"},
        {.name = "import"},
        {.name = "init"},
        {.name = "keygen"},
        {.name = "rebalance"},
        {.name = "restore"},
        {.name = "resync"},
        {.name = "top"},
        {.name = "upgrade"},
        {.name = "what-if"},
        {.name = NULL},
};

/** "0.1" of "0.1.0" */
static int series_len(void)
{
        const char *last = strrchr(PACKAGE_VERSION, '.');

        return (int)(last ? last - PACKAGE_VERSION : (long)strlen(PACKAGE_VERSION));
}

const struct verb *verb_find(const char *name)
{
        struct suggest s = {.unknown = name};

        for (const struct verb *v = verbs; v->name; v++) {
                if (strcmp(v->name, name) == 0) {
                        if (v->run)
                                return v;
                        complain("'%s' is not available in vipring %.*s", name, series_len(),
                                 PACKAGE_VERSION);
                        return NULL;
                }
                if (v->run)
                        suggest_offer(&s, v->name);
        }
        if (s.best)
                complain("unknown verb '%s'; did you mean '%s'?", name, s.best);
        else
                complain("unknown verb '%s'; 'vipctl --help' lists them", name);
        return NULL;
}

void complain(const char *format, ...)
{
        va_list args;

        fflush(stdout);
        fputs("vipctl: ", stderr);
        va_start(args, format);
        vfprintf(stderr, format, args);
        va_end(args);
        fputc('\n', stderr);
}
