/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control sockets: a real server on a real socket in a directory of its own, clients in the same
 * thread. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/ctl.h"
#include "lib/ctl_json.h"
#include "lib/ctl_line.h"
#include "lib/ctl_listen.h"
#include "lib/ctl_queue.h"
#include "lib/ctl_server.h"

#define DEADLINE_US (20 * US_PER_S) /* generous: only a hang takes so long */
#define HELD_MAX (CTL_REQUESTS_MAX + 1)

/* --- the fixture ------------------------------------------------------------- */

struct fixture {
        char dir[32];
        char path[64];
        sd_event *loop;
        struct ctl_server *server;
        unsigned calls;
        struct ctl_request *held[HELD_MAX]; /* by the verb "hold" */
        unsigned n_held;
        unsigned gone;
        bool answer_when_gone;
        struct ctl_client *client;
        int exits[HELD_MAX]; /* what callbacks got, in order; -1 for NULL */
        unsigned n_exits;
};

static void verb_echo(struct ctl_request *req, const json_t *args, void *arg)
{
        struct fixture *f = arg;

        f->calls++;
        ctl_request_done(req, json_deep_copy(args));
}

/* What was put together as text, as a large status is. */
static void verb_text(struct ctl_request *req, const json_t *args, void *arg)
{
        static const char text[] = "{\"groups\":[1,{\"a\":\"b\"}]} and more";

        ctl_request_done_text(req, text, strlen("{\"groups\":[1,{\"a\":\"b\"}]}"));
}

static void verb_refuse(struct ctl_request *req, const json_t *args, void *arg)
{
        ctl_request_fail(req, CTL_REFUSED, "web is already on %s", "lb2");
}

static void verb_steps(struct ctl_request *req, const json_t *args, void *arg)
{
        ctl_request_progress(req, json_pack("{si}", "step", 1));
        ctl_request_progress(req, json_pack("{si}", "step", 2));
        ctl_request_done(req, NULL);
}

static void on_gone(struct ctl_request *req, void *arg)
{
        struct fixture *f = arg;

        f->gone++;
        if (f->answer_when_gone)
                ctl_request_done(req, NULL);
}

static void verb_hold(struct ctl_request *req, const json_t *args, void *arg)
{
        struct fixture *f = arg;

        f->held[f->n_held++] = req;
        ctl_request_on_gone(req, on_gone, f);
}

static void verb_big(struct ctl_request *req, const json_t *args, void *arg)
{
        size_t size = (size_t)json_integer_value(json_object_get(args, "size"));
        char *text = malloc(size);

        assert_non_null(text);
        memset(text, 'x', size);
        ctl_request_done(req, json_pack("{ss#}", "text", text, (int)size));
        free(text);
}

static void verb_free(struct ctl_request *req, const json_t *args, void *arg)
{
        struct fixture *f = arg;

        f->server = ctl_server_free(f->server);
        ctl_request_done(req, NULL);
}

static const struct ctl_verb verbs[] = {
        {"echo", verb_echo}, {"refuse", verb_refuse}, {"steps", verb_steps}, {"hold", verb_hold},
        {"big", verb_big},   {"free", verb_free},     {"text", verb_text},
        {NULL, NULL},
};

static struct ctl_options options_of(const struct fixture *f)
{
        return (struct ctl_options){
                .path = f->path, .mode = 0660, .gid = (gid_t)-1, .only_uid = (uid_t)-1};
}

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        struct ctl_options options;

        strcpy(f->dir, "/tmp/ctl-test-XXXXXX");
        assert_non_null(mkdtemp(f->dir));
        snprintf(f->path, sizeof(f->path), "%s/control.sock", f->dir);
        assert_true(sd_event_new(&f->loop) >= 0);
        options = options_of(f);
        assert_int_equal(ctl_server_new(&f->server, f->loop, &options, verbs, f), 0);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;

        ctl_client_free(f->client);
        ctl_server_free(f->server);
        sd_event_unref(f->loop);
        unlink(f->path);
        rmdir(f->dir);
        free(f);
        return 0;
}

/** A turn of the loop, waiting at most a millisecond. */
static void turn(struct fixture *f)
{
        assert_true(sd_event_run(f->loop, 1000) >= 0);
}

static int dial(const struct fixture *f)
{
        int fd = ctl_connect(f->path);

        assert_true(fd >= 0);
        return fd;
}

static void say(int fd, const char *text)
{
        size_t len = strlen(text);

        assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), len);
}

/** Run the loop until a line arrives. Byte by byte: what follows stays in the socket. @return NULL
 * at the end of the stream */
