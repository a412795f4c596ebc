/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One client of a control socket. A turn of the loop reads once and runs one
 * request, so that no client can hold up what else the loop has to do; while
 * many bytes wait for a client that does not read, its requests wait too.
 */
#include "lib/ctl_server.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/ctl_json.h"

#define CONN_READ (16 * 1024)
#define CONN_OUTPUT_PAUSE (256 * 1024) /* no further request is read while more waits */

/** Unusable: wakes our handler with EPOLLHUP, which closes it. */
static void ctl_conn_break(struct ctl_conn *c)
{
        if (c->broken || c->fd < 0)
                return;
        c->broken = true;
        shutdown(c->fd, SHUT_RDWR);
}

static bool ctl_conn_paused(const struct ctl_conn *c)
{
        return ctl_queue_waiting(&c->out) > CONN_OUTPUT_PAUSE;
}

static bool ctl_conn_has_line(struct ctl_conn *c)
{
        return ctl_line_ready(&c->in) || (c->ended && ctl_line_pending(&c->in));
}

/** Everything was asked, answered and sent. */
static bool ctl_conn_is_over(const struct ctl_conn *c)
{
        return (c->ended || c->ending) && !c->requests && ctl_queue_waiting(&c->out) == 0;
}

/** Wait for what can be used now. */
static void ctl_conn_arm(struct ctl_conn *c)
{
        bool line = !c->ending && !ctl_conn_paused(c) && ctl_conn_has_line(c);
        uint32_t events = 0;

        if (!c->ended && !c->ending && !ctl_conn_paused(c) && !line)
                events |= EPOLLIN;
        if (ctl_queue_waiting(&c->out) > 0)
                events |= EPOLLOUT;
        if (sd_event_source_set_io_events(c->io, events) < 0 ||
            sd_event_source_set_enabled(c->more, line || ctl_conn_is_over(c) ? SD_EVENT_ON
                                                                             : SD_EVENT_OFF) < 0)
                ctl_conn_break(c);
}

/** Send what the queue took, or give the connection up. @param r of queueing */
static int ctl_conn_queued(struct ctl_conn *c, int r)
{
        if (r == 0)
                r = ctl_queue_send(&c->out, c->fd);
        if (r < 0) {
                ctl_conn_break(c);
                return -EPIPE;
        }
        ctl_conn_arm(c);
        return 0;
}

int ctl_conn_put(struct ctl_conn *c, json_t *line)
{
        int r = line ? 0 : -ENOMEM;

        if (c->fd < 0 || c->broken)
                r = -EPIPE;
        if (r == 0)
                r = ctl_queue_add(&c->out, line);
        json_decref(line);
        return ctl_conn_queued(c, r);
}

int ctl_conn_put_text(struct ctl_conn *c, const char *line, size_t len)
{
        int r = line ? 0 : -ENOMEM;

        if (c->fd < 0 || c->broken)
                r = -EPIPE;
        if (r == 0)
                r = ctl_queue_add_text(&c->out, line, len);
        return ctl_conn_queued(c, r);
}

void ctl_conn_release(struct ctl_conn *c)
{
        if (c->fd >= 0 || c->requests || c->pins > 0)
                return;
        ctl_line_clear(&c->in);
        ctl_queue_clear(&c->out);
        free(c);
}

/** Answering from within `gone` is allowed, so start over after each. */
static void ctl_conn_tell_gone(struct ctl_conn *c)
{
        struct ctl_request *req = c->requests;
        void (*gone)(struct ctl_request *, void *);

        while (req) {
                gone = req->gone;
                req->gone = NULL;
                if (gone) {
                        gone(req, req->gone_arg);
                        req = c->requests;
                } else {
                        req = req->next;
                }
        }
}

void ctl_conn_close(struct ctl_conn *c)
{
        if (c->fd < 0)
                return;
        c->pins++;
        c->io = sd_event_source_disable_unref(c->io);
        c->more = sd_event_source_disable_unref(c->more);
        close(c->fd);
        c->fd = -1;
        *c->prev = c->next;
        if (c->next)
                c->next->prev = c->prev;
        c->server->n_conns--;
        c->server = NULL;
        ctl_conn_tell_gone(c);
        c->pins--;
        ctl_conn_release(c);
}

