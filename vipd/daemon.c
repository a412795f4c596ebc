/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipd/daemon.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "config.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "vipd/control.h"
#include "vipd/priorities.h"
#include "vipd/reload.h"

/* Between two heartbeats while a group waits for one, and otherwise. */
#define HEARTBEAT_US US_PER_S
#define HEARTBEAT_IDLE_US (30 * US_PER_S)
/* How long a start waits for an address that says which node this is, and how often it looks. */
#define SELF_WAIT_US (20 * US_PER_S)
#define SELF_LOOK_US (200 * US_PER_MS)
/* At the end, addresses are given this long to go down. */
#define STOP_US (2 * US_PER_S)

struct group *daemon_group(const struct daemon *d, const char *name)
{
        for (unsigned i = 0; i < d->config->n_groups; i++)
                if (d->groups[i] && strcmp(group_conf(d->groups[i])->name, name) == 0)
                        return d->groups[i];
        return NULL;
}

/* Which node of the file is this host? @return index; -ENOENT none, -ENOTUNIQ several */
static int node_of_host(const struct config *config, const char *node,
                        const struct addresses *addresses)
{
        int found = -ENOENT;

        if (node)
                return config_find_node(config, node);
        for (unsigned i = 0; i < config->n_nodes; i++) {
                if (!addresses_is_local(addresses, &config->nodes[i].address))
                        continue;
                if (found >= 0)
                        return -ENOTUNIQ;
                found = (int)i;
        }
        return found;
}

/* --- links ------------------------------------------------------------------------- */

static void tell_groups(struct daemon *d, const char *iface)
{
        for (unsigned i = 0; d->groups && i < d->config->n_groups; i++)
                if (d->groups[i])
                        group_link_changed(d->groups[i], iface);
        reload_link_changed(d->reload, iface);
}

static void on_link_changed(void *arg, const struct kernel_link *link)
{
        struct daemon *d = arg;

        if (d->env.announcer)
                announcer_link_changed(d->env.announcer, link);
        tell_groups(d, link->name);
}

static void on_link_gone(void *arg, const char *name)
{
        tell_groups(arg, name);
}

static const struct link_events link_events = {
        .changed = on_link_changed,
        .gone = on_link_gone,
        .addresses_changed = on_link_gone,
};

/* --- time -------------------------------------------------------------------------- */

static void set_heartbeat(struct daemon *d, mono_t due)
{
        d->heartbeat_due = due;
        sd_event_source_set_time(d->heartbeat, (uint64_t)due.us);
        sd_event_source_set_enabled(d->heartbeat, SD_EVENT_ONESHOT);
}

static int on_heartbeat(sd_event_source *source, uint64_t usec, void *arg)
{
        struct daemon *d = arg;
        mono_t now = clock_now();
        int64_t late_us = mono_diff_us(now, d->heartbeat_due);

        if (late_us > d->env.late_us)
                d->env.late_us = late_us;
        d->env.tick_wanted = false;
        for (unsigned i = 0; i < d->config->n_groups; i++)
                if (d->groups[i])
                        group_tick(d->groups[i], now);
        set_heartbeat(d, mono_add_us(now, d->env.tick_wanted ? HEARTBEAT_US : HEARTBEAT_IDLE_US));
        return 0;
}

/* Many groups' timers may tell of one stall, or wait for each other. */
static void note_stall(struct daemon *d, mono_t now)
{
        uint64_t withheld;

        d->loop_stats.stalls++;
        if (log_limit_pass(&d->stall_limit, now, &withheld))
                log_warning("the main loop was held up for %" PRId64
                            " ms (stopped, starved of CPU, or a slow kernel call; %" PRIu64
                            " more times since the last such line)",
                            d->env.late_us / US_PER_MS, withheld);
}

/* After each turn: was a timer late, does a group want to be ticked sooner than planned? */
static void look_at_time(struct daemon *d, mono_t woke, mono_t now)
{
        struct daemon_loop_stats *s = &d->loop_stats;
        int64_t took_us = mono_diff_us(now, woke);

        s->turns++;
        if (took_us > s->longest_turn_us)
                s->longest_turn_us = took_us;
        if (d->env.late_us > s->longest_stall_us)
                s->longest_stall_us = d->env.late_us;
        if (d->env.late_us > DAEMON_STALL_US)
                note_stall(d, now);
        d->env.late_us = 0;
        if (d->env.tick_wanted && mono_diff_us(d->heartbeat_due, now) > HEARTBEAT_US)
                set_heartbeat(d, mono_add_us(now, HEARTBEAT_US));
}

/* --- signals ----------------------------------------------------------------------- */

/* One that comes while a reload is going on means a file that was changed again since. */
static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *si, void *arg)
{
        struct daemon *d = arg;

        d->reload_wanted = true;
        reload_wanted(d);
        return 0;
}

