/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIB_LOG_WRITER_H
#define LIB_LOG_WRITER_H
/*
 * Between the callers and the sink: a bounded queue and the thread that works
 * it off. Also holds log_start_writer(), log_stop_writer(), log_append(),
 * log_close() and log_dropped() of lib/log.h.
 */
#include "lib/log_sink.h"

/** With the NUL; a longer message is cut. */
#define LOG_MESSAGE_MAX 1024

/** Queue the line, or write it at once while there is no thread. Never fails: what is lost is
 * counted. */
void log_writer_line(const struct log_line *line);

#endif
