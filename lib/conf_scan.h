/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIB_CONF_SCAN_H
#define LIB_CONF_SCAN_H
/*
 * The grammar of libconfig, walked once before libconfig reads the text: for
 * syntax errors that say what is missing and where, and for the true line of
 * every setting and element (libconfig gives a string the line of what follows
 * it). */
#include <stddef.h>

#include "lib/conf_source.h"

#define CONF_NESTING_MAX 16
#define CONF_MEMBERS_MAX                                                                           \
        1024 /* settings between two braces; libconfig's time grows with the square */

/** One setting or element, in the order of the text, which is libconfig's tree in pre-order. */
struct conf_mark {
        unsigned line;    /* of the source's text */
        unsigned parent;  /* index + 1; 0: the whole text */
        const char *name; /* NULL: an element; not terminated */
        size_t name_len;
};

struct conf_scan {
        struct conf_mark *marks;
        size_t n;

        /* set by a failed scan */
        unsigned bad_line;
        char why[240];
};

/** @return 0; -EINVAL with bad_line and why set; -ENOMEM. The source must outlive the marks. */
int conf_scan_source(struct conf_scan *s, const struct conf_source *source);

void conf_scan_clear(struct conf_scan *s);

#endif
