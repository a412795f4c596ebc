/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Moving a group. vipd refuses what cannot be done (exit 4) and says why. This
 * version moves addresses only and knows of no connections, so it never asks
 * for confirmation; --yes is taken so that scripts need not change later.
 */
#include <stdio.h>

#include "lib/mono.h"
#include "vipctl/ask.h"
#include "vipctl/event.h"
#include "vipctl/text.h"

static void on_progress(const json_t *progress, void *arg)
{
        const struct options *o = arg;

        if (o->output == OUTPUT_JSONL)
                ask_print_json(o->output, progress);
        else if (o->output == OUTPUT_TABLE)
                printf("%s\n", text_of(progress, "line", "..."));
        fflush(stdout);
}

static void print_move(const struct options *o, const json_t *result)
{
        char took[TEXT_MAX];
        int64_t us;

        printf("%s  %s -> %s", text_of(result, "group", "?"), event_node(result, "from"),
               event_node(result, "to"));
        if (o->dry_run)
                printf("  would be done; nothing was changed\n");
        else if (text_number_of(result, "took_usec", &us))
                printf("  done in %s\n", text_duration(us, took));
        else
                printf("  begun; 'vipctl why %s' shows what became of it\n",
                       text_of(result, "group", "?"));
}

int verb_move(const struct options *o, int n, char **operands)
{
        struct question q = {
                .verb = "move",
                .changing = true,
                .timeout_us = 30 * US_PER_S,
                .then = "vipctl why",
                .progress = on_progress,
                .arg = (void *)o,
                .args = json_pack("{ss, ss, ss*, sb, sb}", "group", operands[0], "node",
                                  operands[1], "reason", o->reason, "dry_run", (int)o->dry_run,
                                  "wait", (int)o->wait),
        };
        json_t *result;
        int r;

        if (!q.args) {
                complain("the names or the reason are not UTF-8");
                return CTL_USAGE;
        }
        r = ask(o, &q, &result);
        if (result && o->output != OUTPUT_TABLE)
                ask_print_json(o->output, result);
        else if (r == CTL_DONE)
                print_move(o, result);
        json_decref(result);
        return r;
}
