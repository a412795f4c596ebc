/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIB_CONF_TREE_H
#define LIB_CONF_TREE_H
/*
 * libconfig's tree of one configuration, checked setting by setting against
 * the table of settings; and reading out of it. What was found bad is marked
 * and then reads like a setting that is not there, so that one mistake is
 * reported once. How settings fit together is config.c's matter.
 */
#include <libconfig.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/conf_report.h"
#include "lib/conf_source.h"
#include "lib/conf_value.h"

struct conf_tree {
        config_t parsed;
        struct conf_source source;
        struct conf_report *report;
};

/** Parse the source that is in the tree and check it. @return 0, -EINVAL: nothing to read, -ENOMEM
 */
int conf_tree_parse(struct conf_tree *t);

void conf_tree_clear(struct conf_tree *t);

/** Report something about a setting; NULL: about the whole file. */
__attribute__((format(printf, 4, 5))) void conf_tree_say(struct conf_tree *t,
                                                         enum conf_severity severity,
                                                         const config_setting_t *about,
                                                         const char *format, ...);
#define conf_tree_error(t, about, ...) conf_tree_say(t, CONF_ERROR, about, __VA_ARGS__)
#define conf_tree_warning(t, about, ...) conf_tree_say(t, CONF_WARNING, about, __VA_ARGS__)

/** "line 7" or "FILE line 7", for a message about `from` that speaks of `about`. @return buf */
#define CONF_PLACE_MAX 160
const char *conf_tree_line(const struct conf_tree *t, const config_setting_t *about,
                           const config_setting_t *from, char buf[static CONF_PLACE_MAX]);

/* --- reading; a `section` may be NULL and then holds nothing -------------------- */

/** The setting as written, good or bad, or NULL. */
config_setting_t *conf_tree_raw(const config_setting_t *section, const char *name);

/** The setting if it is there and good, or NULL. */
config_setting_t *conf_tree_get(const config_setting_t *section, const char *name);

/** True if it is there and was reported. */
bool conf_tree_is_bad(const config_setting_t *setting);

/** A value, or the table's default, or (no default) NULL, 0, false. */
const char *conf_tree_text(const config_setting_t *section, const char *place, const char *name);
int64_t conf_tree_time(const config_setting_t *section, const char *place, const char *name);
int conf_tree_integer(const config_setting_t *section, const char *place, const char *name);
bool conf_tree_boolean(const config_setting_t *section, const char *place, const char *name);

/** Elements of a list; a single value counts as a list of one; NULL has none. */
unsigned conf_tree_length(const config_setting_t *list);
config_setting_t *conf_tree_element(config_setting_t *list, unsigned i);

/** Text of an element, or NULL if that was found bad. */
const char *conf_tree_element_text(config_setting_t *list, unsigned i);

#endif
