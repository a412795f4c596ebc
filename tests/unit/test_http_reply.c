/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/cleanup.h"
#include "vipd/core/http_reply.h"

/* As nginx 1.22 sends it. */
static const char nginx[] =
        "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nContent-Length: 3\r\n\r\nok\n";

static struct http_reply feed(const char *text)
{
        struct http_reply r = {0};

        http_reply_feed(&r, text, strlen(text));
        return r;
}

static void assert_status(const char *text, unsigned status)
{
        struct http_reply r = feed(text);

        assert_int_equal(r.step, HTTP_REPLY_DONE);
        assert_int_equal(r.status, status);
        assert_int_equal(r.fault, HTTP_REPLY_OK);
}

static void assert_fault(const char *text, enum http_reply_fault fault)
{
        struct http_reply r = feed(text);

        assert_int_equal(r.step, HTTP_REPLY_FAULT);
        assert_int_equal(r.fault, fault);
}

static void reads_the_status_of_common_replies(void **state)
{
        assert_status(nginx, 200);
        assert_status("HTTP/1.0 200 OK\r\n", 200);
        assert_status("HTTP/1.1 503 Service Unavailable\r\n", 503);
        assert_status("HTTP/1.1 304 Not Modified\n", 304);
        assert_status("HTTP/1.1 204 \r\n", 204);
        assert_status("HTTP/1.1 204\r\n", 204);
        assert_status("HTTP/1.1 204\n", 204);
        assert_status("HTTP/1.1 200 gr\xc3\xbc\xc3\x9f dich\t!\r\n", 200);
}

static void steps_over_interim_replies(void **state)
{
        assert_status("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\n", 200);
        assert_status("HTTP/1.1 100 Continue\n\nHTTP/1.1 102 x\nA: b\n\nHTTP/1.1 404 no\n", 404);
        assert_status("HTTP/1.1 100 Continue\r\nA: HTTP/1.1 200 OK\r\n\r\nHTTP/1.0 500 x\r\n", 500);
        /* the last word on this connection: not HTTP any more behind it */
        assert_status("HTTP/1.1 101 Switching Protocols\r\n", 101);
}

static void every_truncation_asks_for_more(void **state)
{
        const char *line = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\n";
        size_t len = strlen(line);

        for (size_t n = 0; n < len; n++) {
                struct http_reply r = {0};

                assert_int_equal(http_reply_feed(&r, line, n), HTTP_REPLY_MORE);
                assert_int_equal(r.total, n);
                assert_int_equal(http_reply_feed(&r, line + n, len - n), HTTP_REPLY_DONE);
                assert_int_equal(r.status, 200);
        }
}

static void bytes_one_by_one_give_the_same(void **state)
{
        struct http_reply r = {0};
        size_t n = 0;

        while (http_reply_feed(&r, nginx + n, 1) == HTTP_REPLY_MORE)
                n++;
        assert_int_equal(r.status, 200);
        assert_int_equal(n + 1, strlen("HTTP/1.1 200 OK\r\n"));
}

static void other_protocols_are_not_http(void **state)
{
        assert_fault("SSH-2.0-OpenSSH_9.2p1\r\n", HTTP_REPLY_NOT_HTTP);
        assert_fault("220 mail.example.net ESMTP\r\n", HTTP_REPLY_NOT_HTTP);
        assert_fault("http/1.1 200 OK\r\n", HTTP_REPLY_NOT_HTTP); /* the name is case-sensitive */
        assert_fault("\r\nHTTP/1.1 200 OK\r\n", HTTP_REPLY_NOT_HTTP);
        assert_fault("\x15\x03\x01", HTTP_REPLY_NOT_HTTP); /* TLS alert */
        assert_fault("ICY 200 OK\r\n", HTTP_REPLY_NOT_HTTP);
}

static void other_versions_are_named_as_such(void **state)
{
        assert_fault("HTTP/2.0 200 OK\r\n", HTTP_REPLY_VERSION);
        assert_fault("HTTP/0.9 200 OK\r\n", HTTP_REPLY_VERSION);
        assert_fault("HTTP/1.2 200 OK\r\n", HTTP_REPLY_VERSION);
        assert_fault("HTTP/1.10 200 OK\r\n", HTTP_REPLY_VERSION);
        assert_fault("HTTP/2 200\r\n", HTTP_REPLY_VERSION);
}

static void a_status_has_three_digits_from_100_on(void **state)
{
        assert_fault("HTTP/1.1 20 OK\r\n", HTTP_REPLY_NO_STATUS);
        assert_fault("HTTP/1.1 2000 OK\r\n", HTTP_REPLY_NO_STATUS);
        assert_fault("HTTP/1.1 099 OK\r\n", HTTP_REPLY_NO_STATUS);
        assert_fault("HTTP/1.1 2x0 OK\r\n", HTTP_REPLY_NO_STATUS);
        assert_fault("HTTP/1.1  200 OK\r\n", HTTP_REPLY_NO_STATUS);
        assert_fault("HTTP/1.1\r\n", HTTP_REPLY_NO_STATUS);
        assert_fault("HTTP/1.1 -20 OK\r\n", HTTP_REPLY_NO_STATUS);
}

