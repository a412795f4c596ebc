/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loading a configuration, step by step: conf_source reads the text and what
 * it includes, conf_scan checks its grammar, libconfig parses it, conf_check
 * compares every setting with the table, conf_group and its neighbours turn
 * the tree into a struct config, conf_cross looks at the whole. Each step runs
 * only when those before it left something to look at.
 */
#include <config.h>

#include "lib/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/conf_build.h"

/* --- reading --------------------------------------------------------------------- */

static void read_nodes(struct conf_build *b)
{
        config_setting_t *all = conf_tree_get(config_root_setting(&b->tree.parsed), "nodes");
        unsigned n = conf_tree_length(all);
        struct config *c = b->config;
        struct conf_why why;

        if (n > CONF_NODES_MAX) {
                conf_tree_error(&b->tree, all,
                                "'nodes': %u are more than the %d a cluster can "
                                "have",
                                n, CONF_NODES_MAX);
                n = CONF_NODES_MAX;
        }
        if (all && n == 0)
                conf_tree_error(&b->tree, all, "'nodes': a cluster needs at least one node");
        for (unsigned i = 0; i < n; i++) {
                config_setting_t *s = config_setting_get_elem(all, i);
                struct conf_node *node = &c->nodes[c->n_nodes];
                const char *text;

                if (conf_tree_is_bad(s))
                        continue;
                strcpy(node->name, config_setting_name(s));
                node->id = conf_node_id(node->name);
                text = conf_tree_text(s, "nodes.NAME", "address");
                if (text)
                        conf_value_address(text, &node->address, &why);
                b->node_at[c->n_nodes++] = s;
        }
}

/** Addresses written in all groups, for the limit and the room. */
static size_t count_vips(config_setting_t *groups)
{
        size_t n = 0;

        for (unsigned i = 0; i < conf_tree_length(groups); i++) {
                config_setting_t *s = config_setting_get_elem(groups, i);

                if (conf_tree_is_bad(s))
                        continue;
                n += conf_tree_length(conf_tree_raw(s, "addresses"));
                n += conf_tree_length(conf_tree_raw(s, "excluded-addresses"));
        }
        return n;
}

static int read_groups(struct conf_build *b)
{
        config_setting_t *all = conf_tree_get(config_root_setting(&b->tree.parsed), "groups");
        unsigned n = conf_tree_length(all);
        struct config *c = b->config;
        size_t n_vips;
        int r = 0;

        if (n > CONF_GROUPS_MAX) {
                conf_tree_error(&b->tree, all,
                                "'groups': %u are more than the %d a cluster can "
                                "have",
                                n, CONF_GROUPS_MAX);
                return 0;
        }
        n_vips = count_vips(all);
        if (n_vips > CONF_VIPS_MAX)
                conf_tree_error(&b->tree, all,
                                "'groups': %zu addresses are more than the %d a "
                                "cluster can have",
                                n_vips, CONF_VIPS_MAX);
        c->groups = calloc(n + 1, sizeof(*c->groups));
        b->group_at = calloc(n + 1, sizeof(*b->group_at));
        b->vips = calloc(CONF_VIPS_MAX < n_vips ? CONF_VIPS_MAX : n_vips + 1, sizeof(*b->vips));
        if (!c->groups || !b->group_at || !b->vips)
                return -ENOMEM;
        for (unsigned i = 0; r == 0 && i < n; i++) {
                config_setting_t *s = config_setting_get_elem(all, i);

                if (conf_tree_is_bad(s))
                        continue;
                b->group_at[c->n_groups] = s;
                r = conf_group_read(b, s, &c->groups[c->n_groups++]);
        }
        return r;
}

static void refuse_partition(struct conf_build *b)
{
        const config_setting_t *s =
                conf_tree_get(config_root_setting(&b->tree.parsed), "partition");

        if (s && strcmp(config_setting_get_string(s), "availability") != 0)
                conf_tree_error(&b->tree, s,
                                "partition = \"%s\" is not available in vipring " PACKAGE_VERSION
                                ": both sides of a cut network may serve; write \"availability\" "
                                "or remove the line",
                                config_setting_get_string(s));
}

static int build(struct conf_build *b)
{
        const config_setting_t *root = config_root_setting(&b->tree.parsed);
        const char *cluster = conf_tree_text(root, "", "cluster");
        int r;

        if (cluster)
                strcpy(b->config->cluster, cluster);
        refuse_partition(b);
        read_nodes(b);
        r = read_groups(b);
        if (r == 0)
                r = conf_cross_check(b);
        if (r == 0 && b->here)
                conf_here_check(b);
        return r == 0 ? conf_digest(b->config) : r;
}

static int note_files(struct config *c, const struct conf_source *s)
{
        c->files = calloc(s->n_files + 1, sizeof(*c->files));
        for (; c->files && c->n_files < s->n_files; c->n_files++) {
                c->files[c->n_files] = strdup(s->files[c->n_files]);
                if (!c->files[c->n_files])
                        return -ENOMEM;
        }
        return c->files ? 0 : -ENOMEM;
}

