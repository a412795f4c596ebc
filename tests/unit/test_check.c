/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp and http checks against servers in the same loop, and a real one. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "tests/unit/run_rig.h"
#include "vipd/check.h"

/* --- a server in the loop -------------------------------------------------------- */

#define CONNS_MAX 200

/* Answers what it is told to, as soon as something is asked. */
struct server {
        sd_event *loop;
        int fd;
        uint16_t port;
        sd_event_source *io;
        const char *answer; /* NULL: none */
        bool close_after;   /* the answer */
        size_t drip;        /* bytes sent at once; 0: all */
        int conns[CONNS_MAX];
        sd_event_source *asked[CONNS_MAX];
        unsigned n_conns; /* accepted */
        mono_t when[CONNS_MAX];
        unsigned open_max; /* at a time */
        char request[1024];
};

static bool is_open(int fd)
{
        struct tcp_info info;
        socklen_t len = sizeof(info);

        assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
        return info.tcpi_state == TCP_ESTABLISHED;
}

static unsigned count_open(const struct server *s)
{
        unsigned n = 0;

        for (unsigned i = 0; i < s->n_conns; i++)
                n += is_open(s->conns[i]);
        return n;
}

/* Piece by piece: the loop has its turn in between. */
static void answer(struct server *s, int fd)
{
        size_t len = s->answer ? strlen(s->answer) : 0;
        size_t step = s->drip > 0 ? s->drip : len;

        for (size_t at = 0; at < len; at += step)
                send(fd, s->answer + at, len - at < step ? len - at : step, MSG_NOSIGNAL);
        if (s->close_after)
                shutdown(fd, SHUT_RDWR);
}

static int on_asked(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
        struct server *s = arg;
        char request[1024];
        ssize_t n = recv(fd, request, sizeof(request) - 1, MSG_DONTWAIT);

        sd_event_source_set_enabled(source, SD_EVENT_OFF);
        if (n <= 0)
                return 0;
        request[n] = '\0';
        snprintf(s->request, sizeof(s->request), "%s", request);
        answer(s, fd);
        return 0;
}

static int on_accept(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
        struct server *s = arg;
        int conn = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        unsigned n;

        if (conn < 0)
                return 0;
        assert_true(s->n_conns < CONNS_MAX);
        assert_int_equal(setsockopt(conn, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)), 0);
        s->when[s->n_conns] = clock_now();
        s->conns[s->n_conns] = conn;
        if (s->answer || s->close_after)
                assert_true(sd_event_add_io(s->loop, &s->asked[s->n_conns], conn, EPOLLIN, on_asked,
                                            s) >= 0);
        s->n_conns++;
        n = count_open(s);
        if (n > s->open_max)
                s->open_max = n;
        return 0;
}

static void server_listen(struct server *s, struct rig *r, int backlog)
{
        struct sockaddr_in name = {.sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof(name);

        *s = (struct server){.loop = r->loop};
        s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(s->fd, (struct sockaddr *)&name, len), 0);
        assert_int_equal(listen(s->fd, backlog), 0);
        assert_int_equal(getsockname(s->fd, (struct sockaddr *)&name, &len), 0);
        s->port = ntohs(name.sin_port);
}

static void server_start(struct server *s, struct rig *r)
{
        server_listen(s, r, 1024);
        assert_true(sd_event_add_io(r->loop, &s->io, s->fd, EPOLLIN, on_accept, s) >= 0);
}

static void server_stop(struct server *s)
{
        sd_event_source_disable_unref(s->io);
        for (unsigned i = 0; i < s->n_conns; i++) {
                sd_event_source_disable_unref(s->asked[i]);
                close(s->conns[i]);
        }
        close(s->fd);
}

/* --- a check under test ---------------------------------------------------------- */

struct seen {
        struct check *check;
        unsigned turns, ups, downs;
        char detail[CHECK_DETAIL_MAX];
        bool free_it;
};

static void on_turned(void *arg, struct check *c, bool up, const char *detail)
{
        struct seen *seen = arg;

        seen->turns++;
        seen->ups += up;
        seen->downs += !up;
        snprintf(seen->detail, sizeof(seen->detail), "%s", detail);
        if (seen->free_it)
                seen->check = check_free(seen->check);
}