static int on_terminate(sd_event_source *source, const struct signalfd_siginfo *si, void *arg)
{
        struct daemon *d = arg;

        log_notice("SIG%s received: releasing all groups, then ending",
                   sigabbrev_np((int)si->ssi_signo));
        d->stopping = true;
        return sd_event_exit(d->loop, 0);
}

static int watch_signals(struct daemon *d)
{
        static const struct {
                int signal;
                sd_event_signal_handler_t handler;
        } watched[] = {{SIGHUP, on_hangup}, {SIGTERM, on_terminate}, {SIGINT, on_terminate}};
        sigset_t mask;

        sigemptyset(&mask);
        for (size_t i = 0; i < sizeof(watched) / sizeof(watched[0]); i++)
                sigaddset(&mask, watched[i].signal);
        sigprocmask(SIG_BLOCK, &mask, NULL);
        signal(SIGPIPE, SIG_IGN);
        for (size_t i = 0; i < sizeof(watched) / sizeof(watched[0]); i++) {
                sd_event_source *source = NULL;
                int r = sd_event_add_signal(d->loop, &source, watched[i].signal, watched[i].handler,
                                            d);

                if (r < 0)
                        return r;
                sd_event_source_set_priority(source, PRIORITY_SIGNAL);
                sd_event_source_set_floating(source, true);
                sd_event_source_unref(source);
        }
        return 0;
}

/* --- start ------------------------------------------------------------------------- */

/* PARENT/vipd, made if it is missing; the parent too (where no tmpfiles.d does it). */
static int own_folder(const char *parent, mode_t mode, char *path, size_t size)
{
        if (mkdir(parent, 0755) < 0 && errno != EEXIST)
                return -errno;
        snprintf(path, size, "%s/vipd", parent);
        return mkdir(path, mode) < 0 && errno != EEXIST ? -errno : 0;
}

static int load_config(struct daemon *d)
{
        struct conf_errors errors = {0};
        int r = config_load(d->options.config_path, &d->config, &errors);

        if (r < 0) {
                for (unsigned i = 0; i < errors.n && i < CONF_ERRORS_MAX; i++)
                        log_error("%s", errors.text[i]);
                log_error("%u error%s in %s; not starting", errors.n, errors.n == 1 ? "" : "s",
                          d->options.config_path);
        }
        for (unsigned i = 0; i < errors.n_warnings && i < CONF_ERRORS_MAX; i++)
                log_warning("%s", errors.warnings[i]);
        conf_errors_clear(&errors);
        return r;
}

/* At boot the address may come later than the daemon: wait a while, working off the kernel's news.
 */
static int wait_for_self(struct daemon *d)
{
        mono_t until = mono_add_us(clock_now(), SELF_WAIT_US);
        int self = -ENOENT;

        log_warning("no node of %s has an address of this host yet; waiting %d s for one (or say "
                    "which node it is with --node NAME)",
                    d->options.config_path, (int)(SELF_WAIT_US / US_PER_S));
        while (self == -ENOENT && !d->stopping && mono_before(clock_now(), until)) {
                int r = sd_event_run(d->loop, SELF_LOOK_US);

                if (r < 0)
                        return r;
                self = node_of_host(d->config, NULL, d->env.addresses);
        }
        return self;
}

static int find_self(struct daemon *d)
{
        int self = node_of_host(d->config, d->options.node, d->env.addresses);

        if (self == -ENOENT && !d->options.node)
                self = wait_for_self(d);
        if (self >= 0) {
                d->self = (unsigned)self;
                return 0;
        }
        if (d->stopping)
                return -ECANCELED;
        if (d->options.node) {
                log_error("--node %s: no such node in %s; not starting", d->options.node,
                          d->options.config_path);
                return -EINVAL;
        }
        if (self == -ENOTUNIQ) {
                log_error("several nodes of %s have an address of this host; say which one it is "
                          "with --node NAME; not starting",
                          d->options.config_path);
                return -EINVAL;
        }
        log_error("no node of %s has an address of this host; ending, to be started again",
                  d->options.config_path);
        return -ENXIO;
}

/* Each of the parts the groups work with; the first failure ends the start. */
static int make_parts(struct daemon *d)
{
        struct group_env *env = &d->env;
        char run_dir[4096], state_dir[4096];
        int r;

        r = own_folder(d->options.run_dir, 0755, run_dir, sizeof(run_dir));
        if (r < 0) {
                log_error("cannot make %s: %s", run_dir, strerror(-r));
                return r;
        }
        r = own_folder(d->options.state_dir, 0750, state_dir, sizeof(state_dir));
        if (r < 0)
                log_warning("cannot make %s: %s; going on without a timeline on disk", state_dir,
                            strerror(-r));
        env->loop = d->loop;
        r = addresses_new(&env->addresses, d->loop, &link_events, d);
        if (r < 0) {
                log_error("cannot talk rtnetlink to the kernel: %s (CAP_NET_ADMIN?)", strerror(-r));
                return r;
        }
        r = find_self(d);
        if (r < 0)
                return r;
        r = timeline_log_new(&env->timeline, state_dir, d->config->nodes[d->self].name);
        if (r >= 0)
                r = announcer_new(&env->announcer, d->loop);
        if (r < 0) {
                log_error("cannot open a packet socket: %s (CAP_NET_RAW?)", strerror(-r));
                return r;
        }
        r = accept_filter_new(&env->accept_filter, d->loop);
        if (r >= 0)
                r = runner_new(&env->runner, d->loop, d->options.run_dir);
        if (r >= 0)
                r = vrrp_ports_new(&env->ports, d->loop, PRIORITY_PACKET);
        if (r < 0) {
                log_error("cannot start: %s", strerror(-r));
                return r;
        }
        r = control_new(&d->control, d, run_dir);
        if (r == -EADDRINUSE)
                log_error("another vipd serves %s/control.sock; not starting a second one",
                          run_dir);
        else if (r < 0)
                log_error("cannot make %s/control.sock: %s", run_dir, strerror(-r));
        return r;
}

