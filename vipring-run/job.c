/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipring-run/job.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "vipring-run/child.h"
#include "vipring-run/output.h"

struct job {
        struct command *command;
        int64_t timeout_us;
        job_result_fn *fn; /* NULL once told */
        void *arg;

        pid_t pid; /* also its process group; 0 before the start and once it is gone */
        int out, why;
        sd_event_source *out_source, *child_source, *timer;
        job_gone_fn *gone;
        void *gone_arg;
        char output[JOB_OUTPUT_MAX + 1];
        size_t output_len;
        bool output_cut;
        bool ending; /* SIGTERM was sent */
        bool timed_out;
};

int job_new(struct job **ret, struct command *command, int64_t timeout_us, job_result_fn *fn,
            void *arg)
{
        struct job *j = command ? calloc(1, sizeof(*j)) : NULL;

        if (!j) {
                command_free(command);
                return -ENOMEM;
        }
        j->command = command;
        j->timeout_us = timeout_us;
        j->fn = fn;
        j->arg = arg;
        j->out = j->why = -1;
        *ret = j;
        return 0;
}

static void job_unwatch(struct job *j)
{
        j->out_source = sd_event_source_disable_unref(j->out_source);
        j->child_source = sd_event_source_disable_unref(j->child_source);
        j->timer = sd_event_source_disable_unref(j->timer);
        closep(&j->out);
        closep(&j->why);
        j->out = j->why = -1;
}

struct job *job_free(struct job *j)
{
        if (!j)
                return NULL;
        job_unwatch(j);
        command_free(j->command);
        free(j);
        return NULL;
}

bool job_timed_out(const struct job *j)
{
        return j->timed_out;
}

void job_forget(struct job *j)
{
        j->fn = NULL;
}

/* --- telling the result ---------------------------------------------------------- */

static void job_tell(struct job *j, int status, bool tried, const char *detail)
{
        job_result_fn *fn = j->fn;
        struct job_result result = {
                .status = status,
                .timed_out = j->timed_out,
                .tried = tried,
                .detail = detail,
                .output = j->output,
                .output_cut = j->output_cut,
        };

        j->fn = NULL;
        if (fn)
                fn(j->arg, &result);
}

/* Say `what`, and behind it what the program said first. */
static void job_tell_with_output(struct job *j, int status, const char *what)
{
        char detail[JOB_DETAIL_MAX], line[JOB_DETAIL_MAX - 64];

        output_clean(j->output);
        output_first_line(j->output, line, sizeof(line));
        if (j->command->kind != COMMAND_PROGRAM && line[0])
                snprintf(detail, sizeof(detail), "%s", line);
        else
                snprintf(detail, sizeof(detail), "%.60s%s%s", what, line[0] ? ": " : "", line);
        job_tell(j, status, true, detail);
}

void job_tell_not_run(struct job *j, const char *why)
{
        job_tell(j, -1, false, why);
}

static void job_tell_exit(struct job *j, const siginfo_t *si)
{
        char text[64];

        if (si->si_code == CLD_EXITED) {
                snprintf(text, sizeof(text), "exit status %d", si->si_status);
                job_tell_with_output(j, si->si_status, si->si_status == 0 ? "ok" : text);
                return;
        }
        snprintf(text, sizeof(text), "killed by SIG%s", sigabbrev_np(si->si_status) ?: "?");
        job_tell_with_output(j, 128 + si->si_status, text);
}

/* --- the process ----------------------------------------------------------------- */

/* Read what is there. @return false at the end of it */
static bool job_read(struct job *j)
{
        char dropped[4096];

        for (;;) {
                size_t room = JOB_OUTPUT_MAX - j->output_len;
                ssize_t n = room > 0 ? read(j->out, j->output + j->output_len, room)
                                     : read(j->out, dropped, sizeof(dropped));

                if (n <= 0)
                        return n < 0 && (errno == EAGAIN || errno == EINTR);
                if (room == 0) {
                        j->output_cut = true;
                        return true; /* a program that floods has its turn, and no more */
                }
                j->output_len += (size_t)n;
                j->output[j->output_len] = '\0';
        }
}

