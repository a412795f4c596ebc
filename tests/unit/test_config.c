/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <linux/rtnetlink.h>

#include "lib/config.h"

static const char sample[] = "cluster = \"edge\"\n"
                             "nodes = {\n"
                             "    lb1 = { address = \"192.0.2.11\" }\n"
                             "    lb2 = { address = \"192.0.2.12\" }\n"
                             "}\n"
                             "groups = {\n"
                             "    web = {\n"
                             "        interface = \"eth0\"\n"
                             "        vrid      = 51\n"
                             "        addresses = [ \"192.0.2.10/24\", \"2001:db8::10/64\" ]\n"
                             "        prefer    = \"lb2\"\n"
                             "    }\n"
                             "}\n";

static struct config *load(const char *text)
{
        struct config *c = NULL;
        struct conf_errors errors;
        int r = config_load_text("test.conf", text, strlen(text), &c, &errors);

        if (r < 0)
                conf_errors_print(&errors, stderr);
        assert_int_equal(r, 0);
        conf_errors_clear(&errors);
        return c;
}

static void the_sample_becomes_values_and_defaults(void **state)
{
        struct config *c = load(sample);
        const struct conf_group *g = config_find_group(c, "web");
        char text[IP_ADDR_TEXT];

        assert_string_equal(c->cluster, "edge");
        assert_int_equal(c->n_nodes, 2);
        assert_int_equal(config_find_node(c, "lb2"), 1);
        assert_int_equal(config_find_node(c, "lb3"), -ENOENT);
        assert_non_null(g);
        assert_string_equal(g->iface, "eth0");
        assert_int_equal(g->vrid, 51);
        assert_int_equal(g->n_vips, 2);
        assert_string_equal(ip_addr_format(&g->vips[1].addr, text), "2001:db8::10");
        assert_int_equal(g->vips[1].prefix_len, 64);
        assert_string_equal(g->vips[1].dev, "eth0");
        assert_int_equal(g->vips[1].scope, RT_SCOPE_UNIVERSE);
        assert_int_equal(g->home, 1);
        assert_false(g->foreign);
        assert_true(g->accept);
        assert_int_equal(g->version, 3);
        assert_int_equal(g->interval_us, 1000000);
        assert_int_equal(g->preempt_delay_us, 60000000);
        config_free(c);
}

/** Home 254, the k-th candidate behind it 252 - 2k, and only home may take the group back. */
static void priorities_follow_the_ring_from_home(void **state)
{
        struct config *c = load(sample);
        const struct conf_group *g = &c->groups[0];

        assert_int_equal(config_rank(c, g, 1), 0);
        assert_int_equal(config_rank(c, g, 0), 1);
        assert_int_equal(config_priority(c, g, 1), 254);
        assert_int_equal(config_priority(c, g, 0), 250);
        assert_true(config_preempt(c, g, 1));
        assert_false(config_preempt(c, g, 0));
        config_free(c);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_sample_becomes_values_and_defaults),
                cmocka_unit_test(priorities_follow_the_ring_from_home),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
