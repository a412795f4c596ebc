/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_CORE_HTTP_REPLY_H
#define VIPD_CORE_HTTP_REPLY_H
/*
 * The status of an HTTP reply (RFC 9112, section 4), read byte by byte as the
 * bytes come. Only the status line matters to a check; headers are looked at
 * only to step over interim (1xx) replies (RFC 9110, section 15.2). Pure.
 */
#include <stdbool.h>
#include <stddef.h>

#define HTTP_REPLY_LINE_MAX 1024 /* bytes of a status line, without its end */
#define HTTP_REPLY_HEAD_MAX 8192 /* bytes of everything before the final status line's end */

enum http_reply_step {
        HTTP_REPLY_MORE,  /* feed the next bytes */
        HTTP_REPLY_DONE,  /* `status` is set */
        HTTP_REPLY_FAULT, /* `fault` is set */
};

enum http_reply_fault {
        HTTP_REPLY_OK,
        HTTP_REPLY_NOT_HTTP,  /* does not begin with "HTTP/" */
        HTTP_REPLY_VERSION,   /* neither 1.0 nor 1.1 */
        HTTP_REPLY_NO_STATUS, /* no three-digit status from 100 on after the version */
        HTTP_REPLY_BAD_LINE,  /* something else than a reason phrase or the line's end follows */
        HTTP_REPLY_TOO_LONG,  /* beyond the limits above */
};

/** Zero-initialise to begin. */
struct http_reply {
        enum http_reply_step step;
        enum http_reply_fault fault;
        unsigned status; /* 100..999; valid with HTTP_REPLY_DONE */
        unsigned state;  /* where in the reply we are; the parser's own */
        size_t line;     /* bytes of the current line */
        size_t total;    /* bytes fed and looked at */
};

/**
 * Look at the next bytes. Bytes behind the decision are not looked at; once it
 * is made, further calls return it again.
 */
enum http_reply_step http_reply_feed(struct http_reply *r, const void *bytes, size_t len);

/** What a check takes for success: 200..399. */
bool http_reply_good(unsigned status);

/** For people: "not HTTP", "an HTTP version other than 1.0 and 1.1", ... */
const char *http_reply_fault_text(enum http_reply_fault fault);

#endif
