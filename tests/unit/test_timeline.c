/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "vipd/core/timeline.h"
#include "vipd/timeline_log.h"

static struct timeline t;

static struct timeline_event *open_event(const char *group)
{
        return timeline_open(&t, group, "lb1", TIMELINE_CHECK, (mono_t){1000}, 5);
}

static void ids_count_up_and_the_oldest_is_overwritten(void **state)
{
        timeline_init(&t, 0);
        for (unsigned i = 1; i <= TIMELINE_EVENTS + 3; i++)
                assert_int_equal(open_event("web")->id, i);
        assert_null(timeline_find(&t, 3));
        assert_int_equal(timeline_find(&t, 4)->id, 4);
        assert_int_equal(timeline_first_id(&t), 4);
        assert_null(timeline_find(&t, TIMELINE_EVENTS + 4));
}

static void the_latest_event_of_a_group_is_found_behind_others(void **state)
{
        timeline_init(&t, 0);
        open_event("web");
        open_event("db");
        open_event("db");
        assert_int_equal(timeline_latest(&t, "web")->id, 1);
        assert_int_equal(timeline_latest(&t, "db")->id, 3);
        assert_null(timeline_latest(&t, "mail"));
}

static void steps_carry_the_time_since_the_event_began(void **state)
{
        struct timeline_event *ev;

        timeline_init(&t, 0);
        ev = open_event("web");
        timeline_step(ev, (mono_t){900}, "evidence", "before it was noticed");
        timeline_step(ev, (mono_t){1500}, "address", "up");
        assert_int_equal(ev->steps[0].at_us, -100);
        assert_int_equal(ev->steps[1].at_us, 500);
        assert_string_equal(ev->steps[1].what, "address");
}

static void more_steps_than_fit_keep_the_first_ones_and_the_last(void **state)
{
        struct timeline_event *ev;

        timeline_init(&t, 0);
        ev = open_event("web");
        for (int i = 0; i < 2 * TIMELINE_STEPS; i++)
                timeline_step(ev, (mono_t){1000 + i}, "step", "");
        assert_int_equal(ev->n_steps, TIMELINE_STEPS);
        assert_int_equal(ev->steps[0].at_us, 0);
        assert_int_equal(ev->steps[TIMELINE_STEPS - 1].at_us, 2 * TIMELINE_STEPS - 1);
}

static void long_texts_are_cut_and_terminated(void **state)
{
        char text[4];

        timeline_text(text, sizeof(text), "abcdef");
        assert_string_equal(text, "abc");
        timeline_text(text, sizeof(text), NULL);
        assert_string_equal(text, "");
}

static void texts_are_not_cut_within_a_character(void **state)
{
        char text[6];

        timeline_text(text, sizeof(text), "abc\u00e9d"); /* 3 + 2 bytes fit */
        assert_string_equal(text, "abc\u00e9");
        timeline_text(text, sizeof(text), "abcd\u00e9"); /* its second byte does not */
        assert_string_equal(text, "abcd");
        timeline_text(text, sizeof(text), "abc\U0001f600"); /* four bytes, two fit */
        assert_string_equal(text, "abc");
        timeline_text(text, sizeof(text), "a\U0001f600b"); /* just fits without the b */
        assert_string_equal(text, "a\U0001f600");
}

/* --- the file ---------------------------------------------------------------------- */

static char folder[64];

static int make_folder(void **state)
{
        strcpy(folder, "/tmp/vipring-timeline-XXXXXX");
        return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
        char command[128];

        snprintf(command, sizeof(command), "rm -r '%s'", folder);
        return system(command);
}

static uint64_t write_move(struct timeline_log *l)
{
        uint64_t id = timeline_log_open(l, "web", "lb1", TIMELINE_OPERATOR, (mono_t){1000});
        struct timeline_event *ev = timeline_log_event(l, id);

        timeline_text(ev->to, sizeof(ev->to), "lb2");
        timeline_text(ev->reason, sizeof(ev->reason), "kernel \"update\"");
        ev->no_owner_us = 1234;
        ev->actor_uid = 0;
        timeline_step(ev, (mono_t){1700}, "release", "priority 0");
        timeline_log_close(l, id);
        return id;
}

static void events_are_read_back_after_a_restart(void **state)
{
        struct timeline_log *l;
        json_t *before, *after;
        uint64_t id;

        assert_int_equal(timeline_log_new(&l, folder, "lb1"), 0);
        write_move(l);
        id = write_move(l);
        before = timeline_log_json(l, timeline_log_event(l, id));
        timeline_log_free(l);

        assert_int_equal(timeline_log_new(&l, folder, "lb1"), 0);
        after = timeline_log_json(l, timeline_log_event(l, id));
        assert_true(json_equal(before, after));
        assert_int_equal(write_move(l), id + 1); /* the numbers go on */
        json_decref(before);
        json_decref(after);
        timeline_log_free(l);
}

static void garbage_in_the_file_is_skipped(void **state)
{
        struct timeline_log *l;
        char path[128];
        uint64_t id;
        FILE *f;

        assert_int_equal(timeline_log_new(&l, folder, "lb1"), 0);
        id = write_move(l);
        timeline_log_free(l);
        snprintf(path, sizeof(path), "%s/timeline.jsonl", folder);
        f = fopen(path, "a");
        fputs("not json\n[]\n{\"group\":7}\n{\"id\":-5,\"group\":\"web\",\"steps\":[1,{}]}\n", f);
        fclose(f);

        assert_int_equal(timeline_log_new(&l, folder, "lb1"), 0);
        assert_string_equal(timeline_log_event(l, id)->to, "lb2");
        timeline_log_free(l);
}

static void opening_the_next_event_of_a_group_closes_the_one_before(void **state)
{
        struct timeline_log *l;
        uint64_t first;

        assert_int_equal(timeline_log_new(&l, folder, "lb1"), 0);
        first = timeline_log_open(l, "web", "lb1", TIMELINE_STALL, (mono_t){0});
        assert_false(timeline_log_event(l, first)->closed);
        timeline_log_open(l, "web", "lb2", TIMELINE_STALL, (mono_t){0});
        assert_true(timeline_log_event(l, first)->closed);
        timeline_log_free(l);
}

static void a_folder_that_is_not_there_costs_only_the_file(void **state)
{
        struct timeline_log *l;
        uint64_t id;

        assert_int_equal(timeline_log_new(&l, "/nonexistent", "lb1"), 0);
        id = write_move(l);
        assert_true(timeline_log_event(l, id)->closed);
        timeline_log_free(l);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ids_count_up_and_the_oldest_is_overwritten),
                cmocka_unit_test(the_latest_event_of_a_group_is_found_behind_others),
                cmocka_unit_test(steps_carry_the_time_since_the_event_began),
                cmocka_unit_test(more_steps_than_fit_keep_the_first_ones_and_the_last),
                cmocka_unit_test(long_texts_are_cut_and_terminated),
                cmocka_unit_test(texts_are_not_cut_within_a_character),
                cmocka_unit_test_setup_teardown(events_are_read_back_after_a_restart, make_folder,
                                                remove_folder),
                cmocka_unit_test_setup_teardown(garbage_in_the_file_is_skipped, make_folder,
                                                remove_folder),
                cmocka_unit_test_setup_teardown(
                        opening_the_next_event_of_a_group_closes_the_one_before, make_folder,
                        remove_folder),
                cmocka_unit_test(a_folder_that_is_not_there_costs_only_the_file),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
