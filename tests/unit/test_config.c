/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include <linux/rtnetlink.h>

#include "lib/cleanup.h"
#include "lib/config.h"

#define HEAD                                                                                       \
        "cluster = \"edge\"\n"                                                                     \
        "nodes = { lb1 = { address = \"192.0.2.11\" }, lb2 = { address = \"192.0.2.12\" },\n"      \
        "          lb3 = { address = \"192.0.2.13\" } }\n"

/** A file with one group, named web, that has these settings besides the three that all need. */
#define WITH(settings)                                                                             \
        HEAD "groups = { web = {\n"                                                                \
             "interface = \"eth0\"; vrid = 51; addresses = [ \"192.0.2.10/24\" ]\n" settings       \
             "\n} }\n"

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

static void the_least_becomes_values_and_defaults(void **state)
{
        struct config *c = load(WITH("prefer = \"lb2\""));
        const struct conf_group *g = config_find_group(c, "web");
        char text[IP_ADDR_TEXT];

        assert_string_equal(c->cluster, "edge");
        assert_string_equal(c->path, "test.conf");
        assert_int_equal(c->n_nodes, 3);
        assert_int_equal(config_find_node(c, "lb2"), 1);
        assert_int_equal(config_find_node(c, "lb4"), -ENOENT);
        assert_null(config_find_group(c, "mail"));
        assert_non_null(g);
        assert_string_equal(g->iface, "eth0");
        assert_int_equal(g->vrid, 51);
        assert_int_equal(g->n_vips, 1);
        assert_string_equal(ip_addr_format(&g->vips[0].addr, text), "192.0.2.10");
        assert_int_equal(g->vips[0].scope, RT_SCOPE_UNIVERSE);
        assert_int_equal(g->home, 1);
        assert_false(g->foreign);
        assert_true(g->accept);
        assert_int_equal(g->version, 3);
        assert_int_equal(g->interval_us, 1000000);
        assert_int_equal(g->preempt_delay_us, 60000000);
        assert_int_equal(g->announce.count, 5);
        assert_int_equal(g->announce.interval_us, 1000000);
        assert_int_equal(g->n_peers + g->n_checks + g->n_hooks + g->n_track, 0);
        assert_false(g->checksum_plain);
        config_free(c);
}

/** Home 254, the k-th candidate behind it 252 - 2k, and only home may take the group back. */
static void priorities_follow_the_ring_from_home(void **state)
{
        struct config *c = load(WITH("prefer = \"lb2\""));
        const struct conf_group *g = &c->groups[0];

        assert_int_equal(config_rank(c, g, 1), 0);
        assert_int_equal(config_rank(c, g, 2), 1);
        assert_int_equal(config_rank(c, g, 0), 2);
        assert_int_equal(config_priority(c, g, 1), 254);
        assert_int_equal(config_priority(c, g, 2), 250);
        assert_int_equal(config_priority(c, g, 0), 248);
        assert_true(config_preempt(c, g, 1));
        assert_false(config_preempt(c, g, 2));
        config_free(c);
}

static void a_group_with_a_priority_is_shared_with_foreign_routers(void **state)
{
        struct config *c = load(WITH("vrrp = { priority = 100 }"));
        const struct conf_group *g = &c->groups[0];

        assert_true(g->foreign);
        assert_int_equal(g->interval_us, 100000);
        assert_int_equal(g->preempt_delay_us, 0);
        assert_int_equal(config_priority(c, g, 0), 100);
        assert_int_equal(config_priority(c, g, 2), 96); /* 100 - 2 x 2 */
        assert_true(config_preempt(c, g, 0));
        assert_true(config_preempt(c, g, 2));
        config_free(c);
}

