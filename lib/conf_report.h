/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIB_CONF_REPORT_H
#define LIB_CONF_REPORT_H
/*
 * What a load found wrong, while it is found: in any order, ordered by place
 * in the text when it is handed out. Running out of memory is remembered.
 */
#include <stdbool.h>

#include "lib/config.h"

/** Findings that are kept before sorting; those beyond are only counted. */
#define CONF_FINDINGS_MAX 500

struct conf_finding {
        unsigned order; /* where in the text, for sorting */
        char *text;
};

struct conf_report {
        struct conf_finding errors[CONF_FINDINGS_MAX], warnings[CONF_FINDINGS_MAX];
        unsigned n_errors, n_warnings; /* found */
        bool out_of_memory;
};

enum conf_severity { CONF_ERROR, CONF_WARNING };

/** @param line 0: about the whole file */
__attribute__((format(printf, 6, 7))) void conf_report_add(struct conf_report *r,
                                                           enum conf_severity severity,
                                                           unsigned order, const char *file,
                                                           unsigned line, const char *format, ...);

/** Sort, hand the texts over to `errors`, and empty the report. */
void conf_report_finish(struct conf_report *r, struct conf_errors *errors);

#endif
