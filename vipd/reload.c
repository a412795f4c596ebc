/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipd/reload.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "vipd/daemon.h"
#include "vipd/priorities.h"

/* Groups are taken over for at most this long before the loop gets its turn. */
#define SLICE_US (2 * US_PER_MS)

struct reload {
        struct daemon *daemon;
        reload_done *done;
        void *arg;
        mono_t started;

        pthread_t thread;
        bool thread_running;
        int event_fd; /* written by the thread when it has loaded */
        sd_event_source *loaded;
        int load_result;
        struct config *config; /* the new one */
        struct conf_errors errors;
        unsigned self; /* our index in its nodes */

        struct group **groups; /* of the new configuration */
        struct group **fresh;  /* those of them that the daemon has not got yet */
        unsigned n_fresh;
        unsigned next;         /* to be taken over */
        unsigned next_old;     /* then, of the daemon's, to be removed unless it was taken over */
        bool old_in_use;       /* for want of memory a group still points into the old one */
        bool holding;          /* addresses may move between groups untouched meanwhile */
        sd_event_source *slice;
        json_t *added, *removed, *changed;
        unsigned unchanged;
};

/* --- reading, in the thread -------------------------------------------------------- */

static void *load(void *arg)
{
        struct reload *r = arg;
        uint64_t one = 1;

        r->load_result = config_load(r->daemon->options.config_path, &r->config, &r->errors);
        if (write(r->event_fd, &one, sizeof(one)) < 0)
                return NULL; /* cannot fail: the counter is far from its limit */
        return NULL;
}

static void join(struct reload *r)
{
        if (r->thread_running)
                pthread_join(r->thread, NULL);
        r->thread_running = false;
}

/* --- ending ------------------------------------------------------------------------ */

struct reload *reload_free(struct reload *r)
{
        if (!r)
                return NULL;
        join(r);
        sd_event_source_disable_unref(r->loaded);
        sd_event_source_disable_unref(r->slice);
        if (r->event_fd >= 0)
                close(r->event_fd);
        conf_errors_clear(&r->errors);
        config_free(r->config);
        free(r->groups);
        free(r->fresh);
        json_decref(r->added);
        json_decref(r->removed);
        json_decref(r->changed);
        free(r);
        return NULL;
}

void reload_abandon(struct reload *r)
{
        if (!r)
                return;
        r->done(r->arg, CTL_FAILED, "vipd is stopping", NULL);
        sd_event_source_set_enabled(r->loaded, SD_EVENT_OFF);
        r->slice = sd_event_source_disable_unref(r->slice);
        while (r->n_fresh > 0)
                group_free(r->fresh[--r->n_fresh]);
        if (r->holding)
                addresses_resume(r->daemon->env.addresses);
        r->holding = false;
}

static void finish(struct reload *r, int exit, const char *error, json_t *result)
{
        struct daemon *d = r->daemon;

        d->reload = NULL;
        r->done(r->arg, exit, error, result);
        json_decref(result);
        reload_free(r);
        reload_wanted(d);
}

static void refuse(struct reload *r)
{
        json_t *errors = json_array();
        char *sentence = NULL;

        for (unsigned i = 0; i < r->errors.n && i < CONF_ERRORS_MAX; i++) {
                log_error("%s", r->errors.text[i]);
                json_array_append_new(errors, json_string(r->errors.text[i]));
        }
        if (asprintf(&sentence, "%u error%s in %s; the running configuration (%s) is unchanged",
                     r->errors.n, r->errors.n == 1 ? "" : "s", r->daemon->options.config_path,
                     r->daemon->config->digest) < 0)
                sentence = NULL;
        log_error("reload refused: %s", sentence ? sentence : "out of memory");
        r->daemon->reloads_refused++;
        finish(r, CTL_CONFIG, sentence, json_pack("{s:o}", "errors", errors));
        free(sentence);
}

/* --- taking over ------------------------------------------------------------------- */

static void take_over(struct reload *r, unsigned i)
{
        struct daemon *d = r->daemon;
        const struct conf_group *conf = &r->config->groups[i];
        struct group *g = daemon_group(d, conf->name);

        if (!g) {
                int e = group_new(&r->groups[i], &d->env, r->config, conf, r->self);

                if (e < 0)
                        log_write(LOG_ERR, &(struct log_about){.group = conf->name},
                                  "cannot start the group: %s; 'vipctl reload' tries again",
                                  strerror(-e));
                else
                        r->fresh[r->n_fresh++] = r->groups[i];
                json_array_append_new(r->added, json_string(conf->name));
                return;
        }
        if (conf_group_equal(group_conf(g), conf))
                r->unchanged++;
        else
                json_array_append_new(r->changed, json_string(conf->name));
        if (group_reload(g, r->config, conf, r->self) < 0)
                r->old_in_use = true;
        r->groups[i] = g;
}

static bool kept(const struct reload *r, const struct group *g)
{
        for (unsigned i = 0; i < r->config->n_groups; i++)
                if (r->groups[i] == g)
                        return true;
        return false;
}