static struct conf_check conf_of(enum conf_check_kind kind, uint16_t port)
{
        static char host[] = "test.example", path[] = "/healthz";
        struct conf_check conf = {
                .name = "health",
                .kind = kind,
                .port = port,
                .host = host,
                .path = path,
                .interval_us = 20 * US_PER_MS,
                .timeout_us = 10 * US_PER_S, /* far away, where it is not what is tested */
                .rise = 1,
                .fall = 1,
        };

        assert_int_equal(ip_addr_parse("127.0.0.1", &conf.address), 0);
        return conf;
}

static void begin(struct seen *seen, struct rig *r, const struct conf_check *conf)
{
        *seen = (struct seen){0};
        assert_int_equal(
                check_new(&seen->check, r->loop, NULL, "digest", "web", conf, on_turned, seen), 0);
        assert_int_equal(check_state(seen->check), CHECK_UNKNOWN);
        assert_string_equal(check_detail(seen->check), "not tried yet");
}

static bool has_turned(void *arg)
{
        const struct seen *seen = arg;

        return seen->turns > 0;
}

static bool has_turned_twice(void *arg)
{
        const struct seen *seen = arg;

        return seen->turns > 1;
}

/* The first result of a check; then it is over. */
static void expect(struct rig *r, const struct conf_check *conf, bool up, const char *detail)
{
        struct seen seen;

        begin(&seen, r, conf);
        rig_run_until(r, has_turned, &seen, "a result");
        assert_string_equal(seen.detail, detail);
        assert_int_equal(seen.ups, up);
        assert_int_equal(check_state(seen.check), up ? CHECK_UP : CHECK_DOWN);
        assert_string_equal(check_detail(seen.check), detail);
        check_free(seen.check);
}

static unsigned open_descriptors(void)
{
        DIR *d = opendir("/proc/self/fd");
        unsigned n = 0;

        assert_non_null(d);
        while (readdir(d))
                n++;
        closedir(d);
        return n;
}

/* Sockets of any state with this local or remote port, besides the listening one. */
static unsigned sockets_with_port(uint16_t port)
{
        FILE *f = fopen("/proc/net/tcp", "re");
        unsigned local, remote, state, n = 0;
        char line[256];

        assert_non_null(f);
        while (fgets(line, sizeof(line), f))
                if (sscanf(line, " %*d: %*x:%x %*x:%x %x", &local, &remote, &state) == 3 &&
                    (local == port || remote == port) && state != 0x0a)
                        n++;
        fclose(f);
        return n;
}

/* --- tcp ------------------------------------------------------------------------- */

static void a_port_that_accepts_is_up(void **state)
{
        struct rig *r = *state;
        struct server s;
        struct conf_check conf;

        server_start(&s, r);
        conf = conf_of(CONF_CHECK_TCP, s.port);
        expect(r, &conf, true, "connected");
        server_stop(&s);
}

static void a_closed_port_is_down_at_the_first_try(void **state)
{
        struct rig *r = *state;
        struct server s;
        struct conf_check conf;

        server_start(&s, r);
        server_stop(&s);
        conf = conf_of(CONF_CHECK_TCP, s.port);
        conf.target = (char[]){"127.0.0.1:9"};
        conf.fall = 5; /* counts only from up */
        expect(r, &conf, false, "127.0.0.1:9: connect: Connection refused");
}

static void an_address_without_route_says_so(void **state)
{
        struct conf_check conf = conf_of(CONF_CHECK_TCP, 80);

        assert_int_equal(ip_addr_parse("255.255.255.255", &conf.address), 0);
        expect(*state, &conf, false, "connect: Network is unreachable");
}

/* A full backlog: the kernel drops further SYNs. */
static void a_port_that_does_not_answer_times_out(void **state)
{
        struct rig *r = *state;
        int fillers[4];
        struct server s;
        struct conf_check conf;
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

        server_listen(&s, r, 0);
        to.sin_port = htons(s.port);
        for (size_t i = 0; i < ARRAY_SIZE(fillers); i++) {
                fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
                connect(fillers[i], (struct sockaddr *)&to, sizeof(to));
        }
        conf = conf_of(CONF_CHECK_TCP, s.port);
        conf.timeout_us = 100 * US_PER_MS;
        expect(r, &conf, false, "timeout after 100 ms while connecting");
        for (size_t i = 0; i < ARRAY_SIZE(fillers); i++)
                close(fillers[i]);
        server_stop(&s);
}

