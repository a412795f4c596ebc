/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The real nf_tables between two namespaces: what a neighbour can and cannot do to an address. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "tests/unit/link_pair.h"
#include "vipd/accept_filter.h"

#define PORT 8080
#define DROPPED_MS 400    /* nobody answers for so long: the first SYN is repeated after 1 s */
#define ANSWERED_MS 10000 /* a bound for a hung test only */

static struct link_pair pair;
static sd_event *loop;
static struct accept_filter *filter;
static struct conf_vip vips[2];

static struct conf_vip vip(const char *addr)
{
        struct conf_vip v = {.dev = "near"};

        assert_int_equal(ip_addr_parse(addr, &v.addr), 0);
        return v;
}

/* From the neighbour. @return 0, -errno of the refusal, or -ETIMEDOUT */
static int try_connect(const char *addr, int wait_ms)
{
        struct conf_vip to = vip(addr);
        struct sockaddr_storage sa;
        socklen_t len = ip_addr_to_sockaddr(&to.addr, 0, &sa), err_len = sizeof(int);
        struct pollfd p = {.events = POLLOUT};
        int err = 0;

        if (sa.ss_family == AF_INET)
                ((struct sockaddr_in *)&sa)->sin_port = htons(PORT);
        else
                ((struct sockaddr_in6 *)&sa)->sin6_port = htons(PORT);
        enter(pair.far_ns);
        p.fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        enter(pair.near_ns);
        if (connect(p.fd, (struct sockaddr *)&sa, len) < 0 && errno != EINPROGRESS)
                err = errno;
        else if (poll(&p, 1, wait_ms) == 0)
                err = ETIMEDOUT;
        else
                getsockopt(p.fd, SOL_SOCKET, SO_ERROR, &err, &err_len);
        close(p.fd);
        return -err;
}

static void assert_accepted(const char *addr)
{
        assert_int_equal(try_connect(addr, ANSWERED_MS), 0);
}

static void assert_dropped(const char *addr)
{
        assert_int_equal(try_connect(addr, DROPPED_MS), -ETIMEDOUT);
}

static bool table_exists(void)
{
        return at_near(&pair, "nft list table inet vipring >/dev/null 2>&1") == 0;
}

/* How many of both sets; text as nft prints it, an address a word. */
static unsigned elements(void)
{
        FILE *p = popen(
                "nft list table inet vipring | tr ' ,' '\\n\\n' | grep -cE '^(10\\.|fd00:)'", "r");
        unsigned n = 0;

        assert_int_equal(fscanf(p, "%u", &n), 1);
        pclose(p);
        return n;
}

static int set_up(void **state)
{
        assert_int_equal(sd_event_new(&loop), 0);
        assert_int_equal(accept_filter_new(&filter, loop), 0);
        return 0;
}

static int tear_down(void **state)
{
        filter = accept_filter_free(filter);
        loop = sd_event_unref(loop);
        return 0;
}

/* --- what it does -------------------------------------------------------------------- */

static void connections_to_a_filtered_address_are_dropped_until_it_is_removed(void **state)
{
        assert_accepted("192.0.2.10");
        assert_accepted("2001:db8::10");
        assert_int_equal(accept_filter_add(filter, vips, 2), 0);
        assert_dropped("192.0.2.10");
        assert_dropped("2001:db8::10");
        assert_int_equal(at_far(&pair, "ping -c 1 -W 1 192.0.2.10 >/dev/null"), 1);
        assert_accepted("192.0.2.1"); /* the host's own addresses are none of its business */
        assert_accepted("2001:db8::1");
        assert_int_equal(accept_filter_remove(filter, vips, 2), 0);
        assert_accepted("192.0.2.10");
        assert_accepted("2001:db8::10");
}