static json_t *hear(struct fixture *f, int fd)
{
        mono_t deadline = mono_add_us(clock_now(), DEADLINE_US);
        char line[4096];
        size_t len = 0;
        ssize_t n;

        while (mono_before(clock_now(), deadline)) {
                n = recv(fd, line + len, 1, MSG_DONTWAIT);
                if (n == 0 || (n < 0 && errno == ECONNRESET))
                        return NULL;
                if (n < 0) {
                        turn(f);
                        continue;
                }
                if (line[len] == '\n')
                        return json_loadb(line, len, 0, NULL);
                len++;
                assert_true(len < sizeof(line));
        }
        fail_msg("no line within %d s", (int)(DEADLINE_US / US_PER_S));
        return NULL;
}

static void expect(struct fixture *f, int fd, const char *expected)
{
        json_t *got = hear(f, fd);
        json_t *want = json_loads(expected, 0, NULL);
        char *text = json_dumps(got, JSON_COMPACT);

        assert_non_null(want);
        if (!json_equal(got, want))
                fail_msg("got %s, not %s", text ? text : "the end", expected);
        free(text);
        json_decref(got);
        json_decref(want);
}

/** An answer with this exit code; its text is of no matter. */
static void expect_exit(struct fixture *f, int fd, int code)
{
        json_t *got = hear(f, fd);

        assert_non_null(got);
        assert_int_equal(json_integer_value(json_object_get(got, "exit")), code);
        assert_true(json_string_length(json_object_get(got, "error")) > 0);
        json_decref(got);
}

static void expect_end(struct fixture *f, int fd)
{
        assert_null(hear(f, fd));
}

static void run_until(struct fixture *f, const unsigned *counter, unsigned value)
{
        mono_t deadline = mono_add_us(clock_now(), DEADLINE_US);

        while (*counter < value && mono_before(clock_now(), deadline))
                turn(f);
        assert_int_equal(*counter, value);
}

/* --- lines, queues, JSON --------------------------------------------------------- */

static void feed(struct ctl_line *l, const char *text)
{
        char *at;

        for (; *text; text++) {
                assert_true(ctl_line_reserve(l, 1, &at) == 1);
                *at = *text;
                ctl_line_commit(l, 1);
        }
}

static void lines_come_out_whole_however_the_bytes_arrive(void **state)
{
        struct ctl_line l = ctl_line_make(8);
        size_t len;

        feed(&l, "ab");
        assert_null(ctl_line_next(&l, &len));
        feed(&l, "c\n");
        assert_string_equal(ctl_line_next(&l, &len), "abc");
        feed(&l, "\nd");
        assert_string_equal(ctl_line_next(&l, &len), "");
        assert_int_equal(len, 0);
        assert_null(ctl_line_next(&l, &len));
        assert_string_equal(ctl_line_rest(&l, &len), "d");
        assert_false(ctl_line_pending(&l));
        ctl_line_clear(&l);
}

static void a_line_of_the_limit_fits_and_one_more_byte_does_not(void **state)
{
        struct ctl_line l = ctl_line_make(4);
        size_t len;
        char *at;

        feed(&l, "abcd\n");
        assert_string_equal(ctl_line_next(&l, &len), "abcd");
        feed(&l, "abcde");
        assert_false(ctl_line_ready(&l));
        assert_int_equal(ctl_line_reserve(&l, 1, &at), -EMSGSIZE);
        ctl_line_clear(&l);
}

static void a_full_queue_keeps_whole_lines_only(void **state)
{
        struct ctl_queue q = ctl_queue_make(20);
        json_t *object = json_pack("{si}", "a", 1); /* {"a":1} and newline: 8 bytes */

        assert_int_equal(ctl_queue_add(&q, object), 0);
        assert_int_equal(ctl_queue_add(&q, object), 0);
        assert_int_equal(ctl_queue_add(&q, object), -ENOBUFS); /* 24 > 20 */
        assert_int_equal(ctl_queue_waiting(&q), 16);
        assert_memory_equal(q.bytes, "{\"a\":1}\n{\"a\":1}\n", 16);
        ctl_queue_clear(&q);
        json_decref(object);
}

static void json_is_refused(const char *line)
{
        char error[CTL_ERROR_MAX] = "";
        json_t *value = ctl_json_parse(line, strlen(line), error);

        if (value)
                fail_msg("accepted: %s", line);
        assert_true(strlen(error) > 0);
        assert_null(strchr(error, '\n'));
}

static void a_name_twice_or_deep_nesting_or_more_behind_it_is_refused(void **state)
{
        char error[CTL_ERROR_MAX];
        char deep[3 * 1000 + 8] = "{\"a\":";
        json_t *value;

        json_is_refused("{\"a\":1,\"a\":2}");
        json_is_refused("{\"a\":{\"b\":1,\"b\":1}}");
        json_is_refused("{} {}");
        json_is_refused("{\"a\":1");
        json_is_refused("[1]");
        json_is_refused("7");
        json_is_refused("{\"a\":\"\xff\"}");
        memset(deep + 5, '[', 1000);
        memset(deep + 1005, ']', 1000);
        deep[2005] = '}';
        json_is_refused(deep);

        /* one { and 15 [ are 16 levels; brackets in a string are none */
        value = ctl_json_parse("{\"a\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}", 36, error);
        assert_non_null(value);
        json_decref(value);
        json_is_refused("{\"a\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}");
        value = ctl_json_parse("{\"a\":\"\\\"[[[[[[[[[[[[[[[[[[[[[[\"}", 32, error);
        assert_non_null(value);
        json_decref(value);
}

