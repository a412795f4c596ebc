/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <linux/rtnetlink.h>

#include "lib/cleanup.h"
#include "lib/conf_lex.h"
#include "lib/conf_settings.h"
#include "lib/conf_value.h"

static int64_t time_of(const char *text)
{
        struct conf_why why;
        int64_t us = -1;

        return conf_value_time(text, &us, &why) == 0 ? us : -1;
}

static void times_are_exact_in_every_unit(void **state)
{
        assert_int_equal(time_of("7us"), 7);
        assert_int_equal(time_of("10ms"), 10000);
        assert_int_equal(time_of("1s"), 1000000);
        assert_int_equal(time_of("2min"), 120000000);
        assert_int_equal(time_of("24h"), INT64_C(86400000000));
        assert_int_equal(time_of("40.95s"), 40950000);
        assert_int_equal(time_of("1.5min"), 90000000);
        assert_int_equal(time_of("0.000001s"), 1);
        assert_int_equal(time_of("2 s"), 2000000);
        assert_int_equal(time_of("0s"), 0);
}

static void what_is_not_exactly_a_time_is_refused(void **state)
{
        static const char *const bad[] = {"",
                                          "1",
                                          "s",
                                          "1 ",
                                          "-1s",
                                          "+1s",
                                          "1sec",
                                          "1s ",
                                          "1s2",
                                          "1.s5",
                                          ".5s",
                                          "1e3s",
                                          "1m",
                                          "1S",
                                          "0.5us",
                                          "1,5s",
                                          " 1s",
                                          "0x1s",
                                          "9223372036854775807s",
                                          "99999999999999999999us",
                                          "0.0000001s"};

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_int_equal(time_of(bad[i]), -1);
}

/** The table gives defaults and ranges as text; a slip there would show as 0. */
static void every_default_and_range_of_the_table_can_be_read(void **state)
{
        size_t n;
        const struct conf_setting *all = config_settings(&n);
        struct conf_why why;
        int64_t us;

        for (size_t i = 0; i < n; i++) {
                const struct conf_setting *s = &all[i];

                assert_non_null(s->help);
                assert_true(s->available || s->instead);
                if (s->kind == CONF_KIND_TIME) {
                        assert_true(time_of(s->lo) >= 0 && time_of(s->hi) > time_of(s->lo));
                        if (s->fallback)
                                assert_int_equal(conf_value_time(s->fallback, &us, &why), 0);
                }
                if (s->kind == CONF_KIND_CHOICE && s->fallback)
                        assert_true(conf_choices_find(s->choices, s->fallback) >= 0);
                for (size_t j = 0; j < i; j++)
                        assert_false(strcmp(all[j].place, s->place) == 0 &&
                                     strcmp(all[j].name, s->name) == 0);
        }
}

static struct conf_vip vip_of(const char *text)
{
        struct conf_vip vip;
        struct conf_why why = {""};

        if (conf_value_vip(text, &vip, &why) < 0)
                fail_msg("%s: %s", text, why.text);
        if (conf_value_vip_complete(&vip, "eth0", &why) < 0)
                fail_msg("%s: %s", text, why.text);
        return vip;
}

static void an_address_takes_its_options(void **state)
{
        struct conf_vip vip = vip_of("192.0.2.10/24 dev eth1 label web scope link");

        assert_int_equal(vip.prefix_len, 24);
        assert_string_equal(vip.dev, "eth1");
        assert_string_equal(vip.label, "eth1:web");
        assert_int_equal(vip.scope, RT_SCOPE_LINK);
}

static void an_address_alone_is_a_host_on_the_groups_interface(void **state)
{
        assert_int_equal(vip_of("192.0.2.10").prefix_len, 32);
        assert_int_equal(vip_of("2001:db8::1").prefix_len, 128);
        assert_string_equal(vip_of("192.0.2.10").dev, "eth0");
        assert_string_equal(vip_of("192.0.2.10").label, "");
}

