/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/ctl_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define QUEUE_FIRST_SIZE 1024
#define QUEUE_KEEP_SIZE (64 * 1024) /* more than this is given back once it is sent */

struct ctl_queue ctl_queue_make(size_t max)
{
        return (struct ctl_queue){.max = max};
}

void ctl_queue_clear(struct ctl_queue *q)
{
        free(q->bytes);
        *q = ctl_queue_make(q->max);
}

size_t ctl_queue_waiting(const struct ctl_queue *q)
{
        return q->len - q->pos;
}

static int ctl_queue_grow(struct ctl_queue *q, size_t need)
{
        size_t size = q->size ? q->size : QUEUE_FIRST_SIZE;
        char *bytes;

        if (q->pos > 0) {
                memmove(q->bytes, q->bytes + q->pos, q->len - q->pos);
                q->len -= q->pos;
                q->pos = 0;
        }
        while (size < q->len + need)
                size *= 2;
        if (size == q->size)
                return 0;
        bytes = realloc(q->bytes, size);
        if (!bytes)
                return -ENOMEM;
        q->bytes = bytes;
        q->size = size;
        return 0;
}

int ctl_queue_add_text(struct ctl_queue *q, const char *bytes, size_t len)
{
        int r;

        if (len > q->max - ctl_queue_waiting(q))
                return -ENOBUFS;
        if (len > q->size - q->len) {
                r = ctl_queue_grow(q, len);
                if (r < 0)
                        return r;
        }
        memcpy(q->bytes + q->len, bytes, len);
        q->len += len;
        return 0;
}

struct dump {
        struct ctl_queue *queue;
        int error;
};

static int ctl_queue_dump(const char *bytes, size_t len, void *arg)
{
        struct dump *d = arg;

        d->error = ctl_queue_add_text(d->queue, bytes, len);
        return d->error;
}

int ctl_queue_add(struct ctl_queue *q, const json_t *object)
{
        struct dump d = {.queue = q};
        size_t before = ctl_queue_waiting(q);

        if (json_dump_callback(object, ctl_queue_dump, &d, JSON_COMPACT) < 0 && d.error == 0)
                d.error = -ENOMEM;
        if (d.error == 0)
                d.error = ctl_queue_add_text(q, "\n", 1);
        if (d.error < 0)
                q->len = q->pos + before;
        return d.error;
}

int ctl_queue_send(struct ctl_queue *q, int fd)
{
        ssize_t n;

        while (ctl_queue_waiting(q) > 0) {
                n = send(fd, q->bytes + q->pos, ctl_queue_waiting(q), MSG_DONTWAIT | MSG_NOSIGNAL);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return errno == EAGAIN ? 0 : -errno;
                q->pos += (size_t)n;
        }
        if (q->size > QUEUE_KEEP_SIZE)
                ctl_queue_clear(q);
        q->pos = q->len = 0;
        return 0;
}
