/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/ctl_line.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct ctl_line ctl_line_make(size_t max)
{
        return (struct ctl_line){.max = max};
}

void ctl_line_clear(struct ctl_line *l)
{
        free(l->bytes);
        *l = ctl_line_make(l->max);
}

static void ctl_line_compact(struct ctl_line *l)
{
        if (l->start == 0)
                return;
        if (l->len > l->start)
                memmove(l->bytes, l->bytes + l->start, l->len - l->start);
        l->len -= l->start;
        l->scanned -= l->start;
        l->start = 0;
}

int ctl_line_reserve(struct ctl_line *l, size_t want, char **ret_at)
{
        size_t limit = l->max + 1; /* the newline */
        size_t size;
        char *bytes;

        ctl_line_compact(l);
        if (l->len >= limit)
                return -EMSGSIZE;
        if (want > limit - l->len)
                want = limit - l->len;

        if (l->size < l->len + want + 1) { /* one more for the NUL of ctl_line_rest() */
                size = l->size * 2 > l->len + want + 1 ? l->size * 2 : l->len + want + 1;
                if (size > limit + 1)
                        size = limit + 1;
                bytes = realloc(l->bytes, size);
                if (!bytes)
                        return -ENOMEM;
                l->bytes = bytes;
                l->size = size;
        }
        *ret_at = l->bytes + l->len;
        return (int)want;
}

void ctl_line_commit(struct ctl_line *l, size_t n)
{
        assert(n < l->size - l->len);
        l->len += n;
}

bool ctl_line_ready(struct ctl_line *l)
{
        char *newline;

        if (l->scanned == l->len)
                return false;
        newline = memchr(l->bytes + l->scanned, '\n', l->len - l->scanned);
        l->scanned = newline ? (size_t)(newline - l->bytes) : l->len;
        return newline;
}

bool ctl_line_pending(const struct ctl_line *l)
{
        return l->start < l->len;
}

char *ctl_line_next(struct ctl_line *l, size_t *ret_len)
{
        char *line;

        if (!ctl_line_ready(l))
                return NULL;
        line = l->bytes + l->start;
        *ret_len = l->scanned - l->start;
        line[*ret_len] = '\0';
        l->start = l->scanned = l->scanned + 1;
        return line;
}

char *ctl_line_rest(struct ctl_line *l, size_t *ret_len)
{
        char *line;

        if (l->start == l->len)
                return NULL;
        line = l->bytes + l->start;
        *ret_len = l->len - l->start;
        line[*ret_len] = '\0';
        l->start = l->scanned = l->len;
        return line;
}
