/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIB_LOG_SINK_H
#define LIB_LOG_SINK_H
/*
 * Where lines end up: the journal with fields if stderr is connected to it
 * ($JOURNAL_STREAM names the very socket), else stderr as text. May block as
 * long as the disk or the reader does; lib/log.h decides who waits.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/log.h"

struct log_line {
        int level;
        int64_t wall_us; /* when it was said */
        const char *message;
        struct log_about about;
};

/** Look where stderr leads. @param program shown in front of each line; kept */
void log_sink_init(const char *program);

/** True when lines go to the journal. */
bool log_sink_is_journal(void);

/** @return 0 or -errno; the line is lost then */
int log_sink_line(const struct log_line *line);

/** Write all of it, or leave the file as it was. @return 0 or -errno */
int log_sink_append(int fd, const void *bytes, size_t len);

#endif
