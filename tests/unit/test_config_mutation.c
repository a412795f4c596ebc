/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every known word in the good files of tests/conf is misspelt by one letter:
 * each letter dropped, each two neighbours swapped. The error must name the
 * right line always, and suggest the right word in at least 90 of 100 cases.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/conf_lex.h"
#include "lib/config.h"

struct tally {
        unsigned tried, right_line, right_word;
};

static bool is_setting(const char *word)
{
        size_t n;
        const struct conf_setting *all = config_settings(&n);

        for (size_t i = 0; i < n; i++) {
                if (strcmp(all[i].name, word) == 0)
                        return true;
        }
        return false;
}

static bool has_line(const struct conf_errors *errors, const char *start, const char *end)
{
        for (unsigned i = 0; i < errors->n && i < CONF_ERRORS_MAX; i++) {
                if (strncmp(errors->text[i], start, strlen(start)) == 0 &&
                    (!end || strstr(errors->text[i], end)))
                        return true;
        }
        return false;
}

static void try_text(const char *text, unsigned line, const char *word, const char *misspelt,
                     struct tally *tally)
{
        struct config *c = NULL;
        struct conf_errors errors;
        char start[120], advice[80];

        snprintf(start, sizeof(start), "x.conf:%u: error: unknown setting '%s'", line, misspelt);
        snprintf(advice, sizeof(advice), "; did you mean '%s'?", word);
        assert_true(config_load_text("x.conf", text, strlen(text), &c, &errors) < 0);
        tally->tried++;
        if (has_line(&errors, start, NULL))
                tally->right_line++;
        else
                print_error("no line \"%s\"\n", start);
        if (has_line(&errors, start, advice))
                tally->right_word++;
        conf_errors_clear(&errors);
}

/** The text with the word at `at` replaced. */
static void try_word(const char *text, size_t at, unsigned line, const char *word,
                     const char *misspelt, struct tally *tally)
{
        CLEANUP(freep) char *mutated = NULL;

        if (is_setting(misspelt) || *misspelt == '-' || *misspelt == '\0')
                return;
        assert_true(asprintf(&mutated, "%.*s%s%s", (int)at, text, misspelt,
                             text + at + strlen(word)) > 0);
        try_text(mutated, line, word, misspelt, tally);
}

static void misspell(const char *text, size_t at, unsigned line, const char *word,
                     struct tally *tally)
{
        size_t len = strlen(word);
        char other[64];

        for (size_t i = 0; i < len; i++) {
                snprintf(other, sizeof(other), "%.*s%s", (int)i, word, word + i + 1);
                try_word(text, at, line, word, other, tally);
                if (i + 1 == len || word[i] == word[i + 1])
                        continue;
                strcpy(other, word);
                other[i] = word[i + 1];
                other[i + 1] = word[i];
                try_word(text, at, line, word, other, tally);
        }
}

static void misspell_all(const char *text, struct tally *tally)
{
        struct conf_lexer lexer = conf_lexer_new(text, strlen(text));
        struct conf_token last = {0}, t;

        while ((t = conf_lexer_next(&lexer)).kind != CONF_TOKEN_END) {
                assert_int_not_equal(t.kind, CONF_TOKEN_BAD);
                if (last.kind == CONF_TOKEN_NAME && t.kind == CONF_TOKEN_MARK &&
                    strchr("=:", *t.text)) {
                        CLEANUP(freep) char *word = strndup(last.text, last.len);

                        if (is_setting(word))
                                misspell(text, (size_t)(last.text - text), last.line, word, tally);
                }
                last = t;
        }
}

static char *good_file(const char *name)
{
        const char *srcdir = getenv("srcdir");
        CLEANUP(freep) char *path = NULL;
        CLEANUP(fclosep) FILE *from = NULL;
        char *text = NULL;
        size_t room = 0;

        assert_true(asprintf(&path, "%s/tests/conf/good/%s", srcdir ? srcdir : ".", name) > 0);
        from = fopen(path, "r");
        assert_non_null(from);
        assert_true(getdelim(&text, &room, EOF, from) > 0);
        return text;
}

static void misspelt_words_are_found_and_their_right_word_is_suggested(void **state)
{
        static const char *const files[] = {
                "001-sample.conf",     "002-three-nodes.conf",
                "003-everything.conf", "005-dual-stack-foreign-v3.conf",
                "008-crlf.conf",       "009-tight.conf",
        };
        struct tally tally = {0};

        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                CLEANUP(freep) char *text = good_file(files[i]);

                misspell_all(text, &tally);
        }
        print_message("%u misspelt words: %u with the right line, %u with the right suggestion\n",
                      tally.tried, tally.right_line, tally.right_word);
        assert_true(tally.tried > 500);
        assert_int_equal(tally.right_line, tally.tried);
        assert_true(tally.right_word * 10 >= tally.tried * 9);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(misspelt_words_are_found_and_their_right_word_is_suggested),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
