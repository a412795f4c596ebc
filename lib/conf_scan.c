/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/conf_scan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/conf_lex.h"

struct scanner {
        struct conf_scan *out;
        const struct conf_source *source;
        struct conf_lexer lexer;
        struct conf_token now;  /* not yet taken */
        struct conf_token last; /* taken before it */
        unsigned depth;
};

__attribute__((format(printf, 3, 4))) static int fault(struct scanner *s, unsigned line,
                                                       const char *format, ...)
{
        va_list ap;

        s->out->bad_line = line;
        va_start(ap, format);
        vsnprintf(s->out->why, sizeof(s->out->why), format, ap);
        va_end(ap);
        return -EINVAL;
}

static bool is_mark(const struct conf_token *t, char mark)
{
        return t->kind == CONF_TOKEN_MARK && *t->text == mark;
}

/** "line 7", or "FILE line 7" when that is not the file of line `from`. */
static const char *other_line(const struct scanner *s, unsigned line, unsigned from,
                              char buf[static 120])
{
        const char *file, *here;
        unsigned number, dummy;

        conf_source_place(s->source, line, &file, &number);
        conf_source_place(s->source, from, &here, &dummy);
        if (strcmp(file, here) == 0)
                snprintf(buf, 120, "line %u", number);
        else
                snprintf(buf, 120, "%.90s line %u", file, number);
        return buf;
}

/** The token as a message shows it. */
static const char *shown(const struct conf_token *t, char buf[static 48])
{
        int len = t->len > 30 ? 30 : (int)t->len;

        if (t->kind == CONF_TOKEN_END)
                snprintf(buf, 48, "the end of the file");
        else if (t->kind == CONF_TOKEN_STRING)
                snprintf(buf, 48, "%.*s%s", len, t->text, t->len > 30 ? "...\"" : "");
        else
                snprintf(buf, 48, "'%.*s'%s", len, t->text, t->len > 30 ? "..." : "");
        return buf;
}

static int advance(struct scanner *s)
{
        s->last = s->now;
        s->now = conf_lexer_next(&s->lexer);
        if (s->now.kind == CONF_TOKEN_BAD)
                return fault(s, s->now.line, "%s", s->now.why);
        return 0;
}

