/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reloading. vipd reads and checks the file itself; a bad one changes nothing.
 * --dry-run never speaks of reloading to vipd: it checks the file here and
 * compares its digest with the one in force.
 */
#include <stdio.h>
#include <string.h>

#include "lib/config.h"
#include "lib/mono.h"
#include "vipctl/ask.h"
#include "vipctl/text.h"

static void print_names(const json_t *result, const char *key)
{
        const json_t *names = json_object_get(result, key);
        const json_t *name;
        size_t i;

        json_array_foreach(names, i, name)
                printf("%s%s", i == 0 ? "" : ", ",
                       json_is_string(name) ? json_string_value(name) : "?");
        if (json_array_size(names) > 0)
                printf(" %s; ", key);
}

static void print_reload(const json_t *result)
{
        int64_t unchanged;

        print_names(result, "changed");
        print_names(result, "added");
        print_names(result, "removed");
        if (text_number_of(result, "unchanged", &unchanged))
                printf("%lld unchanged; ", (long long)unchanged);
        printf("configuration %.4s is in force\n", text_of(result, "digest", "????"));
}

static void print_errors(const json_t *result)
{
        const json_t *errors = json_object_get(result, "errors");
        const json_t *line;
        size_t i;

        json_array_foreach(errors, i, line)
                fprintf(stderr, "%s\n", json_is_string(line) ? json_string_value(line) : "?");
}

/** What would be reloaded, without asking vipd for more than its status. */
static int dry_run(const struct options *o)
{
        struct question q = {.verb = "status", .timeout_us = 5 * US_PER_S};
        struct conf_errors errors = {0};
        struct config *config = NULL;
        json_t *status;
        const char *running;
        int r = config_load(o->config, &config, &errors);

        conf_errors_print(&errors, stderr);
        conf_errors_clear(&errors);
        if (r < 0)
                return CTL_CONFIG;
        r = ask(o, &q, &status);
        running = text_of(json_object_get(status, "config"), "digest", "");
        if (r == CTL_DONE && strcmp(running, config->digest) == 0)
                printf("%s means what is in force (%.4s); a reload would change nothing\n",
                       o->config, running);
        else if (r == CTL_DONE)
                printf("%s is valid; a reload would put %.4s in force in place of %.4s\n",
                       o->config, config->digest, running);
        json_decref(status);
        config_free(config);
        return r;
}

int verb_reload(const struct options *o, int n, char **operands)
{
        struct question q = {
                .verb = "reload",
                .changing = true,
                .timeout_us = 30 * US_PER_S,
                .then = "vipctl status",
        };
        json_t *result;
        int r;

        if (o->dry_run)
                return dry_run(o);
        q.args = json_pack("{ss*}", "reason", o->reason);
        if (!q.args) {
                complain("the reason is not UTF-8");
                return CTL_USAGE;
        }
        r = ask(o, &q, &result);
        if (result && o->output != OUTPUT_TABLE)
                ask_print_json(o->output, result);
        else if (r == CTL_DONE)
                print_reload(result);
        else
                print_errors(result);
        json_decref(result);
        return r;
}