/* --- the server ------------------------------------------------------------------- */

static void an_answer_echoes_the_id_it_was_asked_with(void **state)
{
        struct fixture *f = *state;
        CLEANUP(closep) int fd = dial(f);

        say(fd, "{\"verb\":\"echo\",\"id\":7,\"args\":{\"a\":[1,\"x\"]}}\n");
        expect(f, fd, "{\"id\":7,\"exit\":0,\"result\":{\"a\":[1,\"x\"]}}");
        say(fd, "{\"verb\":\"echo\",\"id\":\"seven\"}\n");
        expect(f, fd, "{\"id\":\"seven\",\"exit\":0,\"result\":{}}");
        say(fd, "{\"verb\":\"refuse\"}\n");
        expect(f, fd, "{\"exit\":4,\"error\":\"web is already on lb2\"}");
}

static void a_result_that_is_text_already_is_answered_like_any_other(void **state)
{
        struct fixture *f = *state;
        CLEANUP(closep) int fd = dial(f);

        say(fd, "{\"verb\":\"text\",\"id\":7}\n");
        expect(f, fd, "{\"id\":7,\"exit\":0,\"result\":{\"groups\":[1,{\"a\":\"b\"}]}}");
        say(fd, "{\"verb\":\"text\"}\n");
        expect(f, fd, "{\"exit\":0,\"result\":{\"groups\":[1,{\"a\":\"b\"}]}}");
}

static void progress_comes_before_the_answer(void **state)
{
        struct fixture *f = *state;
        CLEANUP(closep) int fd = dial(f);

        say(fd, "{\"verb\":\"steps\",\"id\":1}\n");
        expect(f, fd, "{\"id\":1,\"progress\":{\"step\":1}}");
        expect(f, fd, "{\"id\":1,\"progress\":{\"step\":2}}");
        expect(f, fd, "{\"id\":1,\"exit\":0}");
}

static void requests_sent_together_are_run_one_a_turn(void **state)
{
        struct fixture *f = *state;
        CLEANUP(closep) int fd = dial(f);
        unsigned before;

        for (int i = 0; i < 50; i++)
                say(fd, "{\"verb\":\"echo\"}\n");
        while (f->calls < 50) {
                before = f->calls;
                turn(f);
                assert_true(f->calls <= before + 1);
        }
        for (int i = 0; i < 50; i++)
                expect(f, fd, "{\"exit\":0,\"result\":{}}");
}

static void a_later_request_may_be_answered_first(void **state)
{
        struct fixture *f = *state;
        CLEANUP(closep) int fd = dial(f);

        say(fd, "{\"verb\":\"hold\",\"id\":1}\n{\"verb\":\"echo\",\"id\":2}\n");
        expect(f, fd, "{\"id\":2,\"exit\":0,\"result\":{}}");
        ctl_request_done(f->held[0], NULL);
        expect(f, fd, "{\"id\":1,\"exit\":0}");
        assert_int_equal(f->gone, 0);
}

static void a_client_that_ended_its_side_still_gets_every_answer(void **state)
{
        struct fixture *f = *state;
        CLEANUP(closep) int fd = dial(f);

        say(fd, "{\"verb\":\"hold\",\"id\":1}\n{\"verb\":\"echo\",\"id\":2}\n{\"verb\":\"echo\","
                "\"id\":3}");
        shutdown(fd, SHUT_WR);
        expect(f, fd, "{\"id\":2,\"exit\":0,\"result\":{}}");
        expect(f, fd, "{\"id\":3,\"exit\":0,\"result\":{}}"); /* though no newline came */
        assert_int_equal(f->gone, 0);
        ctl_request_done(f->held[0], NULL);
        expect(f, fd, "{\"id\":1,\"exit\":0}");
        expect_end(f, fd);
}

static void answers_wait_for_a_client_that_ended_its_side_and_reads_late(void **state)
{
        struct fixture *f = *state;
        CLEANUP(closep) int fd = dial(f);
        char bytes[65536];
        size_t got = 0;
        ssize_t n;

        say(fd, "{\"verb\":\"big\",\"args\":{\"size\":2000000}}\n");
        shutdown(fd, SHUT_WR);
        for (int i = 0; i < 5; i++)
                turn(f);
        while ((n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) != 0) {
                if (n < 0)
                        turn(f);
                else
                        got += (size_t)n;
        }
        /* {"exit":0,"result":{"text":"..."}} and newline: 32 bytes around the text */
        assert_int_equal(got, 2000000 + 32);
}

