/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vipd: options, real-time settings, start and end. Everything else is daemon.c. */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "config.h"
#include "lib/ctl.h"
#include "lib/log.h"
#include "lib/option_error.h"
#include "vipd/daemon.h"

#define REALTIME_PRIORITY 50

static const char usage[] =
        "Usage: vipd [OPTIONS]\n"
        "Keeps virtual IP addresses on a living host; see vipd(8).\n"
        "\n"
        "  --config FILE      configuration [" SYSCONFDIR "/vipring/vipring.conf]\n"
        "  --node NAME        which node of the file this host is [found by its address]\n"
        "  --run-dir DIR      sockets go to DIR/vipd [" RUNSTATEDIR "/vipring]\n"
        "  --state-dir DIR    the timeline goes to DIR/vipd [" LOCALSTATEDIR "/lib/vipring]\n"
        "  --foreground       accepted for symmetry: vipd never goes to the background\n"
        "  --log-level LEVEL  error, warning, notice, info or debug [info]\n"
        "  --check            check the configuration and exit: 0 good, 6 with errors\n"
        "  --version, --help\n";

struct command_line {
        struct daemon_options daemon;
        bool check;
};

/* @return -1: go on, else the exit code */
static int parse(int argc, char **argv, struct command_line *ret)
{
        enum {
                CONFIG = 256,
                NODE,
                RUN_DIR,
                STATE_DIR,
                FOREGROUND,
                LEVEL,
                CHECK,
                SHOW_VERSION,
        };
        static const struct option options[] = {
                {"config", required_argument, NULL, CONFIG},
                {"node", required_argument, NULL, NODE},
                {"run-dir", required_argument, NULL, RUN_DIR},
                {"state-dir", required_argument, NULL, STATE_DIR},
                {"foreground", no_argument, NULL, FOREGROUND},
                {"log-level", required_argument, NULL, LEVEL},
                {"check", no_argument, NULL, CHECK},
                {"version", no_argument, NULL, SHOW_VERSION},
                {"help", no_argument, NULL, 'h'},
                {NULL, 0, NULL, 0},
        };
        int o, level;

        while ((o = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
                switch (o) {
                case CONFIG:
                        ret->daemon.config_path = optarg;
                        break;
                case NODE:
                        ret->daemon.node = optarg;
                        break;
                case RUN_DIR:
                        ret->daemon.run_dir = optarg;
                        break;
                case STATE_DIR:
                        ret->daemon.state_dir = optarg;
                        break;
                case FOREGROUND:
                        break;
                case LEVEL:
                        level = log_level_from_name(optarg);
                        if (level < 0) {
                                fprintf(stderr,
                                        "vipd: --log-level %s: use error, warning, notice, info "
                                        "or debug\n",
                                        optarg);
                                return CTL_USAGE;
                        }
                        log_set_level(level);
                        break;
                case CHECK:
                        ret->check = true;
                        break;
                case SHOW_VERSION:
                        puts("vipd " PACKAGE_VERSION);
                        return 0;
                case 'h':
                        fputs(usage, stdout);
                        return 0;
                default:
                        option_error("vipd", o, argv, options);
                        return CTL_USAGE;
                }
        }
        if (optind < argc) {
                fprintf(stderr, "vipd: unexpected word '%s'; 'vipd --help' lists the options\n",
                        argv[optind]);
                return CTL_USAGE;
        }
        return -1;
}

static int check(const char *path)
{
        struct conf_errors errors = {0};
        struct config *c = NULL;
        int r = config_load(path, &c, &errors);

        conf_errors_print(&errors, stderr);
        conf_errors_clear(&errors);
        if (r < 0)
                return CTL_CONFIG;
        printf("%s is valid: cluster %s, %u node%s, %u group%s, digest %s\n", path, c->cluster,
               c->n_nodes, c->n_nodes == 1 ? "" : "s", c->n_groups, c->n_groups == 1 ? "" : "s",
               c->digest);
        config_free(c);
        return CTL_DONE;
}

/*
 * Adverts must leave on time on a busy host. The unit gives these rights; without them (a test,
 * a container) vipd goes on and says so.
 */
static void go_realtime(void)
{
        struct sched_param param = {.sched_priority = REALTIME_PRIORITY};
        struct rlimit memlock;

        if ((sched_getscheduler(0) & ~SCHED_RESET_ON_FORK) != SCHED_FIFO &&
            sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param) < 0)
                log_info("no real-time scheduling: %s; on a busy host adverts may be late",
                         strerror(errno));
        /* Under a limit, locking would turn a later allocation into a failure. */
        if (geteuid() != 0 &&
            (getrlimit(RLIMIT_MEMLOCK, &memlock) < 0 || memlock.rlim_cur != RLIM_INFINITY))
                log_info("memory is not locked: LimitMEMLOCK is not infinity");
        else if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0)
                log_info("memory is not locked: %s", strerror(errno));
}

int main(int argc, char **argv)
{
        struct command_line cl = {
                .daemon =
                        {
                                .config_path = SYSCONFDIR "/vipring/vipring.conf",
                                .run_dir = RUNSTATEDIR "/vipring",
                                .state_dir = LOCALSTATEDIR "/lib/vipring",
                        },
        };
        struct daemon *d = NULL;
        int r;

        log_init("vipd", LOG_INFO);
        r = parse(argc, argv, &cl);
        if (r >= 0)
                return r;
        if (cl.check)
                return check(cl.daemon.config_path);

        r = log_start_writer();
        if (r < 0)
                log_warning("no thread for the log: %s; a slow log may hold up the loop",
                            strerror(-r));
        go_realtime();
        r = daemon_new(&d, &cl.daemon);
        if (r >= 0) {
                r = daemon_run(d);
                if (r < 0)
                        log_error("the main loop failed: %s; ending", strerror(-r));
                daemon_free(d);
                if (r >= 0)
                        log_notice("ended");
        }
        log_stop_writer();
        return r >= 0 || r == -ECANCELED ? 0 : r == -EINVAL ? CTL_CONFIG : CTL_FAILED;
}
