/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/suggest.h"

static void distance_counts_single_edits(void **state)
{
        assert_int_equal(suggest_distance("interval", "interval"), 0);
        assert_int_equal(suggest_distance("intervall", "interval"), 1); /* insert */
        assert_int_equal(suggest_distance("inteval", "interval"), 1);   /* drop */
        assert_int_equal(suggest_distance("intervak", "interval"), 1);  /* replace */
        assert_int_equal(suggest_distance("intevral", "interval"), 1);  /* swap */
        assert_int_equal(suggest_distance("", "abc"), 3);
        assert_int_equal(suggest_distance("kitten", "sitting"), 3); /* the textbook's example */
}

static void case_and_underscores_are_no_mistakes(void **state)
{
        assert_int_equal(suggest_distance("FAILBACK_DELAY", "failback-delay"), 0);
}

static void too_long_a_word_is_far_from_everything(void **state)
{
        char word[SUGGEST_WORD_MAX + 2];

        memset(word, 'a', sizeof(word) - 1);
        word[sizeof(word) - 1] = '\0';
        assert_int_equal(suggest_distance(word, word), SUGGEST_WORD_MAX);
        word[SUGGEST_WORD_MAX] = '\0';
        assert_int_equal(suggest_distance(word, word), 0);
}

static const char *nearest(const char *unknown)
{
        static const char *const known[] = {"rise", "fall", "timeout", "interval", "on"};
        struct suggest s = {.unknown = unknown};

        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
                suggest_offer(&s, known[i]);
        return s.best;
}

static void the_nearest_word_wins(void **state)
{
        assert_string_equal(nearest("raise"), "rise");
        assert_string_equal(nearest("timeuot"), "timeout");
        assert_string_equal(nearest("no"), "on");
}

static void nothing_is_suggested_for_a_strange_word(void **state)
{
        assert_null(nearest("colour"));
        assert_null(nearest("x"));
        assert_null(nearest(""));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(distance_counts_single_edits),
                cmocka_unit_test(case_and_underscores_are_no_mistakes),
                cmocka_unit_test(too_long_a_word_is_far_from_everything),
                cmocka_unit_test(the_nearest_word_wins),
                cmocka_unit_test(nothing_is_suggested_for_a_strange_word),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