/** Everything after the text was read into the source (r: how that went). */
static int load(struct conf_build *b, const char *path, int r, struct config **ret)
{
        struct conf_report *report = b->tree.report;

        if (r == 0)
                r = conf_tree_parse(&b->tree);
        if (r == 0) {
                b->config = calloc(1, sizeof(*b->config));
                r = b->config ? 0 : -ENOMEM;
        }
        if (r == 0) {
                b->config->path = strdup(path);
                r = b->config->path ? note_files(b->config, &b->tree.source) : -ENOMEM;
        }
        if (r == 0)
                r = build(b);
        if (report->out_of_memory)
                r = -ENOMEM;
        if (r == 0 && report->n_errors)
                r = -EINVAL;
        if (r == 0) {
                *ret = b->config;
                b->config = NULL;
        }
        return r;
}

static void finish(struct conf_build *b, struct conf_report *report, struct conf_errors *errors)
{
        config_free(b->config);
        free(b->vips);
        free(b->group_at);
        conf_tree_clear(&b->tree);
        conf_report_finish(report, errors);
        free(report);
}

static struct conf_report *start(struct conf_build *b, struct conf_errors *errors)
{
        struct conf_report *report = calloc(1, sizeof(*report));

        memset(errors, 0, sizeof(*errors));
        *b = (struct conf_build){.tree.report = report};
        if (report)
                config_init(&b->tree.parsed);
        return report;
}

int config_load(const char *path, struct config **ret, struct conf_errors *errors)
{
        struct conf_build b;
        struct conf_report *report = start(&b, errors);
        int r;

        if (!report)
                return -ENOMEM;
        b.here = true;
        r = load(&b, path, conf_source_read(&b.tree.source, path, report), ret);
        finish(&b, report, errors);
        return r;
}

int config_load_text(const char *path, const char *text, size_t len, struct config **ret,
                     struct conf_errors *errors)
{
        struct conf_build b;
        struct conf_report *report = start(&b, errors);
        int r;

        if (!report)
                return -ENOMEM;
        r = load(&b, path, conf_source_take(&b.tree.source, path, text, len, report), ret);
        finish(&b, report, errors);
        return r;
}

/* --- giving back ------------------------------------------------------------------- */

static void free_words(char **argv)
{
        for (char **word = argv; word && *word; word++)
                free(*word);
        free(argv);
}

static void clear_group(struct conf_group *g)
{
        for (unsigned i = 0; i < g->n_checks; i++) {
                free(g->checks[i].target);
                free(g->checks[i].host);
                free(g->checks[i].path);
                free(g->checks[i].user);
                free_words(g->checks[i].argv);
        }
        for (unsigned i = 0; i < g->n_hooks; i++) {
                free(g->hooks[i].user);
                free_words(g->hooks[i].argv);
        }
        free(g->checks);
        free(g->hooks);
        free(g->vips);
        explicit_bzero(g->password, sizeof(g->password));
}

struct config *config_free(struct config *c)
{
        if (!c)
                return NULL;
        for (unsigned i = 0; i < c->n_groups; i++)
                clear_group(&c->groups[i]);
        free(c->groups);
        for (unsigned i = 0; i < c->n_files; i++)
                free(c->files[i]);
        free(c->files);
        free(c->path);
        free(c);
        return NULL;
}

/* --- asking ------------------------------------------------------------------------ */

int config_find_node(const struct config *c, const char *name)
{
        for (unsigned i = 0; i < c->n_nodes; i++) {
                if (strcmp(c->nodes[i].name, name) == 0)
                        return (int)i;
        }
        return -ENOENT;
}

const struct conf_group *config_find_group(const struct config *c, const char *name)
{
        for (unsigned i = 0; i < c->n_groups; i++) {
                if (strcmp(c->groups[i].name, name) == 0)
                        return &c->groups[i];
        }
        return NULL;
}

unsigned config_rank(const struct config *c, const struct conf_group *g, unsigned node)
{
        return (node + c->n_nodes - g->home) % c->n_nodes;
}

uint8_t config_priority(const struct config *c, const struct conf_group *g, unsigned node)
{
        unsigned rank = config_rank(c, g, node);

        if (g->foreign)
                return (uint8_t)(g->priority - 2 * rank);
        return rank == 0 ? 254 : (uint8_t)(252 - 2 * rank);
}

bool config_preempt(const struct config *c, const struct conf_group *g, unsigned node)
{
        return g->preempt && (g->foreign || config_rank(c, g, node) == 0);
}

bool conf_group_equal(const struct conf_group *a, const struct conf_group *b)
{
        CLEANUP(freep) char *x = conf_group_render(a);
        CLEANUP(freep) char *y = conf_group_render(b);

        return x && y && strcmp(x, y) == 0;
}

bool conf_check_equal(const struct conf_check *a, const struct conf_check *b)
{
        CLEANUP(freep) char *x = conf_check_render(a);
        CLEANUP(freep) char *y = conf_check_render(b);

        return x && y && strcmp(x, y) == 0;
}
