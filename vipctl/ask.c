/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipctl/ask.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "vipctl/text.h"

#define PATH_SIZE 256

static void on_interrupt(int signo)
{
}

/** Without SA_RESTART: the call ends with -EINTR. A second one ends vipctl in any case. */
static void catch_interrupt(void)
{
        struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};

        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
}

static int not_permitted(const char *path)
{
        const struct group *group = NULL;
        struct stat st;

        if (stat(path, &st) == 0 && st.st_gid != 0)
                group = getgrgid(st.st_gid);
        complain("not allowed to use %s; become a member of group '%s', or root", path,
                 group ? group->gr_name : "vipadmin");
        return CTL_NOT_PERMITTED;
}

static int unreachable(const char *path, const char *why)
{
        complain("cannot reach vipd at %s: %s; see 'systemctl status vipd'", path, why);
        return CTL_UNREACHABLE;
}

static int still_running(const struct question *q, const char *why)
{
        complain("%s; the %s goes on, '%s' shows what became of it", why, q->verb, q->then);
        return CTL_RUNNING;
}

/** Why there was no answer, and the exit code for that. */
static int explain_failure(const struct question *q, const char *path, int error)
{
        bool away = error == -ENOENT || error == -ECONNREFUSED || error == -ETIMEDOUT;

        if (q->lost && (error == -ECONNRESET || (*q->lost && away))) {
                *q->lost = true;
                return CTL_UNREACHABLE;
        }
        switch (error) {
        case -ENOENT:
                return unreachable(path, "no such socket: it does not run, or not with this --run-dir");
        case -ECONNREFUSED:
                return unreachable(path, "nobody listens there, so it does not run");
        case -EACCES:
        case -EPERM:
                return not_permitted(path);
        case -ETIMEDOUT:
                return q->changing ? still_running(q, "no answer in time")
                                   : unreachable(path, "it does not answer in time");
        case -EINTR:
                return still_running(q, "interrupted");
        case -ECONNRESET:
        case -EPIPE:
                complain("vipd ended before it answered%s%s%s", q->changing ? "; see '" : "",
                         q->changing ? q->then : "", q->changing ? "'" : "");
                return CTL_FAILED;
        case -EPROTO:
                complain("what listens at %s does not speak vipring's control protocol", path);
                return CTL_FAILED;
        default:
                complain("cannot ask vipd at %s: %s", path, strerror(-error));
                return error == -ENAMETOOLONG ? CTL_USAGE : CTL_UNREACHABLE;
        }
}

struct listener {
        enum output output;
        const struct question *question;
};

static int on_progress(const json_t *progress, void *arg)
{
        const struct listener *l = arg;
        const struct question *q = l->question;
        json_t *copy;

        if (!q->progress)
                return 0;
        copy = json_deep_copy(progress);
        if (l->output == OUTPUT_TABLE)
                text_make_plain(copy);
        q->progress(copy, q->arg);
        json_decref(copy);
        return 0;
}

/** Also what is not from vipd's own list becomes a code of ours. */
static int exit_code(const json_t *answer)
{
        json_int_t code = json_integer_value(json_object_get(answer, "exit"));

        return code >= CTL_DONE && code <= CTL_NOT_PERMITTED ? (int)code : CTL_FAILED;
}

int ask(const struct options *o, const struct question *q, json_t **ret)
{
        struct listener listener = {.output = o->output, .question = q};
        int64_t timeout_us = o->timeout_us >= 0 ? o->timeout_us : q->timeout_us;
        json_t *answer = NULL;
        char path[PATH_SIZE];
        const char *error;
        int r;

        *ret = NULL;
        snprintf(path, sizeof(path), "%s/vipd/control.sock", o->run_dir);
        if (q->changing)
                catch_interrupt();
        r = ctl_call(path, q->verb, q->args, timeout_us, on_progress, &listener, &answer);
        if (r < 0)
                return explain_failure(q, path, r);

        text_make_plain(o->output == OUTPUT_TABLE ? answer : json_object_get(answer, "error"));
        error = text_of(answer, "error", NULL);
        r = exit_code(answer);
        *ret = json_incref(json_object_get(answer, "result"));
        if (error)
                complain("%s", error);
        else if (r != CTL_DONE)
                complain("%s failed; vipd does not say why", q->verb);
        json_decref(answer);
        return r;
}

void ask_print_json(enum output output, const json_t *value)
{
        size_t flags = output == OUTPUT_JSONL ? JSON_COMPACT : JSON_INDENT(2);

        json_dumpf(value, stdout, flags | JSON_ENCODE_ANY);
        fputc('\n', stdout);
}
