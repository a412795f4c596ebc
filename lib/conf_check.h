/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIB_CONF_CHECK_H
#define LIB_CONF_CHECK_H
/* Each setting on its own against the table: known, available, of the right type and in range. */
#include "lib/conf_tree.h"

/** Reports what is wrong and marks it bad. */
void conf_check_tree(struct conf_tree *t);

/** True if an unknown word in the section probably meant `name`, so that it is not missing. */
bool conf_check_is_meant(const config_setting_t *section, const char *place, const char *name);

#endif