static void foreign_preemption_and_its_delay_are_as_written(void **state)
{
        struct config *c =
                load(WITH("failback-delay = \"5s\"; vrrp = { priority = 100, version = 2 }"));
        const struct conf_group *g = &c->groups[0];

        assert_int_equal(g->preempt_delay_us, 5000000);
        assert_int_equal(g->interval_us, 1000000); /* version 2: whole seconds */
        config_free(c);

        c = load(WITH("vrrp = { priority = 100, preempt = false }"));
        assert_false(config_preempt(c, &c->groups[0], 0));
        config_free(c);
}

static void manual_failback_lets_nobody_preempt(void **state)
{
        struct config *c = load(WITH("failback = \"manual\""));

        assert_false(config_preempt(c, &c->groups[0], 0));
        config_free(c);
}

static void excluded_addresses_come_last(void **state)
{
        struct config *c = load(HEAD "groups = { web = { interface = \"eth0\", vrid = 1\n"
                                     "excluded-addresses = [ \"192.0.2.20\" ]\n"
                                     "addresses = [ \"192.0.2.10\", \"192.0.2.9\" ] } }");
        const struct conf_group *g = &c->groups[0];

        assert_int_equal(g->n_vips, 3);
        assert_false(g->vips[0].excluded);
        assert_int_equal(g->vips[0].addr.bytes[3], 10); /* in the order of the file */
        assert_int_equal(g->vips[1].addr.bytes[3], 9);
        assert_true(g->vips[2].excluded);
        config_free(c);
}

static void commands_are_cut_into_words_or_taken_as_a_list(void **state)
{
        struct config *c = load(WITH("checks = { a = { exec = \" /bin/x  one two \" }\n"
                                     "b = { exec = [ \"/bin/x\", \"one two\", \"$3\" ] } }\n"
                                     "hooks = { h = { on = \"active\", run = \"/bin/h\" } }"));
        const struct conf_group *g = &c->groups[0];

        assert_string_equal(g->checks[0].argv[0], "/bin/x");
        assert_string_equal(g->checks[0].argv[2], "two");
        assert_null(g->checks[0].argv[3]);
        assert_string_equal(g->checks[0].user, "nobody");
        assert_string_equal(g->checks[0].target, "/bin/x");
        assert_string_equal(g->checks[1].argv[1], "one two");
        assert_string_equal(g->checks[1].argv[2], "$3");
        assert_null(g->checks[1].argv[3]);
        assert_string_equal(g->hooks[0].argv[0], "/bin/h");
        assert_null(g->hooks[0].argv[1]);
        config_free(c);
}

/** The default timeout of 1 s gives way to a shorter interval. */
static void a_short_interval_shortens_the_default_timeout(void **state)
{
        struct config *c = load(WITH("checks = { a = { file = \"/x\", interval = \"100ms\" } }"));

        assert_int_equal(c->groups[0].checks[0].timeout_us, 100000);
        config_free(c);
}

static void an_http_check_knows_where_and_what_to_ask(void **state)
{
        struct config *c = load(WITH("checks = { a = { http = \"http://[::1]:8080/x?y\" } }"));
        const struct conf_check *check = &c->groups[0].checks[0];

        assert_int_equal(check->kind, CONF_CHECK_HTTP);
        assert_int_equal(check->address.family, AF_INET6);
        assert_int_equal(check->port, 8080);
        assert_string_equal(check->host, "[::1]:8080");
        assert_string_equal(check->path, "/x?y");
        config_free(c);
}

/* --- meaning ----------------------------------------------------------------------- */

static void digest_of(const char *text, char ret[static 17])
{
        struct config *c = load(text);

        assert_int_equal(strlen(c->digest), 16);
        strcpy(ret, c->digest);
        config_free(c);
}

static void the_digest_is_of_the_meaning_not_the_spelling(void **state)
{
        char a[17], b[17];

        digest_of(WITH("prefer = \"lb1\"; failback-delay = \"60s\""), a);
        digest_of(WITH("/* said */ failback-delay = \"1min\""), b);
        assert_string_equal(a, b);
}

