/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIB_CONF_SETTINGS_H
#define LIB_CONF_SETTINGS_H
/*
 * Looking things up in the one table of settings (struct conf_setting in
 * lib/config.h): what a place knows, and what an unknown word may have meant.
 * Pure.
 */
#include <stddef.h>

#include "lib/config.h"

/** The setting `name` of a place ("groups.NAME.checks.NAME"), or NULL. */
const struct conf_setting *conf_settings_find(const char *place, const char *name);

/** The setting of this place that an unknown word is nearest to, or NULL. */
const struct conf_setting *conf_settings_nearest(const char *place, const char *word);

/** Room for the advice of conf_settings_advise(). */
#define CONF_ADVICE_MAX 256

/** What to do about a word its place does not know: "; did you mean 'x'?", or "". @return buf */
const char *conf_settings_advise(const char *place, const char *word,
                                 char buf[static CONF_ADVICE_MAX]);

/** "; did you mean 'x'?" for a value that must be one of `choices` (ends with NULL), or "". */
const char *conf_choices_advise(const char *const *choices, const char *word,
                                char buf[static CONF_ADVICE_MAX]);

/** Index of `word` among the choices, or -1. */
int conf_choices_find(const char *const *choices, const char *word);

#endif
