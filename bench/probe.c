/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/probe.h"

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "lib/addr.h"
#include "lib/mono.h"

volatile int probe_stop;

static const char usage_text[] =
        "usage: probe server --name NAME [--port N]\n"
        "       probe gap [--every 1ms] [--duration 10s] [--linger 300ms] [--port N] ADDRESS...\n"
        "       probe http [--every 0ms] [--duration 10s] [--timeout 1s] [--port N] ADDRESS\n"
        "  --no-realtime  do not ask for SCHED_FIFO\n"
        "Times: a number with us, ms or s. SIGTERM ends a run early; it still reports.\n";

static void on_stop(int signal)
{
        probe_stop = 1;
}

bool probe_realtime(void)
{
        struct sched_param param = {.sched_priority = 1};

        prctl(PR_SET_TIMERSLACK, 1UL);
        if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param) < 0)
                return false;
        mlockall(MCL_CURRENT | MCL_FUTURE);
        return true;
}

socklen_t probe_sockaddr(const char *text, uint16_t port, struct sockaddr_storage *ret)
{
        struct ip_addr addr;
        socklen_t len;

        if (ip_addr_parse(text, &addr) < 0) {
                fprintf(stderr, "probe: '%s' is not an IP address\n", text);
                return 0;
        }
        len = ip_addr_to_sockaddr(&addr, 0, ret);
        if (addr.family == AF_INET)
                ((struct sockaddr_in *)ret)->sin_port = htons(port);
        else
                ((struct sockaddr_in6 *)ret)->sin6_port = htons(port);
        return len;
}

static int64_t parse_time_us(const char *option, const char *text)
{
        static const struct {
                const char *unit;
                int64_t us;
        } units[] = {{"us", 1}, {"ms", US_PER_MS}, {"s", US_PER_S}};
        char *end;
        double value = strtod(text, &end);

        for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
                if (end != text && strcmp(end, units[i].unit) == 0 && value >= 0 && value <= 3600e6)
                        return (int64_t)(value * (double)units[i].us);
        fprintf(stderr, "probe: --%s: '%s' is not a time such as 1ms or 10s\n", option, text);
        exit(2);
}

static uint16_t parse_port(const char *text)
{
        char *end;
        unsigned long port = strtoul(text, &end, 10);

        if (*end || port < 1 || port > 65535) {
                fprintf(stderr, "probe: --port: '%s' is not a port\n", text);
                exit(2);
        }
        return (uint16_t)port;
}

static void parse_options(int argc, char **argv, struct probe_options *o)
{
        static const struct option known[] = {
                {"name", required_argument, NULL, 'n'},     {"port", required_argument, NULL, 'p'},
                {"every", required_argument, NULL, 'e'},    {"duration", required_argument, NULL, 'd'},
                {"timeout", required_argument, NULL, 't'},  {"linger", required_argument, NULL, 'l'},
                {"no-realtime", no_argument, NULL, 'R'},    {"help", no_argument, NULL, 'h'},
                {NULL, 0, NULL, 0},
        };
        int c, at;

        while ((c = getopt_long(argc, argv, "", known, &at)) != -1) {
                switch (c) {
                case 'n':
                        o->name = optarg;
                        break;
                case 'p':
                        o->port = parse_port(optarg);
                        break;
                case 'e':
                        o->every_us = parse_time_us("every", optarg);
                        break;
                case 'd':
                        o->duration_us = parse_time_us("duration", optarg);
                        break;
                case 't':
                        o->timeout_us = parse_time_us("timeout", optarg);
                        break;
                case 'l':
                        o->linger_us = parse_time_us("linger", optarg);
                        break;
                case 'R':
                        o->realtime = false;
                        break;
                case 'h':
                        fputs(usage_text, stdout);
                        exit(0);
                default:
                        fputs(usage_text, stderr);
                        exit(2);
                }
        }
        o->addresses = argv + optind;
        o->n_addresses = (unsigned)(argc - optind);
}

int main(int argc, char **argv)
{
        static const struct {
                const char *name;
                int (*run)(const struct probe_options *);
                unsigned min_addresses, max_addresses;
        } modes[] = {
                {"server", responder_run, 0, 0},
                {"gap", gap_run, 1, PROBE_TARGETS_MAX},
                {"http", fetch_run, 1, 1},
        };
        struct probe_options o = {
                .every_us = -1,
                .duration_us = 10 * US_PER_S,
                .timeout_us = US_PER_S,
                .linger_us = 300 * US_PER_MS,
                .realtime = true,
        };
        struct sigaction stop = {.sa_handler = on_stop};

        sigaction(SIGTERM, &stop, NULL);
        sigaction(SIGINT, &stop, NULL);
        signal(SIGPIPE, SIG_IGN);
        for (size_t i = 0; argc > 1 && i < sizeof(modes) / sizeof(modes[0]); i++) {
                if (strcmp(argv[1], modes[i].name) != 0)
                        continue;
                parse_options(argc - 1, argv + 1, &o);
                if (o.n_addresses < modes[i].min_addresses || o.n_addresses > modes[i].max_addresses)
                        break;
                return modes[i].run(&o);
        }
        if (argc > 1 && strcmp(argv[1], "--help") == 0) {
                fputs(usage_text, stdout);
                return 0;
        }
        fputs(usage_text, stderr);
        return 2;
}