/** @return 0 or -errno: the connection is over */
static int ctl_conn_read(struct ctl_conn *c)
{
        char *at;
        ssize_t n;
        int room = ctl_line_reserve(&c->in, CONN_READ, &at);

        if (room < 0)
                return room;
        n = recv(c->fd, at, (size_t)room, MSG_DONTWAIT);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        if (n == 0)
                c->ended = true;
        else
                ctl_line_commit(&c->in, (size_t)n);
        return 0;
}

/** Run one waiting request. @return false if none waits */
static bool ctl_conn_run(struct ctl_conn *c)
{
        size_t len;
        char *line;

        if (c->ending || ctl_conn_paused(c))
                return false;
        line = ctl_line_next(&c->in, &len);
        if (!line && c->ended)
                line = ctl_line_rest(&c->in, &len);
        if (!line)
                return false;
        if (len > 0)
                ctl_request_dispatch(c, line, len);
        return true;
}

static void ctl_conn_too_long(struct ctl_conn *c)
{
        c->server->stats.malformed++;
        c->ending = true;
        ctl_conn_put(c, ctl_json_answer_make(NULL, CTL_USAGE, "request line is too long", NULL));
}

/** At most one read, one request, and what the socket takes. `hung_up`: it reads no more. */
static void ctl_conn_turn(struct ctl_conn *c, bool readable, bool hung_up)
{
        int r = ctl_queue_send(&c->out, c->fd);
        bool ran;

        if (r == 0 && readable && !c->ended && !c->ending && !ctl_line_ready(&c->in)) {
                r = ctl_conn_read(c);
                if (r == -EMSGSIZE) {
                        ctl_conn_too_long(c);
                        r = 0;
                }
        }
        if (r < 0 || c->broken) {
                ctl_conn_close(c);
                return;
        }
        ran = ctl_conn_run(c);
        if (c->fd < 0) /* a verb freed the server */
                return;
        if (c->broken || (!ran && hung_up && (c->ended || c->ending)) ||
            (!ran && ctl_conn_is_over(c)))
                ctl_conn_close(c);
        else
                ctl_conn_arm(c);
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *arg)
{
        struct ctl_conn *c = arg;

        c->pins++;
        ctl_conn_turn(c, events & (EPOLLIN | EPOLLHUP), events & (EPOLLHUP | EPOLLERR));
        c->pins--;
        ctl_conn_release(c);
        return 0;
}

static int on_more(sd_event_source *source, void *arg)
{
        struct ctl_conn *c = arg;

        c->pins++;
        ctl_conn_turn(c, false, false);
        c->pins--;
        ctl_conn_release(c);
        return 0;
}

static int ctl_conn_watch(struct ctl_conn *c)
{
        struct ctl_server *s = c->server;
        int r;

        r = sd_event_add_io(s->loop, &c->io, c->fd, EPOLLIN, on_io, c);
        if (r < 0)
                return r;
        r = sd_event_source_set_priority(c->io, s->options.priority);
        if (r < 0)
                return r;
        r = sd_event_add_defer(s->loop, &c->more, on_more, c);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(c->more, SD_EVENT_OFF);
        if (r < 0)
                return r;
        return sd_event_source_set_priority(c->more, s->options.priority);
}

int ctl_conn_new(struct ctl_server *s, int fd, uid_t uid)
{
        struct ctl_conn *c = calloc(1, sizeof(*c));
        int r;

        if (!c) {
                close(fd);
                return -ENOMEM;
        }
        c->server = s;
        c->fd = fd;
        c->uid = uid;
        c->in = ctl_line_make(CTL_LINE_MAX);
        c->out = ctl_queue_make(CTL_OUTPUT_MAX);
        c->prev = &s->conns;
        c->next = s->conns;
        if (c->next)
                c->next->prev = &c->next;
        s->conns = c;
        s->n_conns++;

        r = ctl_conn_watch(c);
        if (r < 0)
                ctl_conn_close(c);
        return r < 0 ? r : 0;
}
