/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPCTL_TABLE_H
#define VIPCTL_TABLE_H
/* Tables on the terminal, by libsmartcols; colour only where it may be. */
#include <stdbool.h>
#include <stddef.h>

struct table;

struct table_column {
        const char *name; /* heading */
        bool right;       /* align */
        bool cut;         /* may be cut to fit the terminal */
};

/** @return never NULL */
struct table *table_new(const struct table_column *columns, size_t n);

/** Begin a line; cells follow from the first column on. */
void table_line(struct table *t);

/** The next cell of the line. Text is copied. `colour`: a name such as "red", or NULL. */
void table_cell(struct table *t, const char *text, const char *colour);

/** Print to stdout and free. */
void table_end(struct table *t);

#endif
