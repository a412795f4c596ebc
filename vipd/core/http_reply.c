/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipd/core/http_reply.h"

#include <stdint.h>

enum {
        IN_NAME,       /* "HTTP/1." */
        IN_MINOR,      /* '0' or '1' */
        BEFORE_STATUS, /* the space */
        IN_STATUS_1,
        IN_STATUS_2,
        IN_STATUS_3,
        AFTER_STATUS, /* space, CR or LF */
        IN_REASON,
        BEFORE_LF,  /* CR seen */
        IN_HEADERS, /* of an interim reply, at the start of a line */
        IN_HEADER,  /* inside a line */
        HEADERS_CR, /* CR at the start of a line */
};

static const char start[] = "HTTP/1.";
#define NAME_LEN 5 /* of "HTTP/"; what differs behind it is the version */

static bool is_digit(uint8_t c)
{
        return c >= '0' && c <= '9';
}

static void fail(struct http_reply *r, enum http_reply_fault fault)
{
        r->step = HTTP_REPLY_FAULT;
        r->fault = fault;
}

/* 101 ends HTTP on this connection; the other 1xx only announce the real reply. */
static void end_line(struct http_reply *r)
{
        if (r->status < 200 && r->status != 101) {
                r->state = IN_HEADERS;
                return;
        }
        r->step = HTTP_REPLY_DONE;
}

static void begin_line(struct http_reply *r)
{
        r->state = IN_NAME;
        r->status = 0;
        r->line = 0;
}

static void feed_name(struct http_reply *r, uint8_t c)
{
        /* `line` counts this byte already */
        if (c != (uint8_t)start[r->line - 1])
                fail(r, r->line <= NAME_LEN ? HTTP_REPLY_NOT_HTTP : HTTP_REPLY_VERSION);
        else if (start[r->line] == '\0')
                r->state = IN_MINOR;
}

static void feed_status(struct http_reply *r, uint8_t c)
{
        bool first = r->state == IN_STATUS_1;

        if (!is_digit(c) || (first && c == '0')) {
                fail(r, HTTP_REPLY_NO_STATUS);
                return;
        }
        r->status = r->status * 10 + (c - '0');
        r->state++;
}

/* RFC 9112 asks for a space even before an empty reason phrase; some servers leave it out. */
static void feed_after_status(struct http_reply *r, uint8_t c)
{
        if (c == ' ')
                r->state = IN_REASON;
        else if (c == '\r')
                r->state = BEFORE_LF;
        else if (c == '\n')
                end_line(r);
        else
                fail(r, is_digit(c) ? HTTP_REPLY_NO_STATUS : HTTP_REPLY_BAD_LINE);
}

/* Tab, space, visible characters and bytes above ASCII (RFC 9112, section 4: reason-phrase). */
static void feed_reason(struct http_reply *r, uint8_t c)
{
        if (c == '\r')
                r->state = BEFORE_LF;
        else if (c == '\n')
                end_line(r);
        else if ((c < 0x20 && c != '\t') || c == 0x7f)
                fail(r, HTTP_REPLY_BAD_LINE);
}

static void feed_headers(struct http_reply *r, uint8_t c)
{
        if (c == '\n' && r->state != IN_HEADER)
                begin_line(r); /* the empty line */
        else if (c == '\n')
                r->state = IN_HEADERS;
        else if (c == '\r' && r->state == IN_HEADERS)
                r->state = HEADERS_CR;
        else
                r->state = IN_HEADER;
}

static void feed_byte(struct http_reply *r, uint8_t c)
{
        switch (r->state) {
        case IN_NAME:
                feed_name(r, c);
                break;
        case IN_MINOR:
                if (c == '0' || c == '1')
                        r->state = BEFORE_STATUS;
                else
                        fail(r, HTTP_REPLY_VERSION);
                break;
        case BEFORE_STATUS:
                if (c == ' ')
                        r->state = IN_STATUS_1;
                else
                        fail(r, is_digit(c) ? HTTP_REPLY_VERSION : HTTP_REPLY_NO_STATUS);
                break;
        case IN_STATUS_1:
        case IN_STATUS_2:
        case IN_STATUS_3:
                feed_status(r, c);
                break;
        case AFTER_STATUS:
                feed_after_status(r, c);
                break;
        case IN_REASON:
                feed_reason(r, c);
                break;
        case BEFORE_LF:
                if (c == '\n')
                        end_line(r);
                else
                        fail(r, HTTP_REPLY_BAD_LINE);
                break;
        case IN_HEADERS:
        case IN_HEADER:
        case HEADERS_CR:
                feed_headers(r, c);
                break;
        }
}

static bool in_status_line(const struct http_reply *r)
{
        return r->state < IN_HEADERS;
}

enum http_reply_step http_reply_feed(struct http_reply *r, const void *bytes, size_t len)
{
        const uint8_t *b = bytes;

        for (size_t i = 0; i < len && r->step == HTTP_REPLY_MORE; i++) {
                bool line_end = b[i] == '\n' || b[i] == '\r';

                if (r->total >= HTTP_REPLY_HEAD_MAX ||
                    (in_status_line(r) && r->line >= HTTP_REPLY_LINE_MAX && !line_end)) {
                        fail(r, HTTP_REPLY_TOO_LONG);
                        break;
                }
                r->total++;
                r->line++;
                feed_byte(r, b[i]);
        }
        return r->step;
}

bool http_reply_good(unsigned status)
{
        return status >= 200 && status <= 399;
}

const char *http_reply_fault_text(enum http_reply_fault fault)
{
        switch (fault) {
        case HTTP_REPLY_OK:
                return "no fault";
        case HTTP_REPLY_NOT_HTTP:
                return "not HTTP";
        case HTTP_REPLY_VERSION:
                return "an HTTP version other than 1.0 and 1.1";
        case HTTP_REPLY_NO_STATUS:
                return "no three-digit status";
        case HTTP_REPLY_BAD_LINE:
                return "a malformed status line";
        case HTTP_REPLY_TOO_LONG:
                return "a status line that does not end";
        }
        return "unknown fault";
}