static void a_request_sent_before_hanging_up_is_still_run(void **state)
{
        struct fixture *f = *state;
        int fd = dial(f);

        say(fd, "{\"verb\":\"echo\"}\n");
        close(fd);
        run_until(f, &f->calls, 1);
}

static void broken_line(struct fixture *f, const char *line, const char *answer)
{
        CLEANUP(closep) int fd = dial(f);
        uint64_t before = ctl_server_stats(f->server).malformed;

        say(fd, line);
        if (answer)
                expect(f, fd, answer);
        else
                expect_exit(f, fd, CTL_USAGE);
        expect_end(f, fd);
        assert_int_equal(ctl_server_stats(f->server).malformed, before + 1);
}

static void a_line_that_is_no_request_gets_one_answer_and_the_end(void **state)
{
        struct fixture *f = *state;

        broken_line(f, "hello\n{\"verb\":\"echo\"}\n", NULL);
        broken_line(f, "{\"verb\":\"echo\",\"verb\":\"echo\"}\n", NULL);
        broken_line(f, "[]\n", "{\"exit\":2,\"error\":\"not a JSON object\"}");
        broken_line(f, "{}\n", "{\"exit\":2,\"error\":\"no \\\"verb\\\"\"}");
        broken_line(f, "{\"verb\":7,\"id\":3}\n",
                    "{\"id\":3,\"exit\":2,\"error\":\"no \\\"verb\\\"\"}");
        broken_line(f, "{\"verb\":\"echo\",\"id\":{}}\n",
                    "{\"exit\":2,\"error\":\"\\\"id\\\" is neither a number nor a string\"}");
        broken_line(f, "{\"verb\":\"echo\",\"args\":[]}\n",
                    "{\"exit\":2,\"error\":\"\\\"args\\\" is not an object\"}");
        broken_line(f, "{\"verb\":\"echo\",\"arg\":{}}\n",
                    "{\"exit\":2,\"error\":\"unknown member \\\"arg\\\"\"}");
        assert_int_equal(f->calls, 0);
}

static void an_unknown_verb_is_refused_and_the_next_line_served(void **state)
{
        struct fixture *f = *state;
        CLEANUP(closep) int fd = dial(f);

        say(fd, "{\"verb\":\"dance\",\"id\":1}\n{\"verb\":\"echo\",\"id\":2}\n");
        expect(f, fd, "{\"id\":1,\"exit\":2,\"error\":\"unknown verb \\\"dance\\\"\"}");
        expect(f, fd, "{\"id\":2,\"exit\":0,\"result\":{}}");
}

static void a_line_without_an_end_is_refused_at_the_limit(void **state)
{
        struct fixture *f = *state;
        CLEANUP(closep) int fd = dial(f);
        char block[4096];
        size_t sent = 0;
        ssize_t n;

        memset(block, ' ', sizeof(block));
        while (sent <= CTL_LINE_MAX) {
                n = send(fd, block, sizeof(block), MSG_DONTWAIT | MSG_NOSIGNAL);
                if (n > 0)
                        sent += (size_t)n;
                else
                        turn(f);
        }
        expect(f, fd, "{\"exit\":2,\"error\":\"request line is too long\"}");
        expect_end(f, fd);
}

static void a_vanished_client_is_told_of_once_and_answered_in_vain(void **state)
{
        struct fixture *f = *state;
        int fd = dial(f);

        say(fd, "{\"verb\":\"hold\"}\n{\"verb\":\"hold\"}\n");
        run_until(f, &f->n_held, 2);
        assert_int_equal(ctl_request_uid(f->held[0]), getuid());
        close(fd);
        run_until(f, &f->gone, 2);
        turn(f);
        assert_int_equal(f->gone, 2);
        assert_int_equal(ctl_request_progress(f->held[0], json_object()), -EPIPE);
        ctl_request_done(f->held[0], json_object());
        ctl_request_fail_with(f->held[1], CTL_FAILED, "no", json_object());
}

static void a_request_may_be_answered_when_its_client_is_gone(void **state)
{
        struct fixture *f = *state;
        int fd = dial(f);

        f->answer_when_gone = true;
        say(fd, "{\"verb\":\"hold\"}\n{\"verb\":\"hold\"}\n{\"verb\":\"hold\"}\n");
        run_until(f, &f->n_held, 3);
        close(fd);
        run_until(f, &f->gone, 3);
}

static void a_client_that_never_reads_is_cut_off_at_the_limit(void **state)
{
        struct fixture *f = *state;
        CLEANUP(closep) int fd = dial(f);
        int r = 0;
        unsigned n = 0;

        say(fd, "{\"verb\":\"hold\"}\n");
        run_until(f, &f->n_held, 1);
        while (r == 0 && n++ < 2000)
                r = ctl_request_progress(f->held[0],
                                         json_pack("{ss%}", "text", (char[65536]){0}, 65536));
        assert_int_equal(r, -EPIPE);
        /* NUL is six bytes of JSON, \u0000: 64 MiB hold 170 such lines, the socket buffer some more
         */
        assert_in_range(n, 170, 400);
        run_until(f, &f->gone, 1);
        ctl_request_done(f->held[0], NULL);
}