/** The kernel takes any label, but ifconfig shows only those that start with the device. */
static void a_label_starts_with_its_interface(void **state)
{
        assert_string_equal(vip_of("192.0.2.10 label web").label, "eth0:web");
        assert_string_equal(vip_of("192.0.2.10 label eth0:web").label, "eth0:web");
        assert_string_equal(vip_of("192.0.2.10 label eth0").label, "eth0");
        assert_string_equal(vip_of("192.0.2.10 label eth01").label, "eth0:eth01");
        assert_string_equal(vip_of("192.0.2.10 label ten-chars0").label, "eth0:ten-chars0");
}

/** In a /31 and /32 both addresses are hosts' (RFC 3021); in a /30 the first and last are not. */
static void network_and_broadcast_addresses_are_told_from_hosts(void **state)
{
        struct conf_vip vip;
        struct conf_why why;

        assert_int_equal(vip_of("192.0.2.0/31").prefix_len, 31);
        assert_int_equal(vip_of("192.0.2.255/31").prefix_len, 31);
        assert_int_equal(vip_of("192.0.2.1/30").prefix_len, 30);
        assert_true(conf_value_vip("192.0.2.0/30", &vip, &why) < 0);
        assert_true(conf_value_vip("192.0.2.3/30", &vip, &why) < 0);
        assert_true(conf_value_vip("10.255.255.255/8", &vip, &why) < 0);
}

static void a_tracked_interface_may_have_a_weight(void **state)
{
        struct conf_track track;
        struct conf_why why;

        assert_int_equal(conf_value_track("eth1", &track, &why), 0);
        assert_int_equal(track.weight, 0);
        assert_int_equal(conf_value_track(" eth1  weight -20 ", &track, &why), 0);
        assert_string_equal(track.iface, "eth1");
        assert_int_equal(track.weight, -20);
        assert_true(conf_value_track("eth1 weight", &track, &why) < 0);
        assert_true(conf_value_track("eth1 weight 0", &track, &why) < 0);
        assert_true(conf_value_track("eth1 weight 254", &track, &why) < 0);
        assert_true(conf_value_track("eth1 weight 5 6", &track, &why) < 0);
        assert_true(conf_value_track("", &track, &why) < 0);
}

static void endpoints_are_an_address_and_a_port(void **state)
{
        struct ip_addr addr;
        struct conf_why why;
        uint16_t port = 0;

        assert_int_equal(conf_value_endpoint("127.0.0.1:80", &addr, &port, &why), 0);
        assert_int_equal(addr.family, AF_INET);
        assert_int_equal(port, 80);
        assert_int_equal(conf_value_endpoint("[::1]:65535", &addr, &port, &why), 0);
        assert_int_equal(addr.family, AF_INET6);
        assert_int_equal(port, 65535);
}

static void what_is_not_an_endpoint_is_refused(void **state)
{
        static const char *const bad[] = {
                "",           "127.0.0.1",      "127.0.0.1:",  ":80",
                "[::1]",      "[::1]80",        "[::1]:",      "::1",
                "[::1:80",    "[127.0.0.1]:1",  "127.0.0.1:0", "1.2.3.4:65536",
                "1.2.3.4:8x", "1.2.3.4:080000", "[]:80",       "0.0.0.0:80",
                "[::]:80",    "224.0.0.1:80",   "::1]:80",     "[::1]:80:90"};
        struct ip_addr addr;
        struct conf_why why;
        uint16_t port;

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                if (conf_value_endpoint(bad[i], &addr, &port, &why) == 0)
                        fail_msg("%s is taken", bad[i]);
        }
}