/* RFC 9568 6.4.3 (105), (130): the active answers ARP and ND whatever Accept_Mode says. */
static void neighbours_still_get_an_answer_to_arp_and_nd(void **state)
{
        char known[128];
        uint8_t *mac;
        struct kernel_link link = look_at_link("near");

        assert_int_equal(accept_filter_add(filter, vips, 2), 0);
        at_far(&pair, "ip neigh flush all");
        assert_dropped("192.0.2.10");   /* asks by broadcast */
        assert_dropped("2001:db8::10"); /* asks the solicited-node group */
        mac = link.mac;
        snprintf(known, sizeof(known),
                 "ip neigh show 192.0.2.10 | grep -q %02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1],
                 mac[2], mac[3], mac[4], mac[5]);
        assert_true(far_comes_to(&pair, 10, known));
        snprintf(known, sizeof(known),
                 "ip neigh show 2001:db8::10 | grep -q %02x:%02x:%02x:%02x:%02x:%02x", mac[0],
                 mac[1], mac[2], mac[3], mac[4], mac[5]);
        assert_true(far_comes_to(&pair, 10, known));

        /* a neighbour that knows it probes by unicast to the address itself (RFC 4861 7.3.3) */
        assert_int_equal(
                at_far(&pair,
                       "ip neigh replace 2001:db8::10 lladdr %02x:%02x:%02x:%02x:%02x:%02x "
                       "dev far nud probe",
                       mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]),
                0);
        assert_true(far_comes_to(&pair, 10, "ip neigh show 2001:db8::10 | grep -q REACHABLE"));
}

static void an_address_of_two_groups_is_filtered_until_both_let_go(void **state)
{
        assert_int_equal(accept_filter_add(filter, vips, 2), 0);
        assert_int_equal(accept_filter_add(filter, vips, 1), 0);
        assert_int_equal(accept_filter_remove(filter, vips, 2), 0);
        assert_dropped("192.0.2.10");
        assert_accepted("2001:db8::10");
        assert_int_equal(accept_filter_remove(filter, vips, 1), 0);
        assert_accepted("192.0.2.10");
        assert_int_equal(accept_filter_remove(filter, vips, 2), 0); /* was not added: ignored */
        assert_int_equal(accept_filter_state(filter), ACCEPT_FILTER_UNUSED);
}

static void there_is_a_table_only_while_an_address_is_filtered(void **state)
{
        assert_false(table_exists());
        assert_int_equal(accept_filter_state(filter), ACCEPT_FILTER_UNUSED);
        assert_int_equal(accept_filter_add(filter, vips, 2), 0);
        assert_true(table_exists());
        assert_int_equal(accept_filter_state(filter), ACCEPT_FILTER_WORKING);
        assert_int_equal(accept_filter_remove(filter, vips, 2), 0);
        assert_false(table_exists());
        assert_int_equal(accept_filter_add(filter, vips, 1), 0);
        filter = accept_filter_free(filter);
        assert_false(table_exists());
}

/* 3000 of each family is more than ten transactions of 256, with a rest. */
static void thousands_of_addresses_go_in_slices(void **state)
{
        struct conf_vip *many = calloc(6001, sizeof(*many));

        for (unsigned i = 0; i < 6000; i++) {
                many[i] = vip(i % 2 ? "10.0.0.0" : "fd00::");
                many[i].addr.bytes[i % 2 ? 2 : 14] = (uint8_t)(i >> 8);
                many[i].addr.bytes[i % 2 ? 3 : 15] = (uint8_t)i;
        }
        many[6000] = vips[0];
        assert_int_equal(accept_filter_add(filter, many, 6001), 0);
        assert_int_equal(elements(), 6000);
        assert_dropped("192.0.2.10");
        assert_int_equal(accept_filter_remove(filter, many + 100, 5000), 0);
        assert_int_equal(elements(), 1000);
        assert_int_equal(accept_filter_add(filter, many + 100, 5000),
                         0); /* to a table that is there */
        assert_int_equal(elements(), 6000);
        assert_int_equal(accept_filter_remove(filter, many, 6000), 0);
        assert_int_equal(elements(), 0);
        assert_dropped("192.0.2.10");
        free(many);
}

/* --- when others interfere ------------------------------------------------------------- */

static void the_table_of_a_crashed_daemon_is_taken_away(void **state)
{
        struct accept_filter *crashed;

        assert_int_equal(accept_filter_new(&crashed, loop), 0);
        assert_int_equal(accept_filter_add(crashed, vips, 2), 0);
        filter = accept_filter_free(filter); /* had no table of its own */
        assert_dropped("192.0.2.10");
        assert_int_equal(accept_filter_new(&filter, loop), 0);
        assert_false(table_exists());
        assert_accepted("192.0.2.10");
        accept_filter_free(crashed);
}

