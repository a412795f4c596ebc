/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The client for daemons: one lasting connection, many requests in flight,
 * matched by id. Every call ends in its callback once: with the answer, or with
 * NULL on a timeout or a lost connection. Callbacks come from the loop only and
 * may do anything, even free the client.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/ctl.h"
#include "lib/ctl_json.h"
#include "lib/ctl_line.h"
#include "lib/ctl_listen.h"
#include "lib/ctl_queue.h"

#define CLIENT_READ (16 * 1024)
#define CLIENT_RETRY_US US_PER_S

struct open_call {
        struct open_call *next;
        json_int_t id;
        mono_t deadline;
        ctl_answer *fn; /* NULL: forgotten */
        void *arg;
};

struct ctl_client {
        sd_event *loop;
        char *path;
        int64_t priority;
        int fd; /* -1: not connected */
        sd_event_source *io;
        sd_event_source *timer;
        struct ctl_line in;
        struct ctl_queue out;
        mono_t next_try;
        json_int_t last_id;
        struct open_call *calls; /* oldest first */
        struct open_call **last;
        unsigned n_calls;
        unsigned pins; /* event handlers at work */
        bool freed;
};

/** Take a call off the list and run its callback. */
static void client_end(struct ctl_client *c, struct open_call **at, const json_t *answer)
{
        struct open_call *call = *at;
        ctl_answer *fn = call->fn;
        void *arg = call->arg;

        *at = call->next;
        if (!*at)
                c->last = at;
        c->n_calls--;
        free(call);
        if (fn)
                fn(answer, arg);
}

static void client_disconnect(struct ctl_client *c)
{
        c->io = sd_event_source_disable_unref(c->io);
        if (c->fd >= 0)
                close(c->fd);
        c->fd = -1;
        ctl_line_clear(&c->in);
        ctl_queue_clear(&c->out);
        c->next_try = mono_add_us(clock_now(), CLIENT_RETRY_US);
}

/** Only the calls that are open now: a callback may begin new ones on a new connection. */
static void client_lose(struct ctl_client *c)
{
        json_int_t last_id = c->last_id;

        client_disconnect(c);
        while (c->calls && c->calls->id <= last_id)
                client_end(c, &c->calls, NULL);
}

static void client_arm(struct ctl_client *c)
{
        mono_t next = MONO_NEVER;

        for (const struct open_call *call = c->calls; call; call = call->next)
                next = mono_min(next, call->deadline);
        if (mono_is_never(next)) {
                sd_event_source_set_enabled(c->timer, SD_EVENT_OFF);
                return;
        }
        sd_event_source_set_time(c->timer, next.us > 0 ? (uint64_t)next.us : 0);
        sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT);
}

static void client_destroy(struct ctl_client *c)
{
        sd_event_source_disable_unref(c->timer);
        sd_event_unref(c->loop);
        free(c->path);
        free(c);
}

/** After an event handler: what callbacks have left to do. */
static void client_unpin(struct ctl_client *c)
{
        if (--c->pins > 0)
                return;
        if (c->freed)
                client_destroy(c);
        else
                client_arm(c);
}

static void client_line(struct ctl_client *c, const char *line, size_t len)
{
        char error[CTL_ERROR_MAX];
        json_t *message = ctl_json_parse(line, len, error);
        json_int_t id = json_integer_value(json_object_get(message, "id"));
        struct open_call **at = &c->calls;

        if (json_is_integer(json_object_get(message, "exit"))) {
                while (*at && (*at)->id != id)
                        at = &(*at)->next;
                if (*at) /* else it has timed out */
                        client_end(c, at, message);
        }
        json_decref(message);
}

