/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIB_CONF_BUILD_H
#define LIB_CONF_BUILD_H
/*
 * From a checked tree to a struct config: conf_group.c reads each group and
 * what its settings say about each other, conf_cross.c compares groups and
 * nodes. Everything goes on after an error, to find them all; the result is
 * thrown away then.
 */
#include "lib/conf_tree.h"

/** A virtual address with where it was written. */
struct conf_vip_at {
        const struct conf_vip *vip;
        const config_setting_t *at;
        unsigned group;
};

struct conf_build {
        struct conf_tree tree;
        struct config *config;
        const config_setting_t *node_at[CONF_NODES_MAX]; /* parallel to config->nodes */
        const config_setting_t **group_at;               /* parallel to config->groups */
        struct conf_vip_at *vips;                        /* of all groups, in file order */
        unsigned n_vips;
        unsigned n_checks, n_hooks;
        bool here; /* look at this host, too */
};

/** Hashes that name nodes and groups on the wire: FNV-1a, never 0. */
uint16_t conf_node_id(const char *name);
uint32_t conf_group_id(const char *name);

/** Fill g from its section. @return 0 or -ENOMEM; what is wrong is reported */
int conf_group_read(struct conf_build *b, config_setting_t *section, struct conf_group *g);

/** Checks and hooks of a group, as conf_group_read(). */
int conf_checks_read(struct conf_build *b, config_setting_t *section, struct conf_group *g);
int conf_hooks_read(struct conf_build *b, config_setting_t *section, struct conf_group *g);

/** The section vrrp, after the rest of the group is known. */
void conf_vrrp_read(struct conf_build *b, config_setting_t *section, struct conf_group *g);

/** Warn of interfaces that this host does not have. */
void conf_here_check(struct conf_build *b);

/** What nodes and groups must not share. @return 0 or -ENOMEM */
int conf_cross_check(struct conf_build *b);

/** The meaning of a group, or of one check, as text; free() it. NULL: no memory. */
char *conf_group_render(const struct conf_group *g);
char *conf_check_render(const struct conf_check *c);

/** Fill config->digest. @return 0 or -ENOMEM */
int conf_digest(struct config *c);

#endif
