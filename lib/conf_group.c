/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/conf_build.h"
#include "lib/conf_place.h"
#include "lib/suggest.h"

#define GROUP "groups.NAME"
#define ANNOUNCE "groups.NAME.announce"

static void read_interface(struct conf_build *b, config_setting_t *section, struct conf_group *g)
{
        const char *iface = conf_tree_text(section, GROUP, "interface");

        if (iface)
                strcpy(g->iface, iface);
        if (!conf_tree_raw(section, "vrid") && !conf_place_is_meant(section, GROUP, "vrid"))
                conf_tree_error(&b->tree, section,
                                "groups.%s has no 'vrid': without it a group needs the ring "
                                "protocol, which is not available yet; give it a number, 1 to "
                                "255, that no other virtual router on the LAN has",
                                g->name);
        g->vrid = (uint8_t)conf_tree_integer(section, GROUP, "vrid");
}

static void add_vip(struct conf_build *b, config_setting_t *list, unsigned i, bool excluded,
                    struct conf_group *g)
{
        const config_setting_t *at = conf_tree_element(list, i);
        const char *text = conf_tree_element_text(list, i);
        struct conf_vip *vip = &g->vips[g->n_vips];
        struct conf_why why;

        if (!text || b->n_vips == CONF_VIPS_MAX || conf_value_vip(text, vip, &why) < 0)
                return;
        vip->excluded = excluded;
        if (g->iface[0] && conf_value_vip_complete(vip, g->iface, &why) < 0)
                conf_tree_error(&b->tree, at, "'%s': %s", config_setting_name(list), why.text);
        b->vips[b->n_vips++] = (struct conf_vip_at){
                .vip = vip, .at = at, .group = (unsigned)(g - b->config->groups)};
        g->n_vips++;
}

static int read_vips(struct conf_build *b, config_setting_t *section, struct conf_group *g)
{
        config_setting_t *shown = conf_tree_raw(section, "addresses");
        config_setting_t *hidden = conf_tree_raw(section, "excluded-addresses");
        unsigned n_shown = conf_tree_length(shown), n_hidden = conf_tree_length(hidden);

        g->vips = calloc((size_t)n_shown + n_hidden + 1, sizeof(*g->vips));
        if (!g->vips)
                return -ENOMEM;
        for (unsigned i = 0; i < n_shown; i++)
                add_vip(b, shown, i, false, g);
        for (unsigned i = 0; i < n_hidden; i++)
                add_vip(b, hidden, i, true, g);
        if (shown && n_shown == 0 && !conf_tree_is_bad(shown))
                conf_tree_error(&b->tree, shown, "'addresses': a group needs at least one address");
        return 0;
}

static void read_home(struct conf_build *b, config_setting_t *section, struct conf_group *g)
{
        const config_setting_t *at = conf_tree_get(section, "prefer");
        struct suggest near = {0};
        int node;

        if (!at)
                return;
        near.unknown = config_setting_get_string(at);
        node = config_find_node(b->config, near.unknown);
        if (node >= 0) {
                g->home = (unsigned)node;
                return;
        }
        for (unsigned i = 0; i < b->config->n_nodes; i++)
                suggest_offer(&near, b->config->nodes[i].name);
        conf_tree_error(&b->tree, at, "'prefer': there is no node '%s'%s%s%s", near.unknown,
                        near.best ? "; did you mean '" : "", near.best ? near.best : "",
                        near.best ? "'?" : "");
}

static bool is_tracked(const struct conf_group *g, const char *iface)
{
        for (unsigned i = 0; i < g->n_track; i++) {
                if (strcmp(g->track[i].iface, iface) == 0)
                        return true;
        }
        return false;
}

static void add_track(struct conf_build *b, config_setting_t *list, unsigned i,
                      struct conf_group *g)
{
        const config_setting_t *at = conf_tree_element(list, i);
        const char *text = conf_tree_element_text(list, i);
        struct conf_track track;
        struct conf_why why;