static void ipv6_is_connected_to(void **state)
{
        struct rig *r = *state;
        struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
        socklen_t len = sizeof(name);
        int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct conf_check conf;

        if (fd < 0 || bind(fd, (struct sockaddr *)&name, len) < 0) {
                if (fd >= 0)
                        close(fd);
                skip(); /* a host without IPv6 */
        }
        assert_int_equal(listen(fd, 8), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &len), 0);
        conf = conf_of(CONF_CHECK_TCP, ntohs(name.sin6_port));
        assert_int_equal(ip_addr_parse("::1", &conf.address), 0);
        expect(r, &conf, true, "connected");
        close(fd);
}

static bool fifty_came(void *arg)
{
        const struct server *s = arg;

        return s->n_conns >= 50;
}

static void tries_leave_no_socket_behind(void **state)
{
        struct rig *r = *state;
        unsigned before;
        struct server s;
        struct conf_check conf;
        struct seen seen;

        server_start(&s, r);
        conf = conf_of(CONF_CHECK_TCP, s.port);
        conf.interval_us = 2 * US_PER_MS;
        expect(r, &conf, true, "connected"); /* the loop's own descriptors are there now */
        before = open_descriptors() - s.n_conns;
        begin(&seen, r, &conf);
        rig_run_until(r, fifty_came, &s, "50 tries");
        check_free(seen.check);
        for (unsigned i = 0; i < s.n_conns; i++)
                close(s.conns[i]);
        s.n_conns = 0;
        assert_int_equal(open_descriptors(), before);
        /* one try may still be in the backlog; a TIME_WAIT each would be 50 */
        assert_in_range(sockets_with_port(s.port), 0, 4);
        server_stop(&s);
}

/* --- http ------------------------------------------------------------------------ */

static void expect_answer(struct rig *r, const char *text, size_t drip, bool close_after, bool up,
                          const char *detail)
{
        struct server s;
        struct conf_check conf;

        server_start(&s, r);
        s.answer = text;
        s.drip = drip;
        s.close_after = close_after;
        conf = conf_of(CONF_CHECK_HTTP, s.port);
        if (!text && !close_after)
                conf.timeout_us = 100 * US_PER_MS;
        expect(r, &conf, up, detail);
        assert_true(s.n_conns > 0);
        server_stop(&s);
}

static void statuses_from_200_to_399_are_up(void **state)
{
        expect_answer(*state, "HTTP/1.1 200 OK\r\n\r\n", 0, false, true, "status 200");
        expect_answer(*state, "HTTP/1.0 302 Found\r\n\r\n", 0, true, true, "status 302");
        expect_answer(*state, "HTTP/1.1 103 x\r\n\r\nHTTP/1.1 204 x\r\n\r\n", 0, true, true,
                      "status 204");
}

static void other_statuses_are_down(void **state)
{
        expect_answer(*state, "HTTP/1.1 503 Unavailable\r\n\r\n", 0, false, false, "status 503");
        expect_answer(*state, "HTTP/1.1 404 Not Found\r\n\r\n", 0, true, false, "status 404");
}

static void an_answer_in_pieces_is_put_together(void **state)
{
        expect_answer(*state, "HTTP/1.1 200 OK\r\n\r\n", 1, false, true, "status 200");
}

static void what_is_not_http_is_down(void **state)
{
        expect_answer(*state, "SSH-2.0-OpenSSH_9.2\r\n", 0, false, false, "reply: not HTTP");
        expect_answer(*state, "HTTP/2.0 200 OK\r\n", 0, false, false,
                      "reply: an HTTP version other than 1.0 and 1.1");
}

static void a_server_that_closes_early_is_down(void **state)
{
        expect_answer(*state, NULL, 0, true, false, "closed after 0 bytes without a status");
        expect_answer(*state, "HTTP/1.1 200", 0, true, false,
                      "closed after 12 bytes without a status");
}

static void a_silent_server_times_out(void **state)
{
        expect_answer(*state, NULL, 0, false, false,
                      "timeout after 100 ms while waiting for the reply");
}

static void asks_for_the_path_at_the_host(void **state)
{
        struct rig *r = *state;
        struct server s;
        struct conf_check conf;

        server_start(&s, r);
        s.answer = "HTTP/1.1 200 OK\r\n\r\n";
        conf = conf_of(CONF_CHECK_HTTP, s.port);
        expect(r, &conf, true, "status 200");
        assert_string_equal(s.request, "GET /healthz HTTP/1.1\r\n"
                                       "Host: test.example\r\n"
                                       "User-Agent: vipring-check\r\n"
                                       "Accept: */*\r\n"
                                       "Connection: close\r\n"
                                       "\r\n");
        server_stop(&s);
}

