/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipd/check_tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct check_tcp {
        int fd;
        sd_event_source *io;
        check_tcp_done *fn;
        void *arg;
};

static socklen_t sockaddr_of(const struct ip_addr *address, uint16_t port,
                             struct sockaddr_storage *ret)
{
        socklen_t len = ip_addr_to_sockaddr(address, 0, ret);

        if (ret->ss_family == AF_INET)
                ((struct sockaddr_in *)ret)->sin_port = htons(port);
        else
                ((struct sockaddr_in6 *)ret)->sin6_port = htons(port);
        return len;
}

static int on_writable(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
        struct check_tcp *t = userdata;
        socklen_t len = sizeof(int);
        int error = 0;

        t->io = sd_event_source_disable_unref(t->io);
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
                error = errno;
        t->fn(t->arg, -error);
        return 0;
}

static int begin(struct check_tcp *t, sd_event *loop, const struct ip_addr *address, uint16_t port)
{
        const struct linger reset = {.l_onoff = 1, .l_linger = 0};
        struct sockaddr_storage to;
        socklen_t len = sockaddr_of(address, port, &to);

        t->fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
        if (t->fd < 0 || setsockopt(t->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) < 0)
                return -errno;
        if (connect(t->fd, (const struct sockaddr *)&to, len) < 0 && errno != EINPROGRESS)
                return -errno;
        /* also where it is connected already: then the socket is writable in the next turn */
        return sd_event_add_io(loop, &t->io, t->fd, EPOLLOUT, on_writable, t);
}

int check_tcp_new(struct check_tcp **ret, sd_event *loop, const struct ip_addr *address,
                  uint16_t port, check_tcp_done *fn, void *arg)
{
        struct check_tcp *t = calloc(1, sizeof(*t));
        int r;

        if (!t)
                return -ENOMEM;
        t->fd = -1;
        t->fn = fn;
        t->arg = arg;
        r = begin(t, loop, address, port);
        if (r < 0) {
                check_tcp_free(t);
                return r;
        }
        *ret = t;
        return 0;
}

struct check_tcp *check_tcp_free(struct check_tcp *t)
{
        if (!t)
                return NULL;
        sd_event_source_disable_unref(t->io);
        if (t->fd >= 0)
                close(t->fd);
        free(t);
        return NULL;
}

int check_tcp_take_fd(struct check_tcp *t)
{
        int fd = t->fd;

        t->fd = -1;
        return fd;
}