static int start_groups(struct daemon *d)
{
        d->groups = calloc(d->config->n_groups ? d->config->n_groups : 1, sizeof(*d->groups));
        if (!d->groups)
                return -ENOMEM;
        /* What an earlier life left behind goes before anybody is elected. */
        addresses_sweep(d->env.addresses);
        for (unsigned i = 0; i < d->config->n_groups; i++) {
                const struct conf_group *conf = &d->config->groups[i];
                int r = group_new(&d->groups[i], &d->env, d->config, conf, d->self);

                if (r < 0) {
                        log_write(LOG_ERR, &(struct log_about){.group = conf->name},
                                  "cannot start the group: %s; not starting", strerror(-r));
                        return r;
                }
        }
        return 0;
}

static int start_heartbeat(struct daemon *d)
{
        int r;

        d->heartbeat_due = mono_add_us(clock_now(), HEARTBEAT_US);
        r = sd_event_add_time(d->loop, &d->heartbeat, CLOCK_MONOTONIC,
                              (uint64_t)d->heartbeat_due.us, 1, on_heartbeat, d);
        return r < 0 ? r : sd_event_set_watchdog(d->loop, true);
}

int daemon_new(struct daemon **ret, const struct daemon_options *options)
{
        struct daemon *d = calloc(1, sizeof(*d));
        int r;

        if (!d)
                return -ENOMEM;
        d->options = *options;
        d->started = clock_now();
        r = load_config(d);
        if (r >= 0)
                r = sd_event_new(&d->loop);
        if (r >= 0)
                r = watch_signals(d);
        if (r >= 0)
                r = make_parts(d);
        if (r >= 0)
                r = start_groups(d);
        if (r >= 0)
                r = start_heartbeat(d);
        if (r < 0) {
                daemon_free(d);
                return r;
        }
        log_notice("vipd %s is node %s of cluster %s with %u group%s; configuration %s, %s",
                   PACKAGE_VERSION, d->config->nodes[d->self].name, d->config->cluster,
                   d->config->n_groups, d->config->n_groups == 1 ? "" : "s", d->config->digest,
                   d->options.config_path);
        sd_notifyf(0, "READY=1\nSTATUS=%u groups, configuration %s", d->config->n_groups,
                   d->config->digest);
        *ret = d;
        reload_wanted(d); /* asked for while we waited for our address */
        return 0;
}

/* --- run and end ------------------------------------------------------------------- */

int daemon_run(struct daemon *d)
{
        while (sd_event_get_state(d->loop) != SD_EVENT_FINISHED) {
                int r = sd_event_prepare(d->loop);
                mono_t woke;

                if (r == 0)
                        r = sd_event_wait(d->loop, UINT64_MAX);
                woke = clock_now();
                if (r > 0)
                        r = sd_event_dispatch(d->loop);
                if (r < 0 && r != -EINTR)
                        return r;
                look_at_time(d, woke, clock_now());
        }
        return 0;
}

struct daemon *daemon_free(struct daemon *d)
{
        if (!d)
                return NULL;
        sd_notify(0, "STOPPING=1");
        d->stopping = true;
        reload_abandon(d->reload);
        for (unsigned i = 0; d->groups && i < d->config->n_groups; i++)
                if (d->groups[i])
                        group_stop(d->groups[i]);
        if (d->env.addresses)
                addresses_flush(d->env.addresses, STOP_US);
        for (unsigned i = 0; d->groups && i < d->config->n_groups; i++)
                group_free(d->groups[i]);
        free(d->groups);
        d->reload = reload_free(d->reload); /* groups that it took over pointed into it */
        control_free(d->control);
        vrrp_ports_free(d->env.ports);
        runner_free(d->env.runner);
        accept_filter_free(d->env.accept_filter);
        announcer_free(d->env.announcer);
        timeline_log_free(d->env.timeline);
        addresses_free(d->env.addresses);
        sd_event_source_disable_unref(d->heartbeat);
        sd_event_unref(d->loop);
        config_free(d->config);
        free(d);
        return NULL;
}
