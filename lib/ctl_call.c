/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The blocking client: one connection, one request, one answer. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/ctl.h"
#include "lib/ctl_json.h"
#include "lib/ctl_line.h"
#include "lib/ctl_listen.h"
#include "lib/ctl_queue.h"

#define CALL_READ (64 * 1024)
#define CALL_RETRY_US (10 * US_PER_MS) /* while the listener's backlog is full */

struct call {
        int fd;
        int64_t timeout_us;
        mono_t deadline;
        struct ctl_line in;
        struct ctl_queue out;
        int (*progress)(const json_t *, void *);
        void *arg;
};

static void call_restart(struct call *c)
{
        c->deadline = c->timeout_us < 0 ? MONO_NEVER : mono_add_us(clock_now(), c->timeout_us);
}

/** @return 0, -ETIMEDOUT, -EINTR */
static int call_wait(const struct call *c, short events)
{
        struct pollfd fd = {.fd = c->fd, .events = events};
        mono_t now = clock_now();
        struct timespec left;
        int64_t left_us;
        int r;

        if (mono_reached(c->deadline, now))
                return -ETIMEDOUT;
        left_us = mono_diff_us(c->deadline, now);
        left = (struct timespec){.tv_sec = left_us / US_PER_S,
                                 .tv_nsec = left_us % US_PER_S * 1000};
        r = ppoll(&fd, 1, mono_is_never(c->deadline) ? NULL : &left, NULL);
        if (r < 0)
                return -errno;
        return r == 0 ? -ETIMEDOUT : 0;
}

static int call_connect(struct call *c, const char *path)
{
        const struct timespec retry = {.tv_nsec = CALL_RETRY_US * 1000};

        for (;;) {
                c->fd = ctl_connect(path);
                if (c->fd != -EAGAIN)
                        return c->fd < 0 ? c->fd : 0;
                if (mono_reached(c->deadline, clock_now()))
                        return -ETIMEDOUT;
                if (nanosleep(&retry, NULL) < 0)
                        return -errno;
        }
}

static int call_send(struct call *c, json_t *request)
{
        int r = request ? ctl_queue_add(&c->out, request) : -ENOMEM;

        while (r == 0) {
                r = ctl_queue_send(&c->out, c->fd);
                /* It may have answered and hung up already, e.g. that it is not for us. */
                if (r == -EPIPE || r == -ECONNRESET || ctl_queue_waiting(&c->out) == 0)
                        return 0;
                if (r == 0)
                        r = call_wait(c, POLLOUT);
        }
        return r;
}

static int call_read(struct call *c)
{
        char *at;
        ssize_t n;
        int r = call_wait(c, POLLIN);

        if (r < 0)
                return r;
        r = ctl_line_reserve(&c->in, CALL_READ, &at);
        if (r < 0)
                return r == -EMSGSIZE ? -EPROTO : r;
        n = recv(c->fd, at, (size_t)r, MSG_DONTWAIT);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        if (n == 0)
                return -ECONNRESET;
        ctl_line_commit(&c->in, (size_t)n);
        return 0;
}

/** @return 1 with the answer, 0 to go on, -errno */
static int call_line(struct call *c, const char *line, size_t len, json_t **ret)
{
        char error[CTL_ERROR_MAX];
        json_t *message = ctl_json_parse(line, len, error);
        const json_t *progress = json_object_get(message, "progress");
        int r = 0;

        if (json_is_integer(json_object_get(message, "exit"))) {
                *ret = message;
                return 1;
        }
        if (!json_is_object(progress))
                r = -EPROTO;
        else if (c->progress && c->progress(progress, c->arg) != 0)
                r = -ECANCELED;
        json_decref(message);
        call_restart(c);
        return r;
}

static int call_run(struct call *c, json_t **ret)
{
        size_t len;
        char *line;
        int r = 0;

        while (r == 0) {
                line = ctl_line_next(&c->in, &len);
                r = line ? call_line(c, line, len, ret) : call_read(c);
        }
        return r < 0 ? r : 0;
}

int ctl_call(const char *path, const char *verb, json_t *args, int64_t timeout_us,
             int (*progress)(const json_t *, void *), void *arg, json_t **ret)
{
        struct call c = {
                .fd = -1,
                .timeout_us = timeout_us,
                .in = ctl_line_make(CTL_OUTPUT_MAX),
                .out = ctl_queue_make(CTL_LINE_MAX),
                .progress = progress,
                .arg = arg,
        };
        json_t *request = ctl_json_request_make(verb, 1, args);
        int r;

        call_restart(&c);
        r = call_connect(&c, path);
        if (r == 0)
                r = call_send(&c, request);
        if (r == 0)
                r = call_run(&c, ret);
        json_decref(request);
        if (c.fd >= 0)
                close(c.fd);
        ctl_line_clear(&c.in);
        ctl_queue_clear(&c.out);
        return r;
}