static int client_read(struct ctl_client *c)
{
        char *at;
        ssize_t n;
        int r = ctl_line_reserve(&c->in, CLIENT_READ, &at);

        if (r < 0)
                return r;
        n = recv(c->fd, at, (size_t)r, MSG_DONTWAIT);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        if (n == 0)
                return -ECONNRESET;
        ctl_line_commit(&c->in, (size_t)n);
        return 0;
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *arg)
{
        struct ctl_client *c = arg;
        size_t len;
        char *line;
        int r;

        c->pins++;
        r = ctl_queue_send(&c->out, fd);
        if (ctl_queue_waiting(&c->out) == 0)
                sd_event_source_set_io_events(c->io, EPOLLIN);
        if (events & ~(uint32_t)EPOLLOUT)
                r = client_read(c);
        while (c->fd == fd && c->io == source && (line = ctl_line_next(&c->in, &len)))
                client_line(c, line, len);
        if (r < 0 && c->io == source)
                client_lose(c);
        client_unpin(c);
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *arg)
{
        struct ctl_client *c = arg;
        mono_t now = clock_now();
        struct open_call **at = &c->calls;

        c->pins++;
        while (*at) {
                if (!mono_reached((*at)->deadline, now)) {
                        at = &(*at)->next;
                        continue;
                }
                client_end(c, at, NULL);
                at = &c->calls; /* the callback may have changed the list */
        }
        client_unpin(c);
        return 0;
}

static int client_connect(struct ctl_client *c)
{
        mono_t now = clock_now();
        int r;

        if (mono_before(now, c->next_try))
                return -ENOTCONN;
        c->next_try = mono_add_us(now, CLIENT_RETRY_US);
        c->fd = ctl_connect(c->path);
        if (c->fd < 0) {
                c->fd = -1;
                return -ENOTCONN;
        }
        r = sd_event_add_io(c->loop, &c->io, c->fd, EPOLLIN, on_io, c);
        if (r >= 0)
                r = sd_event_source_set_priority(c->io, c->priority);
        if (r < 0) {
                client_disconnect(c);
                return -ENOTCONN;
        }
        return 0;
}

static int client_put(struct ctl_client *c, json_t *request)
{
        int r = ctl_queue_add(&c->out, request);

        if (r < 0)
                return -EBUSY;
        /* A lost connection is for on_io() to find, since callbacks never run in here. */
        if (ctl_queue_send(&c->out, c->fd) < 0)
                shutdown(c->fd, SHUT_RDWR);
        else if (ctl_queue_waiting(&c->out) > 0)
                sd_event_source_set_io_events(c->io, EPOLLIN | EPOLLOUT);
        return 0;
}

int ctl_client_call(struct ctl_client *c, const char *verb, json_t *args, int64_t timeout_us,
                    ctl_answer *fn, void *arg)
{
        struct open_call *call = NULL;
        json_t *request = ctl_json_request_make(verb, c->last_id + 1, args);
        int r = 0;

        if (c->freed || c->n_calls >= CTL_REQUESTS_MAX)
                r = -EBUSY;
        else if (!request || !(call = calloc(1, sizeof(*call))))
                r = -ENOMEM;
        else if (c->fd < 0)
                r = client_connect(c);
        if (r == 0)
                r = client_put(c, request);
        json_decref(request);
        if (r < 0) {
                free(call);
                return r;
        }

        call->id = ++c->last_id;
        call->deadline = timeout_us < 0 ? MONO_NEVER : mono_add_us(clock_now(), timeout_us);
        call->fn = fn;
        call->arg = arg;
        *c->last = call;
        c->last = &call->next;
        c->n_calls++;
        if (c->pins == 0)
                client_arm(c);
        return 0;
}

void ctl_client_forget(struct ctl_client *c, void *arg)
{
        for (struct open_call *call = c->calls; call; call = call->next)
                if (call->arg == arg)
                        call->fn = NULL;
}

int ctl_client_new(struct ctl_client **ret, sd_event *loop, const char *path, int64_t priority)
{
        struct ctl_client *c = calloc(1, sizeof(*c));
        int r;

        if (!c)
                return -ENOMEM;
        c->loop = sd_event_ref(loop);
        c->priority = priority;
        c->fd = -1;
        c->in = ctl_line_make(CTL_LINE_MAX);
        c->out = ctl_queue_make(CTL_LINE_MAX);
        c->last = &c->calls;
        c->path = strdup(path);
        r = c->path ? sd_event_add_time(loop, &c->timer, CLOCK_MONOTONIC, 0, 1, on_timer, c)
                    : -ENOMEM;
        if (r >= 0)
                r = sd_event_source_set_enabled(c->timer, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_priority(c->timer, priority);
        if (r < 0) {
                ctl_client_free(c);
                return r;
        }
        *ret = c;
        return 0;
}

struct ctl_client *ctl_client_free(struct ctl_client *c)
{
        if (!c || c->freed)
                return NULL;
        c->pins++;
        c->freed = true;
        client_lose(c);
        client_unpin(c);
        return NULL;
}