static void a_flushed_ruleset_is_noticed_at_the_next_change(void **state)
{
        struct conf_vip other = vip("192.0.2.77");

        assert_int_equal(accept_filter_add(filter, vips, 2), 0);
        at_near(&pair, "nft flush ruleset");
        assert_int_equal(accept_filter_add(filter, &other, 1), 0);
        assert_dropped("192.0.2.10");
        at_near(&pair, "nft flush ruleset");
        assert_int_equal(accept_filter_remove(filter, &other, 1), 0);
        assert_dropped("2001:db8::10");
        at_near(&pair, "nft flush ruleset"); /* nothing left to take away is no error */
        assert_int_equal(accept_filter_remove(filter, vips, 2), 0);
}

static void a_flushed_ruleset_is_noticed_without_a_change(void **state)
{
        mono_t until = mono_add_us(clock_now(), 4 * ACCEPT_FILTER_CHECK_US);

        assert_int_equal(accept_filter_add(filter, vips, 2), 0);
        at_near(&pair, "nft flush ruleset");
        assert_int_equal(accept_filter_check(filter), 0);
        assert_dropped("192.0.2.10");
        at_near(&pair, "nft flush ruleset");
        while (!table_exists() && mono_before(clock_now(), until))
                sd_event_run(loop, 1000000); /* by its own timer */
        assert_dropped("192.0.2.10");
}

/* A child without rights in the namespace: it must be told, go on, and still be able to end. */
static void without_permission_it_says_so_and_goes_on(void **state)
{
        int said[2], status;
        char text[2048];
        ssize_t n;
        pid_t pid;

        assert_int_equal(pipe(said), 0);
        pid = fork();
        if (pid == 0) {
                struct accept_filter *f;
                sd_event *own;

                dup2(said[1], STDERR_FILENO);
                log_init("test", LOG_INFO);
                if (setresuid(65534, 65534, 65534) < 0 || sd_event_new(&own) < 0)
                        _exit(1);
                if (accept_filter_new(&f, own) != 0 ||
                    accept_filter_state(f) != ACCEPT_FILTER_UNUSED)
                        _exit(2);
                if (accept_filter_add(f, vips, 2) != -EPERM || accept_filter_check(f) != -EPERM)
                        _exit(3);
                if (accept_filter_state(f) != ACCEPT_FILTER_FAILED ||
                    !strstr(accept_filter_error(f), "Operation not permitted"))
                        _exit(4);
                if (accept_filter_remove(f, vips, 2) != 0 ||
                    accept_filter_state(f) != ACCEPT_FILTER_UNUSED)
                        _exit(5);
                accept_filter_free(f);
                _exit(0);
        }
        close(said[1]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        n = read(said[0], text, sizeof(text) - 1);
        close(said[0]);
        assert_true(n > 0);
        text[n] = '\0';
        assert_int_equal(status, 0);
        assert_non_null(strstr(text, "error: cannot drop packets for virtual addresses"));
        assert_non_null(strstr(text, "Operation not permitted"));
        assert_null(strchr(strchr(text, '\n') + 1, '\n')); /* once */
}

/* --- the scene ------------------------------------------------------------------------- */

/* One listener for both families and all addresses of this host. */
static void listen_here(void)
{
        struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
        int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), off = 0;

        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
        if (bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(fd, 100) < 0)
                abort();
}

static int set_scene(void **state)
{
        vips[0] = vip("192.0.2.10");
        vips[1] = vip("2001:db8::10");
        at_near(&pair, "ip addr add 192.0.2.10/24 dev near");
        at_near(&pair, "ip addr add 2001:db8::10/64 dev near nodad");
        listen_here();
        return 0;
}

int main(void)
{
#define NET_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                NET_TEST(connections_to_a_filtered_address_are_dropped_until_it_is_removed),
                NET_TEST(neighbours_still_get_an_answer_to_arp_and_nd),
                NET_TEST(an_address_of_two_groups_is_filtered_until_both_let_go),
                NET_TEST(there_is_a_table_only_while_an_address_is_filtered),
                NET_TEST(thousands_of_addresses_go_in_slices),
                NET_TEST(the_table_of_a_crashed_daemon_is_taken_away),
                NET_TEST(a_flushed_ruleset_is_noticed_at_the_next_change),
                NET_TEST(a_flushed_ruleset_is_noticed_without_a_change),
                NET_TEST(without_permission_it_says_so_and_goes_on),
        };

        link_pair_up(&pair);
        log_init("test", LOG_WARNING);
        if (at_near(&pair, "nft list ruleset >/dev/null 2>&1") != 0) {
                fprintf(stderr, "skipped: no nft, or the kernel has no nf_tables\n");
                return 77;
        }
        return cmocka_run_group_tests(tests, set_scene, NULL);
}