static void control_characters_end_the_line_badly(void **state)
{
        static const char nul[] = "HTTP/1.1 200 O\0K\r\n";
        struct http_reply r = {0};

        assert_int_equal(http_reply_feed(&r, nul, sizeof(nul) - 1), HTTP_REPLY_FAULT);
        assert_int_equal(r.fault, HTTP_REPLY_BAD_LINE);
        assert_fault("HTTP/1.1 200 OK\rX", HTTP_REPLY_BAD_LINE);
        assert_fault("HTTP/1.1 200 O\x7fK\r\n", HTTP_REPLY_BAD_LINE);
        assert_fault("HTTP/1.1 200OK\r\n", HTTP_REPLY_BAD_LINE);
}

/* A line of exactly HTTP_REPLY_LINE_MAX bytes passes, one more does not. */
static void a_status_line_has_a_limit(void **state)
{
        char line[HTTP_REPLY_LINE_MAX + 1];
        struct http_reply r = {0};

        memset(line, 'a', sizeof(line));
        memcpy(line, "HTTP/1.1 200 ", 13);
        assert_int_equal(http_reply_feed(&r, line, HTTP_REPLY_LINE_MAX), HTTP_REPLY_MORE);
        assert_int_equal(http_reply_feed(&r, "\r\n", 2), HTTP_REPLY_DONE);

        r = (struct http_reply){0};
        assert_int_equal(http_reply_feed(&r, line, HTTP_REPLY_LINE_MAX + 1), HTTP_REPLY_FAULT);
        assert_int_equal(r.fault, HTTP_REPLY_TOO_LONG);
}

static void endless_interim_replies_have_a_limit(void **state)
{
        static const char interim[] = "HTTP/1.1 103 x\r\nA: b\r\n\r\n";
        struct http_reply r = {0};
        size_t fed = 0;

        while (http_reply_feed(&r, interim, sizeof(interim) - 1) == HTTP_REPLY_MORE) {
                fed += sizeof(interim) - 1;
                assert_true(fed <= HTTP_REPLY_HEAD_MAX);
        }
        assert_int_equal(r.fault, HTTP_REPLY_TOO_LONG);
        assert_int_equal(r.total, HTTP_REPLY_HEAD_MAX);
}

/* Whatever one flipped bit makes of it, the parser decides and says something it can name. */
static void every_bit_flip_is_decided(void **state)
{
        const char *line = "HTTP/1.1 200 OK\r\n\r\n";
        size_t len = strlen(line);

        for (size_t bit = 0; bit < 8 * len; bit++) {
                CLEANUP(freep) char *copy = strdup(line);
                struct http_reply r = {0};

                assert_non_null(copy);
                copy[bit / 8] = (char)(copy[bit / 8] ^ (1 << bit % 8));
                http_reply_feed(&r, copy, len);
                if (r.step == HTTP_REPLY_FAULT)
                        assert_int_not_equal(r.fault, HTTP_REPLY_OK);
                if (r.step == HTTP_REPLY_DONE)
                        assert_in_range(r.status, 100, 999);
        }
}

static void a_decision_stays(void **state)
{
        struct http_reply r = feed("HTTP/1.1 200 OK\r\n");
        size_t total = r.total;

        assert_int_equal(http_reply_feed(&r, "HTTP/1.1 500 x\r\n", 16), HTTP_REPLY_DONE);
        assert_int_equal(r.status, 200);
        assert_int_equal(r.total, total);
}

static void success_is_200_to_399(void **state)
{
        assert_false(http_reply_good(199));
        assert_true(http_reply_good(200));
        assert_true(http_reply_good(399));
        assert_false(http_reply_good(400));
        assert_false(http_reply_good(101));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_the_status_of_common_replies),
                cmocka_unit_test(steps_over_interim_replies),
                cmocka_unit_test(every_truncation_asks_for_more),
                cmocka_unit_test(bytes_one_by_one_give_the_same),
                cmocka_unit_test(other_protocols_are_not_http),
                cmocka_unit_test(other_versions_are_named_as_such),
                cmocka_unit_test(a_status_has_three_digits_from_100_on),
                cmocka_unit_test(control_characters_end_the_line_badly),
                cmocka_unit_test(a_status_line_has_a_limit),
                cmocka_unit_test(endless_interim_replies_have_a_limit),
                cmocka_unit_test(every_bit_flip_is_decided),
                cmocka_unit_test(a_decision_stays),
                cmocka_unit_test(success_is_200_to_399),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
