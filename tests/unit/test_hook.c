/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hooks and the checks that vipring-run does for vipd, with the real vipring-run. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "tests/unit/run_rig.h"
#include "vipd/check.h"
#include "vipd/hook.h"

static const struct runner_hook_facts facts = {
        .node = "a",
        .from = "backup",
        .to = "active",
        .cause = "advert-timeout",
        .owner = "a",
        .priority = 254,
        .vrid = 51,
};

static struct runner *runner_of(struct rig *r)
{
        struct runner *runner;
        char run[96];

        snprintf(run, sizeof(run), "%s/run", r->dir);
        assert_int_equal(runner_new(&runner, r->loop, run), 0);
        return runner;
}

/* --- hooks ----------------------------------------------------------------------- */

static struct hook_queue *queue_of(struct rig *r, struct runner *runner, const char *group)
{
        const struct conf_group *g = rig_group(r, group);
        struct hook_queue *q;

        assert_int_equal(
                hook_queue_new(&q, runner, r->config->digest, g->name, g->hooks, g->n_hooks), 0);
        return q;
}

/* A hook that appends a word to the file "out"; $OUT is replaced by its path. */
static void configure_hooks(struct rig *r, const char *format)
{
        char hooks[4096];
        const char *p = format;
        size_t n = 0;

        while (*p) {
                if (strncmp(p, "$OUT", 4) == 0) {
                        n += (size_t)snprintf(hooks + n, sizeof(hooks) - n, "%s/out", r->dir);
                        p += 4;
                } else {
                        hooks[n++] = *p++;
                }
                assert_true(n < sizeof(hooks) - 128);
        }
        hooks[n] = '\0';
        rig_configure(r, "", hooks);
}

struct expected {
        struct hook_queue *q;
        uint64_t run;
};

static bool have_run(void *arg)
{
        const struct expected *e = arg;

        return hook_queue_stats(e->q).run >= e->run;
}

static void wait_for(struct rig *r, struct hook_queue *q, uint64_t run)
{
        rig_run_until(r, have_run, &(struct expected){q, run}, "that many hooks");
}

struct expected_text {
        const struct rig *r;
        const char *text;
};

static bool file_says(void *arg)
{
        const struct expected_text *e = arg;
        char text[1024];

        rig_read(e->r, "out", text, sizeof(text));
        return strcmp(text, e->text) == 0;
}

#define SAY(word) "[ \"/bin/sh\", \"-c\", \"echo " word " >> $OUT\" ]"

static void hooks_run_in_the_order_of_events_and_of_the_file(void **state)
{
        struct rig *r = *state;
        struct runner *runner = runner_of(r);
        struct hook_queue *q;
        char text[256];

        configure_hooks(
                r, "one = { on = \"active|backup\", user = \"root\", run = [ \"/bin/sh\", \"-c\", "
                   "\"sleep 0.2; echo one-$VIPRING_EVENT >> $OUT\" ] }\n"
                   "two = { on = \"active|before-backup\", user = \"root\", run = " SAY(
                           "two-$VIPRING_EVENT") " }\n"
                                                 "three = { on = \"fault\", user = \"root\", run "
                                                 "= " SAY("three") " }\n");
        rig_start_runner(r);
        q = queue_of(r, runner, "web");
        hook_queue_fire(q, CONF_HOOK_ACTIVE, &facts);
        hook_queue_fire(q, CONF_HOOK_BEFORE_BACKUP, &facts);
        hook_queue_fire(q, CONF_HOOK_BACKUP, &facts);
        hook_queue_fire(q, CONF_HOOK_STOP, &facts); /* nobody listens */
        wait_for(r, q, 4);
        rig_read(r, "out", text, sizeof(text));
        assert_string_equal(text, "one-active\ntwo-active\ntwo-before-backup\none-backup\n");
        assert_int_equal(hook_queue_stats(q).run, 4);
        assert_int_equal(hook_queue_stats(q).failed, 0);
        hook_queue_free(q);
        runner_free(runner);
}

