/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIB_CTL_QUEUE_H
#define LIB_CTL_QUEUE_H
/* Bytes that wait until a socket takes them, with a limit. */
#include <jansson.h>
#include <stddef.h>

struct ctl_queue {
        char *bytes; /* heap */
        size_t size; /* allocated */
        size_t pos;  /* already sent */
        size_t len;  /* end of what was added */
        size_t max;  /* most bytes that may wait */
};

struct ctl_queue ctl_queue_make(size_t max);

void ctl_queue_clear(struct ctl_queue *q);

/** Bytes not sent yet. */
size_t ctl_queue_waiting(const struct ctl_queue *q);

/** Add an object as one line, or nothing. Borrowed. @return 0; -ENOBUFS over the limit; -ENOMEM */
int ctl_queue_add(struct ctl_queue *q, const json_t *object);

/** Add bytes that are lines already, or none of them. @return as above */
int ctl_queue_add_text(struct ctl_queue *q, const char *bytes, size_t len);

/**
 * Send what the socket takes now; never blocks, no SIGPIPE.
 * @return 0 (bytes may still wait), or -errno: the connection is of no more use
 */
int ctl_queue_send(struct ctl_queue *q, int fd);

#endif