static void a_url_falls_into_its_parts(void **state)
{
        struct conf_url url;
        struct conf_why why;

        assert_int_equal(conf_value_url("http://[::1]:8080/a?b=1", &url, &why), 0);
        assert_int_equal(url.port, 8080);
        assert_int_equal(url.host_len, strlen("[::1]:8080"));
        assert_string_equal(url.path, "/a?b=1");
        assert_int_equal(conf_value_url("http://192.0.2.1", &url, &why), 0);
        assert_int_equal(url.port, 80);
        assert_string_equal(url.path, "/");
        assert_int_equal(url.host_len, strlen("192.0.2.1"));
        assert_true(conf_value_url("http://", &url, &why) < 0);
        assert_true(conf_value_url("http:///x", &url, &why) < 0);
        assert_true(conf_value_url("http://192.0.2.1?x", &url, &why) < 0);
        assert_true(conf_value_url("http://u@192.0.2.1/", &url, &why) < 0);
        assert_true(conf_value_url("http://192.0.2.1/\r\nX: y", &url, &why) < 0);
        assert_true(conf_value_url("http://192.0.2.1/#top", &url, &why) < 0);
}

static void events_become_bits(void **state)
{
        struct conf_why why;
        unsigned bits = 0;

        assert_int_equal(conf_value_events("active", &bits, &why), 0);
        assert_int_equal(bits, CONF_HOOK_ACTIVE);
        assert_int_equal(conf_value_events("backup|fault | stop", &bits, &why), 0);
        assert_int_equal(bits, CONF_HOOK_BACKUP | CONF_HOOK_FAULT | CONF_HOOK_STOP);
        assert_int_equal(conf_value_events("before-active|before-backup|before-fault|before-stop",
                                           &bits, &why),
                         0);
        assert_int_equal(bits, CONF_HOOK_BEFORE_ACTIVE | CONF_HOOK_BEFORE_BACKUP |
                                       CONF_HOOK_BEFORE_FAULT | CONF_HOOK_BEFORE_STOP);
        assert_true(conf_value_events("active|", &bits, &why) < 0);
        assert_true(conf_value_events("|active", &bits, &why) < 0);
        assert_true(conf_value_events("", &bits, &why) < 0);
}

static enum conf_token_kind kind_of(const char *text)
{
        struct conf_lexer lexer = conf_lexer_new(text, strlen(text));

        return conf_lexer_next(&lexer).kind;
}

/** libconfig 1.5 would read 010 as 8, and 0x100000001 as 1. */
static void numbers_that_libconfig_would_change_are_refused(void **state)
{
        assert_int_equal(kind_of("10"), CONF_TOKEN_NUMBER);
        assert_int_equal(kind_of("0"), CONF_TOKEN_NUMBER);
        assert_int_equal(kind_of("-253"), CONF_TOKEN_NUMBER);
        assert_int_equal(kind_of("0x1f"), CONF_TOKEN_NUMBER);
        assert_int_equal(kind_of("2147483647"), CONF_TOKEN_NUMBER);
        assert_int_equal(kind_of("010"), CONF_TOKEN_BAD);
        assert_int_equal(kind_of("-010"), CONF_TOKEN_BAD);
        assert_int_equal(kind_of("0x100000001"), CONF_TOKEN_BAD);
        assert_int_equal(kind_of("2147483648"), CONF_TOKEN_BAD);
        assert_int_equal(kind_of("99999999999999999999"), CONF_TOKEN_BAD);
        assert_int_equal(kind_of("1L"), CONF_TOKEN_BAD);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(times_are_exact_in_every_unit),
                cmocka_unit_test(what_is_not_exactly_a_time_is_refused),
                cmocka_unit_test(every_default_and_range_of_the_table_can_be_read),
                cmocka_unit_test(an_address_takes_its_options),
                cmocka_unit_test(an_address_alone_is_a_host_on_the_groups_interface),
                cmocka_unit_test(a_label_starts_with_its_interface),
                cmocka_unit_test(network_and_broadcast_addresses_are_told_from_hosts),
                cmocka_unit_test(a_tracked_interface_may_have_a_weight),
                cmocka_unit_test(endpoints_are_an_address_and_a_port),
                cmocka_unit_test(what_is_not_an_endpoint_is_refused),
                cmocka_unit_test(a_url_falls_into_its_parts),
                cmocka_unit_test(events_become_bits),
                cmocka_unit_test(numbers_that_libconfig_would_change_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