static void a_hanging_hook_delays_only_its_own_queue(void **state)
{
        struct rig *r = *state;
        struct runner *runner = runner_of(r);
        struct hook_queue *web, *db;

        configure_hooks(r, "hang = { on = \"active\", user = \"root\", timeout = \"1s\", "
                           "run = \"/bin/sleep 60\" }\n"
                           "next = { on = \"active\", user = \"root\", run = " SAY("next") " }\n");
        rig_start_runner(r);
        web = queue_of(r, runner, "web");
        db = queue_of(r, runner, "db");
        hook_queue_fire(web, CONF_HOOK_ACTIVE, &facts);
        for (unsigned i = 0; i < 5; i++)
                hook_queue_fire(db, CONF_HOOK_ACTIVE, &facts);
        wait_for(r, db, 5);
        assert_int_equal(hook_queue_stats(web).run, 0);
        wait_for(r, web, 2);
        assert_int_equal(hook_queue_stats(web).timed_out, 1);
        assert_int_equal(hook_queue_stats(web).failed, 1);
        assert_true(file_says(&(struct expected_text){r, "next\n"}));
        hook_queue_free(web);
        hook_queue_free(db);
        runner_free(runner);
}

/* One runs, HOOK_QUEUE_MAX wait, of the rest the oldest go: the newest say what is so. */
static void beyond_the_limit_the_oldest_waiting_are_dropped(void **state)
{
        struct rig *r = *state;
        struct runner *runner = runner_of(r);
        struct runner_hook_facts f = facts;
        char text[2048], cause[16], first[16], last[16];
        struct hook_queue *q;

        configure_hooks(r,
                        "note = { on = \"active\", user = \"root\", run = [ \"/bin/sh\", \"-c\", "
                        "\"echo $VIPRING_CAUSE >> $OUT\" ] }\n");
        rig_start_runner(r);
        q = queue_of(r, runner, "web");
        for (unsigned i = 0; i < HOOK_QUEUE_MAX + 11; i++) {
                snprintf(cause, sizeof(cause), "%u", i);
                f.cause = cause;
                hook_queue_fire(q, CONF_HOOK_ACTIVE, &f);
        }
        assert_int_equal(hook_queue_stats(q).dropped, 10);
        wait_for(r, q, HOOK_QUEUE_MAX + 1);
        rig_read(r, "out", text, sizeof(text));
        snprintf(first, sizeof(first), "0\n11\n12\n"); /* 1 to 10 are gone */
        snprintf(last, sizeof(last), "\n%d\n", HOOK_QUEUE_MAX + 10);
        assert_memory_equal(text, first, strlen(first));
        assert_string_equal(text + strlen(text) - strlen(last), last);
        hook_queue_free(q);
        runner_free(runner);
}

static void hooks_wait_for_a_runner_that_comes_late(void **state)
{
        struct rig *r = *state;
        struct runner *runner = runner_of(r);
        struct hook_queue *q;

        configure_hooks(r, "note = { on = \"active\", user = \"root\", run = " SAY("late") " }\n");
        q = queue_of(r, runner, "web");
        hook_queue_fire(q, CONF_HOOK_ACTIVE, &facts);
        rig_run_for(r, 200 * US_PER_MS);
        assert_int_equal(hook_queue_stats(q).run, 0);
        rig_start_runner(r);
        wait_for(r, q, 1);
        assert_int_equal(hook_queue_stats(q).failed, 0);
        assert_true(file_says(&(struct expected_text){r, "late\n"}));
        hook_queue_free(q);
        runner_free(runner);
}

static void a_hook_that_was_under_way_when_the_runner_died_is_not_run_again(void **state)
{
        struct rig *r = *state;
        struct runner *runner = runner_of(r);
        struct hook_queue *q;

        configure_hooks(r,
                        "slow = { on = \"active\", user = \"root\", run = [ \"/bin/sh\", \"-c\", "
                        "\"echo begun >> $OUT; sleep 2\" ] }\n"
                        "next = { on = \"active\", user = \"root\", run = " SAY("next") " }\n");
        rig_start_runner(r);
        q = queue_of(r, runner, "web");
        hook_queue_fire(q, CONF_HOOK_ACTIVE, &facts);
        rig_run_until(r, file_says, &(struct expected_text){r, "begun\n"}, "the first begins");
        rig_kill_runner(r);
        wait_for(r, q, 1);
        assert_int_equal(hook_queue_stats(q).failed, 1);
        rig_start_runner(r);
        wait_for(r, q, 2);
        assert_int_equal(hook_queue_stats(q).failed, 1);
        assert_true(file_says(&(struct expected_text){r, "begun\nnext\n"}));
        hook_queue_free(q);
        runner_free(runner);
}

