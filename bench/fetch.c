/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client that fetches "/" again and again, each time on a new connection, and counts how it
 * ended. The first line of the page is taken as the name of who served it. The server is asked
 * to close first, so that this end runs out of no ports.
 */
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/probe.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#define PAGE_MAX 4096
#define SERVERS_MAX 64

enum fetch_end {
        FETCH_OK,
        FETCH_TIMEOUT,
        FETCH_REFUSED,
        FETCH_RESET,
        FETCH_OTHER, /* unreachable, a status other than 200, a cut-off page */
        FETCH_ENDS,
};

static const char *const end_names[FETCH_ENDS] = {"ok", "timeout", "refused", "reset", "other"};

struct fetch {
        struct sockaddr_storage to;
        socklen_t to_len;
        int64_t timeout_us;
        json_int_t ends[FETCH_ENDS];
        int64_t slowest_us; /* of those that succeeded */
        int64_t stall_us;   /* longest time from one success to the next */
        json_t *servers;    /* name: count */
};

static enum fetch_end end_of_errno(int error)
{
        switch (error) {
        case 0:
                return FETCH_OK;
        case ETIMEDOUT:
                return FETCH_TIMEOUT;
        case ECONNREFUSED:
                return FETCH_REFUSED;
        case ECONNRESET:
        case EPIPE:
                return FETCH_RESET;
        default:
                return FETCH_OTHER;
        }
}

/* @return 0, or the errno; ETIMEDOUT at the deadline or when asked to stop */
static int wait_for(int fd, short events, mono_t deadline)
{
        struct pollfd p = {.fd = fd, .events = events};
        int64_t us = mono_diff_us(deadline, clock_now());
        struct timespec ts = {.tv_sec = us / US_PER_S, .tv_nsec = us % US_PER_S * 1000};

        if (us <= 0 || probe_stop)
                return ETIMEDOUT;
        return ppoll(&p, 1, &ts, NULL) > 0 ? 0 : ETIMEDOUT;
}

static int connect_by(int fd, const struct fetch *f, mono_t deadline)
{
        socklen_t len = sizeof(int);
        int error = 0;

        if (connect(fd, (const struct sockaddr *)&f->to, f->to_len) == 0)
                return 0;
        if (errno != EINPROGRESS)
                return errno;
        error = wait_for(fd, POLLOUT, deadline);
        if (error)
                return error;
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
        return error;
}

/* Read to the end of the page. @return 0 or the errno */
static int read_page(int fd, char page[static PAGE_MAX], mono_t deadline)
{
        size_t have = 0;

        for (;;) {
                ssize_t n = read(fd, page + have, PAGE_MAX - 1 - have);

                if (n == 0) {
                        page[have] = '\0';
                        return 0;
                }
                if (n > 0) {
                        have += (size_t)n;
                        if (have == PAGE_MAX - 1)
                                return EMSGSIZE;
                        continue;
                }
                if (errno != EAGAIN)
                        return errno;
                int error = wait_for(fd, POLLIN, deadline);
                if (error)
                        return error;
        }
}

static int judge_page(struct fetch *f, char *page)
{
        char *body = strstr(page, "\r\n\r\n");

        if (strncmp(page, "HTTP/1.1 200 ", 13) != 0 || !body)
                return EPROTO;
        body += 4;
        body[strcspn(body, "\r\n")] = '\0';
        if (json_object_size(f->servers) < SERVERS_MAX || json_object_get(f->servers, body)) {
                json_int_t n = json_integer_value(json_object_get(f->servers, body));

                json_object_set_new(f->servers, body, json_integer(n + 1));
        }
        return 0;
}

static int fetch_once(struct fetch *f)
{
        static const char request[] = "GET / HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n";
        mono_t deadline = mono_add_us(clock_now(), f->timeout_us);
        char page[PAGE_MAX];
        CLEANUP(closep) int fd = socket(f->to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        int error;

        if (fd < 0)
                return errno;
        error = connect_by(fd, f, deadline);
        if (error)
                return error;
        if (write(fd, request, sizeof(request) - 1) != (ssize_t)sizeof(request) - 1)
                return errno;
        error = read_page(fd, page, deadline);
        return error ? error : judge_page(f, page);
}

static void fetch_report(struct fetch *f, int64_t took_us)
{
        json_t *all = json_pack("{s:s, s:I, s:I, s:I, s:O}", "mode", "http", "took_usec",
                                (json_int_t)took_us, "slowest_usec", (json_int_t)f->slowest_us,
                                "stall_usec", (json_int_t)f->stall_us, "servers", f->servers);
        json_int_t failed = 0;

        for (int i = 0; i < FETCH_ENDS; i++) {
                json_object_set_new(all, end_names[i], json_integer(f->ends[i]));
                failed += i == FETCH_OK ? 0 : f->ends[i];
        }
        json_object_set_new(all, "failed", json_integer(failed));
        json_dumpf(all, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(all);
}

int fetch_run(const struct probe_options *o)
{
        struct fetch f = {.timeout_us = o->timeout_us, .servers = json_object()};
        mono_t start = clock_now(), end = mono_add_us(start, o->duration_us), last_ok = start;

        f.to_len = probe_sockaddr(o->addresses[0], o->port ? o->port : 80, &f.to);
        if (!f.to_len)
                return 2;
        while (!probe_stop && !mono_reached(end, clock_now())) {
                mono_t begun = clock_now(), done;
                int error = fetch_once(&f);

                if (probe_stop && error) /* broken off, not failed */
                        break;
                done = clock_now();
                f.ends[end_of_errno(error)]++;
                if (mono_diff_us(done, last_ok) > f.stall_us)
                        f.stall_us = mono_diff_us(done, last_ok);
                if (error == 0) {
                        last_ok = done;
                        if (mono_diff_us(done, begun) > f.slowest_us)
                                f.slowest_us = mono_diff_us(done, begun);
                }
                if (o->every_us > 0 || error) /* a refusal comes at once: do not spin on it */
                        usleep((useconds_t)(o->every_us > 0 ? o->every_us : US_PER_MS));
        }
        fetch_report(&f, mono_diff_us(clock_now(), start));
        json_decref(f.servers);
        return 0;
}