static void a_client_that_does_not_read_has_its_next_requests_wait(void **state)
{
        struct fixture *f = *state;
        CLEANUP(closep) int fd = dial(f);
        char bytes[65536];

        say(fd, "{\"verb\":\"big\",\"args\":{\"size\":1000000}}\n{\"verb\":\"echo\"}\n");
        for (int i = 0; i < 20; i++)
                turn(f);
        assert_int_equal(f->calls, 0);
        while (f->calls == 0) {
                if (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) < 0)
                        turn(f);
        }
}

static void too_many_requests_in_flight_are_refused(void **state)
{
        struct fixture *f = *state;
        CLEANUP(closep) int fd = dial(f);

        for (unsigned i = 0; i < CTL_REQUESTS_MAX; i++) {
                say(fd, "{\"verb\":\"hold\"}\n");
                run_until(f, &f->n_held, i + 1);
        }
        say(fd, "{\"verb\":\"hold\",\"id\":9}\n");
        expect(f, fd, "{\"id\":9,\"exit\":1,\"error\":\"more than 1024 requests in flight\"}");
        for (unsigned i = 0; i < CTL_REQUESTS_MAX; i++)
                ctl_request_done(f->held[i], NULL);
        assert_int_equal(ctl_server_stats(f->server).refused, 1);
}

static void one_client_too_many_is_told_so(void **state)
{
        struct fixture *f = *state;
        int fd[CTL_CLIENTS_MAX];
        int last;

        for (int i = 0; i < CTL_CLIENTS_MAX; i++) {
                fd[i] = dial(f);
                say(fd[i], "{\"verb\":\"echo\"}\n");
                expect(f, fd[i], "{\"exit\":0,\"result\":{}}");
        }
        last = dial(f);
        expect_exit(f, last, CTL_FAILED);
        expect_end(f, last);
        close(last);
        close(fd[0]);
        for (int i = 0; i < 3; i++)
                turn(f);
        last = dial(f);
        say(last, "{\"verb\":\"echo\"}\n");
        expect(f, last, "{\"exit\":0,\"result\":{}}");
        close(last);
        for (int i = 1; i < CTL_CLIENTS_MAX; i++)
                close(fd[i]);
        assert_int_equal(ctl_server_stats(f->server).refused, 1);
}

static void a_socket_for_one_user_turns_others_away_but_root(void **state)
{
        struct fixture *f = *state;
        struct ctl_options options = {.gid = (gid_t)-1, .only_uid = 4711};
        struct ctl_server *s;
        uid_t users[] = {4712, 0, 4711};
        int pair[2];

        assert_int_equal(ctl_server_new(&s, f->loop, &options, verbs, f), 0);
        for (unsigned i = 0; i < ARRAY_SIZE(users); i++) {
                assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
                assert_int_equal(ctl_server_adopt(s, pair[0], users[i]), i == 0 ? -EACCES : 0);
                if (i == 0) {
                        expect_exit(f, pair[1], CTL_NOT_PERMITTED);
                        expect_end(f, pair[1]);
                } else {
                        say(pair[1], "{\"verb\":\"echo\"}\n");
                        expect(f, pair[1], "{\"exit\":0,\"result\":{}}");
                }
                close(pair[1]);
        }
        ctl_server_free(s);
}

static void a_verb_may_free_the_server(void **state)
{
        struct fixture *f = *state;
        CLEANUP(closep) int fd = dial(f);

        say(fd, "{\"verb\":\"hold\"}\n{\"verb\":\"free\"}\n{\"verb\":\"echo\"}\n");
        expect_end(f, fd);
        assert_null(f->server);
        assert_int_equal(f->gone, 1);
        assert_int_equal(f->calls, 0);
        ctl_request_done(f->held[0], NULL);
        assert_int_equal(access(f->path, F_OK), -1);
}

/* --- the socket file ---------------------------------------------------------------- */

