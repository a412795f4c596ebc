/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks a file as vipd would, without vipd and without changing anything. */
#include <errno.h>
#include <stdio.h>

#include "lib/config.h"
#include "vipctl/ask.h"
#include "vipctl/vipctl.h"

static json_t *texts_of(char *const *texts, unsigned n)
{
        json_t *list = json_array();

        for (unsigned i = 0; i < n && i < CONF_ERRORS_MAX && texts[i]; i++)
                json_array_append_new(list, json_string(texts[i]));
        return list;
}

static void print_json(const struct options *o, const struct config *c,
                       const struct conf_errors *errors)
{
        json_t *result =
                json_pack("{sb, ss?, so, so}", "valid", c != NULL, "digest", c ? c->digest : NULL,
                          "errors", texts_of(errors->text, errors->n), "warnings",
                          texts_of(errors->warnings, errors->n_warnings));

        ask_print_json(o->output, result);
        json_decref(result);
}

static void print_summary(const char *path, const struct config *c)
{
        unsigned addresses = 0;

        for (unsigned i = 0; i < c->n_groups; i++)
                addresses += c->groups[i].n_vips;
        printf("%s is valid: cluster %s, %u node%s, %u group%s, %u address%s, digest %.4s\n", path,
               c->cluster, c->n_nodes, c->n_nodes == 1 ? "" : "s", c->n_groups,
               c->n_groups == 1 ? "" : "s", addresses, addresses == 1 ? "" : "es", c->digest);
}

int verb_check(const struct options *o, int n, char **operands)
{
        const char *path = n > 0 ? operands[0] : o->config;
        struct conf_errors errors = {0};
        struct config *c = NULL;
        int r = config_load(path, &c, &errors);

        if (o->output != OUTPUT_TABLE)
                print_json(o, c, &errors);
        else
                conf_errors_print(&errors, stderr);
        if (r == 0 && o->output == OUTPUT_TABLE)
                print_summary(path, c);
        conf_errors_clear(&errors);
        config_free(c);
        return r == 0 ? CTL_DONE : r == -ENOMEM ? CTL_FAILED : CTL_CONFIG;
}
