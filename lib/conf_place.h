/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIB_CONF_PLACE_H
#define LIB_CONF_PLACE_H
/*
 * Each place of the tree against the table of settings: what it holds is known
 * and available, what it must have is there. The values are conf_check.h's.
 */
#include "lib/conf_tree.h"

/** Goes through the whole tree. Reports what is wrong and marks it bad. */
void conf_place_check(struct conf_tree *t);

/** True if an unknown word in the section probably meant `name`, so that it is not missing. */
bool conf_place_is_meant(const config_setting_t *section, const char *place, const char *name);

#endif