static int job_on_output(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
        struct job *j = userdata;

        if (!job_read(j))
                j->out_source = sd_event_source_disable_unref(j->out_source);
        return 0;
}

/* The reason why it could not be run, if there is one. */
static bool job_read_why(struct job *j, char why[static CHILD_WHY_MAX])
{
        ssize_t n = read(j->why, why, CHILD_WHY_MAX - 1);

        why[n > 0 ? n : 0] = '\0';
        return n > 0;
}

static void job_signal(const struct job *j, int sig)
{
        /* before its setsid() the child has no group of its own yet */
        if (j->pid > 0 && kill(-j->pid, sig) < 0)
                kill(j->pid, sig);
}

static int job_on_exit(sd_event_source *s, const siginfo_t *si, void *userdata)
{
        char why[CHILD_WHY_MAX], detail[JOB_DETAIL_MAX];
        struct job *j = userdata;

        job_read(j);
        /* still a zombie: its group cannot be anybody else's yet */
        if (j->ending)
                job_signal(j, SIGKILL);
        if (job_read_why(j, why)) {
                output_clean(why);
                output_first_line(why, detail, sizeof(detail));
                job_tell(j, -1, true, detail);
        } else {
                job_tell_exit(j, si);
        }
        j->pid = 0;
        job_unwatch(j);
        j->gone(j->gone_arg, j);
        return 0;
}

static void job_arm(struct job *j, int64_t us)
{
        if (sd_event_source_set_time_relative(j->timer, (uint64_t)us) < 0 ||
            sd_event_source_set_enabled(j->timer, SD_EVENT_ONESHOT) < 0)
                job_signal(j, SIGKILL);
}

void job_end(struct job *j, const char *why)
{
        if (j->pid == 0)
                return;
        if (!j->ending) {
                j->ending = true;
                job_signal(j, SIGTERM);
                job_signal(j, SIGCONT);
                job_arm(j, JOB_KILL_AFTER_US);
        }
        job_read(j);
        job_tell_with_output(j, -1, why);
}

void job_kill(struct job *j)
{
        j->ending = true;
        job_signal(j, SIGKILL);
}

static int job_on_timer(sd_event_source *s, uint64_t usec, void *userdata)
{
        struct job *j = userdata;
        char why[64];

        if (j->ending) {
                job_signal(j, SIGKILL);
                return 0;
        }
        j->timed_out = true;
        snprintf(why, sizeof(why), "timeout after %lld ms", (long long)(j->timeout_us / US_PER_MS));
        job_end(j, why);
        return 0;
}

static pid_t job_fork(struct job *j)
{
        int out[2] = {-1, -1}, why[2] = {-1, -1};
        pid_t pid = -1;
        int error;

        if (pipe2(out, O_CLOEXEC) == 0 && pipe2(why, O_CLOEXEC | O_NONBLOCK) == 0 &&
            fcntl(out[0], F_SETFL, O_NONBLOCK) == 0)
                pid = fork();
        error = errno;
        if (pid == 0)
                child_do(j->command, out[1], why[1]);
        closep(&out[1]);
        closep(&why[1]);
        if (pid < 0) {
                closep(&out[0]);
                closep(&why[0]);
                return -error;
        }
        j->out = out[0];
        j->why = why[0];
        return pid;
}

int job_start(struct job *j, sd_event *loop, job_gone_fn *gone, void *arg)
{
        pid_t pid = job_fork(j);
        int r;

        if (pid < 0)
                return pid;
        j->pid = pid;
        j->gone = gone;
        j->gone_arg = arg;
        r = sd_event_add_child(loop, &j->child_source, pid, WEXITED, job_on_exit, j);
        if (r >= 0)
                r = sd_event_add_io(loop, &j->out_source, j->out, EPOLLIN, job_on_output, j);
        if (r >= 0)
                r = sd_event_add_time_relative(loop, &j->timer, CLOCK_MONOTONIC,
                                               (uint64_t)j->timeout_us, 1, job_on_timer, j);
        if (r < 0) {
                /* cannot be watched, so it must not run */
                kill(pid, SIGKILL);
                waitpid(pid, NULL, 0);
                j->pid = 0;
                job_unwatch(j);
                return r;
        }
        return 0;
}
