/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <config.h>

#include "lib/conf_place.h"

#include <string.h>

#include "lib/conf_check.h"

/** A place in two forms: for the table "groups.NAME.vrrp", for people "groups.web.vrrp". */
struct place {
        char pattern[96];
        char path[256];
};

static struct place place_in(const struct place *outer, const char *pattern, const char *name)
{
        struct place p;
        const char *dot = *outer->pattern ? "." : "";

        snprintf(p.pattern, sizeof(p.pattern), "%.60s%s%.30s", outer->pattern, dot, pattern);
        snprintf(p.path, sizeof(p.path), "%.180s%s%.60s", outer->path, dot, name);
        return p;
}

static void check_section(struct conf_tree *t, config_setting_t *section,
                          const struct place *place);

static void check_named(struct conf_tree *t, config_setting_t *all, const struct place *place)
{
        int n = config_setting_length(all);

        for (int i = 0; i < n; i++) {
                config_setting_t *member = config_setting_get_elem(all, (unsigned)i);
                struct place inner = place_in(place, "NAME", config_setting_name(member));
                struct conf_why why;

                if (conf_value_name(config_setting_name(member), &why) < 0) {
                        conf_check_refuse(t, member, why.text);
                        continue;
                }
                if (conf_check_wants(t, member, CONFIG_TYPE_GROUP, "a section { }"))
                        check_section(t, member, &inner);
        }
}

static void check_known(struct conf_tree *t, const struct conf_setting *known, config_setting_t *s,
                        const struct place *place)
{
        struct place inner = place_in(place, known->name, known->name);

        if (known->kind == CONF_KIND_SECTION) {
                if (conf_check_wants(t, s, CONFIG_TYPE_GROUP, "a section { }"))
                        check_section(t, s, &inner);
        } else if (known->kind == CONF_KIND_NAMED) {
                if (conf_check_wants(t, s, CONFIG_TYPE_GROUP, "named sections: { NAME = { } }"))
                        check_named(t, s, &inner);
        } else {
                conf_check_value(t, known, s);
        }
}

static void unavailable(struct conf_tree *t, config_setting_t *s, const char *instead)
{
        conf_tree_error(t, s,
                        "'%s' is not available in vipring " PACKAGE_VERSION ": %s; remove the line",
                        config_setting_name(s), instead);
        conf_check_mark_bad(s);
}

static void check_member(struct conf_tree *t, config_setting_t *s, const struct place *place)
{
        const char *name = config_setting_name(s);
        const struct conf_setting *known = conf_settings_find(place->pattern, name);
        char advice[CONF_ADVICE_MAX];

        if (!known) {
                conf_tree_error(t, s, "unknown setting '%s' %s%s%s", name,
                                *place->path ? "in " : "at the top level", place->path,
                                conf_settings_advise(place->pattern, name, advice));
                conf_check_mark_bad(s);
        } else if (!known->available) {
                unavailable(t, s, known->instead);
        } else {
                check_known(t, known, s, place);
        }
}

bool conf_place_is_meant(const config_setting_t *section, const char *place, const char *name)
{
        for (unsigned i = 0; i < conf_tree_length(section); i++) {
                const char *word = config_setting_name(config_setting_get_elem(section, i));
                const struct conf_setting *meant;

                if (conf_settings_find(place, word))
                        continue;
                meant = conf_settings_nearest(place, word);
                if (meant && strcmp(meant->name, name) == 0)
                        return true;
        }
        return false;
}

static void check_required(struct conf_tree *t, config_setting_t *section,
                           const struct place *place)
{
        const struct conf_setting *all;
        size_t n;

        all = config_settings(&n);
        for (size_t i = 0; i < n; i++) {
                if (!all[i].required || strcmp(all[i].place, place->pattern) != 0 ||
                    conf_tree_raw(section, all[i].name) ||
                    conf_place_is_meant(section, place->pattern, all[i].name))
                        continue;
                if (*place->path)
                        conf_tree_error(t, section, "%s has no '%s': %s", place->path, all[i].name,
                                        all[i].help);
                else
                        conf_tree_error(t, NULL, "there is no '%s': %s", all[i].name, all[i].help);
        }
}

static void check_section(struct conf_tree *t, config_setting_t *section, const struct place *place)
{
        int n = config_setting_length(section);

        for (int i = 0; i < n; i++)
                check_member(t, config_setting_get_elem(section, (unsigned)i), place);
        check_required(t, section, place);
}

void conf_place_check(struct conf_tree *t)
{
        struct place top = {"", ""};

        check_section(t, config_root_setting(&t->parsed), &top);
}