static bool serves(void *arg)
{
        const struct sockaddr_in *to = arg;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool up = connect(fd, (const struct sockaddr *)to, sizeof(*to)) == 0;

        close(fd);
        return up;
}

/* python's http.server: an index is there, /missing is not. */
static void a_real_server_is_understood(void **state)
{
        static char missing[] = "/missing", root[] = "/";
        struct rig *r = *state;
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        struct server s;
        struct conf_check conf;
        char port[8];
        pid_t pid;

        server_listen(&s, r, 1); /* only to be given a port */
        server_stop(&s);
        to.sin_port = htons(s.port);
        snprintf(port, sizeof(port), "%u", s.port);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                if (!freopen("/dev/null", "w", stderr) || !freopen("/dev/null", "w", stdout))
                        _exit(127);
                execl("/usr/bin/python3", "python3", "-m", "http.server", "--bind", "127.0.0.1",
                      "--directory", r->dir, port, (char *)NULL);
                _exit(127);
        }
        rig_run_until(r, serves, &to, "python's http.server");
        conf = conf_of(CONF_CHECK_HTTP, s.port);
        conf.path = root;
        expect(r, &conf, true, "status 200");
        conf.path = missing;
        expect(r, &conf, false, "status 404");
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        conf.path = root;
        expect(r, &conf, false, "connect: Connection refused");
}

/* --- the beat -------------------------------------------------------------------- */

static bool twenty_came(void *arg)
{
        const struct server *s = arg;

        return s->n_conns >= 20;
}

static void tries_keep_the_beat(void **state)
{
        struct rig *r = *state;
        struct server s;
        struct conf_check conf;
        struct seen seen;
        mono_t start;

        server_start(&s, r);
        conf = conf_of(CONF_CHECK_TCP, s.port);
        start = clock_now();
        begin(&seen, r, &conf);
        rig_run_until(r, twenty_came, &s, "20 tries");
        /* the i-th try begins i intervals after the first, which does not begin before us */
        for (unsigned i = 0; i < 20; i++)
                assert_true(mono_diff_us(s.when[i], start) >= i * conf.interval_us);
        check_free(seen.check);
        server_stop(&s);
}

/* Each try lasts 50 ms (its timeout), beats come every 20 ms: every third begins a try. */
static void a_long_try_skips_beats_and_never_overlaps(void **state)
{
        struct rig *r = *state;
        struct server s;
        struct conf_check conf;
        struct seen seen;

        server_start(&s, r);
        conf = conf_of(CONF_CHECK_HTTP, s.port);
        conf.timeout_us = 50 * US_PER_MS;
        begin(&seen, r, &conf);
        rig_run_for(r, 500 * US_PER_MS);
        assert_in_range(s.n_conns, 2, 500 / 60 + 1);
        assert_int_equal(s.open_max, 1);
        check_free(seen.check);
        server_stop(&s);
}

#define MANY 16

static bool all_have_turned(void *arg)
{
        const struct seen *seen = arg;

        for (unsigned i = 0; i < MANY; i++)
                if (seen[i].turns == 0)
                        return false;
        return true;
}

/* FNV-1a of "web" and "check0" to "check15", modulo 50 000: the largest is 49580 us (check7).
   Beats never come early, so the last result cannot either. */
static void first_tries_of_many_checks_are_spread(void **state)
{
        struct conf_check confs[MANY];
        struct seen seen[MANY];
        struct rig *r = *state;
        struct server s;
        mono_t start;

        server_start(&s, r);
        start = clock_now();
        for (unsigned i = 0; i < MANY; i++) {
                confs[i] = conf_of(CONF_CHECK_TCP, s.port);
                confs[i].interval_us = US_PER_S * 3600;
                snprintf(confs[i].name, sizeof(confs[i].name), "check%u", i);
                begin(&seen[i], r, &confs[i]);
        }
        rig_run_until(r, all_have_turned, seen, "a result of each");
        assert_true(mono_diff_us(clock_now(), start) >= 49580);
        for (unsigned i = 0; i < MANY; i++)
                check_free(seen[i].check);
        server_stop(&s);
}

/* --- rise, fall, reload ---------------------------------------------------------- */