        if (!text || conf_value_track(text, &track, &why) < 0)
                return;
        if (strcmp(track.iface, g->iface) == 0)
                conf_tree_error(&b->tree, at,
                                "'track-interfaces': %s is the group's own interface and always "
                                "watched; remove it here",
                                track.iface);
        else if (is_tracked(g, track.iface))
                conf_tree_error(&b->tree, at, "'track-interfaces': %s is named twice", track.iface);
        else
                g->track[g->n_track++] = track;
}

static void read_tracks(struct conf_build *b, config_setting_t *section, struct conf_group *g)
{
        config_setting_t *list = conf_tree_raw(section, "track-interfaces");
        unsigned n = conf_tree_length(list);

        if (n > CONF_TRACK_MAX) {
                conf_tree_error(&b->tree, list,
                                "'track-interfaces': %u are more than the %d a group can have", n,
                                CONF_TRACK_MAX);
                return;
        }
        for (unsigned i = 0; i < n; i++)
                add_track(b, list, i, g);
}

static void read_announce(config_setting_t *section, struct conf_announce *a)
{
        const config_setting_t *s = conf_tree_get(section, "announce");

        a->count = (unsigned)conf_tree_integer(s, ANNOUNCE, "count");
        a->interval_us = conf_tree_time(s, ANNOUNCE, "interval");
        a->refresh_us = conf_tree_time(s, ANNOUNCE, "refresh");
        a->rate = (unsigned)conf_tree_integer(s, ANNOUNCE, "rate");
}

static void refuse_virtual_mac(struct conf_build *b, config_setting_t *section)
{
        if (conf_tree_boolean(section, GROUP, "virtual-mac"))
                conf_tree_error(&b->tree, conf_tree_raw(section, "virtual-mac"),
                                "'virtual-mac' is not available in vipring " PACKAGE_VERSION
                                ": hosts learn the new owner from gratuitous ARP and neighbour "
                                "advertisements; write false or remove the line");
}

/** Weights change a VRRP priority, which only groups shared with foreign routers have. */
static void refuse_weights(struct conf_build *b, config_setting_t *section,
                           const struct conf_group *g)
{
        for (unsigned i = 0; i < g->n_track; i++) {
                if (g->track[i].weight)
                        conf_tree_error(&b->tree, conf_tree_raw(section, "track-interfaces"),
                                        "'track-interfaces': a weight (%s) is for groups with "
                                        "vrrp.priority; here an interface is required: leave the "
                                        "weight out",
                                        g->track[i].iface);
        }
        for (unsigned i = 0; i < g->n_checks; i++) {
                config_setting_t *checks = conf_tree_raw(section, "checks");
                config_setting_t *check = conf_tree_raw(checks, g->checks[i].name);

                if (g->checks[i].weight)
                        conf_tree_error(&b->tree, conf_tree_raw(check, "weight"),
                                        "'weight' is for groups with vrrp.priority; here a check "
                                        "is required: remove the line");
        }
}

int conf_group_read(struct conf_build *b, config_setting_t *section, struct conf_group *g)
{
        int r;

        strcpy(g->name, config_setting_name(section));
        g->id = conf_group_id(g->name);
        g->accept = conf_tree_boolean(section, GROUP, "accept");
        read_interface(b, section, g);
        read_home(b, section, g);
        read_tracks(b, section, g);
        read_announce(section, &g->announce);
        refuse_virtual_mac(b, section);
        r = read_vips(b, section, g);
        if (r == 0)
                r = conf_checks_read(b, section, g);
        if (r == 0)
                r = conf_hooks_read(b, section, g);
        if (r < 0)
                return r;
        conf_vrrp_read(b, section, g);
        if (!g->foreign && !conf_tree_raw(conf_tree_raw(section, "vrrp"), "priority"))
                refuse_weights(b, section, g);
        return 0;
}