static void what_waits_at_the_end_runs_in_order_after_we_are_gone(void **state)
{
        struct rig *r = *state;
        struct runner *runner = runner_of(r);
        struct hook_queue *q;

        configure_hooks(
                r, "one = { on = \"before-stop\", user = \"root\", run = [ \"/bin/sh\", \"-c\", "
                   "\"sleep 0.2; echo one >> $OUT\" ] }\n"
                   "two = { on = \"before-stop|stop\", user = \"root\", run = " SAY(
                           "two") " }\n"
                                  "three = { on = \"stop\", user = \"root\", run = " SAY(
                                          "three") " }\n");
        rig_start_runner(r);
        q = queue_of(r, runner, "web");
        hook_queue_fire(q, CONF_HOOK_BEFORE_STOP, &facts);
        hook_queue_fire(q, CONF_HOOK_STOP, &facts);
        hook_queue_free(q);
        runner_free(runner);
        rig_run_until(r, file_says, &(struct expected_text){r, "one\ntwo\ntwo\nthree\n"},
                      "all four have run in order");
}

static void a_reload_drops_what_waits_of_hooks_that_are_gone(void **state)
{
        struct rig *r = *state;
        struct runner *runner = runner_of(r);
        const struct conf_group *g;
        struct hook_queue *q;

        configure_hooks(r, "slow = { on = \"active\", user = \"root\", run = \"/bin/sleep 0.5\" }\n"
                           "gone = { on = \"active\", user = \"root\", run = " SAY(
                                   "gone") " }\n"
                                           "stays = { on = \"active\", user = \"root\", run = " SAY(
                                                   "old") " }\n");
        rig_start_runner(r);
        q = queue_of(r, runner, "web");
        hook_queue_fire(q, CONF_HOOK_ACTIVE, &facts);
        rig_run_for(r, 50 * US_PER_MS);
        /* frees the old configuration, with the hook that runs */
        configure_hooks(r, "stays = { on = \"active\", user = \"root\", run = " SAY("new") " }\n");
        g = rig_group(r, "web");
        hook_queue_rebind(q, r->config->digest, g->name, g->hooks, g->n_hooks);
        assert_int_equal(hook_queue_stats(q).dropped, 1);
        wait_for(r, q, 2);
        assert_int_equal(hook_queue_stats(q).failed, 0);
        assert_true(file_says(&(struct expected_text){r, "new\n"}));
        hook_queue_free(q);
        runner_free(runner);
}

/* --- checks through vipring-run -------------------------------------------------- */

struct seen {
        unsigned ups, downs;
        char detail[CHECK_DETAIL_MAX];
};

static void on_turned(void *arg, struct check *c, bool up, const char *detail)
{
        struct seen *seen = arg;

        seen->ups += up;
        seen->downs += !up;
        snprintf(seen->detail, sizeof(seen->detail), "%s", detail);
}

static struct check *check_of(struct rig *r, struct runner *runner, const char *name,
                              struct seen *seen)
{
        const struct conf_group *g = rig_group(r, "web");
        struct check *c = NULL;

        *seen = (struct seen){0};
        for (unsigned i = 0; i < g->n_checks; i++)
                if (strcmp(g->checks[i].name, name) == 0)
                        assert_int_equal(check_new(&c, r->loop, runner, r->config->digest, g->name,
                                                   &g->checks[i], on_turned, seen),
                                         0);
        assert_non_null(c);
        return c;
}

static bool is_up(void *arg)
{
        return check_state(arg) == CHECK_UP;
}

static bool is_down(void *arg)
{
        return check_state(arg) == CHECK_DOWN;
}

