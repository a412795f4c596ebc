/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vipring-run runs the programs that the configuration names as checks and
 * hooks, each as its user and without a shell, on vipd's request. It is the only
 * part of vipring that may change user; it never speaks to the network.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "lib/log.h"
#include "lib/option_error.h"
#include "vipring-run/daemon.h"

#define CLIENT_USER "_vipd"
#define CLIENT_GROUP "_vipring"

struct arguments {
        struct daemon_options daemon;
        const char *client_user;
        int level;
};

static void print_help(void)
{
        puts("Usage: vipring-run [OPTIONS]\n"
             "Runs the programs of vipring's checks and hooks; see vipring-run(8).\n"
             "\n"
             "  --config FILE      configuration (" SYSCONFDIR "/vipring/vipring.conf)\n"
             "  --run-dir DIR      where the socket's folder is made (" RUNSTATEDIR "/vipring)\n"
             "  --node NAME        name of this node, for the environment of checks\n"
             "  --client-user USER who may ask, besides root (" CLIENT_USER ")\n"
             "  --log-level LEVEL  error, warning, notice, info or debug (info)\n"
             "  --foreground       stay in the foreground, as it always does\n"
             "  --version, --help");
}

enum option_code {
        OPTION_CONFIG = 256,
        OPTION_RUN_DIR,
        OPTION_NODE,
        OPTION_CLIENT_USER,
        OPTION_LOG_LEVEL,
        OPTION_FOREGROUND,
        OPTION_VERSION,
};

static const struct option options[] = {
        {"config", required_argument, NULL, OPTION_CONFIG},
        {"run-dir", required_argument, NULL, OPTION_RUN_DIR},
        {"node", required_argument, NULL, OPTION_NODE},
        {"client-user", required_argument, NULL, OPTION_CLIENT_USER},
        {"log-level", required_argument, NULL, OPTION_LOG_LEVEL},
        {"foreground", no_argument, NULL, OPTION_FOREGROUND},
        {"version", no_argument, NULL, OPTION_VERSION},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
};

/* Leaves the program on --help, --version and words it does not know. */
static void parse_arguments(int argc, char **argv, struct arguments *a)
{
        int code;

        while ((code = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
                switch (code) {
                case OPTION_CONFIG:
                        a->daemon.config = optarg;
                        break;
                case OPTION_RUN_DIR:
                        a->daemon.run_dir = optarg;
                        break;
                case OPTION_NODE:
                        a->daemon.node = optarg;
                        break;
                case OPTION_CLIENT_USER:
                        a->client_user = optarg;
                        break;
                case OPTION_LOG_LEVEL:
                        a->level = log_level_from_name(optarg);
                        if (a->level < 0) {
                                fprintf(stderr,
                                        "vipring-run: --log-level %s: use error, warning, notice, "
                                        "info or "
                                        "debug\n",
                                        optarg);
                                exit(2);
                        }
                        break;
                case OPTION_FOREGROUND:
                        break;
                case OPTION_VERSION:
                        puts("vipring-run " PACKAGE_VERSION);
                        exit(0);
                case 'h':
                        print_help();
                        exit(0);
                default:
                        option_error("vipring-run", code, argv, options);
                        exit(2);
                }
        }
        if (optind < argc) {
                fprintf(stderr,
                        "vipring-run: unexpected word '%s'; 'vipring-run --help' lists the "
                        "options\n",
                        argv[optind]);
                exit(2);
        }
}

static void find_client(const char *user, struct daemon_options *o)
{
        const struct passwd *pw = getpwnam(user);
        const struct group *gr = getgrnam(CLIENT_GROUP);

        o->client_uid = pw ? pw->pw_uid : 0;
        o->client_gid = gr ? gr->gr_gid : pw ? pw->pw_gid : (gid_t)-1;
        if (!pw)
                log_notice("there is no user %s; only root is served", user);
}

static int on_signal(sd_event_source *s, const struct signalfd_siginfo *si, void *arg)
{
        log_info("SIG%s received: stopping", sigabbrev_np((int)si->ssi_signo));
        sd_notify(0, "STOPPING=1");
        daemon_stop(arg);
        return 0;
}

/* A daemon's standard descriptors stay taken, so that no pipe gets a number below 3. */
static int prepare_signals(void)
{
        sigset_t set;

        signal(SIGPIPE, SIG_IGN);
        sigemptyset(&set);
        sigaddset(&set, SIGCHLD);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        return sigprocmask(SIG_BLOCK, &set, NULL) < 0 ? -errno : 0;
}

static int run(const struct daemon_options *o)
{
        struct daemon *d = NULL;
        sd_event *loop = NULL;
        int r = sd_event_new(&loop);

        if (r >= 0)
                r = daemon_new(&d, loop, o);
        if (r >= 0)
                r = sd_event_add_signal(loop, NULL, SIGTERM, on_signal, d);
        if (r >= 0)
                r = sd_event_add_signal(loop, NULL, SIGINT, on_signal, d);
        if (r >= 0)
                r = sd_event_set_watchdog(loop, 1);
        if (r >= 0) {
                log_info("ready in %s", o->run_dir);
                sd_notify(0, "READY=1");
                r = sd_event_loop(loop);
        }
        if (r < 0)
                log_error("%s: %s; giving up", o->run_dir,
                          r == -EADDRINUSE ? "another vipring-run serves there" : strerror(-r));
        daemon_free(d);
        sd_event_unref(loop);
        return r < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
        struct arguments a = {
                .daemon = {.config = SYSCONFDIR "/vipring/vipring.conf",
                           .run_dir = RUNSTATEDIR "/vipring"},
                .client_user = CLIENT_USER,
                .level = LOG_INFO,
        };
        int r;

        parse_arguments(argc, argv, &a);
        log_init("vipring-run", a.level);
        r = prepare_signals();
        if (r < 0) {
                log_error("cannot block signals: %s; giving up", strerror(-r));
                return 1;
        }
        find_client(a.client_user, &a.daemon);
        return run(&a.daemon);
}
