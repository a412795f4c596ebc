/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIB_CONF_LEX_H
#define LIB_CONF_LEX_H
/*
 * Words of a configuration text with their lines, cut where libconfig cuts
 * them. libconfig reads the values; this only knows where things stand, which
 * libconfig does not say for elements of lists and for mistakes of syntax.
 * Stricter than libconfig where it would change a value silently: numbers out
 * of range or octal, a NUL in a string, strings over several lines. Pure.
 */
#include <stddef.h>

enum conf_token_kind {
        CONF_TOKEN_END,
        CONF_TOKEN_NAME,    /* also true and false */
        CONF_TOKEN_NUMBER,  /* integer or float that libconfig reads without loss */
        CONF_TOKEN_STRING,  /* with its quotes */
        CONF_TOKEN_MARK,    /* one of = : , ; { } [ ] ( ) */
        CONF_TOKEN_INCLUDE, /* @include */
        CONF_TOKEN_BAD,     /* `why` says what is wrong with it */
};

struct conf_token {
        enum conf_token_kind kind;
        const char *text; /* into the lexer's text */
        size_t len;
        unsigned line; /* where it starts, from 1 */
        char why[120]; /* CONF_TOKEN_BAD only */
};

struct conf_lexer {
        const char *text;
        size_t len, pos;
        unsigned line;
};

struct conf_lexer conf_lexer_new(const char *text, size_t len);

/** The next token. After END or BAD the lexer must not be used any more. */
struct conf_token conf_lexer_next(struct conf_lexer *l);

#endif
