/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipd/control.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "vipd/admins.h"
#include "lib/log.h"
#include "vipd/daemon.h"
#include "vipd/priorities.h"
#include "vipd/reload.h"
#include "vipd/status.h"

#define ADMIN_GROUP "vipadmin"
#define FOLLOWERS_MAX 32
#define MOVES_MAX 32
/* How often a move looks whether it is done; how long it takes at most beyond the election's own
 * time. */
#define MOVE_LOOK_US (5 * US_PER_MS)
#define MOVE_EXTRA_US (2 * US_PER_S)

/* One move that somebody waits for. */
struct move {
        struct control *control;
        struct ctl_request *request;
        char group[CONF_NAME_MAX];
        char target[CONF_NAME_MAX];
        char from[CONF_NAME_MAX];
        mono_t started, until;
        sd_event_source *look;
};

/* A client that wants to hear of new events. */
struct follower {
        struct ctl_request *request;
        char group[CONF_NAME_MAX]; /* only of this one; "" = all */
};

struct control {
        struct daemon *daemon;
        struct ctl_server *server;
        struct follower followers[FOLLOWERS_MAX];
        unsigned n_followers;
        struct move *moves[MOVES_MAX];
};

static const char *text_arg(const json_t *args, const char *key)
{
        return json_string_value(json_object_get(args, key));
}

/* --- status ------------------------------------------------------------------------ */

static void verb_status(struct ctl_request *req, const json_t *args, void *arg)
{
        struct control *c = arg;

        status_answer(c->daemon, req);
}

/* --- timeline ---------------------------------------------------------------------- */

static bool event_wanted(const struct timeline_event *ev, const json_t *args)
{
        const char *group = text_arg(args, "group");
        json_int_t since = json_integer_value(json_object_get(args, "since_id"));

        return ev->closed && (json_int_t)ev->id > since &&
               (!group || strcmp(group, ev->group) == 0);
}

static void on_event(void *arg, struct timeline_event *ev)
{
        struct control *c = arg;

        for (unsigned i = 0; i < c->n_followers; i++) {
                const struct follower *f = &c->followers[i];

                if (!f->group[0] || strcmp(f->group, ev->group) == 0)
                        ctl_request_progress(f->request,
                                             timeline_log_json(c->daemon->env.timeline, ev));
        }
}

static void on_follower_gone(struct ctl_request *req, void *arg)
{
        struct control *c = arg;

        for (unsigned i = 0; i < c->n_followers; i++)
                if (c->followers[i].request == req)
                        c->followers[i] = c->followers[--c->n_followers];
        ctl_request_done(req, NULL);
}

static void verb_events(struct ctl_request *req, const json_t *args, void *arg)
{
        struct control *c = arg;
        struct timeline_log *log = c->daemon->env.timeline;
        struct timeline *t = timeline_log_events(log);
        const char *group = text_arg(args, "group");
        bool follow = json_is_true(json_object_get(args, "follow"));
        json_t *events = json_array();

        if (follow && c->n_followers == FOLLOWERS_MAX) {
                json_decref(events);
                ctl_request_fail(req, CTL_REFUSED, "%u clients follow the events already",
                                 FOLLOWERS_MAX);
                return;
        }
        for (uint64_t id = timeline_first_id(t); id <= t->last_id; id++) {
                struct timeline_event *ev = timeline_find(t, id);

                if (!ev || !event_wanted(ev, args))
                        continue;
                if (follow)
                        ctl_request_progress(req, timeline_log_json(log, ev));
                else
                        json_array_append_new(events, timeline_log_json(log, ev));
        }
        if (!follow) {
                ctl_request_done(req, json_pack("{s:o}", "events", events));
                return;
        }
        json_decref(events);
        c->followers[c->n_followers].request = req;
        snprintf(c->followers[c->n_followers++].group, CONF_NAME_MAX, "%s", group ? group : "");
        ctl_request_on_gone(req, on_follower_gone, c);
}

