/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIB_CTL_LINE_H
#define LIB_CTL_LINE_H
/*
 * Bytes of a stream cut into lines, with a limit on the length of a line. What
 * is in the lines is ctl_json.h's matter, who reads the stream the caller's.
 */
#include <stdbool.h>
#include <stddef.h>

struct ctl_line {
        char *bytes;    /* heap, grows up to max + 1 */
        size_t size;    /* allocated */
        size_t start;   /* first byte not yet handed out */
        size_t len;     /* end of what was read */
        size_t scanned; /* no newline in [start, scanned) */
        size_t max;     /* longest line, without its newline */
};

/** @param max longest line in bytes, without its newline */
struct ctl_line ctl_line_make(size_t max);

void ctl_line_clear(struct ctl_line *l);

/**
 * Room to read into, up to `want` bytes. Invalidates the last line handed out.
 * @param ret_at where to put them
 * @return how many fit (at least 1); -EMSGSIZE: a line longer than max has begun; -ENOMEM
 */
int ctl_line_reserve(struct ctl_line *l, size_t want, char **ret_at);

/** `n` bytes were put where reserve said. */
void ctl_line_commit(struct ctl_line *l, size_t n);

/** True if a whole line waits. */
bool ctl_line_ready(struct ctl_line *l);

/** True if any bytes wait, a whole line or not. */
bool ctl_line_pending(const struct ctl_line *l);

/**
 * The next line, without its newline and NUL-terminated; may hold NUL bytes itself.
 * @return NULL if none is complete; valid until the next reserve
 */
char *ctl_line_next(struct ctl_line *l, size_t *ret_len);

/** What is left when the stream ends without a newline counts as a line. */
char *ctl_line_rest(struct ctl_line *l, size_t *ret_len);

#endif
