/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipctl/table.h"

#include <libsmartcols.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vipctl/vipctl.h"

struct table {
        struct libscols_table *columns;
        struct libscols_line *line;
        size_t next; /* cell */
};

static void out_of_memory(void)
{
        complain("out of memory");
        exit(CTL_FAILED);
}

/* May colour be used on stdout? */
static bool table_colours(void)
{
        const char *no = getenv("NO_COLOR");
        const char *terminal = getenv("TERM");

        return isatty(STDOUT_FILENO) && !(no && *no) && terminal && *terminal &&
               strcmp(terminal, "dumb") != 0;
}

struct table *table_new(const struct table_column *columns, size_t n)
{
        struct table *t = calloc(1, sizeof(*t));

        if (!t || !(t->columns = scols_new_table()))
                out_of_memory();
        scols_table_enable_colors(t->columns, table_colours());
        if (!isatty(STDOUT_FILENO)) /* no line is cut for a pipe or a file */
                scols_table_set_termforce(t->columns, SCOLS_TERMFORCE_NEVER);
        for (size_t i = 0; i < n; i++) {
                int flags = (columns[i].right ? SCOLS_FL_RIGHT : 0) |
                            (columns[i].cut ? SCOLS_FL_TRUNC : 0);

                if (!scols_table_new_column(t->columns, columns[i].name, 0, flags))
                        out_of_memory();
        }
        return t;
}

void table_line(struct table *t)
{
        t->line = scols_table_new_line(t->columns, NULL);
        t->next = 0;
        if (!t->line)
                out_of_memory();
}

void table_cell(struct table *t, const char *text, const char *colour)
{
        if (scols_line_set_data(t->line, t->next, text) < 0)
                out_of_memory();
        if (colour)
                scols_cell_set_color(scols_line_get_cell(t->line, t->next), colour);
        t->next++;
}

void table_end(struct table *t)
{
        scols_print_table(t->columns);
        scols_unref_table(t->columns);
        free(t);
}