static void every_change_of_meaning_changes_the_digest(void **state)
{
        static const char *const texts[] = {
                WITH(""),
                WITH("prefer = \"lb2\""),
                WITH("accept = false"),
                WITH("failback = \"manual\""),
                WITH("failback-delay = \"61s\""),
                WITH("excluded-addresses = [ \"192.0.2.20\" ]"),
                WITH("excluded-addresses = [ \"192.0.2.20/24\" ]"),
                WITH("excluded-addresses = [ \"192.0.2.20 dev eth1\" ]"),
                WITH("excluded-addresses = [ \"192.0.2.20 label x\" ]"),
                WITH("excluded-addresses = [ \"192.0.2.20 scope link\" ]"),
                WITH("track-interfaces = [ \"eth1\" ]"),
                WITH("announce = { count = 4 }"),
                WITH("announce = { interval = \"2s\" }"),
                WITH("announce = { refresh = \"1s\" }"),
                WITH("announce = { rate = 5 }"),
                WITH("checks = { a = { file = \"/x\" } }"),
                WITH("checks = { b = { file = \"/x\" } }"),
                WITH("checks = { a = { file = \"/y\" } }"),
                WITH("checks = { a = { exec = \"/x\" } }"),
                WITH("checks = { a = { exec = \"/x y z\" } }"),
                WITH("checks = { a = { exec = [ \"/x\", \"y z\" ] } }"),
                WITH("checks = { a = { exec = \"/x\", user = \"root\" } }"),
                WITH("checks = { a = { file = \"/x\", rise = 9 } }"),
                WITH("checks = { a = { file = \"/x\", fall = 9 } }"),
                WITH("checks = { a = { file = \"/x\", interval = \"9s\" } }"),
                WITH("checks = { a = { file = \"/x\", timeout = \"2s\" } }"),
                WITH("hooks = { a = { on = \"active\", run = \"/x\" } }"),
                WITH("hooks = { a = { on = \"backup\", run = \"/x\" } }"),
                WITH("hooks = { a = { on = \"active\", run = \"/y\" } }"),
                WITH("hooks = { a = { on = \"active\", run = \"/x\", user = \"root\" } }"),
                WITH("hooks = { a = { on = \"active\", run = \"/x\", timeout = \"1s\" } }"),
                WITH("vrrp = { version = 2 }"),
                WITH("vrrp = { advert-interval = \"2s\" }"),
                WITH("vrrp = { unicast-peers = [ \"192.0.2.12\" ] }"),
                WITH("vrrp = { source = \"192.0.2.12\" }"),
                WITH("vrrp = { checksum = \"plain\" }"),
                WITH("vrrp = { priority = 100 }"),
                WITH("vrrp = { priority = 101 }"),
                WITH("vrrp = { priority = 100, preempt = false }"),
        };
        char digests[ARRAY_SIZE(texts)][17];

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                digest_of(texts[i], digests[i]);
                for (size_t j = 0; j < i; j++) {
                        if (strcmp(digests[i], digests[j]) == 0)
                                fail_msg("same digest:\n%s%s", texts[j], texts[i]);
                }
        }
}

static void equal_groups_are_equal_and_others_not(void **state)
{
        struct config *a = load(WITH("accept = true"));
        struct config *b = load(WITH("# nothing new"));
        struct config *c = load(WITH("checks = { x = { file = \"/x\" } }"));

        assert_true(conf_group_equal(&a->groups[0], &b->groups[0]));
        assert_false(conf_group_equal(&a->groups[0], &c->groups[0]));
        config_free(a);
        config_free(b);
        config_free(c);
}

/* --- files --------------------------------------------------------------------------- */

static char folder[] = "/tmp/vipring-config.XXXXXX";

static const char *in_folder(const char *name)
{
        static char path[128];

        snprintf(path, sizeof(path), "%s/%s", folder, name);
        return path;
}

/** Load a file that must be refused with one error that ends so. */
static void refused(const char *path, const char *message)
{
        struct config *c = NULL;
        struct conf_errors errors;
        char expected[300];

        snprintf(expected, sizeof(expected), "%s: error: %s", path, message);
        assert_int_equal(config_load(path, &c, &errors), -EINVAL);
        assert_null(c);
        assert_int_equal(errors.n, 1);
        assert_string_equal(errors.text[0], expected);
        conf_errors_clear(&errors);
}