static void verb_why(struct ctl_request *req, const json_t *args, void *arg)
{
        struct control *c = arg;
        struct timeline_log *log = c->daemon->env.timeline;
        struct timeline *t = timeline_log_events(log);
        const char *group = text_arg(args, "group");
        json_int_t id = json_integer_value(json_object_get(args, "id"));
        struct timeline_event *ev = NULL;

        if (group && !daemon_group(c->daemon, group)) {
                ctl_request_fail(req, CTL_FAILED, "there is no group '%s'", group);
                return;
        }
        if (group)
                ev = timeline_latest(t, group);
        else if (id > 0)
                ev = timeline_find(t, (uint64_t)id);
        else
                ev = timeline_find(t, t->last_id);
        if (ev)
                ctl_request_done(req, json_pack("{s:o}", "event", timeline_log_json(log, ev)));
        else if (id > 0)
                ctl_request_fail(req, CTL_FAILED,
                                 "event #%" JSON_INTEGER_FORMAT
                                 " is not held; the last is #%" PRIu64,
                                 id, t->last_id);
        else
                ctl_request_fail(req, CTL_FAILED, "%s%shas not moved since this node keeps records",
                                 group ? group : "", group ? " " : "");
}

/* --- reload ------------------------------------------------------------------------ */

static void on_reloaded(void *arg, int exit, const char *error, json_t *result)
{
        struct ctl_request *req = arg;

        if (exit == CTL_DONE)
                ctl_request_done(req, json_incref(result));
        else
                ctl_request_fail_with(req, (enum ctl_exit)exit, error ? error : "out of memory",
                                      result ? json_incref(result) : NULL);
}

static void verb_reload(struct ctl_request *req, const json_t *args, void *arg)
{
        struct control *c = arg;
        const char *reason = text_arg(args, "reason");
        int r;

        log_notice("uid %u asks for a reload%s%s", (unsigned)ctl_request_uid(req),
                   reason ? ": " : "", reason ? reason : "");
        r = reload_start(c->daemon, on_reloaded, req);
        if (r == -EBUSY)
                ctl_request_fail(req, CTL_REFUSED, "a reload is in progress already");
        else if (r < 0)
                ctl_request_fail(req, CTL_FAILED, "cannot reload: %s", strerror(-r));
}

/* --- move -------------------------------------------------------------------------- */

static void move_end(struct move *m)
{
        for (unsigned i = 0; i < MOVES_MAX; i++)
                if (m->control->moves[i] == m)
                        m->control->moves[i] = NULL;
        sd_event_source_disable_unref(m->look);
        free(m);
}

static void move_done(struct move *m)
{
        ctl_request_done(m->request, json_pack("{s:s, s:s, s:s, s:I}", "group", m->group, "from",
                                               m->from, "to", m->target, "took_usec",
                                               (json_int_t)mono_diff_us(clock_now(), m->started)));
        move_end(m);
}

static int on_move_look(sd_event_source *source, uint64_t usec, void *arg)
{
        struct move *m = arg;
        struct group *g = daemon_group(m->control->daemon, m->group);
        const char *owner = g ? group_owner(g) : NULL;
        mono_t now = clock_now();

        if (!g) {
                ctl_request_fail(m->request, CTL_FAILED, "%s was removed by a reload meanwhile",
                                 m->group);
                move_end(m);
        } else if (owner && strcmp(owner, m->target) == 0) {
                move_done(m);
        } else if (owner) {
                ctl_request_fail(m->request, CTL_FAILED, "%s went to %s instead of %s", m->group,
                                 owner, m->target);
                move_end(m);
        } else if (mono_reached(m->until, now)) {
                ctl_request_fail(m->request, CTL_RUNNING,
                                 "%s was released, but nobody has taken it yet", m->group);
                move_end(m);
        } else {
                sd_event_source_set_time(source, (uint64_t)mono_add_us(now, MOVE_LOOK_US).us);
                sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        }
        return 0;
}

static int move_watch(struct control *c, struct ctl_request *req, const struct group *g,
                      const char *from, const char *target)
{
        const struct conf_group *conf = group_conf(g);
        struct move *m = calloc(1, sizeof(*m));
        unsigned slot = 0;

        while (slot < MOVES_MAX && c->moves[slot])
                slot++;
        if (!m || slot == MOVES_MAX) {
                free(m);
                return -EBUSY;
        }
        m->control = c;
        m->request = req;
        m->started = clock_now();
        m->until = mono_add_us(m->started, 4 * conf->interval_us + MOVE_EXTRA_US);
        snprintf(m->group, sizeof(m->group), "%s", conf->name);
        snprintf(m->from, sizeof(m->from), "%s", from);
        snprintf(m->target, sizeof(m->target), "%s", target);
        if (sd_event_add_time(c->daemon->loop, &m->look, CLOCK_MONOTONIC, (uint64_t)m->started.us,
                              1, on_move_look, m) < 0) {
                free(m);
                return -ENOMEM;
        }
        sd_event_source_set_priority(m->look, PRIORITY_CONTROL);
        c->moves[slot] = m;
        return 0;
}

