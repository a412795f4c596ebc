/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIB_LOG_H
#define LIB_LOG_H
/*
 * Few lines, each saying what happened and what happens next. To the journal
 * with fields when stderr is the journal, else to stderr as text. Once
 * log_start_writer() was called, a thread of its own does the writing, so that
 * a slow disk or journal never holds up the caller: the queue is bounded, and
 * what did not fit is counted and said in one line.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <syslog.h>

#include "lib/mono.h"

/** Who a line is about; each may be NULL. Become the journal fields VIP_GROUP, VIP_PEER, VIP_IFACE,
 *  VIP_CAUSE. The line itself begins with "GROUP: "; what else it needs of them it says in words. */
struct log_about {
        const char *group;
        const char *peer;
        const char *iface;
        const char *cause;
};

/** One slot for a kind of line that a peer can cause at will: at most one a minute. */
struct log_limit {
        mono_t next;       /* not before this */
        uint64_t withheld; /* since the last line */
};

/** @param program shown in front of each line; kept. Level: LOG_ERR … LOG_DEBUG. */
void log_init(const char *program, int level);

void log_set_level(int level);

/** "error", "warning", "notice", "info", "debug". @return LOG_x or -EINVAL */
int log_level_from_name(const char *name);

/** From here on a thread writes (without real-time priority; signals blocked). Not after a fork.
 *  @return 0 or -errno (then lines stay synchronous) */
int log_start_writer(void);

/** Write out what is queued and stop the thread. If the reader does not read, gives up after 2 s:
 *  what is queued is counted as dropped, and so is every later line. */
void log_stop_writer(void);

/**
 * Hand bytes to the same writer thread, to append to `fd` (the timeline on a
 * disk that may be slow or full). Without a thread it is written at once.
 * A record that fails half-way is taken back out of the file. `fd` must stay open until
 * log_close() or log_stop_writer(), and be opened with O_APPEND if others write there too.
 * @param len at most LOG_APPEND_MAX
 * @return 0; -ENOBUFS when the queue is full (dropped and counted); -EMSGSIZE
 */
int log_append(int fd, const void *bytes, size_t len);
#define LOG_APPEND_MAX (64 * 1024)

/** Close `fd` after everything that was appended to it. @return 0, or -ENOBUFS: try again later */
int log_close(int fd);

/** Lines and appends that were dropped because the queue was full, or failed to be written. */
uint64_t log_dropped(void);

__attribute__((format(printf, 3, 4))) void log_write(int level, const struct log_about *about,
                                                     const char *format, ...);

/** True when a line may be written now; *ret_withheld (may be NULL) says how many were not since
 *  the last. The first passes. */
bool log_limit_pass(struct log_limit *limit, mono_t now, uint64_t *ret_withheld);

#define log_error(...) log_write(LOG_ERR, NULL, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, NULL, __VA_ARGS__)
#define log_notice(...) log_write(LOG_NOTICE, NULL, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, NULL, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, NULL, __VA_ARGS__)

#endif
