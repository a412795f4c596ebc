/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipd/check_http.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vipd/check_tcp.h"
#include "vipd/core/http_reply.h"

#define DETAIL_MAX 128

struct check_http {
        sd_event *loop; /* borrowed */
        struct check_tcp *tcp;
        int fd; /* connected, else -1 */
        sd_event_source *io;
        char request[CHECK_HTTP_REQUEST_MAX];
        size_t len, sent;
        struct http_reply reply;
        check_http_done *fn;
        void *arg;
};

static void finish(struct check_http *h, bool good, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

static void finish(struct check_http *h, bool good, const char *format, ...)
{
        char detail[DETAIL_MAX];
        va_list args;

        h->io = sd_event_source_disable_unref(h->io);
        va_start(args, format);
        vsnprintf(detail, sizeof(detail), format, args);
        va_end(args);
        h->fn(h->arg, good, detail);
}

static void read_reply(struct check_http *h)
{
        char bytes[4096];
        ssize_t n = recv(h->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n < 0) {
                finish(h, false, "reply: %s", strerror(errno));
                return;
        }
        if (n == 0) {
                finish(h, false, "closed after %zu bytes without a status", h->reply.total);
                return;
        }
        switch (http_reply_feed(&h->reply, bytes, (size_t)n)) {
        case HTTP_REPLY_MORE:
                break;
        case HTTP_REPLY_DONE:
                finish(h, http_reply_good(h->reply.status), "status %u", h->reply.status);
                break;
        case HTTP_REPLY_FAULT:
                finish(h, false, "reply: %s", http_reply_fault_text(h->reply.fault));
                break;
        }
}

/* A server may answer (and reset) before it has read everything: then its answer counts. */
static bool send_request(struct check_http *h)
{
        ssize_t n =
                send(h->fd, h->request + h->sent, h->len - h->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n > 0)
                h->sent += (size_t)n;
        return n >= 0 || errno == EAGAIN || errno == EINTR;
}

static int on_io(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
        struct check_http *h = userdata;

        if ((revents & EPOLLOUT) && h->sent < h->len && !send_request(h) && !(revents & EPOLLIN)) {
                finish(h, false, "request: %s", strerror(errno));
                return 0;
        }
        if (h->sent == h->len)
                sd_event_source_set_io_events(s, EPOLLIN);
        if (revents & (EPOLLIN | EPOLLHUP | EPOLLERR))
                read_reply(h);
        return 0;
}

static void on_connected(void *arg, int error)
{
        struct check_http *h = arg;
        int r;

        if (error < 0) {
                finish(h, false, "connect: %s", strerror(-error));
                return;
        }
        h->fd = check_tcp_take_fd(h->tcp);
        h->tcp = check_tcp_free(h->tcp);
        r = sd_event_add_io(h->loop, &h->io, h->fd, EPOLLIN | EPOLLOUT, on_io, h);
        if (r < 0)
                finish(h, false, "cannot wait for the reply: %s", strerror(-r));
}

int check_http_new(struct check_http **ret, sd_event *loop, const struct conf_check *conf,
                   check_http_done *fn, void *arg)
{
        struct check_http *h = calloc(1, sizeof(*h));
        int r;

        if (!h)
                return -ENOMEM;
        h->loop = loop;
        h->fd = -1;
        h->fn = fn;
        h->arg = arg;
        r = snprintf(h->request, sizeof(h->request),
                     "GET %s HTTP/1.1\r\n"
                     "Host: %s\r\n"
                     "User-Agent: vipring-check\r\n"
                     "Accept: */*\r\n"
                     "Connection: close\r\n"
                     "\r\n",
                     conf->path, conf->host);
        h->len = (size_t)r;
        if (h->len >= sizeof(h->request))
                r = -E2BIG;
        else
                r = check_tcp_new(&h->tcp, loop, &conf->address, conf->port, on_connected, h);
        if (r < 0) {
                check_http_free(h);
                return r;
        }
        *ret = h;
        return 0;
}

struct check_http *check_http_free(struct check_http *h)
{
        if (!h)
                return NULL;
        check_tcp_free(h->tcp);
        sd_event_source_disable_unref(h->io);
        if (h->fd >= 0)
                close(h->fd);
        free(h);
        return NULL;
}

const char *check_http_stage(const struct check_http *h)
{
        if (h->tcp)
                return "connecting";
        return h->sent < h->len ? "sending the request" : "waiting for the reply";
}
