/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes to the real server of control sockets, over a socket pair. Whatever
 * comes: no crash, no leak, every line back is one answer or progress object,
 * and the way the bytes were cut into reads makes no difference.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/ctl_server.h"

#define ANSWERS_MAX (1024 * 1024)
#define HELD_MAX 64

static sd_event *loop;
static struct ctl_server *server;
static struct ctl_request *held[HELD_MAX];
static unsigned n_held;

static void must(bool it_holds)
{
        if (!it_holds)
                abort();
}

static void verb_echo(struct ctl_request *req, const json_t *args, void *arg)
{
        ctl_request_progress(req, json_pack("{si}", "step", 1));
        ctl_request_done(req, json_deep_copy(args));
}

static void verb_move(struct ctl_request *req, const json_t *args, void *arg)
{
        const char *group = json_string_value(json_object_get(args, "group"));

        ctl_request_fail(req, CTL_REFUSED, "no group '%.32s'", group ? group : "");
}

/** Answered after the client has said everything, or has gone. */
static void verb_hold(struct ctl_request *req, const json_t *args, void *arg)
{
        if (n_held < HELD_MAX)
                held[n_held++] = req;
        else
                ctl_request_done(req, NULL);
}

static const struct ctl_verb verbs[] = {
        {"echo", verb_echo}, {"move", verb_move}, {"hold", verb_hold}, {NULL, NULL}};

static void start(void)
{
        const struct ctl_options options = {.gid = (gid_t)-1, .only_uid = (uid_t)-1};

        must(sd_event_new(&loop) >= 0);
        must(ctl_server_new(&server, loop, &options, verbs, NULL) == 0);
}

/** Run the loop until nothing is left to do; keep what the server says. */
static void settle(int fd, char *answers, size_t *len)
{
        ssize_t n;

        do {
                while (sd_event_run(loop, 0) > 0)
                        ;
                n = recv(fd, answers + *len, ANSWERS_MAX - *len, MSG_DONTWAIT);
                if (n > 0)
                        *len += (size_t)n;
                must(*len < ANSWERS_MAX);
        } while (n > 0);
}

static void release_held(void)
{
        while (n_held > 0)
                ctl_request_done(held[--n_held], json_object());
}

/** @param step bytes a piece */
static void converse(const uint8_t *data, size_t size, size_t step, char *answers, size_t *ret_len)
{
        int pair[2];
        ssize_t n;

        *ret_len = 0;
        must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
        must(ctl_server_adopt(server, pair[0], 1000) == 0);
        while (size > 0) {
                n = send(pair[1], data, size < step ? size : step, MSG_NOSIGNAL | MSG_DONTWAIT);
                if (n < 0)
                        break; /* it has hung up on us */
                data += n;
                size -= (size_t)n;
                settle(pair[1], answers, ret_len);
        }
        shutdown(pair[1], SHUT_WR);
        settle(pair[1], answers, ret_len);
        release_held();
        settle(pair[1], answers, ret_len);
        n = recv(pair[1], answers, 1, MSG_DONTWAIT);
        must(n == 0 || errno == ECONNRESET); /* all is answered, so it has hung up */
        close(pair[1]);
}

/** The client vanishes with everything unanswered. */
static void vanish(const uint8_t *data, size_t size, char *answers)
{
        size_t len = 0;
        int pair[2];

        must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
        must(ctl_server_adopt(server, pair[0], 1000) == 0);
        send(pair[1], data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        sd_event_run(loop, 0);
        settle(pair[1], answers, &len);
        close(pair[1]);
        while (sd_event_run(loop, 0) > 0)
                ;
        release_held();
}

static void check_answers(const char *answers, size_t len)
{
        const char *end;

        for (; len > 0; len -= (size_t)(end + 1 - answers), answers = end + 1) {
                end = memchr(answers, '\n', len);
                must(end != NULL);

                json_t *line = json_loadb(answers, (size_t)(end - answers), 0, NULL);

                must(json_is_object(line));
                must(json_is_integer(json_object_get(line, "exit")) !=
                     json_is_object(json_object_get(line, "progress")));
                json_decref(line);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static char whole[ANSWERS_MAX], cut[ANSWERS_MAX];
        size_t whole_len, cut_len;

        if (!server)
                start();
        converse(data, size, SIZE_MAX, whole, &whole_len);
        check_answers(whole, whole_len);
        converse(data, size, size > 0 ? 1 + data[0] % 16 : 1, cut, &cut_len);
        must(whole_len == cut_len && memcmp(whole, cut, whole_len) == 0);
        vanish(data, size, cut);
        return 0;
}
