/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The listening half: makes the socket, lets clients in up to a limit, and owns
 * their connections (ctl_conn.c), which own their requests (ctl_request.c).
 */
#include "lib/ctl_server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "lib/ctl_json.h"
#include "lib/mono.h"

#define ACCEPT_PAUSE_US US_PER_S

/** Say why not and hang up. The socket is fresh, so one short line fits without waiting. */
static void ctl_server_turn_away(struct ctl_server *s, int fd, enum ctl_exit code, const char *why)
{
        struct ctl_queue q = ctl_queue_make(CTL_ERROR_MAX);
        json_t *answer = ctl_json_answer_make(NULL, code, why, NULL);

        s->stats.refused++;
        if (answer && ctl_queue_add(&q, answer) == 0)
                ctl_queue_send(&q, fd);
        json_decref(answer);
        ctl_queue_clear(&q);
        close(fd);
}

int ctl_server_adopt(struct ctl_server *s, int fd, uid_t uid)
{
        if (s->options.only_uid != (uid_t)-1 && uid != 0 && uid != s->options.only_uid) {
                ctl_server_turn_away(s, fd, CTL_NOT_PERMITTED, "this socket is not for your user");
                return -EACCES;
        }
        if (s->n_conns >= CTL_CLIENTS_MAX) {
                ctl_server_turn_away(s, fd, CTL_FAILED, "too many clients; try again later");
                return -EBUSY;
        }
        s->stats.accepted++;
        return ctl_conn_new(s, fd, uid);
}

static int on_pause_over(sd_event_source *source, uint64_t usec, void *arg)
{
        struct ctl_server *s = arg;

        return sd_event_source_set_enabled(s->accept, SD_EVENT_ON);
}

/** Out of descriptors or memory: the socket stays readable, so look away for a while. */
static int ctl_server_pause(struct ctl_server *s)
{
        int r;

        s->stats.refused++;
        r = sd_event_source_set_time_relative(s->pause, ACCEPT_PAUSE_US);
        if (r >= 0)
                r = sd_event_source_set_enabled(s->pause, SD_EVENT_ONESHOT);
        if (r >= 0)
                r = sd_event_source_set_enabled(s->accept, SD_EVENT_OFF);
        return r;
}

static int on_client(sd_event_source *source, int fd, uint32_t events, void *arg)
{
        struct ctl_server *s = arg;
        struct ucred peer;
        socklen_t len = sizeof(peer);
        int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (client < 0) {
                if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                        return ctl_server_pause(s);
                return 0; /* it went away again */
        }
        if (getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0) {
                close(client);
                return 0;
        }
        ctl_server_adopt(s, client, peer.uid);
        return 0;
}

static int ctl_server_listen(struct ctl_server *s)
{
        int r;

        s->fd = ctl_listen(s->options.path, s->options.mode, s->options.gid, &s->place);
        if (s->fd < 0)
                return s->fd;
        r = sd_event_add_io(s->loop, &s->accept, s->fd, EPOLLIN, on_client, s);
        if (r < 0)
                return r;
        r = sd_event_source_set_priority(s->accept, s->options.priority);
        if (r < 0)
                return r;
        r = sd_event_add_time(s->loop, &s->pause, CLOCK_MONOTONIC, 0, 1, on_pause_over, s);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(s->pause, SD_EVENT_OFF);
        if (r < 0)
                return r;
        return sd_event_source_set_priority(s->pause, s->options.priority);
}

int ctl_server_new(struct ctl_server **ret, sd_event *loop, const struct ctl_options *options,
                   const struct ctl_verb *verbs, void *arg)
{
        struct ctl_server *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        s->loop = sd_event_ref(loop);
        s->verbs = verbs;
        s->arg = arg;
        s->options = *options;
        s->fd = -1;
        if (options->path) {
                r = ctl_server_listen(s);
                if (r < 0) {
                        ctl_server_free(s);
                        return r;
                }
        }
        s->options.path = NULL; /* the caller's; from here on s->place has it */
        *ret = s;
        return 0;
}

struct ctl_server *ctl_server_free(struct ctl_server *s)
{
        if (!s)
                return NULL;
        while (s->conns)
                ctl_conn_close(s->conns);
        sd_event_source_disable_unref(s->accept);
        sd_event_source_disable_unref(s->pause);
        if (s->fd >= 0)
                close(s->fd);
        ctl_unlisten(&s->place);
        sd_event_unref(s->loop);
        free(s);
        return NULL;
}

struct ctl_stats ctl_server_stats(const struct ctl_server *s)
{
        return s->stats;
}
