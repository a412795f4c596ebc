/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "lib/mono.h"
#include "vipctl/ask.h"
#include "vipctl/event.h"

/** "418" or "#418" is an event, anything else a group. */
static json_t *which(const char *operand)
{
        const char *digits = *operand == '#' ? operand + 1 : operand;

        if (*digits && strlen(digits) < 19 && digits[strspn(digits, "0123456789")] == '\0')
                return json_pack("{sI}", "id", (json_int_t)strtoll(digits, NULL, 10));
        return json_pack("{ss}", "group", operand);
}

int verb_why(const struct options *o, int n, char **operands)
{
        struct question q = {.verb = "why", .timeout_us = 5 * US_PER_S};
        json_t *result;
        int r;

        if (n > 0) {
                q.args = which(operands[0]);
                if (!q.args) {
                        complain("the name of the group is not UTF-8");
                        return CTL_USAGE;
                }
        }
        r = ask(o, &q, &result);
        if (r == CTL_DONE && o->output == OUTPUT_TABLE)
                event_print_timeline(json_object_get(result, "event"));
        else if (result && o->output != OUTPUT_TABLE)
                ask_print_json(o->output, result);
        json_decref(result);
        return r;
}
