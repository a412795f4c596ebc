/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIB_CONF_CHECK_H
#define LIB_CONF_CHECK_H
/* One setting's value against its row in the table: type, range, form. */
#include "lib/conf_settings.h"
#include "lib/conf_tree.h"

/** Reports what is wrong with a value and marks it bad. Sections are conf_place.h's. */
void conf_check_value(struct conf_tree *t, const struct conf_setting *known, config_setting_t *s);

/** False, and reported, if the setting is not of libconfig's type; `example` says what is wanted.
 */
bool conf_check_wants(struct conf_tree *t, config_setting_t *s, int type, const char *example);

/** Report and mark bad; an element of a list goes by its list's name, which becomes bad, too. */
void conf_check_refuse(struct conf_tree *t, config_setting_t *s, const char *why);

void conf_check_mark_bad(config_setting_t *s);

#endif
