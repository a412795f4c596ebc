/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Words that may come next, for the shell's completion: `vipctl --complete
 * WORD...` prints one a line, given the words before. What kind of word an
 * operand is, is read off its name in the table of verbs.
 */
#include <stdio.h>
#include <string.h>

#include "lib/config.h"
#include "lib/mono.h"
#include "vipctl/ask.h"
#include "vipctl/complete.h"
#include "vipctl/text.h"

static void complete_verbs(void)
{
        for (const struct verb *v = verbs; v->name; v++)
                if (v->run)
                        puts(v->name);
}

static void complete_settings(void)
{
        size_t n;
        const struct conf_setting *settings = config_settings(&n);

        for (size_t i = 0; i < n; i++)
                printf("%s%s%s\n", settings[i].place, *settings[i].place ? "." : "",
                       settings[i].name);
}

static void complete_names(const json_t *list)
{
        const json_t *item;
        size_t i;

        json_array_foreach(list, i, item)
                puts(text_of(item, "name", ""));
}

/** @param kinds "[GROUP|NODE]", "KEY", ...; len of it */
static void complete_operand(const struct options *o, const char *kinds, size_t len)
{
        struct question q = {.verb = "status", .timeout_us = US_PER_S};
        bool groups = memmem(kinds, len, "GROUP", 5), nodes = memmem(kinds, len, "NODE", 4);
        json_t *status;

        if (memmem(kinds, len, "KEY", 3))
                complete_settings();
        if (!groups && !nodes)
                return;
        if (ask(o, &q, &status) == CTL_DONE) {
                if (groups)
                        complete_names(json_object_get(status, "groups"));
                if (nodes)
                        complete_names(json_object_get(status, "nodes"));
        }
        json_decref(status);
}

int complete(const struct options *o, int n, char **words)
{
        const struct verb *verb = verbs;
        const char *operand;
        size_t len;

        if (n == 0) {
                complete_verbs();
                return CTL_DONE;
        }
        while (verb->name && strcmp(verb->name, words[0]) != 0)
                verb++;
        if (!verb->run || n > verb->max)
                return CTL_DONE;
        operand = verb->operands;
        for (int i = 1; i < n; i++)
                operand += strcspn(operand, " ") + 1;
        len = strcspn(operand, " ");
        complete_operand(o, operand, len);
        return CTL_DONE;
}