static void remove_old(struct reload *r, unsigned i)
{
        struct daemon *d = r->daemon;
        struct group *g = d->groups[i];

        if (!g || kept(r, g))
                return;
        json_array_append_new(r->removed, json_string(group_conf(g)->name));
        d->groups[i] = NULL;
        group_free(g);
}

static void complete(struct reload *r)
{
        struct daemon *d = r->daemon;
        json_t *result;

        addresses_resume(d->env.addresses);
        r->holding = false;
        free(d->groups);
        d->groups = r->groups;
        r->groups = NULL;
        if (!r->old_in_use)
                config_free(d->config);
        d->config = r->config;
        r->config = NULL;
        d->self = r->self;
        addresses_sweep(d->env.addresses);
        d->reloads++;
        log_notice("configuration %s loaded: %zu groups changed, %zu added, %zu removed, "
                   "%u as before",
                   d->config->digest, json_array_size(r->changed), json_array_size(r->added),
                   json_array_size(r->removed), r->unchanged);
        result = json_pack("{s:s, s:O, s:O, s:O, s:i, s:I}", "digest", d->config->digest, "changed",
                           r->changed, "added", r->added, "removed", r->removed, "unchanged",
                           (int)r->unchanged, "took_usec",
                           (json_int_t)mono_diff_us(clock_now(), r->started));
        finish(r, CTL_DONE, NULL, result);
}

static int on_slice(sd_event_source *source, void *arg)
{
        struct reload *r = arg;
        mono_t until = mono_add_us(clock_now(), SLICE_US);

        while (r->next < r->config->n_groups && mono_before(clock_now(), until))
                take_over(r, r->next++);
        while (r->next == r->config->n_groups && r->next_old < r->daemon->config->n_groups &&
               mono_before(clock_now(), until))
                remove_old(r, r->next_old++);
        if (r->next == r->config->n_groups && r->next_old == r->daemon->config->n_groups)
                complete(r);
        else
                sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        return 0;
}

static int on_loaded(sd_event_source *source, int fd, uint32_t events, void *arg)
{
        struct reload *r = arg;
        struct daemon *d = r->daemon;
        int self;

        join(r);
        sd_event_source_set_enabled(source, SD_EVENT_OFF);
        if (r->load_result < 0) {
                refuse(r);
                return 0;
        }
        self = config_find_node(r->config, d->config->nodes[d->self].name);
        if (self < 0) {
                char error[160];

                snprintf(error, sizeof(error),
                         "node '%s' (this host) is not in the new file; nothing is changed",
                         d->config->nodes[d->self].name);
                log_error("reload refused: %s", error);
                d->reloads_refused++;
                finish(r, CTL_CONFIG, error, json_pack("{s:[s]}", "errors", error));
                return 0;
        }
        r->self = (unsigned)self;
        r->groups = calloc(r->config->n_groups + 1, sizeof(*r->groups));
        r->fresh = calloc(r->config->n_groups + 1, sizeof(*r->fresh));
        if (!r->groups || !r->fresh || sd_event_add_defer(d->loop, &r->slice, on_slice, r) < 0) {
                finish(r, CTL_FAILED, "out of memory; nothing is changed", NULL);
                return 0;
        }
        sd_event_source_set_priority(r->slice, PRIORITY_BULK);
        addresses_hold(d->env.addresses);
        r->holding = true;
        return 0;
}

int reload_start(struct daemon *d, reload_done *done, void *arg)
{
        struct reload *r;
        int e;

        if (d->reload)
                return -EBUSY;
        r = calloc(1, sizeof(*r));
        if (!r)
                return -ENOMEM;
        r->daemon = d;
        r->done = done;
        r->arg = arg;
        r->started = clock_now();
        r->added = json_array();
        r->removed = json_array();
        r->changed = json_array();
        r->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        e = r->event_fd < 0
                    ? -errno
                    : sd_event_add_io(d->loop, &r->loaded, r->event_fd, EPOLLIN, on_loaded, r);
        if (e >= 0)
                e = -pthread_create(&r->thread, NULL, load, r);
        if (e < 0) {
                reload_free(r);
                return e;
        }
        r->thread_running = true;
        d->reload = r;
        return 0;
}

void reload_link_changed(struct reload *r, const char *iface)
{
        for (unsigned i = 0; r && i < r->n_fresh; i++)
                group_link_changed(r->fresh[i], iface);
}

/* --- nobody waits for it ----------------------------------------------------------- */

static void tell_manager(void *arg, int exit, const char *error, json_t *result)
{
        struct daemon *d = arg;

        (void)exit;
        (void)error; /* logged where it was found */
        (void)result;
        if (!d->stopping)
                sd_notifyf(0, "READY=1\nSTATUS=%u groups, configuration %s", d->config->n_groups,
                           d->config->digest);
}

void reload_wanted(struct daemon *d)
{
        int e;

        if (!d->reload_wanted || d->reload || !d->groups)
                return;
        d->reload_wanted = false;
        sd_notify(0, "RELOADING=1");
        e = reload_start(d, tell_manager, d);
        if (e < 0) {
                log_error("cannot reload: %s; nothing is changed", strerror(-e));
                tell_manager(d, CTL_FAILED, NULL, NULL);
        }
}
