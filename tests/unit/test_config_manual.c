/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vipring.conf(5) against the table of settings: neither knows a word that the other does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/conf_settings.h"

static char *manual;

/** Headings of the manual and the places of the table they are about. */
static const struct {
        const char *heading, *place;
} places[] = {
        {"\n.Ss Cluster\n", ""},
        {"\n.Ss Node\n", "nodes.NAME"},
        {"\n.Ss Group\n", "groups.NAME"},
        {"\n.Ss Check\n", "groups.NAME.checks.NAME"},
        {"\n.Ss Hook\n", "groups.NAME.hooks.NAME"},
        {"\n.Ss Announcements\n", "groups.NAME.announce"},
        {"\n.Ss VRRP\n", "groups.NAME.vrrp"},
};

/** A copy of what stands from `start` to the next `end`, or NULL. */
static char *between(const char *text, const char *start, const char *end)
{
        const char *from = strstr(text, start), *to;

        if (!from)
                return NULL;
        from += strlen(start);
        to = strstr(from, end);
        return strndup(from, to ? (size_t)(to - from) : strlen(from));
}

static char *section_of(const char *place)
{
        for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
                if (strcmp(places[i].place, place) == 0)
                        return between(manual, places[i].heading, "\n.Ss ");
        }
        return NULL;
}

/** The paragraph about one word of a section, up to the next. */
static char *item_of(const char *section, const char *name)
{
        CLEANUP(freep) char *start = NULL;

        assert_true(asprintf(&start, "\n.It Cm %s\n", name) > 0);
        return between(section, start, "\n.It ");
}

static bool mentions(const char *item, const char *word)
{
        return !word || *word == '[' || strstr(item, word) != NULL;
}

static void every_available_setting_is_described_with_its_range_and_default(void **state)
{
        size_t n;
        const struct conf_setting *all = config_settings(&n);

        for (size_t i = 0; i < n; i++) {
                CLEANUP(freep) char *section = section_of(all[i].place);
                CLEANUP(freep) char *item = section ? item_of(section, all[i].name) : NULL;

                if (!all[i].available)
                        continue;
                if (!item)
                        fail_msg("%s.%s is not in the manual", all[i].place, all[i].name);
                if (all[i].kind == CONF_KIND_TIME && strcmp(all[i].hi, "255s") != 0 &&
                    (!mentions(item, all[i].lo) || !mentions(item, all[i].hi)))
                        fail_msg("%s.%s: its range is %s to %s", all[i].place, all[i].name,
                                 all[i].lo, all[i].hi);
                if (!mentions(item, all[i].fallback))
                        fail_msg("%s.%s: its default is %s", all[i].place, all[i].name,
                                 all[i].fallback);
                if (all[i].required != (strstr(item, "Required.") != NULL))
                        fail_msg("%s.%s: is it required?", all[i].place, all[i].name);
        }
}

static void every_word_of_the_manual_is_an_available_setting(void **state)
{
        static const char start[] = "\n.It Cm ";

        for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
                CLEANUP(freep) char *section = section_of(places[i].place);
                const char *at;

                assert_non_null(section);
                for (at = section; (at = strstr(at, start)); at++) {
                        CLEANUP(freep) char *name = between(at, start, "\n");
                        const struct conf_setting *s = conf_settings_find(places[i].place, name);

                        if (!s || !s->available)
                                fail_msg("the manual knows %s.%s", places[i].place, name);
                }
        }
}

static void words_that_are_not_available_are_listed(void **state)
{
        CLEANUP(freep) char *list = between(manual, "\n.Ss Not available yet\n", "\n.Sh ");
        size_t n;
        const struct conf_setting *all = config_settings(&n);

        assert_non_null(list);
        for (size_t i = 0; i < n; i++) {
                CLEANUP(freep) char *word = NULL;

                assert_true(asprintf(&word, " %s ", all[i].name) > 0);
                if (!all[i].available && !strstr(list, word))
                        fail_msg("%s is not in the manual's list", all[i].name);
        }
}

static int read_manual(void **state)
{
        const char *srcdir = getenv("srcdir");
        CLEANUP(freep) char *path = NULL;
        CLEANUP(fclosep) FILE *from = NULL;
        size_t room = 0;

        if (asprintf(&path, "%s/doc/vipring.conf.5", srcdir ? srcdir : ".") < 0)
                return -1;
        from = fopen(path, "r");
        return from && getdelim(&manual, &room, EOF, from) > 0 ? 0 : -1;
}

static int free_manual(void **state)
{
        free(manual);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_available_setting_is_described_with_its_range_and_default),
                cmocka_unit_test(every_word_of_the_manual_is_an_available_setting),
                cmocka_unit_test(words_that_are_not_available_are_listed),
        };

        return cmocka_run_group_tests(tests, read_manual, free_manual);
}
