/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "vipd/timeline_log.h"

static char dir[64], path[128], old_path[128];
static int real_stderr;

static int set_up(void **state)
{
        int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);

        strcpy(dir, "/tmp/test_timeline_log.XXXXXX");
        assert_non_null(mkdtemp(dir));
        snprintf(path, sizeof(path), "%s/timeline.jsonl", dir);
        snprintf(old_path, sizeof(old_path), "%s/timeline.jsonl.1", dir);
        dup2(quiet, STDERR_FILENO);
        close(quiet);
        log_init("test", LOG_NOTICE);
        return 0;
}

static int tear_down(void **state)
{
        log_stop_writer();
        dup2(real_stderr, STDERR_FILENO);
        unlink(path);
        unlink(old_path);
        rmdir(dir);
        return 0;
}

static struct timeline_log *start(void)
{
        struct timeline_log *l;

        assert_int_equal(timeline_log_new(&l, dir, "lb1"), 0);
        return l;
}

static uint64_t add_event(struct timeline_log *l, const char *reason)
{
        uint64_t id = timeline_log_open(l, "web", "lb2", TIMELINE_OPERATOR, clock_now());
        struct timeline_event *ev = timeline_log_event(l, id);

        timeline_text(ev->to, sizeof(ev->to), "lb1");
        timeline_text(ev->reason, sizeof(ev->reason), reason);
        timeline_step(ev, clock_now(), "elect", "lb1 takes the group");
        timeline_log_close(l, id);
        return id;
}

static unsigned lines_of(const char *file)
{
        FILE *f = fopen(file, "re");
        unsigned lines = 0;
        int c;

        if (!f)
                return 0;
        while ((c = fgetc(f)) != EOF)
                lines += c == '\n';
        fclose(f);
        return lines;
}

static void an_event_outlives_the_daemon(void **state)
{
        struct timeline_log *l = start();
        struct timeline_event *ev;
        uint64_t id;

        add_event(l, "");
        id = add_event(l, "new disk");
        timeline_log_free(l);
        l = start();
        ev = timeline_log_event(l, id);
        assert_non_null(ev);
        assert_string_equal(ev->to, "lb1");
        assert_string_equal(ev->reason, "new disk");
        assert_int_equal(ev->cause, TIMELINE_OPERATOR);
        assert_true(ev->closed);
        assert_int_equal(add_event(l, ""), id + 1);
        timeline_log_free(l);
}

static void *drain(void *arg)
{
        char bytes[4096];

        while (read(*(int *)arg, bytes, sizeof(bytes)) > 0)
                ;
        return NULL;
}

/* The writer stands still behind a pipe that nobody reads while the daemon ends. */
static void events_of_the_end_reach_the_file_behind_a_slow_log(void **state)
{
        struct timeline_log *l = start();
        char filler[900];
        pthread_t reader;
        int ends[2];

        memset(filler, '.', sizeof(filler) - 1);
        filler[sizeof(filler) - 1] = '\0';
        assert_int_equal(pipe(ends), 0);
        dup2(ends[1], STDERR_FILENO);
        close(ends[1]);
        assert_int_equal(log_start_writer(), 0);
        for (int i = 0; i < 150; i++) /* 135 kB: twice what a pipe holds, a third of the queue */
                log_notice("%s", filler);
        for (int i = 0; i < 20; i++)
                add_event(l, "stop");
        assert_int_equal(lines_of(path), 0); /* or this test shows nothing */
        timeline_log_free(l);
        assert_int_equal(pthread_create(&reader, NULL, drain, &ends[0]), 0);
        log_stop_writer();
        dup2(real_stderr, STDERR_FILENO);
        pthread_join(reader, NULL);
        close(ends[0]);
        assert_int_equal(lines_of(path), 20);
}

/* A file ends within one event of its 1 MiB, the next one begins; an event is some 300 bytes. */
static void the_file_is_bounded_and_ids_go_on_over_its_change(void **state)
{
        struct timeline_log *l = start();
        uint64_t last = 0;
        struct stat st;

        while (stat(old_path, &st) < 0) {
                last = add_event(l, "again");
                assert_true(last < 20000);
        }
        assert_in_range(st.st_size, TIMELINE_FILE_MAX, TIMELINE_FILE_MAX + 1024);
        assert_int_equal(lines_of(path), 1);
        timeline_log_free(l);
        truncate(path, 0); /* a crash before the first event of the new file was written */
        l = start();
        assert_int_equal(add_event(l, ""), last); /* that one's id is free again, no older one */
        timeline_log_free(l);
}

static void lines_that_are_no_events_are_skipped(void **state)
{
        static const char junk[] =
                "\nnot json\n{\"id\":7}\n[1]\n{\"id\":5,\"group\":\"web\"}\n{\"id\":6,\"gr";
        struct timeline_log *l;
        FILE *f = fopen(path, "we");

        fputs(junk, f);
        fclose(f);
        l = start();
        assert_non_null(timeline_log_event(l, 5));
        assert_int_equal(add_event(l, ""), 6);
        timeline_log_free(l);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(an_event_outlives_the_daemon, set_up, tear_down),
                cmocka_unit_test_setup_teardown(events_of_the_end_reach_the_file_behind_a_slow_log,
                                                set_up, tear_down),
                cmocka_unit_test_setup_teardown(the_file_is_bounded_and_ids_go_on_over_its_change,
                                                set_up, tear_down),
                cmocka_unit_test_setup_teardown(lines_that_are_no_events_are_skipped, set_up,
                                                tear_down),
        };

        real_stderr = dup(STDERR_FILENO);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