#define FAST "interval = \"50ms\", timeout = \"50ms\", rise = 1"

static void programs_files_and_processes_are_checked(void **state)
{
        struct rig *r = *state;
        struct runner *runner = runner_of(r);
        struct check *good, *bad, *file, *process;
        struct seen seen[4];

        rig_configure(r,
                      "good = { exec = \"/bin/true\", interval = \"50ms\", timeout = \"50ms\", "
                      "rise = 2 }\n"
                      "bad = { exec = [ \"/bin/sh\", \"-c\", \"echo no; exit 7\" ] }\n"
                      "file = { file = \"/no/such/file\" }\n"
                      "proc = { process = \"vipring-run\", rise = 1 }\n",
                      "");
        rig_start_runner(r);
        good = check_of(r, runner, "good", &seen[0]);
        bad = check_of(r, runner, "bad", &seen[1]);
        file = check_of(r, runner, "file", &seen[2]);
        process = check_of(r, runner, "proc", &seen[3]);
        rig_run_until(r, is_up, good, "good is up");
        rig_run_until(r, is_down, bad, "bad is down");
        rig_run_until(r, is_down, file, "the file is not there");
        rig_run_until(r, is_up, process, "vipring-run runs");
        assert_string_equal(seen[0].detail, "ok (2 of 2)");
        assert_string_equal(seen[1].detail, "exit status 7: no");
        assert_string_equal(seen[2].detail, "/no/such/file: No such file or directory");
        check_free(good);
        check_free(bad);
        check_free(file);
        check_free(process);
        runner_free(runner);
}

static void a_program_that_hangs_times_out(void **state)
{
        struct rig *r = *state;
        struct runner *runner = runner_of(r);
        struct seen seen;
        struct check *c;

        rig_configure(r, "hang = { exec = \"/bin/sleep 60\", " FAST " }", "");
        rig_start_runner(r);
        c = check_of(r, runner, "hang", &seen);
        rig_run_until(r, is_down, c, "down");
        assert_string_equal(seen.detail, "timeout after 50 ms");
        check_free(c);
        runner_free(runner);
}

static void without_runner_a_check_falls_only_after_fall_tries(void **state)
{
        struct rig *r = *state;
        struct runner *runner = runner_of(r);
        struct seen seen;
        struct check *c;

        rig_configure(r, "c = { exec = \"/bin/true\", " FAST ", fall = 4 }", "");
        c = check_of(r, runner, "c", &seen);
        rig_run_until(r, is_down, c, "down");
        assert_string_equal(seen.detail, "vipring-run is not reachable (4 of 4)");
        rig_start_runner(r);
        rig_run_until(r, is_up, c, "up, once vipring-run is there");
        check_free(c);
        runner_free(runner);
}

static bool has_begun(void *arg)
{
        return file_says(&(struct expected_text){arg, "begun\n"});
}

static bool is_not_reached(void *arg)
{
        return strstr(check_detail(arg), "vipring-run is not reachable") != NULL;
}

/* Nothing is known of the service then, so one such try does not make it down. */
static void a_first_try_that_dies_with_the_runner_decides_nothing(void **state)
{
        struct rig *r = *state;
        struct runner *runner = runner_of(r);
        struct seen seen;
        struct check *c;
        char checks[512];

        snprintf(checks, sizeof(checks),
                 "c = { exec = [ \"/bin/sh\", \"-c\", \"echo begun > %s/out; sleep 2\" ],"
                 " user = \"root\", interval = \"1h\", timeout = \"1h\", fall = 2 }",
                 r->dir);
        rig_configure(r, checks, "");
        rig_start_runner(r);
        c = check_of(r, runner, "c", &seen);
        rig_run_until(r, has_begun, r, "the try begins");
        rig_kill_runner(r);
        rig_run_until(r, is_not_reached, c, "the loss is noticed");
        assert_int_equal(check_state(c), CHECK_UNKNOWN);
        assert_string_equal(check_detail(c), "vipring-run is not reachable (1 of 2)");
        check_free(c);
        runner_free(runner);
}

