/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIB_OPTION_ERROR_H
#define LIB_OPTION_ERROR_H
#include <getopt.h>

/**
 * Say on stderr what was wrong with an option, with the nearest known one.
 * For getopt_long() with a short string that begins with ':', so that it is
 * silent itself and tells a missing value (':') from the rest ('?').
 *
 * @param result what getopt_long() returned: '?' or ':'
 * @param known ends with a NULL name
 */
void option_error(const char *program, int result, char *const *argv, const struct option *known);

#endif
