/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A request from its line to its answer. It may outlive its client. */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/ctl_json.h"
#include "lib/ctl_server.h"

static const struct ctl_verb *ctl_find_verb(const struct ctl_server *s, const char *name)
{
        for (const struct ctl_verb *v = s->verbs; v->name; v++)
                if (!strcmp(v->name, name))
                        return v;
        return NULL;
}

static struct ctl_request *ctl_request_new(struct ctl_conn *c, json_t *id)
{
        struct ctl_request *req = calloc(1, sizeof(*req));

        if (!req)
                return NULL;
        req->conn = c;
        req->id = json_incref(id);
        req->prev = &c->requests;
        req->next = c->requests;
        if (req->next)
                req->next->prev = &req->next;
        c->requests = req;
        c->n_requests++;
        return req;
}

void ctl_request_dispatch(struct ctl_conn *c, const char *line, size_t len)
{
        struct ctl_json_request parsed;
        char error[CTL_ERROR_MAX];
        const struct ctl_verb *verb;
        struct ctl_request *req;

        if (ctl_json_request_parse(line, len, &parsed, error) < 0) {
                c->server->stats.malformed++;
                c->ending = true;
                ctl_conn_put(c, ctl_json_answer_make(parsed.id, CTL_USAGE, error, NULL));
                json_decref(parsed.whole);
                return;
        }
        if (c->n_requests >= CTL_REQUESTS_MAX) {
                c->server->stats.refused++;
                snprintf(error, sizeof(error), "more than %d requests in flight", CTL_REQUESTS_MAX);
                ctl_conn_put(c, ctl_json_answer_make(parsed.id, CTL_FAILED, error, NULL));
                json_decref(parsed.whole);
                return;
        }
        req = ctl_request_new(c, parsed.id);
        verb = ctl_find_verb(c->server, parsed.verb);
        if (!req)
                ctl_conn_put(c, ctl_json_answer_make(parsed.id, CTL_FAILED, "out of memory", NULL));
        else if (!verb)
                ctl_request_fail(req, CTL_USAGE, "unknown verb \"%.100s\"", parsed.verb);
        else
                verb->handler(req, parsed.args, c->server->arg);
        json_decref(parsed.whole);
}

uid_t ctl_request_uid(const struct ctl_request *req)
{
        return req->conn->uid;
}

int ctl_request_progress(struct ctl_request *req, json_t *progress)
{
        return ctl_conn_put(req->conn, json_pack("{sO*, so}", "id", req->id, "progress", progress));
}

void ctl_request_on_gone(struct ctl_request *req, void (*fn)(struct ctl_request *, void *),
                         void *arg)
{
        req->gone = fn;
        req->gone_arg = arg;
}

/** The only end of a request. @return its connection, to be given the answer and released */
static struct ctl_conn *ctl_request_end(struct ctl_request *req)
{
        struct ctl_conn *c = req->conn;

        *req->prev = req->next;
        if (req->next)
                req->next->prev = req->prev;
        c->n_requests--;
        json_decref(req->id);
        free(req);
        return c;
}

/** Steals `answer`. */
static void ctl_request_answer(struct ctl_request *req, json_t *answer)
{
        struct ctl_conn *c = ctl_request_end(req);

        ctl_conn_put(c, answer);
        ctl_conn_release(c);
}

void ctl_request_done_text(struct ctl_request *req, const char *result, size_t len)
{
        json_t *answer = ctl_json_answer_make(req->id, CTL_DONE, NULL, NULL);
        CLEANUP(freep) char *head = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
        CLEANUP(freep) char *line = NULL;
        struct ctl_conn *c = ctl_request_end(req);
        int n = -1;

        json_decref(answer);
        if (head && len < INT_MAX) {
                head[strlen(head) - 1] = '\0'; /* the brace that closes it */
                n = asprintf(&line, "%s,\"result\":%.*s}\n", head, (int)len, result);
        }
        if (n < 0)
                line = NULL;
        ctl_conn_put_text(c, line, n < 0 ? 0 : (size_t)n);
        ctl_conn_release(c);
}

void ctl_request_done(struct ctl_request *req, json_t *result)
{
        ctl_request_answer(req, ctl_json_answer_make(req->id, CTL_DONE, NULL, result));
}

void ctl_request_fail_with(struct ctl_request *req, enum ctl_exit code, const char *error,
                           json_t *result)
{
        ctl_request_answer(req, ctl_json_answer_make(req->id, code, error, result));
}

void ctl_request_fail(struct ctl_request *req, enum ctl_exit code, const char *format, ...)
{
        char error[CTL_ERROR_MAX];
        va_list args;

        va_start(args, format);
        vsnprintf(error, sizeof(error), format, args);
        va_end(args);
        ctl_request_fail_with(req, code, error, NULL);
}
