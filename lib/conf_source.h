/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIB_CONF_SOURCE_H
#define LIB_CONF_SOURCE_H
/*
 * The text of a configuration: one file with everything it includes put in
 * place, and for each line of the whole the file and line it came from.
 * Including is done here and not by libconfig, which takes paths only relative
 * to one folder, lets brackets span files and says nothing useful on failure.
 */
#include <stddef.h>

#include "lib/conf_report.h"

#define CONF_TEXT_MAX (4 << 20) /* bytes, with all included files */
#define CONF_FILES_MAX 256
#define CONF_INCLUDE_DEPTH 10

/** From line `first` of the text on, lines are those of `file` from `line` on. */
struct conf_span {
        unsigned first, file, line;
};

struct conf_source {
        char *text; /* NUL-terminated */
        size_t len;
        unsigned lines; /* in text so far, from 1 */
        char *files[CONF_FILES_MAX];
        unsigned n_files;
        struct conf_span *spans;
        unsigned n_spans;
};

/**
 * Read a file and what it includes; `@include "x"` is relative to the folder
 * of the file that says so. Fills `report` and returns -EINVAL when something
 * cannot be read or is not text; -ENOMEM.
 */
int conf_source_read(struct conf_source *s, const char *path, struct conf_report *report);

/** The same for a text in memory that calls itself `path`. */
int conf_source_take(struct conf_source *s, const char *path, const char *text, size_t len,
                     struct conf_report *report);

void conf_source_clear(struct conf_source *s);

/** Where a line of the text came from. */
void conf_source_place(const struct conf_source *s, unsigned line, const char **ret_file,
                       unsigned *ret_line);

#endif