static void what_is_no_readable_file_is_one_clear_error(void **state)
{
        refused(in_folder("none"), "cannot read the configuration: No such file or directory");
        refused(folder, "cannot read the configuration: it is a directory, not a file");
        assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
        refused(in_folder("fifo"), "cannot read the configuration: it is a device or pipe, not a "
                                   "file");
        unlink(in_folder("fifo"));
        refused("/dev/zero", "cannot read the configuration: it is a device or pipe, not a file");
}

static void write_file(const char *path, const char *text)
{
        CLEANUP(fclosep) FILE *to = fopen(path, "w");

        assert_non_null(to);
        fputs(text, to);
}

static void an_unreadable_file_is_one_clear_error(void **state)
{
        if (geteuid() == 0)
                skip(); /* root reads everything */
        write_file(in_folder("x"), "");
        assert_int_equal(chmod(in_folder("x"), 0), 0);
        refused(in_folder("x"), "cannot read the configuration: Permission denied");
        unlink(in_folder("x"));
}

static void a_file_over_the_limit_is_refused_and_not_cut(void **state)
{
        CLEANUP(closep) int fd = open(in_folder("big"), O_CREAT | O_RDWR, 0600);

        assert_int_equal(ftruncate(fd, (4 << 20) + 1), 0);
        refused(in_folder("big"),
                "cannot read the configuration: the configuration is larger than 4194304 bytes");
        unlink(in_folder("big"));
}

static void interfaces_that_are_not_here_are_warned_of(void **state)
{
        struct config *c = NULL;
        struct conf_errors errors;

        write_file(in_folder("x"),
                   HEAD "groups = { web = { vrid = 1\n interface = \"lo\"\n"
                        "addresses = [ \"192.0.2.10\",\n \"192.0.2.9 dev nosuchif0\" ]\n"
                        "track-interfaces = [ \"nosuchif1\" ] } }\n");
        assert_int_equal(config_load(in_folder("x"), &c, &errors), 0);
        assert_int_equal(errors.n, 0);
        assert_int_equal(errors.n_warnings, 2);
        assert_non_null(strstr(errors.warnings[0], "x:7: warning: this host has no interface "
                                                   "'nosuchif0'"));
        assert_non_null(strstr(errors.warnings[1], "x:8: warning: this host has no interface "
                                                   "'nosuchif1'"));
        conf_errors_clear(&errors);
        config_free(c);
        unlink(in_folder("x"));
}

static int make_folder(void **state)
{
        return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
        return rmdir(folder);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_least_becomes_values_and_defaults),
                cmocka_unit_test(priorities_follow_the_ring_from_home),
                cmocka_unit_test(a_group_with_a_priority_is_shared_with_foreign_routers),
                cmocka_unit_test(foreign_preemption_and_its_delay_are_as_written),
                cmocka_unit_test(manual_failback_lets_nobody_preempt),
                cmocka_unit_test(excluded_addresses_come_last),
                cmocka_unit_test(commands_are_cut_into_words_or_taken_as_a_list),
                cmocka_unit_test(a_short_interval_shortens_the_default_timeout),
                cmocka_unit_test(an_http_check_knows_where_and_what_to_ask),
                cmocka_unit_test(the_digest_is_of_the_meaning_not_the_spelling),
                cmocka_unit_test(every_change_of_meaning_changes_the_digest),
                cmocka_unit_test(equal_groups_are_equal_and_others_not),
                cmocka_unit_test(what_is_no_readable_file_is_one_clear_error),
                cmocka_unit_test(an_unreadable_file_is_one_clear_error),
                cmocka_unit_test(a_file_over_the_limit_is_refused_and_not_cut),
                cmocka_unit_test(interfaces_that_are_not_here_are_warned_of),
        };

        return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