static void turns_after_rise_and_fall_and_says_how_often(void **state)
{
        struct rig *r = *state;
        struct server s;
        struct conf_check conf;
        struct seen seen;

        server_start(&s, r);
        s.answer = "HTTP/1.1 200 OK\r\n\r\n";
        conf = conf_of(CONF_CHECK_HTTP, s.port);
        conf.rise = 2;
        conf.fall = 3;
        begin(&seen, r, &conf);
        rig_run_until(r, has_turned, &seen, "up");
        assert_string_equal(seen.detail, "status 200 (2 of 2)");
        assert_int_equal(s.n_conns, 2);

        s.answer = "HTTP/1.1 500 no\r\n\r\n";
        rig_run_until(r, has_turned_twice, &seen, "down");
        assert_string_equal(seen.detail, "status 500 (3 of 3)");
        assert_int_equal(s.n_conns, 5);
        assert_int_equal(seen.ups, 1);
        assert_int_equal(seen.downs, 1);
        check_free(seen.check);
        server_stop(&s);
}

static void a_reload_keeps_the_state_and_takes_the_new_configuration(void **state)
{
        struct rig *r = *state;
        struct server s;
        struct conf_check *old = malloc(sizeof(*old)), conf;
        struct seen seen;
        unsigned before;

        server_start(&s, r);
        conf = *old = conf_of(CONF_CHECK_TCP, s.port);
        begin(&seen, r, old);
        rig_run_until(r, has_turned, &seen, "up");
        check_rebind(seen.check, "another", "web", &conf);
        free(old); /* nobody looks at it any more */
        assert_ptr_equal(check_conf(seen.check), &conf);
        assert_int_equal(check_state(seen.check), CHECK_UP);
        before = s.n_conns;
        while (s.n_conns < before + 3)
                rig_run_for(r, 10 * US_PER_MS);
        assert_int_equal(seen.turns, 1);
        check_free(seen.check);
        server_stop(&s);
}

static void may_be_freed_from_its_own_callback(void **state)
{
        struct rig *r = *state;
        enum conf_check_kind kinds[] = {CONF_CHECK_TCP, CONF_CHECK_HTTP};
        struct server s;
        struct conf_check conf;
        struct seen seen;

        server_start(&s, r);
        s.answer = "HTTP/1.1 200 OK\r\n\r\n";
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                conf = conf_of(kinds[i], s.port);
                begin(&seen, r, &conf);
                seen.free_it = true;
                rig_run_until(r, has_turned, &seen, "a result");
                assert_null(seen.check);
                rig_run_for(r, 50 * US_PER_MS);
                assert_int_equal(seen.turns, 1);
        }
        server_stop(&s);
        conf = conf_of(CONF_CHECK_TCP, s.port); /* refused now */
        begin(&seen, r, &conf);
        seen.free_it = true;
        rig_run_until(r, has_turned, &seen, "a result");
        assert_int_equal(seen.downs, 1);
}

static void may_be_freed_in_the_middle_of_a_try(void **state)
{
        struct rig *r = *state;
        struct server s;
        struct conf_check conf;
        struct seen seen;

        server_start(&s, r);
        conf = conf_of(CONF_CHECK_HTTP, s.port);
        begin(&seen, r, &conf);
        while (s.n_conns == 0)
                rig_run_for(r, US_PER_MS);
        check_free(seen.check);
        rig_run_for(r, 50 * US_PER_MS);
        assert_int_equal(seen.turns, 0);
        assert_int_equal(s.n_conns, 1);
        assert_int_equal(count_open(&s), 0);
        server_stop(&s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_port_that_accepts_is_up),
                TEST(a_closed_port_is_down_at_the_first_try),
                TEST(an_address_without_route_says_so),
                TEST(a_port_that_does_not_answer_times_out),
                TEST(ipv6_is_connected_to),
                TEST(tries_leave_no_socket_behind),
                TEST(statuses_from_200_to_399_are_up),
                TEST(other_statuses_are_down),
                TEST(an_answer_in_pieces_is_put_together),
                TEST(what_is_not_http_is_down),
                TEST(a_server_that_closes_early_is_down),
                TEST(a_silent_server_times_out),
                TEST(asks_for_the_path_at_the_host),
                TEST(a_real_server_is_understood),
                TEST(tries_keep_the_beat),
                TEST(a_long_try_skips_beats_and_never_overlaps),
                TEST(first_tries_of_many_checks_are_spread),
                TEST(turns_after_rise_and_fall_and_says_how_often),
                TEST(a_reload_keeps_the_state_and_takes_the_new_configuration),
                TEST(may_be_freed_from_its_own_callback),
                TEST(may_be_freed_in_the_middle_of_a_try),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
