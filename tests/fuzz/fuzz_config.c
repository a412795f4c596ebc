/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as a configuration. Besides not crashing: a refusal has a message
 * with a place, what is accepted keeps the promises of lib/config.h, and
 * loading it again yields the same meaning.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool holds)
{
        if (!holds)
                abort();
}

static void check_group(const struct config *c, const struct conf_group *g)
{
        must(g->vrid >= 1 && g->n_vips >= 1 && g->iface[0] && g->home < c->n_nodes);
        must(g->interval_us >= 10000 && g->interval_us % 10000 == 0);
        must(g->version == 2 ? g->interval_us % 1000000 == 0 : g->interval_us <= 40950000);
        for (unsigned n = 0; n < c->n_nodes; n++)
                must(config_priority(c, g, n) >= 1);
        for (unsigned i = 0; i < g->n_vips; i++) {
                const struct conf_vip *v = &g->vips[i];

                must(v->dev[0] && v->prefix_len >= 1 && v->prefix_len <= ip_addr_bits(&v->addr));
                must(g->version == 3 || v->addr.family == AF_INET);
                must(i == 0 || g->vips[i - 1].excluded <= v->excluded);
        }
        for (unsigned i = 0; i < g->n_checks; i++) {
                const struct conf_check *k = &g->checks[i];

                must(k->target && k->timeout_us > 0 && k->timeout_us <= k->interval_us);
                must(k->kind != CONF_CHECK_EXEC || (k->argv[0][0] == '/' && k->user));
                must(k->kind != CONF_CHECK_HTTP || (k->host && k->path[0] == '/' && k->port));
                must(g->foreign || k->weight == 0);
        }
        for (unsigned i = 0; i < g->n_hooks; i++)
                must(g->hooks[i].on && g->hooks[i].argv[0][0] == '/' && g->hooks[i].user);
        must(conf_group_equal(g, g));
}

static struct config *load(const uint8_t *data, size_t len)
{
        struct config *c = NULL;
        struct conf_errors errors;
        int r = config_load_text("fuzz.conf", (const char *)data, len, &c, &errors);

        must(r == 0 || r == -EINVAL);
        must((r == 0) == (c != NULL) && (r == 0) == (errors.n == 0));
        for (unsigned i = 0; i < errors.n && i < CONF_ERRORS_MAX; i++)
                must(strstr(errors.text[i], ": error: ") != NULL);
        conf_errors_clear(&errors);
        return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
        struct config *c = load(data, len), *again;

        if (!c)
                return 0;
        must(c->n_nodes >= 1 && c->cluster[0] && strlen(c->digest) == 16);
        for (unsigned i = 0; i < c->n_groups; i++)
                check_group(c, &c->groups[i]);
        again = load(data, len);
        must(again && strcmp(c->digest, again->digest) == 0);
        config_free(again);
        config_free(c);
        return 0;
}
