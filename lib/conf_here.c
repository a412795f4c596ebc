/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the configuration names and this host does not have: warnings, for the file is everyone's.
 */
#include <string.h>

#include "lib/conf_build.h"

struct seen {
        struct conf_build *build;
        char last[IFNAMSIZ]; /* most groups and addresses name the same few */
        bool there;
};

static bool is_there(struct seen *s, const char *iface)
{
        if (*iface && strcmp(s->last, iface) != 0) {
                strcpy(s->last, iface);
                s->there = if_nametoindex(iface) != 0;
        }
        return !*iface || s->there;
}

static void look(struct seen *s, const config_setting_t *at, const char *iface, const char *then)
{
        if (!is_there(s, iface))
                conf_tree_warning(&s->build->tree, at, "this host has no interface '%s' (yet): %s",
                                  iface, then);
}

static void look_at_vips(struct seen *s)
{
        const struct conf_build *b = s->build;

        for (unsigned i = 0; i < b->n_vips; i++) {
                const struct conf_vip_at *v = &b->vips[i];

                if (strcmp(v->vip->dev, b->config->groups[v->group].iface) != 0)
                        look(s, v->at, v->vip->dev, "the address cannot be added here");
        }
}

void conf_here_check(struct conf_build *b)
{
        struct seen seen = {.build = b};

        for (unsigned i = 0; i < b->config->n_groups; i++) {
                const struct conf_group *g = &b->config->groups[i];
                config_setting_t *tracks = conf_tree_raw(b->group_at[i], "track-interfaces");

                look(&seen, conf_tree_raw(b->group_at[i], "interface"), g->iface,
                     "the group stays down here");
                for (unsigned t = 0; t < g->n_track; t++)
                        look(&seen, tracks, g->track[t].iface, "it counts as down here");
        }
        look_at_vips(&seen);
}
