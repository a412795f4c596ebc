/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/conf_build.h"

static uint32_t fnv1a_32(const char *text)
{
        uint32_t hash = 2166136261u;

        for (; *text; text++)
                hash = (hash ^ (uint8_t)*text) * 16777619u;
        return hash;
}

uint16_t conf_node_id(const char *name)
{
        uint32_t hash = fnv1a_32(name);
        uint16_t folded = (uint16_t)(hash >> 16 ^ hash);

        return folded ? folded : 1;
}

uint32_t conf_group_id(const char *name)
{
        uint32_t hash = fnv1a_32(name);

        return hash ? hash : 1;
}

/* --- nodes --------------------------------------------------------------------- */

static void compare_nodes(struct conf_build *b, unsigned i, unsigned j)
{
        const struct conf_node *x = &b->config->nodes[i], *y = &b->config->nodes[j];
        char text[IP_ADDR_TEXT];

        if (x->address.family && ip_addr_cmp(&x->address, &y->address) == 0)
                conf_tree_error(&b->tree, conf_tree_raw(b->node_at[j], "address"),
                                "'address': %s is also the address of node '%s'",
                                ip_addr_format(&y->address, text), x->name);
        if (x->id == y->id)
                conf_tree_error(&b->tree, b->node_at[j],
                                "nodes '%s' and '%s' have the same id on the wire (0x%04x, a hash "
                                "of the name); rename one",
                                x->name, y->name, x->id);
}

static void check_nodes(struct conf_build *b)
{
        for (unsigned j = 1; j < b->config->n_nodes; j++) {
                for (unsigned i = 0; i < j; i++)
                        compare_nodes(b, i, j);
        }
}

/* --- groups -------------------------------------------------------------------- */

static void compare_groups(struct conf_build *b, unsigned i, unsigned j)
{
        const struct conf_group *x = &b->config->groups[i], *y = &b->config->groups[j];

        if (x->vrid && x->vrid == y->vrid && x->iface[0] && strcmp(x->iface, y->iface) == 0)
                conf_tree_error(&b->tree, conf_tree_raw(b->group_at[j], "vrid"),
                                "'vrid': %u on %s is already group '%s'; a group may hold IPv4 and "
                                "IPv6 addresses together",
                                y->vrid, y->iface, x->name);
        if (x->id == y->id)
                conf_tree_error(&b->tree, b->group_at[j],
                                "groups '%s' and '%s' have the same id on the wire (0x%08x, a hash "
                                "of the name); rename one",
                                x->name, y->name, x->id);
}

static void check_groups(struct conf_build *b)
{
        for (unsigned j = 1; j < b->config->n_groups; j++) {
                for (unsigned i = 0; i < j; i++)
                        compare_groups(b, i, j);
        }
}

/* --- addresses ------------------------------------------------------------------- */

/** By address; link-local ones are unique per interface only. Then in file order. */
static int vip_order(const void *a, const void *b)
{
        const struct conf_vip_at *x = *(const struct conf_vip_at *const *)a;
        const struct conf_vip_at *y = *(const struct conf_vip_at *const *)b;
        int order = ip_addr_cmp(&x->vip->addr, &y->vip->addr);

        if (order == 0 && x->vip->addr.family == AF_INET6 && ip_addr_is_link_local(&x->vip->addr))
                order = strcmp(x->vip->dev, y->vip->dev);
        if (order == 0)
                order = x < y ? -1 : x > y;
        return order;
}

static bool same_vip(const struct conf_vip *x, const struct conf_vip *y)
{
        return ip_addr_cmp(&x->addr, &y->addr) == 0 &&
               (x->addr.family == AF_INET || !ip_addr_is_link_local(&x->addr) ||
                strcmp(x->dev, y->dev) == 0);
}

static void refuse_double(struct conf_build *b, const struct conf_vip_at *first,
                          const struct conf_vip_at *again)
{
        const char *list = config_setting_name(again->at);
        char text[IP_ADDR_TEXT], place[CONF_PLACE_MAX];

        if (!list)
                list = config_setting_name(config_setting_parent(again->at));
        conf_tree_error(&b->tree, again->at, "'%s': %s is already in groups.%s (%s)", list,
                        ip_addr_format(&again->vip->addr, text),
                        b->config->groups[first->group].name,
                        conf_tree_line(&b->tree, first->at, again->at, place));
}

static int check_vips(struct conf_build *b)
{
        CLEANUP(freep)
        const struct conf_vip_at **sorted = calloc(b->n_vips + 1, sizeof(*sorted));

        if (!sorted)
                return -ENOMEM;
        for (unsigned i = 0; i < b->n_vips; i++)
                sorted[i] = &b->vips[i];
        qsort(sorted, b->n_vips, sizeof(sorted[0]), vip_order);
        for (unsigned i = 1; i < b->n_vips; i++) {
                if (same_vip(sorted[i - 1]->vip, sorted[i]->vip))
                        refuse_double(b, sorted[i - 1], sorted[i]);
        }
        return 0;
}

/** A node's own address cannot move. */
static void check_vips_against_nodes(struct conf_build *b)
{
        for (unsigned i = 0; i < b->n_vips; i++) {
                for (unsigned n = 0; n < b->config->n_nodes; n++) {
                        const struct conf_node *node = &b->config->nodes[n];
                        char text[IP_ADDR_TEXT];

                        if (ip_addr_cmp(&b->vips[i].vip->addr, &node->address) != 0)
                                continue;
                        conf_tree_error(&b->tree, b->vips[i].at,
                                        "%s is the address of node '%s' itself and cannot move",
                                        ip_addr_format(&node->address, text), node->name);
                }
        }
}

int conf_cross_check(struct conf_build *b)
{
        check_nodes(b);
        check_groups(b);
        check_vips_against_nodes(b);
        return check_vips(b);
}
