/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files as large as the limits of lib/config.h allow, and one more of each thing. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/config.h"

/** How many there are of each thing. */
struct size {
        unsigned nodes, groups, vips, checks, hooks; /* vips and the rest: of each group */
};

static void put_group(FILE *to, unsigned g, const struct size *s)
{
        fprintf(to, "g%u = { interface = \"eth%u\", vrid = %u, addresses = [ ", g, g / 255,
                g % 255 + 1);
        for (unsigned v = 0; v < s->vips; v++)
                fprintf(to, "%s\"2001:db8:%x::%x/64\"", v ? ",\n" : "", g, v + 1);
        fputs(" ]\nchecks = { ", to);
        for (unsigned c = 0; c < s->checks; c++)
                fprintf(to, "c%u = { file = \"/c\" }\n", c);
        fputs("}\nhooks = { ", to);
        for (unsigned h = 0; h < s->hooks; h++)
                fprintf(to, "h%u = { on = \"active\", run = \"/h\" }\n", h);
        fputs("} }\n", to);
}

static char *text_of(const struct size *s)
{
        char *text = NULL;
        size_t len;
        FILE *to = open_memstream(&text, &len);

        assert_non_null(to);
        fputs("cluster = \"big\"\nnodes = {\n", to);
        for (unsigned n = 0; n < s->nodes; n++)
                fprintf(to, "n%u = { address = \"192.0.2.%u\" }\n", n, n + 1);
        fputs("}\ngroups = {\n", to);
        for (unsigned g = 0; g < s->groups; g++)
                put_group(to, g, s);
        fputs("}\n", to);
        fclose(to);
        return text;
}

static void is_taken(struct size s)
{
        CLEANUP(freep) char *text = text_of(&s);
        struct config *c = NULL;
        struct conf_errors errors;
        struct timespec t0, t1;

        clock_gettime(CLOCK_MONOTONIC, &t0);
        if (config_load_text("big", text, strlen(text), &c, &errors) < 0)
                conf_errors_print(&errors, stderr);
        clock_gettime(CLOCK_MONOTONIC, &t1);
        print_message("%zu bytes in %ld ms\n", strlen(text),
                      (t1.tv_sec - t0.tv_sec) * 1000 + (t1.tv_nsec - t0.tv_nsec) / 1000000);
        assert_non_null(c);
        assert_int_equal(c->n_nodes, s.nodes);
        assert_int_equal(c->n_groups, s.groups);
        assert_int_equal(c->groups[s.groups - 1].n_vips, s.vips);
        conf_errors_clear(&errors);
        config_free(c);
}

static void is_refused(struct size s, const char *message)
{
        CLEANUP(freep) char *text = text_of(&s);
        struct config *c = NULL;
        struct conf_errors errors;

        assert_int_equal(config_load_text("big", text, strlen(text), &c, &errors), -EINVAL);
        assert_null(c);
        assert_int_equal(errors.n, 1);
        assert_string_equal(errors.text[0], message);
        conf_errors_clear(&errors);
}

static void the_limit_itself_is_taken(void **state)
{
        is_taken((struct size){.nodes = CONF_NODES_MAX, .groups = 1, .vips = 1});
        is_taken((struct size){.nodes = 2, .groups = CONF_GROUPS_MAX, .vips = 20});
        is_taken((struct size){.nodes = 2, .groups = 1, .vips = CONF_VIPS_MAX});
        is_taken((struct size){.nodes = 1, .groups = 2, .vips = 1, .checks = CONF_CHECKS_MAX / 2});
        is_taken((struct size){.nodes = 1, .groups = 2, .vips = 1, .hooks = CONF_HOOKS_MAX / 2});
}

static void one_more_than_a_limit_is_refused(void **state)
{
        is_refused((struct size){.nodes = CONF_NODES_MAX + 1, .groups = 1, .vips = 1},
                   "big:2: error: 'nodes': 65 are more than the 64 a cluster can have");
        is_refused((struct size){.nodes = 1, .groups = CONF_GROUPS_MAX + 1, .vips = 1},
                   "big:5: error: 'groups': 1001 are more than the 1000 a cluster can have");
        is_refused((struct size){.nodes = 1, .groups = 1, .vips = CONF_VIPS_MAX + 1},
                   "big:5: error: 'groups': 20001 addresses are more than the 20000 a cluster can "
                   "have");
        /* line 6 holds the group's first address; its checks and hooks are on one line each */
        is_refused((struct size){.nodes = 1, .groups = 1, .vips = 1, .checks = CONF_CHECKS_MAX + 1},
                   "big:519: error: more than 512 checks");
        is_refused((struct size){.nodes = 1, .groups = 1, .vips = 1, .hooks = CONF_HOOKS_MAX + 1},
                   "big:72: error: more than 64 hooks");
}

/** libconfig looks for duplicates one by one: the time would grow with the square. */
static void thousands_of_settings_in_one_place_are_refused_quickly(void **state)
{
        CLEANUP(freep) char *text = NULL;
        struct config *c = NULL;
        struct conf_errors errors;
        size_t len;
        FILE *to = open_memstream(&text, &len);

        for (unsigned i = 0; i < 300000; i++)
                fprintf(to, "a%u=1\n", i);
        fclose(to);
        assert_int_equal(config_load_text("big", text, len, &c, &errors), -EINVAL);
        assert_int_equal(errors.n, 1);
        assert_string_equal(errors.text[0],
                            "big:1025: error: more than 1024 settings between two braces");
        conf_errors_clear(&errors);
}

static void a_text_over_the_limit_is_refused_and_not_cut(void **state)
{
        size_t len = (4 << 20) + 1;
        CLEANUP(freep) char *text = malloc(len);
        struct config *c = NULL;
        struct conf_errors errors;

        assert_non_null(text);
        memset(text, '\n', len);
        assert_int_equal(config_load_text("big", text, len, &c, &errors), -EINVAL);
        assert_int_equal(errors.n, 1);
        assert_string_equal(errors.text[0],
                            "big: error: the configuration is larger than 4194304 bytes");
        conf_errors_clear(&errors);
}

/** 900 unknown words: 50 messages are kept, all are counted, in the order of the file. */
static void many_errors_are_counted_and_the_first_are_kept(void **state)
{
        CLEANUP(freep) char *text = NULL;
        CLEANUP(freep) char *printed = NULL;
        struct config *c = NULL;
        struct conf_errors errors;
        size_t len;
        FILE *to = open_memstream(&text, &len);

        fputs("cluster = \"x\"; nodes = { n = { address = \"192.0.2.1\" } }; groups = { }\n", to);
        for (unsigned i = 0; i < 900; i++)
                fprintf(to, "zzzzzzz%u = 1\n", i);
        fclose(to);
        assert_int_equal(config_load_text("big", text, len, &c, &errors), -EINVAL);
        assert_int_equal(errors.n, 900);
        assert_string_equal(errors.text[49],
                            "big:51: error: unknown setting 'zzzzzzz49' at the top level");
        to = open_memstream(&printed, &len);
        conf_errors_print(&errors, to);
        fclose(to);
        assert_non_null(strstr(printed, "\nand 850 more errors\n900 errors\n"));
        conf_errors_clear(&errors);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_limit_itself_is_taken),
                cmocka_unit_test(one_more_than_a_limit_is_refused),
                cmocka_unit_test(thousands_of_settings_in_one_place_are_refused_quickly),
                cmocka_unit_test(a_text_over_the_limit_is_refused_and_not_cut),
                cmocka_unit_test(many_errors_are_counted_and_the_first_are_kept),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