static void a_runner_that_is_restarted_does_not_turn_a_check(void **state)
{
        struct rig *r = *state;
        struct runner *runner = runner_of(r);
        struct seen seen;
        struct check *c;

        rig_configure(r, "c = { exec = \"/bin/true\", " FAST ", fall = 1000 }", "");
        rig_start_runner(r);
        c = check_of(r, runner, "c", &seen);
        rig_run_until(r, is_up, c, "up");
        rig_kill_runner(r);
        rig_run_for(r, 200 * US_PER_MS);
        assert_non_null(strstr(check_detail(c), "vipring-run is not reachable ("));
        rig_start_runner(r);
        while (strcmp(check_detail(c), "ok") != 0)
                rig_run_for(r, 10 * US_PER_MS);
        assert_int_equal(seen.ups, 1);
        assert_int_equal(seen.downs, 0);
        check_free(c);
        runner_free(runner);
}

/* A stopped vipring-run takes connections and requests, and answers nothing. */
static void a_frozen_runner_is_noticed_and_delays_nothing_else(void **state)
{
        struct rig *r = *state;
        struct runner *runner = runner_of(r);
        struct check *c, *other;
        struct seen seen, seen_other;

        rig_configure(r,
                      "c = { exec = \"/bin/true\", " FAST ", fall = 2 }\n"
                      "other = { tcp = \"127.0.0.1:1\", interval = \"50ms\", timeout = \"50ms\" }",
                      "");
        rig_start_runner(r);
        c = check_of(r, runner, "c", &seen);
        rig_run_until(r, is_up, c, "up");
        rig_signal_runner(r, SIGSTOP);
        other = check_of(r, runner, "other", &seen_other);
        rig_run_until(r, is_down, other, "the other check is tried");
        assert_int_equal(check_state(c), CHECK_UP);
        rig_run_until(r, is_down, c, "down");
        assert_string_equal(seen.detail, "vipring-run is not reachable (2 of 2)");
        rig_signal_runner(r, SIGCONT);
        rig_run_until(r, is_up, c, "up again");
        check_free(c);
        check_free(other);
        runner_free(runner);
}

static void a_configuration_that_was_not_reloaded_is_said(void **state)
{
        struct rig *r = *state;
        struct runner *runner = runner_of(r);
        const struct conf_group *g;
        struct check *c = NULL;
        struct seen seen = {0};

        rig_configure(r, "c = { exec = \"/bin/true\", " FAST ", fall = 2 }", "");
        rig_start_runner(r);
        g = rig_group(r, "web");
        assert_int_equal(check_new(&c, r->loop, runner, "0123456789abcdef", g->name, &g->checks[0],
                                   on_turned, &seen),
                         0);
        rig_run_until(r, is_down, c, "down");
        assert_non_null(strstr(seen.detail, "vipd runs 0123456789abcdef"));
        check_rebind(c, r->config->digest, g->name, &g->checks[0]);
        rig_run_until(r, is_up, c, "up after the reload");
        check_free(c);
        runner_free(runner);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(hooks_run_in_the_order_of_events_and_of_the_file),
                TEST(a_hanging_hook_delays_only_its_own_queue),
                TEST(beyond_the_limit_the_oldest_waiting_are_dropped),
                TEST(hooks_wait_for_a_runner_that_comes_late),
                TEST(a_hook_that_was_under_way_when_the_runner_died_is_not_run_again),
                TEST(what_waits_at_the_end_runs_in_order_after_we_are_gone),
                TEST(a_reload_drops_what_waits_of_hooks_that_are_gone),
                TEST(programs_files_and_processes_are_checked),
                TEST(a_program_that_hangs_times_out),
                TEST(without_runner_a_check_falls_only_after_fall_tries),
                TEST(a_first_try_that_dies_with_the_runner_decides_nothing),
                TEST(a_runner_that_is_restarted_does_not_turn_a_check),
                TEST(a_frozen_runner_is_noticed_and_delays_nothing_else),
                TEST(a_configuration_that_was_not_reloaded_is_said),
        };

        if (geteuid() != 0)
                return 77; /* vipring-run has to become other users */
        return cmocka_run_group_tests(tests, NULL, NULL);
}
