/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/conf_lex.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct conf_lexer conf_lexer_new(const char *text, size_t len)
{
        return (struct conf_lexer){.text = text, .len = len, .line = 1};
}

static char peek(const struct conf_lexer *l, size_t ahead)
{
        return l->pos + ahead < l->len ? l->text[l->pos + ahead] : '\0';
}

static struct conf_token token(const struct conf_lexer *l, enum conf_token_kind kind, size_t from,
                               unsigned line)
{
        return (struct conf_token){
                .kind = kind, .text = l->text + from, .len = l->pos - from, .line = line};
}

__attribute__((format(printf, 4, 5))) static struct conf_token
bad(const struct conf_lexer *l, size_t from, unsigned line, const char *format, ...)
{
        struct conf_token t = token(l, CONF_TOKEN_BAD, from, line);
        va_list ap;

        va_start(ap, format);
        vsnprintf(t.why, sizeof(t.why), format, ap);
        va_end(ap);
        return t;
}

static void skip_line(struct conf_lexer *l)
{
        while (l->pos < l->len && l->text[l->pos] != '\n')
                l->pos++;
}

/** @return false if the comment is never closed; then `pos` is where it starts */
static bool skip_comment(struct conf_lexer *l)
{
        unsigned line = l->line;

        for (size_t i = l->pos + 2; i + 1 < l->len; i++) {
                if (l->text[i] == '\n')
                        line++;
                if (l->text[i] == '*' && l->text[i + 1] == '/') {
                        l->pos = i + 2;
                        l->line = line;
                        return true;
                }
        }
        return false;
}

/** Skip blanks and comments. @return false at a comment that is never closed */
static bool skip_space(struct conf_lexer *l)
{
        for (; l->pos < l->len;) {
                char c = peek(l, 0);

                if (c == '\n') {
                        l->line++;
                        l->pos++;
                } else if (c == ' ' || c == '\t' || c == '\r' || c == '\f') {
                        l->pos++;
                } else if (c == '#' || (c == '/' && peek(l, 1) == '/')) {
                        skip_line(l);
                } else if (c == '/' && peek(l, 1) == '*') {
                        if (!skip_comment(l))
                                return false;
                } else {
                        break;
                }
        }
        return true;
}

static struct conf_token string(struct conf_lexer *l)
{
        size_t from = l->pos++;

        for (; l->pos < l->len; l->pos++) {
                char c = peek(l, 0), next = peek(l, 1);

                if (c == '"') {
                        l->pos++;
                        return token(l, CONF_TOKEN_STRING, from, l->line);
                }
                if (c == '\n')
                        break;
                if (c == '\\' && (next == 'x' || next == 'X') && peek(l, 2) == '0' &&
                    peek(l, 3) == '0')
                        return bad(l, from, l->line, "a string cannot hold the character \\x00");
                if (c == '\\' && (next == '"' || next == '\\'))
                        l->pos++;
        }
        return bad(l, from, l->line, "this string is not closed: its second '\"' is missing");
}

static bool is_number_char(char c)
{
        return isalnum((unsigned char)c) || c == '.' || c == '+' || c == '-' || c == '_';
}

/** True if all of it is digits of an integer in the range of int, or a plain decimal fraction. */
static bool number_is_exact(const char *text, const char **ret_why)
{
        const char *digits = text + (*text == '-' || *text == '+');
        bool hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
        char *end;
        long long value;

        *ret_why = "is neither a number nor a name; text and times stand between quotes, and "
                   "names start with a letter";
        if (strchr(digits, '.') && !hex) {
                strtod(digits, &end);
                return isdigit((unsigned char)*digits) && *end == '\0';
        }
        if (!isdigit((unsigned char)*digits) || (hex && digits != text))
                return false;
        errno = 0;
        value = strtoll(text, &end, hex ? 16 : 10);
        if (*end != '\0')
                return false;
        *ret_why = "is too large a number";
        if (errno == ERANGE || value > INT32_MAX || value < INT32_MIN)
                return false;
        *ret_why = "starts with a 0, which would make it octal; leave the 0 out";
        return hex || digits[0] != '0' || digits[1] == '\0';
}

static struct conf_token number(struct conf_lexer *l)
{
        char text[48];
        const char *why;
        size_t from = l->pos, len;

        while (is_number_char(peek(l, 0)))
                l->pos++;
        len = l->pos - from;
        if (len >= sizeof(text))
                return bad(l, from, l->line, "this number is too long");
        memcpy(text, l->text + from, len);
        text[len] = '\0';
        if (!text[strcspn(text, "0123456789")])
                return bad(l, from, l->line, "unexpected '%s'%s", text,
                           text[0] == '.' ? ": names have letters, digits, '-' and '_' only" : "");
        if (!number_is_exact(text, &why))
                return bad(l, from, l->line, "%s %s", text, why);
        return token(l, CONF_TOKEN_NUMBER, from, l->line);
}

static struct conf_token name(struct conf_lexer *l)
{
        size_t from = l->pos;

        while (isalnum((unsigned char)peek(l, 0)) || memchr("-_*", peek(l, 0), 3))
                l->pos++;
        return token(l, CONF_TOKEN_NAME, from, l->line);
}

static struct conf_token at_word(struct conf_lexer *l)
{
        static const char include[] = "@include";
        size_t from = l->pos;

        if (l->len - l->pos > strlen(include) &&
            memcmp(l->text + l->pos, include, strlen(include)) == 0 &&
            !isalnum((unsigned char)peek(l, strlen(include)))) {
                l->pos += strlen(include);
                return token(l, CONF_TOKEN_INCLUDE, from, l->line);
        }
        return bad(l, from, l->line,
                   "'@' is only known in a line like this: @include \"groups/web.conf\"");
}

static struct conf_token garbage(struct conf_lexer *l)
{
        unsigned char c = (unsigned char)peek(l, 0);

        if (c == '\'')
                return bad(l, l->pos, l->line, "text stands between double quotes: \"...\"");
        if (c == '!')
                return bad(l, l->pos, l->line, "unexpected '!': a comment begins with '#' here");
        if (l->pos == 0 && l->len >= 3 && memcmp(l->text, "\xef\xbb\xbf", 3) == 0)
                return bad(l, l->pos, l->line,
                           "the file begins with a byte order mark; save it as UTF-8 without one");
        if (c >= 0x80)
                return bad(l, l->pos, l->line,
                           "unexpected character, not ASCII (byte 0x%02x); a typographic quote?",
                           c);
        if (isprint(c))
                return bad(l, l->pos, l->line, "unexpected '%c'", c);
        return bad(l, l->pos, l->line, "unexpected control character (byte 0x%02x)", c);
}

struct conf_token conf_lexer_next(struct conf_lexer *l)
{
        size_t from;
        char c;

        if (!skip_space(l))
                return bad(l, l->pos, l->line, "this comment is not closed: its '*/' is missing");
        if (l->pos >= l->len)
                return token(l, CONF_TOKEN_END, l->pos, l->line);

        from = l->pos;
        c = peek(l, 0);
        if (c == '"')
                return string(l);
        if (isalpha((unsigned char)c) || c == '*')
                return name(l);
        if (isdigit((unsigned char)c) || c == '+' || c == '-' || c == '.')
                return number(l);
        if (c == '@')
                return at_word(l);
        if (c != '\0' && strchr("=:,;{}[]()", c)) {
                l->pos++;
                return token(l, CONF_TOKEN_MARK, from, l->line);
        }
        return garbage(l);
}