static void verb_move(struct ctl_request *req, const json_t *args, void *arg)
{
        struct control *c = arg;
        const char *name = text_arg(args, "group"), *target = text_arg(args, "node");
        const char *reason = text_arg(args, "reason");
        bool dry_run = json_is_true(json_object_get(args, "dry_run"));
        const struct config *config = c->daemon->config;
        struct group *g = name ? daemon_group(c->daemon, name) : NULL;
        int node = target ? config_find_node(config, target) : -ENOENT;
        const char *self = config->nodes[c->daemon->self].name;
        char why[256];

        if (!name || !target) {
                ctl_request_fail(req, CTL_USAGE, "move needs a group and a node");
                return;
        }
        if (!g || node < 0) {
                ctl_request_fail(req, CTL_REFUSED, "there is no %s '%s'", g ? "node" : "group",
                                 g ? target : name);
                return;
        }
        log_write(LOG_NOTICE, &(struct log_about){.group = name, .cause = "operator"},
                  "uid %u asks to move it to %s%s%s%s", (unsigned)ctl_request_uid(req), target,
                  dry_run ? " (dry run)" : "", reason ? ": " : "", reason ? reason : "");
        if (group_move(g, (unsigned)node, ctl_request_uid(req), reason, dry_run, why, sizeof(why)) <
            0) {
                log_write(LOG_NOTICE, &(struct log_about){.group = name, .cause = "operator"},
                          "refused: %s", why);
                ctl_request_fail(req, CTL_REFUSED, "%s", why);
                return;
        }
        if (dry_run || json_is_false(json_object_get(args, "wait"))) {
                ctl_request_done(req, json_pack("{s:s, s:s, s:s, s:b}", "group", name, "from", self,
                                                "to", target, "dry_run", dry_run));
                return;
        }
        ctl_request_progress(req, json_pack("{s:o}", "line",
                                            json_sprintf("%s: %s released it, waiting for %s", name,
                                                         self, target)));
        if (move_watch(c, req, g, self, target) < 0)
                ctl_request_fail(req, CTL_RUNNING,
                                 "%s is on its way to %s, but too many moves are being watched; "
                                 "see 'vipctl status'",
                                 name, target);
}

/* --- life -------------------------------------------------------------------------- */

static const struct ctl_verb verbs[] = {
        {"status", verb_status}, {"events", verb_events}, {"why", verb_why},
        {"reload", verb_reload}, {"move", verb_move},     {NULL, NULL},
};

int control_new(struct control **ret, struct daemon *d, const char *folder)
{
        struct control *c = calloc(1, sizeof(*c));
        char path[4096];
        struct ctl_options options = {
                .path = path,
                .mode = 0660,
                .gid = admins_gid(ADMIN_GROUP),
                .only_uid = (uid_t)-1,
                .priority = PRIORITY_CONTROL,
        };
        int r;

        if (!c)
                return -ENOMEM;
        c->daemon = d;
        snprintf(path, sizeof(path), "%s/control.sock", folder);
        r = ctl_server_new(&c->server, d->loop, &options, verbs, c);
        if (r < 0) {
                free(c);
                return r;
        }
        timeline_log_follow(d->env.timeline, on_event, c);
        *ret = c;
        return 0;
}

struct control *control_free(struct control *c)
{
        if (!c)
                return NULL;
        timeline_log_follow(c->daemon->env.timeline, NULL, NULL);
        for (unsigned i = 0; i < MOVES_MAX; i++)
                if (c->moves[i]) {
                        ctl_request_fail(c->moves[i]->request, CTL_RUNNING, "vipd is stopping");
                        move_end(c->moves[i]);
                }
        while (c->n_followers > 0)
                ctl_request_done(c->followers[--c->n_followers].request, NULL);
        ctl_server_free(c->server);
        free(c);
        return NULL;
}