static void the_socket_has_the_mode_and_group_asked_for(void **state)
{
        struct fixture *f = *state;
        struct ctl_options options = options_of(f);
        struct stat st;

        f->server = ctl_server_free(f->server);
        options.mode = 0620;
        options.gid = getegid();
        assert_int_equal(ctl_server_new(&f->server, f->loop, &options, verbs, f), 0);
        assert_int_equal(lstat(f->path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0620);
        assert_int_equal(st.st_gid, getegid());
        f->server = ctl_server_free(f->server);
        assert_int_equal(access(f->path, F_OK), -1);
}

static void a_socket_somebody_listens_on_is_left_alone(void **state)
{
        struct fixture *f = *state;
        struct ctl_options options = options_of(f);
        struct ctl_server *second = NULL;
        CLEANUP(closep) int fd = -1;

        assert_int_equal(ctl_server_new(&second, f->loop, &options, verbs, f), -EADDRINUSE);
        fd = dial(f);
        say(fd, "{\"verb\":\"echo\"}\n");
        expect(f, fd, "{\"exit\":0,\"result\":{}}");
}

static void a_stale_socket_is_replaced(void **state)
{
        struct fixture *f = *state;
        struct ctl_options options = options_of(f);
        struct ctl_place place;
        CLEANUP(closep) int fd = -1;

        f->server = ctl_server_free(f->server);
        fd = ctl_listen(f->path, 0600, (gid_t)-1, &place);
        assert_true(fd >= 0);
        free(place.path);
        close(fd); /* as after SIGKILL: the file stays, nobody listens */
        fd = -1;
        assert_int_equal(access(f->path, F_OK), 0);
        assert_int_equal(ctl_server_new(&f->server, f->loop, &options, verbs, f), 0);
        fd = dial(f);
        say(fd, "{\"verb\":\"echo\"}\n");
        expect(f, fd, "{\"exit\":0,\"result\":{}}");
}

static void a_file_that_is_no_socket_is_left_alone(void **state)
{
        struct fixture *f = *state;
        struct ctl_options options = options_of(f);
        struct stat st;

        f->server = ctl_server_free(f->server);
        close(open(f->path, O_CREAT | O_WRONLY, 0600));
        assert_int_equal(ctl_server_new(&f->server, f->loop, &options, verbs, f), -EEXIST);
        assert_int_equal(lstat(f->path, &st), 0);
        assert_true(S_ISREG(st.st_mode));
}

static void a_successors_socket_is_not_unlinked(void **state)
{
        struct fixture *f = *state;
        struct ctl_options options = options_of(f);
        struct ctl_server *successor;

        unlink(f->path);
        assert_int_equal(ctl_server_new(&successor, f->loop, &options, verbs, f), 0);
        f->server = ctl_server_free(f->server);
        assert_int_equal(access(f->path, F_OK), 0);
        ctl_server_free(successor);
}

static void a_path_too_long_for_a_socket_is_refused(void **state)
{
        struct fixture *f = *state;
        struct ctl_options options = options_of(f);
        struct ctl_server *s = NULL;
        char path[200];

        memset(path, 'x', sizeof(path) - 1);
        path[0] = '/';
        path[sizeof(path) - 1] = '\0';
        options.path = path;
        assert_int_equal(ctl_server_new(&s, f->loop, &options, verbs, f), -ENAMETOOLONG);
}

/* --- blocking calls, from a thread ---------------------------------------------------- */

struct caller {
        const struct fixture *f;
        const char *verb;
        json_t *args;
        int64_t timeout_us;
        int stop_at; /* progress lines; 0: never */
        int seen;
        int result;
        json_t *answer;
        pthread_t thread;
        unsigned finished;
};

static int on_progress(const json_t *progress, void *arg)
{
        struct caller *c = arg;

        return ++c->seen == c->stop_at;
}

static void *call(void *arg)
{
        struct caller *c = arg;

        c->result =
                ctl_call(c->f->path, c->verb, c->args, c->timeout_us, on_progress, c, &c->answer);
        __atomic_store_n(&c->finished, 1, __ATOMIC_RELEASE);
        return NULL;
}

static struct caller call_and_serve(struct fixture *f, struct caller c)
{
        mono_t deadline = mono_add_us(clock_now(), DEADLINE_US);

        c.f = f;
        assert_int_equal(pthread_create(&c.thread, NULL, call, &c), 0);
        while (!__atomic_load_n(&c.finished, __ATOMIC_ACQUIRE) &&
               mono_before(clock_now(), deadline))
                turn(f);
        pthread_join(c.thread, NULL);
        return c;
}

static void a_call_brings_progress_and_the_answer(void **state)
{
        struct caller c =
                call_and_serve(*state, (struct caller){.verb = "steps", .timeout_us = -1});

        assert_int_equal(c.result, 0);
        assert_int_equal(c.seen, 2);
        assert_int_equal(json_integer_value(json_object_get(c.answer, "exit")), 0);
        json_decref(c.answer);
}

static void a_call_reads_an_answer_of_megabytes(void **state)
{
        struct caller c =
                call_and_serve(*state, (struct caller){.verb = "big",
                                                       .args = json_pack("{si}", "size", 5000000),
                                                       .timeout_us = DEADLINE_US});
        json_t *result = json_object_get(c.answer, "result");

        assert_int_equal(c.result, 0);
        assert_int_equal(json_string_length(json_object_get(result, "text")), 5000000);
        json_decref(c.answer);
}

static void a_call_can_be_stopped_by_its_progress(void **state)
{
        struct caller c = call_and_serve(
                *state, (struct caller){.verb = "steps", .timeout_us = -1, .stop_at = 1});

        assert_int_equal(c.result, -ECANCELED);
        assert_int_equal(c.seen, 1);
        assert_null(c.answer);
}

static void a_call_gives_up_at_its_timeout(void **state)
{
        struct fixture *f = *state;
        struct caller c = call_and_serve(f, (struct caller){.verb = "hold", .timeout_us = 50000});

        assert_int_equal(c.result, -ETIMEDOUT);
        run_until(f, &f->gone, 1);
        ctl_request_done(f->held[0], NULL);
}

static void a_call_says_why_nobody_answers(void **state)
{
        struct fixture *f = *state;
        json_t *answer = NULL;
        int fd;

        assert_int_equal(
                call_and_serve(f, (struct caller){.verb = "free", .timeout_us = -1}).result,
                -ECONNRESET);
        assert_int_equal(ctl_call(f->path, "echo", NULL, -1, NULL, NULL, &answer), -ENOENT);
        fd = socket(AF_UNIX, SOCK_STREAM, 0);
        struct sockaddr_un name = {.sun_family = AF_UNIX};
        strcpy(name.sun_path, f->path);
        assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
        close(fd);
        assert_int_equal(ctl_call(f->path, "echo", NULL, -1, NULL, NULL, &answer), -ECONNREFUSED);
        assert_null(answer);
}

/* --- the client for daemons ------------------------------------------------------------- */

static void on_answer(const json_t *answer, void *arg)
{
        struct fixture *f = arg;

        f->exits[f->n_exits++] =
                answer ? (int)json_integer_value(json_object_get(answer, "exit")) : -1;
}

static void other_answer(const json_t *answer, void *arg)
{
        ++*(unsigned *)arg;
}

static void make_client(struct fixture *f)
{
        assert_int_equal(ctl_client_new(&f->client, f->loop, f->path, 0), 0);
}

static int ask(struct fixture *f, const char *verb)
{
        return ctl_client_call(f->client, verb, NULL, DEADLINE_US, on_answer, f);
}

static void answers_find_their_requests_in_any_order(void **state)
{
        struct fixture *f = *state;

        make_client(f);
        assert_int_equal(ask(f, "hold"), 0);
        assert_int_equal(ask(f, "refuse"), 0);
        assert_int_equal(ask(f, "echo"), 0);
        assert_int_equal(f->n_exits, 0); /* never from inside the call */
        run_until(f, &f->n_exits, 2);
        ctl_request_fail(f->held[0], CTL_RUNNING, "later");
        run_until(f, &f->n_exits, 3);
        assert_int_equal(f->exits[0], CTL_REFUSED);
        assert_int_equal(f->exits[1], CTL_DONE);
        assert_int_equal(f->exits[2], CTL_RUNNING);
        assert_int_equal(ctl_server_stats(f->server).accepted, 1);
}

static void a_request_that_times_out_leaves_the_others_open(void **state)
{
        struct fixture *f = *state;

        make_client(f);
        assert_int_equal(ask(f, "hold"), 0);
        assert_int_equal(ctl_client_call(f->client, "hold", NULL, 20000, on_answer, f), 0);
        run_until(f, &f->n_held, 2);
        run_until(f, &f->n_exits, 1);
        assert_int_equal(f->exits[0], -1);
        ctl_request_done(f->held[1], NULL); /* too late: dropped */
        ctl_request_done(f->held[0], NULL);
        run_until(f, &f->n_exits, 2);
        assert_int_equal(f->exits[1], CTL_DONE);
}

static void a_lost_server_ends_every_open_request(void **state)
{
        struct fixture *f = *state;
        struct ctl_options options = options_of(f);
        mono_t deadline;

        make_client(f);
        assert_int_equal(ask(f, "hold"), 0);
        assert_int_equal(ask(f, "hold"), 0);
        run_until(f, &f->n_held, 2);
        f->server = ctl_server_free(f->server);
        run_until(f, &f->n_exits, 2);
        assert_int_equal(f->exits[0], -1);
        assert_int_equal(f->exits[1], -1);
        ctl_request_done(f->held[0], NULL);
        ctl_request_done(f->held[1], NULL);

        assert_int_equal(ask(f, "echo"), -ENOTCONN); /* too early */
        assert_int_equal(ctl_server_new(&f->server, f->loop, &options, verbs, f), 0);
        deadline = mono_add_us(clock_now(), DEADLINE_US);
        while (ask(f, "echo") < 0 && mono_before(clock_now(), deadline))
                turn(f);
        run_until(f, &f->n_exits, 3);
        assert_int_equal(f->exits[2], CTL_DONE);
}

static void a_call_without_a_server_fails_at_once(void **state)
{
        struct fixture *f = *state;

        f->server = ctl_server_free(f->server);
        make_client(f);
        assert_int_equal(ask(f, "echo"), -ENOTCONN);
        turn(f);
        assert_int_equal(f->n_exits, 0);
}

static void too_many_open_requests_are_refused_here(void **state)
{
        struct fixture *f = *state;

        make_client(f);
        for (int i = 0; i < CTL_REQUESTS_MAX; i++)
                assert_int_equal(ask(f, "hold"), 0);
        assert_int_equal(ask(f, "hold"), -EBUSY);
        run_until(f, &f->n_held, CTL_REQUESTS_MAX);
        for (int i = 0; i < CTL_REQUESTS_MAX; i++)
                ctl_request_done(f->held[i], NULL);
        run_until(f, &f->n_exits, CTL_REQUESTS_MAX);
        assert_int_equal(ask(f, "echo"), 0);
}

static void a_forgotten_callback_is_not_called(void **state)
{
        struct fixture *f = *state;
        unsigned others = 0;

        make_client(f);
        assert_int_equal(ask(f, "echo"), 0);
        assert_int_equal(ctl_client_call(f->client, "echo", NULL, -1, other_answer, &others), 0);
        ctl_client_forget(f->client, f);
        run_until(f, &others, 1);
        assert_int_equal(f->n_exits, 0);
}

static void free_in_answer(const json_t *answer, void *arg)
{
        struct fixture *f = arg;

        on_answer(answer, arg);
        f->client = ctl_client_free(f->client);
}

static void a_callback_may_free_the_client(void **state)
{
        struct fixture *f = *state;

        make_client(f);
        assert_int_equal(ctl_client_call(f->client, "echo", NULL, -1, free_in_answer, f), 0);
        assert_int_equal(ask(f, "echo"), 0);
        assert_int_equal(ask(f, "hold"), 0);
        run_until(f, &f->n_exits, 3);
        assert_int_equal(f->exits[0], CTL_DONE);
        assert_int_equal(f->exits[1], -1);
        assert_int_equal(f->exits[2], -1);
        run_until(f, &f->calls, 2);
        if (f->n_held)
                ctl_request_done(f->held[0], NULL);
        f->n_held = 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lines_come_out_whole_however_the_bytes_arrive),
                cmocka_unit_test(a_line_of_the_limit_fits_and_one_more_byte_does_not),
                cmocka_unit_test(a_full_queue_keeps_whole_lines_only),
                cmocka_unit_test(a_name_twice_or_deep_nesting_or_more_behind_it_is_refused),
                TEST(an_answer_echoes_the_id_it_was_asked_with),
                TEST(a_result_that_is_text_already_is_answered_like_any_other),
                TEST(progress_comes_before_the_answer),
                TEST(requests_sent_together_are_run_one_a_turn),
                TEST(a_later_request_may_be_answered_first),
                TEST(a_client_that_ended_its_side_still_gets_every_answer),
                TEST(answers_wait_for_a_client_that_ended_its_side_and_reads_late),
                TEST(a_request_sent_before_hanging_up_is_still_run),
                TEST(a_line_that_is_no_request_gets_one_answer_and_the_end),
                TEST(an_unknown_verb_is_refused_and_the_next_line_served),
                TEST(a_line_without_an_end_is_refused_at_the_limit),
                TEST(a_vanished_client_is_told_of_once_and_answered_in_vain),
                TEST(a_request_may_be_answered_when_its_client_is_gone),
                TEST(a_client_that_never_reads_is_cut_off_at_the_limit),
                TEST(a_client_that_does_not_read_has_its_next_requests_wait),
                TEST(too_many_requests_in_flight_are_refused),
                TEST(one_client_too_many_is_told_so),
                TEST(a_socket_for_one_user_turns_others_away_but_root),
                TEST(a_verb_may_free_the_server),
                TEST(the_socket_has_the_mode_and_group_asked_for),
                TEST(a_socket_somebody_listens_on_is_left_alone),
                TEST(a_stale_socket_is_replaced),
                TEST(a_file_that_is_no_socket_is_left_alone),
                TEST(a_successors_socket_is_not_unlinked),
                TEST(a_path_too_long_for_a_socket_is_refused),
                TEST(a_call_brings_progress_and_the_answer),
                TEST(a_call_reads_an_answer_of_megabytes),
                TEST(a_call_can_be_stopped_by_its_progress),
                TEST(a_call_gives_up_at_its_timeout),
                TEST(a_call_says_why_nobody_answers),
                TEST(answers_find_their_requests_in_any_order),
                TEST(a_request_that_times_out_leaves_the_others_open),
                TEST(a_lost_server_ends_every_open_request),
                TEST(a_call_without_a_server_fails_at_once),
                TEST(too_many_open_requests_are_refused_here),
                TEST(a_forgotten_callback_is_not_called),
                TEST(a_callback_may_free_the_client),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
