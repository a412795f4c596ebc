/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIB_CTL_H
#define LIB_CTL_H
/*
 * Control sockets: one JSON object a line over a UNIX stream socket.
 *
 *   request   {"verb":"move","id":7,"args":{"group":"web","node":"lb2"}}
 *   progress  {"id":7,"progress":{...}}          none, some or many
 *   answer    {"id":7,"exit":0,"result":{...}}   exactly one; or
 *             {"id":7,"exit":4,"error":"web is already on lb2"}
 *
 * `id` is optional and echoed. `exit` is vipctl's exit code. Used by vipctl
 * towards vipd, and by vipd towards vipring-run. Everything a client can make
 * grow is limited: connections, requests in flight, line length, output queue.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#define CTL_LINE_MAX (256 * 1024)         /* a request; longer ones end the connection */
#define CTL_OUTPUT_MAX (64 * 1024 * 1024) /* unread answers of one client; then it is closed */
#define CTL_CLIENTS_MAX 64
#define CTL_REQUESTS_MAX 1024 /* in flight on one connection */

/** vipctl's exit codes, also the `exit` of an answer. */
enum ctl_exit {
        CTL_DONE = 0,
        CTL_FAILED = 1,
        CTL_USAGE = 2,
        CTL_UNREACHABLE = 3,
        CTL_REFUSED = 4,
        CTL_RUNNING = 5,
        CTL_CONFIG = 6,
        CTL_NOT_PERMITTED = 7,
};

struct ctl_server;
struct ctl_request;

/**
 * Called for each request. `args` is an object (empty if the client sent
 * none), borrowed. Must call ctl_request_done() or ctl_request_fail() once,
 * now or later; until then the request is alive even if the client goes away.
 */
typedef void ctl_handler(struct ctl_request *req, const json_t *args, void *arg);

struct ctl_verb {
        const char *name;
        ctl_handler *handler;
};

struct ctl_options {
        const char *path; /* made, or replaced if nobody listens there; NULL: none */
        mode_t mode;      /* of the socket, 0660 */
        gid_t gid;        /* -1: leave */
        uid_t only_uid;   /* besides root; -1: anyone the mode lets in */
        int64_t priority; /* of the event sources */
};

/**
 * Verbs end with a NULL name; kept.
 * @return 0; -EADDRINUSE: another daemon is there; -EEXIST: something that is no socket; -errno
 */
int ctl_server_new(struct ctl_server **ret, sd_event *loop, const struct ctl_options *options,
                   const struct ctl_verb *verbs, void *arg);

/**
 * Close everything and unlink the socket. Requests still open learn that their
 * client is gone and must still be answered. NULL is allowed. @return NULL
 */
struct ctl_server *ctl_server_free(struct ctl_server *s);

struct ctl_stats {
        uint64_t accepted;  /* clients */
        uint64_t refused;   /* clients and requests: limits, wrong user */
        uint64_t malformed; /* lines */
};
struct ctl_stats ctl_server_stats(const struct ctl_server *s);

uid_t ctl_request_uid(const struct ctl_request *req);

/**
 * Send something before the answer. Steals `progress`. @return -EPIPE when nobody listens any more
 */
int ctl_request_progress(struct ctl_request *req, json_t *progress);

/**
 * Call `fn` once if the client goes away before the answer; then still answer
 * (it goes nowhere), in `fn` or later. One that only ended its side of the
 * stream still waits for its answer, and is not gone.
 */
void ctl_request_on_gone(struct ctl_request *req, void (*fn)(struct ctl_request *, void *),
                         void *arg);

/** Answer and end the request. Steals `result`, which may be NULL. */
void ctl_request_done(struct ctl_request *req, json_t *result);

/** The same with a large result that was put together as text: one JSON object without newlines. */
void ctl_request_done_text(struct ctl_request *req, const char *result, size_t len);

/** Answer with an error and end the request. */
__attribute__((format(printf, 3, 4))) void
ctl_request_fail(struct ctl_request *req, enum ctl_exit code, const char *format, ...);

/** Like fail, but with a result object too (e.g. the list of configuration errors). Steals it. */
void ctl_request_fail_with(struct ctl_request *req, enum ctl_exit code, const char *error,
                           json_t *result);

/* --- clients ------------------------------------------------------------------- */

/**
 * One blocking call, for vipctl.
 * @param args       stolen; NULL for none
 * @param timeout_us for the answer; -1: none. A progress line restarts it.
 * @param progress   called for each progress object (borrowed); may be NULL; returning
 *                   nonzero stops waiting with -ECANCELED
 * @param ret        the whole answer object ("exit", "result", "error"); caller's to json_decref
 * @return 0; -ECONNREFUSED/-ENOENT/-EACCES from connecting; -ETIMEDOUT; -ECONNRESET: hung up
 *         before the answer; -EINTR: a signal handler ran; -EPROTO: not our protocol
 */
int ctl_call(const char *path, const char *verb, json_t *args, int64_t timeout_us,
             int (*progress)(const json_t *, void *), void *arg, json_t **ret);

/** An asynchronous client with one lasting connection, for daemons. */
struct ctl_client;

/** `answer`: the whole answer, borrowed; NULL when the connection was lost or timed out. */
typedef void ctl_answer(const json_t *answer, void *arg);

/** Connects at the first call and again after a loss (at most once a second). */
int ctl_client_new(struct ctl_client **ret, sd_event *loop, const char *path, int64_t priority);

/**
 * Answers everything open with NULL. Allowed from within a callback. NULL is allowed. @return NULL
 */
struct ctl_client *ctl_client_free(struct ctl_client *c);

/**
 * Send a request. `fn` is called exactly once, never from inside this call.
 * Steals `args`. A negative timeout is none.
 * @return 0; -EBUSY: too many in flight or unsent; -ENOTCONN: nobody listens, or too early to
 *         try again; -ENOMEM
 */
int ctl_client_call(struct ctl_client *c, const char *verb, json_t *args, int64_t timeout_us,
                    ctl_answer *fn, void *arg);

/** Forget the callback of every open request with this arg (the owner goes away). */
void ctl_client_forget(struct ctl_client *c, void *arg);

#endif
