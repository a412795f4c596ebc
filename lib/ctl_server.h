/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIB_CTL_SERVER_H
#define LIB_CTL_SERVER_H
/* What the parts of the server know of each other; others include ctl.h. */
#include "lib/ctl.h"
#include "lib/ctl_line.h"
#include "lib/ctl_listen.h"
#include "lib/ctl_queue.h"

struct ctl_conn;

struct ctl_server {
        sd_event *loop;
        const struct ctl_verb *verbs;
        void *arg;
        struct ctl_options options;
        struct ctl_place place;
        int fd;
        sd_event_source *accept;
        sd_event_source *pause; /* accepting again after descriptors ran out */
        struct ctl_conn *conns;
        unsigned n_conns;
        struct ctl_stats stats;
};

/**
 * One client. It lives while its socket is open or a request is not answered.
 * Only its own event handler closes the socket; whoever else finds it
 * unusable shuts it down, which wakes that handler.
 */
struct ctl_conn {
        struct ctl_server *server; /* NULL: closed */
        struct ctl_conn *next, **prev;
        int fd;
        uid_t uid;
        sd_event_source *io;
        sd_event_source *more; /* a further line waits in `in` */
        struct ctl_line in;
        struct ctl_queue out;
        bool ended;  /* the client sends no more */
        bool ending; /* close once everything is answered and sent */
        bool broken; /* shut down, waiting for our handler */
        struct ctl_request *requests;
        unsigned n_requests;
        unsigned pins; /* handlers at work on it */
};

struct ctl_request {
        struct ctl_conn *conn;
        struct ctl_request *next, **prev;
        json_t *id;
        void (*gone)(struct ctl_request *, void *);
        void *gone_arg;
};

/** Take a connected descriptor. Owns it, also on failure. @return 0 or -errno */
int ctl_conn_new(struct ctl_server *s, int fd, uid_t uid);

/** Close, tell the open requests that their client is gone; freed when the last one is answered. */
void ctl_conn_close(struct ctl_conn *c);

/** Queue a line and try to send it. Steals `line`. @return 0, -EPIPE */
int ctl_conn_put(struct ctl_conn *c, json_t *line);
/** The same with a line, newline included, that is text already; borrowed, NULL is -ENOMEM. */
int ctl_conn_put_text(struct ctl_conn *c, const char *line, size_t len);

/** Free it if nothing needs it any more. */
void ctl_conn_release(struct ctl_conn *c);

/** Run the request that a line holds; a line that is none is answered and ends the connection. */
void ctl_request_dispatch(struct ctl_conn *c, const char *line, size_t len);

/** Serve a socket connected elsewhere. Owns fd, also on failure. @return 0 or -errno */
int ctl_server_adopt(struct ctl_server *s, int fd, uid_t uid);

#endif