static int add_mark(struct scanner *s, unsigned parent, const struct conf_token *name,
                    unsigned *ret_index)
{
        struct conf_scan *out = s->out;

        if ((out->n & (out->n - 1)) == 0) { /* room for 0, 1, 2, 4, ... is used up */
                size_t room = out->n ? 2 * out->n : 1;
                struct conf_mark *grown = realloc(out->marks, room * sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                out->marks = grown;
        }
        out->marks[out->n] = (struct conf_mark){.line = s->now.line, .parent = parent};
        if (name) {
                out->marks[out->n].name = name->text;
                out->marks[out->n].name_len = name->len;
        }
        *ret_index = (unsigned)++out->n;
        return 0;
}

static int settings(struct scanner *s, unsigned parent);
static int elements(struct scanner *s, unsigned parent, char close);

/** `close` belongs to the bracket opened in `line`. */
static int closing(struct scanner *s, char open, char close, unsigned line)
{
        char buf[48], place[120];

        if (is_mark(&s->now, close))
                return advance(s);
        if (s->now.kind == CONF_TOKEN_END)
                return fault(s, line, "this '%c' is never closed: a '%c' is missing", open, close);
        return fault(s, s->now.line, "expected '%c' to close the '%c' of %s, not %s%s", close, open,
                     other_line(s, line, s->now.line, place), shown(&s->now, buf),
                     open == '{' && s->now.kind == CONF_TOKEN_STRING
                             ? "; values in a row stand between '[' and ']'"
                             : "");
}

static int bracketed(struct scanner *s, unsigned parent)
{
        char open = *s->now.text, close = open == '{' ? '}' : open == '[' ? ']' : ')';
        unsigned line = s->now.line;
        int r;

        if (++s->depth > CONF_NESTING_MAX)
                return fault(s, line, "brackets are nested more than %d deep", CONF_NESTING_MAX);
        r = advance(s);
        if (r == 0)
                r = open == '{' ? settings(s, parent) : elements(s, parent, close);
        if (r == 0)
                r = closing(s, open, close, line);
        s->depth--;
        return r;
}

/* Strings in a row are one, so that a long one may have several lines. In one line of a list that
 * is a comma forgotten. */
static int strings(struct scanner *s, bool in_list)
{
        char buf[48];
        int r;

        do {
                r = advance(s);
                if (r == 0 && in_list && s->now.kind == CONF_TOKEN_STRING &&
                    s->now.line == s->last.line)
                        return fault(s, s->now.line, "a ',' is missing before %s",
                                     shown(&s->now, buf));
        } while (r == 0 && s->now.kind == CONF_TOKEN_STRING);
        return r;
}

static bool is_truth(const struct conf_token *t)
{
        return (t->len == 4 && strncasecmp(t->text, "true", 4) == 0) ||
               (t->len == 5 && strncasecmp(t->text, "false", 5) == 0);
}

static int value(struct scanner *s, unsigned self, bool in_list)
{
        char buf[48];

        if (s->now.kind == CONF_TOKEN_STRING)
                return strings(s, in_list);
        if (s->now.kind == CONF_TOKEN_NUMBER)
                return advance(s);
        if (is_mark(&s->now, '{') || is_mark(&s->now, '[') || is_mark(&s->now, '('))
                return bracketed(s, self);
        if (s->now.kind != CONF_TOKEN_NAME)
                return fault(s, s->last.line, "a value is missing after '%.*s'", (int)s->last.len,
                             s->last.text);
        if (is_truth(&s->now))
                return advance(s);
        if (s->now.line != s->last.line)
                return fault(s, s->last.line, "a value is missing after '%.*s'", (int)s->last.len,
                             s->last.text);
        return fault(s, s->now.line, "text must stand between quotes: \"%.*s\", not %s",
                     (int)(s->now.len > 30 ? 30 : s->now.len), s->now.text, shown(&s->now, buf));
}

static int elements(struct scanner *s, unsigned parent, char close)
{
        unsigned self;
        char buf[48];
        int r;

        if (is_mark(&s->now, close))
                return 0;
        for (;;) {
                r = add_mark(s, parent, NULL, &self);
                if (r == 0)
                        r = value(s, self, true);
                if (r < 0 || !is_mark(&s->now, ','))
                        break;
                r = advance(s);
                if (r < 0)
                        return r;
                if (is_mark(&s->now, close))
                        return fault(s, s->last.line, "a ',' with nothing behind it; remove it");
        }
        if (r == 0 && (s->now.kind == CONF_TOKEN_NUMBER ||
                       (s->now.kind == CONF_TOKEN_NAME && is_truth(&s->now))))
                return fault(s, s->now.line, "a ',' is missing before %s", shown(&s->now, buf));
        return r;
}

/* How the blocks of a keepalived.conf begin. */
static bool is_keepalived(const struct conf_token *name)
{
        static const char *const words[] = {"global_defs",    "vrrp_instance",
                                            "vrrp_script",    "vrrp_sync_group",
                                            "virtual_server", "static_ipaddress"};

        for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
                if (name->len == strlen(words[i]) && memcmp(name->text, words[i], name->len) == 0)
                        return true;
        return false;
}

static int setting(struct scanner *s, unsigned parent)
{
        struct conf_token name = s->now;
        unsigned self;
        char buf[48];
        int r = add_mark(s, parent, &name, &self);

        if (r == 0)
                r = advance(s);
        if (r < 0)
                return r;
        if (!is_mark(&s->now, '=') && !is_mark(&s->now, ':'))
                return fault(s, name.line, "a '=' is missing after '%.*s'%s", (int)name.len,
                             name.text,
                             is_keepalived(&name)
                                     ? "; this looks like a keepalived.conf, and vipring.conf(5) "
                                       "has another form"
                                     : "");
        r = advance(s);
        if (r == 0)
                r = value(s, self, false);
        if (r == 0 && (is_mark(&s->now, ';') || is_mark(&s->now, ',')))
                r = advance(s);
        if (r == 0 && s->now.kind != CONF_TOKEN_NAME && !is_mark(&s->now, '}') &&
            s->now.kind != CONF_TOKEN_END)
                return fault(s, s->now.line, "unexpected %s after the value of '%.*s'",
                             shown(&s->now, buf), (int)name.len, name.text);
        return r;
}

static int settings(struct scanner *s, unsigned parent)
{
        int r = 0;

        for (unsigned n = 0; r == 0 && s->now.kind == CONF_TOKEN_NAME; n++) {
                if (n == CONF_MEMBERS_MAX)
                        return fault(s, s->now.line, "more than %d settings between two braces",
                                     CONF_MEMBERS_MAX);
                r = setting(s, parent);
        }
        return r;
}

static int text(struct scanner *s)
{
        char buf[48];
        int r = advance(s);

        if (r == 0)
                r = settings(s, 0);
        if (r < 0)
                return r;
        if (is_mark(&s->now, '}'))
                return fault(s, s->now.line, "this '}' closes nothing: a '{' is missing before it");
        if (s->now.kind != CONF_TOKEN_END)
                return fault(s, s->now.line, "expected a setting (NAME = VALUE), not %s",
                             shown(&s->now, buf));
        return 0;
}

/** By parent and name, in the order of the text. */
static int mark_order(const void *a, const void *b)
{
        const struct conf_mark *x = *(const struct conf_mark *const *)a;
        const struct conf_mark *y = *(const struct conf_mark *const *)b;
        int order;

        if (x->parent != y->parent)
                return x->parent < y->parent ? -1 : 1;
        if (x->name_len != y->name_len)
                return x->name_len < y->name_len ? -1 : 1;
        order = memcmp(x->name, y->name, x->name_len);
        if (order)
                return order;
        return x < y ? -1 : x > y;
}

static bool same_setting(const struct conf_mark *a, const struct conf_mark *b)
{
        return a->parent == b->parent && a->name_len == b->name_len &&
               memcmp(a->name, b->name, a->name_len) == 0;
}

/** libconfig refuses these too, but does not say which one and where the first is. */
static int duplicates(struct scanner *s)
{
        const struct conf_scan *out = s->out;
        CLEANUP(freep) const struct conf_mark **named = malloc((out->n + 1) * sizeof(*named));
        const struct conf_mark *again = NULL, *first = NULL;
        char place[120];
        size_t n = 0;

        if (!named)
                return -ENOMEM;
        for (size_t i = 0; i < out->n; i++) {
                if (out->marks[i].name)
                        named[n++] = &out->marks[i];
        }
        qsort(named, n, sizeof(named[0]), mark_order);
        for (size_t i = 1; i < n; i++) {
                if (same_setting(named[i - 1], named[i]) && (!again || named[i] < again)) {
                        first = named[i - 1];
                        again = named[i];
                }
        }
        if (!again)
                return 0;
        return fault(s, again->line, "'%.*s' is set twice; the first time in %s",
                     (int)again->name_len, again->name,
                     other_line(s, first->line, again->line, place));
}

int conf_scan_source(struct conf_scan *s, const struct conf_source *source)
{
        struct scanner scanner = {
                .out = s, .source = source, .lexer = conf_lexer_new(source->text, source->len)};
        int r;

        *s = (struct conf_scan){0};
        r = text(&scanner);
        return r == 0 ? duplicates(&scanner) : r;
}

void conf_scan_clear(struct conf_scan *s)
{
        free(s->marks);
        *s = (struct conf_scan){0};
}
